"""Which Module an operation belongs to: nodes do not say, but the parameters that they use do."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

V = TypeVar("V", bound=Hashable)
Path = tuple[str, ...]


def homes(order: Sequence[V], inputs: Callable[[V], Iterable[V]], leaves: Mapping[V, Path]) -> dict[V, Path]:
    """The Module of each op: that of its parameters; without any, what its producers and its users have in
    common.

    order: ops and leaves, from the oldest. leaves: each leaf's Module as a path of names, () for none.
    """
    before: dict[V, Path] = {}
    after: dict[V, Path] = {}
    own = {v: next((leaves[x] for x in inputs(v) if leaves.get(x)), None) for v in order}
    for v in order:
        given = own[v]
        before[v] = given if given is not None else _common([before[x] for x in inputs(v) if x not in leaves])
    for v in reversed(order):
        given = own[v]
        home = given if given is not None else after.get(v, ())
        for x in inputs(v):
            if x not in leaves:
                after[x] = _common([after[x], home]) if x in after else home
    found = {}
    for v in order:
        given = leaves[v] if v in leaves else own[v]
        found[v] = given if given is not None else _common([before[v], after.get(v, ())])
    return found


def _common(paths: Sequence[Path]) -> Path:
    if not paths:
        return ()
    first, n = paths[0], min(len(p) for p in paths)
    while n and any(p[:n] != first[:n] for p in paths):
        n -= 1
    return first[:n]
