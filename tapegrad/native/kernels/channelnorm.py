"""batch_norm, group_norm and instance_norm: what is normalised together is some contiguous rows, each with
one weight. `rownorm` stands in for the bodies, and hands on to here what is not along rows.

The elements of a unit (a channel, a group, a channel of an entry) stay in the cache between the passes over
them; sums are in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.normalise import Moments
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, whole
from tapegrad.native.ir import F64, Function, Type, Value
from tapegrad.native.kernels import featurenorm
from tapegrad.native.memory import empty
from tapegrad.native.target import host

_GRAIN = 1 << 14  # elements that are worth a thread
_WAYS = 4  # vectors that are summed at once
_BLOCK = 2048  # elements whose sum need not be in float64

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


def _sums(
    f: Function, n: Value, v: Type, terms: Callable[[Value, Type], list[Value]], many: int, wide: bool = False
) -> list[Value]:
    """The sums of terms(i, type) over a row, in float64. Without `wide` those of a block are in the type."""
    totals = [f.variable(0.0, F64) for _ in range(many)]
    kinds = [t.like(F64) if wide else t for t in (*[v] * _WAYS, v.element)]
    with f.loop(0, n, _BLOCK) as low:
        held = [[f.variable(0.0, t) for t in kinds] for _ in range(many)]

        def part(i: Value, t: Type, way: int) -> None:
            for sums, term in zip(held, terms(low + i, t), strict=True):
                sums[way].set(sums[way].get() + f.convert(term, kinds[way]))

        _over(f, f.smaller(n - low, _BLOCK), v, part)
        for total, sums in zip(totals, held, strict=True):
            whole = f.total(f.tree([each.get() for each in sums[:-1]], lambda a, b: a + b)) + sums[-1].get()
            total.set(total.get() + f.convert(whole, F64))
    return [total.get() for total in totals]


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


def _moments(f: Body, v: Type, unit: Value) -> tuple[Value, Value]:
    """Mean and variance of a unit."""
    e, n = v.element, f["n"]
    count = f.convert(n * f["rows"], F64)
    total = f.variable(0.0, F64)
    with f.loop(0, f["rows"]) as row:
        x = f["x"].at(_at(f, unit, row)[0], e)

        def plain(i: Value, t: Type, x: Value = x) -> list[Value]:
            return [f.load(x.at(i, e), t)]

        (part,) = _sums(f, n, v, plain, 1, True)
        total.set(total.get() + part)
    mean = f.convert(total.get() / count, e)
    middle = f.splat(mean, v.lanes)
    squares = f.variable(0.0, F64)
    with f.loop(0, f["rows"]) as row:
        x = f["x"].at(_at(f, unit, row)[0], e)

        def square(i: Value, t: Type, x: Value = x) -> list[Value]:
            d = f.load(x.at(i, e), t) - (middle if t is v else mean)
            return [d * d]

        (part,) = _sums(f, n, v, square, 1)
        squares.set(squares.get() + part)
    return mean, f.convert(squares.get() / count, e)


def _write_affine(v: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        e = v.element
        with f.loop(f.low, f.high) as unit:
            found = put_moments(f, e, unit, *_moments(f, v, unit))
            with f.loop(0, f["rows"]) as row:
                start, weight = _at(f, unit, row)
                x, y = f["x"].at(start, e), f["y"].at(start, e)
                one = (*found, _read(f, "w", weight, e), _read(f, "b", weight, e))
                wide = [f.splat(s, v.lanes) for s in one]

                def part(
                    i: Value, t: Type, _: int, x: Value = x, y: Value = y, one: Any = one, all: Any = wide
                ) -> None:
                    m, r, a, c = all if t is v else one
                    f.store(y.at(i, e), (f.load(x.at(i, e), t) - m) * r * a + c)

                _over(f, f["n"], v, part)

    return write


def _write_back(v: Type) -> Callable[[Body], None]:
    """z from g and x; the sums of g and of g times the normalised x, of each row, or of a unit with one
    weight."""

    def write(f: Body) -> None:
        e, n = v.element, f["n"]
        count = f.convert(n * f["rows"], F64)
        with f.loop(f.low, f.high) as unit:
            mean, rstd = _read(f, "mean", unit, e), _read(f, "rstd", unit, e)
            means, rstds = f.splat(mean, v.lanes), f.splat(rstd, v.lanes)
            level, slope = (f.variable(0.0, F64) for _ in range(2))
            sums = {name: f.variable(0.0, F64) for name in ("plain", "along")}
            both = {v: (means, rstds), e: (mean, rstd)}

            def unit_of(p: Value, t: Type, both: dict[Type, tuple[Value, Value]] = both) -> Value:
                mean, rstd = both[t]
                x: Value = (f.load(p, t) - mean) * rstd
                return x

            with f.loop(0, f["rows"]) as row:
                start, weight = _at(f, unit, row)
                g, x = f["g"].at(start, e), f["x"].at(start, e)

                def terms(i: Value, t: Type, g: Value = g, x: Value = x) -> list[Value]:
                    a = f.load(g.at(i, e), t)
                    return [a, a * unit_of(x.at(i, e), t)]

                plain, along = _sums(f, n, v, terms, 2)
                at = unit * f["slots"] + row * f["by_row"]
                for name, own in (("plain", plain), ("along", along)):
                    sums[name].set(own + f.select(f["by_row"].eq(0), sums[name].get(), 0.0))
                    f.store(f[name].at(at, F64), sums[name].get())
                w = f.convert(_read(f, "w", weight, e), F64)
                level.set(level.get() + w * plain)
                slope.set(slope.get() + w * along)
            low, turn = (f.convert(s.get() / count, e) for s in (level, slope))
            with f.loop(0, f["rows"]) as row:
                start, weight = _at(f, unit, row)
                g, x, z = (f[k].at(start, e) for k in "gxz")
                one = _read(f, "w", weight, e), low, turn, rstd
                wide = [f.splat(s, v.lanes) for s in one]

                def part(
                    i: Value,
                    t: Type,
                    _: int,
                    g: Value = g,
                    x: Value = x,
                    z: Value = z,
                    one: Any = one,
                    all: Any = wide,
                ) -> None:
                    w, low, turn, rstd = all if t is v else one
                    y = f.load(g.at(i, e), t) * w - low - unit_of(x.at(i, e), t) * turn
                    f.store(z.at(i, e), y * rstd)

                _over(f, n, v, part)

    return write


_KERNELS: dict[str, tuple[str, Callable[[Type], Callable[[Body], None]]]] = {
    "affine": ("y:w mean:w var:w rstd:w x:r w:r b:r eps:d", _write_affine),
    "back": ("z:w plain:w along:w g:r x:r w:r mean:r rstd:r slots:i", _write_back),
}


@cache
def _kernel(t: Type, what: str) -> Any:
    parameters, write = _KERNELS[what]
    slots = f"{parameters} units:i grain:i {_ROWS}"
    return build(f"channels_{what}_{t}", slots, write(host().wide(t)), over="units", grain="grain")


def _shared(rows: Rows) -> int:
    return max(1, _GRAIN // (rows.rows * rows.n))


def _batch(view: tuple[int, ...], axes: Any) -> tuple[int, Rows] | None:
    """(how many units, their rows) where all but dimension 1 is normalised together."""
    if len(view) < 3 or tuple(axes) != (0, *range(2, len(view))):
        return None
    images, c, n = view[0], view[1], prod(view[2:])
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
    _kernel(t, "affine")(y, *moments, x, w, b, eps, units, _shared(rows), *rows)
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
    units, rows = found
    z, slots = empty(x.shape, x.dtype), rows.rows if rows.by_row else 1
    sums = np.empty((2, units, slots))
    moments = known.mean, known.rstd
    _kernel(t, "back")(z, *sums, rows_of_g, x, w, *moments, slots, units, _shared(rows), *rows)
    if units != rows.weights:  # some share a weight
        sums = np.add.reduce(sums.reshape(2, -1, rows.weights, slots), 1)
    gb, gw = sums.astype(x.dtype).reshape(2, *w.shape)
    return None if need[0] is None else z, None if need[1] is None else gw, None if need[2] is None else gb


nameless(globals())
