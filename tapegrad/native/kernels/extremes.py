"""argmax and argmin along an axis: the first place of the largest or smallest element; nan is both.

Down columns all places are kept beside the elements. Of a row the extreme is found first, and then its place,
while the row is in the cache; narrow rows are turned.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf
from typing import Any

import numpy as np

import tapegrad.kernels.reduce as R
from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, over, rows
from tapegrad.native.ir import I64, Function, Type, Value, integers
from tapegrad.native.narrow import columns, is_narrow
from tapegrad.native.strips import add, down, joined, strip, sweep
from tapegrad.native.target import host

LEAST = 1 << 11  # elements; below, NumPy takes as long as a call
GRAIN = 1 << 14  # elements that are worth a thread
CHUNK = 256  # columns that go together
WAYS = 4


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


def _write_rows(t: Type, largest: bool) -> Callable[[Body], None]:
    worst, e = -inf if largest else inf, t.element

    def better(f: Function, a: Value, b: Value) -> Value:
        return f.select(a > b if largest else a < b, a, b)

    def write(f: Body) -> None:
        n = f["n"]
        with f.loop(f.low, f.high) as row:
            x = f["x"].at(row * n, e)

            def step(i: Value, m: Any, held: list[Value]) -> list[Value]:
                a = f.load(x.at(i, e), t, m, worst)
                return [better(f, a, held[0]), f.select(a.is_nan(), 1.0, held[1])]

            found, odd = sweep(f, 0, n, t, step, [worst, 0.0])
            best = f.splat(joined(f, found, lambda a, b: better(f, a, b)), t.lanes)
            strange = f.any(f.tree(odd, add) > 0.0)
            with f.forever() as done:
                with f.loop(0, n, t.lanes) as i:
                    inside = f.first(f.smaller(n - i, t.lanes), t)
                    a = f.load(x.at(i, e), t, inside, 0.0)
                    here = f.select(strange, a.is_nan(), a.eq(best)) & inside
                    with f.when(f.any(here)):
                        f.store(f["y"].at(row, I64), i + f.lowest(here))
                        f.leave(done)
                f.store(f["y"].at(row, I64), f.value(0, I64))  # if another thread writes into x
                f.leave(done)

    return write


@cache
def _row_kernel(t: Type, largest: bool) -> Any:
    name, write = f"arg{'max' if largest else 'min'}_rows_{t}", _write_rows(host().wide(t), largest)
    return build(name, "y:w x:r rows:i grain:i n:i", write, over="rows", grain="grain")


@cache
def _kernel(t: Type, largest: bool) -> Any:
    name = f"arg{'max' if largest else 'min'}_{t}"
    write = _write_columns(host().wide(t), largest)
    return build(name, "y:w x:r units:i n:i width:i grain:i", write, over="units", grain="grain")


def _arg(body: Any, x: Any, dim: int | None, keepdim: Any, largest: bool) -> Any:
    t = fits(x, least=LEAST) if dim is not None else None
    if t is not None and dim == x.ndim - 1:
        if x.ndim == 1:  # one row, over which NumPy is as fast
            return body(x, dim, keepdim)
        kept = x.shape[:-1] + (1,) * keepdim
        if is_narrow(x):
            return _arg(body, columns(x), 0, False, largest).reshape(kept)
        y = np.empty(kept, "i8")
        _row_kernel(t, largest)(y, x, y.size, max(1, GRAIN // x.shape[-1]), x.shape[-1])
        return y
    before, n, behind = rows(x.shape, dim or 0) if t is not None else (0, 0, 1)
    if t is None or behind == 1 or n > 1 << 30:
        return body(x, dim, keepdim)
    y = np.empty((before, behind), "i8")
    units = before * -(-behind // CHUNK)
    _kernel(t, largest)(y, x, units, n, behind, max(1, GRAIN // (n * min(behind, CHUNK))))
    kept = (1,) if keepdim else ()
    return y.reshape(x.shape[:dim] + kept + x.shape[(dim or 0) + 1 :])


@over(R.argmax)
def argmax(body: Any, x: Any, dim: int | None, keepdim: Any) -> Any:
    """The first place of the largest."""
    return _arg(body, x, dim, keepdim, True)


@over(R.argmin)
def argmin(body: Any, x: Any, dim: int | None, keepdim: Any) -> Any:
    """The first place of the smallest."""
    return _arg(body, x, dim, keepdim, False)


nameless(globals())
