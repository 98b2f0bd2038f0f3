"""argmax and argmin: the first place of the largest or smallest element; nan is both."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf
from typing import Any

import numpy as np

import tapegrad.kernels.reduce as R
from tapegrad.kernels.errstate import nameless
from tapegrad.native import vmath
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, over, rows
from tapegrad.native.ir import I8, I64, Type, Value, integers
from tapegrad.native.strips import down, joined, strip, sweep
from tapegrad.native.target import host

LEAST = 1 << 15  # elements; NumPy finds the place among fewer in less time than a call takes
GRAIN = 1 << 14  # elements that are worth a thread
PART = 1 << 15  # elements of a row that are gone over twice while they are in the cache
CHUNK = 256  # columns that go together
WAYS = 4


def _first_lane(f: Body, mask: Value) -> Value:
    """The number of the first lane where a mask is true."""
    n = mask.type.lanes
    bits = f.convert(f.bits(mask, Type(f"i{n}", max(1, n // 8), False)), I64) if n != 8 else f.bits(mask, I8)
    f.declared.add(f"declare {bits.type} @llvm.cttz.{bits.type}({bits.type}, i1)")
    return f.emit(f"call {bits.type} @llvm.cttz.{bits.type}({bits}, i1 false)", bits.type)


def _write_rows(t: Type, largest: bool) -> Callable[[Body], None]:
    extreme, worst = (vmath.maximum, -inf) if largest else (vmath.minimum, inf)

    def write(f: Body) -> None:
        n, parts, e = f["n"], f["parts"], t.element
        with f.loop(f.low, f.high) as unit:
            row = unit // parts
            start = (unit - row * parts) * f["length"]
            m = f.smaller(n - start, f["length"])
            x = f["x"].at(row * n + start, e)
            found = sweep(
                f, 0, m, t, lambda i, k, v: [extreme(f, f.load(x.at(i, e), t, k, worst), v[0])], [worst], 8
            )
            top = joined(f, found[0], lambda a, b: extreme(f, a, b))
            odd, all_ = f.splat(top.is_nan(), t.lanes), f.splat(top, t.lanes)
            at = f.variable(f.value(0, I64))
            with f.forever() as over_:
                i = at.get()
                a = f.load(x.at(i, e), t, f.first(m - i, t), worst)
                hit = a.eq(all_) | (a.is_nan() & odd)
                place = f.convert(_first_lane(f, hit), I64)
                with f.when(f.any(hit)):
                    at.set(i + place)
                f.leave(over_, f.any(hit))
                at.set(i + t.lanes)
            f.store(f["y"].at(unit, I64), start + at.get())
            f.store(f["top"].at(unit, e), top)

    return write


def _write_columns(t: Type, largest: bool) -> Callable[[Body], None]:
    worst = -inf if largest else inf

    def write(f: Body) -> None:
        n, width, e = f["n"], f["width"], t.element
        whole = integers(t)
        chunks = (width + (CHUNK - 1)) // CHUNK
        with f.loop(f.low, f.high) as unit:
            block = unit // chunks
            left = (unit - block * chunks) * CHUNK
            right = f.smaller(left + CHUNK, width)
            x, y = f["x"].at(block * n * width, e), f["y"].at(block * width, I64)

            def work(column: Value, many: int, mask: Any) -> None:
                def place(k: int) -> Value:
                    return column + k * t.lanes

                best = [f.variable(f.value(worst, t)) for _ in range(many)]
                at = [f.variable(f.value(0, whole)) for _ in range(many)]

                def step(row: Value, _: Any) -> None:
                    number = f.splat(f.convert(row, whole.element), t.lanes)
                    for k in range(many):
                        a, b = f.load(x.at(row * width + place(k), e), t, mask), best[k].get()
                        better = (a > b if largest else a < b) | (a.is_nan() & ~b.is_nan())
                        best[k].set(f.select(better, a, b))
                        at[k].set(f.select(better, number, at[k].get()))

                down(f, n, [], t, step)
                for k in range(many):
                    f.store(y.at(place(k), I64), f.convert(at[k].get(), t.like(I64)), mask)

            with f.loop(left, right, WAYS * t.lanes) as low:
                strip(f, low, right, t, work, WAYS)

    return write


@cache
def _kernel(t: Type, largest: bool, along_rows: bool) -> Any:
    v = host().wide(t)
    name = f"arg{'max' if largest else 'min'}_{'rows' if along_rows else 'columns'}_{t}"
    if along_rows:
        parameters = "y:w top:w x:r units:i n:i parts:i length:i grain:i"
        return build(name, parameters, _write_rows(v, largest), over="units", grain="grain")
    parameters = "y:w x:r units:i n:i width:i grain:i"
    return build(name, parameters, _write_columns(v, largest), over="units", grain="grain")


def _arg(body: Any, x: Any, dim: int | None, keepdim: Any, largest: bool) -> Any:
    t = fits(x, least=LEAST)
    if t is None:
        return body(x, dim, keepdim)
    before, n, behind = (1, x.size, 1) if dim is None else rows(x.shape, dim)
    if n > 1 << 30:
        return body(x, dim, keepdim)
    if behind == 1:
        y = _along(x, t, before, n, largest)
    else:
        y = np.empty((before, behind), "i8")
        units = before * -(-behind // CHUNK)
        grain = max(1, GRAIN // (n * min(behind, CHUNK)))
        _kernel(t, largest, False)(y, x, units, n, behind, grain)
    shape = R.kept(x.shape, None if dim is None else (dim,))
    if not keepdim:
        shape = () if dim is None else x.shape[:dim] + x.shape[dim + 1 :]
    return y.reshape(shape)[()]


def _along(x: Any, t: Type, count: int, n: int, largest: bool) -> Any:
    length = min(n, PART)
    parts = -(-n // length)
    y, top = np.empty(count * parts, "i8"), np.empty(count * parts, x.dtype)
    _kernel(t, largest, True)(y, top, x, count * parts, n, parts, length, max(1, GRAIN // length))
    if parts == 1:
        return y
    top = top.reshape(count, parts)
    best = top.argmax(1) if largest else top.argmin(1)
    return y.reshape(count, parts)[np.arange(count), best]


@over(R.argmax)
def argmax(body: Any, x: Any, dim: int | None, keepdim: Any) -> Any:
    """The first place of the largest."""
    return _arg(body, x, dim, keepdim, True)


@over(R.argmin)
def argmin(body: Any, x: Any, dim: int | None, keepdim: Any) -> Any:
    """The first place of the smallest."""
    return _arg(body, x, dim, keepdim, False)


nameless(globals())
