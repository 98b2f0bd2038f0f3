"""Hooks on what operations save: saved_tensors_hooks and what is made of it.

They work by an observer of this thread's operations: it sees each node that was recorded and puts a `Packing`
in place of the saved values. The sweep opens it when the node's turn comes.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from threading import local
from typing import Any

from numpy import ndarray

from tapegrad._errors import describe, sizes
from tapegrad._state import grad_enabled, inference_enabled, set_mode, set_watch, watch
from tapegrad.kernels.memory import buffer_of
from tapegrad.tape import Node
from tapegrad.tensor import Tensor, wrap
from tapegrad.writes import last_write, writes_to

__all__ = [
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class _Hooks(local):
    """This thread's hooks, innermost last; and why they are forbidden, if they are."""

    def __init__(self) -> None:
        self.stack: list[saved_tensors_hooks] = []
        self.forbidden: str | None = None
        self.busy = False


_hooks = _Hooks()


class saved_tensors_hooks:
    """In the block, what operations save goes through pack_hook(tensor), and when backward needs it, through
    unpack_hook(what that returned). Of nested blocks the innermost counts.

    Source: torch.autograd.graph.saved_tensors_hooks.
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> Any:
        if _hooks.forbidden is not None:
            raise RuntimeError(_hooks.forbidden)
        if not _hooks.stack:
            w = watch()
            set_watch(w.levels, (*w.observers, _observe))
        _hooks.stack.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _hooks.stack.pop()
        if not _hooks.stack:
            w = watch()
            set_watch(w.levels, tuple([o for o in w.observers if o is not _observe]))


class Packed:
    """One saved tensor as pack_hook left it. Raises: RuntimeError if the hook has changed the tensor."""

    __slots__ = ("dtype", "hooks", "shape", "value")

    def __init__(self, x: Any, hooks: saved_tensors_hooks) -> None:
        self.hooks, self.shape, self.dtype = hooks, x.shape, x.dtype
        before = last_write.tick
        self.value = _quietly(hooks.pack_hook, wrap(x))
        w = writes_to(x) if type(x) is ndarray else None
        if w is not None and w.tick > before:
            raise RuntimeError(
                f"pack_hook: it has changed the {describe(x)} tensor in place; return another tensor instead."
            )

    def array(self) -> Any:
        """The array, unpacked. Raises: TypeError, RuntimeError if unpack_hook gives anything else."""
        t = _quietly(self.hooks.unpack_hook, self.value)
        if not isinstance(t, Tensor):
            raise TypeError(f"unpack_hook: it returned {describe(t)}; a Tensor is needed.")
        if t._a.shape != self.shape:
            raise RuntimeError(
                f"unpack_hook: it returned {describe(t)} for a tensor of shape {sizes(self.shape)}; they "
                "must agree."
            )
        return t._a if t._kind is self.dtype else t._a.astype(self.dtype)


def _quietly(hook: Callable[[Any], Any], x: Any) -> Any:
    """hook(x), in which nothing is recorded or packed."""
    grad, inference, busy = grad_enabled(), inference_enabled(), _hooks.busy
    set_mode(False, inference)
    _hooks.busy = True
    try:
        return hook(x)
    finally:
        _hooks.busy = busy
        set_mode(grad, inference)


def packed(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arrays that a Function saves, packed if hooks are there."""
    if not _hooks.stack or _hooks.busy:
        return arrays
    return tuple([None if x is None else Packed(x, _hooks.stack[-1]) for x in arrays])


class Packing:
    """What a node has in place of its saved values."""

    __slots__ = ("memory", "values")

    def __init__(self, saved: tuple[Any, ...], hooks: saved_tensors_hooks) -> None:
        self.memory = tuple([id(buffer_of(x)) if type(x) is ndarray else 0 for x in saved])
        self.values = [Packed(x, hooks) if hasattr(x, "dtype") else x for x in saved]

    def opened(self, n: Node) -> Any:
        """A node like n with the values unpacked."""
        m = copy(n)
        m.saved = tuple([v.array() if isinstance(v, Packed) else v for v in self.values])
        return m

    def apart(self, a: Any) -> None:
        """Pack copies of what shares memory with a, which is about to be overwritten."""
        at = id(buffer_of(a))
        for i, (where, v) in enumerate(zip(self.memory, self.values, strict=True)):
            if where == at and isinstance(v, Packed):
                self.values[i] = Packed(v.array().copy(), v.hooks)


def _observe(op: Any, xs: Any, args: Any, y: Any, node: Node | None) -> None:
    if node is None or _hooks.busy or type(node.saved) is not tuple:
        return
    if any(hasattr(x, "dtype") for x in node.saved):
        node.saved = Packing(node.saved, _hooks.stack[-1])


class save_on_cpu(saved_tensors_hooks):
    """In the block, what operations save is moved to main memory, and back for backward. All memory is main
    memory here, so this only hands it through.

    Source: torch.autograd.graph.save_on_cpu.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda x: x, lambda x: x)


class disable_saved_tensors_hooks:
    """In the block, entering saved_tensors_hooks raises RuntimeError(error_message). Source:
    torch.autograd.graph.disable_saved_tensors_hooks."""

    def __init__(self, error_message: str) -> None:
        self.message = error_message

    def __enter__(self) -> None:
        if _hooks.stack:
            raise RuntimeError(self.message)
        self._was, _hooks.forbidden = _hooks.forbidden, self.message

    def __exit__(self, *_: object) -> None:
        _hooks.forbidden = self._was


class allow_mutation_on_saved_tensors(saved_tensors_hooks):
    """In the block, operations save copies, so that tensors they have read may be written in place before
    backward. Source: torch.autograd.graph.allow_mutation_on_saved_tensors."""

    def __init__(self) -> None:
        super().__init__(lambda x: x.clone(), lambda x: x)
