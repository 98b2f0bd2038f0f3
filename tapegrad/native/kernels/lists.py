"""Lists of arrays in one call: their norms, and their products with a number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

import tapegrad.kernels.reduce as R
import tapegrad.kernels.writers as W
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call
from tapegrad.native.choice import TYPES, over
from tapegrad.native.ir import F64, I64, PTR, Type, Value, vector
from tapegrad.native.places import Many
from tapegrad.native.target import host

LEAST = 1 << 12  # elements of all arrays together
_SUMS = 4  # of squares that are kept apart


@cache
def _squares(t: Type) -> Any:
    """The sum of the squares of each block."""
    wide = vector(t, host().lanes(F64))
    exact = vector(F64, wide.lanes)

    def write(f: call.Body) -> None:
        sums = [f.variable(f.value(0.0, exact)) for _ in range(_SUMS)]
        step = _SUMS * wide.lanes

        def block(at: Value, low: Value, high: Value) -> None:
            for s in sums:
                s.set(0.0)
            x = f.load(f["table"].at(at, PTR), PTR)
            whole = low + ((high - low) & -step)
            with f.loop(low, whole, step) as i:
                for k, s in enumerate(sums):
                    v = f.convert(f.load(x.at(i + k * wide.lanes, t), wide), exact)
                    s.set(f.fma(v, v, s.get()))
            rest = f.variable(f.total(f.tree([s.get() for s in sums], lambda a, b: a + b)))
            with f.loop(whole, high) as i:
                one = f.convert(f.load(x.at(i, t), t), F64)
                rest.set(f.fma(one, one, rest.get()))
            firsts = f["table"].at(f["arrays"] * 2, I64)
            number = f.load(firsts.at(at, I64), I64) + low // Many.BLOCK
            f.store(f["out"].at(number, F64), rest.get())

        Many.loop(f, block, blocks=True)

    return call.build(f"squares_{t}", f"out:w {Many.PARAMETERS}", write, over="blocks", grain=Many.GRAIN)


@over(R.norms)
def norms(body: Any, xs: Sequence[Any], p: float) -> Any:
    """The 2-norm of each array, from sums in float64."""
    t = TYPES.get(xs[0].dtype)
    if p != 2 or t is None or sum([x.size for x in xs]) < LEAST:
        return body(xs, p)
    many = Many.of(xs)
    if many is None:
        return body(xs, p)
    out = np.zeros(many.blocks + 1)
    _squares(t)(out, *many.arguments)
    sums = np.add.reduceat(out, many.firsts)
    sums[many.sizes == 0] = 0
    return np.sqrt(sums).astype(xs[0].dtype)


@cache
def _scale(t: Type) -> Any:
    wide = host().wide(t)

    def write(f: call.Body) -> None:
        factor = f.splat(f.load(f["factor"], t), wide.lanes)

        def block(at: Value, low: Value, high: Value) -> None:
            x = f.load(f["table"].at(at, PTR), PTR)
            whole = low + ((high - low) & -wide.lanes)
            with f.loop(low, whole, wide.lanes) as i:
                f.store(x.at(i, t), f.load(x.at(i, t), wide) * factor)
            mask = f.first(high - whole, wide)
            with f.when(whole < high):
                f.store(x.at(whole, t), f.load(x.at(whole, t), wide, mask) * factor, mask)

        Many.loop(f, block)

    return call.build(f"scale_{t}", f"factor:r {Many.PARAMETERS}", write, over="blocks", grain=Many.GRAIN)


@over(W.scale)
def scale(body: Any, xs: Sequence[Any], factor: Any) -> None:
    """Each array times a number."""
    kind = xs[0].dtype
    t = TYPES.get(kind)
    many = None if t is None or sum([x.size for x in xs]) < LEAST else Many.of(xs)
    if t is None or many is None or not many.apart():
        body(xs, factor)
        return
    _scale(t)(np.array(factor, kind), *many.arguments)


nameless(globals())
