"""Large arrays in another dtype."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.shape as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call
from tapegrad.native.choice import DENSE, over
from tapegrad.native.ir import vector
from tapegrad.native.memory import empty
from tapegrad.native.pointwise import TYPES

LEAST = 1 << 12  # elements
GRAIN = 1 << 15  # elements that are worth a thread
_LANES = 8


@cache
def _kernel(a: str, b: str) -> Any:
    """y, of the dtype b, from n elements x, of a."""
    source, target = TYPES[a], TYPES[b]

    def write(f: call.Body) -> None:
        def some(i: Any, lanes: int) -> None:
            x = f.load(f["x"].at(i, source), vector(source, lanes))
            if "?" in (a, b):
                x = x.ne(0)
            f.store(f["y"].at(i, target), f.convert(x, vector(target, lanes)))

        low, high = f.low * _LANES, f.smaller(f.high * _LANES, f["n"])
        full = low + ((high - low) & -_LANES)
        with f.loop(low, full, _LANES) as i:
            some(i, _LANES)
        with f.loop(full, high) as i:
            some(i, 1)

    name = f"convert_{source}_{target}{'_truth' * ('?' in (a, b))}"
    return call.build(name, "y:w x:r parts:i grain:i n:i", write, over="parts", grain="grain")


@over(S.converted)
def converted(body: Any, x: Any, dtype: Any) -> Any:
    """x in another dtype."""
    if x.size < LEAST or type(x) is not ndarray or x.flags.num & DENSE != DENSE:
        return body(x, dtype)
    a, b = x.dtype.char, np.dtype(dtype).char
    if a == b or a not in TYPES or b not in TYPES or not x.dtype.isnative:
        return body(x, dtype)
    y = empty(x.shape, dtype)
    _kernel(a, b)(y, x, -(-x.size // _LANES), GRAIN // _LANES, x.size)
    return y


nameless(globals())
