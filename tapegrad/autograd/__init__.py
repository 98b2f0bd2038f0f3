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
from tapegrad.autograd.hooks import (
    register_hook,
    register_post_accumulate_grad_hook,
    retain_grad,
    retains_grad,
)
from tapegrad.autograd.nodes import install as _install
from tapegrad.autograd.nodes import output_nr
from tapegrad.tensor import Tensor

__all__ = [
    "Function",
    "Variable",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "doctor",
    "enable_grad",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "ledger",
    "no_grad",
    "profiler",
    "set_detect_anomaly",
    "set_grad_enabled",
    "trace_nonfinite",
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
setattr(Tensor, "output_nr", property(output_nr))  # noqa: B010 # the same

_install()


# Found and imported when first asked for: a program that trains needs none of them.
MODULES = ("anomaly_mode", "forward_ad", "function", "functional", "graph", "profiler")
LATER = {
    "Function": "function",
    "detect_anomaly": "anomaly_mode",
    "doctor": "checkup",
    "gradcheck": "gradcheck",
    "gradgradcheck": "gradcheck",
    "ledger": "ledgers",
    "set_detect_anomaly": "anomaly_mode",
    "trace_nonfinite": "nonfinite",
    "Variable": "variable",
}
if TYPE_CHECKING:
    from tapegrad.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
    from tapegrad.autograd.checkup import doctor
    from tapegrad.autograd.function import Function
    from tapegrad.autograd.gradcheck import gradcheck, gradgradcheck
    from tapegrad.autograd.ledgers import ledger
    from tapegrad.autograd.nonfinite import trace_nonfinite
    from tapegrad.autograd.variable import Variable


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f"tapegrad.autograd.{name}")
    if name in LATER:
        found = getattr(import_module(f"tapegrad.autograd.{LATER[name]}"), name)
        globals()[name] = found  # importing a module has put it here under its own name: gradcheck
        return found
    raise AttributeError(f"module 'tapegrad.autograd' has no attribute {name!r}")
