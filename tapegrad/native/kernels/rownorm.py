"""layer_norm and rms_norm: each row is read from memory once, and found in the cache again."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np

import tapegrad.kernels.normalise as N
from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, over, whole
from tapegrad.native.ir import F64, Type, Value
from tapegrad.native.kernels import channelnorm
from tapegrad.native.memory import empty
from tapegrad.native.strips import sums, sweep
from tapegrad.native.target import host

GRAIN = 1 << 14  # elements that are worth a thread
PARTS = 64  # parts of the rows, which have sums of their own for the gradients of weight and bias


def _write_affine(t: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, e = f["n"], t.element
        with f.loop(f.low, f.high) as row:
            x, y = f["x"].at(row * n, e), f["y"].at(row * n, e)
            found = channelnorm.put_moments(f, e, row, *channelnorm.moments(f, t, x, n))
            mean, rstd = (f.splat(v, t.lanes) for v in found)

            def each(i: Value, m: Any, _: Any) -> None:
                unit = (f.load(x.at(i, e), t, m) - mean) * rstd
                w, b = f.load(f["w"].at(i, e), t, m), f.load(f["b"].at(i, e), t, m)
                f.store(y.at(i, e), f.fma(unit, w, b), m)

            sweep(f, 0, n, t, each)

    return write


def _write_affine_back(t: Type) -> Callable[[Body], None]:
    """z from g and x; each part of the rows has its own sums for w and b."""

    def write(f: Body) -> None:
        n, e = f["n"], t.element
        count = f.convert(n, F64)
        with f.loop(f.low, f.high) as part:
            low = part * f["share"]
            high = f.smaller(low + f["share"], f["rows"])
            gw, gb = f["gw"].at(part * n, e), f["gb"].at(part * n, e)
            f.clear(gw, n * e.bytes)
            f.clear(gb, n * e.bytes)
            with f.loop(low, high) as row:
                x, g, z = (f[k].at(row * n, e) for k in "xgz")
                mean, rstd = (f.splat(f.load(f[k].at(row, e), e), t.lanes) for k in ("mean", "rstd"))

                def first(i: Value, m: Any, held: list[Value]) -> list[Value]:
                    a, w = f.load(g.at(i, e), t, m), f.load(f["w"].at(i, e), t, m)
                    unit = (f.load(x.at(i, e), t, m) - mean) * rstd
                    f.store(gw.at(i, e), f.fma(a, unit, f.load(gw.at(i, e), t, m)), m)
                    f.store(gb.at(i, e), a + f.load(gb.at(i, e), t, m), m)
                    a = a * w
                    return [held[0] + a, f.fma(a, unit, held[1])]

                totals = sums(f, n, t, first, 2, 2)
                level, slope = (f.splat(f.convert(s / count, e), t.lanes) for s in totals)

                def last(i: Value, m: Any, _: Any) -> None:
                    a = f.load(g.at(i, e), t, m) * f.load(f["w"].at(i, e), t, m)
                    unit = (f.load(x.at(i, e), t, m) - mean) * rstd
                    f.store(z.at(i, e), f.fma(-unit, slope, a - level) * rstd, m)

                sweep(f, 0, n, t, last, ways=2)

    return write


@cache
def _kernel(t: Type, what: str) -> Any:
    parameters, write = {
        "affine": ("y:w mean:w var:w rstd:w x:r w:r b:r rows:i n:i eps:d grain:i", _write_affine),
        "affine_back": (
            "z:w gw:w gb:w g:r x:r w:r mean:r rstd:r parts:i share:i rows:i n:i",
            _write_affine_back,
        ),
        "rms": ("y:w x:r w:r rows:i n:i eps:d grain:i", _write_rms),
        "rms_back": ("z:w gw:w g:r x:r w:r parts:i share:i rows:i n:i eps:d", _write_rms_back),
    }[what]
    by_parts = "parts:i" in parameters
    name = f"norm_{what}_{t}"
    return build(
        name,
        parameters,
        write(host().wide(t)),
        over="parts" if by_parts else "rows",
        grain=1 if by_parts else "grain",
    )


@lru_cache(1024)
def _trailing(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int, tuple[int, ...]]:
    """(rows, their length, the shape of one number per row) if the axes are the last ones; length 0
    otherwise."""
    k = len(shape) - len(axes)
    if axes != tuple(range(k, len(shape))):
        return 0, 0, ()
    return prod(shape[:k]), prod(shape[k:]), shape[:k] + (1,) * len(axes)


@lru_cache(1024)
def _along_rows(view: Any, axes: Any, shape: tuple[int, ...]) -> tuple[int, int]:
    """(rows, their length) if weights of this shape lie along the rows; length 0 otherwise."""
    k = len(shape) - len(axes)
    if tuple([view[i] for i in axes]) != shape[k:] or any(n != 1 for n in shape[:k]):
        return 0, 0
    return _trailing(view, axes)[:2]


def _parts(rows: int) -> tuple[int, int]:
    """(how many parts, rows of each)."""
    share = max(8, -(-rows // PARTS))
    return -(-rows // share), share


def _takes(x: Any, w: Any, view: Any, axes: Any, shape: Any, *more: Any) -> Any:
    """(type, rows, their length) for weights that lie along the rows of x; the length is 0 for others."""
    t = fits(x, w, *more, least=1)
    if t is None or view != x.shape:
        return t, 0, 0
    return t, *_along_rows(view, axes, shape)


@over(N.affine)
def affine(
    body: Any, x: Any, w: Any, b: Any, view: Any, axes: Any, shape: Any, eps: float, known: N.Moments
) -> Any:
    """The normalised x times w plus b."""
    t, rows, n = _takes(x, w, view, axes, shape, b)
    if not n:
        return channelnorm.affine(body, x, w, b, view, axes, shape, eps, known)
    y = empty(x.shape, x.dtype)
    found = known.room(_trailing(view, axes)[2], x.dtype)
    _kernel(t, "affine")(y, *found, x, w, b, rows, n, eps, max(1, GRAIN // n))
    return y


@over(N.affine_vjp)
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
    known: N.Moments,
) -> Any:
    """The cotangents of x, w and b."""
    t, rows, n = _takes(x, w, view, axes, shape, known.mean, known.rstd)
    if not n or not fits(rows_of_g := whole(g, x), x):
        return channelnorm.affine_vjp(body, need, g, x, w, b, view, axes, shape, eps, known)
    parts, share = _parts(rows)
    z = empty(x.shape, x.dtype)
    gw, gb = np.empty((2, parts, n), x.dtype)
    _kernel(t, "affine_back")(z, gw, gb, rows_of_g, x, w, known.mean, known.rstd, parts, share, rows, n)
    return (
        None if need[0] is None else z,
        None if need[1] is None else np.add.reduce(gw, 0).reshape(w.shape),
        None if need[2] is None else np.add.reduce(gb, 0).reshape(b.shape),
    )


# ---- by the root mean square


def _scale(f: Body, x: Value, n: Value, t: Type) -> Value:
    """1 / the root of the mean square of a row, as a vector."""
    e = t.element

    def square(i: Value, m: Any, v: list[Value]) -> list[Value]:
        a = f.load(x.at(i, e), t, m)
        return [f.fma(a, a, v[0])]

    mean = sums(f, n, t, square)[0] / f.convert(n, F64)
    return f.splat(f.convert(1.0 / f.intrinsic("sqrt", mean + f["eps"]), e), t.lanes)


def _write_rms(t: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, e = f["n"], t.element
        with f.loop(f.low, f.high) as row:
            x, y = f["x"].at(row * n, e), f["y"].at(row * n, e)
            scale = _scale(f, x, n, t)

            def each(i: Value, m: Any, _: Any) -> None:
                unit = f.load(x.at(i, e), t, m) * scale
                f.store(y.at(i, e), unit * f.load(f["w"].at(i, e), t, m), m)

            sweep(f, 0, n, t, each)

    return write


def _write_rms_back(t: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, e = f["n"], t.element
        with f.loop(f.low, f.high) as part:
            low = part * f["share"]
            high = f.smaller(low + f["share"], f["rows"])
            gw = f["gw"].at(part * n, e)
            f.clear(gw, n * e.bytes)
            with f.loop(low, high) as row:
                x, g, z = (f[k].at(row * n, e) for k in "xgz")
                scale = _scale(f, x, n, t)

                def first(i: Value, m: Any, held: list[Value]) -> list[Value]:
                    a, unit = f.load(g.at(i, e), t, m), f.load(x.at(i, e), t, m) * scale
                    f.store(gw.at(i, e), f.fma(a, unit, f.load(gw.at(i, e), t, m)), m)
                    return [f.fma(a * f.load(f["w"].at(i, e), t, m), unit, held[0])]

                (total,) = sums(f, n, t, first, 1, 2)
                slope = f.splat(f.convert(total / f.convert(n, F64), e), t.lanes)

                def last(i: Value, m: Any, _: Any) -> None:
                    a = f.load(g.at(i, e), t, m) * f.load(f["w"].at(i, e), t, m)
                    unit = f.load(x.at(i, e), t, m) * scale
                    f.store(z.at(i, e), f.fma(-unit, slope, a) * scale, m)

                sweep(f, 0, n, t, last, ways=2)

    return write


def _along(w: Any, n: int) -> Any:
    """The weights of a row: a single one for all of them."""
    return np.full(n, w, w.dtype) if w.ndim == 0 else w


def _weightless(x: Any, view: Any, shape: Any) -> tuple[Any, Any] | None:
    """The weights and biases that change nothing; None if that is not for here."""
    if fits(x, least=1) is None:
        return None
    count = prod([view[k - len(shape)] if n == -1 else n for k, n in enumerate(shape)])
    return None if count < 0 else (np.ones(count, x.dtype), np.zeros(count, x.dtype))


@over(N.plain)
def plain(body: Any, x: Any, view: Any, axes: Any, shape: Any, eps: float, known: Any) -> Any:
    """The normalised x."""
    found = _weightless(x, view, shape)
    if found is None:
        return body(x, view, axes, shape, eps, known)
    return N.affine(x, *found, view, axes, shape, eps, known)


@over(N.plain_vjp)
def plain_vjp(
    body: Any, need: Any, g: Any, x: Any, view: Any, axes: Any, shape: Any, eps: float, known: Any
) -> Any:
    """The cotangent of x."""
    found = _weightless(x, view, shape)
    if found is None or need[0] is None:
        return body(need, g, x, view, axes, shape, eps, known)
    return N.affine_vjp((need[0], None, None), g, x, *found, view, axes, shape, eps, known)[:1]


@over(N.root_mean_square)
def root_mean_square(body: Any, x: Any, w: Any, axes: Any, eps: float) -> Any:
    """x times w, over the root of its mean square."""
    t = fits(x, w, least=1)
    rows, n, _ = _trailing(x.shape, axes) if t is not None else (0, 0, ())
    if not n:
        return body(x, w, axes, eps)
    y = empty(x.shape, x.dtype)
    _kernel(t, "rms")(y, x, _along(w, n), rows, n, eps, max(1, GRAIN // n))
    return y


@over(N.root_mean_square_vjp)
def root_mean_square_vjp(body: Any, need: Any, g: Any, x: Any, w: Any, axes: Any, eps: float) -> Any:
    """The cotangents of x and w."""
    t = fits(x, w, least=1)
    rows, n, _ = _trailing(x.shape, axes) if t is not None else (0, 0, ())
    if not n or not fits(rows_of_g := whole(g, x), x) or (w.ndim == 0 and need[1] is not None):
        return body(need, g, x, w, axes, eps)
    parts, share = _parts(rows)
    z, gw = empty(x.shape, x.dtype), np.empty((parts, n), x.dtype)
    _kernel(t, "rms_back")(z, gw, rows_of_g, x, _along(w, n), parts, share, rows, n, eps)
    return (
        None if need[0] is None else z,
        None if need[1] is None else np.add.reduce(gw, 0).reshape(w.shape),
    )


nameless(globals())
