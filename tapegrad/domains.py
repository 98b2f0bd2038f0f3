"""The two domains in which rules run: RAW on arrays, RECORDED on Tensors (create_graph)."""

from __future__ import annotations

from sys import getrefcount
from threading import Lock
from types import ModuleType
from typing import Any

from numpy import ndarray

import tapegrad.kernels as K
from tapegrad.kernels.errstate import nameless
from tapegrad.tape import Node, added, total
from tapegrad.tensor import Tensor, wrap
from tapegrad.writes import replaced, wrote

_lock = Lock()  # two threads may bring gradients to one leaf


class Raw:
    """Rules on arrays: the fast backward."""

    records = False
    F: ModuleType = K

    def attach(self, n: Node) -> Any:
        """What n saved."""
        return n.saved

    def wrap(self, g: Any) -> Tensor:
        """g as a Tensor."""
        return wrap(g)

    def unwrap(self, t: Tensor) -> Any:
        """The array of t."""
        return t._a

    def own(self, g: Any) -> Any:
        """A copy."""
        return g.copy()

    def deposit(self, gradients: dict[Any, Any]) -> None:
        """Add each g to its leaf's gradient, in place where there is one."""
        with _lock:
            for leaf, g in gradients.items():
                old = leaf.grad
                if old is None:
                    leaf.grad = wrap(g)
                else:
                    self._add(leaf, old, g)

    def _add(self, leaf: Any, old: Tensor, g: Any) -> None:
        a = old._a
        if type(a) is not ndarray or not a.flags.writeable:
            old._a = total(a, g)
            replaced(a)
        else:
            if getrefcount(a) > ALONE:
                wrote(a)
            added(a, g)


class Recorded:
    """Rules on Tensors: backward with create_graph."""

    records = True
    F: Any = None  # the namespace of ops, set by ops/__init__.py

    def attach(self, n: Node) -> Any:
        """What n saved, as Tensors with their nodes."""
        nodes = (n, *n.parents)
        return tuple(
            [
                s if i >= len(nodes) or not hasattr(s, "dtype") else wrap(s, nodes[i])
                for i, s in enumerate(n.saved)
            ]
        )

    def wrap(self, g: Tensor) -> Tensor:
        """g."""
        return g

    def unwrap(self, t: Tensor) -> Tensor:
        """t."""
        return t

    def own(self, g: Tensor) -> Tensor:
        """A recorded copy."""
        copy: Tensor = self.F.clone(g)
        return copy

    def deposit(self, gradients: dict[Any, Any]) -> None:
        """Add each g to its leaf's gradient, recorded."""
        with _lock:
            for leaf, g in gradients.items():
                leaf.grad = g if leaf.grad is None else leaf.grad + g


# The references to an array that only one tensor has: the tensor's, a local name, and getrefcount's argument.
# Nobody can notice a write to it, so it need not be stamped, and graphs recorded before stay quick to check.
ALONE = 3

RAW, RECORDED = Raw(), Recorded()


nameless(globals())
