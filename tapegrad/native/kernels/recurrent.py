"""Long short-term memory over whole sequences, forwards and back, one call each.

The products with the inputs of all steps are one. What remains is a chain of small products and gates: per
step the threads share the hidden units in blocks, whose weights are packed so that they are read in order.
Forwards a block has its units' four gates in registers, and computes cells and outputs there. Backwards a
block's part of the state's cotangent is all that its gates' cotangents of the step before need: so both ways
there is one meeting of the threads per step.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

import tapegrad.kernels.recurrent as bodies
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, target, vmath
from tapegrad.native.choice import DENSE, TYPES, over
from tapegrad.native.copying import copy
from tapegrad.native.ir import I64, PTR, Function, Module, Type, Value
from tapegrad.native.memory import empty

ROWS = 2  # forwards: rows times four gates are kept in registers
ROWS_BACK, WIDE = 4, 2  # backwards: rows times vectors

_FORWARD = (
    "gates:w tanh_c:w before_c:w before_h:w y:w h:w c:w weights:r steps:r count:i hidden:i blocks:i grain:i "
    "at:i rows:i next_at:i next_rows:i"
)
_BACK = (
    "back:w gh:w gc:w gates:r tanh_c:r before_c:r gy:r weights:r steps:r count:i hidden:i blocks:i grain:i "
    "has_gy:i at:i rows:i last_at:i last_rows:i"
)


def type_of(*arrays: Any) -> Type | None:
    """The type of arrays of one dtype that machine code has, or None."""
    kinds = {a.dtype for a in arrays if a is not None}
    return TYPES.get(kinds.pop()) if len(kinds) == 1 else None


def order(sizes: Any, reverse: bool) -> Any:
    """[steps, 2]: where each step's rows begin and how many they are, in the order of the steps."""
    steps = np.empty((len(sizes), 2), np.int64)
    steps[:, 1] = sizes
    steps[:, 0] = np.cumsum(steps[:, 1]) - steps[:, 1]
    return np.ascontiguousarray(steps[::-1]) if reverse else steps


def begin(before: Any, h: Any, steps: Any) -> None:
    """Put the first states of sequences where the steps read them."""
    begun = 0
    for at, n in steps.tolist():
        if n > begun:  # some begin here
            before[at + begun : at + n] = h[begun:n]
            begun = n


def packed(w: Any, blocks: int, width: int, groups: int) -> Any:
    """The columns of w [k, groups * n] in blocks: [blocks, k, groups, width], zeros behind the last."""
    k, n = w.shape[0], w.shape[1] // groups
    if blocks * width > n:
        w, given = np.zeros((k, groups, blocks * width), w.dtype), w.reshape(k, groups, n)
        w[:, :, :n] = given
    blocked = w.reshape(k, groups, blocks, width).transpose(2, 0, 1, 3)
    y = empty(blocked.shape, w.dtype)
    if not copy(y, blocked):
        y[...] = blocked
    return y


