"""Reductions that statistics need."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.reduce import amax
from tapegrad.kernels.reduce import sum as total


def nansum(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """The sum of what is not nan."""
    y = total(x, dim, keepdim)
    if (y == y) if type(y) is not ndarray else np.count_nonzero(y == y) == y.size:
        return y  # most arrays have no nan
    return total(np.where(x != x, x.dtype.type(0), x), dim, keepdim)


def counts(a: Any, least: int) -> Any:
    """How often each integer from 0 to the largest of a vector comes; at least so many numbers. Raises:
    ValueError for negative ones."""
    return np.bincount(a, None, least)


def count_numbers(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """How many elements are not nan, in the dtype of x."""
    return count_nonzero(x == x, dim, keepdim).astype(x.real.dtype)


def count_nonzero(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """How many elements are not zero."""
    if dim is None and not keepdim:
        return np.int64(np.count_nonzero(x))
    return np.add.reduce(x != 0, axis=dim, keepdims=keepdim, dtype="i8")


def logsumexp(x: Any, dim: Any, keepdim: Any) -> Any:
    """The logarithm of the sum of exponentials, taken of x less its largest element."""
    most = amax(x, dim, True) if x.size else np.maximum.reduce(x, axis=dim, keepdims=True, initial=-np.inf)
    if np.count_nonzero(np.isinf(most)):
        most = np.where(np.isinf(most), x.dtype.type(0), most)
    y = np.log(total(np.exp(x - most), dim, keepdim))
    return y + (most if keepdim else most.reshape(y.shape)[()])


def logsumexp_vjp(g: Any, x: Any, y: Any) -> Any:
    """The cotangent of x, given that of y = logsumexp(x), both with the reduced axes kept."""
    return g * np.exp(x - y)


nameless(globals())
