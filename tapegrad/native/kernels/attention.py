"""Attention and its gradient, whose weights are made where they are needed and never kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from math import prod
from typing import Any

import numpy as np

import tapegrad.kernels.attention as A
from tapegrad.kernels.errstate import nameless
from tapegrad.native.attention import VECTORS, Parts, parts, space, tile_of
from tapegrad.native.call import Body, build, run
from tapegrad.native.choice import TYPES, over
from tapegrad.native.ir import F64, I64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.runtime import threads
from tapegrad.native.target import host

LEAST = 1 << 13  # weights; below, NumPy's products take as long as a call
_TOGETHER = 8  # blocks of queries that share a copy of the keys and values
_FAR = 1 << 30  # what a query sees that sees every key

_SIZES = "queries:i keys:i size:i value:i reach:i by:d room:w space:i"
_OF = "q_along:i k_along:i v_along:i mask_along:i"
FORWARD = f"y:w q:r k:r v:r mask:r masked:i at:r y_along:i {_OF} {_SIZES} group:i groups:i heads:i units:i"
BACKWARD = (
    f"dq:w dk:w dv:w g:r q:r k:r v:r mask:r masked:i at:r g_along:i dq_along:i dk_along:i dv_along:i {_OF}"
)
BACKWARD += f" {_SIZES} heads:i"


class _Task:
    """What both directions share: where a head's arrays are, a thread's room, and its weights."""

    def __init__(self, f: Body, p: Parts, names: str) -> None:
        self.f, self.p, self.e = f, p, p.t.element
        self.width = p.width
        self.names = names.split()
        f["room"]  # one for each thread
        room = f["room"].at(f.who * f["space"], self.e)
        turned, table, rows = space(p.t, p.tile, f["size"], f["value"], f["keys"], f.larger)
        self.first, self.second = room, room.at(turned, self.e)
        self.table = self.second.at(turned, self.e)
        self.other = self.table.at(table, self.e)
        self.sums = self.other.at(table, self.e)
        self.factor = self.sums.at(self.width, self.e)
        self.packed = self.factor.at(self.width, self.e)
        self.k = self.packed.at(rows, self.e)
        self.v = self.k.at(rows, self.e)

    def compact(self, name: str, head: Value, size: Value) -> None:
        """Copy the keys or values of a head without gaps."""
        f, to = self.f, self.k if name == "k" else self.v
        run(f, self.p.copy, self.head(name, head), f[f"{name}_along"], f["keys"], size, to)

    def pack(self, name: str, head: Value, size: Value) -> None:
        """Copy them for a product over keys."""
        f = self.f
        run(f, self.p.pack, self.head(name, head), f[f"{name}_along"], f["keys"], size, self.packed)

    def head(self, name: str, head: Value) -> Value:
        """Where the array of that name begins for a head."""
        f = self.f
        row = self.names.index(name) * f["heads"]
        return f[name].at(f.load(f["at"].at(row + head, I64), I64), self.e)

    def weights(self, head: Value, low: Value) -> tuple[Value, Value]:
        """Make the table of weights, without their division by the sums, of the queries from `low` on: how
        many they are, and for how many keys."""
        f = self.f
        rows = f.smaller(f["queries"] - low, self.width)
        far = f["reach"].ne(0)
        keys = f.select(far, f["keys"], f.smaller(f["keys"], low + self.width))
        q = self.head("q", head).at(low * f["q_along"], self.e)
        mask = self.head("mask", head).at(low * f["mask_along"], self.e)
        mask = f.select(f["masked"].ne(0), mask, f.value(0, mask.type))
        reach = f.select(far, f["reach"], low)
        known = (q, f["q_along"], rows, self.k, f["size"], keys, f["size"], f["by"], reach)
        run(f, self.p.weights, *known, mask, f["mask_along"], self.first, self.table, self.sums)
        return rows, keys

    def vectors(self, place: Value) -> list[Value]:
        """The vectors of a row of queries."""
        f, t = self.f, self.p.t
        return [f.load(place.at(k * t.lanes, self.e), t) for k in range(VECTORS)]

    def put(self, place: Value, values: list[Value]) -> None:
        """Store a row of queries."""
        for k, v in enumerate(values):
            self.f.store(place.at(k * self.p.t.lanes, self.e), v)

    def mixed(self, size: Value, table: Value, keys: Value) -> None:
        """second[c] = sum over keys s of packed[s][c] * table[s]."""
        f, p = self.f, self.p
        with f.loop(0, size, p.tile) as c:
            of, to = self.packed.at(c * f["keys"], self.e), self.second.at(c * self.width, self.e)
            run(f, p.product, of, 1, p.tile, p.tile, table, keys, to)


def _write_forward(p: Parts) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        task, e = _Task(f, p, "q k v mask y"), p.t.element
        with f.loop(f.low, f.high) as unit:
            head = unit // f["groups"]
            first = (unit - head * f["groups"]) * f["group"]
            last = f.smaller(first + f["group"], f["queries"])
            task.compact("k", head, f["size"])
            task.pack("v", head, f["value"])
            with f.loop(first, last, task.width) as low:
                rows, keys = task.weights(head, low)
                task.mixed(f["value"], task.table, keys)
                task.put(task.factor, [1.0 / s for s in task.vectors(task.sums)])
                y = task.head("y", head).at(low * f["y_along"], e)
                run(f, p.back, task.second, task.factor, rows, f["value"], y, f["y_along"])

    return write


def _write_backward(p: Parts) -> Callable[[Body], None]:
    def write(f: Body) -> None:
        task, e, width = _Task(f, p, "q k v mask g dq dk dv"), p.t.element, p.width
        with f.loop(f.low, f.high) as head:
            dk, dv = task.head("dk", head), task.head("dv", head)
            task.compact("k", head, f["size"])
            task.compact("v", head, f["value"])
            task.pack("k", head, f["size"])
            with f.loop(0, f["keys"]) as s:
                f.clear(dk.at(s * f["dk_along"], e), f["size"] * e.bytes)
                f.clear(dv.at(s * f["dv_along"], e), f["value"] * e.bytes)
            with f.loop(0, f["queries"], width) as low:
                rows, keys = task.weights(head, low)
                g = task.head("g", head).at(low * f["g_along"], e)
                one = f.value(1.0, F64)
                run(f, p.turn, g, f["g_along"], rows, f["value"], one, task.second)
                with f.loop(0, keys, p.tile) as s:
                    many, to = f.smaller(keys - s, p.tile), task.other.at(s * width, e)
                    n = f["value"]
                    run(f, p.product, task.v.at(s * n, e), n, 1, many, task.second, n, to)
                _combine(task, keys)
                task.mixed(f["size"], task.other, keys)
                task.put(task.factor, [f.value(1.0, p.t)] * VECTORS)
                dq = task.head("dq", head).at(low * f["dq_along"], e)
                run(f, p.back, task.second, task.factor, rows, f["size"], dq, f["dq_along"])
                q = task.head("q", head).at(low * f["q_along"], e)
                with f.loop(0, keys, p.tile) as s:
                    many = f.smaller(keys - s, p.tile)
                    for table, a, to, size in ((task.table, "g", dv, "value"), (task.other, "q", dk, "size")):
                        of, d = (g if a == "g" else q), f"d{'v' if a == 'g' else 'k'}_along"
                        place, out = table.at(s * width, e), to.at(s * f[d], e)
                        run(f, p.outer, place, many, rows, of, f[f"{a}_along"], out, f[d], f[size])

    return write


def _combine(task: _Task, keys: Value) -> None:
    """The table becomes the weights; the other one, of their cotangents, those of the scores."""
    f, width, e, t = task.f, task.width, task.e, task.p.t
    inverse = [1.0 / s for s in task.vectors(task.sums)]
    along = [f.variable(f.value(0.0, t)) for _ in range(VECTORS)]
    with f.loop(0, keys) as s:
        both = (task.vectors(task.table.at(s * width, e)), task.vectors(task.other.at(s * width, e)))
        for total, y, d in zip(along, *both, strict=True):
            total.set(f.fma(y, d, total.get()))
    means = [total.get() * i for total, i in zip(along, inverse, strict=True)]
    by = f.splat(f.convert(f["by"], e), t.lanes)
    with f.loop(0, keys) as s:
        at, other = task.table.at(s * width, e), task.other.at(s * width, e)
        ys = [y * i for y, i in zip(task.vectors(at), inverse, strict=True)]
        task.put(at, ys)
        ds = [(d - m) * y * by for d, m, y in zip(task.vectors(other), means, ys, strict=True)]
        task.put(other, ds)


@cache
def _kernel(t: Type, back: bool) -> Any:
    p = parts(host().wide(t))
    if back:
        return build(f"attention_back_{t}", BACKWARD, _write_backward(p), over="heads")
    return build(f"attention_{t}", FORWARD, _write_forward(p), over="units")


@lru_cache(256)
def _places(lead: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """Where, in elements, the arrays of all heads begin."""
    at = np.zeros((), "i8")
    for n, step in zip(lead, strides, strict=True):
        at = at[..., None] + np.arange(n) * step
    return at.reshape(-1)


def _rowed(x: Any) -> Any:
    """x, or a copy of it, in which the numbers of a row lie beside each other."""
    n = x.itemsize
    fine = x.flags.aligned and not any(s % n for s in x.strides) and (x.shape[-1] == 1 or x.strides[-1] == n)
    return x if fine else x.copy()


def _laid_like(x: Any, shape: tuple[int, ...]) -> Any:
    """A new array whose axes lie in memory in the order of x's."""
    order = (
        sorted(range(x.ndim - 1), key=lambda k: -x.strides[k]) if 0 not in x.strides else range(x.ndim - 1)
    )
    order = [*order, x.ndim - 1]
    y = empty([shape[k] for k in order], x.dtype)
    return y.transpose([order.index(k) for k in range(x.ndim)])


