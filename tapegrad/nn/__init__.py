"""Networks: modules, parameters, functional forms, initialisation."""

from tapegrad.nn import functional, init, modules, parameter, utils
from tapegrad.nn.modules import *  # noqa: F403 # the modules, by its `__all__`
from tapegrad.nn.parameter import Parameter, UninitializedBuffer, UninitializedParameter

__all__ = ["Parameter", "UninitializedBuffer", "UninitializedParameter"]
__all__ += ["functional", "init", "modules", "parameter", "utils"]
__all__ += modules.__all__
