"""Functions of networks: `import tapegrad.nn.functional as F`."""

from tapegrad.ops.distances import cosine_similarity, pairwise_distance, pdist
from tapegrad.ops.losses import cross_entropy, mse_loss, nll_loss
from tapegrad.ops.nn import linear, log_softmax, softmax
from tapegrad.ops.pointwise import relu as _relu
from tapegrad.ops.pointwise import sigmoid, tanh
from tapegrad.tensor import Tensor


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0); `inplace` writes it into input."""
    return input.relu_() if inplace else _relu(input)


__all__ = [
    "cosine_similarity",
    "cross_entropy",
    "linear",
    "log_softmax",
    "mse_loss",
    "nll_loss",
    "pairwise_distance",
    "pdist",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]
