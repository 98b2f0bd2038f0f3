"""Functions of networks: `import tapegrad.nn.functional as F`."""

from typing import Any

from tapegrad.ops import activations
from tapegrad.ops.activations import hardshrink, prelu
from tapegrad.ops.distances import cosine_similarity, pairwise_distance, pdist
from tapegrad.ops.losses import cross_entropy, mse_loss, nll_loss
from tapegrad.ops.nn import linear, log_softmax, softmax
from tapegrad.ops.pointwise import relu as _relu
from tapegrad.ops.pointwise import sigmoid, tanh
from tapegrad.tensor import Tensor


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0); `inplace` writes it into input."""
    return input.relu_() if inplace else _relu(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(input, 0) + min(0, alpha * (exp(input / alpha) - 1)). See torch.celu."""
    return _either(activations.celu_ if inplace else activations.celu, input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The exponential linear unit that keeps mean 0 and variance 1. See torch.selu."""
    return _either(activations.selu_ if inplace else activations.selu, input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """input where it is above the threshold, else value. See torch.threshold."""
    return _either(activations.threshold_ if inplace else activations.threshold, input, threshold, value)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """input above 0, else times a slope between lower and upper. See torch.rrelu."""
    return _either(activations.rrelu_ if inplace else activations.rrelu, input, lower, upper, training)


def _either(f: Any, *args: Any) -> Tensor:
    result: Tensor = f(*args)
    return result


celu_, selu_ = activations.celu_, activations.selu_
threshold_, rrelu_ = activations.threshold_, activations.rrelu_


__all__ = [
    "celu",
    "celu_",
    "cosine_similarity",
    "cross_entropy",
    "hardshrink",
    "linear",
    "log_softmax",
    "mse_loss",
    "nll_loss",
    "pairwise_distance",
    "pdist",
    "prelu",
    "relu",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "sigmoid",
    "softmax",
    "tanh",
    "threshold",
    "threshold_",
]
