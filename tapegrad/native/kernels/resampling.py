"""Linear maps along single axes by tables: rows that lie beside each other in vectors, single elements one by
one. Taps are multiplied and added as NumPy does it, in their order."""

from __future__ import annotations

from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np

from tapegrad.kernels import resampling as bodies
from tapegrad.native import call, memory, target
from tapegrad.native.choice import fits, over
from tapegrad.native.framing import Frame, frame, framed
from tapegrad.native.ir import I64, Type, Value
from tapegrad.native.kernels.planes import dense

LEAST = 1 << 9  # elements; below, NumPy's slices take as long
_GRAIN = 1 << 14  # elements that are worth a thread


@cache
def _mapped(t: Type) -> Any:
    """y [rows, m, behind] of x [rows, n, behind]; index and weights [m, taps], -1 for what is not used."""

    def write(f: call.Body) -> None:
        m, taps, behind, v = f["m"], f["taps"], f["behind"], target.host().wide(t)

        def element(x: Value, first: Value, at: Value, kind: Type) -> Value:
            """The sum of the taps from number `first` on."""
            total = f.variable(f.value(f.convert(f["start"], t), kind))
            with f.loop(first, first + taps) as k:
                source = f.load(f["index"].at(k, I64), I64)
                with f.when(source >= 0):
                    each = f.load(x.at(source * behind + at, t), kind)
                    total.set(total.get() + each * f.load(f["weight"].at(k, t), t))
            return total.get()

        with f.loop(f.low, f.high) as row:
            x, y = (f[k].at(row * f[n] * behind, t) for k, n in (("x", "n"), ("y", "m")))
            with f.when(behind.eq(1)), f.loop(0, m) as j:
                f.store(y.at(j, t), element(x, j * taps, f.value(0, I64), t))
            with f.when(behind > 1), f.loop(0, m) as j:
                whole = behind & -v.lanes
                for start, end, kind in ((f.value(0, I64), whole, v), (whole, behind, t)):
                    with f.loop(start, end, kind.lanes) as at:
                        f.store(y.at(j * behind + at, t), element(x, j * taps, at, kind))

    slots = "y:w x:r index:r weight:r start:d rows:i n:i m:i taps:i behind:i grain:i"
    return call.build(f"resampled_{t}", slots, write, over="rows", grain="grain")


def _along(x: Any, table: bodies.Table, axis: int, t: Type) -> Any:
    rows, n, behind = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    y = memory.empty((*x.shape[:axis], table.m, *x.shape[axis + 1 :]), x.dtype)
    index = np.ascontiguousarray(table.index.T, np.int64)
    weight = np.ones(index.shape) if table.weight is None else table.weight.T
    grain = max(1, _GRAIN // max(1, table.m * behind))
    sizes = (rows, n, table.m, index.shape[1], behind, grain)
    every = bool(table.taps) and table.taps[0][0] == bodies.EVERY
    start = -0.0 if every else 0.0  # the first leaves what is added as it is
    _mapped(t)(y, x, index, np.ascontiguousarray(weight, x.dtype), start, *sizes)
    return y


def _order(given: tuple[int, bodies.Table]) -> tuple[float, int]:
    """Axes that become shorter come first; then the last ones, which are not done in vectors."""
    k, table = given
    longer = table.m > table.n
    return table.m / max(1, table.n), -k if longer else k


@lru_cache(1000)
def _shown(shape: tuple[int, ...], tables: tuple[bodies.Table | None, ...]) -> Frame | None:
    """Where the elements come from if each result is one of them, or 0; None if they are not for that."""
    if any(table is not None and len(table.index) != 1 for table in tables):
        return None
    places = [None if table is None else table.index[0] for table in tables]
    return frame(shape, [None] * (len(shape) - len(places)) + places)


@over(bodies.resampled)
def resampled(body: Any, x: Any, tables: Any) -> Any:
    """The kernel, axis by axis; without weights rows are copied, or NumPy's slices are as fast."""
    (x,) = dense(x)
    t = fits(x, least=LEAST)
    used = [(k, table) for k, table in enumerate(tables) if table is not None]
    if t is None or not used:
        return body(x, tables)
    if all(table.weight is None for _, table in used):
        how = _shown(x.shape, tuple(tables))
        if how is None:
            return body(x, tables)
        sizes = [
            n if table is None else table.m for n, table in zip(x.shape[-len(tables) :], tables, strict=True)
        ]
        return framed(x, (*x.shape[: -len(tables)], *sizes), how)
    for k, table in sorted(used, key=_order):
        x = _along(x, table, x.ndim - len(tables) + k, t)
    return x
