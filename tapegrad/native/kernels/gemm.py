"""Products of matrices, y = a b + c, for many pairs at once.

The results are cut into blocks, which threads share. A block takes K in pieces: of each it copies its rows of
a into its own room, in the order in which they are read (`panels`), and then, one panel of b after the other,
computes tiles of results that stay in registers: some rows of a by some vectors of b's columns. A panel of b
is copied before it is read; what it is copied from comes nearer while the tiles before are computed. Of a
large product all of b is copied at first, by all threads, for all blocks. What is added to what depends on
the shapes alone.

Source: Goto, van de Geijn: Anatomy of high-performance matrix multiplication (2008).
"""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import product
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, target
from tapegrad.native.choice import TYPES
from tapegrad.native.ir import I64, Function, Type, Value
from tapegrad.native.kernels.panels import PAD, Operands, height, heights, width
from tapegrad.native.memory import empty
from tapegrad.native.runtime import threads, working

DEPTH = 1024  # bytes of K in a piece: a panel of b stays in the first cache
ROWS, COLUMNS = 520, 1024  # of a block, at most
_TRIED = 8  # numbers of parts
LEAST_SHARED = 1 << 29  # multiplications: in fewer, blocks that copy b themselves are as fast or faster
MOST = 1 << 22  # elements of a b that is shared; with more, a product is computed in parts
SIDE, PIECES = 4096, 4  # columns, and pieces of K, of a part
GROUP = 128  # columns of b that a thread copies at once
_UNROLLED = 4  # steps of K in a tile


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


