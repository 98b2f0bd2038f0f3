"""Inner products, the smallest and the largest at once, counts of integers.

What is long is cut into parts of a fixed length, whose results NumPy joins in order: they do not depend on
how many threads there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np

import tapegrad.kernels.linalg as L
import tapegrad.kernels.reduce as R
import tapegrad.kernels.statistics as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native import vmath
from tapegrad.native.call import Body, build
from tapegrad.native.choice import DENSE, TYPES, fits, over
from tapegrad.native.ir import F64, I64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.strips import joined, parted, sums, sweep
from tapegrad.native.target import host

LEAST = 1 << 17  # elements of an inner product; BLAS does fewer in one thread as fast
LEAST_RANGE, LEAST_COUNTED = 1 << 11, 1 << 13
PART = 1 << 15
_COUNTERS = 8  # tables; threads take the next one when they are through with theirs
_BINS = 1 << 16  # of a table, at most: it stays in the second cache


@contextmanager
def _parts(f: Body, t: Type, arrays: str) -> Iterator[tuple[Value, Value, list[Value]]]:
    """for each part: (its number, how many elements it has, where they stand in each array)."""
    with f.loop(f.low, f.high) as unit:
        start = unit * f["length"]
        yield unit, f.smaller(f["n"] - start, f["length"]), [f[name].at(start, t) for name in arrays]


@cache
def _dot(t: Type) -> Any:
    v = host().wide(t)

    def write(f: Body) -> None:
        with _parts(f, t, "ab") as (unit, n, (a, b)):

            def step(i: Value, mask: Any, held: list[Value]) -> list[Value]:
                return [f.fma(f.load(a.at(i, t), v, mask), f.load(b.at(i, t), v, mask), held[0])]

            (total,) = sums(f, n, v, step, ways=8)
            f.store(f["y"].at(unit, F64), total)

    return build(f"dot_{t}", "y:w a:r b:r units:i length:i n:i", write, over="units", grain=1)


@over(L.dot)
def dot(body: Any, x: Any, y: Any) -> Any:
    """The inner product of two vectors."""
    if x.size < LEAST or x.ndim != 1 or x.shape != y.shape or x.dtype is not y.dtype:
        return body(x, y)
    if type(x) is not np.ndarray or type(y) is not np.ndarray or x.dtype not in TYPES:
        return body(x, y)
    if x.flags.num & y.flags.num & DENSE != DENSE:
        return body(x, y)
    units, length = parted(x.size, PART, 64)
    parts = empty(units, np.dtype("f8"))
    _dot(TYPES[x.dtype])(parts, x, y, units, length, x.size)
    return x.dtype.type(np.add.reduce(parts))


@cache
def _range(t: Type) -> Any:
    """y[unit] = the smallest, the largest of a part; nan if there is one."""
    v = host().wide(t)

    def write(f: Body) -> None:
        def less(a: Value, b: Value) -> Value:
            return vmath.minimum(f, a, b) if t.floating else f.smaller(a, b)

        def more(a: Value, b: Value) -> Value:
            return vmath.maximum(f, a, b) if t.floating else f.larger(a, b)

        with _parts(f, t, "x") as (unit, n, (x,)):
            first = f.load(x, t)  # stands for what is behind the last

            def step(i: Value, mask: Any, held: list[Value]) -> list[Value]:
                a = f.load(x.at(i, t), v, mask, first)
                return [less(a, held[0]), more(a, held[1])]

            low, high = sweep(f, 0, n, v, step, [first, first])
            f.store(f["y"].at(unit * 2, t), joined(f, low, less))
            f.store(f["y"].at(unit * 2 + 1, t), joined(f, high, more))

    return build(f"range_{t}", "y:w x:r units:i length:i n:i", write, over="units", grain=1)


def _ends(t: Type, x: Any) -> Any:
    """For each part of x, contiguous: its smallest and its largest element."""
    units, length = parted(x.size, PART, 64)
    y = empty((units, 2), x.dtype)
    _range(t)(y, x, units, length, x.size)
    return y


@cache
def _counter() -> Any:
    """Each unit counts in a row of its own: y[unit, x[k]] += 1. All of x is in range."""

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as unit:
            y, length = f["y"].at(unit * f["bins"], I64), f["length"]
            start = unit * length
            x = f["x"].at(start, I64)
            with f.loop(0, f.smaller(f["n"] - start, length)) as k:
                place = y.at(f.load(x.at(k, I64), I64), I64)
                f.store(place, f.load(place, I64) + 1)

    return build("counts", "y:w x:r units:i n:i length:i bins:i", write, over="units", grain=1)


@over(S.counts)
def counts(body: Any, a: Any, least: int) -> Any:
    """How often each number from 0 to the largest comes."""
    if a.size < LEAST_COUNTED or a.ndim != 1 or a.dtype.char != "l" or a.flags.num & DENSE != DENSE:
        return body(a, least)
    ends = _ends(I64, a)
    low, high = int(ends.min()), int(ends.max())
    if low < 0 or high >= min(_BINS, a.size // _COUNTERS):
        return body(a, least)
    found = np.zeros((_COUNTERS, max(high + 1, least)), np.int64)
    _counter()(found, a, _COUNTERS, a.size, -(-a.size // _COUNTERS), found.shape[1])
    return np.add.reduce(found, 0)


@over(R.range_of)
def range_of(body: Any, x: Any) -> tuple[Any, Any]:
    """(the smallest, the largest value) of all; nan if there is one."""
    t = fits(x, least=LEAST_RANGE)
    if t is None and x.size >= LEAST_RANGE and x.dtype.char == "l" and x.flags.num & DENSE == DENSE:
        t = I64
    if t is None:
        return body(x)  # type: ignore[no-any-return] # two numbers
    y = _ends(t, x)
    return np.minimum.reduce(y[:, 0]), np.maximum.reduce(y[:, 1])


nameless(globals())
