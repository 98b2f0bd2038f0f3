"""Arrays made of another one's rows: each row of the result shows a row of the source, or nothing; within
rows, some elements beside each other are as in the source, and those around them are given by their places.
So are borders of all kinds, and what is cut."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call
from tapegrad.native.ir import I64, Value
from tapegrad.native.memory import empty
from tapegrad.native.narrow import SIZES
from tapegrad.native.strips import sweep
from tapegrad.native.target import host

_GRAIN = 1 << 14  # elements that are worth a thread
_LONGEST = 1 << 13  # elements of a row, if there are too few to be shared by threads
_FEWEST = 16


class Frame(NamedTuple):
    """How [units, n rows, columns] become [units, m rows, columns]: the source's row for each row, the place
    in it for each column (-1 where there is none); how many elements there are then, and the kernel's
    numbers, of which some say which columns are beside each other in both."""

    rows: Any
    columns: Any
    size: int
    numbers: tuple[int, ...]


def frame(shape: Sequence[int], places: Sequence[Any]) -> Frame | None:
    """How an array of a shape is shown: for each axis which of its entries each place shows, -1 for none;
    None for an axis that stays as it is. Returns None if that is not for here."""
    used = [k for k, at in enumerate(places) if at is not None]
    first, last = used[0], used[-1]
    if last == len(shape) - 1:
        width, columns = shape[-1], np.asarray(places[-1], np.int64)
        axes = range(first, last)
    else:
        width = prod(shape[last + 1 :])
        columns, axes = np.arange(width), range(first, last + 1)
    rows = np.zeros((), np.int64)
    for k in axes:
        at = np.arange(shape[k]) if places[k] is None else np.asarray(places[k], np.int64)
        rows = np.where((rows[..., None] < 0) | (at < 0), -1, rows[..., None] * shape[k] + at)
    units, start, stop = prod(shape[:first]), *_run(columns)
    few = units * rows.size < _FEWEST and columns.size > _LONGEST
    if few or 2 * (stop - start) < columns.size or not columns.size * rows.size * units:
        return None
    n, m, across = prod(shape[k] for k in axes), rows.size, columns.size
    shown = int(columns[start]) if stop > start else 0
    numbers = units * m, max(1, _GRAIN // across), n, m, width, across, start, stop, shown
    return Frame(rows.reshape(-1), columns, units * m * across, numbers)


def _run(at: Any) -> tuple[int, int]:
    """Where the longest run of numbers, each one more than the one before, begins and ends; none is -1."""
    if not at.size:
        return 0, 0
    cuts = np.flatnonzero((np.diff(at) != 1) | (at[:-1] < 0)) + 1
    edges = np.concatenate([[0], cuts, [at.size]])
    longest = int(np.diff(edges).argmax())
    start, stop = int(edges[longest]), int(edges[longest + 1])
    return (start, stop) if at[start] >= 0 else (start, start)


@cache
def _kernel(size: int) -> Any:
    t = SIZES[size]
    wide = host().wide(t)

    def write(f: call.Body) -> None:
        start, stop, across, fill = f["start"], f["stop"], f["across"], f.load(f["fill"], t)
        fills = f.splat(fill, wide.lanes)
        with f.loop(f.low, f.high) as row:
            unit = row // f["m"]
            source = f.load(f["rows"].at(row - unit * f["m"], I64), I64)
            y, x = f["y"].at(row * across, t), f["x"].at((unit * f["n"] + source) * f["width"], t)
            run = x.at(f["first"] - start, t)

            def nothing(i: Value, m: Any, _: Any, y: Value = y) -> None:
                f.store(y.at(i, t), fills, m)

            def shown(i: Value, m: Any, _: Any, y: Value = y, run: Value = run) -> None:
                f.store(y.at(i, t), f.load(run.at(i, t), wide, m), m)

            with f.when(source < 0):
                sweep(f, 0, across, wide, nothing)
            with f.when(source >= 0):
                for low, high in ((f.value(0, I64), start), (stop, across)):
                    with f.loop(low, high) as j:
                        at = f.load(f["columns"].at(j, I64), I64)
                        f.store(y.at(j, t), fill)
                        with f.when(at >= 0):
                            f.store(y.at(j, t), f.load(x.at(at, t), t))
                sweep(f, start, stop, wide, shown)

    numbers = "all:i grain:i n:i m:i width:i across:i start:i stop:i first:i"
    return call.build(
        f"framed_{size}", f"y:w x:r rows:r columns:r fill:r {numbers}", write, over="all", grain="grain"
    )


def framed(x: Any, shape: tuple[int, ...], how: Frame, fill: Any = 0) -> Any:
    """What is shown of x, contiguous and of 4 or 8 bytes an element, in an array of a shape; `fill` where
    nothing is."""
    y, one = empty(shape, x.dtype), np.empty((), x.dtype)
    one.fill(fill)
    _kernel(x.itemsize)(y, x, how.rows, how.columns, one, *how.numbers)
    return y


nameless(globals())
