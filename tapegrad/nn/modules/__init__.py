"""The modules of torch.nn, each file of which says its names once, in `__all__`."""

from tapegrad.nn.modules import (
    activation,
    adaptive,
    batchnorm,
    channelshuffle,
    container,
    conv,
    distance,
    dropout,
    flatten,
    fold,
    lazy,
    linear,
    linear_cross_entropy,
    linear_cross_entropy_options,
    loss,
    normalization,
    padding,
    pixelshuffle,
    pooling,
    rnn,
    sparse,
    transformer,
    upsampling,
)
from tapegrad.nn.modules.activation import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.adaptive import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.batchnorm import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.channelshuffle import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.container import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.conv import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.distance import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.dropout import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.flatten import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.fold import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.lazy import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.linear import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.linear_cross_entropy import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.linear_cross_entropy_options import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.loss import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.module import Module
from tapegrad.nn.modules.normalization import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.padding import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.pixelshuffle import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.pooling import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.rnn import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.sparse import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.transformer import *  # noqa: F403 # its `__all__`
from tapegrad.nn.modules.upsampling import *  # noqa: F403 # its `__all__`

__all__ = ["Module"]
__all__ += activation.__all__
__all__ += adaptive.__all__
__all__ += batchnorm.__all__
__all__ += channelshuffle.__all__
__all__ += container.__all__
__all__ += conv.__all__
__all__ += distance.__all__
__all__ += dropout.__all__
__all__ += flatten.__all__
__all__ += fold.__all__
__all__ += lazy.__all__
__all__ += linear.__all__
__all__ += linear_cross_entropy.__all__
__all__ += linear_cross_entropy_options.__all__
__all__ += loss.__all__
__all__ += normalization.__all__
__all__ += padding.__all__
__all__ += pixelshuffle.__all__
__all__ += pooling.__all__
__all__ += rnn.__all__
__all__ += sparse.__all__
__all__ += transformer.__all__
__all__ += upsampling.__all__
