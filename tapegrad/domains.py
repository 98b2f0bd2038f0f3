"""The domains in which rules run: RAW on arrays, STORED on arrays and the storages of transforms, RECORDED on
Tensors (create_graph)."""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from threading import Lock
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels as K
from tapegrad._errors import describe
from tapegrad.dtypes import F4, F8
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import owner_of
from tapegrad.kernels.shape import copied
from tapegrad.levels import Storage
from tapegrad.public import RULES
from tapegrad.sums import Leaves, added, total
from tapegrad.tape import Node
from tapegrad.tensor import Tensor, wrap
from tapegrad.writes import replaced, wrote

ARRAYS = (ndarray, np.generic, Storage)


def _as_tensor(x: Any) -> Any:
    if isinstance(x, ARRAYS):
        return wrap(x)
    return [_as_tensor(v) for v in x] if type(x) is list else x


def _as_array(x: Any) -> Any:
    if isinstance(x, Tensor):
        return x._a
    return type(x)(map(_as_array, x)) if type(x) in (list, tuple) else x


def on_arrays(name: str) -> Callable[..., Any] | None:
    """The op that F has by that name, if any, on arrays and storages. Nothing is recorded."""
    op = RULES.get(name)
    if op is None:
        return None

    def call(*args: Any, **kwargs: Any) -> Any:
        return _as_array(op(*[_as_tensor(x) for x in args], **kwargs))

    call.__name__ = name
    return call


K.missing = on_arrays

_LARGE = 1 << 14  # elements that machine code may copy
_lock = Lock()  # two threads may bring gradients to one leaf


class Raw:
    """Rules on arrays: the fast backward.

    Cotangents of complex values travel through the tape conjugated: then every rule of a holomorphic function
    is what it is for real numbers. `wrap` and `unwrap` are the border: users see what torch calls the
    gradient.
    """

    plain = True
    records = False
    F: Any = K

    def attach(self, n: Node, saved: Any) -> Any:
        """What n saved."""
        return saved

    def wrap(self, g: Any) -> Tensor:
        """g as a Tensor."""
        return wrap(self.F.conj(g))

    def unwrap(self, t: Tensor) -> Any:
        """The array of t."""
        return self.F.conj(t._a)

    def own(self, g: Any) -> Any:
        """A copy."""
        return g.copy() if g.size < _LARGE else copied(g)

    def deposit(self, gradients: Leaves) -> None:
        """Add each g to its leaf's gradient, in place where there is one."""
        with _lock:
            if gradients.lent:
                self._save(gradients)
            for leaf, g in gradients.items():
                old = leaf.grad
                if old is None:
                    if leaf in gradients.lent:
                        g = self.own(g)
                    leaf.grad = t = wrap(g)
                    if t._kind is not F4 and t._kind is not F8:
                        leaf.grad = self.wrap(g)
                elif old._kind is F4 or old._kind is F8:
                    self._add(leaf, old, g)
                else:
                    self._add(leaf, old, self.F.conj(g))

    def _save(self, gradients: Leaves) -> None:
        """Copy what lies in memory that is to be written: a caller may give a leaf's gradient as seed."""
        written = {id(owner_of(leaf.grad._a)) for leaf in gradients if leaf.grad is not None}
        for leaf in list(gradients.lent) if written else ():
            if id(owner_of(gradients[leaf])) in written:
                gradients[leaf] = self.own(gradients[leaf])
                gradients.lent.remove(leaf)

    def _add(self, leaf: Any, old: Tensor, g: Any) -> None:
        a = old._a
        if type(a) is not ndarray or not a.flags.writeable:
            old._a = total(a, g)
            replaced(a)
        else:
            if getrefcount(a) > ALONE:
                wrote(a)
            try:
                added(a, g)
            except ValueError:
                raise RuntimeError(
                    f"backward: a {describe(g)} gradient has come to a leaf whose .grad is {describe(a)}; "
                    "set .grad to None where the leaf gets another shape."
                ) from None


class Recorded:
    """Rules on Tensors: backward with create_graph."""

    plain = False
    records = True
    F: Any = None  # the namespace of ops, set by ops/__init__.py

    def attach(self, n: Node, saved: Any) -> Any:
        """What n saved, as Tensors with their nodes."""
        nodes = (n, *n.parents)
        return tuple(
            [
                s if i >= len(nodes) or not hasattr(s, "dtype") else wrap(s, nodes[i])
                for i, s in enumerate(saved)
            ]
        )

    def wrap(self, g: Tensor) -> Tensor:
        """g as users see it."""
        return self.F.conj(g)  # type: ignore[no-any-return] # F's functions give Tensors

    def unwrap(self, t: Tensor) -> Tensor:
        """t as the tape sees it."""
        return self.F.conj(t)  # type: ignore[no-any-return] # F's functions give Tensors

    def own(self, g: Tensor) -> Tensor:
        """A recorded copy."""
        copy: Tensor = self.F.clone(g)
        return copy

    def deposit(self, gradients: Leaves) -> None:
        """Add each g to its leaf's gradient, recorded."""
        with _lock:
            for leaf, g in gradients.items():
                g = self.wrap(self.own(g) if leaf in gradients.lent else g)
                leaf.grad = g if leaf.grad is None else leaf.grad + g


# The references to an array that only one tensor has: the tensor's, a local name, and getrefcount's argument.
# Nobody can notice a write to it, so it need not be stamped, and graphs recorded before stay quick to check.
ALONE = 3


class Stored(Raw):
    """Rules on arrays and storages: a backward inside a transform."""

    F: Any = None  # the namespace for both, set by storage/__init__.py

    def own(self, g: Any) -> Any:
        """g: inside a transform gradients are handed out, not kept."""
        return g

    def deposit(self, gradients: Leaves) -> None:
        """Raises: RuntimeError. A leaf keeps one gradient, and a transform has one per entry or tangent."""
        raise RuntimeError(
            "backward: it is called inside of a transform (vmap, jvp), where leaves cannot keep gradients; "
            "use torch.func.grad, or torch.autograd.grad."
        )


RAW, RECORDED, STORED = Raw(), Recorded(), Stored()


nameless(globals())
