"""Automatic differentiation: backward, grad, modes, hooks, and `graph`, a view of what was recorded."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tapegrad.autograd.engine import backward, grad, tensor_backward
from tapegrad.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from tapegrad.autograd.hooks import (
    register_hook,
    register_post_accumulate_grad_hook,
    retain_grad,
    retains_grad,
)
from tapegrad.autograd.nodes import install as _install
from tapegrad.tensor import Tensor

__all__ = [
    "backward",
    "enable_grad",
    "grad",
    "graph",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]

METHODS = {
    "backward": tensor_backward,
    "register_hook": register_hook,
    "register_post_accumulate_grad_hook": register_post_accumulate_grad_hook,
    "retain_grad": retain_grad,
}
for _name, _f in METHODS.items():
    setattr(Tensor, _name, _f)
setattr(Tensor, "retains_grad", property(retains_grad))  # noqa: B010 # mypy knows it as a property of the stub

_install()


def __getattr__(name: str) -> Any:
    if name == "graph":
        return import_module("tapegrad.autograd.graph")
    raise AttributeError(f"module 'tapegrad.autograd' has no attribute {name!r}")
