"""Large new arrays, in memory that was used before, and filled by all threads."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.filling as K
import tapegrad.kernels.memory as M
from tapegrad.kernels.errstate import nameless
from tapegrad.native import memory
from tapegrad.native.choice import DENSE, over
from tapegrad.native.copying import copy, repeat

LEAST = 1 << 20  # bytes, below which NumPy takes as long
SMALL = LEAST >> 4  # elements: fewer are never so many bytes


@over(K.empty)
def empty(body: Any, shape: Any, kind: Any) -> Any:
    """An array whose elements are not set."""
    return memory.empty(shape, kind)


@over(M.empty_like)
def empty_like(body: Any, a: Any, kind: Any) -> Any:
    """The same like another one."""
    if a.size >= SMALL and type(a) is ndarray and a.flags.num & DENSE == DENSE:
        return memory.empty(a.shape, kind)
    return body(a, kind)


@over(K.zeros)
def zeros(body: Any, shape: Any, kind: Any) -> Any:
    """An array of zeros."""
    n = shape if isinstance(shape, int) else prod(shape)
    if n < SMALL or n * np.dtype(kind).itemsize < LEAST:
        return body(shape, kind)
    y = memory.empty(shape, kind)
    K.fill(y, 0)
    return y


@over(K.fill)
def fill(body: Any, x: Any, value: Any) -> None:
    """Set all elements of x to a number."""
    if x.size >= SMALL and type(x) is ndarray and x.nbytes >= LEAST and x.flags.writeable:
        one = np.empty((), x.dtype)
        one.fill(value)  # with NumPy's errors
        dense = x.flags.num & DENSE == DENSE
        if repeat(x, one) if dense else copy(x, np.broadcast_to(one, x.shape)):
            return
    body(x, value)


nameless(globals())
