"""batch_norm, group_norm and instance_norm: what is normalised together is some contiguous rows, each with
one weight. `rownorm` stands in for the bodies, and hands on to here what is not along rows.

The elements of a unit (a channel, a group, a channel of an entry) stay in the cache between the passes over
them; sums are in float64. Channels of short rows that lie beside each other are gone over together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels import normalise as N
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.normalise import Moments
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, over, whole
from tapegrad.native.ir import F64, Function, Type, Value
from tapegrad.native.kernels import featurenorm
from tapegrad.native.memory import empty
from tapegrad.native.runtime import threads
from tapegrad.native.target import host

_GRAIN = 1 << 14  # elements that are worth a thread
_WAYS = 4  # vectors that are summed at once
_NARROW = 2048  # elements whose sum need not be in float64
_NEAR = 1024  # elements beside each other that are gone over together: rows far apart share places in caches
_KEPT = 1 << 16  # elements of a block that stay in the second cache between the passes
_MANY, _APART = 2, 8  # sums of a unit; numbers behind their vectors, a line of the cache

_ROWS = "rows:i n:i unit:i row:i weights:i by_unit:i by_row:i"


class Rows(NamedTuple):
    """Where a unit's rows are: `rows` of n elements, `row` apart; units begin `unit` apart. A row's weight is
    number (unit % weights) * by_unit + row * by_row."""

    rows: int
    n: int
    unit: int
    row: int
    weights: int
    by_unit: int
    by_row: int


def _over(f: Function, n: Value, v: Type, part: Callable[[Value, Type, int], None]) -> None:
    """part(i, type, way) for n elements: some vectors at once, single ones, and then one by one."""
    wide, whole = n & -(_WAYS * v.lanes), n & -v.lanes
    with f.loop(0, wide, _WAYS * v.lanes) as i:
        for k in range(_WAYS):
            part(i + k * v.lanes, v, k)
    with f.loop(wide, whole, v.lanes) as i:
        part(i, v, 0)
    with f.loop(whole, n) as i:
        part(i, v.element, _WAYS)


class _Sums:
    """Sums over rows, in float64, of each unit of a block: of each sum a vector, and one number of what is
    left of rows behind whole vectors."""

    def __init__(self, f: Body, v: Type, many: int) -> None:
        self.f, self.v, self.many, self.wide = f, v, many, v.like(F64)
        self.room = f["room"].at(f.who * (f["block"] * _slot(v) + _APART), F64)

    def clear(self) -> None:
        """Let all be 0."""
        self.f.clear(self.room, self.f["block"] * (_slot(self.v) * F64.bytes))

    def numbers(self, k: Value) -> Value:
        """The numbers of unit k of the block, behind its vectors."""
        return self.room.at(k * _slot(self.v) + _MANY * self.v.lanes, F64)

    def _places(self, k: Value, which: int) -> list[tuple[Value, Type]]:
        vectors = self.room.at(k * _slot(self.v) + which * self.v.lanes, F64)
        return [(vectors, self.wide), (self.numbers(k).at(which, F64), F64)]

    def add(self, k: Value, terms: Callable[[Value, Type], list[Value]], wide: bool = False) -> None:
        """Those of terms(i, type) over a row of unit k. Without `wide` those of some elements are in the
        type."""
        f, v, n = self.f, self.v, self.f["n"]
        kinds = [t.like(F64) if wide else t for t in (*[v] * _WAYS, v.element)]
        with f.loop(0, n, _NARROW) as low:
            held = [[f.variable(0.0, t) for t in kinds] for _ in range(self.many)]

            def part(i: Value, t: Type, way: int) -> None:
                for sums, term in zip(held, terms(low + i, t), strict=True):
                    sums[way].set(sums[way].get() + f.convert(term, kinds[way]))

            _over(f, f.smaller(n - low, _NARROW), v, part)
            for which, sums in enumerate(held):
                whole = f.tree([each.get() for each in sums[:-1]], lambda a, b: a + b)
                for (place, t), more in zip(self._places(k, which), (whole, sums[-1].get()), strict=True):
                    f.store(place, f.load(place, t) + f.convert(more, t))

    def take(self, k: Value) -> list[Value]:
        """The sums of unit k; the next ones start from 0."""
        found = []
        for which in range(self.many):
            both = self._places(k, which)
            many, one = (self.f.load(place, t) for place, t in both)
            found.append(self.f.total(many) + one)
            for place, t in both:
                self.f.store(place, self.f.value(0.0, t))
        return found


def _slot(v: Type) -> int:
    """Elements of a unit's sums."""
    return _MANY * v.lanes + _APART


