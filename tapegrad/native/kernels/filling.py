"""Large new arrays, in memory that was used before, and filled, or counted through, by all threads."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.arrange as A
import tapegrad.kernels.filling as K
import tapegrad.kernels.memory as M
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, memory
from tapegrad.native.choice import DENSE, over
from tapegrad.native.copying import copy, repeat
from tapegrad.native.ir import I64
from tapegrad.native.target import host

LEAST = 1 << 20  # bytes, below which NumPy takes as long
COUNTED = 1 << 15  # integers in sequence; NumPy counts fewer in less time than a call takes
_BLOCK = 1 << 12  # of these that a thread makes at least
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


@cache
def _counted() -> Any:
    wide = host().wide(I64)

    def write(f: call.Body) -> None:
        first, by = (f.splat(f[k], wide.lanes) for k in ("first", "by"))
        count = f.count(wide)
        low = f.low * _BLOCK
        end = f.smaller(f.high * _BLOCK, f["n"])
        whole = low + ((end - low) & -wide.lanes)
        with f.loop(low, whole, wide.lanes) as i:
            f.store(f["out"].at(i, I64), (f.splat(i, wide.lanes) + count) * by + first)
        with f.loop(whole, end) as i:
            f.store(f["out"].at(i, I64), i * f["by"] + f["first"])

    return call.build("counted", "out:w n:i blocks:i first:i by:i", write, over="blocks", grain=4)


@over(A.counted)
def counted(body: Any, first: int, by: int, n: int) -> Any:
    """first, first + by, ...: n of them, in int64."""
    if n < COUNTED or abs(first) > (1 << 31) or abs(by) > (1 << 31):
        return body(first, by, n)
    out = memory.empty(n, np.dtype("i8"))
    _counted()(out, n, -(-n // _BLOCK), first, by)
    return out


nameless(globals())
