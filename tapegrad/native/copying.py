"""Copies between arrays of any strides: rows that run in both, tiles that are transposed, rows in reverse,
one element that is repeated.

The axes are put into the order of the target's memory, and those that run on in both arrays become one. Of
the last axis (the columns) and one more (the rows) a kernel does blocks of up to sixteen rows; all other axes
are counted through. If the columns do not run in the source, the rows are those of the axis that does: tiles
of sixteen of them are transposed in registers.

A block is no larger than a page if it can be, so that threads meet where they meet in other kernels: in the
middle of an array. Where one of two threads wrote 33 kB that the other had read (of 4 MB), they took 55 us
longer: a line that comes from another core's cache takes 100 ns, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.native import call
from tapegrad.native.call import ALIGNED
from tapegrad.native.choice import DENSE
from tapegrad.native.ir import I8, I16, I32, I64, Function, Type, Value, vector
from tapegrad.native.strips import picked
from tapegrad.native.target import host

GRAIN = 1 << 16  # bytes that are worth a thread
_PAGE = 1 << 12
_ROWS = 16  # of a block at most: as many float32 as a line of the cache holds
_COLUMNS = 2048  # of a row where there is only one axis; the last row may have fewer
_ENDLESS = 1 << 62
_SHORT = 8  # columns that are few
_FEW = 256  # columns of one element, from which a row ends too seldom to be felt
_STEPS = range(2, 11)  # with which elements are picked out of vectors; of longer ones a vector has few
WHOLE = {1: I8, 2: I16, 4: I32, 8: I64}  # by the bytes of what is moved as it is

Axis = tuple[int, int, int]  # how many, and the steps of the target and of the source


def copy(y: Any, x: Any) -> bool:
    """Put x into y, which do not overlap; whether that was done here."""
    size = y.itemsize
    if y.shape != x.shape or y.dtype != x.dtype or y.dtype.kind == "O" or size not in WHOLE:
        return False
    both = y.flags.num & x.flags.num
    if both & DENSE == DENSE:
        return _whole(y, x)
    plan = _plan(y.shape, y.strides, x.strides, size) if both & ALIGNED else None
    if plan is None:
        return False
    back, kernel, table, numbers = plan
    if back is not None:
        y, x = y[back], x[back]
    kernel(y, x, table, *numbers)
    return True


@lru_cache(1000)
def _plan(shape: tuple[int, ...], to: tuple[int, ...], by: tuple[int, ...], size: int) -> Any:
    """(what to index both arrays with, the kernel, its table, its numbers); None if they are not for here.
    to, by: the strides of target and source."""
    back, to, by = _forwards(to, by, size)
    axes = _axes(shape, to, by, size)
    if axes is None:
        return None
    total = _ENDLESS
    if len(axes) == 1:
        total, a, b = axes[0]
        axes = [(-(-total // _COLUMNS), _COLUMNS * a, _COLUMNS * b), (_COLUMNS, a, b)]
    columns = axes.pop()
    how = {1: "rows", -1: "reverse", 0: "repeat"}.get(columns[2], "single") if columns[1] == 1 else "single"
    at = len(axes) - 1
    if how == "single" and columns[1] == 1 and size in (4, 8):
        runs = [k for k, axis in enumerate(axes) if axis[2] == 1 and axis[0] >= _SHORT]
        if runs and columns[0] >= _SHORT:
            how, at = "tiles", runs[0]
        elif columns[2] in _STEPS:
            how = f"every{columns[2]}"
    lanes = host().wide(WHOLE[size]).lanes
    if how == "rows" and size in (4, 8) and columns[0] <= lanes:
        how = "vector"
    rows = axes.pop(at)
    if how == "repeat" and rows[1] == columns[0] and lanes <= columns[0] <= _FEW:
        how = "spread"
    block = _ROWS if how == "tiles" else _block(columns[0] * size)
    parts = -(-rows[0] // block)
    for n, _, _ in axes:
        parts *= n
    grain = max(1, GRAIN // (block * columns[0] * size))
    numbers = (len(axes), parts, grain, total, *columns, *rows, block)
    return back, _kernel(size, how), np.array(axes, np.int64), numbers


def _block(bytes: int) -> int:
    """How many rows of so many bytes make a block."""
    return max(1, min(_ROWS, _PAGE // max(bytes, 1)))


def _whole(y: Any, x: Any) -> bool:
    """Put x into y, where both have no gaps and are in one order."""
    bytes = y.nbytes
    _all_of()(y, x, -(-bytes // _PAGE), bytes)
    return True


@cache
def _all_of() -> Any:
    """The kernel for memory as it lies: (target, source, pages, bytes)."""

    def write(f: call.Body) -> None:
        start = f.low * _PAGE
        end = f.smaller(f.high * _PAGE, f["bytes"])
        f.copy(f["y"].at(start, I8), f["x"].at(start, I8), end - start)

    return call.build("copy_whole", "y:w x:r pages:i bytes:i", write, over="pages", grain=GRAIN // _PAGE)


_NONE = np.empty((0, 3), np.int64)


def repeat(y: Any, x: Any) -> bool:
    """Put the one element of x everywhere into y, an array without gaps; whether that was done here."""
    if y.itemsize not in WHOLE or y.dtype.kind == "O":
        return False
    columns = _PAGE // y.itemsize
    rows = -(-y.size // columns)
    _kernel(y.itemsize, "repeat")(
        y, x, _NONE, 0, rows, GRAIN // _PAGE, y.size, columns, 1, 0, rows, columns, 0, 1
    )
    return True


def _forwards(to: tuple[int, ...], by: tuple[int, ...], size: int) -> tuple[Any, ...]:
    """(an index, or None, and the strides after it) such that an axis that runs backwards in the source, and
    is not the target's last, runs on: then its rows can be tiles."""
    for k, (a, b) in enumerate(zip(to, by, strict=True)):
        if b == -size and a > size:
            back = (*(slice(None),) * k, slice(None, None, -1))
            return back, (*to[:k], -a, *to[k + 1 :]), (*by[:k], -b, *by[k + 1 :])
    return None, to, by


