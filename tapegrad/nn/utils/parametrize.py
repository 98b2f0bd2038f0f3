"""Parameters that are computed from others whenever they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from threading import local
from typing import Any

from tapegrad._errors import describe
from tapegrad.autograd import no_grad
from tapegrad.nn.modules.container import ModuleDict, ModuleList
from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import Parameter
from tapegrad.tensor import Tensor

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]


class _Cache(local):
    """What was computed inside of `cached`, in this thread."""

    depth = 0
    known: dict[tuple[int, str], Tensor]


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """While it lasts, each parametrized tensor is computed once."""
    if not _cache.depth:
        _cache.known = {}
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.known = {}


def _register(module: Module, name: str, t: Tensor) -> None:
    if isinstance(t, Parameter):
        module.register_parameter(name, t)
    else:
        module.register_buffer(name, t)


def _backwards(modules: Any, value: Any, strict: bool) -> Any:
    """What the parametrizations must be given for a value. Without strict, one that cannot say gets it as it
    is."""
    for module in reversed(list(modules)):
        if not hasattr(module, "right_inverse"):
            if strict:
                raise RuntimeError(f"right_inverse: {type(module).__name__} has none; define it, to assign.")
            continue
        try:
            value = module.right_inverse(value)
        except NotImplementedError:
            if strict:
                raise
    return value


def _check_like(what: str, x: Any, like: Tensor) -> None:
    """Raises: ValueError for what is no Tensor of the same dtype and shape."""
    if not isinstance(x, Tensor) or x.dtype != like.dtype or x.shape != like.shape:
        raise ValueError(
            f"register_parametrization: {what} gives {describe(x)} for {describe(like)}; dtype and shape "
            "must stay, unless unsafe=True."
        )


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, and what it is computed from: `original`, or `original0` and so on.

    Source: torch.nn.utils.parametrize.ParametrizationList.
    """

    original: Tensor

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList: modules is empty; one or more are needed.")
        super().__init__(modules)
        self.unsafe = unsafe
        like = original.detach().clone()
        with no_grad():
            new: Any = _backwards(self, original, False)
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError(f"right_inverse: it returned {describe(new)}; a Tensor, or several, are needed.")
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            if new.dtype != like.dtype:
                raise ValueError(f"right_inverse: it returned {describe(new)} for {describe(like)}.")
            if new is not original:
                original.data = new.detach()
            _register(self, "original", original)
        else:
            self._keep(new, original)
        if not unsafe:
            _check_like("a parametrization", self(), like)

    def _keep(self, several: Sequence[Any], original: Tensor) -> None:
        for i, t in enumerate(several):
            if not isinstance(t, Tensor):
                raise ValueError(f"right_inverse: entry {i} is {describe(t)}; a Tensor is needed.")
            made = Parameter(t, original.requires_grad) if isinstance(original, Parameter) else t
            _register(self, f"original{i}", made.requires_grad_(original.requires_grad))

    def _originals(self) -> list[Tensor]:
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
        return [getattr(self, name) for name in names]

    def right_inverse(self, value: Tensor) -> None:
        """Change the originals, so that the parametrized tensor becomes value.

        Raises: RuntimeError if a parametrization has no right_inverse, ValueError if that gives what does not
        fit.
        """
        with no_grad():
            new = _backwards(self, value, True)
            given = [new] if self.is_tensor else new
            kept = self._originals()
            if not isinstance(given, Sequence) or len(given) != len(kept):
                raise ValueError(
                    f"right_inverse: it returned {describe(new)}; {len(kept)} tensors are needed."
                )
            for t, old in zip(given, kept, strict=True):
                if not isinstance(t, Tensor) or t.dtype != old.dtype:
                    raise ValueError(f"right_inverse: it returned {describe(t)}; {old.dtype} is needed.")
            for t, old in zip(given, kept, strict=True):
                old.data = t.detach()

    def forward(self) -> Tensor:
        """The parametrized tensor."""
        first, *rest = list(self)
        x = first(*self._originals())
        for module in rest:
            x = module(x)
        return x  # type: ignore[no-any-return] # a Module's result


