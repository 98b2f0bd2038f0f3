"""What attention is made of: products of small tiles, and softmax over the keys for some queries at once.

Queries lie in the lanes: two vectors of them, `width` queries, go together. So the largest score and the sum
of each query are lanes of a vector, and nothing is summed across lanes. Scores and weights of these queries
are a table with a row of `width` per key; nothing of the size of queries times keys is ever kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any

from tapegrad.kernels.errstate import nameless
from tapegrad.native import vmath
from tapegrad.native.copying import transposed
from tapegrad.native.ir import I64, PTR, Function, Module, Type, Value, integers
from tapegrad.native.strips import strip, sweep
from tapegrad.native.target import host

VECTORS = 2
_LOWEST = {4: -3.4028234663852886e38, 8: -1.7976931348623157e308}
_TINY = {4: 1.1754943508222875e-38, 8: 2.2250738585072014e-308}


@dataclass(frozen=True)
class Parts:
    """The functions of one type. tile: rows of a product that are made at once."""

    t: Type
    tile: int
    product: Function
    outer: Function
    turn: Function
    back: Function
    copy: Function
    pack: Function
    weights: Function

    @property
    def width(self) -> int:
        """The queries that go together."""
        return VECTORS * self.t.lanes


def tile_of() -> int:
    """How many rows of two vectors the registers hold beside what is multiplied."""
    return (host().registers - 4) // VECTORS


def parts(t: Type, module: Module) -> Parts:
    """Write the functions into a module."""
    tile = tile_of()
    product = module.add(_product(t, tile))
    turn = module.add(_turn(t))
    outer, back = module.add(_outer(t, tile)), module.add(_back(t))
    copy, pack = module.add(_copy(t)), module.add(_pack(t, tile))
    weights = module.add(_weights(t, tile, product, turn))
    return Parts(t, tile, product, outer, turn, back, copy, pack, weights)


def _product(t: Type, tile: int) -> Function:
    """out[i] = sum over the steps s of a[i * across + s * along] * b[s], where out and b have rows of
    `width`; for `tile` rows, of which only the first `many` mean anything."""
    given = [("a", PTR), ("across", I64), ("along", I64), ("many", I64)]
    f = Function("product", [*given, ("b", PTR), ("steps", I64), ("out", PTR)])
    e, width = t.element, VECTORS * t.lanes
    rows = [f["a"].at(f.smaller(f["many"] - 1, i) * f["across"], e) for i in range(tile)]
    sums = [[f.variable(f.value(0.0, t)) for _ in range(VECTORS)] for _ in rows]
    with f.loop(0, f["steps"]) as s:
        place = s * f["along"]
        bs = [f.load(f["b"].at(s * width + k * t.lanes, e), t) for k in range(VECTORS)]
        for row, held in zip(rows, sums, strict=True):
            a = f.splat(f.load(row.at(place, e), e), t.lanes)
            for v, b in zip(held, bs, strict=True):
                v.set(f.fma(a, b, v.get()))
    for i, held in enumerate(sums):
        for k, v in enumerate(held):
            f.store(f["out"].at(i * width + k * t.lanes, e), v.get())
    f.give()
    return f


def _outer(t: Type, tile: int) -> Function:
    """out[i] += sum over the steps s of b[i][s] * a[s], for `many` rows i of b, whose length is `width`; a
    and out have rows of `columns` numbers."""
    given = [("b", PTR), ("many", I64), ("steps", I64), ("a", PTR), ("along", I64)]
    f = Function("outer", [*given, ("out", PTR), ("across", I64), ("columns", I64)])
    e, width = t.element, VECTORS * t.lanes
    rows = [f["b"].at(f.smaller(f["many"] - 1, i) * width, e) for i in range(tile)]

    def work(column: Value, ways: int, mask: Any) -> None:
        places = [column + k * t.lanes for k in range(ways)]
        sums = [[f.variable(f.value(0.0, t)) for _ in places] for _ in rows]
        with f.loop(0, f["steps"]) as s:
            source = s * f["along"]
            many = [f.load(f["a"].at(source + p, e), t, mask) for p in places]
            for row, held in zip(rows, sums, strict=True):
                b = f.splat(f.load(row.at(s, e), e), t.lanes)
                for v, a in zip(held, many, strict=True):
                    v.set(f.fma(b, a, v.get()))
        for i, held in enumerate(sums):
            with f.when(f["many"] > i):
                for v, p in zip(held, places, strict=True):
                    to = f["out"].at(f["across"] * i + p, e)
                    f.store(to, f.load(to, t, mask) + v.get(), mask)

    with f.loop(0, f["columns"], width) as low:
        strip(f, low, f["columns"], t, work, VECTORS)
    f.give()
    return f


def _copy(t: Type) -> Function:
    """out[r][c] = a[r * along + c]: rows without gaps, so that they do not fall into the same places of the
    cache."""
    given = [("a", PTR), ("along", I64), ("rows", I64), ("columns", I64), ("out", PTR)]
    f = Function("compact", given)
    e = t.element
    with f.loop(0, f["rows"]) as row:
        source, to = f["a"].at(row * f["along"], e), f["out"].at(row * f["columns"], e)
        sweep(f, 0, f["columns"], t, lambda i, m, _: f.store(to.at(i, e), f.load(source.at(i, e), t, m), m))
    f.give()
    return f


def _pack(t: Type, tile: int) -> Function:
    """out[c // tile][r][c % tile] = a[r * along + c]: what a product reads of a tile's columns stands in one
    row. What is stored beyond a tile is overwritten by the next row."""
    given = [("a", PTR), ("along", I64), ("rows", I64), ("columns", I64), ("out", PTR)]
    f = Function("pack", given)
    e = t.element
    with f.loop(0, f["columns"], tile) as c, f.loop(0, f["rows"]) as row:
        source, to = f["a"].at(row * f["along"] + c, e), f["out"].at(c * f["rows"] + row * tile, e)
        for k in range(0, tile, t.lanes):
            f.store(to.at(k, e), f.load(source.at(k, e), t, f.first(f["columns"] - c - k, t)))
    f.give()
    return f


def _turn(t: Type) -> Function:
    """out[c][l] = a[l * along + c] * by, for `columns` c and `rows` l, which repeat the last beyond."""
    given = [("a", PTR), ("along", I64), ("rows", I64), ("columns", I64), ("by", t.element), ("out", PTR)]
    f = Function("turn", given)
    e, width = t.element, VECTORS * t.lanes
    by = f.splat(f["by"], t.lanes)
    with f.loop(0, f["columns"], t.lanes) as c:
        mask = f.first(f["columns"] - c, t)
        for k in range(VECTORS):
            places = [f.smaller(f["rows"] - 1, k * t.lanes + j) * f["along"] + c for j in range(t.lanes)]
            square = transposed(f, [f.load(f["a"].at(p, e), t, mask) for p in places])
            for j, row in enumerate(square):
                f.store(f["out"].at((c + j) * width + k * t.lanes, e), row * by)
    f.give()
    return f


def _back(t: Type) -> Function:
    """out[l * along + c] = a[c][l] * by[l], for `columns` c and `rows` l."""
    given = [("a", PTR), ("by", PTR), ("rows", I64), ("columns", I64), ("out", PTR), ("along", I64)]
    f = Function("back", given)
    e, width = t.element, VECTORS * t.lanes
    with f.loop(0, f["columns"], t.lanes) as c:
        mask, whole = f.first(f["columns"] - c, t), c + t.lanes <= f["columns"]
        for k in range(VECTORS):
            by = f.load(f["by"].at(k * t.lanes, e), t)
            square = [f.load(f["a"].at((c + j) * width + k * t.lanes, e), t) * by for j in range(t.lanes)]
            for j, row in enumerate(transposed(f, square)):
                inside, to = f["rows"] > k * t.lanes + j, f["out"].at(f["along"] * (k * t.lanes + j) + c, e)
                with f.when(inside & whole):
                    f.store(to, row)
                with f.when(inside & ~whole):
                    f.store(to, row, mask)
    f.give()
    return f


def _weights(t: Type, tile: int, product: Function, turn: Function) -> Function:
    """The exponentials of the scores of `rows` queries for `keys` keys, shifted by the largest, in a table,
    and their sums. reach: what the first query sees the last of, and each next one more. mask: null, or what
    is added to scores. room: for the queries in lanes."""
    given = [("q", PTR), ("q_along", I64), ("rows", I64), ("k", PTR), ("k_along", I64), ("keys", I64)]
    more = [("size", I64), ("by", t.element), ("reach", I64), ("mask", PTR), ("mask_along", I64)]
    f = Function("weights", [*given, *more, ("room", PTR), ("table", PTR), ("sums", PTR)])
    e, width, table = t.element, VECTORS * t.lanes, f["table"]
    f.run(turn, f["q"], f["q_along"], f["rows"], f["size"], f["by"], f["room"])
    with f.loop(0, f["keys"], tile) as s:
        many, rows = f.smaller(f["keys"] - s, tile), f["k"].at(s * f["k_along"], e)
        f.run(product, rows, f["k_along"], 1, many, f["room"], f["size"], table.at(s * width, e))
    with f.when(f.convert(f["mask"], I64).ne(0)):
        _add_mask(f, t)
    whole = integers(t)
    reach = [
        f.splat(f.convert(f["reach"] + k * t.lanes, whole.element), t.lanes) + f.count(whole)
        for k in range(VECTORS)
    ]
    tops = [f.variable(f.value(-inf, t)) for _ in range(VECTORS)]
    with f.loop(0, f["keys"]) as s:
        number = f.splat(f.convert(s, whole.element), t.lanes)
        for k, top in enumerate(tops):
            at = table.at(s * width + k * t.lanes, e)
            x = f.select(number <= reach[k], f.load(at, t), -inf)
            f.store(at, x)
            top.set(f.select(x > top.get(), x, top.get()))
    lowest, tiny = _LOWEST[e.bytes], _TINY[e.bytes]
    shift = [f.select(top.get() < lowest, lowest, top.get()) for top in tops]
    totals = [f.variable(f.value(0.0, t)) for _ in range(VECTORS)]
    with f.loop(0, f["keys"]) as s:
        for k, total in enumerate(totals):
            at = table.at(s * width + k * t.lanes, e)
            y = vmath.exp(f, f.load(at, t) - shift[k])
            f.store(at, y)
            total.set(total.get() + y)
    for k, total in enumerate(totals):
        y = total.get()
        f.store(f["sums"].at(k * t.lanes, e), f.select(y < tiny, tiny, y))
    f.give()
    return f


def _add_mask(f: Function, t: Type) -> None:
    """Add the mask, whose rows belong to queries, to the table, whose rows belong to keys."""
    e, width = t.element, VECTORS * t.lanes
    with f.loop(0, f["keys"], t.lanes) as s:
        inside = f.first(f["keys"] - s, t)
        for k in range(VECTORS):
            places = [f.smaller(f["rows"] - 1, k * t.lanes + j) * f["mask_along"] + s for j in range(t.lanes)]
            square = [f.load(f["mask"].at(p, e), t, inside) for p in places]
            for j, row in enumerate(transposed(f, square)):
                at = f["table"].at((s + j) * width + k * t.lanes, e)
                f.store(at, f.load(at, t) + row)


def space(t: Type, tile: Any, size: Any, value: Any, keys: Any, larger: Any) -> tuple[Any, Any, Any]:
    """The elements, for numbers as well as for what a kernel is given, of a turned table, of a table of
    weights, and of rows of keys or values without gaps, or packed."""
    width, extra = VECTORS * t.lanes, max(t.lanes, tile)
    most = larger(size, value)
    return (most + extra) * width, (keys + extra) * width, (most + extra) * (keys + extra)


nameless(globals())
