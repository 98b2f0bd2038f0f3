"""Reductions that statistics need."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.dtypes import INEXACT
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.reduce import sum as total


def nansum(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """The sum of what is not nan."""
    return total(np.where(x != x, x.dtype.type(0), x) if x.dtype.kind in INEXACT else x, dim, keepdim)


def count_nonzero(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """How many elements are not zero."""
    if dim is None and not keepdim:
        return np.int64(np.count_nonzero(x))
    return np.add.reduce(x != 0, axis=dim, keepdims=keepdim, dtype="i8")


def logsumexp(x: Any, dim: Any, keepdim: Any) -> Any:
    """The logarithm of the sum of exponentials, taken of x less its largest element."""
    most = np.maximum.reduce(x, axis=dim, keepdims=True, initial=-np.inf)
    most = np.where(np.isinf(most), x.dtype.type(0), most)
    y = np.log(total(np.exp(x - most), dim, True)) + most
    return y if keepdim else y.reshape(total(x, dim, False).shape) if y.ndim else y


nameless(globals())