def _at(f: Body, unit: Value, row: Value) -> tuple[Value, Value]:
    """(a row's first element, the number of its weight)."""
    weight = unit % f["weights"] * f["by_unit"] + row * f["by_row"]
    return unit * f["unit"] + row * f["row"], weight


def _read(f: Body, name: str, i: Value, t: Type) -> Value:
    return f.load(f[name].at(i, t), t.element)


def put_moments(f: Body, e: Type, unit: Value, mean: Value, var: Value) -> tuple[Value, Value]:
    """Store what was found of a unit: (mean, 1 / deviation)."""
    rstd = 1.0 / f.intrinsic("sqrt", var + f.convert(f["eps"], e))
    for name, value in (("mean", mean), ("var", var), ("rstd", rstd)):
        f.store(f[name].at(unit, e), value)
    return mean, rstd


def _write_affine(v: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        e = v.element
        count, sums = f.convert(f["n"] * f["rows"], F64), _Sums(f, v, 1)
        with f.loop(f.low, f.high) as block:
            first = block * f["block"]
            end = f.smaller(first + f["block"], f["units"])
            sums.clear()
            with f.loop(0, f["rows"]) as row, f.loop(first, end) as unit:
                x = f["x"].at(_at(f, unit, row)[0], e)
                sums.add(unit - first, lambda i, t, x=x: [f.load(x.at(i, e), t)], True)  # type: ignore[misc]
            with f.loop(first, end) as unit:
                f.store(f["mean"].at(unit, e), f.convert(sums.take(unit - first)[0] / count, e))
            with f.loop(0, f["rows"]) as row, f.loop(first, end) as unit:
                sums.add(unit - first, _squares(f, v, unit, row))
            with f.loop(first, end) as unit:
                var = f.convert(sums.take(unit - first)[0] / count, e)
                put_moments(f, e, unit, _read(f, "mean", unit, e), var)
            with f.loop(0, f["rows"]) as row, f.loop(first, end) as unit:
                _put_affine(f, v, unit, row)

    return write


def _squares(f: Body, v: Type, unit: Value, row: Value) -> Callable[[Value, Type], list[Value]]:
    """The squares of what a row's elements are away from the mean."""
    e = v.element
    x, mean = f["x"].at(_at(f, unit, row)[0], e), _read(f, "mean", unit, e)
    means = {v: f.splat(mean, v.lanes), e: mean}

    def square(i: Value, t: Type) -> list[Value]:
        d = f.load(x.at(i, e), t) - means[t]
        return [d * d]

    return square


def _put_affine(f: Body, v: Type, unit: Value, row: Value) -> None:
    """A row of the result."""
    e = v.element
    start, weight = _at(f, unit, row)
    x, y = f["x"].at(start, e), f["y"].at(start, e)
    one = [_read(f, name, unit, e) for name in ("mean", "rstd")] + [_read(f, n, weight, e) for n in "wb"]
    both = {v: [f.splat(s, v.lanes) for s in one], e: one}

    def part(i: Value, t: Type, _: int) -> None:
        m, r, a, c = both[t]
        f.store(y.at(i, e), (f.load(x.at(i, e), t) - m) * r * a + c)

    _over(f, f["n"], v, part)


def _unit_of(f: Body, v: Type, unit: Value, x: Value) -> Callable[[Value, Type], Value]:
    """The normalised elements of a row x of a unit."""
    e = v.element
    one = [_read(f, name, unit, e) for name in ("mean", "rstd")]
    both = {v: [f.splat(s, v.lanes) for s in one], e: one}

    def at(i: Value, t: Type) -> Value:
        found: Value = (f.load(x.at(i, e), t) - both[t][0]) * both[t][1]
        return found

    return at


def _write_back(v: Type) -> Callable[[Body], None]:
    """z from g and x; the sums of g and of g times the normalised x, of each row, or of a unit with one
    weight."""

    def write(f: Body) -> None:
        sums = _Sums(f, v, 2)
        with f.loop(f.low, f.high) as block:
            first = block * f["block"]
            end = f.smaller(first + f["block"], f["units"])
            sums.clear()
            with f.loop(0, f["rows"]) as row, f.loop(first, end) as unit:
                sums.add(unit - first, _terms(f, v, unit, row))
                with f.when(f["by_row"].ne(0)):
                    _put_sums(f, sums.take(unit - first), unit * f["slots"] + row)
            with f.loop(first, end) as unit:
                with f.when(f["by_row"].eq(0)):
                    _put_sums(f, sums.take(unit - first), unit)
                _put_slopes(f, v.element, unit, sums.numbers(unit - first))
            with f.loop(0, f["rows"]) as row, f.loop(first, end) as unit:
                _put_back(f, v, unit, row, sums.numbers(unit - first))

    return write


def _terms(f: Body, v: Type, unit: Value, row: Value) -> Callable[[Value, Type], list[Value]]:
    """What is summed of a row: g, and g times the normalised x."""
    e, start = v.element, _at(f, unit, row)[0]
    g, normal = f["g"].at(start, e), _unit_of(f, v, unit, f["x"].at(start, e))

    def terms(i: Value, t: Type) -> list[Value]:
        a = f.load(g.at(i, e), t)
        return [a, a * normal(i, t)]

    return terms


def _put_sums(f: Body, sums: list[Value], at: Value) -> None:
    for name, total in zip(("plain", "along"), sums, strict=True):
        f.store(f[name].at(at, F64), total)


def _put_slopes(f: Body, e: Type, unit: Value, to: Value) -> None:
    """The means of g times the weight, and of that times the normalised x, of a unit: two numbers."""
    count = f.convert(f["n"] * f["rows"], F64)
    totals = [f.variable(0.0, F64) for _ in range(2)]
    with f.loop(0, f["slots"]) as slot:
        weight = unit % f["weights"] * f["by_unit"] + slot
        w = f.convert(_read(f, "w", weight, e), F64)
        for name, total in zip(("plain", "along"), totals, strict=True):
            total.set(total.get() + w * f.load(f[name].at(unit * f["slots"] + slot, F64), F64))
    for k, total in enumerate(totals):
        f.store(to.at(k, F64), total.get() / count)


def _put_back(f: Body, v: Type, unit: Value, row: Value, slopes: Value) -> None:
    """A row of the cotangent of x."""
    e = v.element
    start, weight = _at(f, unit, row)
    g, z, normal = f["g"].at(start, e), f["z"].at(start, e), _unit_of(f, v, unit, f["x"].at(start, e))
    one = [_read(f, "w", weight, e), *[f.convert(f.load(slopes.at(k, F64), F64), e) for k in (0, 1)]]
    one.append(_read(f, "rstd", unit, e))
    both = {v: [f.splat(s, v.lanes) for s in one], e: one}

    def part(i: Value, t: Type, _: int) -> None:
        w, low, turn, rstd = both[t]
        y = f.load(g.at(i, e), t) * w
        f.store(z.at(i, e), f.select(f["own"].ne(0), y - low - normal(i, t) * turn, y) * rstd)

    _over(f, f["n"], v, part)


_KERNELS: dict[str, tuple[str, Callable[[Type], Callable[[Body], None]]]] = {
    "affine": ("y:w mean:w var:w rstd:w x:r w:r b:r eps:d", _write_affine),
    "back": ("z:w plain:w along:w g:r x:r w:r mean:r rstd:r own:i slots:i", _write_back),
}


@cache
def _kernel(t: Type, what: str) -> Any:
    parameters, write = _KERNELS[what]
    slots = f"{parameters} room:w block:i blocks:i units:i grain:i {_ROWS}"
    return build(f"channels_{what}_{t}", slots, write(host().wide(t)), over="blocks", grain="grain")


def _blocks(t: Type, units: int, rows: Rows) -> tuple[Any, ...]:
    """What a kernel is told of its units: those beside each other whose rows are short are a block."""
    block = 1
    if rows.rows > 1 and rows.unit == rows.n:
        size = rows.rows * rows.n
        block = max(1, min(_NEAR // rows.n, _KEPT // size, -(-units // (2 * threads()))))
    room = np.empty(threads() * (block * _slot(host().wide(t)) + _APART))
    return room, block, -(-units // block), units, max(1, _GRAIN // (block * rows.rows * rows.n)), *rows


def _batch(view: tuple[int, ...], axes: Any) -> tuple[int, Rows] | None:
    """(how many units, their rows) where all but dimension 1 is normalised together."""
    if len(view) < 3 or tuple(axes) != (0, *range(2, len(view))):
        return None
    return _channels(view)


def _channels(shape: tuple[int, ...]) -> tuple[int, Rows]:
    """(how many, their rows) of channels [images, channels, ...]."""
    images, c, n = shape[0], shape[1], prod(shape[2:])
    return c, Rows(images, n, n, c * n, c, 1, 0)


@lru_cache(1024)
def _units(view: tuple[int, ...], axes: tuple[int, ...], shape: Any) -> tuple[int, Rows] | None:
    """Of all three; None for others."""
    if len(view) < 3 or len(shape) != len(view) or any(k != 1 for k in (shape[0], *shape[3:])):
        return None
    if shape[1] != view[1]:
        return None
    images, c = view[:2]
    rest = tuple(axes) == tuple(range(2, len(view)))
    if shape[2] == 1:
        n = prod(view[2:])
        return (images * c, Rows(1, n, n, 0, c, 1, 0)) if rest else _batch(view, axes)
    n = prod(view[3:])
    if not rest or shape[2] != view[2]:
        return None
    return images * c, Rows(view[2], n, view[2] * n, n, c, view[2], 1)


def _is_matrix(view: Any, axes: Any) -> bool:
    """Whether it is columns of a matrix that are normalised."""
    return len(view) == 2 and tuple(axes) == (0,) and 0 not in view


def affine(
    body: Any, x: Any, w: Any, b: Any, view: Any, axes: Any, shape: Any, eps: float, known: Moments
) -> Any:
    """The normalised x times w plus b."""
    t = fits(x, w, b, least=1)
    if t and _is_matrix(view, axes):
        return featurenorm.affine(t, x.reshape(view), w, b, eps, known).reshape(x.shape)
    found = t and _units(view, axes, shape)
    if not t or not found:
        return body(x, w, b, view, axes, shape, eps, known)
    units, rows = found
    y = empty(x.shape, x.dtype)
    moments = known.room(tuple([1 if k in axes else n for k, n in enumerate(view)]), x.dtype)
    _kernel(t, "affine")(y, *moments, x, w, b, eps, *_blocks(t, units, rows))
    return y


def affine_vjp(
    body: Any,
    need: Any,
    g: Any,
    x: Any,
    w: Any,
    b: Any,
    view: Any,
    axes: Any,
    shape: Any,
    eps: float,
    known: Moments,
) -> Any:
    """The cotangents of x, w and b."""
    t = fits(x, w, known.mean, known.rstd, least=1)
    if not t or not fits(rows_of_g := whole(g, x), x):
        return body(need, g, x, w, b, view, axes, shape, eps, known)
    if _is_matrix(view, axes):
        gx, gw, gb = featurenorm.affine_vjp(t, need, rows_of_g.reshape(view), x.reshape(view), w, known)
        return None if gx is None else gx.reshape(x.shape), gw, gb
    found = _units(view, axes, shape)
    if not found:
        return body(need, g, x, w, b, view, axes, shape, eps, known)
    z, gw, gb = _back(t, rows_of_g, x, w, known.mean, known.rstd, found, True)
    return None if need[0] is None else z, None if need[1] is None else gw, None if need[2] is None else gb


def _back(
    t: Type, g: Any, x: Any, w: Any, mean: Any, rstd: Any, found: tuple[int, Rows], own: bool
) -> tuple[Any, Any, Any]:
    """The cotangents of x, w and b. own: the moments are those of x."""
    units, rows = found
    z, slots = empty(x.shape, x.dtype), rows.rows if rows.by_row else 1
    sums = np.empty((2, units, slots))
    _kernel(t, "back")(z, *sums, g, x, w, mean, rstd, own, slots, *_blocks(t, units, rows))
    if units != rows.weights:  # some share a weight
        sums = np.add.reduce(sums.reshape(2, -1, rows.weights, slots), 1)
    gb, gw = sums.astype(x.dtype).reshape(2, *w.shape)
    return z, gw, gb


# ---- by running moments


@cache
def _running(t: Type) -> Any:
    v = host().wide(t)

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as row:
            c = row % f["channels"]
            mean, var, w, b = (_read(f, name, c, t) for name in ("mean", "var", "w", "b"))
            scale = 1.0 / f.intrinsic("sqrt", var + f.convert(f["eps"], t)) * w
            one = scale, b - mean * scale
            both = {v: [f.splat(s, v.lanes) for s in one], t: one}
            x, y = (f[name].at(row * f["n"], t) for name in "xy")

            def part(i: Value, t: Type, _: int, x: Value = x, y: Value = y, both: Any = both) -> None:
                f.store(y.at(i, v.element), f.load(x.at(i, v.element), t) * both[t][0] + both[t][1])

            _over(f, f["n"], v, part)

    slots = "y:w x:r mean:r var:r w:r b:r eps:d rows:i grain:i n:i channels:i"
    return build(f"channels_running_{t}", slots, write, over="rows", grain="grain")


@over(N.by_running)
def by_running(body: Any, x: Any, mean: Any, var: Any, w: Any, b: Any, shape: Any, eps: float) -> Any:
    """x normalised by moments that are given, times w plus b."""
    t = fits(x, mean, var, w, b, least=1)
    if t is None or mean.size != x.shape[1]:
        return body(x, mean, var, w, b, shape, eps)
    if x.ndim == 2:
        return featurenorm.by_running(x, mean, var, w, b, eps)
    rows, n = x.shape[0] * x.shape[1], prod(x.shape[2:])
    y = empty(x.shape, x.dtype)
    _running(t)(y, x, mean, var, w, b, eps, rows, max(1, _GRAIN // n), n, x.shape[1])
    return y


@over(N.by_running_vjp)
def by_running_vjp(
    body: Any, need: Any, g: Any, x: Any, mean: Any, var: Any, w: Any, b: Any, shape: Any, eps: float
) -> Any:
    """The cotangents of x, w and b."""
    t = fits(x, mean, var, w, b, least=1)
    if t is None or mean.size != x.shape[1] or not fits(rows_of_g := whole(g, x), x):
        return body(need, g, x, mean, var, w, b, shape, eps)
    if x.ndim == 2 and len(x) > 1:
        return featurenorm.by_running_vjp(t, need, rows_of_g, x, mean, var, w, eps)
    rstd = 1 / np.sqrt(var + x.dtype.type(eps))
    z, gw, gb = _back(t, rows_of_g, x, w, mean, rstd, _channels(x.shape), False)
    return tuple(None if k is None else y for k, y in zip(need, (z, None, None, gw, gb), strict=True))


nameless(globals())
