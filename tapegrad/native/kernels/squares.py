"""The mean squared error and its gradient, each in one pass."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import tapegrad.kernels.loss as Q
from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, over
from tapegrad.native.ir import F64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.strips import parted, sums, sweep
from tapegrad.native.target import host

LEAST = 1 << 12  # elements; below, NumPy's two calls take as long as one of these
PART = 1 << 14  # elements whose sum is one number, at most


def _write_sum(f: Body, t: Type) -> None:
    n, e = f["n"], t.element
    with f.loop(f.low, f.high) as part:
        start = part * f["length"]
        x, y = f["x"].at(start, e), f["y"].at(start, e)

        def step(i: Value, mask: Any, held: list[Value]) -> list[Value]:
            d = f.load(x.at(i, e), t, mask) - f.load(y.at(i, e), t, mask)
            return [f.fma(d, d, held[0])]

        (total,) = sums(f, f.smaller(n - start, f["length"]), t, step, ways=8)
        f.store(f["totals"].at(part, F64), total)


def _write_back(f: Body, t: Type) -> None:
    n, e = f["n"], t.element
    by = f.splat(f.convert(f["by"], e), t.lanes)
    with f.loop(f.low, f.high) as part:
        start = part * f["length"]

        def step(i: Value, mask: Any, _: Any) -> None:
            d = f.load(f["x"].at(i, e), t, mask) - f.load(f["y"].at(i, e), t, mask)
            f.store(f["z"].at(i, e), d * by, mask)

        sweep(f, start, f.smaller(start + f["length"], n), t, step)


@cache
def _kernel(t: Type, back: bool) -> Any:
    v, numbers = host().wide(t), "x:r y:r parts:i length:i n:i"
    if back:
        return build(f"mse_back_{t}", f"z:w {numbers} by:d", lambda f: _write_back(f, v), over="parts")
    return build(f"mse_{t}", f"totals:w {numbers}", lambda f: _write_sum(f, v), over="parts")


@over(Q.mse)
def mse(body: Any, x: Any, y: Any, n: int) -> Any:
    """sum (x - y)^2 / n."""
    t = fits(x, y, least=LEAST)
    if t is None or x.shape != y.shape:
        return body(x, y, n)
    parts, length = parted(x.size, PART, 64)
    totals = np.empty(parts)
    _kernel(t, False)(totals, x, y, parts, length, x.size)
    return x.dtype.type(np.add.reduce(totals)) / n


@over(Q.mse_vjp)
def mse_vjp(body: Any, need: Any, g: Any, x: Any, y: Any, n: int) -> tuple[Any, Any]:
    """The gradients for x and for y."""
    t = fits(x, y, least=LEAST)
    if t is None or x.shape != y.shape or g.dtype is not x.dtype:
        given: tuple[Any, Any] = body(need, g, x, y, n)
        return given
    by = float(g * (2 / n))
    found: list[Any] = [None, None]
    for k, (a, b) in enumerate(((x, y), (y, x))):
        if need[k] is not None:
            found[k] = empty(x.shape, x.dtype)
            _kernel(t, True)(found[k], a, b, *parted(x.size, PART, 64), x.size, by)
    return found[0], found[1]


nameless(globals())
