"""What a module calls besides its forward: before and after it, in the backward, when state is saved or
loaded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tapegrad._errors import say_once
from tapegrad._state import grad_enabled
from tapegrad.autograd.function import Function
from tapegrad.autograd.hooks import RemovableHandle
from tapegrad.ops.create import zeros
from tapegrad.tensor import Tensor


class Hook(NamedTuple):
    """A hook and how it is called. with_kwargs: with the keyword arguments, too. always: also if the forward
    raises. full: as torch's full backward hooks. legacy: what it returns takes the result's place."""

    call: Callable[..., Any]
    with_kwargs: bool = False
    always: bool = False
    full: bool = True
    legacy: bool = False


class Hooks:
    """The hooks of one module, by kind and in the order in which they run."""

    __slots__ = ("backward", "forward", "load", "loaded", "pre_backward", "pre_forward", "save", "saved")

    def __init__(self) -> None:
        for kind in self.__slots__:
            setattr(self, kind, OrderedDict())

    backward: OrderedDict[int, Hook]
    forward: OrderedDict[int, Hook]
    pre_backward: OrderedDict[int, Hook]
    pre_forward: OrderedDict[int, Hook]

    def add(self, kind: str, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Register a hook of a kind; its handle removes it."""
        held: OrderedDict[int, Hook] = getattr(self, kind)
        handle = RemovableHandle(held, hook)
        if prepend:
            held.move_to_end(handle.id, last=False)
        return handle

    def of(self, kind: str) -> list[Hook]:
        """The hooks of a kind."""
        return list(getattr(self, kind).values())

    @property
    def has_full(self) -> bool | None:
        """Whether its backward hooks are full ones; None if there are none."""
        return next((h.full for h in self.of("backward")), None)


everywhere = Hooks()  # those of all modules
# Of these the ones that a call runs: every call of a module asks whether there are any.
called_everywhere = (everywhere.forward, everywhere.pre_forward, everywhere.backward, everywhere.pre_backward)


def _both(module: Any, kind: str) -> list[Hook]:
    own = module._hooks
    return everywhere.of(kind) + (own.of(kind) if own is not None else [])


def add_backward(hooks: Hooks, call: Any, full: bool, prepend: bool = False) -> RemovableHandle:
    """Register a backward hook. Raises: RuntimeError where full hooks meet others."""
    if hooks.has_full not in (None, full):
        raise RuntimeError(
            "register_backward_hook: full backward hooks and others cannot be used on one module; use "
            "register_full_backward_hook() for all."
        )
    return hooks.add("backward", Hook(call, full=full), prepend)


# torch's attributes for hooks: whose values are the hooks by number, and those that say how to call them.
_TORCHS = {
    "pre_backward": "_backward_pre_hooks",
    "backward": "_backward_hooks",
    "forward": "_forward_hooks",
    "pre_forward": "_forward_pre_hooks",
    "saved": "_state_dict_hooks",
    "save": "_state_dict_pre_hooks",
    "load": "_load_state_dict_pre_hooks",
    "loaded": "_load_state_dict_post_hooks",
}
_HOW = ("_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs")
_OF_STATE = ("saved", "save", "load", "loaded")


def as_torchs(hooks: Hooks | None) -> dict[str, Any]:
    """Hooks as the attributes that a module of torch has for them.

    Raises: RuntimeError for hooks of state_dict, which torch wraps.
    """
    hooks = hooks or Hooks()
    if any(hooks.of(kind) for kind in _OF_STATE):
        raise RuntimeError(
            "save: a module has hooks of state_dict, which files cannot keep; remove them, or save its "
            "state_dict() instead."
        )
    state: dict[str, Any] = {
        name: OrderedDict((i, h.call) for i, h in getattr(hooks, kind).items())
        for kind, name in _TORCHS.items()
    }
    state["_is_full_backward_hook"] = hooks.has_full
    with_kwargs, always, pre_with_kwargs = _HOW
    state[with_kwargs] = OrderedDict((i, True) for i, h in hooks.forward.items() if h.with_kwargs)
    state[always] = OrderedDict((i, True) for i, h in hooks.forward.items() if h.always)
    state[pre_with_kwargs] = OrderedDict((i, True) for i, h in hooks.pre_forward.items() if h.with_kwargs)
    return state


def from_torchs(state: dict[str, Any]) -> Hooks | None:
    """The hooks in the attributes of a module of torch, which are taken out.

    Raises: RuntimeError for hooks of state_dict.
    """
    found = {kind: state.pop(name, None) or {} for kind, name in _TORCHS.items()}
    with_kwargs, always, pre_with_kwargs = [state.pop(name, None) or {} for name in _HOW]
    full = state.pop("_is_full_backward_hook", None)
    if any(found[kind] for kind in _OF_STATE):
        raise RuntimeError("load: a module has hooks of state_dict, which cannot be read; load a state_dict.")
    if not any(found.values()):
        return None
    hooks = Hooks()
    for i, call in found["forward"].items():
        hooks.forward[i] = Hook(call, i in with_kwargs, i in always)
    for i, call in found["pre_forward"].items():
        hooks.pre_forward[i] = Hook(call, i in pre_with_kwargs)
    for kind in ("backward", "pre_backward"):
        for i, call in found[kind].items():
            getattr(hooks, kind)[i] = Hook(call, full=full is not False)
    return hooks


