"""Reductions over any axes of a contiguous array: what is left of rows, or of columns.

What is long is cut into parts of a fixed length, whose results NumPy joins in order: they do not depend on
how many threads there are. Sums of float32 are taken block by block, and blocks in float64 (or, down columns,
in two levels), so they are as accurate as sums in pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native import narrow, vmath
from tapegrad.native.call import Body, build
from tapegrad.native.ir import F64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.strips import DOWN, joined, parted, sums, sweep
from tapegrad.native.target import host

GRAIN = 1 << 14  # elements that are worth a thread
LONG = 1 << 16  # elements of a row beyond which it is cut
PART = 1 << 15  # elements of its parts
CHUNK = 1 << 12  # columns that go together
WAYS = 8
TOGETHER = 8  # rows that are read at once
NARROW = 64  # columns that are gone over together,
_DEEP = 32  # if there are so many rows of them

_F4, _F8 = np.dtype("f4"), np.dtype("f8")


@dataclass(frozen=True)
class Kind:
    """A reduction: its first value, value = each(f, x, value, center), how two values become one, here and in
    NumPy. pad: what counts for nothing. sums: of many numbers, which float32 alone would not hold. exact: in
    float64. centered: around a number for each result. quick: as `each`, where nan may be lost."""

    name: str
    first: float
    pad: float
    each: Callable[[Any, Value, Value, Any], Value]
    join: Callable[[Any, Value, Value], Value]
    ufunc: Any
    sums: bool = False
    exact: bool = False
    centered: bool = False
    quick: Callable[[Any, Value, Value], Value] | None = None


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
        Kind("product", 1.0, 1.0, lambda f, x, a, c: a * x, lambda f, a, b: a * b, np.multiply, exact=True),
        Kind(
            "max",
            *(-np.inf, -np.inf, lambda f, x, a, c: vmath.maximum(f, x, a), vmath.maximum, np.maximum),
            quick=lambda f, x, a: f.select(x > a, x, a),
        ),
        Kind(
            "min",
            *(np.inf, np.inf, lambda f, x, a, c: vmath.minimum(f, x, a), vmath.minimum, np.minimum),
            quick=lambda f, x, a: f.select(x < a, x, a),
        ),
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
    """Units are some rows of some columns. Eight rows at once are read from end to end, as memory likes it;
    the results so far stay in the cache."""

    def write(f: Body) -> None:
        n, parts, width, e = f["n"], f["parts"], f["width"], t.element
        chunks = (width + (CHUNK - 1)) // CHUNK
        held, to = t.like(F64) if kind.exact else t, t.like(out)
        with f.loop(f.low, f.high) as unit:
            which = unit // chunks  # a part of the rows
            left = (unit - which * chunks) * CHUNK
            right = f.smaller(left + CHUNK, width)
            block = which // parts
            start = (which - block * parts) * f["length"]
            m = f.smaller(n - start, f["length"])
            x, y = f["x"].at((block * n + start) * width, e), f["y"].at(which * width, out)
            center = f["c"].at(block * width, F64) if kind.centered else None

            def begin(i: Value, mask: Any, _: Any) -> None:
                f.store(y.at(i, out), f.value(kind.first, to), mask)

            sweep(f, left, right, t, begin, ways=1)

            def together(row: Value, rows: int) -> None:
                """Some rows joined, and the result of those before them."""
                sources = [x.at((row + r) * width, e) for r in range(rows)]

                def step(i: Value, mask: Any, _: Any) -> None:
                    c = None if center is None else f.load(center.at(i, F64), t.like(F64), mask)
                    value = f.value(kind.first, held)
                    xs = [f.convert(f.load(source.at(i, e), t, mask), held) for source in sources]
                    if kind.quick and rows > 1:
                        value = _quick(f, kind.quick, xs, value)
                    else:
                        for a in xs:
                            value = kind.each(f, a, value, c)
                    place = y.at(i, out)
                    f.store(place, kind.join(f, f.load(place, to, mask), f.convert(value, to)), mask)

                sweep(f, left, right, t, step, ways=1)

            whole = m & -TOGETHER
            with f.loop(0, whole, TOGETHER) as row:
                together(row, TOGETHER)
            with f.loop(whole, m) as row:
                together(row, 1)

    return write


def _quick(f: Body, quick: Any, xs: list[Value], value: Value) -> Value:
    """The extreme of some vectors: nan is looked for in two at once."""
    odd = [a.unordered(b) for a, b in zip(xs[::2], xs[1::2], strict=True)]
    for x in xs:
        value = quick(f, x, value)
    return f.select(f.tree(odd, lambda a, b: a | b), np.nan, value)


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


@dataclass(frozen=True)
class Step:
    """A call of a kernel: what comes behind the arrays, the result's size and dtype, and how its parts are
    joined: the shape in which axis 1 goes, or None. narrow: how long the rows are that are turned first."""

    kernel: Any
    numbers: tuple[int, ...]
    size: int
    dtype: Any
    parts: tuple[int, int, int] | None
    narrow: int = 0


def _rows(name: str, t: Type, count: int, n: int, wide: bool) -> Step:
    """[count, n] -> [count]."""
    if n <= narrow.MOST and count >= narrow.LEAST:
        return replace(_columns(name, t, 1, n, count, wide), narrow=n)
    parts, length = (1, n) if n <= LONG else parted(n, PART, 64)
    out = F64 if wide or (parts > 1 and KINDS[name].sums) else t
    numbers = (count * parts, n, parts, length, max(1, GRAIN // length))
    joined_ = None if parts == 1 else (count, parts, 1)
    return Step(_kernel(name, t, out, True), numbers, count * parts, _dtype(out), joined_)


def _columns(name: str, t: Type, before: int, n: int, width: int, wide: bool) -> Step:
    """[before, n, width] -> [before, width]."""
    some = min(width, CHUNK)
    parts, length = (1, n) if n * some <= LONG else parted(n, max(DOWN, LONG // some))
    out = F64 if wide or (n > DOWN and KINDS[name].sums) else t
    units = before * parts * -(-width // CHUNK)
    numbers = (units, n, parts, length, width, max(1, GRAIN // (length * some)))
    joined_ = None if parts == 1 else (before, parts, width)
    return Step(_kernel(name, t, out, False), numbers, before * parts * width, _dtype(out), joined_)


def _dtype(t: Type) -> Any:
    return _F8 if t is F64 else _F4


def _run(step: Step, ufunc: Any, x: Any, center: Any) -> Any:
    y = empty(step.size, step.dtype)
    if step.narrow:
        x = narrow.columns(x.reshape(-1, step.narrow))
    if center is None:
        step.kernel(y, x, *step.numbers)
    else:
        step.kernel(y, x, center, *step.numbers)
    return y if step.parts is None else ufunc.reduce(y.reshape(step.parts), 1).reshape(-1)


def _narrow(x: Any, center: Any, name: str, t: Type, n: int, width: int, wide: bool) -> Any:
    """[n, width] -> [width], of few columns: first of some rows beside each other."""
    many, ufunc = NARROW // width + 1, KINDS[name].ufunc
    whole = n // many
    flat = x.reshape(-1)
    centers = None if center is None else np.tile(center, many)
    y = _run(_columns(name, t, 1, whole, many * width, wide), ufunc, flat[: whole * many * width], centers)
    y = y.reshape(many, width)
    if n > whole * many:
        step = _columns(name, t, 1, n - whole * many, width, wide)
        rest = _run(step, ufunc, flat[whole * many * width :], center)
        y = np.concatenate([y, rest.reshape(1, width).astype(y.dtype)])
    return ufunc.reduce(y, 0)


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


def _beside(n: int, width: int) -> int:
    """How many of n rows of few columns are gone over beside each other before they are joined."""
    return max([m for m in range(1, NARROW // width + 1) if n % m == 0 and n >= _DEEP * m], default=1)


@lru_cache(1024)
def _plan(name: str, t: Type, shape: tuple[int, ...], axes: tuple[int, ...], wide: bool) -> tuple[Any, ...]:
    """The steps, each over one group of axes, from the last to the first; or, in place of a step, the size of
    few columns."""
    left, kind = groups(shape, axes), KINDS[name]
    steps: list[Any] = []
    while any(gone for _, gone in left):
        k = max(i for i, (_, gone) in enumerate(left) if gone)
        n, before, behind = left[k][0], prod(s for s, _ in left[:k]), prod(s for s, _ in left[k + 1 :])
        if before > 1 < behind and not kind.centered and (many := _beside(n, behind)) > 1:
            n, behind, left = n // many, behind * many, [*left[: k + 1], (many, True), *left[k + 1 :]]
        more = sum(gone for _, gone in left) > 1
        inner = wide or (more and kind.sums)
        if behind == 1:
            steps.append(_rows(name, t, before, n, inner))
        elif before == 1 and behind < NARROW < n:
            steps.append((name, t, n, behind, inner))
        else:
            steps.append(_columns(name, t, before, n, behind, inner))
        if more:  # what was made is joined as it is
            name = "sum" if kind.ufunc is np.add else "max" if kind.ufunc is np.maximum else name
            t = F64 if inner else t
        left = left[:k] + left[k + 1 :]
        if 0 < k < len(left) and left[k][1] == left[k - 1][1]:
            left[k - 1 : k + 1] = [(left[k - 1][0] * left[k][0], left[k][1])]
    return tuple(steps)


def fold(name: str, t: Type, x: Any, axes: tuple[int, ...], wide: bool = False, center: Any = None) -> Any:
    """x, contiguous and not empty, reduced over axes: flat, in x's dtype, or in float64 if `wide`. center: a
    contiguous float64 array, one number for each result."""
    ufunc, dtype = KINDS[name].ufunc, _F8 if wide or t is F64 else _F4
    for step in _plan(name, t, x.shape, axes, wide):
        few = type(step) is tuple
        x = _narrow(x, center, *step) if few else _run(step, ufunc, x, center)
    return x if x.dtype is dtype else x.astype(dtype)


nameless(globals())
