"""Module: parameters, buffers and submodules under names, and what goes through all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from tapegrad._errors import describe
from tapegrad.autograd import no_grad
from tapegrad.nn.modules import state
from tapegrad.nn.modules.hooks import (
    Hooked,
    call_with_hooks,
    called_everywhere,
    from_torchs,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from tapegrad.nn.parameter import Buffer, Parameter
from tapegrad.ops.new import empty_like
from tapegrad.tensor import Tensor

__all__ = [
    "Module",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]

Self = TypeVar("Self", bound="Module")


class Module(Hooked):
    """A part of a network: define `forward`, assign Parameters and Modules as attributes.

    Raises: AttributeError if an attribute is assigned before `super().__init__()`.
    Source: torch.nn.Module.
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]
    _version = 1
    call_super_init = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if (args or kwargs) and not self.call_super_init:
            raise TypeError(
                f"{type(self).__name__}: Module.__init__ got {[*args, *kwargs]}; it takes no arguments."
            )
        put = super().__setattr__
        put("training", True)
        put("_parameters", {})
        put("_buffers", {})
        put("_modules", {})
        put("_non_persistent_buffers_set", set())
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over the attributes of a pickled module, ours or torch's."""
        own = self.__dict__
        own.update(state)
        hooks = from_torchs(own)
        if hooks is not None:
            own["_hooks"] = hooks

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; each subclass defines it."""
        raise NotImplementedError(
            f"{type(self).__name__}: forward is not defined; define forward(self, ...)."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooks is None and not any(called_everywhere):
            return self.forward(*args, **kwargs)
        return call_with_hooks(self, args, kwargs)

    # ---- attributes

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        if "_parameters" in own:
            held = own["_parameters"]
            if name in held:
                return held[name]
            held = own["_modules"]
            if name in held:
                return held[name]
            held = own["_buffers"]
            if name in held:
                return held[name]
        hint = "" if "_parameters" in own else " Call super().__init__() first."
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}.{hint}")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        kind = (
            "_parameters"
            if isinstance(value, Parameter)
            else "_modules"
            if isinstance(value, Module)
            else None
        )
        if kind is not None:
            if kind not in own:
                raise AttributeError(
                    f"{type(self).__name__}: {name} is assigned before super().__init__(); call that first."
                )
            if kind == "_modules" and name in self._parameters:
                self._replace(self._parameters, "parameter", "an nn.Parameter", name, value)
            for held in (own, self._parameters, self._buffers, self._modules):
                if held is not own[kind]:
                    held.pop(name, None)
            own[kind][name] = value  # in its old place, if it had one
            return
        if name in own.get("_parameters", ()):
            self._replace(self._parameters, "parameter", "an nn.Parameter", name, value)
        elif name in own.get("_modules", ()):
            self._replace(self._modules, "child module", "an nn.Module", name, value)
        elif name in own.get("_buffers", ()):
            if not (value is None or isinstance(value, Tensor)):
                self._replace(self._buffers, "buffer", "a Tensor", name, value)
            self._buffers[name] = value
        elif isinstance(value, Buffer) and "_buffers" in own:
            own.pop(name, None)
            self.register_buffer(name, value, value.persistent)  # type: ignore[attr-defined] # a Buffer has it
        else:
            super().__setattr__(name, value)

    def _replace(self, held: dict[str, Any], what: str, needed: str, name: str, value: Any) -> None:
        if value is not None:
            raise TypeError(
                f"{type(self).__name__}: {name} is a {what} and cannot become {describe(value)}; {needed} "
                "or None is needed."
            )
        held[name] = None

    def __delattr__(self, name: str) -> None:
        for held in (self._parameters, self._buffers, self._modules):
            if name in held:
                del held[name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        held = [*object.__dir__(self), *self._parameters, *self._buffers, *self._modules]
        return sorted({name for name in held if not name[0].isdigit()})

    def _check_name(self, what: str, name: str, held: dict[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"register_{what}: name is {type(name).__name__}; a string is needed.")
        if name == "" or "." in name:
            raise KeyError(f"register_{what}: name is {name!r}; it must not be empty or hold a dot.")
        if hasattr(self, name) and name not in held:
            raise KeyError(f"register_{what}: {name!r} exists already; choose another name.")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter. Raises: KeyError for a name that is taken or unusable, TypeError for another
        class."""
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"register_parameter: {name} is {type(param).__name__}; an nn.Parameter or None is needed."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but not trained; a persistent one is part of state_dict.

        Raises: KeyError for a name that is taken or unusable, TypeError for another class.
        """
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"register_buffer: {name} is {type(tensor).__name__}; a Tensor or None is needed."
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a submodule. Raises: KeyError for a name that is taken or unusable, TypeError for another
        class."""
        self._check_name("module", name, self._modules)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name} is {type(module).__name__}; an nn.Module or None is needed.")
        self._modules[name] = module

    register_module = add_module

    # ---- walking through

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Itself and all modules below, each with its dotted name, parents first."""
        seen: set[Module] = set() if memo is None else memo
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if remove_duplicate and module in seen:
                continue
            seen.add(module)
            yield name, module
            below = [(f"{name}.{k}" if name else k, m) for k, m in module._modules.items() if m is not None]
            stack.extend(reversed(below))

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Itself and all modules below."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct submodules with their names."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """The direct submodules."""
        for _, module in self.named_children():
            yield module

    def _named(self, kind: str, prefix: str, recurse: bool, unique: bool) -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        for path, module in (
            self.named_modules(prefix=prefix, remove_duplicate=unique) if recurse else [(prefix, self)]
        ):
            for name, value in getattr(module, kind).items():
                if value is None or (unique and value in seen):
                    continue
                seen.add(value)
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their dotted names; a shared one comes once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, as an optimizer takes them."""
        for _, p in self._named("_parameters", "", recurse, True):
            yield p

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their dotted names."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers."""
        for _, b in self._named("_buffers", "", recurse, True):
            yield b

    def get_submodule(self, target: str) -> Module:
        """The module below at a dotted name. Raises: AttributeError if there is none."""
        module: Any = self
        for name in target.split(".") if target else ():
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"get_submodule: {name!r} in {target!r} is no module.")
        return module  # type: ignore[no-any-return] # checked above

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted name. Raises: AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        found = getattr(self.get_submodule(path), name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"get_parameter: {target!r} is no parameter.")
        return found

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted name. Raises: AttributeError if there is none."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = getattr(module, name)
        if name not in module._buffers:
            raise AttributeError(f"get_buffer: {target!r} is no buffer.")
        return found  # type: ignore[no-any-return] # what a module holds there

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a dotted name; with `strict` only in the place of another.

        Raises: ValueError for an empty name or what is no Module, AttributeError if there is no such place.
        """
        if target == "" or not isinstance(module, Module):
            raise ValueError(
                f"set_submodule: target is {target!r} and module {type(module).__name__}; a name and an "
                "nn.Module are needed."
            )
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"set_submodule: there is nothing at {target!r}; strict=False adds it.")
        if not isinstance(getattr(parent, name, module), Module):
            raise AttributeError(f"set_submodule: {target!r} is no module.")
        setattr(parent, name, module)

    # ---- for all of them

    def apply(self: Self, fn: Callable[[Module], Any]) -> Self:
        """Call fn on every module below, then on itself."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: Self, mode: bool = True) -> Self:
        """Set training mode here and below. Raises: ValueError unless mode is a bool."""
        if not isinstance(mode, bool):
            raise ValueError(f"train: mode is {mode!r}; True or False is needed.")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: Self) -> Self:
        """Set evaluation mode here and below."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Start or stop asking for gradients of all parameters."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the parameters' gradients, or fill them with zeros."""
        for p in self.parameters():
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad = p.grad.detach().zero_()

    def _apply(self: Self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Put fn(value) in the place of every parameter's and buffer's value; parameters stay the same
        objects."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        with no_grad():
            for p in self._parameters.values():
                if p is not None:
                    grad, p.grad = p.grad, None
                    p.data = fn(p.data)
                    p.grad = None if grad is None else fn(grad)
            for name, b in self._buffers.items():
                if b is not None:
                    self._buffers[name] = fn(b)
        return self

    def _cast(self: Self, fn: Callable[[Tensor], Tensor]) -> Self:
        return self._apply(lambda t: fn(t) if t.is_floating_point() else t)

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Move floating point and complex parameters and buffers to a dtype or device; see Tensor.to."""
        probe = Tensor(0).to(*args, **kwargs).dtype
        if any(isinstance(a, Tensor) or not isinstance(a, str) for a in args) or "dtype" in kwargs:
            if not (probe.is_floating_point or probe.is_complex):
                raise TypeError(f"to: dtype is {probe}; a module's must be floating point or complex.")
            return self._apply(
                lambda t: t.to(*args, **kwargs) if t.is_floating_point() or t.is_complex() else t
            )
        return self

    def to_empty(self: Self, *, device: Any, recurse: bool = True) -> Self:
        """Give parameters and buffers new memory, without values."""
        return self._apply(lambda t: empty_like(t, device=device), recurse)

    def type(self: Self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to a dtype."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self: Self) -> Self:
        """Floating point parameters and buffers in float32."""
        return self._cast(Tensor.float)

    def double(self: Self) -> Self:
        """Floating point parameters and buffers in float64."""
        return self._cast(Tensor.double)

    def half(self: Self) -> Self:
        """Floating point parameters and buffers in float16."""
        return self._cast(Tensor.half)

    def bfloat16(self: Self) -> Self:
        """Floating point parameters and buffers in bfloat16."""
        return self._cast(Tensor.bfloat16)

    def cpu(self: Self) -> Self:
        """Itself: everything is on the CPU."""
        return self._apply(Tensor.cpu)

    def cuda(self: Self, device: Any = None) -> Self:
        """Raises as Tensor.cuda does, if it has parameters or buffers: everything is on the CPU."""
        return self._apply(lambda t: t.cuda(device))

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing yet: the module runs as it is."""

    # ---- state

    def get_extra_state(self) -> Any:
        """What else belongs to the state: subclasses define it, together with set_extra_state."""
        raise RuntimeError(f"get_extra_state: {type(self).__name__} defines none.")

    def set_extra_state(self, state: Any) -> None:
        """Take back what get_extra_state gave."""
        raise RuntimeError(f"set_extra_state: {type(self).__name__} defines none.")

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> state.StateDict:
        """Parameters and persistent buffers by their dotted names, sharing memory; keep_vars keeps them
        attached."""
        for name, value in zip(("destination", "prefix", "keep_vars"), args, strict=False):
            if name == "destination":
                destination = value if destination is None else destination
            elif name == "prefix":
                prefix = prefix or value
            else:
                keep_vars = keep_vars or value
        return state.save_all(self, destination, prefix, keep_vars)  # type: ignore[no-any-return] # or the caller's own

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        state.save(self, Module, destination, prefix, keep_vars)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: Any,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        state.load(
            self, Module, state_dict, prefix, local_metadata, missing_keys, unexpected_keys, error_msgs
        )

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> state.IncompatibleKeys:
        """Copy a state_dict's values in; `assign` puts its tensors in place of the module's own.

        Raises: RuntimeError for a shape that differs, and, if strict, for missing or unexpected keys. Nothing
        has changed then.
        """
        return state.load_all(self, state_dict, strict, assign)

    # ---- text

    def extra_repr(self) -> str:
        """What the repr shows between the brackets; subclasses define it."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        lines = []
        for name, module in self._modules.items():
            head, *rest = repr(module).split("\n")
            lines.append("\n".join([f"({name}): {head}", *[f"  {line}" for line in rest]]))
        if not lines and len(extra) <= 1:
            return f"{self._get_name()}({''.join(extra)})"
        return f"{self._get_name()}(\n  " + "\n  ".join(extra + lines) + "\n)"
