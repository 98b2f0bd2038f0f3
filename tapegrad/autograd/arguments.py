"""The arguments of a function, kept for another call without keeping their Tensors.

A Tensor holds its newest node, so who is held by a node must not hold Tensors: a later write could close a
cycle. Kept are its memory and the node that it has now.
"""

from __future__ import annotations

from typing import Any

from numpy import ndarray

from tapegrad._errors import describe, place
from tapegrad._pytree import Spec, tree_flatten, tree_unflatten
from tapegrad.autograd.nodes import node_of
from tapegrad.tensor import Tensor
from tapegrad.writes import tick, writes_to


class _Kept:
    """A Tensor's class, memory, node and attributes."""

    __slots__ = ("array", "attributes", "kind", "node")

    def __init__(self, t: Tensor) -> None:
        self.kind, self.array, self.node = type(t), t._a, node_of(t)
        self.attributes = dict(t.__dict__)

    def tensor(self) -> Tensor:
        """A Tensor like the one that was kept."""
        t: Tensor = object.__new__(self.kind)
        t._a, t._kind, t._node, t._cold = self.array, self.array.dtype, self.node, None
        t.__dict__.update(self.attributes)
        return t


class Arguments:
    """Arguments for another call. since: the time at which they were kept."""

    __slots__ = ("op", "since", "spec", "values")

    def __init__(self, values: list[Any], spec: Spec, op: str) -> None:
        self.values, self.spec, self.op, self.since = values, spec, op, tick()

    def restored(self) -> Any:
        """(args, kwargs) again. Raises: RuntimeError if one was written in place since."""
        for i, k in enumerate(self.values):
            w = writes_to(k.array) if isinstance(k, _Kept) and type(k.array) is ndarray else None
            if w is not None and w.tick > self.since:
                assert w.code is not None
                raise RuntimeError(
                    f"{self.op}: argument {i}, {describe(k.array)}, was written in place at "
                    f"{place(w.code, w.lasti)} and is needed to run the function again; clone it first."
                )
        return tree_unflatten([k.tensor() if isinstance(k, _Kept) else k for k in self.values], self.spec)


def held(args: tuple[Any, ...], kwargs: dict[str, Any], op: str) -> Arguments:
    """The arguments of a call, kept."""
    leaves, spec = tree_flatten((args, kwargs))
    return Arguments([_Kept(x) if isinstance(x, Tensor) else x for x in leaves], spec, op)
