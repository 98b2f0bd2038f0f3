"""What attention is made of: products of small tiles, and softmax over the keys for some queries at once.

Queries lie in the lanes: two vectors of them, `width` queries, go together. So the largest score and the sum
of each query are lanes of a vector, and nothing is summed across lanes. Scores and weights of these queries
are a table with a row of `width` per key; nothing of the size of queries times keys is ever kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from math import inf
from typing import Any

from tapegrad.kernels.errstate import nameless
from tapegrad.native import vmath
from tapegrad.native.call import provided, run
from tapegrad.native.copying import transposed
from tapegrad.native.ir import I64, Function, Type, Value, integers
from tapegrad.native.strips import strip, sweep
from tapegrad.native.target import host

VECTORS = 2
_LOWEST = {4: -3.4028234663852886e38, 8: -1.7976931348623157e308}
_TINY = {4: 1.1754943508222875e-38, 8: 2.2250738585072014e-308}


@dataclass(frozen=True)
class Parts:
    """The names of the functions of one type. tile: rows of a product that are made at once."""

    t: Type
    tile: int
    product: str
    outer: str
    turn: str
    back: str
    copy: str
    pack: str
    weights: str

    @property
    def width(self) -> int:
        """The queries that go together."""
        return VECTORS * self.t.lanes


def tile_of() -> int:
    """How many rows of two vectors the registers hold beside what is multiplied."""
    return (host().registers - 4) // VECTORS


@cache
def parts(t: Type) -> Parts:
    """The functions of a vector type, compiled one by one: both directions call them."""
    tile = tile_of()

    def made(what: str, parameters: str, write: Callable[..., None], *more: Any) -> str:
        return provided(f"attention_{what}_{t.element}", parameters, partial(write, t, *more))

    turned = "a:r along:i rows:i columns:i by:d out:w"
    product = made("product", "a:r across:i along:i many:i b:r steps:i out:w", _product, tile)
    turn = made("turn", turned, _turn)
    copied = "a:r along:i rows:i columns:i out:w"
    return Parts(
        t,
        tile,
        product,
        made("outer", "b:r many:i steps:i a:r along:i out:w across:i columns:i", _outer, tile),
        turn,
        made("back", "a:r by:r rows:i columns:i out:w along:i", _back),
        made("copy", copied, _copy),
        made("pack", copied, _pack, tile),
        made("weights", _WEIGHTS, _weights, tile, product, turn),
    )


_WEIGHTS = (
    "q:r q_along:i rows:i k:r k_along:i keys:i size:i by:d reach:i mask:r mask_along:i room:w table:w sums:w"
)


def _product(t: Type, tile: int, f: Function) -> None:
    """out[i] = sum over the steps s of a[i * across + s * along] * b[s], where out and b have rows of
    `width`; for `tile` rows, of which only the first `many` mean anything."""
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


def _outer(t: Type, tile: int, f: Function) -> None:
    """out[i] += sum over the steps s of b[i][s] * a[s], for `many` rows i of b, whose length is `width`; a
    and out have rows of `columns` numbers."""
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


def _copy(t: Type, f: Function) -> None:
    """out[r][c] = a[r * along + c]: rows without gaps, so that they do not fall into the same places of the
    cache."""
    e = t.element
    with f.loop(0, f["rows"]) as row:
        source, to = f["a"].at(row * f["along"], e), f["out"].at(row * f["columns"], e)
        sweep(f, 0, f["columns"], t, lambda i, m, _: f.store(to.at(i, e), f.load(source.at(i, e), t, m), m))


def _pack(t: Type, tile: int, f: Function) -> None:
    """out[c // tile][r][c % tile] = a[r * along + c]: what a product reads of a tile's columns stands in one
    row. What is stored beyond a tile is overwritten by the next row."""
    e = t.element
    with f.loop(0, f["columns"], tile) as c, f.loop(0, f["rows"]) as row:
        source, to = f["a"].at(row * f["along"] + c, e), f["out"].at(c * f["rows"] + row * tile, e)
        for k in range(0, tile, t.lanes):
            f.store(to.at(k, e), f.load(source.at(k, e), t, f.first(f["columns"] - c - k, t)))


def _square(f: Function, t: Type, source: Value, along: Value, first: Value, mask: Value) -> list[Value]:
    """The columns of `lanes` rows from the first on, of `rows`, which repeat the last beyond."""
    places = [f.smaller(f["rows"] - 1, first + j) * along for j in range(t.lanes)]
    return transposed(f, [f.load(source.at(p, t.element), t, mask) for p in places])


def _turn(t: Type, f: Function) -> None:
    """out[c][l] = a[l * along + c] * by, for `columns` c and `rows` l, which repeat the last beyond."""
    e, width = t.element, VECTORS * t.lanes
    by = f.splat(f.convert(f["by"], e), t.lanes)
    with f.loop(0, f["columns"], t.lanes) as c, f.loop(0, width, t.lanes) as k:
        mask = f.first(f["columns"] - c, t)
        for j, row in enumerate(_square(f, t, f["a"].at(c, e), f["along"], k, mask)):
            f.store(f["out"].at((c + j) * width + k, e), row * by)


def _back(t: Type, f: Function) -> None:
    """out[l * along + c] = a[c][l] * by[l], for `columns` c and `rows` l."""
    e, width = t.element, VECTORS * t.lanes
    room = f.room(e, t.lanes * t.lanes)
    with f.loop(0, f["columns"], t.lanes) as c, f.loop(0, width, t.lanes) as k:
        mask, whole = f.first(f["columns"] - c, t), c + t.lanes <= f["columns"]
        by = f.load(f["by"].at(k, e), t)
        square = [f.load(f["a"].at((c + j) * width + k, e), t) * by for j in range(t.lanes)]
        for j, row in enumerate(transposed(f, square)):
            f.store(room.at(j * t.lanes, e), row)
        with f.loop(0, f.smaller(f["rows"] - k, t.lanes)) as line:
            row, to = f.load(room.at(line * t.lanes, e), t), f["out"].at((k + line) * f["along"] + c, e)
            with f.when(whole):
                f.store(to, row)
            with f.when(~whole):
                f.store(to, row, mask)


def _weights(t: Type, tile: int, product: str, turn: str, f: Function) -> None:
    """The exponentials of the scores of `rows` queries for `keys` keys, shifted by the largest, in a table,
    and their sums. reach: what the first query sees the last of, and each next one more. mask: null, or what
    is added to scores. room: for the queries in lanes."""
    e, width, table = t.element, VECTORS * t.lanes, f["table"]
    run(f, turn, f["q"], f["q_along"], f["rows"], f["size"], f["by"], f["room"])
    with f.loop(0, f["keys"], tile) as s:
        many, rows = f.smaller(f["keys"] - s, tile), f["k"].at(s * f["k_along"], e)
        run(f, product, rows, f["k_along"], 1, many, f["room"], f["size"], table.at(s * width, e))
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


def _add_mask(f: Function, t: Type) -> None:
    """Add the mask, whose rows belong to queries, to the table, whose rows belong to keys."""
    e, width = t.element, VECTORS * t.lanes
    with f.loop(0, f["keys"], t.lanes) as s, f.loop(0, width, t.lanes) as k:
        inside = f.first(f["keys"] - s, t)
        for j, row in enumerate(_square(f, t, f["mask"].at(s, e), f["mask_along"], k, inside)):
            at = f["table"].at((s + j) * width + k, e)
            f.store(at, f.load(at, t) + row)


def space(t: Type, tile: Any, size: Any, value: Any, keys: Any, larger: Any) -> tuple[Any, Any, Any]:
    """The elements, for numbers as well as for what a kernel is given, of a turned table, of a table of
    weights, and of rows of keys or values without gaps, or packed."""
    width, extra = VECTORS * t.lanes, max(t.lanes, tile)
    most = larger(size, value)
    return (most + extra) * width, (keys + extra) * width, (most + extra) * (keys + extra)


nameless(globals())