def _axes(shape: tuple[int, ...], to: tuple[int, ...], by: tuple[int, ...], size: int) -> list[Axis] | None:
    """The axes in the order of the target's memory, merged; None if steps are no whole elements or the target
    repeats one."""
    found = [(n, a, b) for n, a, b in zip(shape, to, by, strict=True) if n != 1]
    if any(a % size or b % size or a == 0 for _, a, b in found):
        return None
    found.sort(key=lambda axis: -abs(axis[1]))
    merged: list[Axis] = []
    for n, a, b in found:
        step, source = a // size, b // size
        if merged and merged[-1][1] == n * step and merged[-1][2] == n * source:
            merged[-1] = merged[-1][0] * n, step, source
        else:
            merged.append((n, step, source))
    return merged or [(1, 1, 1)]


@cache
def _kernel(size: int, how: str) -> Any:
    """The kernel for elements of a size: (target, source, table of the other axes, how many of them, blocks,
    grain, how many elements at most, columns and their steps, rows and theirs, rows of a block)."""
    t = WHOLE[size]

    def write(f: call.Body) -> None:
        block = f["block"]
        blocks = (f["rows"] + (block - 1)) // block
        with f.loop(f.low, f.high) as part:
            y, x = _start(f, part // blocks, t)
            low = part % blocks * block
            high = f.smaller(low + block, f["rows"])
            if how == "tiles":
                _tiles(f, y, x, low, high, t)
            elif how == "spread":
                _spread(f, y, x, low, high, t)
            else:
                with f.loop(low, high) as i:
                    n = f.smaller(f["columns"], f["total"] - i * f["columns"])
                    _row(f, y.at(i * f["row_to"], t), x.at(i * f["row_by"], t), n, t, how)

    sizes = "total:i columns:i to:i by:i rows:i row_to:i row_by:i block:i"
    return call.build(
        f"copy_{how}_{size}",
        f"y:w x:r table:r axes:i parts:i grain:i {sizes}",
        write,
        over="parts",
        grain="grain",
    )


def _start(f: call.Body, part: Value, t: Type) -> tuple[Value, Value]:
    """Where in both arrays the rows of a number begin: the axes of the table are counted through."""
    rest, y, x = (f.variable(f.value(0, I64)) for _ in range(3))
    rest.set(part)
    y.set(0)
    x.set(0)
    with f.loop(0, f["axes"]) as k:
        axis = f["table"].at((f["axes"] - 1 - k) * 3, I64)
        n = f.load(axis, I64)
        i = rest.get() % n
        rest.set(rest.get() // n)
        y.set(y.get() + i * f.load(axis.at(1, I64), I64))
        x.set(x.get() + i * f.load(axis.at(2, I64), I64))
    return f["y"].at(y.get(), t), f["x"].at(x.get(), t)


def _row(f: call.Body, y: Value, x: Value, n: Value, t: Type, how: str) -> None:
    if how == "rows":
        f.copy(y, x, n * t.bytes)
        return
    if how == "vector":
        wide = host().wide(t)
        inside = f.first(n, wide)
        f.store(y, f.load(x, wide, inside), inside)
        return
    first: Any = 0
    wide = vector(t, 32 // t.bytes)
    if how == "repeat":
        one = f.load(x, t)
        for lanes in (4 * wide.lanes, wide.lanes):
            start, first = first, n & -lanes
            with f.loop(start, first, lanes) as j:
                f.store(y.at(j, t), f.splat(one, lanes))
    if how == "reverse":
        first = n & -wide.lanes
        with f.loop(0, first, wide.lanes) as j:
            v = f.load(x.at(1 - wide.lanes - j, t), wide)
            f.store(y.at(j, t), f.shuffle(v, v, range(wide.lanes - 1, -1, -1)))
    if how.startswith("every"):
        step, wide = int(how.removeprefix("every")), host().wide(t)
        first = f.larger(n - 1, 0) & -wide.lanes  # behind the last that is picked memory may end
        with f.loop(0, first, wide.lanes) as j:
            xs = [f.load(x.at(j * step + k * wide.lanes, t), wide) for k in range(step)]
            f.store(y.at(j, t), picked(f, xs, range(0, step * wide.lanes, step)))
    with f.loop(first, n) as j:
        f.store(y.at(j * f["to"], t), f.load(x.at(j * f["by"], t), t))


def _spread(f: call.Body, y: Value, x: Value, low: Value, high: Value, t: Type) -> None:
    """The rows low to high, beside each other, of one element each: whole vectors that reach into the next
    row, which is written later, but for the last row."""
    wide, n, last = host().wide(t), f["columns"], high - 1
    with f.loop(low, high) as i:
        ones, row = f.splat(f.load(x.at(i * f["row_by"], t), t), wide.lanes), y.at(i * n, t)
        end = f.select(i < last, n, n & -wide.lanes)
        with f.loop(0, end, wide.lanes) as j:
            f.store(row.at(j, t), ones)
        with f.loop(end, n) as j:
            f.store(row.at(j, t), f.lane(ones, 0))


def _tiles(f: call.Body, y: Value, x: Value, low: Value, high: Value, t: Type) -> None:
    """The rows low to high, where rows run in the source and columns in the target."""
    lanes = 32 // t.bytes
    columns, by, to = f["columns"], f["by"], f["row_to"]
    whole, full = columns & -lanes, low + ((high - low) & -lanes)
    with f.loop(0, whole, lanes) as j, f.loop(low, full, lanes) as i:
        source, target = x.at(j * by + i, t), y.at(i * to + j, t)
        tile = [f.load(source.at(by * k, t), vector(t, lanes)) for k in range(lanes)]
        for k, v in enumerate(transposed(f, tile)):
            f.store(target.at(to * k, t), v)
    for start, stop, first, last in ((0, whole, full, high), (whole, columns, low, high)):
        with f.loop(start, stop) as j, f.loop(first, last) as i:
            f.store(y.at(i * to + j, t), f.load(x.at(j * by + i, t), t))


def transposed(f: Function, rows: Sequence[Value]) -> list[Value]:
    """The columns of a square tile, by log2 exchanges of blocks between rows."""
    n = len(rows)
    tile, step = list(rows), 1
    while step < n:
        new = list(tile)
        for i in range(n):
            if i & step:
                continue
            a, b = tile[i], tile[i + step]
            picks = [k if not k & step else n + k - step for k in range(n)]
            new[i] = f.shuffle(a, b, picks)
            new[i + step] = f.shuffle(a, b, [k + step if not k & step else n + k for k in range(n)])
        tile, step = new, 2 * step
    return tile


def plain(x: Any, least: int) -> bool:
    """Whether x is an array of at least so many bytes."""
    return type(x) is ndarray and x.nbytes >= least