@over(bodies.lstm)
def lstm(body: Any, xs: Any, sizes: Any, reverse: bool) -> Any:
    """((outputs, last state, last cells), work), as the body."""
    x, w_ih, w_hh, b_ih, b_hh, w_hr, h0, c0 = xs
    t = type_of(*xs)
    if t is None or w_hr is not None or any(type(a) is not np.ndarray for a in xs if a is not None):
        return body(xs, sizes, reverse)
    rows, hidden, dtype = x.shape[0], w_hh.shape[1], x.dtype
    work = empty(rows * 7 * hidden, dtype)
    gates, tanh_c, before_c, before_h = bodies._cut(work, rows, 4 * hidden, hidden, hidden, hidden)
    bodies._inputs(x, w_ih, bodies._both(b_ih, b_hh), None, gates)
    h, c = (bodies._state(s, sizes[0], hidden, dtype) for s in (h0, c0))
    steps = order(sizes, reverse)
    begin(before_h, h, steps)
    lanes = target.host().lanes(t)
    blocks = -(-hidden // lanes)
    y = empty((rows, hidden), dtype)
    grain = max(1, 20000 // max(1, sizes[0] * hidden * lanes * 4))
    _forward(t, hidden % lanes == 0)(
        *(gates, tanh_c, before_c, before_h, y, h, c, packed(w_hh.T, blocks, lanes, 4), steps),
        *(len(steps), hidden, blocks, grain, 0, 0, 0, 0),
    )
    return (y, h, c), work


@cache
def _forward(t: Type, whole: bool) -> Any:
    def tiles(module: Module) -> list[Function]:
        return [tile(module, t, n) for n in (ROWS, 1)]

    return stepped("lstm", _FORWARD, _write_step, forwards, tiles, t, whole)


def tile(module: Module, t: Type, rows: int, gates: int = 4) -> Function:
    """sums[rows, gates, lanes] += state[rows, k] weights[k, gates, lanes], for k < n."""
    wide = target.host().wide(t)
    given = [("sums", PTR), ("state", PTR), ("weights", PTR), ("n", I64), ("pitch", I64)]
    f = Function(f"tile_{rows}", given)
    sums = [
        [f.variable(vector_at(f, f["sums"], gates * r + g, wide)) for g in range(gates)] for r in range(rows)
    ]
    states = [f["state"].at(f["pitch"] * r, t) for r in range(rows)]
    with f.loop(0, f["n"]) as k:
        weights = f["weights"].at(k * (gates * wide.lanes), t)
        vectors = [vector_at(f, weights, g, wide) for g in range(gates)]
        for r in range(rows):
            s = f.splat(f.load(states[r].at(k, t), t), wide.lanes)
            for g in range(gates):
                sums[r][g].set(f.fma(s, vectors[g], sums[r][g].get()))
    for r in range(rows):
        for g in range(gates):
            f.store(f["sums"].at((gates * r + g) * wide.lanes, t), sums[r][g].get())
    f.give()
    return module.add(f)


def forwards(f: call.Body, step: call.Body) -> None:
    """Share out one step after the other."""
    n = f["count"]
    with f.loop(f.low, f.high) as s:
        at = f["steps"].at(s * 2, I64)
        f.set("at", f.load(at, I64))
        f.set("rows", f.load(at.at(1, I64), I64))
        more = (s + 1) < n
        after = f.select(more, at.at(2, I64), at)
        f.set("next_at", f.load(after, I64))
        f.set("next_rows", f.select(more, f.load(after.at(1, I64), I64), f.value(0, I64)))
        f.share(step, f["blocks"], f["grain"])


def backwards(f: call.Body, step: call.Body) -> None:
    """The same, with what the step before has left; and once more, for the state's own cotangent."""
    zero = f.value(0, I64)
    f.set("last_rows", zero)
    with f.loop(f.low, f.high + 1) as s:
        place = f["steps"].at(f.smaller(s, f["count"] - 1) * 2, I64)
        rows = f.select(s < f["count"], f.load(place.at(1, I64), I64), zero)
        f.set("at", f.load(place, I64))
        f.set("rows", rows)
        f.share(step, f["blocks"], f["grain"])
        f.set("last_at", f.load(place, I64))
        f.set("last_rows", rows)


def stepped(
    name: str, parameters: str, write_step: Any, share_out: Any, tiles: Any, t: Type, whole: bool
) -> Any:
    """A kernel in which one thread goes over the steps (share_out(f, step)) and all do each of them
    (write_step(f, tiles(module), t, whole))."""
    module = Module()
    step = call.Body(f"{name}_step", call.named(parameters))
    write_step(step, tiles(module), t, whole)
    step.give()
    module.add(step)
    title = f"{name}_{t}_whole" if whole else f"{name}_{t}"
    return call.build(
        title, parameters, lambda f: share_out(f, step), over="count", grain=call.ALONE, module=module
    )


def edge(f: Function, left: Value, wide: Type, whole: bool) -> Value | None:
    """The mask of a vector of which so many are left; whole: there are always enough, and none is needed. (On
    an AMD Zen 3, where masked stores are slow, all steps take 0.6 of the time without, and 0.5 backwards.)"""
    return None if whole else f.first(left, wide)


def vector_at(f: Function, p: Value, k: int, wide: Type) -> Value:
    return f.load(p.at(k * wide.lanes, wide.element), wide)


def _write_step(f: call.Body, tiles: list[Function], t: Type, whole: bool) -> None:
    """One step of the units from `low` to `high`, in blocks of one vector."""
    wide = target.host().wide(t)
    lanes = wide.lanes
    room = f.room(t, ROWS * 4 * lanes)
    hidden, at, rows = f["hidden"], f["at"], f["rows"]
    with f.loop(f.low, f.high) as block:
        j = block * lanes
        mask = edge(f, hidden - j, wide, whole)
        weights = f["weights"].at(block * hidden * (4 * lanes), t)

        with f.loop(0, rows, ROWS) as first:
            row, many = at + first, f.smaller(rows - first, ROWS)
            with f.loop(0, many) as r:
                for g in range(4):
                    place = f["gates"].at((row + r) * 4 * hidden + hidden * g + j, t)
                    f.store(room.at((r * 4 + g) * lanes, t), f.load(place, wide, mask))
            multiply(f, t, tiles, many, room, 4 * lanes, f["before_h"].at(row * hidden, t), weights)
            with f.loop(0, many) as r:
                _cells(f, room.at(r * (4 * lanes), t), first + r, j, mask, wide)


def multiply(
    f: call.Body,
    t: Type,
    tiles: list[Function],
    many: Value,
    sums: Value,
    pitch: int,
    state: Value,
    weights: Value,
) -> None:
    """Add the products of `many` rows of states with a block of weights to their sums, rows of `pitch`."""
    hidden = f["hidden"]
    with f.when(many.eq(ROWS)):
        f.run(tiles[0], sums, state, weights, hidden, hidden)
    with f.when(many < ROWS), f.loop(0, many) as r:
        f.run(tiles[1], sums.at(r * pitch, t), state.at(r * hidden, t), weights, hidden, hidden)


def _cells(f: call.Body, sums: Value, r: Value, j: Value, mask: Value | None, wide: Type) -> None:
    """Gates, cells and outputs of row r of a step, for the units from j."""
    t, hidden = wide.element, f["hidden"]
    row = f["at"] + r
    own, gates = row * hidden + j, f["gates"].at(row * 4 * hidden + j, t)
    i, k, g, o = ((vmath.tanh if n == 2 else vmath.sigmoid)(f, vector_at(f, sums, n, wide)) for n in range(4))
    for n, gate in enumerate((i, k, g, o)):
        f.store(gates.at(hidden * n, t), gate, mask)
    state = f["c"].at(r * hidden + j, t)
    before = f.load(state, wide, mask)
    f.store(f["before_c"].at(own, t), before, mask)
    cell = f.fma(before, k, i * g)
    f.store(state, cell, mask)
    squashed = vmath.tanh(f, cell)
    f.store(f["tanh_c"].at(own, t), squashed, mask)
    out = o * squashed
    f.store(f["y"].at(own, t), out, mask)
    f.store(f["h"].at(r * hidden + j, t), out, mask)
    with f.when(r < f["next_rows"]):
        f.store(f["before_h"].at((f["next_at"] + r) * hidden + j, t), out, mask)


# ---- back


@over(bodies.lstm_back)
def lstm_back(body: Any, need: Any, gs: Any, work: Any, xs: Any, sizes: Any, reverse: bool) -> Any:
    """The cotangents of what lstm is given, as the body."""
    x, w_ih, w_hh, _, _, w_hr, *_ = xs
    t = type_of(*xs, *gs, work)
    arrays = [a for a in (*xs, *gs, work) if a is not None]
    if t is None or w_hr is not None or any(type(a) is not np.ndarray for a in arrays):
        return body(need, gs, work, xs, sizes, reverse)
    rows, hidden, dtype = x.shape[0], w_hh.shape[1], x.dtype
    gates, tanh_c, before_c, before_h = bodies._cut(work, rows, 4 * hidden, hidden, hidden, hidden)
    back = empty((rows, 4 * hidden), dtype)
    gh, gc = (bodies._state(g, sizes[0], hidden, dtype) for g in gs[1:])
    gh, gc = np.ascontiguousarray(gh), np.ascontiguousarray(gc)
    gy = tanh_c if gs[0] is None else gs[0]
    if gy.flags.num & DENSE != DENSE:
        gy = gy.copy()
    steps = order(sizes, not reverse)
    width = target.host().lanes(t) * WIDE
    blocks = -(-hidden // width)
    grain = max(1, 20000 // max(1, sizes[0] * hidden * width * 4))
    _back(t, hidden % width == 0)(
        *(back, gh, gc, gates, tanh_c, before_c, gy, packed(w_hh, blocks, width, 1), steps),
        *(len(steps), hidden, blocks, grain, int(gs[0] is not None), 0, 0, 0, 0),
    )
    return [*bodies._gradients(need, x, w_ih, back, back, before_h), None, gh, gc]


@cache
def _back(t: Type, whole: bool) -> Any:
    def tiles(module: Module) -> list[Function]:
        return [tile_back(module, t, n, whole) for n in (ROWS_BACK, 1)]

    return stepped("lstm_back", _BACK, _write_step_back, backwards, tiles, t, whole)


def tile_back(module: Module, t: Type, rows: int, whole: bool, adds: bool = False) -> Function:
    """out[rows, width] = sums over k of g[rows, k] weights[k, width]; or += those."""
    wide = target.host().wide(t)
    given = [("out", PTR), ("g", PTR), ("weights", PTR), ("n", I64), ("hidden", I64), ("left", I64)]
    f = Function(f"lstm_tile_back_{rows}", given)
    sums = [[f.variable(f.value(0.0, wide)) for _ in range(WIDE)] for _ in range(rows)]
    gs = [f["g"].at(f["n"] * r, t) for r in range(rows)]
    with f.loop(0, f["n"]) as k:
        weights = f["weights"].at(k * (WIDE * wide.lanes), t)
        vectors = [vector_at(f, weights, v, wide) for v in range(WIDE)]
        for r in range(rows):
            g = f.splat(f.load(gs[r].at(k, t), t), wide.lanes)
            for v in range(WIDE):
                sums[r][v].set(f.fma(g, vectors[v], sums[r][v].get()))
    for v in range(WIDE):
        mask = edge(f, f["left"] - v * wide.lanes, wide, whole)
        for r in range(rows):
            place = f["out"].at(f["hidden"] * r + v * wide.lanes, t)
            total = sums[r][v].get()
            f.store(place, f.load(place, wide, mask) + total if adds else total, mask)
    f.give()
    return module.add(f)


def write_step_back(
    f: call.Body, tiles: list[Function], t: Type, whole: bool, gates: int, names: Sequence[str], units: Any
) -> None:
    """One step back of the units from `low` to `high`, in blocks of some vectors: the state's cotangent from
    those of the gates of the step before (by their names), and units(f, row, unit, mask, type)."""
    wide = target.host().wide(t)
    width = wide.lanes * WIDE
    hidden, last = f["hidden"], f["last_rows"]
    all_gates = hidden * gates
    with f.loop(f.low, f.high) as block:
        j = block * width
        weights = f["weights"].at(block * all_gates * width, t)
        many = last - last % ROWS_BACK
        zero = f.value(0, I64)
        for low, high, tile, step in ((zero, many, tiles[0], ROWS_BACK), (many, last, tiles[1], 1)):
            with f.loop(low, high, step) as r:
                out = f[names[0]].at(r * hidden + j, t)
                g = f[names[1]].at((f["last_at"] + r) * all_gates, t)
                f.run(tile, out, g, weights, all_gates, hidden, hidden - j)
        with f.loop(0, f["rows"]) as r, f.loop(j, f.smaller(j + width, hidden), wide.lanes) as unit:
            units(f, r, unit, edge(f, hidden - unit, wide, whole), wide)


def _write_step_back(f: call.Body, tiles: list[Function], t: Type, whole: bool) -> None:
    write_step_back(f, tiles, t, whole, 4, ("gh", "back"), _cells_back)


def _cells_back(f: call.Body, r: Value, j: Value, mask: Value | None, wide: Type) -> None:
    """The cotangents of the gates of row r of a step, for the units from j."""
    t, hidden = wide.element, f["hidden"]
    row = f["at"] + r
    own = row * hidden + j
    gates, back = (f[name].at(row * 4 * hidden + j, t) for name in ("gates", "back"))
    i, k, g, o = (f.load(gates.at(hidden * n, t), wide, mask) for n in range(4))
    d = f.variable(f.load(f["gh"].at(r * hidden + j, t), wide, mask))
    with f.when(f["has_gy"].ne(0)):
        d.set(d.get() + f.load(f["gy"].at(own, t), wide, mask))
    down, squashed = d.get(), f.load(f["tanh_c"].at(own, t), wide, mask)
    state = f["gc"].at(r * hidden + j, t)
    c = f.load(state, wide, mask) + down * o * (1.0 - squashed * squashed)
    before = f.load(f["before_c"].at(own, t), wide, mask)
    found = (
        c * g * (i - i * i),
        c * before * (k - k * k),
        c * i * (1.0 - g * g),
        down * squashed * (o - o * o),
    )
    for n, x in enumerate(found):
        f.store(back.at(hidden * n, t), x, mask)
    f.store(state, c * k, mask)


nameless(globals())
