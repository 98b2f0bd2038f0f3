"""The few largest or smallest elements of long rows: one pass, which compares with the last of those so far.

Numbers are compared as integers that have their order. Threads share rows, and parts of long rows, whose few
are sorted in the end.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.sort as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.choice import DENSE, over
from tapegrad.native.ir import I64, Type, Value, integers, vector
from tapegrad.native.networks import places_in_order
from tapegrad.native.ordering import TYPES, key
from tapegrad.native.runtime import threads

LEAST = 1 << 5  # elements of a row
MOST = 128  # how many are wanted; each new one moves those that come behind it
PART = 1 << 14  # elements of a row that are worth a thread


class _Row:
    """Those that are leading in a part of a row, and how they change."""

    def __init__(self, f: Body, unit: Value, t: Type, largest: bool) -> None:
        self.f, self.t, self.largest = f, t, largest
        self.kind = integers(t)
        number = unit // f["parts"]
        part = unit - number * f["parts"]
        self.start = part * f["n"] // f["parts"]
        self.end = (part + 1) * f["n"] // f["parts"]
        self.x = f["x"].at(number * f["n"], t)
        self.keys, self.places = f["keys"].at(unit * f["k"], self.kind), f["places"].at(unit * f["k"], I64)

    def key(self, i: Value, lanes: int = 1) -> Value:
        """Of the elements from place i on."""
        t = vector(self.t, lanes) if lanes > 1 else self.t
        found = key(self.f, self.f.load(self.x.at(i, self.t), t))
        return found if self.largest else ~found

    def insert(self, key: Value, i: Value, filled: Value) -> None:
        """Put an element behind those that are not smaller; the last one of k goes."""
        f = self.f
        at = f.variable(filled)
        with f.forever() as found:
            f.leave(found, at.get() <= 0)
            before = f.load(self.keys.at(at.get() - 1, self.kind), self.kind)
            f.leave(found, before >= key)
            with f.when(at.get() < f["k"]):
                f.store(self.keys.at(at.get(), self.kind), before)
                f.store(self.places.at(at.get(), I64), f.load(self.places.at(at.get() - 1, I64), I64))
            at.set(at.get() - 1)
        with f.when(at.get() < f["k"]):
            f.store(self.keys.at(at.get(), self.kind), key)
            f.store(self.places.at(at.get(), I64), i)

    def all(self) -> None:
        """Go through the row: vectors in which nothing is larger than the last of k are passed over."""
        f, lanes = self.f, 64 // self.t.bytes
        first = self.start + f["k"]
        with f.loop(self.start, first) as i:
            self.insert(self.key(i), i, i - self.start)
        whole = first + ((self.end - first) & -lanes)
        last = self.keys.at(f["k"] - 1, self.kind)

        def one(i: Value) -> None:
            key = self.key(i)
            with f.when(key > f.load(last, self.kind)):
                self.insert(key, i, f["k"])

        with f.loop(first, whole, lanes) as i:
            larger = self.key(i, lanes) > f.splat(f.load(last, self.kind), lanes)
            with f.when(f.any(larger)), f.loop(i, i + lanes) as j:
                one(j)
        with f.loop(whole, self.end) as i:
            one(i)


@cache
def _kernel(t: Type, largest: bool) -> Any:
    """(keys and places of k of each part, the rows, units, parts of a row, its elements, k)."""

    def write(f: Body) -> None:
        with f.loop(f.low, f.high) as unit:
            _Row(f, unit, t, largest).all()

    name = f"topk_{t}_{'largest' if largest else 'smallest'}"
    return build(name, "keys:w places:w x:r units:i parts:i n:i k:i", write, over="units")


@over(S.topk)
def topk(body: Any, x: Any, dim: int, k: int, largest: bool) -> Any:
    """Where the k largest or smallest elements of rows are, in order."""
    if (found := places_in_order(x, dim, largest, 0, k)) is not None:
        return found
    t = TYPES.get(x.dtype) if type(x) is ndarray else None
    if t is None or dim != x.ndim - 1 or not x.size or x.flags.num & DENSE != DENSE:
        return body(x, dim, k, largest)
    n = x.shape[-1]
    if n < LEAST or not 0 < k <= min(n, MOST):
        return body(x, dim, k, largest)
    rows = x.size // n
    parts = max(1, min(n // PART, -(-4 * threads() // rows)))
    keys, places = np.empty((rows, parts * k), f"i{x.itemsize}"), np.empty((rows, parts * k), np.int64)
    _kernel(t, largest)(keys, places, x, rows * parts, parts, n, k)
    if parts > 1:  # ~ turns the order, and cannot overflow; equal ones stay in the order of their places
        order = (~keys).argsort(1, "stable")[:, :k]
        places = np.take_along_axis(places, order, 1)
    return places.reshape(*x.shape[:-1], k)


nameless(globals())
