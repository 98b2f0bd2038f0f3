"""The modules of torch.nn, each file of which says its names once, in `__all__`."""

from tapegrad.nn.modules import activation, container, linear, loss
from tapegrad.nn.modules.activation import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.container import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.linear import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.loss import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.module import Module

__all__ = ["Module"]
__all__ += activation.__all__
__all__ += container.__all__
__all__ += linear.__all__
__all__ += loss.__all__
