"""Networks: modules, parameters, functional forms, initialisation."""

from tapegrad.nn import functional, init, modules, parallel, parameter, utils
from tapegrad.nn.modules import *  # noqa: F403 # the modules, by its `__all__`
from tapegrad.nn.parallel import DataParallel
from tapegrad.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer",
    "DataParallel",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "functional",
    "init",
    "modules",
    "parallel",
    "parameter",
    "utils",
]
__all__ += modules.__all__
