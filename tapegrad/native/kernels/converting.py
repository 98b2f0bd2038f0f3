"""Large arrays in another dtype."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.shape as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call
from tapegrad.native.choice import DENSE, memory_order, over
from tapegrad.native.ir import I8, I16, I32, vector
from tapegrad.native.memory import empty
from tapegrad.native.pointwise import TYPES

LEAST = 1 << 12  # elements
GRAIN = 1 << 15  # elements that are worth a thread
_LANES = 8
_SHORT = {"B": I8, "b": I8, "h": I16}  # floats that are no such numbers become what NumPy makes of them
_TYPES = {**TYPES, **_SHORT}
_NAMES = {"?": "truth", "B": "byte"}  # for names of files, which may not differ by their case alone


@cache
def _kernel(a: str, b: str) -> Any:
    """y, of the dtype b, from n elements x, of a."""
    source, target = _TYPES[a], _TYPES[b]

    def write(f: call.Body) -> None:
        def some(i: Any, lanes: int) -> None:
            x = f.load(f["x"].at(i, source), vector(source, lanes))
            if "?" in (a, b):
                x = x.ne(0)
            elif a == "B":
                wide = vector(I32, lanes)
                x = f.emit(f"zext {x} to {wide}", wide)
            f.store(f["y"].at(i, target), f.convert(x, vector(target, lanes)))

        low, high = f.low * _LANES, f.smaller(f.high * _LANES, f["n"])
        full = low + ((high - low) & -_LANES)
        with f.loop(low, full, _LANES) as i:
            some(i, _LANES)
        with f.loop(full, high) as i:
            some(i, 1)

    name = f"convert_{_NAMES.get(a, a)}_{_NAMES.get(b, b)}"
    return call.build(name, "y:w x:r parts:i grain:i n:i", write, over="parts", grain="grain")


@over(S.converted)
def converted(body: Any, x: Any, dtype: Any) -> Any:
    """x in another dtype."""
    if x.size < LEAST or type(x) is not ndarray:
        return body(x, dtype)
    if x.flags.num & DENSE != DENSE:
        order = memory_order(x.strides)
        turned = x.transpose(order)
        if turned.flags.num & DENSE != DENSE:
            return body(x, dtype)
        back = [order.index(k) for k in range(x.ndim)]
        return converted(body, turned, dtype).transpose(back)
    a, b = x.dtype.char, np.dtype(dtype).char
    if a == b or a not in _TYPES or b not in _TYPES or not x.dtype.isnative or (a in "fd" and b in _SHORT):
        return body(x, dtype)
    y = empty(x.shape, dtype)
    _kernel(a, b)(y, x, -(-x.size // _LANES), GRAIN // _LANES, x.size)
    return y


nameless(globals())
