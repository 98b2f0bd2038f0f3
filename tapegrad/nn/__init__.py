"""Networks: modules, parameters, functional forms, initialisation."""

from tapegrad.nn import functional, init, modules, parameter, utils
from tapegrad.nn.modules import *  # noqa: F403 # the modules, by its `__all__`
from tapegrad.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "functional",
    "init",
    "modules",
    "parameter",
    "utils",
]
__all__ += modules.__all__