class _Block(Operands):
    """A block of results."""

    def __init__(self, f: call.Body, t: Type, unit: Value) -> None:
        columns = unit % f["across"]
        rest = unit // f["across"]
        rows, entry = rest % f["down"], rest // f["down"]
        super().__init__(f, t, entry)
        self.low = rows * f["panels"]
        self.high = f.smaller(self.low + f["panels"], self.panels)
        self.column = columns * f["columns"]
        self.n = f.smaller(f["columns"], f["n"] - self.column)
        self.y = f["y"].at(entry * f["m"] * f["y_row"] + self.column, t)
        self.edge = f["room"].at(f.who * f["space"], t)

    def compute(self, a: Value, b: Value, start: Value, k: Value, shared: bool) -> None:
        """All tiles' sums over a piece of K, whose panels of a begin at a. Those of b begin at b if it is
        shared; else each is copied there before it is read."""
        f, t = self.f, self.t
        with f.loop(0, self.n, self.wide) as j:
            many, panel = f.smaller(self.n - j, self.wide), b
            if shared:
                panel = b.at(j // self.wide * f["apart"], t)
                ahead, part, line = panel.at(f["apart"], t), self.wide**2, self.wide
            else:
                self.begin_b(b, self.column + j, many, start)
                self.pack_b(b.at(self.wide, t), self.column + j, many, start, k)
                ahead, part, line = self._source(j + self.wide, start, k)
            each = k // (self.high - self.low) + 1
            with f.loop(self.low, self.high) as p:
                first = (p - self.low) * each
                with f.loop(first, first + each) as i:
                    f.prefetch(ahead.at(i // self.wide * part + i % self.wide * line, t), 2)
                self._tile(a, panel, p, j, many, start, k)

    def _source(self, j: Value, start: Value, k: Value) -> tuple[Value, Any, Any]:
        """Where the panel of b with the block's column j stands, or behind the last one the first of the next
        piece: (its place, how far groups of its lines are from each other, and lines of a group)."""
        f, over = self.f, j >= self.n
        column, row = f.select(over, 0, j), f.select(over, start + k, start)
        place = self.b.at(row * f["b_k"] + (self.column + column) * f["b_column"], self.t)
        runs = f["b_column"].eq(1)
        wide = f.value(self.wide, I64)
        return place, f.select(runs, f["b_k"] * wide, wide), f.select(runs, f["b_k"], f["b_column"])

    def _tile(self, a: Value, panel: Value, p: Value, j: Value, many: Value, start: Value, k: Value) -> None:
        """The sums of one panel of a by one of b."""
        f, t = self.f, self.t
        i = self.first(p)
        high, inside = self.first(p + 1) - i, many.eq(self.wide)
        more = f.select(start > 0, f.value(1, I64), f["more"])
        y, wide = self.y.at(i * f["y_row"] + j, t), f.value(self.wide, I64)
        to, pitch = f.select(inside, y, self.edge), f.select(inside, f["y_row"], wide)
        add, rows = f.select(inside, more, 0), a.at((p - self.low) * f["pitch"], t)
        for m in heights(self.tall):
            with f.when(high.eq(m)):
                call.run(f, tile(t, m), to, pitch, rows, panel, k, add)
        with f.when(~inside):
            self._put(y, high, many, more)

    def _put(self, y: Value, high: Value, many: Value, more: Value) -> None:
        """A tile at the edge, of which so many rows and columns are results."""
        f, t, v = self.f, self.t, target.host().wide(self.t)
        with f.loop(0, self.wide, v.lanes) as j:
            mask = f.first(many - j, v)
            with f.loop(0, high) as i:
                to = y.at(i * f["y_row"] + j, t)
                x = f.load(self.edge.at(i * self.wide + j, t), v)
                with f.when(more.ne(0)):
                    f.store(to, x + f.load(to, v, mask), mask)
                with f.when(more.eq(0)):
                    f.store(to, x, mask)


_NAMES = (
    "y:w a:r b:r c:r at:r room:w biased:i more:i y_row:i a_row:i a_k:i b_k:i b_column:i m:i n:i k:i units:i "
    "groups:i panels:i columns:i depth:i down:i across:i pitch:i apart:i own:i space:i"
)


@cache
def kernel(t: Type, shared: bool) -> Any:
    """The kernel; if b is to be shared, the one that copies all of it first."""
    if not shared:
        return call.build(f"gemm_{t}", _NAMES, lambda f: _compute(f, t, False), over="units", grain=1)
    steps = [
        call.Step("packed", lambda f: _pack(f, t), "groups"),
        call.Step("computed", lambda f: _compute(f, t, True), "units"),
    ]
    return call.build_steps(f"gemm_shared_{t}", _NAMES, steps)


def _edge(t: Type) -> int:
    """The elements of a thread's room that a tile at the edge takes."""
    return _parts(height() * width(t), 16) * 16


def _panel(f: call.Body, x: Operands, piece: Value, column: Value) -> Value:
    """Where the panel of the shared b with a column stands."""
    across = (f["n"] + (x.wide - 1)) // x.wide
    return f["room"].at(f["own"] + (piece * across + column // x.wide) * f["apart"], x.t)


def _pack(f: call.Body, t: Type) -> None:
    """Copy groups of b's panels."""
    x = Operands(f, t, f.value(0, I64))
    each = (f["n"] + (GROUP - 1)) // GROUP
    with f.loop(f.low, f.high) as unit:
        piece, column = unit // each, unit % each * GROUP
        start = piece * f["depth"]
        k, n = f.smaller(f["depth"], f["k"] - start), f.smaller(f["n"] - column, GROUP)
        to = _panel(f, x, piece, column)
        x.begin_b(to, column, n, start)
        x.pack_b(to.at(x.wide, t), column, n, start, k)


def _compute(f: call.Body, t: Type, shared: bool) -> None:
    """Blocks of results. What is not shared is copied into the thread's own room."""
    with f.loop(f.low, f.high) as unit:
        x = _Block(f, t, unit)
        own = x.edge.at(_edge(t), t)
        a = own if shared else own.at(f["apart"], t)
        with f.loop(0, f["k"], f["depth"]) as start:
            k = f.smaller(f["depth"], f["k"] - start)
            x.pack_a(a, x.low, x.high, start, k)
            x.compute(a, _panel(f, x, start // f["depth"], x.column) if shared else own, start, k, shared)


# ---- from Python


@lru_cache(1000)
def _plan(m: int, n: int, k: int, entries: int, dtype: Any, many: int, depth: int = 0) -> tuple[Any, ...]:
    """(the kernel, the elements of its room, of them those of a b that is shared, its last numbers), for so
    many threads; pieces of K of a given depth, or the best."""
    t = TYPES[dtype]
    tall, wide = height(), width(t)
    depth = depth or even(k, DEPTH // t.bytes, target.host().lanes(t))
    shared = entries == 1 and m > ROWS and m * n * k >= LEAST_SHARED
    high, pieces = _parts(m, tall), _parts(k, depth)

    def cost(cut: tuple[int, int]) -> float:
        panels, columns = cut
        return _cost(_parts(high, panels) * _parts(n, columns) * entries, panels * tall, columns, many)

    cuts = product(_sizes(high, ROWS // tall, 1), _sizes(n, n if shared else COLUMNS, wide))
    panels, columns = min(cuts, key=cost)
    down, across = _parts(high, panels), _parts(n, columns)
    pitch, apart = depth * tall + PAD, (depth + 1) * wide
    space = _edge(t) + panels * pitch + (0 if shared else apart)
    own = space * threads()  # whoever else sets how many work
    of_b = pieces * _parts(n, wide) * apart if shared else 0
    work = (entries * down * across, pieces * _parts(n, GROUP))
    cut = (panels, columns, depth, down, across, pitch, apart, own, space)
    return kernel(t, shared), own + of_b, of_b, (m, n, k, *work, *cut)


def _sizes(n: int, most: int, step: int) -> list[int]:
    """Sizes of so many at most in which n can be cut evenly, in multiples of a step."""
    least = _parts(n, most)
    return [_parts(_parts(n, parts), step) * step for parts in range(least, least + _TRIED)]


def _cost(blocks: int, rows: int, columns: int, many: int) -> float:
    """What copying, threads that wait at the end, and one that is kept from its work add to the time. A block
    copies its rows of a for its columns, and its columns of b for its rows, or reads them from farther away:
    measured on an AMD Zen 3."""
    return 20 / rows + 15 / columns + _parts(blocks, many) * many / blocks + 0.05 / blocks


def _parts(n: int, size: int) -> int:
    """How many parts of a size n has."""
    return (n + size - 1) // size


def even(n: int, most: int, step: int) -> int:
    """The size of the parts, of about so many at most, into which n is best cut: a multiple of a step."""
    return _parts(_parts(n, _parts(n, most)), step) * step


_SINGLE = np.zeros(2, np.int64)


def multiply(y: Any, a: Any, b: Any, c: Any = None, at: Any = _SINGLE) -> None:
    """y = a b + c for float32 or float64 matrices, or many of them.

    y: [..., m, n], contiguous. a: [m, k], b: [k, n]; of each, rows or columns are contiguous. c: [n]. at: for
    each of y's matrices, how many elements behind a and b theirs are. m is LEAST_ROWS or more, n and k 1.
    """
    (m, k), n = a.shape, b.shape[1]
    many = working()
    run, room, shared, sizes = _plan(m, n, k, len(at) // 2, y.dtype, many)
    if shared <= MOST:
        _run(run, room, sizes, y, a, b, c, at, False)
        return
    whole, depth = y.reshape(m, n), sizes[7]
    wide, deep = even(n, SIDE, width(TYPES[y.dtype])), PIECES * depth
    for j in range(0, n, wide):
        for low in range(0, k, deep):
            part, rows = whole[:, j : j + wide], a[:, low : low + deep]
            columns, start = b[low : low + deep, j : j + wide], c if c is None else c[j : j + wide]
            run, room, _, sizes = _plan(*part.shape, len(columns), 1, y.dtype, many, depth)
            _run(run, room, sizes, part, rows, columns, start, at, low > 0)


def _run(run: Any, room: int, sizes: Any, y: Any, a: Any, b: Any, c: Any, at: Any, more: bool) -> None:
    """y = a b + c, or with `more` y += a b."""
    size = y.itemsize
    (a_row, a_k), (b_k, b_column) = a.strides, b.strides
    steps = (y.strides[-2] // size, a_row // size, a_k // size, b_k // size, b_column // size)
    biased = not (c is None or more)
    run(y, a, b, c if biased else b, at, empty(room, y.dtype), biased, more, *steps, *sizes)


nameless(globals())
