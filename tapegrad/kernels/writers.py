"""Bodies that write their result into an array: the short ways of in-place forms (see `define.writes`).

They raise TypeError or ValueError, before they write, for what is refused or converted elsewhere.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import constant, zero

# np.clip is this ufunc in a lot of Python, and NumPy has no other name for it.
_clip: Any = getattr(import_module("numpy._core.umath"), "clip", None) or np.clip


def _times(factor: Any, x: Any) -> Any:
    """A Python number times x; x itself for 1."""
    if factor == 1:
        return x
    if x.dtype.kind != "f" or type(factor) not in (int, float):
        raise TypeError("not a real number and floats")
    return constant(factor, x.dtype) * x


def add(x: Any, y: Any, out: Any, alpha: Any = 1) -> None:
    """x + alpha y."""
    np.add(x, _times(alpha, y), out)


def subtract(x: Any, y: Any, out: Any, alpha: Any = 1) -> None:
    """x - alpha y."""
    np.subtract(x, _times(alpha, y), out)


LARGE = 1 << 12  # elements; less is written by NumPy


def write(writer: Any, x: Any, ys: Any) -> None:
    """writer(x, *ys), put into x. Raises: as the writer."""
    writer(x, *ys, x)


def scale(xs: Any, factor: Any) -> None:
    """Each of several arrays of one dtype, times a number of it."""
    for x in xs:
        np.multiply(x, factor, x)


def _tensors(a: Any, b: Any) -> None:
    if not a.ndim or not b.ndim:
        raise TypeError("perhaps a number")


def addcmul(x: Any, a: Any, b: Any, out: Any, value: Any = 1) -> None:
    """x + value a b."""
    _tensors(a, b)
    np.add(x, _times(value, a) * b, out)


def addcdiv(x: Any, a: Any, b: Any, out: Any, value: Any = 1) -> None:
    """x + value a / b."""
    _tensors(a, b)
    np.add(x, _times(value, a) / b, out)


def neg(x: Any, out: Any) -> None:
    """-x. NumPy 2.4's negative(x, out=x) is wrong on every fourth float32 and every eighth float64."""
    np.multiply(x, constant(-1, x.dtype), out)


def relu(x: Any, out: Any) -> None:
    """max(x, 0)."""
    np.maximum(zero(x.dtype), x, out=out)  # in this order: see kernels.pointwise.relu_of_floats


def clamp(x: Any, low: Any, high: Any, out: Any) -> None:
    """x limited to [low, high]."""
    if low.ndim or high.ndim:
        raise ValueError("bounds with dimensions: where one is 0, the clipped zero would not be that of x")
    _clip(x, low, high, out)


nameless(globals())
