"""Numbers as integers that have their order: nan is the largest, and both zeros are equal."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.native.ir import F32, F64, I32, I64, Function, Type, Value, integers

TYPES: dict[Any, Type] = {np.dtype(k): t for k, t in (("f4", F32), ("f8", F64), ("i4", I32), ("i8", I64))}


def key(f: Function, x: Value) -> Value:
    """The integer of x, as wide as x."""
    if x.type.element not in (F32, F64):
        return x
    t = integers(x.type)
    bits = f.bits(x + 0.0, t)  # -0 is 0 then
    last = t.bits - 1
    turned = bits ^ ((bits >> last) & ((1 << last) - 1))
    return f.select(x.ne(x), (1 << last) - 1, turned)
