"""Reductions over any axes of a contiguous array: what is left of rows, or of columns.

What is long is cut into parts of a fixed length, whose results NumPy joins in order: they do not depend on
how many threads there are. Sums of float32 are taken block by block, and blocks in float64 (or, down columns,
in two levels), so they are as accurate as sums in pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tapegrad.native import vmath
from tapegrad.native.call import Body, build
from tapegrad.native.ir import F32, F64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.strips import DOWN, down, down_sums, joined, strip, sums, sweep
from tapegrad.native.target import host

GRAIN = 1 << 14  # elements that are worth a thread
LONG = 1 << 16  # elements of a row beyond which it is cut
PART = 1 << 15  # elements of its parts
CHUNK = 1 << 12  # columns that go together
WAYS = 8
NARROW = 64  # columns that are gone over together


@dataclass(frozen=True)
class Kind:
    """A reduction: its first value, value = each(f, x, value, center), how two values become one, here and in
    NumPy. pad: what counts for nothing. sums: of many numbers, which float32 alone would not hold. exact: in
    float64. centered: around a number for each result."""

    name: str
    first: float
    pad: float
    each: Callable[[Any, Value, Value, Any], Value]
    join: Callable[[Any, Value, Value], Value]
    ufunc: Any
    sums: bool = False
    exact: bool = False
    centered: bool = False


def _add(f: Any, a: Value, b: Value) -> Value:
    total: Value = a + b
    return total


def _square(f: Any, x: Value, a: Value, c: Any) -> Value:
    d = x if c is None else x - c
    total: Value = f.fma(d, d, a)
    return total


def _abs(f: Any, x: Value) -> Value:
    size: Value = f.intrinsic("fabs", x)
    return size


KINDS = {
    k.name: k
    for k in (
        Kind("sum", 0.0, 0.0, lambda f, x, a, c: a + x, _add, np.add, sums=True),
        Kind("exact", 0.0, 0.0, lambda f, x, a, c: a + x, _add, np.add, exact=True),
        Kind("spread", 0.0, 0.0, _square, _add, np.add, exact=True, centered=True),
        Kind("squares", 0.0, 0.0, _square, _add, np.add, sums=True),
        Kind("sizes", 0.0, 0.0, lambda f, x, a, c: a + _abs(f, x), _add, np.add, sums=True),
        Kind(
            "count",
            *(0.0, 0.0, lambda f, x, a, c: f.select(x.ne(0.0), a + 1.0, a), _add, np.add),
            sums=True,
        ),
        Kind("prod", 1.0, 1.0, lambda f, x, a, c: a * x, lambda f, a, b: a * b, np.multiply),
        Kind("max", -np.inf, -np.inf, lambda f, x, a, c: vmath.maximum(f, x, a), vmath.maximum, np.maximum),
        Kind("min", np.inf, np.inf, lambda f, x, a, c: vmath.minimum(f, x, a), vmath.minimum, np.minimum),
        Kind(
            "largest",
            *(0.0, 0.0, lambda f, x, a, c: vmath.maximum(f, _abs(f, x), a), vmath.maximum, np.maximum),
        ),
    )
}


def _write_rows(kind: Kind, t: Type, out: Type) -> Callable[[Body], None]:
    """Units are parts of rows."""

    def write(f: Body) -> None:
        n, parts, e = f["n"], f["parts"], t.element
        held = t.like(F64) if kind.exact else t
        with f.loop(f.low, f.high) as unit:
            row = unit // parts
            start = (unit - row * parts) * f["length"]
            m = f.smaller(n - start, f["length"])
            x = f["x"].at(row * n + start, e)
            c = f.splat(f.load(f["c"].at(row, F64), F64), t.lanes) if kind.centered else None

            def step(i: Value, mask: Any, v: list[Value]) -> list[Value]:
                value = f.convert(f.load(x.at(i, e), t, mask, kind.pad), held)
                new = kind.each(f, value, v[0], c)
                keep = mask is not None and kind.centered  # the center may not be one of x's numbers
                return [f.select(mask, new, v[0]) if keep else new]

            if kind.sums:
                (y,) = sums(f, m, t, step, ways=WAYS)
            else:
                ways = WAYS // 2 if kind.exact else WAYS
                (found,) = sweep(f, 0, m, t, step, [kind.first], ways, held)
                y = joined(f, found, lambda a, b: kind.join(f, a, b))
            f.store(f["y"].at(unit, out), f.convert(y, out))

    return write


def _write_columns(kind: Kind, t: Type, out: Type) -> Callable[[Body], None]:
    """Units are some rows of some columns."""

    def write(f: Body) -> None:
        n, parts, width, e = f["n"], f["parts"], f["width"], t.element
        chunks = (width + (CHUNK - 1)) // CHUNK
        held = t.like(F64) if kind.exact else t
        ways = WAYS // 2 if kind.exact else WAYS
        with f.loop(f.low, f.high) as unit:
            which = unit // chunks  # a part of the rows
            left = (unit - which * chunks) * CHUNK
            right = f.smaller(left + CHUNK, width)
            block = which // parts
            start = (which - block * parts) * f["length"]
            m = f.smaller(n - start, f["length"])
            x, y = f["x"].at((block * n + start) * width, e), f["y"].at(which * width, out)
            center = f["c"].at(block * width, F64) if kind.centered else None

            def work(column: Value, many: int, mask: Any) -> None:
                places = [column + k * t.lanes if k else column for k in range(many)]
                wide = t.like(F64)
                cs = [None if center is None else f.load(center.at(p, F64), wide, mask) for p in places]

                def step(row: Value, v: list[Value]) -> list[Value]:
                    xs = [f.convert(f.load(x.at(row * width + p, e), t, mask), held) for p in places]
                    return [kind.each(f, a, b, c) for a, b, c in zip(xs, v, cs, strict=True)]

                if kind.sums:
                    found = down_sums(f, m, many, t, step)
                else:
                    first = [[kind.first] * many]
                    (found,) = down(f, m, first, held, lambda row, v: [step(row, v[0])])
                for p, a in zip(places, found, strict=True):
                    f.store(y.at(p, out), f.convert(a, t.like(out)), mask)

            with f.loop(left, right, ways * t.lanes) as low:
                strip(f, low, right, t, work, ways)

    return write


@cache
def _kernel(name: str, t: Type, out: Type, rows: bool) -> Any:
    kind, v = KINDS[name], host().wide(t)
    extra = "c:r " if kind.centered else ""
    title = f"{name}_{'rows' if rows else 'columns'}_{t}_{out}"
    if rows:
        parameters = f"y:w x:r {extra}units:i n:i parts:i length:i grain:i"
        return build(title, parameters, _write_rows(kind, v, out), over="units", grain="grain")
    parameters = f"y:w x:r {extra}units:i n:i parts:i length:i width:i grain:i"
    return build(title, parameters, _write_columns(kind, v, out), over="units", grain="grain")


def _rows(name: str, t: Type, x: Any, count: int, n: int, wide: bool, center: Any) -> Any:
    """[count, n] -> [count]."""
    parts, length = (1, n) if n <= LONG else (-(-n // PART), PART)
    out = F64 if wide or (parts > 1 and KINDS[name].sums) else t
    y = np.empty(count * parts, "f8" if out is F64 else "f4")
    more = () if center is None else (center,)
    _kernel(name, t, out, True)(y, x, *more, count * parts, n, parts, length, max(1, GRAIN // length))
    return y if parts == 1 else KINDS[name].ufunc.reduce(y.reshape(count, parts), 1)


def _columns(name: str, t: Type, x: Any, shape: tuple[int, int, int], wide: bool, center: Any) -> Any:
    """[before, n, width] -> [before, width]."""
    before, n, width = shape
    if before == 1 and width < NARROW and n > NARROW:
        return _narrow(name, t, x, n, width, wide, center)
    some = min(width, CHUNK)
    parts, length = (1, n) if n * some <= LONG else _cut(n, max(DOWN, LONG // some))
    out = F64 if wide or (parts > 1 and KINDS[name].sums) else t
    y = empty((before * parts, width), "f8" if out is F64 else "f4")
    units = before * parts * -(-width // CHUNK)
    more = () if center is None else (center,)
    grain = max(1, GRAIN // (length * some))
    _kernel(name, t, out, False)(y, x, *more, units, n, parts, length, width, grain)
    return y if parts == 1 else KINDS[name].ufunc.reduce(y.reshape(before, parts, width), 1)


def _narrow(name: str, t: Type, x: Any, n: int, width: int, wide: bool, center: Any) -> Any:
    """[n, width] -> [width], of few columns: first of some rows beside each other."""
    many = NARROW // width + 1
    whole = n // many
    flat = x.reshape(-1)
    centers = None if center is None else np.tile(center.reshape(-1), many)
    y = _columns(name, t, flat[: whole * many * width], (1, whole, many * width), wide, centers)
    y = y.reshape(many, width)
    if n > whole * many:
        rest = _columns(name, t, flat[whole * many * width :], (1, n - whole * many, width), wide, center)
        y = np.concatenate([y, rest.reshape(1, width).astype(y.dtype)])
    return KINDS[name].ufunc.reduce(y, 0)


def _cut(n: int, length: int) -> tuple[int, int]:
    """(how many parts, their length)."""
    return -(-n // length), length


def groups(shape: Sequence[int], axes: Sequence[int]) -> list[tuple[int, bool]]:
    """Neighbouring axes as one: their sizes, and whether they are reduced."""
    found: list[tuple[int, bool]] = []
    for k, n in enumerate(shape):
        gone = k in axes
        if n == 1:
            continue
        if found and found[-1][1] == gone:
            found[-1] = found[-1][0] * n, gone
        else:
            found.append((n, gone))
    return found


def fold(name: str, t: Type, x: Any, axes: Sequence[int], wide: bool = False, center: Any = None) -> Any:
    """x, contiguous and not empty, reduced over axes: flat, in x's dtype, or in float64 if `wide`. center: a
    contiguous float64 array, one number for each result."""
    dtype = "f8" if wide or t is F64 else "f4"
    left = groups(x.shape, axes)
    kind = KINDS[name]
    while left and any(gone for _, gone in left):
        k = max(i for i, (_, gone) in enumerate(left) if gone)
        n, before, behind = left[k][0], 1, 1
        for size, _ in left[:k]:
            before *= size
        for size, _ in left[k + 1 :]:
            behind *= size
        more = sum(gone for _, gone in left) > 1
        inner = wide or (more and kind.sums)
        if behind == 1:
            x = _rows(name, t, x, before, n, inner, center)
        else:
            x = _columns(name, t, x, (before, n, behind), inner, center)
        left = left[:k] + left[k + 1 :]
        if more:  # what was made is added up as it is
            name, t = (name if kind.ufunc is not np.add else "sum"), F64 if x.dtype == np.float64 else F32
            x = np.ascontiguousarray(x)
        if k < len(left) and k and left[k][1] == left[k - 1][1]:
            left[k - 1 : k + 1] = [(left[k - 1][0] * left[k][0], left[k][1])]
    return x if x.dtype == dtype else x.astype(dtype)
