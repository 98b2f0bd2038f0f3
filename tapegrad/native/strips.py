"""How kernels go over rows: in vectors, several at a time, with a mask at the end.

A row is contiguous memory. Rows that lie beside each other (an axis that is not the last) are gone over in
strips: some vectors wide, from the first row to the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import Any

from tapegrad.native.ir import F64, Function, Type, Value, Variable

WAYS = 4  # vectors that are under way at once
CHUNK = 256  # columns that go together, where a thread has few of them
DOWN = 128  # rows whose sums are taken before they meet the others
BLOCK = 8192  # elements whose sum is taken in the type itself; sums of more are in float64

Step = Callable[[Value, Any, list[Value]], "Sequence[Value] | None"]
Join = Callable[[Value, Value], Value]


def sweep(
    f: Function,
    start: Any,
    end: Value,
    t: Type,
    step: Step,
    firsts: Sequence[Any] = (),
    ways: int = WAYS,
    held: Type | None = None,
) -> list[list[Value]]:
    """Go from start to end in vectors of type t: values = step(i, mask, values), where the mask is None but
    for the last elements. What the values (of type t, or `held`) are after it, a list for each of `firsts`:
    one value per way."""
    sets = [[f.variable(f.value(x, held or t)) for x in firsts] for _ in range(ways)]

    def once(i: Value, mask: Any, values: list[Variable]) -> None:
        for v, x in zip(values, step(i, mask, [v.get() for v in values]) or (), strict=True):
            v.set(x)

    n = end - start
    whole, vectors = (n & -(ways * t.lanes)) + start, (n & -t.lanes) + start
    with f.loop(start, whole, ways * t.lanes) as i:
        for k, values in enumerate(sets):
            once(i + k * t.lanes if k else i, None, values)
    if ways > 1:
        with f.loop(whole, vectors, t.lanes) as i:
            once(i, None, sets[0])
    with f.when(vectors < end):
        once(vectors, f.first(end - vectors, t), sets[0])
    return [[values[k].get() for values in sets] for k in range(len(firsts))]


def parted(n: int, most: int, unit: int = 1) -> tuple[int, int]:
    """(how many parts n elements have, how long they are), where none is longer than `most`, and all but the
    last are a multiple of `unit`. Threads meet in the middle of them, as they do in kernels without parts."""
    parts = -(-n // most)
    if parts < 2:
        return parts, n
    length = -(-n // (parts + -parts % (2 if parts == 2 else 4)))
    length += -length % unit
    return -(-n // length), length


def joined(f: Function, values: Sequence[Value], join: Join) -> Value:
    """All elements of some vectors as one number."""
    return f.across(f.tree(values, join), join)


def add(a: Value, b: Value) -> Value:
    """The sum."""
    return a + b


def larger(f: Function) -> Join:
    """The larger; nan is lost."""
    return lambda a, b: f.select(a > b, a, b)


def highest(f: Function, x: Value, n: Value, t: Type) -> Value:
    """The largest of a row's n elements; nan is lost."""
    most = larger(f)
    found = sweep(f, 0, n, t, lambda i, m, v: [most(f.load(x.at(i, t), t, m, -inf), v[0])], [-inf])
    return joined(f, found[0], most)


def sums(
    f: Function, n: Value, t: Type, step: Step, count: int = 1, ways: int = WAYS, wide: Type = F64
) -> list[Value]:
    """The sums over 0 ... n of what `step` adds up, as numbers in float64: block by block, so that a long
    row loses no digits."""
    totals = [f.variable(0.0, wide) for _ in range(count)]
    with f.loop(0, n, BLOCK) as low:
        parts = sweep(f, low, f.smaller(low + BLOCK, n), t, step, [0.0] * count, ways)
        for total, part in zip(totals, parts, strict=True):
            total.set(total.get() + f.convert(f.total(f.tree(part, add)), wide))
    return [total.get() for total in totals]


