"""Hooks on tensors: functions that see, and may replace, a gradient on its way."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from tapegrad._errors import describe
from tapegrad.naming import subject
from tapegrad.tape import Node, Rare
from tapegrad.tensor import Tensor
from tapegrad.views import fresh

_number = count().__next__


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook away; as a context manager, at the end
    of the block."""

    __slots__ = ("_hooks", "id")

    def __init__(self, hooks: dict[int, Any], hook: Any) -> None:
        self._hooks = hooks
        self.id = _number()
        hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _rare(t: Tensor, op: str) -> Rare:
    if t._cold is not None:
        fresh(t)
    n: Node | None = t._node
    if n is None:
        raise RuntimeError(
            f"{op}: {subject(t, f'{describe(t)} tensor')} does not require grad; call requires_grad_() first."
        )
    if n.rare is None:
        n.rare = Rare()
    return n.rare


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Call hook(gradient) whenever this tensor's gradient is computed; a Tensor that it returns replaces it.

    Raises: RuntimeError if the tensor does not require grad.
    """
    return RemovableHandle(_rare(self, "register_hook").hooks, hook)


def retain_grad(self: Tensor) -> None:
    """Keep this tensor's gradient in `.grad`, as leaves do anyway.

    Raises: RuntimeError if the tensor does not require grad.
    """
    rare = _rare(self, "retain_grad")
    if not self.is_leaf:
        rare.retains = True


def retains_grad(self: Tensor) -> bool:
    """Whether retain_grad was called on this non-leaf."""
    n = self._node
    return n is not None and n.op is not None and n.rare is not None and n.rare.retains
