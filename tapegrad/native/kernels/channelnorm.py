"""group_norm and instance_norm: what is normalised together is some rows beside each other, each with one
weight. `rownorm` stands in for the bodies, and hands on to here what is not along rows; batch_norm goes on to
`batchnorm`, or of a matrix to `featurenorm`.

The elements of a unit (a group, a channel of an entry) stay in the cache between the passes over them; sums
are in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from tapegrad.native.kernels import batchnorm, featurenorm
from tapegrad.native.memory import empty
from tapegrad.native.strips import sweep
from tapegrad.native.target import host

_GRAIN = 1 << 14  # elements that are worth a thread
_SIZES = "units:i grain:i rows:i n:i weights:i"


class Units(NamedTuple):
    """What is normalised together: how many units, rows of each and elements of a row, all beside each other.
    A row's weight is number (unit % weights) * rows + row."""

    units: int
    rows: int
    n: int
    weights: int

    def sizes(self) -> tuple[int, ...]:
        """What a kernel is told of them."""
        units, *rest = self
        return units, max(1, _GRAIN // max(1, self.rows * self.n)), *rest


def _read(f: Function, name: str, i: Value, t: Type) -> Value:
    return f.load(f[name].at(i, t), t.element)


def put_moments(f: Body, e: Type, unit: Value, mean: Value, var: Value) -> tuple[Value, Value]:
    """Store what was found of a unit: (mean, 1 / deviation)."""
    rstd = 1.0 / f.intrinsic("sqrt", var + f.convert(f["eps"], e))
    for name, value in (("mean", mean), ("var", var), ("rstd", rstd)):
        f.store(f[name].at(unit, e), value)
    return mean, rstd


def moments(f: Body, t: Type, x: Value, n: Value) -> tuple[Value, Value]:
    """Mean and variance of n elements."""
    count, e = f.convert(n, F64), t.element
    total, squares = batchnorm.moments(f, t, x, n)
    return f.convert(total / count, e), f.convert(squares / count, e)


@contextmanager
def _rows(f: Body, unit: Value) -> Iterator[tuple[Value, Value, Value]]:
    """for each row of a unit: (which of the unit, its first element, the number of its weight)."""
    with f.loop(0, f["rows"]) as row:
        yield row, (unit * f["rows"] + row) * f["n"], unit % f["weights"] * f["rows"] + row


def _write_affine(t: Type) -> Callable[[Body], None]:
    e = t.element

    def write(f: Body) -> None:
        size = f["n"] * f["rows"]
        with f.loop(f.low, f.high) as unit:
            found = put_moments(f, e, unit, *moments(f, t, f["x"].at(unit * size, e), size))
            mean, rstd = (f.splat(v, t.lanes) for v in found)
            with _rows(f, unit) as (_, start, weight):
                x, y = (f[name].at(start, e) for name in "xy")
                w, b = (f.splat(_read(f, name, weight, e), t.lanes) for name in "wb")

                def each(i: Value, m: Any, _: Any) -> None:
                    f.store(y.at(i, e), f.fma((f.load(x.at(i, e), t, m) - mean) * rstd, w, b), m)

                sweep(f, 0, f["n"], t, each)

    return write


def _write_back(t: Type) -> Callable[[Body], None]:
    """z from g and x; the sums of g and of g times the normalised x, of each row."""
    e = t.element

    def write(f: Body) -> None:
        count = f.convert(f["n"] * f["rows"], F64)
        with f.loop(f.low, f.high) as unit:
            mean, rstd = (f.splat(_read(f, name, unit, e), t.lanes) for name in ("mean", "rstd"))
            totals = [f.variable(0.0, F64) for _ in range(2)]
            with _rows(f, unit) as (row, start, weight):
                w = f.convert(_read(f, "w", weight, e), F64)
                found = batchnorm.back_sums(f, t, start, mean, rstd)
                for name, total, value in zip(("plain", "along"), totals, found, strict=True):
                    f.store(f[name].at(unit * f["rows"] + row, F64), value)
                    total.set(total.get() + w * value)
            low, turn = (f.splat(f.convert(v.get() / count, e), t.lanes) for v in totals)
            with _rows(f, unit) as (_, start, weight):
                x, g, z = (f[name].at(start, e) for name in "xgz")
                w = f.splat(_read(f, "w", weight, e), t.lanes)

                def each(i: Value, m: Any, _: Any) -> None:
                    apart = (f.load(x.at(i, e), t, m) - mean) * rstd * turn
                    f.store(z.at(i, e), (f.load(g.at(i, e), t, m) * w - low - apart) * rstd, m)

                sweep(f, 0, f["n"], t, each)

    return write


_KERNELS: dict[str, tuple[str, Callable[[Type], Callable[[Body], None]]]] = {
    "affine": ("y:w mean:w var:w rstd:w x:r w:r b:r eps:d", _write_affine),
    "back": ("z:w plain:w along:w g:r x:r w:r mean:r rstd:r", _write_back),
}


@cache
def _kernel(t: Type, what: str) -> Any:
    parameters, write = _KERNELS[what]
    slots = f"{parameters} {_SIZES}"
    return build(f"channels_{what}_{t}", slots, write(host().wide(t)), over="units", grain="grain")


@lru_cache(1024)
def _units(view: tuple[int, ...], axes: tuple[int, ...], shape: Any) -> Units | None:
    """Of group_norm and instance_norm; None for others."""
    if not _by_channel(view, shape):
        return None
    images, c = view[:2]
    if shape[2] == 1:
        n = prod(view[2:])
        return Units(images * c, 1, n, c) if tuple(axes) == tuple(range(2, len(view))) else None
    if tuple(axes) != tuple(range(2, len(view))) or shape[2] != view[2]:
        return None
    return Units(images * c, view[2], prod(view[3:]), c)


def _by_channel(view: tuple[int, ...], shape: Any) -> bool:
    """Whether weights of that shape go with the second axis, or with the second and third."""
    if len(view) < 3 or len(shape) != len(view) or any(k != 1 for k in (shape[0], *shape[3:])):
        return False
    return bool(shape[1] == view[1])


@lru_cache(1024)
def _is_batch(view: tuple[int, ...], axes: Any, shape: Any) -> bool:
    """Whether it is all but the second axis that is normalised."""
    return _by_channel(view, shape) and shape[2] == 1 and tuple(axes) == (0, *range(2, len(view)))


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
    if t and _is_batch(view, axes, shape):
        return batchnorm.affine(t, x.reshape(view), w, b, eps, known).reshape(x.shape)
    found = t and _units(view, axes, shape)
    if not t or not found:
        return body(x, w, b, view, axes, shape, eps, known)
    y = empty(x.shape, x.dtype)
    rooms = known.room(tuple([1 if k in axes else n for k, n in enumerate(view)]), x.dtype)
    _kernel(t, "affine")(y, *rooms, x, w, b, eps, *found.sizes())
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
    if _is_batch(view, axes, shape):
        return batchnorm.affine_vjp(t, need, rows_of_g, x, view, w, known.mean, known.rstd, True)
    found = _units(view, axes, shape)
    if not found:
        return body(need, g, x, w, b, view, axes, shape, eps, known)
    z, sums = empty(x.shape, x.dtype), np.empty((2, found.units, found.rows))
    _kernel(t, "back")(z, *sums, rows_of_g, x, w, known.mean, known.rstd, *found.sizes())
    gb, gw = np.add.reduce(sums.reshape(2, -1, w.size), 1).astype(x.dtype).reshape(2, *w.shape)
    return None if need[0] is None else z, None if need[1] is None else gw, None if need[2] is None else gb


# ---- by running moments


@cache
def _running(t: Type) -> Any:
    wide = host().wide(t)

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as row:
            c = row % f["channels"]
            mean, var, w, b = (_read(f, name, c, t) for name in ("mean", "var", "w", "b"))
            scale = 1.0 / f.intrinsic("sqrt", var + f.convert(f["eps"], t)) * w
            by, to = (f.splat(v, wide.lanes) for v in (scale, b - mean * scale))
            x, y = (f[name].at(row * f["n"], t) for name in "xy")

            def each(
                i: Value, m: Any, _: Any, x: Value = x, y: Value = y, by: Value = by, to: Value = to
            ) -> None:
                f.store(y.at(i, t), f.fma(f.load(x.at(i, t), wide, m), by, to), m)

            sweep(f, 0, f["n"], wide, each)

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
    rstd = N.inverse_deviation(var, eps)
    gx, gw, gb = batchnorm.affine_vjp(t, (need[0], *need[3:]), rows_of_g, x, x.shape, w, mean, rstd, False)
    return gx, None, None, gw, gb


nameless(globals())
