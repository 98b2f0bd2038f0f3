"""What users can call, by name: filled by the files that define it, read by the package and by Tensor.

Each file of operations ends with one call of `offer`, which says where its functions are found. Adding an op
needs no other list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tapegrad._state import tier

# By namespace; "" is the package.
FUNCTIONS: dict[str, dict[str, Any]] = {"": {}, "fft": {}, "linalg": {}, "special": {}, "nn": {}}
METHODS: dict[str, Any] = {}
IN_PLACE: dict[str, Any] = {}  # functions by the names of their methods with a trailing underscore
WRITERS: dict[str, Any] = {}  # those of them that are functions of the package, too, such as torch.exp_
PROPERTIES: dict[str, Any] = {}
RULES: dict[str, Any] = {}  # the namespace F of rules


def offer(
    defined: Mapping[str, Any],
    *,
    functions: str = "",
    methods: str = "",
    both: str = "",
    in_place: str = "",
    writers: str = "",
    rules: str = "",
    namespace: str = "",
    aliases: Mapping[str, str] | None = None,
    named: Mapping[str, Any] | None = None,
    properties: Mapping[str, Any] | None = None,
) -> None:
    """Say where the functions of a file are found. Call it with globals(), before `nameless`.

    functions: names that `torch.name` finds. methods: names that `Tensor.name` finds. both: names that are
    functions and methods. in_place: names of methods that also exist as `Tensor.name_`, which writes the
    result into the tensor. writers: those of them that are functions, too: `torch.name_`. rules: names that
    rules find in F; all functions of the package's own namespace are there as well. namespace: the functions
    are `torch.namespace.name` instead, and found in F as "namespace_name". aliases: more names (all of them,
    separated by blanks) of a name above, in each of its forms. named: methods by name that have another name
    in their file, such as {"float": float_}. properties: attributes of Tensors, by name.
    Raises: ValueError if a name is offered twice.
    """
    more = {name: [name, *(aliases or {}).get(name, "").split()] for name in (aliases or {})}

    def put(into: dict[str, Any], names: str, end: str = "") -> None:
        for name in names.split():
            for known in more.get(name, (name,)):
                _add(into, f"{known}{end}", defined[name])

    put(FUNCTIONS[namespace], f"{functions} {both}")
    put(METHODS, f"{methods} {both}")
    put(IN_PLACE, in_place, "_")
    put(WRITERS, writers, "_")
    for name in f"{functions} {both} {rules}".split():
        _add(RULES, f"{namespace}_{name}".removeprefix("_"), defined[name])
    for name, f in (named or {}).items():
        _add(METHODS, name, f)
    for name, f in (properties or {}).items():
        _add(PROPERTIES, name, f)
    if tier.learn is not None:
        tier.learn()


def _add(into: dict[str, Any], name: str, f: Any) -> None:
    if into.setdefault(name, f) is not f:
        raise ValueError(f"offer: {name!r} is offered twice.")
