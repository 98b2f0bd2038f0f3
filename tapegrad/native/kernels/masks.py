"""Elements where a mask holds: taken, put back, and their places.

A first pass counts them in blocks, so that each block knows where its elements go, and threads can share the
second one. There is no branch per element: a mask is seldom one that processors foresee.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.search as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.choice import DENSE, over
from tapegrad.native.copying import WHOLE
from tapegrad.native.ir import I8, I64, Type, Value
from tapegrad.native.memory import empty

LEAST = 1 << 12  # elements; below, NumPy takes as long as two calls
BLOCK = 2048  # elements
GRAIN = 8  # blocks that are worth a thread


def _build(name: str, parameters: str, write: Any) -> Any:
    """A kernel over blocks: write(f, mask, start, m, block) writes what is done with m elements."""

    def blocks(f: Body) -> None:
        with f.loop(f.low, f.high) as block:
            start = block * BLOCK
            write(f, f["mask"].at(start, I8), start, f.smaller(f["n"] - start, BLOCK), block)

    return build(name, f"mask:r {parameters} blocks:i n:i", blocks, over="blocks", grain=GRAIN)


def _holds(f: Body, mask: Value, i: Value) -> Value:
    return f.load(mask.at(i, I8), I8).ne(0)


@cache
def _counter() -> Any:
    def write(f: Body, mask: Value, start: Value, m: Value, block: Value) -> None:
        found = f.variable(f.value(0, I64))
        found.set(0)
        with f.loop(0, m) as i:
            found.set(found.get() + f.select(_holds(f, mask, i), 1, f.value(0, I64)))
        f.store(f["counts"].at(block, I64), found.get())

    return _build("mask_count", "counts:w", write)


@cache
def _taker(size: int | None) -> Any:
    """y, in order, from x, or of the places themselves (None)."""
    t = I64 if size is None else WHOLE[size]

    def write(f: Body, mask: Value, start: Value, m: Value, block: Value) -> None:
        room, at = f.room(t, BLOCK), f.variable(f.value(0, I64))
        at.set(0)
        with f.loop(0, m) as i:
            x = start + i if size is None else f.load(f["x"].at(start + i, t), t)
            f.store(room.at(at.get(), t), x)
            at.set(at.get() + f.select(_holds(f, mask, i), 1, f.value(0, I64)))
        f.copy(f["y"].at(f.load(f["starts"].at(block, I64), I64), t), room, at.get() * t.bytes)

    name = "mask_places" if size is None else f"mask_take_{size}"
    return _build(name, "starts:r y:w" if size is None else "starts:r y:w x:r", write)


@cache
def _spreader(size: int) -> Any:
    """z, of which g are the elements where the mask holds, and 0 the others. last: the number of g's last."""
    t: Type = WHOLE[size]

    def write(f: Body, mask: Value, start: Value, m: Value, block: Value) -> None:
        at = f.variable(f.value(0, I64))
        at.set(f.load(f["starts"].at(block, I64), I64))
        with f.loop(0, m) as i:
            holds = _holds(f, mask, i)
            g = f.load(f["g"].at(f.smaller(at.get(), f["last"]), t), t)
            f.store(f["z"].at(start + i, t), f.select(holds, g, f.value(0, t)))
            at.set(at.get() + f.select(holds, 1, f.value(0, I64)))

    return _build(f"mask_spread_{size}", "starts:r z:w g:r last:i", write)


def _starts(mask: Any) -> tuple[Any, int]:
    """(how many elements the mask holds before each block, how many in all)."""
    counts = np.empty(-(-mask.size // BLOCK), np.int64)
    _counter()(mask, counts, counts.size, mask.size)
    ends = counts.cumsum()
    return ends - counts, int(ends[-1])


def is_large(mask: Any) -> bool:
    """Whether a mask is worth it, and lies in order."""
    return (
        type(mask) is ndarray
        and mask.size >= LEAST
        and mask.dtype.kind == "b"
        and mask.flags.num & DENSE == DENSE
    )


def places(mask: Any) -> Any:
    """Where a large mask holds, counted over all of its elements."""
    starts, total = _starts(mask)
    found = empty(total, np.dtype(np.int64))
    _taker(None)(mask, starts, found, starts.size, mask.size)
    return found


def taken(x: Any, mask: Any) -> Any:
    """The elements of x where the mask of its shape holds; None if that is not for here."""
    if not is_large(mask) or mask.shape != x.shape or type(x) is not ndarray:
        return None
    if x.flags.num & DENSE != DENSE or x.itemsize not in WHOLE or x.dtype.kind == "O":
        return None
    starts, total = _starts(mask)
    y = empty(total, x.dtype)
    _taker(x.itemsize)(mask, starts, y, x, starts.size, mask.size)
    return y


def spread(g: Any, mask: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape with g where the mask holds; None if that is not for here."""
    if (
        not is_large(mask)
        or mask.shape != shape
        or type(g) is not ndarray
        or g.ndim != 1
        or not g.size
        or g.itemsize not in WHOLE
    ):
        return None
    starts, total = _starts(mask)
    if g.size != total or g.flags.num & DENSE != DENSE or g.dtype.kind == "O":
        return None
    z = empty(mask.shape, g.dtype)
    _spreader(g.itemsize)(mask, starts, z, g, g.size - 1, starts.size, mask.size)
    return z


@over(S.nonzero)
def nonzero(body: Any, x: Any) -> Any:
    """The places of what is not 0, one array per axis."""
    if x.size < LEAST or type(x) is not ndarray:
        return body(x)
    mask = x if x.dtype.kind == "b" else x != 0
    if not is_large(mask):
        return body(x)
    found = places(mask)
    return (found,) if x.ndim == 1 else np.unravel_index(found, x.shape)


nameless(globals())