def picked(f: Function, xs: Sequence[Value], where: Sequence[int]) -> Value:
    """The vector of elements that are given by their numbers in all vectors, one after the other."""
    lanes = len(where)
    used = sorted({n // lanes for n in where})
    y = f.shuffle(xs[used[0]], xs[used[0]], [n % lanes for n in where])
    for i in used[1:]:
        y = f.shuffle(y, xs[i], [n % lanes + lanes if n // lanes == i else k for k, n in enumerate(where)])
    return y


@contextmanager
def units(f: Any, strips: Value) -> Iterator[tuple[Value, Value]]:
    """for each unit of work from f.low to f.high: (which block, which of its strips)."""
    with f.loop(f.low, f.high) as unit:
        block = unit // strips
        yield block, unit - block * strips


@contextmanager
def chunks(f: Any, width: Value) -> Iterator[tuple[Value, Value, Value]]:
    """for each unit of work from f.low to f.high, CHUNK columns: (which block, its first column, its
    last)."""
    count = (width + (CHUNK - 1)) // CHUNK
    with f.loop(f.low, f.high) as unit:
        which = unit // count
        left = (unit - which * count) * CHUNK
        yield which, left, f.smaller(left + CHUNK, width)


def in_turn(f: Function, values: Sequence[Value], g: Callable[[Value], Value]) -> list[Value]:
    """g of each vector, by one copy of its code: for what is long and not hot."""
    t, room = values[0].type, f.room(values[0].type.element, values[0].type.lanes * len(values))
    places = [room.at(k * t.lanes, t.element) for k in range(len(values))]
    for p, v in zip(places, values, strict=True):
        f.store(p, v)
    with f.loop(0, len(values) * t.lanes, t.lanes) as i:
        p = room.at(i, t.element)
        f.store(p, g(f.load(p, t)))
    return [f.load(p, t) for p in places]


def strip(
    f: Function, low: Value, width: Value, t: Type, work: Callable[[Value, int, Any], None], ways: int = WAYS
) -> None:
    """work(column, vectors, mask) over a strip that begins at column low: all of its vectors at once or, at
    the end of the width, one after the other."""
    end = low + ways * t.lanes
    whole = end <= width
    with f.when(whole):
        work(low, ways, None)
    with f.when(~whole), f.loop(low, width, t.lanes) as column:
        work(column, 1, f.first(width - column, t))


class Columns:
    """Some vectors of columns, as `strip` gives them, of arrays whose rows are f["width"] long."""

    def __init__(self, f: Any, t: Type, column: Value, many: int, mask: Any) -> None:
        self.f, self.t, self.many, self.mask = f, t, many, mask
        self.places = [column + k * t.lanes for k in range(many)]

    def get(self, name: str, row: Value | int = 0) -> list[Value]:
        """Their elements in a row of an array."""
        f, e = self.f, self.t.element
        return [f.load(f[name].at(row * f["width"] + p, e), self.t, self.mask) for p in self.places]

    def put(self, name: str, values: Sequence[Value], row: Value | int = 0) -> None:
        """Set them, in the array's dtype."""
        f, e = self.f, self.t.element
        for p, x in zip(self.places, values, strict=True):
            f.store(f[name].at(row * f["width"] + p, e), f.convert(x, self.t), self.mask)


def strips_of(width: int, t: Type, ways: int = WAYS) -> int:
    """How many strips a width has."""
    return -(-width // (ways * t.lanes))


def down(
    f: Function, n: Value, firsts: Sequence[Sequence[Any]], t: Type, step: Callable[[Value, Any], Any]
) -> list[list[Value]]:
    """Go down n rows: values = step(row, values), where values are lists of vectors; what they are last."""
    held = [[f.variable(f.value(x, t)) for x in xs] for xs in firsts]
    with f.loop(0, n) as row:
        new = step(row, [[v.get() for v in vs] for vs in held])
        for vs, xs in zip(held, new or (), strict=True):
            for v, x in zip(vs, xs, strict=True):
                v.set(x)
    return [[v.get() for v in vs] for vs in held]


def down_sums(
    f: Function, n: Value, many: int, t: Type, step: Callable[[Value, list[Value]], list[Value]]
) -> list[Value]:
    """The sums down n rows of what `step` adds up, in two levels, so that many rows lose no digits."""
    totals = [f.variable(f.value(0.0, t)) for _ in range(many)]
    with f.loop(0, n, DOWN) as low:
        m = f.smaller(low + DOWN, n) - low
        (parts,) = down(f, m, [[0.0] * many], t, lambda row, v: [step(low + row, v[0])])
        for total, part in zip(totals, parts, strict=True):
            total.set(total.get() + part)
    return [total.get() for total in totals]
