"""Products of matrices, y = a b + c, for many pairs at once.

The results are cut into blocks, which threads share. A block takes K in pieces: of each it copies its rows of
a and its columns of b into its own room, in the order in which they are read, and then computes tiles of
results that stay in registers: some rows of a by some vectors of b's columns. b's piece begins with the row
that the sums start from: c, or zeros. What is added to what depends on the shapes alone.

Source: Goto, van de Geijn: Anatomy of high-performance matrix multiplication (2008).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, target
from tapegrad.native.choice import TYPES
from tapegrad.native.copying import transposed
from tapegrad.native.ir import I64, Function, Type, Value
from tapegrad.native.kernels.convolution import room
from tapegrad.native.runtime import threads

LEAST_ROWS = 8  # of a product: so tiles of less than half a height are not needed
DEPTH = 1024  # bytes of K in a piece: a panel of b stays in the first cache
ROWS = (96, 192, 384)  # of a block, at most
COLUMNS = (128, 256, 512, 1024)
_PAD = 16  # elements between panels of a: what is stored beyond a line; and they do not meet in the cache
_VECTORS = 2  # of a tile's columns
_UNROLLED = 4  # steps of K in a tile
_TOGETHER = 16  # steps of K for which a panel of a is copied at once, so that its lines are read while near


def height() -> int:
    """How many rows a tile has: its sums take 13 of 16 registers, a row of b and an element of a the rest."""
    return target.host().registers * 13 // 16 // _VECTORS


def heights(tall: int) -> range:
    """How many rows a panel may have, if that many at most: rows are shared out evenly."""
    return range(min(m // _parts(m, tall) for m in range(LEAST_ROWS, 2 * tall + 2)), tall + 1)


def width(t: Type) -> int:
    """How many columns a tile has."""
    return _VECTORS * target.host().lanes(t)


# ---- machine code


@cache
def tile(t: Type, m: int) -> str:
    """tile(y, pitch, a, b, k, more): a panel of a, of m rows, by a panel of b; more: the products are added
    to what stands in y."""
    slots = "y:w pitch:i a:r b:r k:i more:i"
    return call.provided(f"gemm_tile_{t}_{m}", slots, lambda f: _write_tile(f, t, m))


def _write_tile(f: Function, t: Type, m: int) -> None:
    v, pitch, tall = target.host().wide(t), width(t), height()
    columns = range(0, pitch, v.lanes)
    start = [f.load(f["b"].at(j, t), v) for j in columns]
    sums = [[f.variable(x) for x in start] for _ in range(m)]
    a, b = f.variable(f["a"]), f.variable(f["b"].at(pitch, t))
    places = [[f["y"].at(f["pitch"] * i + j, t) for j in columns] for i in range(m)]
    for i in range(m):
        f.prefetch(places[i][0])

    def steps(many: int) -> None:
        here, there = a.get(), b.get()
        for k in range(many):
            row = [f.load(there.at(k * pitch + j, t), v) for j in columns]
            for i in range(m):
                x = f.splat(f.load(here.at(k * tall + i, t), t), v.lanes)
                for s, y in zip(sums[i], row, strict=True):
                    s.set(f.fma(x, y, s.get()))
        a.set(here.at(many * tall, t))
        b.set(there.at(many * pitch, t))

    whole = f["k"] & -_UNROLLED
    with f.loop(0, whole, _UNROLLED):
        steps(_UNROLLED)
    with f.loop(whole, f["k"]):
        steps(1)
    with f.when(f["more"].ne(0)):
        for i in range(m):
            for s, p in zip(sums[i], places[i], strict=True):
                s.set(s.get() + f.load(p, v))
    for i in range(m):
        for s, p in zip(sums[i], places[i], strict=True):
            f.store(p, s.get())


@cache
def _turned_of(t: Type, pitch: int) -> str:
    """turned(to, from, many, along, k): `many` rows of k elements become columns: at each k the elements are
    side by side, in a line of `pitch`; those behind the last are the last's. What is stored beyond a line is
    overwritten by the next one, or lies behind the last."""
    v = target.host().wide(t)

    def write(f: Function) -> None:
        last, along, k = f["many"] - 1, f["along"], f["k"]
        whole = k & -v.lanes
        for i in reversed(range(0, pitch, v.lanes)):
            rows = [f["from"].at(f.smaller(last, i + r) * along, t) for r in range(v.lanes)]
            with f.loop(0, whole, v.lanes) as j:
                square = [f.load(row.at(j, t), v) for row in rows]
                for r, x in enumerate(transposed(f, square)):
                    f.store(f["to"].at((j + r) * pitch + i, t), x)
            with f.loop(whole, k) as j:
                for r, row in enumerate(rows[: pitch - i]):
                    f.store(f["to"].at(j * pitch + i + r, t), f.load(row.at(j, t), t))

    return call.provided(f"gemm_turned_{t}_{pitch}", "to:w from:r many:i along:i k:i", write)


@cache
def _panels_of(t: Type) -> str:
    """panels(to, from, many, along, k, apart): k rows of `many`, cut into panels that are so far apart, in
    which they are side by side; what is behind the last is zero."""
    v, wide = target.host().wide(t), width(t)

    def write(f: Function) -> None:
        whole = f["many"] - f["many"] % wide
        with f.loop(0, f["k"]) as k:
            to, source = f["to"].at(k * wide, t), f["from"].at(k * f["along"], t)
            place = f.variable(to)
            with f.loop(0, whole, wide) as i:
                row = [f.load(source.at(i + j, t), v) for j in range(0, wide, v.lanes)]
                for j, x in enumerate(row):
                    f.store(place.get().at(j * v.lanes, t), x)
                place.set(place.get().at(f["apart"], t))
            with f.when(whole < f["many"]):
                for j in range(0, wide, v.lanes):
                    i = whole + j
                    x = f.load(source.at(i, t), v, f.first(f["many"] - i, v))
                    f.store(place.get().at(j, t), x)

    return call.provided(f"gemm_panels_{t}", "to:w from:r many:i along:i k:i apart:i", write)


class _Block:
    """A block of results: where it stands, and its pieces of a and b."""

    def __init__(self, f: call.Body, t: Type, unit: Value) -> None:
        self.f, self.t = f, t
        self.tall, self.wide = height(), width(t)
        columns = unit % f["across"]
        rest = unit // f["across"]
        rows, entry = rest % f["down"], rest // f["down"]
        panels = (f["m"] + (self.tall - 1)) // self.tall
        self.short = f["m"] // panels
        self.more = f["m"] - self.short * panels
        self.low = rows * f["panels"]
        self.high = f.smaller(self.low + f["panels"], panels)
        self.row, self.column = self.first(self.low), columns * f["columns"]
        self.n = f.smaller(f["columns"], f["n"] - self.column)
        offsets = f["at"].at(entry * 2, I64)
        a, b = (f.load(offsets.at(k, I64), I64) for k in (0, 1))
        self.a = f["a"].at(a + self.row * f["a_row"], t)
        self.b = f["b"].at(b + self.column * f["b_column"], t)
        self.y = f["y"].at((entry * f["m"] + self.row) * f["n"] + self.column, t)
        room = f["room"].at(f.who * f["space"], t)
        self.edge, self.rows = room, room.at(self.tall * self.wide, t)
        self.panel = self.rows.at(f["room_a"], t)

    def first(self, panel: Value) -> Value:
        """The first row of a panel of a: the first of them have one row more."""
        return panel * self.short + self.f.smaller(panel, self.more)

    @contextmanager
    def panels(self) -> Iterator[tuple[Value, Value, Value]]:
        """for each panel of the block: (its number, the first of its rows, how many they are)."""
        with self.f.loop(self.low, self.high) as p:
            i = self.first(p)
            yield p - self.low, i - self.row, self.first(p + 1) - i

    def pack_a(self, low: Value, k: Value) -> None:
        """Copy the rows of a for a piece of K: panels, in which those of a k are side by side."""
        f, t, v = self.f, self.t, target.host().wide(self.t)
        source, runs = self.a.at(low * f["a_k"], t), f["a_k"].eq(1)
        with f.when(runs), self.panels() as (p, i, many):
            to = self.rows.at(p * f["pitch"], t)
            call.run(f, _turned_of(t, self.tall), to, source.at(i * f["a_row"], t), many, f["a_row"], k)
        with f.when(~runs), f.loop(0, k, _TOGETHER) as some, self.panels() as (p, i, many):
            to = self.rows.at(p * f["pitch"], t)
            masks = [(j, f.first(many - j, v)) for j in reversed(range(0, self.tall, v.lanes))]
            with f.loop(some, f.smaller(some + _TOGETHER, k)) as step:
                line, place = source.at(step * f["a_k"] + i, t), to.at(step * self.tall, t)
                for j, mask in masks:
                    f.store(place.at(j, t), f.load(line.at(j, t), v, mask))

    def pack_b(self, low: Value, k: Value) -> None:
        """Copy the columns of b for a piece of K, and before them the row that the sums start from."""
        f, t = self.f, self.t
        start, source = low.eq(0) & f["biased"].ne(0), self.b.at(low * f["b_k"], t)
        runs, first = f["b_column"].eq(1), self.panel.at(self.wide, t)
        with f.when(runs):
            call.run(f, _panels_of(t), first, source, self.n, f["b_k"], k, (k + 1) * self.wide)
        with f.loop(0, self.n, self.wide) as j:
            to, many = self.panel.at(j * (k + 1), t), f.smaller(self.n - j, self.wide)
            f.clear(to, self.wide * t.bytes)
            with f.when(start):
                f.copy(to, f["c"].at(self.column + j, t), many * t.bytes)
            with f.when(~runs):
                along = f["b_column"]
                call.run(
                    f, _turned_of(t, self.wide), to.at(self.wide, t), source.at(j * along, t), many, along, k
                )

    def compute(self, low: Value, k: Value) -> None:
        """All tiles' sums over a piece of K."""
        f, t = self.f, self.t
        more = f.convert(low > 0, I64)
        with f.loop(0, self.n, self.wide) as j:
            b, many = self.panel.at(j * (k + 1), t), f.smaller(self.n - j, self.wide)
            ahead = b.at((k + 1) * self.wide, t)
            each = k // (self.high - self.low) + 1
            with self.panels() as (p, i, high):
                with f.loop(0, each) as line:
                    f.prefetch(ahead.at((p * each + line) * self.wide, t), 2)
                a = self.rows.at(p * f["pitch"], t)
                y = self.y.at(i * f["n"] + j, t)
                inside = many.eq(self.wide)
                to, pitch = f.select(inside, y, self.edge), f.select(inside, f["n"], f.value(self.wide, I64))
                add = f.select(inside, more, f.value(0, I64))
                for m in heights(self.tall):
                    with f.when(high.eq(m)):
                        call.run(f, tile(t, m), to, pitch, a, b, k, add)
                with f.when(~inside):
                    self._put(y, high, many, more)

    def _put(self, y: Value, high: Value, many: Value, more: Value) -> None:
        """A tile at the edge, of which so many rows and columns are results."""
        f, t, v = self.f, self.t, target.host().wide(self.t)
        with f.loop(0, self.wide, v.lanes) as j:
            mask = f.first(many - j, v)
            with f.loop(0, high) as i:
                to = y.at(i * f["n"] + j, t)
                x = f.load(self.edge.at(i * self.wide + j, t), v)
                with f.when(more.ne(0)):
                    f.store(to, x + f.load(to, v, mask), mask)
                with f.when(more.eq(0)):
                    f.store(to, x, mask)


