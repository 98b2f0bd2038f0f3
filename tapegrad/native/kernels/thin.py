"""Products a b + c of few columns of a: points in two or three dimensions times weights. A row of the result
is a row c, and to it a few rows of b as often as a's numbers say; b stays in registers. BLAS and tiles are
for longer sums: they take up to ten times as long."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.ir import Type, Value
from tapegrad.native.strips import WAYS, strip
from tapegrad.native.target import host

LEAST = 1 << 14  # elements of the result; below, BLAS's call takes less time
_GRAIN = 1 << 14  # elements of it that are worth a thread


@cache
def is_thin(k: int, n: int, t: Type) -> bool:
    """Whether a has few columns: half as many as there are registers; or nearly all of them, where a row of
    the result is one vector. (Measured on an AMD Zen 5 with 32 registers of 64 bytes: from there on tiles are
    as fast.)"""
    registers = host().registers
    return 0 < k <= (registers // 2 if n > host().lanes(t) else registers - 4)


@cache
def _kernel(t: Type, k: int) -> Any:
    """(y [m, n], a [m, k] of any steps, b [k, n], c [n], m, grain, n, the steps of a's rows and columns)."""
    wide = host().wide(t)
    ways = WAYS if k <= 4 else WAYS // 2 if k <= 8 else 1  # there are registers for so many rows of b

    def write(f: Body) -> None:
        n = f["n"]

        def work(column: Value, many: int, mask: Any) -> None:
            places = [column + v * wide.lanes for v in range(many)]
            bs = [[f.load(f["b"].at(n * j + p, t), wide, mask) for p in places] for j in range(k)]
            cs = [f.load(f["c"].at(p, t), wide, mask) for p in places]
            with f.loop(f.low, f.high) as i:
                row = f["a"].at(i * f["down"], t)
                xs = [f.splat(f.load(row.at(f["right"] * j, t), t), wide.lanes) for j in range(k)]
                for v, p in enumerate(places):
                    y = cs[v]
                    for x, b in zip(xs, bs, strict=True):
                        y = f.fma(x, b[v], y)
                    f.store(f["y"].at(i * n + p, t), y, mask)

        with f.loop(0, n, ways * wide.lanes) as low:
            strip(f, low, n, wide, work, ways)

    parameters = "y:w a:r b:r c:r m:i grain:i n:i down:i right:i"
    return build(f"thin_{k}_{t}", parameters, write, over="m", grain="grain")


def multiply_thin(t: Type, y: Any, a: Any, b: Any, c: Any) -> None:
    """y = a b + c (or a b) of matrices; y is contiguous, and c, a row, is."""
    m, k = a.shape
    n = b.shape[1]
    down, right = (s // a.itemsize for s in a.strides)
    c = np.zeros(n, a.dtype) if c is None else c
    _kernel(t, k)(y, a, np.ascontiguousarray(b), c, m, max(1, _GRAIN // n), n, down, right)


nameless(globals())
