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
from tapegrad.native.direct import argument, direct, is_a
from tapegrad.native.ir import I32, I64, PTR, Function
from tapegrad.native.small import item, ndim_of, same
from tapegrad.native.target import host

LEAST = 1 << 20  # bytes, below which NumPy takes as long
COUNTED = 1 << 15  # integers in sequence; NumPy counts fewer in less time than a call takes
_BLOCK = 1 << 12  # of these that a thread makes at least
SMALL = LEAST >> 4  # elements: fewer are never so many bytes


@over(K.empty)
def empty(body: Any, shape: Any, kind: Any) -> Any:
    """An array whose elements are not set."""
    return memory.allot(shape, kind)


@direct(M.empty_like, lambda: (ndarray, memory.handler(), *memory.PLAIN))
def empty_like(f: Function, otherwise: str) -> None:
    """The same like another one, if its elements lie in order."""
    a, kind = argument(f, 0), argument(f, 1)
    f.leave(otherwise, ~is_a(f, a, 0))
    f.leave(otherwise, (f.load(a.at(call.FLAGS // 4, I32), I32) & call.C_CONTIGUOUS).eq(0))
    known = f.value(0, I64)
    for k in range(len(memory.PLAIN)):
        known = known | f.convert(same(f, kind, item(f, k + 2)), I64)
    f.leave(otherwise, known.eq(0))
    shape = f.load(a.at(call.DIMENSIONS // 8, I64), PTR)
    f.give(f.call("tapegrad_empty", PTR, item(f, 1), item(f, 0), kind, ndim_of(f, a), shape))


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
