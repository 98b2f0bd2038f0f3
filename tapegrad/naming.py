"""What a user calls a tensor: the variable, parameter, attribute or list entry that holds it.

Tensors have no names; the user's frames do. Looking there is slow, so only errors and reports do it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from inspect import CO_OPTIMIZED
from types import FunctionType, ModuleType
from typing import Any

from numpy import ndarray

from tapegrad._errors import PACKAGES
from tapegrad.kernels.memory import buffer_of

_PYTHON = os.path.dirname(os.__file__) + os.sep
_FRAMES = 10  # so many of the user's frames are searched, from the innermost outwards
_MANY = 100  # larger containers are not looked into


def _is_tensor(x: Any) -> bool:
    return hasattr(type(x), "_cold")


def _is_module(x: Any) -> bool:
    return isinstance(getattr(type(x), "named_parameters", None), FunctionType)


def frames() -> Iterator[Any]:
    """The user's frames, from the innermost outwards: neither ours nor those of Python's own modules (copy,
    pickle)."""
    f: Any = sys._getframe(1)
    while f is not None:
        file = f.f_code.co_filename
        ours = f.f_globals.get("__package__") in PACKAGES
        if not ours and (not file.startswith(_PYTHON) or "site-packages" in file):
            yield f
        f = f.f_back


def variables(f: Any, everything: bool = True) -> dict[str, Any]:
    """The variables that a frame sees; only its own ones unless `everything`."""
    found = f.f_locals
    own = {k: x for k, x in found.items() if k.isidentifier()}  # not those that rewritten assertions add
    if type(found) is dict and f.f_code.co_flags & CO_OPTIMIZED:
        found.clear()  # before 3.13 a copy, which would keep the values alive as long as the function runs
    return {**f.f_globals, **own} if everything else own


def users_variables() -> dict[str, Any]:
    """The variables of the user's innermost frame."""
    f = next(frames(), None)
    return {} if f is None else variables(f)


def tensors_in(space: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """The Tensors among variables: (prefix, name, tensor). First the parameters and buffers of Modules, whose
    prefix is the variable's name and a dot; then plain variables, those that begin with an underscore last;
    then entries of lists, tuples and dicts; then the attributes of objects."""
    modules: list[tuple[str, Any]] = []
    for k, x in space.items():
        if _is_module(x) and all(x is not m for _, m in modules):
            modules.append((k, x))
    for k, m in modules:
        for path, t in (*m.named_parameters(), *m.named_buffers()):
            yield f"{k}.", path, t
    plain = [(k, t) for k, t in space.items() if _is_tensor(t)]
    for k, t in sorted(plain, key=lambda pair: pair[0].startswith("_")):
        yield "", k, t
    for k, x in space.items():
        for i, t in _entries(x):
            if _is_tensor(t):
                yield "", f"{k}[{i!r}]", t
    for k, x in space.items():
        yield from _attributes(k, x)


def _entries(x: Any) -> list[tuple[Any, Any]]:
    if isinstance(x, (list, tuple, dict)) and len(x) <= _MANY:
        return list(x.items() if isinstance(x, dict) else enumerate(x))
    return []


def _attributes(k: str, x: Any) -> Iterator[tuple[str, str, Any]]:
    """What the attributes of an object hold: Tensors, and the parameters of Modules."""
    if isinstance(x, (type, ModuleType, FunctionType)) or _is_tensor(x):
        return
    if _is_module(x):
        for path, m in x.named_modules():
            at = f"{k}.{path}." if path else f"{k}."
            yield from (("", at + a, t) for a, t in list(vars(m).items()) if _is_tensor(t))
        return
    held = getattr(x, "__dict__", None)
    if type(held) is not dict or len(held) > _MANY:
        return
    for a, v in list(held.items()):
        if _is_tensor(v):
            yield "", f"{k}.{a}", v
        elif _is_module(v):
            yield from ((f"{k}.{a}.", path, t) for path, t in v.named_parameters())


def _same(t: Any, x: Any) -> bool:
    return t is x or t._a is x or (t._node is x and x is not None)


def _shares(t: Any, x: Any) -> bool:
    a = t._a
    return type(a) is ndarray and type(x) is ndarray and buffer_of(a) is buffer_of(x)


def name_of(x: Any) -> str:
    """What the user calls a Tensor, a node, or an array (then a tensor that shows its memory will do); "" if
    nothing that can be seen from the user's line holds it."""
    tests = (_same, _shares) if isinstance(x, ndarray) else (_same,)
    try:
        for i, f in zip(range(_FRAMES), frames(), strict=False):
            held = list(tensors_in(variables(f, everything=i == 0)))
            for test in tests:
                for prefix, name, t in held:
                    if test(t, x):
                        return prefix + name
    except Exception:  # noqa: BLE001 # a user's class may do anything; the error that is being written counts
        return ""
    return ""


def argument(what: str, x: Any) -> str:
    """An argument as messages write it, with the variable that was given: input (`x`)."""
    name = name_of(x)
    return f"{what} (`{name}`)" if name and name != what else what


def subject(x: Any, kind: str, unnamed: str = "this") -> str:
    """A tensor as the subject of a sentence: `w`, a float32[3] tensor, - or: this float32[3] tensor."""
    name = name_of(x)
    return f"`{name}`, a {kind}," if name else f"{unnamed} {kind}"
