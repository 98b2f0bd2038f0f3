"""Running sums, products, extremes, log-sums and linear recurrences along one axis.

Along the last axis a vector's elements are joined in steps of 1, 2, 4, and what came before is joined to all
of them; long rows are cut into parts, whose totals are known first. Along another axis the rows are vectors.
Sums are in float64, as torch's are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf
from typing import Any

import numpy as np

import tapegrad.kernels.cumulative as C
from tapegrad.kernels.errstate import nameless
from tapegrad.native import vmath
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, over, rows
from tapegrad.native.fold import fold
from tapegrad.native.ir import F64, I64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.narrow import columns, is_narrow, rows_of
from tapegrad.native.strips import CHUNK, WAYS, chunks, parted, strip
from tapegrad.native.target import host

LEAST = 1 << 8  # elements; below, NumPy takes as long as a call
GRAIN = 1 << 14  # elements that are worth a thread
PART = 1 << 15  # elements of the parts of a long row


def _join(f: Body, product: bool, a: Value, b: Value) -> Value:
    return a * b if product else a + b


def _reversed(f: Body, x: Value) -> Value:
    return f.shuffle(x, x, range(x.type.lanes - 1, -1, -1))


def _running(f: Body, x: Value, product: bool) -> Value:
    """The totals of a vector's first elements: of 1, 2, 3, ..."""
    n, step = x.type.lanes, 1
    none = f.value(1.0 if product else 0.0, x.type)
    while step < n:
        before = f.shuffle(none, x, [j if j < step else n + j - step for j in range(n)])
        x = _join(f, product, x, before)
        step *= 2
    return x


def _write_rows(t: Type, product: bool, back: bool) -> Callable[[Body], None]:
    """Units are parts of rows; `start` is what came before each."""

    def write(f: Body) -> None:
        n, parts, e = f["n"], f["parts"], t.element
        wide = t.like(F64)
        with f.loop(f.low, f.high) as unit:
            row = unit // parts
            first = (unit - row * parts) * f["length"]
            m = f.smaller(n - first, f["length"])
            x, y = (f[k].at(row * n + first, e) for k in "xy")
            held = f.variable(f.load(f["start"].at(unit, F64), F64))
            whole = m & -t.lanes
            with f.loop(0, whole, t.lanes) as i:
                place = m - i - t.lanes if back else i
                a = f.load(x.at(place, e), t)
                a = f.convert(_reversed(f, a) if back else a, wide)
                a = _join(f, product, _running(f, a, product), f.splat(held.get(), t.lanes))
                held.set(f.lane(a, t.lanes - 1))
                a = f.convert(a, t)
                f.store(y.at(place, e), _reversed(f, a) if back else a)
            with f.loop(whole, m) as i:
                place = m - i - 1 if back else i
                held.set(_join(f, product, held.get(), f.convert(f.load(x.at(place, e), e), F64)))
                f.store(y.at(place, e), f.convert(held.get(), e))

    return write


def _columns(f: Body, t: Type, work: Callable[[Value, Value, int, Any], None]) -> None:
    """work(the first element of a block, its column, vectors, mask) for units of CHUNK columns."""
    with chunks(f, f["width"]) as (block, left, right):
        base = block * f["n"] * f["width"]
        with f.loop(left, right, WAYS * t.lanes) as low:
            strip(f, low, right, t, lambda c, many, mask: work(base, c, many, mask), WAYS)


def _write_columns(t: Type, product: bool, back: bool) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, width, e, wide = f["n"], f["width"], t.element, t.like(F64)

        def work(base: Value, column: Value, many: int, mask: Any) -> None:
            held = [f.variable(f.value(1.0 if product else 0.0, wide)) for _ in range(many)]
            with f.loop(0, n) as i:
                row = n - 1 - i if back else i
                for k, v in enumerate(held):
                    at = base + row * width + column + k * t.lanes
                    v.set(_join(f, product, v.get(), f.convert(f.load(f["x"].at(at, e), t, mask), wide)))
                    f.store(f["y"].at(at, e), f.convert(v.get(), t), mask)

        _columns(f, t, work)

    return write


@cache
def _kernel(t: Type, product: bool, back: bool, along_rows: bool) -> Any:
    v = host().wide(t)
    name = f"cum{'prod' if product else 'sum'}{'_back' * back}_{'rows' if along_rows else 'columns'}_{t}"
    if along_rows:
        parameters = "y:w x:r start:r units:i n:i parts:i length:i grain:i"
        return build(name, parameters, _write_rows(v, product, back), over="units", grain="grain")
    parameters = "y:w x:r units:i n:i width:i grain:i"
    return build(name, parameters, _write_columns(v, product, back), over="units", grain="grain")


