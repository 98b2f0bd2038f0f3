"""Places in sorted rows, by halving: several values at a time, since each waits for memory at every step."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.search as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.choice import DENSE, over
from tapegrad.native.ir import I64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.ordering import TYPES

LEAST = 1 << 11  # values; below, NumPy takes as long
PART = 1 << 10  # values that are worth a thread
_TOGETHER = 8  # values


@cache
def _kernel(t: Type, right: bool) -> Any:
    """(places, rows, values, units, parts of a row's values, values per row, elements of a row, from one row
    to the next). A unit is a part of what is looked for in one row."""

    def find(f: Body, row: Value, values: Value, y: Value, many: int) -> None:
        wanted = [f.load(values.at(k, t), t) for k in range(many)]
        at, left = [f.variable(f.value(0, I64)) for _ in wanted], f.variable(f.value(0, I64))
        for place in at:
            place.set(0)
        left.set(f["n"])

        def go(half: Value) -> None:
            for value, place in zip(wanted, at, strict=True):
                x = f.load(row.at(place.get() + half - 1, t), t)
                behind = ~(x > value) if right else ~(x >= value)
                # As a number that LLVM cannot see through: it would make a branch of a choice, and processors
                # foresee every second one.
                step = f.emit(f'call i64 asm "", "=r,0"({f.convert(behind, I64)})', I64)
                place.set(place.get() + (half & -step))

        with f.forever() as last:
            f.leave(last, left.get() <= 1)
            half = left.get() >> 1
            go(half)
            left.set(left.get() - half)
        go(f.value(1, I64))
        for k, place in enumerate(at):
            f.store(y.at(k, I64), place.get())

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as unit:
            number = unit // f["parts"]
            start = (unit - number * f["parts"]) * PART
            m, first = f.smaller(f["k"] - start, PART), number * f["k"] + start
            row, values, y = (
                f["rows"].at(number * f["stride"], t),
                f["values"].at(first, t),
                f["y"].at(first, I64),
            )
            whole = m & -_TOGETHER
            with f.loop(0, whole, _TOGETHER) as i:
                find(f, row, values.at(i, t), y.at(i, I64), _TOGETHER)
            with f.loop(whole, m) as i:
                find(f, row, values.at(i, t), y.at(i, I64), 1)

    name = f"search_{t}_{'right' if right else 'left'}"
    return build(name, "y:w rows:r values:r units:i parts:i k:i n:i stride:i", write, over="units")


@over(S.places)
def places(body: Any, rows: Any, values: Any, right: bool, dtype: Any) -> Any:
    """Where values belong in sorted rows."""
    flat, t = rows.ndim == 1, TYPES.get(values.dtype)
    dense = all(type(x) is ndarray and x.flags.num & DENSE == DENSE for x in (rows, values))
    if values.size < LEAST or t is None or not dense or rows.dtype is not values.dtype or not rows.size:
        return body(rows, values, right, dtype)
    n, ends = rows.shape[-1], rows[..., -1]
    if (ends != ends).any():  # where nan stands in a row, the body halves as torch does
        return body(rows, values, right, dtype)
    found = empty(values.shape, np.dtype(np.int64))
    k = values.size if flat else values.shape[-1]
    parts = -(-k // PART)
    _kernel(t, right)(found, rows, values, values.size // k * parts, parts, k, n, 0 if flat else n)
    return found.astype(dtype, copy=False)


nameless(globals())
