"""Panels: the rows of a and the columns of b as tiles of a product read them.

A panel of a has some rows, those of a k side by side; a panel of b has some vectors of columns, and before
them the row that the sums start from: c, or zeros. Panels hold a piece of K.
"""

from __future__ import annotations

from functools import cache

from tapegrad.native import call, target
from tapegrad.native.copying import transposed
from tapegrad.native.ir import I64, Function, Type, Value

LEAST_ROWS = 8  # of a product: so tiles of less than half a height are not needed
PAD = 16  # elements between panels of a: what is stored beyond a line; and they do not meet in the cache
VECTORS = 2  # of a tile's columns
_TOGETHER = 16  # steps of K for which a panel of a is copied at once, so that its lines are read while near


def height() -> int:
    """How many rows a tile has: its sums take 13 of 16 registers, a row of b and an element of a the rest."""
    return target.host().registers * 13 // 16 // VECTORS


def heights(tall: int) -> range:
    """How many rows a panel may have, if that many at most: rows are shared out evenly."""
    return range(min(m // -(-m // tall) for m in range(LEAST_ROWS, 2 * tall + 2)), tall + 1)


def width(t: Type) -> int:
    """How many columns a tile has."""
    return VECTORS * target.host().lanes(t)


@cache
def turned_of(t: Type, pitch: int) -> str:
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


class Operands:
    """a and b of one of a kernel's products, and how they are cut.

    The kernel's a [m, k] and b [k, n] begin at the places in `at` and have the strides a_row, a_k, b_k,
    b_column; its panels are `pitch` and `apart` elements apart. biased: the sums start from c.
    """

    def __init__(self, f: call.Body, t: Type, entry: Value) -> None:
        self.f, self.t, self.tall, self.wide = f, t, height(), width(t)
        self.panels = (f["m"] + (self.tall - 1)) // self.tall
        self._short = f["m"] // self.panels
        self._more = f["m"] - self._short * self.panels
        offsets = f["at"].at(entry * 2, I64)
        a, b = (f.load(offsets.at(k, I64), I64) for k in (0, 1))
        self.a, self.b = f["a"].at(a, t), f["b"].at(b, t)

    def first(self, panel: Value) -> Value:
        """The first row of a panel of a: the first of them have one row more."""
        return panel * self._short + self.f.smaller(panel, self._more)

    def pack_a(self, to: Value, low: Value, high: Value, start: Value, k: Value) -> None:
        """Copy the panels of a from low to high, for the piece of K from start on."""
        f, t, v = self.f, self.t, target.host().wide(self.t)
        source, runs = self.a.at(start * f["a_k"], t), f["a_k"].eq(1)
        with f.when(runs), f.loop(low, high) as p:
            i, place = self.first(p), to.at((p - low) * f["pitch"], t)
            rows = source.at(i * f["a_row"], t)
            call.run(f, turned_of(t, self.tall), place, rows, self.first(p + 1) - i, f["a_row"], k)
        with f.when(~runs), f.loop(0, k, _TOGETHER) as some, f.loop(low, high) as p:
            i, place = self.first(p), to.at((p - low) * f["pitch"], t)
            many = self.first(p + 1) - i
            masks = [(j, f.first(many - j, v)) for j in reversed(range(0, self.tall, v.lanes))]
            with f.loop(some, f.smaller(some + _TOGETHER, k)) as step:
                line, there = source.at(step * f["a_k"] + i, t), place.at(step * self.tall, t)
                for j, mask in masks:
                    f.store(there.at(j, t), f.load(line.at(j, t), v, mask))

    def begin_b(self, to: Value, column: Value, n: Value, start: Value) -> None:
        """What the sums of n columns start from, before their panels: c in the first piece of K, or 0."""
        f, t = self.f, self.t
        biased = start.eq(0) & f["biased"].ne(0)
        with f.loop(0, n, self.wide) as j:
            place = to.at(j // self.wide * f["apart"], t)
            f.clear(place, self.wide * t.bytes)
            with f.when(biased):
                f.copy(place, f["c"].at(column + j, t), f.smaller(n - j, self.wide) * t.bytes)

    def pack_b(self, to: Value, column: Value, n: Value, start: Value, k: Value) -> None:
        """Copy n columns of b, for k steps of K from start on."""
        f, t = self.f, self.t
        source = self.b.at(start * f["b_k"] + column * f["b_column"], t)
        runs = f["b_column"].eq(1)
        with f.when(runs):
            call.run(f, _panels_of(t), to, source, n, f["b_k"], k, f["apart"])
        with f.when(~runs), f.loop(0, n, self.wide) as j:
            place, lines = to.at(j // self.wide * f["apart"], t), source.at(j * f["b_column"], t)
            many = f.smaller(n - j, self.wide)
            call.run(f, turned_of(t, self.wide), place, lines, many, f["b_column"], k)
