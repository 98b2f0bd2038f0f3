"""Inner products, the smallest and the largest at once, counts of integers.

What is long is cut into parts of a fixed length, whose results NumPy joins in order: they do not depend on
how many threads there are."""

from __future__ import annotations

from functools import cache
from math import inf
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
from tapegrad.native.strips import joined, sums, sweep
from tapegrad.native.target import host

LEAST = 1 << 17  # elements; BLAS does fewer in one thread as fast
PART = 1 << 15
_COUNTERS = 8  # tables; threads take the next one when they are through with theirs
_BINS = 1 << 16  # of a table, at most: it stays in the second cache


@cache
def _dot(t: Type) -> Any:
    v = host().wide(t)

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as unit:
            start = unit * PART
            a, b = (f[name].at(start, t) for name in "ab")

            def step(i: Value, mask: Any, held: list[Value]) -> list[Value]:
                return [f.fma(f.load(a.at(i, t), v, mask), f.load(b.at(i, t), v, mask), held[0])]

            (total,) = sums(f, f.smaller(f["n"] - start, PART), v, step, ways=8)
            f.store(f["y"].at(unit, F64), total)

    return build(f"dot_{t}", "y:w a:r b:r units:i n:i", write, over="units", grain=1)


@over(L.dot)
def dot(body: Any, x: Any, y: Any) -> Any:
    """The inner product of two vectors."""
    if x.size < LEAST or x.ndim != 1 or x.shape != y.shape or x.dtype is not y.dtype:
        return body(x, y)
    if type(x) is not np.ndarray or type(y) is not np.ndarray or x.dtype not in TYPES:
        return body(x, y)
    if x.flags.num & y.flags.num & DENSE != DENSE:
        return body(x, y)
    parts = empty(-(-x.size // PART), np.dtype("f8"))
    _dot(TYPES[x.dtype])(parts, x, y, parts.size, x.size)
    return x.dtype.type(np.add.reduce(parts))


@cache
def _range(t: Type) -> Any:
    v = host().wide(t)

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as unit:
            start = unit * PART
            x = f["x"].at(start, t)

            def step(i: Value, mask: Any, held: list[Value]) -> list[Value]:
                a, b = (f.load(x.at(i, t), v, mask, pad) for pad in (inf, -inf))
                return [vmath.minimum(f, a, held[0]), vmath.maximum(f, b, held[1])]

            n = f.smaller(f["n"] - start, PART)
            low, high = sweep(f, 0, n, v, step, [inf, -inf])
            f.store(f["y"].at(unit * 2, t), joined(f, low, lambda a, b: vmath.minimum(f, a, b)))
            f.store(f["y"].at(unit * 2 + 1, t), joined(f, high, lambda a, b: vmath.maximum(f, a, b)))

    return build(f"range_{t}", "y:w x:r units:i n:i", write, over="units", grain=1)


@cache
def _range_of_integers() -> Any:
    v = host().wide(I64)

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as unit:
            start = unit * PART
            x, n = f["x"].at(start, I64), f.smaller(f["n"] - start, PART)
            first = f.load(x, I64)

            def step(i: Value, mask: Any, held: list[Value]) -> list[Value]:
                a = f.load(x.at(i, I64), v, mask, first)
                return [f.select(a < held[0], a, held[0]), f.select(a > held[1], a, held[1])]

            low, high = sweep(f, 0, n, v, step, [first, first])
            f.store(f["y"].at(unit * 2, I64), joined(f, low, f.smaller))
            f.store(f["y"].at(unit * 2 + 1, I64), joined(f, high, f.larger))

    return build("range_i64", "y:w x:r units:i n:i", write, over="units", grain=1)


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
    if a.size < LEAST or a.ndim != 1 or a.dtype.char != "l" or a.flags.num & DENSE != DENSE:
        return body(a, least)
    parts = -(-a.size // PART)
    ends = empty((parts, 2), a.dtype)
    _range_of_integers()(ends, a, parts, a.size)
    low, high = int(ends.min()), int(ends.max())
    if low < 0 or high >= min(_BINS, a.size // _COUNTERS):
        return body(a, least)
    found = np.zeros((_COUNTERS, max(high + 1, least)), np.int64)
    _counter()(found, a, _COUNTERS, a.size, -(-a.size // _COUNTERS), found.shape[1])
    return np.add.reduce(found, 0)


@over(R.range_of)
def range_of(body: Any, x: Any) -> tuple[Any, Any]:
    """(the smallest, the largest value) of all; nan if there is one."""
    t = fits(x, least=LEAST)
    if t is None:
        return body(x)  # type: ignore[no-any-return] # two numbers
    units = -(-x.size // PART)
    y = empty((units, 2), x.dtype)
    _range(t)(y, x, units, x.size)
    return np.minimum.reduce(y[:, 0]), np.maximum.reduce(y[:, 1])


nameless(globals())
