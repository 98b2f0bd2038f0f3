"""logsumexp: the largest element and the sum of shifted exponentials of parts of rows, which NumPy joins."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf
from typing import Any

import numpy as np

import tapegrad.kernels.statistics as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native import vmath
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, over
from tapegrad.native.fold import groups
from tapegrad.native.ir import Type, Value
from tapegrad.native.narrow import columns, is_narrow
from tapegrad.native.pointwise import Pointwise
from tapegrad.native.strips import CHUNK, WAYS, chunks, down, down_sums, highest, larger, strip, sums
from tapegrad.native.target import host

LEAST = 1 << 8  # elements; below, NumPy's few calls take as long as one of these
LEAST_BACK = 1 << 14  # elements from which one pass takes less time than NumPy's three
GRAIN = 1 << 14  # elements that are worth a thread
PART = 1 << 15  # elements that are gone over twice while they are in the cache


def _shift(f: Body, top: Value) -> Value:
    """The largest element, or 0 where it is infinite."""
    return f.select(f.intrinsic("fabs", top).eq(inf), 0.0, top)


def _write_rows(t: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, parts, e = f["n"], f["parts"], t.element
        with f.loop(f.low, f.high) as unit:
            row = unit // parts
            start = (unit - row * parts) * f["length"]
            m = f.smaller(n - start, f["length"])
            x = f["x"].at(row * n + start, e)

            top = highest(f, x, m, t)
            less = f.splat(_shift(f, top), t.lanes)

            def add(i: Value, mask: Any, held: list[Value]) -> list[Value]:
                return [held[0] + vmath.exp(f, f.load(x.at(i, e), t, mask, -inf) - less)]

            (total,) = sums(f, m, t, add)
            f.store(f["tops"].at(unit, e), top)
            f.store(f["sums"].at(unit, e), f.convert(total, e))

    return write


def _write_columns(t: Type) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        n, parts, width, e, most = f["n"], f["parts"], f["width"], t.element, larger(f)
        with chunks(f, width) as (which, left, right):
            block = which // parts
            start = (which - block * parts) * f["length"]
            m = f.smaller(n - start, f["length"])
            x = f["x"].at((block * n + start) * width, e)

            def work(column: Value, many: int, mask: Any) -> None:
                def load(row: Value) -> list[Value]:
                    return [f.load(x.at(row * width + column + k * t.lanes, e), t, mask) for k in range(many)]

                def highest(row: Value, v: Any) -> Any:
                    return [[most(a, b) for a, b in zip(load(row), v[0], strict=True)]]

                def total(row: Value, v: list[Value]) -> list[Value]:
                    each = zip(load(row), less, v, strict=True)
                    return [c + vmath.exp(f, a - b) for a, b, c in each]

                (tops,) = down(f, m, [[-inf] * many], t, highest)
                less = [_shift(f, top) for top in tops]
                totals = down_sums(f, m, many, t, total)
                for k in range(many):
                    at = which * width + column + k * t.lanes
                    f.store(f["tops"].at(at, e), tops[k], mask)
                    f.store(f["sums"].at(at, e), totals[k], mask)

            with f.loop(left, right, WAYS * t.lanes) as low:
                strip(f, low, right, t, work, WAYS)

    return write


@cache
def _kernel(t: Type, along_rows: bool) -> Any:
    v = host().wide(t)
    if along_rows:
        parameters = "tops:w sums:w x:r units:i n:i parts:i length:i grain:i"
        return build(f"logsumexp_rows_{t}", parameters, _write_rows(v), over="units", grain="grain")
    parameters = "tops:w sums:w x:r units:i n:i parts:i length:i width:i grain:i"
    return build(f"logsumexp_columns_{t}", parameters, _write_columns(v), over="units", grain="grain")


@over(S.logsumexp)
def logsumexp(body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    """The logarithm of the sum of exponentials."""
    t = fits(x, least=LEAST)
    left = [] if t is None else groups(x.shape, range(x.ndim) if dim is None else dim)
    if t is None or [gone for _, gone in left].count(True) != 1:
        return body(x, dim, keepdim)
    a, k = x, [gone for _, gone in left].index(True)
    sizes = [size for size, _ in left]
    if k == len(left) - 1 and is_narrow(narrow := x.reshape(-1, sizes[k])):
        a, sizes, k = columns(narrow), [sizes[k], narrow.shape[0]], 0
    before, n, behind = sizes[0] if k else 1, sizes[k], sizes[k + 1] if k + 1 < len(sizes) else 1
    length = min(n, max(64, PART // min(behind, CHUNK)))
    parts = -(-n // length)
    tops, totals = np.empty((2, before, parts, behind), x.dtype)
    grain = max(1, GRAIN // (length * min(behind, CHUNK)))
    if behind == 1:
        _kernel(t, True)(tops, totals, a, before * parts, n, parts, length, grain)
    else:
        units = before * parts * -(-behind // CHUNK)
        _kernel(t, False)(tops, totals, a, units, n, parts, length, behind, grain)
    gone = range(x.ndim) if dim is None else dim
    kept = [1 if i in gone else size for i, size in enumerate(x.shape)]
    shape = kept if keepdim else [size for i, size in enumerate(x.shape) if i not in gone]
    return _joined(tops, totals).reshape(shape)[()]


def _joined(tops: Any, totals: Any) -> Any:
    """The results of all parts of a row together."""
    top = np.maximum.reduce(tops, axis=1)
    top[np.isinf(top)] = 0
    if tops.shape[1] == 1:
        return np.log(totals[:, 0]) + top
    shares = np.where(totals == 0, tops.dtype.type(0), totals * np.exp(tops - top[:, None]))
    return np.log(np.add.reduce(shares, axis=1)) + top


_share = Pointwise("logsumexp_vjp", "g * exp(a - b)", ["g", "a", "b"])


@over(S.logsumexp_vjp)
def logsumexp_vjp(body: Any, g: Any, x: Any, y: Any) -> Any:
    """The cotangent of x, given that of y = logsumexp(x)."""
    found = _share(g, x, y) if x.size >= LEAST_BACK else None
    return body(g, x, y) if found is None else found


nameless(globals())
