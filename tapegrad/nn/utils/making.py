"""Modules that are made without drawing their weights."""

from __future__ import annotations

from inspect import signature
from typing import Any

from tapegrad.nn.modules.module import Module
from tapegrad.ops.random import get_rng_state, set_rng_state


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """A module whose weights have no particular values; no random numbers are taken from the stream.

    Raises: RuntimeError for what is no Module class, or has no argument `device`.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"skip_init: {module_cls!r} is given; a Module class is needed.")
    if "device" not in signature(module_cls).parameters:
        raise RuntimeError(
            f"skip_init: {module_cls.__name__} has no argument `device`; such a class is needed."
        )
    state = get_rng_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        set_rng_state(state)
