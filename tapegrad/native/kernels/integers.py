"""Quotients and divisors of integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.numbers as N
import tapegrad.kernels.pointwise as P
from tapegrad.kernels.errstate import nameless
from tapegrad.native.choice import over
from tapegrad.native.pointwise import Pointwise

LEAST = 1 << 10  # elements
_KINDS = "il"  # of dtypes
_is_zero = Pointwise("is_zero", "a == 0", "a")
_quotient, _remainder, _gcd, _lcm = (
    Pointwise(name, f"{name}(a, b)", "ab") for name in ("whole_quotient", "whole_remainder", "gcd", "lcm")
)


def _of_whole(fast: Pointwise, x: Any, y: Any) -> Any:
    """fast(x, y) of many integers of one dtype; None for others."""
    if type(x) is not ndarray or type(y) is not ndarray or x.dtype is not y.dtype:
        return None
    if x.dtype.char not in _KINDS or max(x.size, y.size) < LEAST:
        return None
    return fast(x, y)


def _divided(fast: Pointwise, x: Any, y: Any) -> Any:
    """The same; None where something is divided by zero."""
    if type(y) is not ndarray:
        return None
    zeros = _is_zero(y) if y.size >= LEAST else None  # a byte each, which NumPy counts fast
    safe = np.count_nonzero(y) == y.size if zeros is None else not np.count_nonzero(zeros)
    return _of_whole(fast, x, y) if safe else None


@over(P.floor_divide)
def floor_divide(body: Any, x: Any, y: Any) -> Any:
    """floor(x / y)."""
    q = _divided(_quotient, x, y) if type(x) is ndarray and x.dtype.char in _KINDS else None
    return body(x, y) if q is None else q


@over(P.remainder)
def remainder(body: Any, x: Any, y: Any) -> Any:
    """x - floor(x / y) * y."""
    r = _divided(_remainder, x, y) if type(x) is ndarray and x.dtype.char in _KINDS else None
    return body(x, y) if r is None else r


@over(N.gcd)
def gcd(body: Any, x: Any, y: Any) -> Any:
    """The greatest common divisor."""
    z = _of_whole(_gcd, x, y)
    return body(x, y) if z is None else z


@over(N.lcm)
def lcm(body: Any, x: Any, y: Any) -> Any:
    """The least common multiple."""
    z = _of_whole(_lcm, x, y)
    return body(x, y) if z is None else z


nameless(globals())
