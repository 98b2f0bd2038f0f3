"""Hooks on tensors: functions that see, and may replace, a gradient on its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from threading import Lock
from typing import Any

from tapegrad._errors import describe
from tapegrad.naming import subject
from tapegrad.rare import Rare, late, running
from tapegrad.reach import awaited
from tapegrad.tape import Node
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
    n.rare = rare = n.rare or Rare()
    return rare


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
    """Call hook(gradient) whenever this tensor's gradient is computed; a Tensor that it returns replaces it.

    Raises: RuntimeError if the tensor does not require grad.
    """
    return RemovableHandle(_rare(self, "register_hook").hooks, hook)


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """Call hook(tensor) whenever a backward has added to this leaf's `.grad`.

    Raises: RuntimeError if the tensor does not require grad, or is no leaf.
    """
    rare = _rare(self, "register_post_accumulate_grad_hook")
    if not self.is_leaf:
        raise RuntimeError(
            f"register_post_accumulate_grad_hook: this {describe(self)} tensor was computed; only leaves "
            "accumulate. Use register_hook()."
        )
    late.wanted = True
    return RemovableHandle(rare.after, hook)


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


def partial() -> bool:
    """Whether the sweep that is running a hook now goes only to the inputs it was given."""
    return running.sweep is not None and running.sweep[2] is not None


class MultiHandle:
    """What `register_multi_grad_hook` returns: `remove()` takes the hook away."""

    __slots__ = ("handles",)

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> MultiHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all"
) -> MultiHandle:
    """Call fn once per backward for several tensors.

    mode "all": fn(gradients) when the last of their gradients has been computed, None for tensors that this
    backward does not reach. "any": fn(gradient) at the first.
    Raises: ValueError for another mode, RuntimeError in mode "all" for a tensor that does not require grad.
    Source: torch.autograd.graph.register_multi_grad_hook.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"register_multi_grad_hook: mode is {mode!r}; 'all' or 'any' is needed.")
    if mode == "any":
        tensors = [t for t in tensors if t.requires_grad]
    rares = [_rare(t, "register_multi_grad_hook") for t in tensors]
    meeting = _Meeting([t._node.seq for t in tensors if t._node is not None], fn, mode == "any")
    return MultiHandle([RemovableHandle(r.hooks, meeting.hook(i)) for i, r in enumerate(rares)])


class _Meeting:
    """Collects the gradients of several tensors in each sweep. The nodes are known by their numbers: they
    hold this."""

    def __init__(self, seqs: list[int], fn: Callable[..., None], first: bool) -> None:
        self.seqs, self.fn, self.first, self.lock = seqs, fn, first, Lock()
        self.sweep: Any = None
        self.got: dict[int, Tensor] = {}
        self.missing: set[int] = set()

    def hook(self, i: int) -> Callable[[Tensor], None]:
        """The hook of tensor i."""

        def called(g: Tensor) -> None:
            with self.lock:
                result = self.arrived(i, g)
            if result is not None:
                self.fn(result)

        return called

    def arrived(self, i: int, g: Tensor) -> Any:
        """What to call fn with now that tensor i has its gradient; None if it is not time."""
        heap = running.sweep[1]
        new = self.sweep is not heap
        if new:
            self.sweep, self.got, self.missing = heap, {}, awaited(set(self.seqs))
        self.got[i] = g
        if self.seqs[i] not in self.seqs[i + 1 :]:  # a tensor may be given twice
            self.missing.discard(self.seqs[i])
        every = [self.got.get(k) for k in range(len(self.seqs))]
        if not self.missing:
            self.sweep, self.got = None, {}
        if self.first:
            return g if new else None
        return None if self.missing else every
