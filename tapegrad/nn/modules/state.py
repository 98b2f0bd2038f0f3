"""A module's state: what state_dict writes and load_state_dict reads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from tapegrad.autograd import no_grad
from tapegrad.nn.modules.hooks import Hook
from tapegrad.nn.parameter import Parameter, is_lazy
from tapegrad.tensor import Tensor

EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What load_state_dict did not find, and what it did not need."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


# The tensors of a module by their full names. Its `_metadata` holds the version of each module, as torch
# writes it; no class of its own, so that files and repr name none.
StateDict = OrderedDict[str, Any]


class Loading(OrderedDict[str, Any]):
    """A state_dict while it is read. `pending` are the writes, which wait until all of it is known to fit."""

    pending: list[Callable[[], Any]]


def held(module: Any) -> Iterator[tuple[str, Tensor]]:
    """The parameters and persistent buffers of one module."""
    yield from ((name, p) for name, p in module._parameters.items() if p is not None)
    for name, b in module._buffers.items():
        if b is not None and name not in module._non_persistent_buffers_set:
            yield name, b


def _own(module: Any, method: str, base: type) -> Any:
    """A method if the module's class defines it, else None."""
    return None if getattr(type(module), method) is getattr(base, method) else getattr(module, method)


def save(module: Any, base: type, destination: Any, prefix: str, keep_vars: bool) -> None:
    """Write one module's own state, without its children's."""
    for name, value in held(module):
        destination[prefix + name] = value if keep_vars else value.detach()
    extra = _own(module, "get_extra_state", base)
    if extra is not None:
        destination[prefix + EXTRA] = extra()


def save_all(module: Any, destination: Any, prefix: str, keep_vars: bool) -> Any:
    """Write a module's state and its children's, with the hooks of each."""
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    metadata = {"version": module._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = metadata
    for h in _hooks(module, "save"):
        h.call(module, prefix, keep_vars)
    module._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for h in _hooks(module, "saved"):
        result = h.call(module, destination, prefix, metadata)
        if result is not None and not h.legacy:
            raise RuntimeError("register_state_dict_post_hook: the hook must return None.")
        destination = destination if result is None else result
    return destination


def _hooks(module: Any, kind: str) -> list[Hook]:
    return [] if module._hooks is None else module._hooks.of(kind)


def load(
    module: Any,
    base: type,
    state: Any,
    prefix: str,
    metadata: Any,
    missing: list[str],
    unexpected: list[str],
    problems: list[str],
) -> None:
    """Compare one module's own state with what is given, and note the writes in `state.pending`."""
    for h in _hooks(module, "load"):
        owner = () if h.legacy else (module,)
        h.call(*owner, state, prefix, metadata, True, missing, unexpected, problems)
    pending = state.pending if isinstance(state, Loading) else []
    own, assign = dict(held(module)), metadata.get("assign_to_params_buffers", False)
    for name, value in own.items():
        if prefix + name not in state:
            missing.append(prefix + name)
            continue
        given = _fitting(value, state[prefix + name], prefix + name, problems)
        if given is not None:
            pending.append(partial(_write, module, name, value, given, assign))
    put = _own(module, "set_extra_state", base)
    if put is not None and prefix + EXTRA in state:
        pending.append(lambda: put(state[prefix + EXTRA]))
    elif put is not None:
        missing.append(prefix + EXTRA)
    for key in state:
        if not key.startswith(prefix) or (put is not None and key == prefix + EXTRA):
            continue
        first, dot, _ = key[len(prefix) :].partition(".")
        if first not in (module._modules if dot else own):
            unexpected.append(key)
    if not isinstance(state, Loading):
        for write in pending:
            write()


def _fitting(value: Tensor, given: Any, key: str, problems: list[str]) -> Any:
    """What is given, if it can be copied into the value; else None, and a problem more."""
    if not isinstance(given, Tensor):
        problems.append(f"{key} is {type(given).__name__}, and a Tensor is needed")
        return None
    if is_lazy(value):
        return None if is_lazy(given) else given
    if is_lazy(given):
        problems.append(f"{key} has no shape there yet")
        return None
    if value.dim() == 0 and tuple(given.shape) == (1,):
        given = given[0]
    if given.shape != value.shape:
        problems.append(f"{key} is {list(given.shape)} there and {list(value.shape)} here")
        return None
    return given


def _write(module: Any, name: str, value: Tensor, given: Tensor, assign: bool) -> None:
    with no_grad():
        if is_lazy(value) and not assign:
            value.materialize(given.shape)  # type: ignore[attr-defined] # as is_lazy says
        if not assign:
            value.copy_(given)
        elif not isinstance(value, Parameter):
            setattr(module, name, given)
        elif isinstance(given, Parameter):
            setattr(module, name, given.requires_grad_(value.requires_grad))
        else:
            setattr(module, name, Parameter(given.detach(), value.requires_grad))


def load_all(module: Any, given: Any, strict: bool, assign: bool) -> IncompatibleKeys:
    """Read a whole state_dict. If it does not fit, nothing has changed.

    Hooks that run after loading may take keys off the lists, so what these say is asked after them.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"load_state_dict: state_dict is {type(given).__name__}; a dict is needed.")
    keys = IncompatibleKeys([], [])
    problems: list[str] = []
    state = Loading(given)
    state.pending = []
    after: list[tuple[Any, Hook]] = []
    _collect(module, state, "", (getattr(given, "_metadata", None) or {}, assign), keys, problems, after)
    if problems or not after:
        _check(module, keys, problems, strict)
    for write in state.pending:
        write()
    for owner, h in after:
        if h.call(owner, keys) is not None:
            raise AssertionError("register_load_state_dict_post_hook: the hook must return None.")
    _check(module, keys, problems, strict)
    return keys


def _collect(
    module: Any,
    state: Loading,
    prefix: str,
    how: tuple[Any, bool],
    keys: IncompatibleKeys,
    problems: list[str],
    after: list[tuple[Any, Hook]],
) -> None:
    metadata, assign = how
    local = dict(metadata.get(prefix[:-1], {}))
    if assign:
        local["assign_to_params_buffers"] = True
    module._load_from_state_dict(state, prefix, local, True, *keys, problems)
    for name, child in module._modules.items():
        if child is not None:
            below = f"{prefix}{name}."
            part = Loading((k, v) for k, v in state.items() if k.startswith(below))
            part.pending = state.pending
            _collect(child, part, below, how, keys, problems, after)
    after += [(module, h) for h in _hooks(module, "loaded")]


def _check(module: Any, keys: IncompatibleKeys, problems: list[str], strict: bool) -> None:
    """Raises: RuntimeError for what does not fit, and, if strict, for missing and unexpected keys."""
    lines = list(problems)
    if strict and keys.missing_keys:
        lines.append(f"missing: {', '.join(keys.missing_keys)}")
    if strict and keys.unexpected_keys:
        lines.append(f"unexpected: {', '.join(keys.unexpected_keys)}")
    if lines:
        cure = " Pass strict=False to load what fits." if len(lines) > len(problems) else ""
        raise RuntimeError(f"load_state_dict: {type(module).__name__}: {'; '.join(lines)}.{cure}")
