"""Elements picked along the last axis by their places, put there, and added up at them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import tapegrad.kernels.reduce as R
from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.choice import DENSE, fits, over
from tapegrad.native.ir import I64, Type, Value
from tapegrad.native.kernels.gathering import CLEARED, Places
from tapegrad.native.memory import empty
from tapegrad.native.strips import sweep
from tapegrad.native.target import host

LEAST = 1 << 14  # places; NumPy goes to fewer in less time than a call takes
GRAIN = 1 << 13  # places that are worth a thread,
FAR = 1 << 9  # or so many that are in rows which that thread has in its caches
PART = 1 << 14  # places of a row that a thread goes to


def _inside(f: Body, index: Value, k: Value, n: Value) -> Value:
    """Whether k places are all from 0 to n - 1; if not, that is noted."""
    t = host().wide(I64)
    last = f.splat(n - 1, t.lanes)

    def step(i: Value, mask: Any, held: list[Value]) -> list[Value]:
        at = f.load(index.at(i, I64), t, mask)
        return [held[0] | at | (last - at)]  # negative if one of these is

    (found,) = sweep(f, 0, k, t, step, [0])
    fine = f.across(f.tree(found, lambda a, b: a | b), lambda a, b: a | b) >= 0
    with f.when(~fine):
        f.store(f["bad"], f.value(1, I64))
    return fine


def _write_pick(f: Body, t: Type) -> None:
    """Units are parts of rows."""
    n, k, parts = f["n"], f["k"], f["parts"]
    with f.loop(f.low, f.high) as unit:
        row = unit // parts
        start = (unit - row * parts) * PART
        m = f.smaller(k - start, PART)
        x, y = f["x"].at(row * n, t), f["y"].at(row * k + start, t)
        index = f["index"].at(row * k + start, I64)
        with f.when(_inside(f, index, m, n)), f.loop(0, m) as i:
            f.store(y.at(i, t), f.load(x.at(f.load(index.at(i, I64), I64), t), t))


def _write_place(f: Body, t: Type) -> None:
    """Units are rows of z, some of which are cleared at a time."""
    places, n, k = Places(f, negative=False), f["n"], f["k"]
    with f.loop(f.low, f.high, f["block"]) as first:
        end = f.smaller(first + f["block"], f.high)
        f.clear(f["z"].at(first * n, t), (end - first) * n * t.bytes)
        with f.loop(first, end) as row:
            z, g, index = f["z"].at(row * n, t), f["g"].at(row * k, t), f["index"].at(row * k, I64)
            with f.loop(0, k) as i:
                f.store(z.at(places.load(index.at(i, I64)), t), f.load(g.at(i, t), t))
    places.end()


def _write_place_all(f: Body, t: Type) -> None:
    """Units are rows of z, which are cleared first."""
    n, k = f["n"], f["k"]
    with f.loop(f.low, f.high) as row:
        z, g, index = f["z"].at(row * n, t), f["g"].at(row * k, t), f["index"].at(row * k, I64)
        f.clear(z, n * t.bytes)
        with f.when(_inside(f, index, k, n)):
            _add_up(f, t, z, g, index, k)


def _add_up(f: Body, t: Type, z: Value, g: Value, index: Value, k: Value) -> None:
    """z[index[i]] += g[i]. What goes to one place several times in a row is added up on the way."""
    place, held = f.variable(f.load(index, I64)), f.variable(f.value(0.0, t))

    def put() -> None:
        to = z.at(place.get(), t)
        f.store(to, f.load(to, t) + held.get())

    with f.loop(0, k) as i:
        at = f.load(index.at(i, I64), I64)
        with f.when(at.ne(place.get())):
            put()
            place.set(at)
            held.set(0.0)
        held.set(held.get() + f.load(g.at(i, t), t))
    put()


@cache
def _picker(t: Type) -> Any:
    parameters = "y:w x:r index:r bad:w units:i n:i k:i parts:i grain:i"
    return build(f"pick_{t}", parameters, lambda f: _write_pick(f, t), over="units", grain="grain")


@cache
def _placer(t: Type, again: bool) -> Any:
    name, write = ("place_all", _write_place_all) if again else ("place", _write_place)
    parameters = "z:w g:r index:r bad:w rows:i n:i k:i block:i grain:i"
    return build(f"{name}_{t}", parameters, lambda f: write(f, t), over="rows", grain="grain")


def _good(index: Any, dim: int, lead: tuple[int, ...]) -> bool:
    """Whether places are int64, along the last axis, for all rows."""
    return bool(
        type(index) is np.ndarray
        and index.size >= LEAST
        and index.dtype.char == "l"
        and index.flags.num & DENSE == DENSE
        and dim == index.ndim - 1
        and index.shape[:-1] == lead
    )


@over(R.pick)
def pick(body: Any, x: Any, index: Any, dim: int, keepdim: Any) -> Any:
    """The entries at places along an axis."""
    t = fits(x) if _good(index, dim, x.shape[:-1]) else None
    if t is None or not keepdim or not x.size:
        return body(x, index, dim, keepdim)
    y, bad = empty(index.shape, x.dtype), np.zeros(1, "i8")
    n, k = x.shape[-1], index.shape[-1]
    rows, parts = index.size // k, -(-k // PART)
    grain = FAR if x.size >= 16 * GRAIN else GRAIN
    _picker(t)(y, x, index, bad, rows * parts, n, k, parts, max(1, grain // min(k, PART)))
    return body(x, index, dim, keepdim) if bad[0] else y


@over(R.place)
def place(body: Any, g: Any, index: Any, dim: int, keepdim: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with each element at its place."""
    found = _placed(g, index, dim, shape, False)
    return body(g, index, dim, keepdim, shape) if found is None else found


@over(R.place_all)
def place_all(body: Any, g: Any, index: Any, dim: int, keepdim: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with every share added at its place."""
    found = _placed(g, index, dim, shape, True)
    return body(g, index, dim, keepdim, shape) if found is None else found


def _placed(g: Any, index: Any, dim: int, shape: tuple[int, ...], again: bool) -> Any:
    """Either of these; None for what is not taken, or has places out of range."""
    kind = g.dtype
    if (
        not _good(index, dim, shape[:-1])
        or g.size != index.size
        or kind.char not in ("fd" if again else "fdil")
    ):
        return None
    g = np.require(g, requirements=["C", "A"])
    t = fits(g if kind.kind == "f" else g.view(f"f{kind.itemsize}"))  # which are moved as they are
    if t is None:
        return None
    z, bad = empty(shape, kind), np.zeros(1, "i8")
    n, k = shape[-1], index.shape[-1]
    block = max(1, CLEARED // max(1, n * t.bytes))
    _placer(t, again)(z, g, index, bad, index.size // k, n, k, block, max(1, GRAIN // k))
    return None if bad[0] else z


nameless(globals())
