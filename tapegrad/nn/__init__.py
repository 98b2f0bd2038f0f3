"""Networks: modules, parameters, functional forms, initialisation."""

from difflib import get_close_matches
from typing import Any

from tapegrad.absent import missing
from tapegrad.nn import attention, functional, init, modules, parallel, parameter, utils
from tapegrad.nn.modules import *  # noqa: F403 # the modules, by its `__all__`
from tapegrad.nn.parallel import DataParallel
from tapegrad.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer",
    "DataParallel",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "attention",
    "functional",
    "init",
    "modules",
    "parallel",
    "parameter",
    "utils",
]
__all__ += modules.__all__


def __getattr__(name: str) -> Any:
    error = missing("torch.nn", name)
    lower = {known.lower(): known for known in dir(functional) + __all__}
    near = [] if name.startswith("_") else get_close_matches(name.lower(), lower, 1, 0.8)
    for found in near:
        where = "nn" if lower[found] in __all__ else "nn.functional"
        error = AttributeError(f"{error} Did you mean {where}.{lower[found]}?")
    raise error
