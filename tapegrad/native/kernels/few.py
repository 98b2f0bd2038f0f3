"""Products of many small matrices: rotations of points, 3 x 3 and 4 x 4 transforms, heads of a few numbers.

BLAS is called once for each, which takes longer than the product. Here a row of the result is a sum of rows
of b, which stay in registers, each as often as a's number says.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.choice import TYPES
from tapegrad.native.ir import Type
from tapegrad.native.memory import empty
from tapegrad.native.target import host

MOST = 16  # columns of a
# Products, or elements of the results: with fewer of both BLAS's calls take less time than this one. Measured
# on two cores of an AMD Zen 5.
LEAST, LEAST_ELEMENTS = 1 << 7, 1 << 13
_WORK = 1 << 14  # multiplications that are worth a thread


@cache
def _kernel(t: Type, k: int) -> Any:
    """y[e] = a[e] b[e]: a [m, k] of any steps, b [k, n] with contiguous rows; `to_a`, `to_b` from one e to
    the next."""
    wide = host().wide(t)

    def write(f: Body) -> None:
        m, n = f["m"], f["n"]
        with f.loop(f.low, f.high) as e, f.loop(0, n, wide.lanes) as low:
            mask = f.first(f.smaller(n - low, wide.lanes), wide)
            a, b, y = (
                f["a"].at(e * f["to_a"], t),
                f["b"].at(e * f["to_b"] + low, t),
                f["y"].at(e * m * n + low, t),
            )
            lines = [f.load(b.at(f["down_b"] * j, t), wide, mask) for j in range(k)]
            with f.loop(0, m) as i:
                row, total = a.at(i * f["down"], t), None
                for j, line in enumerate(lines):
                    x = f.splat(f.load(row.at(f["right"] * j, t), t), wide.lanes)
                    total = x * line if total is None else f.fma(x, line, total)
                f.store(y.at(i * n, t), total, mask)

    parameters = "y:w a:r b:r entries:i grain:i m:i n:i down:i right:i down_b:i to_a:i to_b:i"
    return build(f"few_{k}_{t}", parameters, write, over="entries", grain="grain")


def multiply_few(a: Any, b: Any) -> Any:
    """The products of the matrices at the leading axes of a and b, equal in number, or one for all. None if
    that is not for here."""
    (m, k), n = a.shape[-2:], b.shape[-1]
    lead = a.shape[:-2] if a.ndim >= b.ndim else b.shape[:-2]
    entries = prod(lead)
    if not (0 < k == b.shape[-2] <= MOST and m * n) or not entries:
        return None
    if entries < LEAST and entries * m * n < LEAST_ELEMENTS:
        return None
    t = TYPES.get(a.dtype)
    if t is None or a.dtype is not b.dtype:
        return None
    a, b = _in_line(a, lead, entries), _in_line(b, lead, entries)
    if a is None or b is None:
        return None
    if b.strides[2] != b.itemsize:
        b = np.ascontiguousarray(b)
    (to_a, down, right), (to_b, down_b, _) = ([s // x.itemsize for s in x.strides] for x in (a, b))
    y = empty((*lead, m, n), a.dtype)
    steps = down, right, down_b, to_a, to_b
    _kernel(t, k)(y, a, b, entries, max(1, _WORK // (m * n * k)), m, n, *steps)
    return y


def _in_line(x: Any, lead: tuple[int, ...], entries: int) -> Any:
    """x's matrices as [entries, ...]; None if there are others than one for each entry, or one for all."""
    if type(x) is not np.ndarray or not x.flags.aligned or any(s % x.itemsize for s in x.strides):
        return None
    if x.shape[:-2] == lead:
        return x.reshape(entries, *x.shape[-2:])
    return np.broadcast_to(x, (entries, *x.shape[-2:])) if x.ndim == 2 else None


nameless(globals())
