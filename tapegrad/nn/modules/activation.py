"""Activations as modules."""

from __future__ import annotations

from tapegrad.nn.modules.module import Module
from tapegrad.ops.nn import log_softmax, softmax
from tapegrad.ops.pointwise import relu, sigmoid, tanh
from tapegrad.tensor import Tensor

__all__ = ["LogSoftmax", "ReLU", "Sigmoid", "Softmax", "Tanh"]


class ReLU(Module):
    """max(input, 0). Source: torch.nn.ReLU."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """max(input, 0)."""
        return input.relu_() if self.inplace else relu(input)

    def extra_repr(self) -> str:
        """The arguments."""
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1 / (1 + exp(-input)). Source: torch.nn.Sigmoid."""

    def forward(self, input: Tensor) -> Tensor:
        """1 / (1 + exp(-input))."""
        return sigmoid(input)


class Tanh(Module):
    """tanh(input). Source: torch.nn.Tanh."""

    def forward(self, input: Tensor) -> Tensor:
        """tanh(input)."""
        return tanh(input)


class Softmax(Module):
    """softmax along `dim`. Source: torch.nn.Softmax."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """softmax(input, dim)."""
        return softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """log_softmax along `dim`. Source: torch.nn.LogSoftmax."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """log_softmax(input, dim)."""
        return log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"dim={self.dim}"
