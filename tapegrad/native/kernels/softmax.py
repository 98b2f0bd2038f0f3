"""Softmax and cross entropy: each row is read from memory once; what goes over it again finds it in the
cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import inf
from typing import Any

import numpy as np

import tapegrad.kernels.loss as Q
from tapegrad.kernels.errstate import nameless
from tapegrad.native import vmath
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, over, rows, whole
from tapegrad.native.ir import F64, I64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.narrow import columns, is_narrow, rows_of
from tapegrad.native.strips import (
    CHUNK,
    WAYS,
    Columns,
    chunks,
    down,
    down_sums,
    highest,
    in_turn,
    larger,
    strip,
    strips_of,
    sums,
    sweep,
    units,
)
from tapegrad.native.target import host

LEAST = 1 << 6  # elements; below, NumPy's few calls take as long as one of these
GRAIN = 1 << 14  # elements that are worth a thread


# ---- the shifted exponentials of a row; where there is nan, their sum is nan


def _shifted(f: Body, x: Value, t: Type, top: Value) -> Callable[[Value, Any], Value]:
    """exp(x[i] - top), 0 where the mask is false."""
    return lambda i, m: vmath.exp(f, f.load(x.at(i, t), t, m, -inf) - top)


def _write_rows(t: Type, log: bool) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, element = f["n"], t.element
        with f.loop(f.low, f.high) as row:
            x, y = f["x"].at(row * n, t), f["y"].at(row * n, t)
            top = f.splat(highest(f, x, n, t), t.lanes)
            exp = _shifted(f, x, t, top)

            def each(i: Value, m: Any, held: list[Value]) -> list[Value]:
                e = exp(i, m)
                if not log:
                    f.store(y.at(i, t), e, m)
                return [held[0] + e]

            (total,) = sums(f, n, t, each)
            if log:
                less = f.splat(vmath.log(f, f.convert(total, element)), t.lanes)
                sweep(
                    f, 0, n, t, lambda i, m, v: f.store(y.at(i, t), f.load(x.at(i, t), t, m) - top - less, m)
                )
            else:
                by = f.splat(f.convert(1.0 / total, element), t.lanes)
                sweep(f, 0, n, t, lambda i, m, v: f.store(y.at(i, t), f.load(y.at(i, t), t, m) * by, m))

    return write


def _write_columns(t: Type, log: bool) -> Callable[[Body], None]:
    """The same along an axis with others behind it."""

    def write(f: Body) -> None:
        n, width, most = f["n"], f["width"], larger(f)

        def work(x: Value, y: Value, column: Value, ways: int, mask: Any) -> None:
            def at(p: Value, row: Value, k: int) -> Value:
                return p.at(row * width + column + k * t.lanes, t)

            def load(p: Value, row: Value) -> list[Value]:
                return [f.load(at(p, row, k), t, mask) for k in range(ways)]

            def highest(row: Value, held: Any) -> Any:
                return [[most(a, b) for a, b in zip(load(x, row), held[0], strict=True)]]

            def total(row: Value, held: list[Value]) -> list[Value]:
                es = [vmath.exp(f, a - b) for a, b in zip(load(x, row), top, strict=True)]
                if not log:
                    for k, e in enumerate(es):
                        f.store(at(y, row, k), e, mask)
                return [a + b for a, b in zip(es, held, strict=True)]

            def last(row: Value, held: Any) -> None:
                for k, v in enumerate(load(x if log else y, row)):
                    f.store(at(y, row, k), v - top[k] - by[k] if log else v * by[k], mask)

            (top,) = down(f, n, [[-inf] * ways], t, highest)
            all_ = down_sums(f, n, ways, t, total)
            by = in_turn(f, all_, lambda v: vmath.log(f, v)) if log else [1.0 / v for v in all_]
            down(f, n, [], t, last)

        with units(f, f["strips"]) as (block, which):
            x, y = (f[k].at(block * n * width, t) for k in "xy")
            strip(f, which * (WAYS * t.lanes), width, t, lambda c, w, m: work(x, y, c, w, m))

    return write


@cache
def _kernel(t: Type, log: bool, last: bool) -> Any:
    v = host().wide(t)
    name = f"{'log_' if log else ''}softmax_{'rows' if last else 'columns'}_{t}"
    if last:
        return build(name, "y:w x:r count:i n:i grain:i", _write_rows(v, log), over="count", grain="grain")
    parameters = "y:w x:r count:i n:i width:i strips:i grain:i"
    return build(name, parameters, _write_columns(v, log), over="count", grain="grain")


def _along(kernel: Any, t: Type, log: bool, dim: int, *arrays: Any) -> Any:
    """What a kernel makes of arrays, along one axis."""
    shape = arrays[0].shape
    before, n, behind = rows(shape, dim)
    if behind == 1 and is_narrow(arrays[0]):
        return rows_of(_along(kernel, t, log, 0, *[columns(a) for a in arrays]), shape)
    y = empty(shape, arrays[0].dtype)
    if behind == 1:
        kernel(t, log, True)(y, *arrays, before, n, max(1, GRAIN // n))
    else:
        strips = strips_of(behind, host().wide(t))
        grain = max(1, GRAIN // (n * min(behind, WAYS * host().lanes(t))))
        kernel(t, log, False)(y, *arrays, before * strips, n, behind, strips, grain)
    return y


@over(Q.softmax)
def softmax(body: Any, x: Any, dim: tuple[int, ...]) -> Any:
    """exp(x) / sum exp(x)."""
    t = fits(x, least=LEAST)
    return body(x, dim) if t is None or not dim else _along(_kernel, t, False, dim[0], x)


@over(Q.log_softmax)
def log_softmax(body: Any, x: Any, dim: tuple[int, ...]) -> Any:
    """x - log sum exp(x)."""
    t = fits(x, least=LEAST)
    return body(x, dim) if t is None or not dim else _along(_kernel, t, True, dim[0], x)


# ---- their gradients


def _write_back(t: Type, log: bool) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n = f["n"]
        with f.loop(f.low, f.high) as row:
            z, g, y = (f[k].at(row * n, t) for k in "zgy")

            def each(i: Value, m: Any, held: list[Value]) -> list[Value]:
                a = f.load(g.at(i, t), t, m)
                return [held[0] + a if log else f.fma(a, f.load(y.at(i, t), t, m), held[0])]

            total = f.splat(f.convert(sums(f, n, t, each)[0], t.element), t.lanes)

            def last(i: Value, m: Any, held: list[Value]) -> None:
                a, b = f.load(g.at(i, t), t, m), f.load(y.at(i, t), t, m)
                f.store(z.at(i, t), f.fma(-vmath.exp(f, b), total, a) if log else (a - total) * b, m)

            sweep(f, 0, n, t, last)

    return write


def _write_back_columns(t: Type, log: bool) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, width = f["n"], f["width"]

        def work(z: Value, g: Value, y: Value, column: Value, ways: int, mask: Any) -> None:
            def load(p: Value, row: Value, k: int) -> Value:
                return f.load(p.at(row * width + column + k * t.lanes, t), t, mask)

            def total(row: Value, held: list[Value]) -> list[Value]:
                gs = [load(g, row, k) for k in range(ways)]
                if log:
                    return [h + a for h, a in zip(held, gs, strict=True)]
                ys = [load(y, row, k) for k in range(ways)]
                return [f.fma(a, b, h) for h, a, b in zip(held, gs, ys, strict=True)]

            def last(row: Value, held: Any) -> None:
                for k in range(ways):
                    a, b = load(g, row, k), load(y, row, k)
                    x = f.fma(-vmath.exp(f, b), all_[k], a) if log else (a - all_[k]) * b
                    f.store(z.at(row * width + column + k * t.lanes, t), x, mask)

            all_ = down_sums(f, n, ways, t, total)
            down(f, n, [], t, last)

        with units(f, f["strips"]) as (block, which):
            z, g, y = (f[k].at(block * n * width, t) for k in "zgy")
            strip(f, which * (WAYS * t.lanes), width, t, lambda c, w, m: work(z, g, y, c, w, m))

    return write


@cache
def _back_kernel(t: Type, log: bool, last: bool) -> Any:
    v = host().wide(t)
    name = f"{'log_' if log else ''}softmax_back_{'rows' if last else 'columns'}_{t}"
    if last:
        parameters = "z:w g:r y:r count:i n:i grain:i"
        return build(name, parameters, _write_back(v, log), over="count", grain="grain")
    parameters = "z:w g:r y:r count:i n:i width:i strips:i grain:i"
    return build(name, parameters, _write_back_columns(v, log), over="count", grain="grain")


@over(Q.softmax_vjp)
def softmax_vjp(body: Any, g: Any, y: Any, dim: tuple[int, ...]) -> Any:
    """y (g - sum(g y))."""
    t = fits(y, least=LEAST)
    if t is None or not dim or not fits(rows_of_g := whole(g, y), y):
        return body(g, y, dim)
    return _along(_back_kernel, t, False, dim[0], rows_of_g, y)


@over(Q.log_softmax_vjp)
def log_softmax_vjp(body: Any, g: Any, y: Any, dim: tuple[int, ...]) -> Any:
    """g - exp(y) sum(g)."""
    t = fits(y, least=LEAST)
    if t is None or not dim or not fits(rows_of_g := whole(g, y), y):
        return body(g, y, dim)
    return _along(_back_kernel, t, True, dim[0], rows_of_g, y)


# ---- cross entropy


def _write_cross(t: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, e = f["n"], t.element
        with f.loop(f.low, f.high) as row:
            x = f["x"].at(row * n, e)
            top = highest(f, x, n, t)
            exp = _shifted(f, x, t, f.splat(top, t.lanes))
            (total,) = sums(f, n, t, lambda i, m, held: [held[0] + exp(i, m)])
            f.store(f["tops"].at(row, e), top)
            f.store(f["sums"].at(row, e), f.convert(total, e))
            of = f.load(f["classes"].at(row, I64), I64)
            picked = f.convert(f.load(x.at(f.larger(of, 0), e), e) - top, F64)
            loss = f.select(of < 0, 0.0, vmath.log(f, total) - picked)
            f.store(f["losses"].at(row, e), f.convert(loss, e))

    return write


def _write_cross_back(t: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, e = f["n"], t.element
        with f.loop(f.low, f.high) as row:
            x, z = f["x"].at(row * n, e), f["z"].at(row * n, e)
            scale = f.load(f["scale"].at(row, e), e)
            by = f.splat(scale / f.load(f["sums"].at(row, e), e), t.lanes)
            exp = _shifted(f, x, t, f.splat(f.load(f["tops"].at(row, e), e), t.lanes))
            sweep(f, 0, n, t, lambda i, m, v: f.store(z.at(i, e), exp(i, m) * by, m))
            place = z.at(f.larger(f.load(f["classes"].at(row, I64), I64), 0), e)
            f.store(place, f.load(place, e) - scale)

    return write


class _Scores(Columns):
    """Columns of scores [classes, entries], and which classes are theirs."""

    def __init__(self, f: Body, t: Type, column: Value, many: int, mask: Any) -> None:
        super().__init__(f, t, column, many, mask)
        self.classes = [f.load(f["classes"].at(p, I64), t.like(I64), mask) for p in self.places]

    def picked(self, row: Value, here: Sequence[Any], else_: Sequence[Any]) -> list[Value]:
        """The first where the class is that row, the second elsewhere."""
        own = [c.eq(self.f.splat(row, self.t.lanes)) for c in self.classes]
        return [self.f.select(m, a, b) for m, a, b in zip(own, here, else_, strict=True)]


def _each_column(t: Type, work: Callable[[Body, _Scores], None]) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        with chunks(f, f["width"]) as (_, left, right), f.loop(left, right, WAYS * t.lanes) as low:
            strip(f, low, right, t, lambda *where: work(f, _Scores(f, t, *where)))

    return write


def _write_cross_columns(t: Type) -> Callable[[Body], None]:
    """The same where the rows of x are columns."""

    def work(f: Body, column: _Scores) -> None:
        most = larger(f)

        def highest(row: Value, v: Any) -> Any:
            return [[most(a, b) for a, b in zip(column.get("x", row), v[0], strict=True)]]

        def add(row: Value, v: Any) -> Any:
            xs = [a - b for a, b in zip(column.get("x", row), tops, strict=True)]
            totals = [b + vmath.exp(f, a) for a, b in zip(xs, v[0], strict=True)]
            return [totals, column.picked(row, xs, v[1])]

        (tops,) = down(f, f["n"], [[-inf] * column.many], t, highest)
        totals, picks = down(f, f["n"], [[0.0] * column.many] * 2, t, add)
        logs = in_turn(f, [f.convert(x, t.like(F64)) for x in totals], lambda x: vmath.log(f, x))
        losses = [f.convert(x - f.convert(p, x.type), t) for x, p in zip(logs, picks, strict=True)]
        column.put("tops", tops)
        column.put("sums", totals)
        column.put("losses", [f.select(c < 0, 0.0, x) for c, x in zip(column.classes, losses, strict=True)])

    return _each_column(t, work)


def _write_cross_back_columns(t: Type) -> Callable[[Body], None]:
    def work(f: Body, column: _Scores) -> None:
        scales, tops, totals = (column.get(name) for name in ("scale", "tops", "sums"))
        shares = [a / b for a, b in zip(scales, totals, strict=True)]

        def step(row: Value, v: Any) -> None:
            less = column.picked(row, scales, [f.value(0.0, t)] * column.many)
            xs = zip(column.get("x", row), tops, shares, less, strict=True)
            column.put("z", [vmath.exp(f, a - top) * by - b for a, top, by, b in xs], row)

        down(f, f["n"], [], t, step)

    return _each_column(t, work)


@cache
def _cross_kernel(t: Type, back: bool, along_rows: bool) -> Any:
    v = host().wide(t)
    name = f"cross_entropy_{'back_' * back}{'rows' if along_rows else 'columns'}_{t}"
    arrays = "z:w x:r classes:r scale:r tops:r sums:r" if back else "losses:w tops:w sums:w x:r classes:r"
    if along_rows:
        write = _write_cross_back(v) if back else _write_cross(v)
        return build(name, f"{arrays} count:i n:i grain:i", write, over="count", grain="grain")
    write = _write_cross_back_columns(v) if back else _write_cross_columns(v)
    return build(name, f"{arrays} units:i n:i width:i grain:i", write, over="units", grain="grain")


def _cross(t: Type, back: bool, shape: tuple[int, ...], turned: bool, *arrays: Any) -> None:
    """Let the kernel for rows, or for columns, go over arrays."""
    count, n = shape
    units = -(-count // CHUNK) if turned else count
    numbers = (units, n, count, max(1, GRAIN // (n * CHUNK))) if turned else (units, n, max(1, GRAIN // n))
    _cross_kernel(t, back, not turned)(*arrays, *numbers)


@over(Q.cross_rows)
def cross_rows(body: Any, x: Any, classes: Any) -> Any:
    """The losses of rows."""
    t = fits(x, least=LEAST)
    if t is None or not classes.flags.c_contiguous or not _inside(classes, x.shape):
        return body(x, classes)
    losses, tops, totals = (np.empty(len(x), x.dtype) for _ in range(3))
    turned = is_narrow(x)
    _cross(t, False, x.shape, turned, losses, tops, totals, columns(x) if turned else x, classes)
    return losses, tops, totals


@over(Q.cross_rows_vjp)
def cross_rows_vjp(body: Any, scale: Any, x: Any, classes: Any, tops: Any, totals: Any) -> Any:
    """Their gradient."""
    t = fits(x, scale, tops, totals, least=LEAST)
    if t is None or not classes.flags.c_contiguous or not _inside(classes, x.shape):
        return body(scale, x, classes, tops, totals)
    turned = is_narrow(x)
    a = columns(x) if turned else x
    z = empty(a.shape, x.dtype)
    _cross(t, True, x.shape, turned, z, a, classes, scale, tops, totals)
    return rows_of(z, x.shape) if turned else z


def _inside(classes: Any, shape: tuple[int, ...]) -> bool:
    """Whether there is a class, inside of its row, for each row."""
    return bool(classes.dtype.char == "l" and classes.shape == shape[:1] and classes.max() < shape[1])


nameless(globals())
