"""Automatic differentiation: backward, grad, modes, hooks, and `graph`, a view of what was recorded."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tapegrad.autograd.engine import backward, grad, tensor_backward
from tapegrad.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from tapegrad.autograd.hooks import register_hook, retain_grad, retains_grad
from tapegrad.tensor import Tensor

__all__ = [
    "backward",
    "doctor",
    "enable_grad",
    "grad",
    "graph",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "ledger",
    "no_grad",
    "set_grad_enabled",
    "trace_nonfinite",
]

METHODS = {"backward": tensor_backward, "register_hook": register_hook, "retain_grad": retain_grad}
for _name, _f in METHODS.items():
    setattr(Tensor, _name, _f)
setattr(Tensor, "retains_grad", property(retains_grad))  # noqa: B010 # mypy knows it as a property of the stub


# Found and imported when first asked for: a program that trains needs none of them.
LATER = {"doctor": "checkup", "ledger": "ledgers", "trace_nonfinite": "nonfinite"}
if TYPE_CHECKING:
    from tapegrad.autograd.checkup import doctor
    from tapegrad.autograd.ledgers import ledger
    from tapegrad.autograd.nonfinite import trace_nonfinite


def __getattr__(name: str) -> Any:
    if name == "graph":
        return import_module("tapegrad.autograd.graph")
    if name in LATER:
        return getattr(import_module(f"tapegrad.autograd.{LATER[name]}"), name)
    raise AttributeError(f"module 'tapegrad.autograd' has no attribute {name!r}")