def _refuse_state(self: Module) -> None:
    raise RuntimeError(
        f"pickle: {type(self).__name__} has parametrizations, whose class is made at run time; save its "
        "state_dict() instead."
    )


def _copied(self: Module, memo: dict[int, Any]) -> Any:
    cls = type(self)  # the copy has one of its own, so that either can lose its parametrizations
    own = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
    twin: Any = object.__new__(type(cls.__name__, cls.__bases__, own))
    memo[id(self)] = twin
    twin.__dict__ = deepcopy(self.__dict__, memo)
    return twin


def _property(name: str) -> property:
    """The tensor as an attribute: read, it is computed; written, its originals change."""

    def read(self: Any) -> Tensor:
        if not _cache.depth:
            return self.parametrizations[name]()  # type: ignore[no-any-return] # a Module's result
        key = id(self), name
        if key not in _cache.known:
            _cache.known[key] = self.parametrizations[name]()
        return _cache.known[key]

    def write(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(read, write)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a parameter or buffer of a module be what `parametrization` makes of it.

    The module gets a class of its own with the tensor as a property; what it is computed from is in
    `module.parametrizations[tensor_name]`. A parametrization may have right_inverse(tensor), for the tensor's
    present value and for assignments. unsafe: it may change dtype and shape, which are not looked at.
    Raises: ValueError if there is no such tensor, or for another dtype or shape.
    """
    parametrization.train(module.training)
    made: Any = module
    if is_parametrized(module, tensor_name):
        known = made.parametrizations[tensor_name]
        if not unsafe:
            y = getattr(module, tensor_name)
            x = parametrization(y)
            _check_like("the parametrization", x, y)
            _check_like("right_inverse", _backwards([parametrization], x, False), y)
        known.append(parametrization)
        known.unsafe |= unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"register_parametrization: {type(module).__name__} has no parameter or buffer {tensor_name!r}."
        )
    listed = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        methods = {"__getstate__": _refuse_state, "__module__": type(module).__module__}
        if not hasattr(type(module), "__deepcopy__"):
            methods["__deepcopy__"] = _copied
        made.__class__ = type(f"Parametrized{type(module).__name__}", (type(module),), methods)
        made.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _property(tensor_name))
    made.parametrizations[tensor_name] = listed
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or one of that name."""
    known = getattr(module, "parametrizations", None)
    if not isinstance(known, ModuleDict):
        return False
    return len(known) > 0 if tensor_name is None else tensor_name in known


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a parametrized tensor a parameter or buffer again, with its present value, or with the original's
    without leave_parametrized.

    Raises: ValueError if it is not parametrized, or has several originals and leave_parametrized is False.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(
            f"remove_parametrizations: {tensor_name!r} of {type(module).__name__} is not parametrized."
        )
    made: Any = module
    listed = made.parametrizations[tensor_name]
    if not listed.is_tensor and not leave_parametrized:
        raise ValueError(
            f"remove_parametrizations: {tensor_name!r} has {listed.ntensors} originals; leave_parametrized "
            "must be True."
        )
    value = getattr(module, tensor_name)
    if not listed.is_tensor:
        original = Parameter(value.detach()) if value.requires_grad else value
    else:
        original = listed.original
        if leave_parametrized:
            original.data = value.detach().clone()
    delattr(type(module), tensor_name)
    del made.parametrizations[tensor_name]
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        made.__class__ = type(module).__bases__[0]
    _register(module, tensor_name, original)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before it got parametrizations."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give another module the same parametrizations, and the same originals."""
    if not is_parametrized(from_module):
        return to_module
    source: Any = from_module
    target: Any = to_module
    for name in list(source.parametrizations) if tensor_name is None else [tensor_name]:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        listed = source.parametrizations[name]
        for module in listed:
            register_parametrization(to_module, name, module)
        names = ["original"] if listed.is_tensor else [f"original{i}" for i in range(listed.ntensors)]
        for original in names:
            setattr(target.parametrizations[name], original, getattr(listed, original))
    return to_module
