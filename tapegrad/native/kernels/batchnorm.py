"""batch_norm of [images, channels, ...], both ways. `channelnorm` hands it on to here.

Threads share rows (a channel of an image) as they lie in memory, not channels, though a channel's elements
would stay in the cache between the passes: what is before and after it, products and convolutions, goes by
images too, and a line that changes hands costs more (4 MB take 160 us instead of 20). So each row has sums of
its own, those of a channel are joined, and then rows are gone over again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.normalise import Moments
from tapegrad.native.call import Body, Step, build_steps
from tapegrad.native.ir import F64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.strips import Columns, add, down_sums, strip, strips_of, sums, sweep
from tapegrad.native.target import host

_GRAIN = 1 << 14  # elements that are worth a thread
_WAYS = 2  # vectors of channels that are joined at once

_SIZES = "rows:i n:i width:i images:i strips:i grain:i"
_NAMES = {
    "affine": f"y:w mean:w var:w rstd:w sums:w squares:w x:r w:r b:r eps:d {_SIZES}",
    "back": f"z:w gb:w gw:w sums:w along:w g:r x:r w:r mean:r rstd:r own:i wanted:i {_SIZES}",
}


def moments(f: Body, t: Type, x: Value, n: Value) -> tuple[Value, Value]:
    """(the sum of a row, in float64, the sum of squares of what its elements are away from its mean, which is
    rounded to their type)."""
    e, wide = t.element, t.like(F64)

    def exact(i: Value, m: Any, v: list[Value]) -> list[Value]:
        return [v[0] + f.convert(f.load(x.at(i, e), t, m), wide)]

    (total,) = sweep(f, 0, n, t, exact, [0.0], held=wide)
    whole = f.total(f.tree(total, add))
    middle = f.splat(f.convert(whole / f.convert(n, F64), e), t.lanes)

    def square(i: Value, m: Any, v: list[Value]) -> list[Value]:
        d = f.load(x.at(i, e), t, m) - middle
        d = d if m is None else f.select(m, d, 0.0)
        return [f.fma(d, d, v[0])]

    return whole, sums(f, n, t, square)[0]


def _write_sums(t: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as row:
            found = moments(f, t, f["x"].at(row * f["n"], t.element), f["n"])
            for name, value in zip(("sums", "squares"), found, strict=True):
                f.store(f[name].at(row, F64), value)

    return write


def _write_joined(t: Type) -> Callable[[Body], None]:
    """Mean, variance and 1 / deviation of channels."""
    e = t.element

    def strip_of(c: Columns) -> None:
        f = c.f
        n = f.splat(f.convert(f["n"], F64), c.t.lanes)
        count = n * f.convert(f["images"], F64)
        means = [x / count for x in _down(c, lambda row: c.get("sums", row))]

        def apart(row: Value) -> list[Value]:
            """Squares of what a row's elements are away from the channel's mean: from their own mean, whose
            rounded one was taken, and that from the channel's."""
            found = []
            for total, squares, mean in zip(c.get("sums", row), c.get("squares", row), means, strict=True):
                exact = total / n
                taken = f.convert(f.convert(exact, c.t.like(e)), c.t)
                found.append(squares + (taken - mean) * n * ((exact - taken) + (exact - mean)))
            return found

        variances = [x / count for x in _down(c, apart)]
        eps = f.splat(f["eps"], c.t.lanes)
        for name, values in (
            ("mean", means),
            ("var", variances),
            ("rstd", [1.0 / f.intrinsic("sqrt", v + eps) for v in variances]),
        ):
            _put(c, name, values, e)

    return _strips(strip_of)


def _down(c: Columns, term: Callable[[Value], list[Value]]) -> list[Value]:
    """The sums of a term over all images."""

    def step(row: Value, held: list[Value]) -> list[Value]:
        return [add(*pair) for pair in zip(held, term(row), strict=True)]

    return down_sums(c.f, c.f["images"], c.many, c.t, step)


def _strips(work: Callable[[Columns], None]) -> Callable[[Body], None]:
    """work(strip) for strips of channels, of numbers in float64."""
    wide = host().wide(F64)

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as which:
            low = which * (_WAYS * wide.lanes)
            strip(f, low, f["width"], wide, lambda *where: work(Columns(f, wide, *where)), _WAYS)

    return write


def _put(c: Columns, name: str, values: list[Value], e: Type) -> None:
    """Set numbers of channels, in another type."""
    for p, x in zip(c.places, values, strict=True):
        c.f.store(c.f[name].at(p, e), c.f.convert(x, c.t.like(e)), c.mask)


def _write_affine(t: Type) -> Callable[[Body], None]:
    e = t.element

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as row:
            mean, rstd, w, b = _of_channel(f, t, row, "mean", "rstd", "w", "b")
            x, y = (f[name].at(row * f["n"], e) for name in "xy")
            scale = rstd * w

            def each(i: Value, m: Any, _: Any) -> None:
                f.store(y.at(i, e), f.fma(f.load(x.at(i, e), t, m) - mean, scale, b), m)

            sweep(f, 0, f["n"], t, each)

    return write


