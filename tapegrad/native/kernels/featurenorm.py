"""batch_norm of a matrix [entries, features]: what is normalised together is a column. `channelnorm` hands it
on to here.

Rows lie in memory as they are needed: sums go down all columns at once (`native.fold`), and what is one
number per feature is a row that is the same for all entries (`native.pointwise`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.normalise import Moments, inverse_deviation
from tapegrad.kernels.operators import mul
from tapegrad.native.call import Body, build
from tapegrad.native.fold import fold
from tapegrad.native.ir import F64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.pointwise import Pointwise
from tapegrad.native.strips import WAYS, Columns, down, strip, strips_of
from tapegrad.native.target import host

MOST = 1 << 18  # elements that one thread goes over in one call; of more, sums are shared by all threads
_GRAIN = 1 << 14  # elements that are worth a thread

_affine = Pointwise("feature_norm", "(x - m) * s + b", "xmsb")
_scaled = Pointwise("feature_norm_running", "x * s + b", "xsb")
_along = Pointwise("feature_norm_along", "g * (x - m)", "gxm")
_back = Pointwise("feature_norm_back", "g * s - (x - m) * a - c", "gsxmac")


def _sums(c: Columns, count: int, terms: Callable[[Value], list[list[Value]]]) -> list[list[Value]]:
    """The sums of terms(row) down all rows, `count` of each column, in float64."""
    f, wide = c.f, c.t.like(F64)

    def step(row: Value, held: list[list[Value]]) -> list[list[Value]]:
        new = zip(held, terms(row), strict=True)
        return [[a + f.convert(b, wide) for a, b in zip(*pair, strict=True)] for pair in new]

    return down(f, f["n"], [[0.0] * c.many] * count, wide, step)


def _write_affine(c: Columns) -> None:
    f = c.f
    count = f.splat(f.convert(f["n"], F64), c.t.lanes)
    (totals,) = _sums(c, 1, lambda row: [c.get("x", row)])
    means = [f.convert(x / count, c.t) for x in totals]

    def squares(row: Value) -> list[list[Value]]:
        apart = [x - m for x, m in zip(c.get("x", row), means, strict=True)]
        return [[d * d for d in apart]]

    (spread,) = _sums(c, 1, squares)
    vars = [f.convert(x / count, c.t) for x in spread]
    eps = f.splat(f.convert(f["eps"], c.t.element), c.t.lanes)
    rstds = [1.0 / f.intrinsic("sqrt", v + eps) for v in vars]
    for name, values in (("mean", means), ("var", vars), ("rstd", rstds)):
        c.put(name, values)
    scales = [r * w for r, w in zip(rstds, c.get("w"), strict=True)]
    shifts = c.get("b")

    def each(row: Value, _: Any) -> None:
        units = zip(c.get("x", row), means, scales, shifts, strict=True)
        c.put("y", [(x - m) * s + b for x, m, s, b in units], row)

    down(f, f["n"], [], c.t, each)


def _write_back(c: Columns) -> None:
    f = c.f
    count = f.splat(f.convert(f["n"], F64), c.t.lanes)
    means, rstds, ws = (c.get(name) for name in ("mean", "rstd", "w"))

    def unit(row: Value) -> list[Value]:
        return [(x - m) * r for x, m, r in zip(c.get("x", row), means, rstds, strict=True)]

    def terms(row: Value) -> list[list[Value]]:
        gs = c.get("g", row)
        return [gs, [g * u for g, u in zip(gs, unit(row), strict=True)]]

    level, slope = _sums(c, 2, terms)
    c.put("gb", level)
    c.put("gw", slope)
    lows, turns = ([f.convert(x / count, c.t) for x in sums] for sums in (level, slope))

    def back(row: Value, _: Any) -> None:
        each = zip(c.get("g", row), unit(row), lows, turns, ws, rstds, strict=True)
        c.put("z", [(g - low - u * turn) * (w * r) for g, u, low, turn, w, r in each], row)

    down(f, f["n"], [], c.t, back)


@cache
def _kernel(t: Type, back: bool) -> Any:
    wide = host().wide(t)

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as which:
            part = _write_back if back else _write_affine
            low = which * (WAYS * wide.lanes)
            strip(f, low, f["width"], wide, lambda *where: part(Columns(f, wide, *where)))

    arrays = (
        "z:w gw:w gb:w g:r x:r w:r mean:r rstd:r" if back else "y:w mean:w var:w rstd:w x:r w:r b:r eps:d"
    )
    name = f"features_{'back' if back else 'affine'}_{t}"
    return build(name, f"{arrays} strips:i grain:i n:i width:i", write, over="strips", grain="grain")


def _strips(t: Type, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The kernels' numbers for a matrix."""
    n, width = shape
    wide = host().wide(t)
    return strips_of(width, wide), max(1, _GRAIN // (n * WAYS * wide.lanes)), n, width


def affine(t: Type, x: Any, w: Any, b: Any, eps: float, known: Moments) -> Any:
    """The normalised x times w plus b."""
    n, features = x.shape
    mean, var, rstd = known.room((1, features), x.dtype)
    if x.size <= MOST or n == 1:  # `fold` leaves what is one row as it is
        y = empty(x.shape, x.dtype)
        _kernel(t, False)(y, mean, var, rstd, x, w, b, eps, *_strips(t, x.shape))
        return y
    center = fold("exact", t, x, (0,), wide=True) / n
    mean[0], var[0] = center, fold("spread", t, x, (0,), wide=True, center=center) / n
    rstd[0] = 1 / np.sqrt(var[0] + x.dtype.type(eps))
    return _affine(x, mean, rstd * w, b)


def affine_vjp(t: Type, need: Any, g: Any, x: Any, w: Any, known: Moments) -> tuple[Any, Any, Any]:
    """The cotangents of x, w and b."""
    mean, rstd = known.mean, known.rstd
    if x.size <= MOST or len(x) == 1:
        gx, slope, level = empty(x.shape, x.dtype), np.empty_like(w), np.empty_like(w)
        _kernel(t, True)(gx, slope, level, g, x, w, mean, rstd, *_strips(t, x.shape))
    else:
        level = fold("sum", t, g, (0,))
        slope = fold("sum", t, _along(g, x, mean), (0,)) * rstd.reshape(-1)
        n, scale = x.dtype.type(x.shape[0]), w * rstd
        gx = (
            _back(g, scale, x, mean, rstd * scale * (slope / n), scale * (level / n))
            if need[0] is not None
            else None
        )
    return (
        None if need[0] is None else gx,
        None if need[1] is None else slope,
        None if need[2] is None else level,
    )


def by_running(x: Any, mean: Any, var: Any, w: Any, b: Any, eps: float) -> Any:
    """x normalised by moments that are given, times w plus b."""
    scale = inverse_deviation(var, eps) * w
    return _scaled(x, scale, b - mean * scale)


def by_running_vjp(
    t: Type, need: Any, g: Any, x: Any, mean: Any, var: Any, w: Any, eps: float
) -> tuple[Any, ...]:
    """The cotangents of x, w and b."""
    rstd = inverse_deviation(var, eps)
    gx = None if need[0] is None else mul(g, rstd * w)
    gw = None if need[3] is None else fold("sum", t, _along(g, x, mean), (0,)) * rstd
    return gx, None, None, gw, None if need[4] is None else fold("sum", t, g, (0,))


nameless(globals())