def _by_columns(kernel: Any, before: int, n: int, behind: int, *arrays: Any) -> None:
    kernel(*arrays, before * -(-behind // CHUNK), n, behind, max(1, GRAIN // (n * min(behind, CHUNK))))


def _scan(x: Any, t: Type, dim: int, product: bool, back: bool) -> Any:
    before, n, behind = rows(x.shape, dim)
    if behind == 1 and is_narrow(x):
        return rows_of(_scan(columns(x), t, 0, product, back), x.shape)
    y = empty(x.shape, x.dtype)
    if behind > 1:
        _by_columns(_kernel(t, product, back, False), before, n, behind, y, x)
        return y
    parts, length = parted(n, PART, 64)
    start = np.full((before, parts), 1.0 if product else 0.0)
    if parts > 1:
        whole = x.reshape(before, n)[:, : (parts - 1) * length].reshape(-1, length)
        if before > 1:
            whole = np.ascontiguousarray(whole)
        totals = _totals(whole, t, product).reshape(before, parts - 1)
        if back:
            last = _totals(np.ascontiguousarray(x.reshape(before, n)[:, (parts - 1) * length :]), t, product)
            totals = np.concatenate([totals[:, 1:], last.reshape(before, 1)], 1)
            run = _accumulated(totals[:, ::-1], product)
            start[:, :-1] = run[:, ::-1]
        else:
            start[:, 1:] = _accumulated(totals, product)
    kernel = _kernel(t, product, back, True)
    kernel(y, x, start, before * parts, n, parts, length, max(1, GRAIN // length))
    return y


def _totals(x: Any, t: Type, product: bool) -> Any:
    """The sum or product of each row, in float64."""
    return fold("product" if product else "exact", t, x, (1,), wide=True)


def _accumulated(x: Any, product: bool) -> Any:
    return (np.multiply if product else np.add).accumulate(x, 1)


@over(C.cumsum)
def cumsum(body: Any, x: Any, dim: int, back: bool = False) -> Any:
    """Running sums."""
    t = fits(x, least=LEAST)
    return body(x, dim, back) if t is None else _scan(x, t, dim, False, back)


@over(C.cumprod)
def cumprod(body: Any, x: Any, dim: int) -> Any:
    """Running products."""
    t = fits(x, least=LEAST)
    return body(x, dim) if t is None else _scan(x, t, dim, True, False)


# ---- extremes


def _better(f: Body, largest: bool, a: Value, b: Value) -> Value:
    """Whether a takes b's place."""
    return (a >= b if largest else a <= b) | a.is_nan()


def _write_extreme_rows(t: Type, largest: bool) -> Callable[[Body], None]:
    """New extremes are rare: only vectors that have one are gone through one by one."""
    worst = -inf if largest else inf

    def write(f: Body) -> None:
        n, e = f["n"], t.element
        with f.loop(f.low, f.high) as row:
            x, y = f["x"].at(row * n, e), f["y"].at(row * n, I64)
            best, at = f.variable(f.value(worst, e)), f.variable(f.value(0, I64))

            def one_by_one(start: Value, end: Value) -> None:
                with f.loop(start, end) as i:
                    a = f.load(x.at(i, e), e)
                    take = _better(f, largest, a, best.get())
                    best.set(f.select(take, a, best.get()))
                    at.set(f.select(take, i, at.get()))
                    f.store(y.at(i, I64), at.get())

            whole = n & -t.lanes
            with f.loop(0, whole, t.lanes) as i:
                a = f.load(x.at(i, e), t)
                new = f.any(_better(f, largest, a, f.splat(best.get(), t.lanes)))
                with f.when(new):
                    one_by_one(i, i + t.lanes)
                with f.when(~new):
                    f.store(y.at(i, I64), f.splat(at.get(), t.lanes))
            one_by_one(whole, n)

    return write


def _write_extreme_columns(t: Type, largest: bool) -> Callable[[Body], None]:
    worst = -inf if largest else inf

    def write(f: Body) -> None:
        n, width, e, whole = f["n"], f["width"], t.element, t.like(I64)

        def work(base: Value, column: Value, many: int, mask: Any) -> None:
            best = [f.variable(f.value(worst, t)) for _ in range(many)]
            at = [f.variable(f.value(0, whole)) for _ in range(many)]
            with f.loop(0, n) as row:
                for k in range(many):
                    place = base + row * width + column + k * t.lanes
                    a = f.load(f["x"].at(place, e), t, mask)
                    take = _better(f, largest, a, best[k].get())
                    best[k].set(f.select(take, a, best[k].get()))
                    at[k].set(f.select(take, f.splat(row, t.lanes), at[k].get()))
                    f.store(f["y"].at(place, I64), at[k].get(), mask)

        _columns(f, t, work)

    return write


@cache
def _extreme_kernel(t: Type, largest: bool, along_rows: bool) -> Any:
    v = host().wide(t)
    name = f"cum{'max' if largest else 'min'}_{'rows' if along_rows else 'columns'}_{t}"
    if along_rows:
        write = _write_extreme_rows(v, largest)
        return build(name, "y:w x:r count:i n:i grain:i", write, over="count", grain="grain")
    write = _write_extreme_columns(v, largest)
    return build(name, "y:w x:r units:i n:i width:i grain:i", write, over="units", grain="grain")


def _extreme(x: Any, t: Type, dim: int, largest: bool) -> Any:
    before, n, behind = rows(x.shape, dim)
    if behind == 1 and is_narrow(x):
        return rows_of(_extreme(columns(x), t, 0, largest), x.shape)
    y = empty(x.shape, "i8")
    kernel = _extreme_kernel(t, largest, behind == 1)
    if behind == 1:
        kernel(y, x, before, n, max(1, GRAIN // n))
    else:
        _by_columns(kernel, before, n, behind, y, x)
    return y


@over(C.cummax_at)
def cummax_at(body: Any, x: Any, dim: int) -> Any:
    """Where the running largest value is."""
    t = fits(x, least=LEAST)
    return body(x, dim) if t is None else _extreme(x, t, dim, True)


@over(C.cummin_at)
def cummin_at(body: Any, x: Any, dim: int) -> Any:
    """Where the running smallest value is."""
    t = fits(x, least=LEAST)
    return body(x, dim) if t is None else _extreme(x, t, dim, False)


# ---- linear recurrences


def _write_recur_rows(t: Type, back: bool) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, e = f["n"], t.element
        with f.loop(f.low, f.high) as row:
            y, a, b = (f[k].at(row * n, e) for k in "yab")
            held = f.variable(f.convert(f.load(b.at(n - 1 if back else 0, e), e), F64))
            f.store(y.at(n - 1 if back else 0, e), f.convert(held.get(), e))
            with f.loop(1, n) as i:
                place = n - 1 - i if back else i
                by, more = (f.convert(f.load(p.at(place, e), e), F64) for p in (a, b))
                held.set(f.fma(by, held.get(), more))
                f.store(y.at(place, e), f.convert(held.get(), e))

    return write


def _write_recur_columns(t: Type, back: bool) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, width, e, wide = f["n"], f["width"], t.element, t.like(F64)

        def work(base: Value, column: Value, many: int, mask: Any) -> None:
            def at(row: Value, k: int) -> Value:
                return base + row * width + column + k * t.lanes

            def load(name: str, place: Value) -> Value:
                return f.convert(f.load(f[name].at(place, e), t, mask), wide)

            start = n - 1 if back else f.value(0, I64)
            held = [f.variable(load("b", at(start, k))) for k in range(many)]
            for k, v in enumerate(held):
                f.store(f["y"].at(at(start, k), e), f.convert(v.get(), t), mask)
            with f.loop(1, n) as i:
                row = n - 1 - i if back else i
                for k, v in enumerate(held):
                    place = at(row, k)
                    v.set(f.fma(load("a", place), v.get(), load("b", place)))
                    f.store(f["y"].at(place, e), f.convert(v.get(), t), mask)

        _columns(f, t, work)

    return write


@cache
def _recur_kernel(t: Type, back: bool, along_rows: bool) -> Any:
    v = host().wide(t)
    name = f"recur{'_back' if back else ''}_{'rows' if along_rows else 'columns'}_{t}"
    if along_rows:
        write = _write_recur_rows(v, back)
        return build(name, "y:w a:r b:r count:i n:i grain:i", write, over="count", grain="grain")
    write = _write_recur_columns(v, back)
    return build(name, "y:w a:r b:r units:i n:i width:i grain:i", write, over="units", grain="grain")


@over(C.recur)
def recur(body: Any, a: Any, b: Any, dim: int, back: bool) -> Any:
    """y[i] = b[i] + a[i] y[i - 1]."""
    t = fits(b, least=LEAST)
    if t is None or type(a) is not np.ndarray or a.dtype is not b.dtype:
        return body(a, b, dim, back)
    before, n, behind = rows(b.shape, dim)
    a = np.require(np.broadcast_to(a, b.shape), requirements=["C", "A"])
    y = empty(b.shape, b.dtype)
    kernel = _recur_kernel(t, back, behind == 1)
    if behind == 1:
        kernel(y, a, b, before, n, max(1, GRAIN // n))
    else:
        _by_columns(kernel, before, n, behind, y, a, b)
    return y


# ---- log-sums


def _added(f: Body, x: Value, y: Value) -> Value:
    """log(exp(x) + exp(y)) of two numbers."""
    high, low = f.select((x > y) | x.is_nan(), x, y), f.select((x > y) | x.is_nan(), y, x)
    alone = f.intrinsic("fabs", high).eq(inf)  # inf - inf has no value
    grown = high + vmath.log1p(f, vmath.exp(f, low - high))
    return f.select(alone & ~low.is_nan(), high, grown)


def _write_log_rows(t: Type) -> Callable[[Body], None]:
    """What came before is total * exp(shift). Where a vector's first sum would underflow, or is no number,
    its elements are added one by one."""

    def write(f: Body) -> None:
        n, e, wide = f["n"], t.element, t.like(F64)
        with f.loop(f.low, f.high) as row:
            x, y = (f[k].at(row * n, e) for k in "xy")
            shift, total = f.variable(f.value(-inf, F64)), f.variable(f.value(0.0, F64))
            with f.loop(0, n, t.lanes) as i:
                m = f.smaller(n - i, t.lanes)
                mask = f.first(m, t)
                a = f.convert(f.load(x.at(i, e), t, mask, -inf), wide)
                most = f.across(a, lambda p, q: f.select(p > q, p, q))
                most = f.select(most > shift.get(), most, shift.get())
                kept = f.select(total.get().eq(0.0), 0.0, total.get() * vmath.exp(f, shift.get() - most))
                sums = _running(f, vmath.exp(f, a - f.splat(most, t.lanes)), False) + f.splat(kept, t.lanes)
                last = f.lane(sums, t.lanes - 1)
                fine = (f.lane(sums, 0) > 1e-280) & (last < 1e280)
                with f.when(fine):
                    z = vmath.log(f, sums) + f.splat(most, t.lanes)
                    f.store(y.at(i, e), f.convert(z, t), mask)
                    total.set(last)
                    shift.set(most)
                with f.when(~fine):
                    _one_by_one(f, x.at(i, e), y.at(i, e), m, e, shift, total)

    return write


def _one_by_one(f: Body, x: Value, y: Value, m: Value, e: Type, shift: Any, total: Any) -> None:
    before = f.select(total.get().eq(0.0), -inf, shift.get() + vmath.log(f, total.get()))
    held = f.variable(before)
    with f.loop(0, m) as j:
        held.set(_added(f, held.get(), f.convert(f.load(x.at(j, e), e), F64)))
        f.store(y.at(j, e), f.convert(held.get(), e))
    none = held.get().eq(-inf)
    shift.set(held.get())
    total.set(f.select(none, f.value(0.0, F64), f.value(1.0, F64)))


@cache
def _log_kernel(t: Type) -> Any:
    v = host().wide(t)
    parameters = "y:w x:r count:i n:i grain:i"
    return build(f"logcumsumexp_{t}", parameters, _write_log_rows(v), over="count", grain="grain")


@over(C.logcumsumexp)
def logcumsumexp(body: Any, x: Any, dim: int) -> Any:
    """The logarithm of running sums of exponentials."""
    t = fits(x, least=LEAST)
    if t is None:
        return body(x, dim)
    n = x.shape[dim]
    a = x if dim == x.ndim - 1 else np.ascontiguousarray(np.moveaxis(x, dim, -1))
    y = empty(a.shape, a.dtype)
    _log_kernel(t)(y, a, a.size // n, n, max(1, GRAIN // (4 * n)))
    return y if a is x else np.ascontiguousarray(np.moveaxis(y, -1, dim))


nameless(globals())
