"""Discrete Fourier transforms, over NumPy's pocketfft.

`forward` is the sign of the exponent: True for exp(-2 pi i k n / N). norm: where the factor 1 / N is:
"forward", "backward" (the inverse transform), or its root "ortho" in both. `again`: NumPy's transforms are
Python, and would warn of inf.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from tapegrad.dtypes import complex_of, real_of
from tapegrad.kernels.errstate import again, nameless

try:
    _LOOPS: Any = import_module("numpy.fft._pocketfft_umath")
except ImportError:  # a NumPy that keeps them elsewhere: np.fft itself serves
    _LOOPS = None


@lru_cache(256)
def _factor(n: int, real: Any, divides: bool, norm: str) -> Any:
    """What n points are multiplied with, rounded as np.fft does; as an array, since a number takes longer."""
    if norm == "ortho":
        return np.asarray(np.reciprocal(np.sqrt(n, dtype=real)))
    return np.asarray(np.reciprocal(n, dtype=real) if divides else real.type(1))


def _transformed(name: str, x: Any, dim: int, out: Any, factor: Any) -> Any:
    """The transform by the loop that is behind np.fft, which takes 5 us to call it, and warns of inf."""
    if _LOOPS is None:
        function, inverse = getattr(np.fft, name.partition("_")[0]), name.startswith("i")
        n = out.shape[dim] if name == "irfft" else None
        y = again(function, x, n, dim, "forward" if inverse else "backward")
        return np.multiply(y, factor, out)
    if dim == x.ndim - 1:
        return getattr(_LOOPS, name)(x, factor, out)
    return getattr(_LOOPS, name)(x, factor, axes=[(dim,), (), (dim,)], out=out)


def c2c(x: Any, dims: tuple[int, ...], forward: bool, norm: Any) -> Any:
    """Of complex numbers, along several axes."""
    real = real_of(x.dtype)
    for d in dims:
        factor = _factor(x.shape[d], real, norm == ("forward" if forward else "backward"), norm)
        x = _transformed("fft" if forward else "ifft", x, d, np.empty(x.shape, x.dtype), factor)
    return x


def r2c(x: Any, dim: int, forward: bool, norm: Any) -> Any:
    """Of real numbers along one axis: the half of the result that determines the other."""
    if not forward:
        return again(np.fft.ihfft, x, None, dim, norm)
    n = x.shape[dim]
    out = np.empty((*x.shape[:dim], n // 2 + 1, *x.shape[dim + 1 :]), complex_of(x.dtype))
    name = "rfft_n_odd" if n % 2 else "rfft_n_even"
    return _transformed(name, x, dim, out, _factor(n, x.dtype, norm == "forward", norm))


def c2r(x: Any, n: int, dim: int, forward: bool, norm: Any) -> Any:
    """To n real numbers along one axis, from the half of numbers that mirror each other."""
    if forward:
        return again(np.fft.hfft, x, n, dim, norm)
    real = real_of(x.dtype)
    out = np.empty((*x.shape[:dim], n, *x.shape[dim + 1 :]), real)
    return _transformed("irfft", x, dim, out, _factor(n, real, norm == "backward", norm))


def mirrored(n: int, dim: int, ndim: int, dtype: Any) -> Any:
    """How often each number of the half stands in the whole of n: 1 or 2, along an axis."""
    weights = np.full(n // 2 + 1, 2, dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights.reshape([-1 if d == dim else 1 for d in range(ndim)])


nameless(globals())