_NAMES = (
    "y:w a:r b:r c:r at:r room:w biased:i a_row:i a_k:i b_k:i b_column:i m:i n:i k:i "
    "units:i panels:i columns:i depth:i down:i across:i pitch:i room_a:i space:i"
)


@cache
def kernel(t: Type) -> Any:
    """The kernel for a type."""

    def write(f: call.Body) -> None:
        with f.loop(f.low, f.high) as unit:
            block = _Block(f, t, unit)
            with f.loop(0, f["k"], f["depth"]) as low:
                k = f.smaller(f["depth"], f["k"] - low)
                block.pack_b(low, k)
                block.pack_a(low, k)
                block.compute(low, k)

    return call.build(f"gemm_{t}", _NAMES, write, over="units", grain=1)


# ---- from Python


@lru_cache(1000)
def _plan(m: int, n: int, k: int, entries: int, dtype: Any) -> tuple[Any, int, tuple[int, ...]]:
    """(the kernel, a thread's room, the kernel's last numbers)."""
    t = TYPES[dtype]
    tall, wide, lanes = height(), width(t), target.host().lanes(t)
    depth, high = _cut(k, DEPTH // t.bytes, lanes), _parts(m, tall)
    cuts = [(_cut(high, r // tall, 1), _cut(n, c, wide)) for r in ROWS for c in COLUMNS]

    def cost(cut: tuple[int, int]) -> float:
        panels, columns = cut
        return _cost(_parts(high, panels) * _parts(n, columns) * entries, panels * tall, columns)

    panels, columns = min(cuts, key=cost)
    down, across = _parts(high, panels), _parts(n, columns)
    pitch = depth * tall + _PAD
    room_a = pitch * panels
    space = _parts(tall * wide + room_a + columns * (depth + 1), 16) * 16
    sizes = (m, n, k, entries * down * across, panels, columns, depth, down, across, pitch, room_a, space)
    return kernel(t), space, sizes


def _cost(blocks: int, rows: int, columns: int) -> float:
    """What copying, threads that wait at the end, and one that is kept from its work add to the time. A block
    copies its rows of a for its columns, and its columns of b for its rows: measured on an AMD Zen 3."""
    most = threads()
    return 20 / rows + 30 / columns + _parts(blocks, most) * most / blocks + 0.5 / blocks


def _parts(n: int, size: int) -> int:
    """How many parts of a size n has."""
    return (n + size - 1) // size


def _cut(n: int, most: int, step: int) -> int:
    """The size of the parts, of about so many at most, into which n is best cut: a multiple of a step."""
    return _parts(_parts(n, _parts(n, most)), step) * step


_SINGLE = np.zeros(2, np.int64)


def product(y: Any, a: Any, b: Any, c: Any = None, at: Any = _SINGLE) -> None:
    """y = a b + c for float32 or float64 matrices, or many of them.

    y: [..., m, n], contiguous. a: [m, k], b: [k, n]; of each, rows or columns are contiguous. c: [n]. at: for
    each of y's matrices, how many elements behind a and b theirs are. m is LEAST_ROWS or more, n and k 1.
    """
    m, k = a.shape
    dtype, size = y.dtype, y.itemsize
    (a_row, a_k), (b_k, b_column) = a.strides, b.strides
    run, space, sizes = _plan(m, b.shape[1], k, len(at) // 2, dtype)
    start = b if c is None else c
    steps = (a_row // size, a_k // size, b_k // size, b_column // size)
    run(y, a, b, start, at, room(space, dtype), c is not None, *steps, *sizes)


nameless(globals())
