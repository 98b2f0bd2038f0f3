"""Where the sorted elements of narrow rows are: neighbours change places in rounds, a vector of rows at once.

Only neighbours do, and only if they are in the wrong order, so equal ones keep theirs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import Body, build
from tapegrad.native.ir import I64, Type, Value
from tapegrad.native.memory import empty
from tapegrad.native.narrow import columns, is_narrow, rows_of
from tapegrad.native.ordering import TYPES, key
from tapegrad.native.target import host

_PIECE = 512  # rows that go together
_GRAIN = 1 << 12  # elements that are worth a thread


def _sorted(f: Body, keys: list[Value]) -> list[Value]:
    """Where the sorted elements of each lane are."""
    n, t = len(keys), keys[0].type
    places = [f.value(k, t) for k in range(n)]
    for turn in range(n):
        for i in range(turn % 2, n - 1, 2):
            swap = keys[i + 1] < keys[i]
            for values in (keys, places):
                a, b = values[i], values[i + 1]
                values[i], values[i + 1] = f.select(swap, b, a), f.select(swap, a, b)
    return places


@cache
def _kernel(t: Type, n: int, descending: bool, first: int, last: int) -> Any:
    """(places [last - first, rows], columns [n, rows], pieces, grain, how many rows)."""
    wide = host().wide(t)

    def some(f: Body, i: Value, mask: Any) -> None:
        keys = [key(f, f.load(f["x"].at(f["rows"] * k + i, t), wide, mask)) for k in range(n)]
        places = _sorted(f, [~x if descending else x for x in keys])
        for k, at in enumerate(places[first:last]):
            f.store(f["y"].at(f["rows"] * k + i, I64), f.convert(at, wide.like(I64)), mask)

    def write(f: Body) -> None:
        start = f.low * _PIECE
        end = f.smaller(f.high * _PIECE, f["rows"])
        with f.loop(start, end, wide.lanes) as i:
            some(f, i, f.first(end - i, wide))

    name = f"order_{n}_{t}_{'down' if descending else 'up'}_{first}_{last}"
    return build(name, "y:w x:r pieces:i grain:i rows:i", write, over="pieces", grain="grain")


def places_in_order(x: Any, dim: int, descending: bool, first: int, last: int) -> Any:
    """The places from `first` to `last` of those that sort x; None if it is not for here."""
    t = TYPES.get(getattr(x, "dtype", None))
    if dim != x.ndim - 1 or t is None or first >= last or not is_narrow(x):
        return None
    n = x.shape[-1]
    rows = x.size // n
    places = empty((last - first, rows), "i8")
    kernel = _kernel(t, n, bool(descending), first, last)
    kernel(places, columns(x), -(-rows // _PIECE), max(1, _GRAIN // (n * _PIECE)), rows)
    shape = (*x.shape[:-1], last - first)
    return rows_of(places, shape) if last - first > 1 else places.reshape(shape)


nameless(globals())
