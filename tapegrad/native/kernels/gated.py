"""Gated recurrent units over whole sequences. How steps are shared is `native.kernels.recurrent`'s."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import tapegrad.kernels.recurrent as bodies
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, target, vmath
from tapegrad.native.choice import DENSE, over
from tapegrad.native.ir import Function, Module, Type, Value
from tapegrad.native.kernels import recurrent as R
from tapegrad.native.memory import empty

_FORWARD = (
    "gates:w inner:w before:w y:w h:w bias:r weights:r steps:r count:i hidden:i blocks:i grain:i "
    "at:i rows:i next_at:i next_rows:i"
)
_BACK = (
    "gx:w gh:w d:w gates:r inner:r before:r gy:r weights:r steps:r count:i hidden:i blocks:i grain:i "
    "has_gy:i at:i rows:i last_at:i last_rows:i"
)


@over(bodies.gru)
def gru(body: Any, xs: Any, sizes: Any, reverse: bool) -> Any:
    """((outputs, last state), work), as the body."""
    x, w_ih, w_hh, b_ih, b_hh, _, h0, _ = xs
    t = R.type_of(*xs)
    if t is None or any(type(a) is not np.ndarray for a in xs if a is not None):
        return body(xs, sizes, reverse)
    rows, hidden, dtype = x.shape[0], w_hh.shape[1], x.dtype
    work = empty(rows * 5 * hidden, dtype)
    gates, inner, before = bodies._cut(work, rows, 3 * hidden, hidden, hidden)
    bodies._inputs(x, w_ih, b_ih, None, gates)
    h = bodies._state(h0, sizes[0], hidden, dtype)
    steps = R.order(sizes, reverse)
    R.begin(before, h, steps)
    lanes = target.host().lanes(t)
    blocks = -(-hidden // lanes)
    bias = np.zeros((3, blocks * lanes), dtype)
    if b_hh is not None:
        bias[:, :hidden] = b_hh.reshape(3, hidden)
    y = empty((rows, hidden), dtype)
    grain = max(1, 20000 // max(1, sizes[0] * hidden * lanes * 3))
    _forward(t, hidden % lanes == 0)(
        *(gates, inner, before, y, h, bias, R.packed(w_hh.T, blocks, lanes, 3), steps),
        *(len(steps), hidden, blocks, grain, 0, 0, 0, 0),
    )
    return (y, h), work


@cache
def _forward(t: Type, whole: bool) -> Any:
    def tiles(module: Module) -> list[Function]:
        return [R.tile(module, t, n, 3) for n in (R.ROWS, 1)]

    return R.stepped("gru", _FORWARD, _write_step, R.forwards, tiles, t, whole)


def _write_step(f: call.Body, tiles: list[Function], t: Type, whole: bool) -> None:
    """One step of the units from `low` to `high`, in blocks of one vector."""
    wide = target.host().wide(t)
    lanes = wide.lanes
    room = f.room(t, R.ROWS * 3 * lanes)
    hidden, at, rows = f["hidden"], f["at"], f["rows"]
    with f.loop(f.low, f.high) as block:
        j = block * lanes
        mask = R.edge(f, hidden - j, wide, whole)
        weights = f["weights"].at(block * hidden * (3 * lanes), t)
        biases = [f.load(f["bias"].at(f["blocks"] * (lanes * g) + j, t), wide) for g in range(3)]

        with f.loop(0, rows, R.ROWS) as first:
            many = f.smaller(rows - first, R.ROWS)
            with f.loop(0, many) as r:
                for g in range(3):
                    f.store(room.at((r * 3 + g) * lanes, t), biases[g])
            R.multiply(f, t, tiles, many, room, 3 * lanes, f["before"].at((at + first) * hidden, t), weights)
            with f.loop(0, many) as r:
                _units(f, room.at(r * (3 * lanes), t), first + r, j, mask, wide)


def _units(f: call.Body, sums: Value, r: Value, j: Value, mask: Value | None, wide: Type) -> None:
    """Gates and outputs of row r of a step, for the units from j."""
    t, hidden = wide.element, f["hidden"]
    row = f["at"] + r
    own, gates = row * hidden + j, f["gates"].at(row * 3 * hidden + j, t)
    x = [f.load(gates.at(hidden * n, t), wide, mask) for n in range(3)]
    inner = R.vector_at(f, sums, 2, wide)
    reset, z = (vmath.sigmoid(f, x[n] + R.vector_at(f, sums, n, wide)) for n in range(2))
    new = vmath.tanh(f, f.fma(reset, inner, x[2]))
    for n, gate in enumerate((reset, z, new)):
        f.store(gates.at(hidden * n, t), gate, mask)
    f.store(f["inner"].at(own, t), inner, mask)
    before = f.load(f["before"].at(own, t), wide, mask)
    out = f.fma(before - new, z, new)
    f.store(f["y"].at(own, t), out, mask)
    f.store(f["h"].at(r * hidden + j, t), out, mask)
    with f.when(r < f["next_rows"]):
        f.store(f["before"].at((f["next_at"] + r) * hidden + j, t), out, mask)


# ---- back


@over(bodies.gru_back)
def gru_back(body: Any, need: Any, gs: Any, work: Any, xs: Any, sizes: Any, reverse: bool) -> Any:
    """The cotangents of what gru is given, as the body."""
    x, w_ih, w_hh, *_ = xs
    t = R.type_of(*xs, *gs, work)
    if t is None or any(type(a) is not np.ndarray for a in (*xs, *gs, work) if a is not None):
        return body(need, gs, work, xs, sizes, reverse)
    rows, hidden, dtype = x.shape[0], w_hh.shape[1], x.dtype
    gates, inner, before = bodies._cut(work, rows, 3 * hidden, hidden, hidden)
    gx, gh = empty((rows, 3 * hidden), dtype), empty((rows, 3 * hidden), dtype)
    d = np.ascontiguousarray(bodies._state(gs[1], sizes[0], hidden, dtype))
    gy = inner if gs[0] is None else gs[0]
    if gy.flags.num & DENSE != DENSE:
        gy = gy.copy()
    steps = R.order(sizes, not reverse)
    width = target.host().lanes(t) * R.WIDE
    blocks = -(-hidden // width)
    grain = max(1, 20000 // max(1, sizes[0] * hidden * width * 3))
    _back(t, hidden % width == 0)(
        *(gx, gh, d, gates, inner, before, gy, R.packed(w_hh, blocks, width, 1), steps),
        *(len(steps), hidden, blocks, grain, int(gs[0] is not None), 0, 0, 0, 0),
    )
    return [*bodies._gradients(need, x, w_ih, gx, gh, before), None, d, None]


@cache
def _back(t: Type, whole: bool) -> Any:
    def tiles(module: Module) -> list[Function]:
        return [R.tile_back(module, t, n, whole, True) for n in (R.ROWS_BACK, 1)]

    return R.stepped("gru_back", _BACK, _write_step_back, R.backwards, tiles, t, whole)


def _write_step_back(f: call.Body, tiles: list[Function], t: Type, whole: bool) -> None:
    R.write_step_back(f, tiles, t, whole, 3, ("d", "gh"), _units_back)


def _units_back(f: call.Body, r: Value, j: Value, mask: Value | None, wide: Type) -> None:
    """The cotangents of the gates of row r of a step, for the units from j, and of the state before it as
    far as it is no product."""
    t, hidden = wide.element, f["hidden"]
    row = f["at"] + r
    own, three = row * hidden + j, row * 3 * hidden + j
    reset, z, new = (f.load(f["gates"].at(three + hidden * n, t), wide, mask) for n in range(3))
    inner, before = (f.load(f[name].at(own, t), wide, mask) for name in ("inner", "before"))
    state = f["d"].at(r * hidden + j, t)
    d = f.variable(f.load(state, wide, mask))
    with f.when(f["has_gy"].ne(0)):
        d.set(d.get() + f.load(f["gy"].at(own, t), wide, mask))
    k = d.get()
    rest = 1.0 - z
    last = k * (1.0 - new * new) * rest
    both = (last * inner * (reset - reset * reset), k * (before - new) * z * rest)
    for n, x in enumerate(both):
        for name in ("gx", "gh"):
            f.store(f[name].at(three + hidden * n, t), x, mask)
    f.store(f["gx"].at(three + hidden * 2, t), last, mask)
    f.store(f["gh"].at(three + hidden * 2, t), last * reset, mask)
    f.store(state, k * z, mask)


nameless(globals())