def _of_channel(f: Body, t: Type, row: Value, *names: str) -> list[Value]:
    """The numbers of a row's channel, as vectors."""
    c = row % f["width"]
    return [f.splat(f.load(f[name].at(c, t.element), t.element), t.lanes) for name in names]


def back_sums(f: Body, t: Type, start: Value, mean: Value, rstd: Value) -> list[Value]:
    """The sums of g, and of g times the normalised x, of a row that begins at an element."""
    e = t.element
    x, g = (f[name].at(start, e) for name in "xg")

    def step(i: Value, m: Any, v: list[Value]) -> list[Value]:
        a, unit = f.load(g.at(i, e), t, m), (f.load(x.at(i, e), t, m) - mean) * rstd
        unit = unit if m is None else f.select(m, unit, 0.0)
        return [v[0] + a, f.fma(a, unit, v[1])]

    return sums(f, f["n"], t, step, 2)


def _write_back_sums(t: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as row:
            found = back_sums(f, t, row * f["n"], *_of_channel(f, t, row, "mean", "rstd"))
            for name, value in zip(("sums", "along"), found, strict=True):
                f.store(f[name].at(row, F64), value)

    return write


def _write_back_joined(t: Type) -> Callable[[Body], None]:
    """The cotangents of the weights."""

    def strip_of(c: Columns) -> None:
        for name, rows in (("gb", "sums"), ("gw", "along")):
            _put(c, name, _down(c, lambda row, rows=rows: c.get(rows, row)), t.element)  # type: ignore[misc]

    return _strips(strip_of)


def _write_back(t: Type) -> Callable[[Body], None]:
    """The cotangent of x."""
    e = t.element

    def write(f: Body) -> None:
        count = f.convert(f["n"] * f["images"], e)
        each_of, own = f.splat(1.0 / count, t.lanes), f["own"].ne(0)
        with f.loop(f.low, f.high) as row:
            mean, rstd, w, gb, gw = _of_channel(f, t, row, "mean", "rstd", "w", "gb", "gw")
            x, g, z = (f[name].at(row * f["n"], e) for name in "xgz")
            level, turn, scale = gb * each_of, gw * each_of * rstd, w * rstd

            def each(i: Value, m: Any, _: Any) -> None:
                a, apart = f.load(g.at(i, e), t, m), (f.load(x.at(i, e), t, m) - mean) * turn
                f.store(z.at(i, e), f.select(own, a - level - apart, a) * scale, m)

            sweep(f, 0, f["n"], t, each)

    return write


@cache
def _kernel(t: Type, what: str) -> Any:
    wide = host().wide(t)
    if what == "affine":
        writers, last = (_write_sums, _write_joined, _write_affine), "rows"
    else:
        writers, last = (_write_back_sums, _write_back_joined, _write_back), "wanted"
    steps = [
        Step("sums", writers[0](wide), "rows", "grain"),
        Step("joined", writers[1](wide), "strips", 4),
        Step("rows", writers[2](wide), last, "grain"),
    ]
    return build_steps(f"images_{what}_{t}", _NAMES[what], steps)


@lru_cache(1024)
def _sizes(view: tuple[int, ...]) -> tuple[int, ...]:
    images, c, n = view[0], view[1], prod(view[2:])
    return images * c, n, c, images, strips_of(c, host().wide(F64), _WAYS), max(1, _GRAIN // max(1, n))


def affine(t: Type, x: Any, w: Any, b: Any, eps: float, known: Moments) -> Any:
    """The normalised x times w plus b."""
    sizes, y = _sizes(x.shape), empty(x.shape, x.dtype)
    found = known.room((1, x.shape[1], *[1] * (x.ndim - 2)), x.dtype)
    _kernel(t, "affine")(y, *found, *np.empty((2, sizes[0])), x, w, b, eps, *sizes)
    return y


def affine_vjp(
    t: Type, need: Any, g: Any, x: Any, view: tuple[int, ...], w: Any, mean: Any, rstd: Any, own: bool
) -> tuple[Any, Any, Any]:
    """The cotangents of x, which is normalised as of the shape `view`, w and b. own: the moments are those of
    x."""
    sizes, z, (gw, gb) = _sizes(view), empty(x.shape, x.dtype), np.empty((2, *w.shape), x.dtype)
    wanted = sizes[0] if need[0] is not None else 0
    _kernel(t, "back")(z, gb, gw, *np.empty((2, sizes[0])), g, x, w, mean, rstd, own, wanted, *sizes)
    found = zip(need, (z, gw, gb), strict=True)
    return tuple(None if k is None else a for k, a in found)  # type: ignore[return-value] # of three


nameless(globals())