class Hooked:
    """What a Module's hooks are registered with."""

    _hooks: Hooks | None = None  # most modules have none

    def _hooked(self) -> Hooks:
        if self._hooks is None:
            self.__dict__["_hooks"] = Hooks()
        return self._hooks  # type: ignore[return-value] # set just now

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call hook(module, args) before each forward; what it returns takes the place of the arguments."""
        return self._hooked().add("pre_forward", Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call hook(module, args, output) after each forward; what it returns takes the output's place."""
        return self._hooked().add("forward", Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(module, grad_output) before the backward of each call; it may return other gradients."""
        return self._hooked().add("pre_backward", Hook(hook), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output) when the gradients of a call's inputs are known; it may
        return others. Raises: RuntimeError if register_backward_hook was used."""
        return add_backward(self._hooked(), hook, True, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The old form of register_full_backward_hook: it sees the last operation of the forward alone."""
        return add_backward(self._hooked(), hook, False)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, prefix, keep_vars) before state_dict reads the module."""
        return self._hooked().add("save", Hook(hook))

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata), which may change the state_dict in place."""
        return self._hooked().add("saved", Hook(hook))

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return self._hooked().add("saved", Hook(hook, legacy=True))

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs) before load_state_dict reads what the module needs."""
        return self._hooked().add("load", Hook(hook))

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        return self._hooked().add("load", Hook(hook, legacy=not with_module))

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, incompatible_keys) after loading; it may change the two lists in place."""
        return self._hooked().add("loaded", Hook(hook))


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, args) before the forward of every module."""
    return everywhere.add("pre_forward", Hook(hook))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call hook(module, args, output) after the forward of every module."""
    return everywhere.add("forward", Hook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, grad_output) before the backward of every call of a module."""
    return everywhere.add("pre_backward", Hook(hook))


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(module, grad_input, grad_output) in the backward of every call of a module."""
    return add_backward(everywhere, hook, True)


def call_with_hooks(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """module.forward(*args, **kwargs) with all hooks around it."""
    ran: list[Hook] = []
    try:
        for h in _both(module, "pre_forward"):
            args, kwargs = _changed(h, module, args, kwargs)
        backward = [h for h in _both(module, "backward") if h.full]
        gate = None
        if backward or _both(module, "pre_backward"):
            gate = Gate(module, backward, _both(module, "pre_backward"))
            args = gate.enter(args)
        result = module.forward(*args, **kwargs)
        for h in _both(module, "forward"):
            ran.append(h)
            given = (args, kwargs, result) if h.with_kwargs else (args, result)
            changed = h.call(module, *given)
            result = result if changed is None else changed
        if gate is not None:
            result = gate.leave(result)
        _watch_first(module, result)
        return result
    except Exception:
        for h in _both(module, "forward"):
            if h.always and not any(h is other for other in ran):
                _try_quietly(h, module, args, kwargs)
        raise


def _changed(
    h: Hook, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not h.with_kwargs:
        new = h.call(module, args)
        return (args if new is None else new if isinstance(new, tuple) else (new,)), kwargs
    new = h.call(module, args, kwargs)
    if new is None:
        return args, kwargs
    if not (isinstance(new, tuple) and len(new) == 2):
        raise RuntimeError(
            f"register_forward_pre_hook: the hook returned {type(new).__name__}; None or a tuple "
            "(args, kwargs) is needed."
        )
    return new[0], new[1]


def _try_quietly(h: Hook, module: Any, args: Any, kwargs: Any) -> None:
    """Run a hook whose module has raised: its own error must not hide that one."""
    try:
        h.call(module, *((args, kwargs, None) if h.with_kwargs else (args, None)))
    except Exception as error:  # noqa: BLE001 # the module's exception is on its way
        say_once(f"register_forward_hook: a hook with always_call=True raised, too: {error!r}.")


def _watch_first(module: Any, result: Any) -> None:
    """The hooks that are not full ones: on the operation of the first tensor in the result."""
    hooks = [h for h in _both(module, "backward") if not h.full]
    if not hooks:
        return
    first = result
    while not isinstance(first, Tensor):
        first = next(iter(first.values())) if isinstance(first, dict) else first[0]
    node: Any = first.grad_fn
    if node is not None:
        for h in hooks:
            node.register_hook(lambda gs, outs, h=h: h.call(module, gs, outs))


class Passing(Function):
    """Its inputs, as they are: an operation of its own on which the backward can be watched."""

    @staticmethod
    def forward(ctx: Any, *xs: Any) -> Any:
        """The inputs."""
        ctx.mark_non_differentiable(*[x for x in xs if not x.requires_grad])
        return tuple([x.detach() if x.requires_grad else x for x in xs])

    @staticmethod
    def backward(ctx: Any, *gs: Any) -> Any:
        """The cotangents."""
        return gs


Passing.__name__ = Passing.__qualname__ = "BackwardHookFunction"  # as torch's nodes are called


class Gate:
    """What full backward hooks of one call need: operations before and after the forward whose gradients they
    get."""

    def __init__(self, module: Any, hooks: Sequence[Hook], before: Sequence[Hook]) -> None:
        self.module, self.hooks, self.before = module, hooks, before
        self.outputs: Any = None  # the cotangents of the results, from their operation to that of the inputs
        self.inputs: list[int] | None = None  # which arguments are tensors
        self.count = 0
        self.kinds: list[Any] = []  # the shapes and dtypes of these: torch gives zeros where others have none

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, behind an operation that calls the hooks."""
        self.count = len(args)
        self.kinds = [(x.shape, x.dtype) for x in args if isinstance(x, Tensor)]
        new: tuple[Any, ...]
        new, self.inputs = self._through(args, lambda node: node.register_hook(self._arrived))
        return new

    def leave(self, result: Any) -> Any:
        """The results, behind an operation whose cotangents the hooks get."""
        if not isinstance(result, (Tensor, tuple)):
            say_once(
                f"register_full_backward_hook: {type(self.module).__name__} returned {type(result).__name__};"
                " hooks are called for a Tensor or a tuple of Tensors."
            )
        results = result if isinstance(result, tuple) else (result,)
        places: list[int] = []

        def watch(node: Any) -> None:
            node.register_prehook(lambda gs: self._begun(gs, places, len(results)))

        new, found = self._through(results, watch)
        places += found or []
        return new if isinstance(result, tuple) else new[0]

    def _through(self, xs: Any, watch: Any) -> tuple[Any, list[int] | None]:
        places = [i for i, x in enumerate(xs) if isinstance(x, Tensor)]
        tensors = [xs[i] for i in places]
        if not (grad_enabled() and any(t.requires_grad for t in tensors)):
            return xs, None
        new = list(xs)
        through = Passing.apply(*tensors)
        for i, t in zip(places, through, strict=True):
            new[i] = t
        watch(next(t.grad_fn for t in through if t.grad_fn is not None))
        return (tuple(new) if type(xs) is tuple else type(xs)(*new)), places

    def _begun(self, gs: Any, places: Sequence[int], count: int) -> Any:
        """Of the results' operation: keep the cotangents, which hooks may replace."""
        outputs: list[Any] = [None] * count
        for i, g in zip(places, gs, strict=True):
            outputs[i] = g
        self.outputs = tuple(outputs)
        for h in self.before:
            new = h.call(self.module, self.outputs)
            if new is not None:
                self.outputs = _as_many(new, self.outputs, "grad_output")
        kept = self.outputs
        if self.inputs is None:
            self._without_inputs()
        return tuple([kept[i] for i in places])

    def _without_inputs(self) -> None:
        say_once(
            f"register_full_backward_hook: no input of {type(self.module).__name__} requires grad; its hooks "
            "are called when the gradients of its outputs are known, with None for those of the inputs."
        )
        for h in self.hooks:
            new = h.call(self.module, (None,) * self.count, self.outputs)
            if new is not None and not (isinstance(new, tuple) and all(x is None for x in new)):
                raise RuntimeError(
                    "register_full_backward_hook: the hook returned gradients, and no input requires grad; "
                    "it must return None."
                )
        self.outputs = None

    def _arrived(self, gs: Any, _: Any) -> Any:
        """Of the inputs' operation: call the hooks, which may replace the gradients."""
        if self.outputs is None:  # the gradient did not come through the results
            return None
        assert self.inputs is not None
        inputs: list[Any] = [None] * self.count
        for i, g, (shape, dtype) in zip(self.inputs, gs, self.kinds, strict=True):
            inputs[i] = zeros(shape, dtype=dtype) if g is None else g
        got: Any = tuple(inputs)
        for h in self.hooks:
            new = h.call(self.module, got, self.outputs)
            if new is not None:
                got = _as_many(new, got, "grad_input")
        self.outputs = None
        return tuple([None if g is None else got[i] for i, g in zip(self.inputs, gs, strict=True)])


def _as_many(new: Any, old: Any, what: str) -> Any:
    new = new if isinstance(new, tuple) else (new,)
    if len(new) != len(old):
        raise RuntimeError(
            f"register_full_backward_hook: the hook returned {len(new)} of {what}; {len(old)} are needed."
        )
    return new
