"""Discrete Fourier transforms, over NumPy's pocketfft.

`forward` is the sign of the exponent: True for exp(-2 pi i k n / N). norm: where the factor 1 / N is:
"forward", "backward" (the inverse transform), or its root "ortho" in both. `again`: NumPy's transforms are
Python, and would warn of inf.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import again, nameless


def c2c(x: Any, dims: tuple[int, ...], forward: bool, norm: Any) -> Any:
    """Of complex numbers, along several axes."""
    f = np.fft.fft if forward else np.fft.ifft
    for d in dims:
        x = again(f, x, None, d, norm)
    return x


def r2c(x: Any, dim: int, forward: bool, norm: Any) -> Any:
    """Of real numbers along one axis: the half of the result that determines the other."""
    return again(np.fft.rfft if forward else np.fft.ihfft, x, None, dim, norm)


def c2r(x: Any, n: int, dim: int, forward: bool, norm: Any) -> Any:
    """To n real numbers along one axis, from the half of numbers that mirror each other."""
    return again(np.fft.hfft if forward else np.fft.irfft, x, n, dim, norm)


def mirrored(n: int, dim: int, ndim: int, dtype: Any) -> Any:
    """How often each number of the half stands in the whole of n: 1 or 2, along an axis."""
    weights = np.full(n // 2 + 1, 2, dtype)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights.reshape([-1 if d == dim else 1 for d in range(ndim)])


nameless(globals())