def _all_places(arrays: list[Any], lead: tuple[int, ...]) -> Any:
    """For each array where its heads begin."""
    found = []
    for x in arrays:
        steps = tuple([s // x.itemsize for s in x.strides[:-2]])
        found.append(_places(lead, steps))
    return np.concatenate(found)


def _takes(q: Any, k: Any, v: Any, mask: Any) -> Type | None:
    """The type, if machine code takes these."""
    t = TYPES.get(q.dtype) if type(q) is np.ndarray else None
    same = all(
        type(x) is np.ndarray and x.dtype is q.dtype for x in (k, v) + (() if mask is None else (mask,))
    )
    if t is None or not same or not q.shape[:-2] == k.shape[:-2] == v.shape[:-2]:
        return None
    if not (q.size and k.size and v.size) or prod(q.shape[:-1]) * k.shape[-2] < LEAST:
        return None
    return t


def _along(x: Any) -> int:
    return int(x.strides[-2]) // int(x.itemsize)


def _inputs(q: Any, k: Any, v: Any, mask: Any) -> tuple[Any, Any, Any, Any]:
    """These in rows, with a mask for every head and query; without one q stands in its place."""
    q, k, v = _rowed(q), _rowed(k), _rowed(v)
    if mask is None:
        return q, k, v, q
    return q, k, v, np.broadcast_to(_rowed(_with_rows(mask)), (*q.shape[:-1], k.shape[-2]))


def _with_rows(mask: Any) -> Any:
    """A mask whose last axis is not repeated, for two axes or more."""
    return mask.reshape((1,) * (2 - mask.ndim) + mask.shape)


def _numbers(q: Any, k: Any, v: Any, causal: bool, scale: float, t: Type) -> tuple[Any, ...]:
    keys, size, value = k.shape[-2], q.shape[-1], v.shape[-1]
    v_ = host().wide(t)
    turned, table, rows = space(v_, tile_of(), size, value, keys, max)
    each = 2 * turned + 2 * table + 2 * VECTORS * v_.lanes + 3 * rows
    room = empty((threads(), each), q.dtype)
    return q.shape[-2], keys, size, value, 0 if causal else _FAR, scale, room, each


@over(A.attention)
def attention(body: Any, q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float) -> Any:
    """The values mixed by softmax(scale q k^T + mask)."""
    t = _takes(q, k, v, mask)
    if t is None or (mask is not None and mask.shape[-1:] != k.shape[-2:-1]):
        return body(q, k, v, mask, causal, scale)
    lead = q.shape[:-2]
    q, k, v, m = _inputs(q, k, v, mask)
    y = _laid_like(q, (*q.shape[:-1], v.shape[-1]))
    numbers = _numbers(q, k, v, causal, scale, t)
    width, heads = VECTORS * host().lanes(t), prod(lead)
    blocks = -(-q.shape[-2] // width)
    together = min(_TOGETHER, max(1, heads * blocks // (4 * threads())))
    groups = -(-blocks // together)
    places = _all_places([q, k, v, m, y], lead)
    steps = (_along(y), _along(q), _along(k), _along(v), _along(m))
    masked = int(mask is not None)
    _kernel(t, False)(
        y, q, k, v, m, masked, places, *steps, *numbers, together * width, groups, heads, heads * groups
    )
    return y


@over(A.attention_vjp)
def attention_vjp(
    body: Any, need: Any, g: Any, q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float
) -> Any:
    """The cotangents of queries, keys and values."""
    t = _takes(q, k, v, mask)
    if t is None or (mask is not None and mask.shape[-1:] != k.shape[-2:-1]) or type(g) is not np.ndarray:
        return body(need, g, q, k, v, mask, causal, scale)
    lead = q.shape[:-2]
    (q, k, v, m), g = _inputs(q, k, v, mask), _rowed(g)
    dq, dk, dv = (_laid_like(x, x.shape) for x in (q, k, v))
    places = _all_places([q, k, v, m, g, dq, dk, dv], lead)
    steps = tuple(_along(x) for x in (g, dq, dk, dv, q, k, v, m))
    numbers = _numbers(q, k, v, causal, scale, t)
    masked = int(mask is not None)
    _kernel(t, True)(dq, dk, dv, g, q, k, v, m, masked, places, *steps, *numbers, prod(lead))
    return dq, dk, dv


nameless(globals())
