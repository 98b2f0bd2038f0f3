"""Activations as modules."""

from __future__ import annotations

from typing import Any

from tapegrad._errors import describe, say_once
from tapegrad.nn import init
from tapegrad.nn.modules.attention import MultiheadAttention
from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import Parameter
from tapegrad.ops import activations, nn, pointwise
from tapegrad.ops.create import empty
from tapegrad.ops.networks import activations as A
from tapegrad.tensor import Tensor

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "MultiheadAttention",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


class _InPlace(Module):
    """An activation that can be written into its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def _shown(self, text: str) -> str:
        return text + (", inplace=True" if self.inplace else "")

    def extra_repr(self) -> str:
        """The arguments."""
        return "inplace=True" if self.inplace else ""


class _Along(Module):
    """A function along a dimension."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """The arguments."""
        return f"dim={self.dim}"


class ReLU(_InPlace):
    """max(input, 0). Source: torch.nn.ReLU."""

    def forward(self, input: Tensor) -> Tensor:
        """relu(input, inplace)."""
        return A.relu(input, self.inplace)


class Sigmoid(Module):
    """1 / (1 + exp(-input)). Source: torch.nn.Sigmoid."""

    def forward(self, input: Tensor) -> Tensor:
        """sigmoid(input)."""
        return pointwise.sigmoid(input)


class Tanh(Module):
    """tanh(input). Source: torch.nn.Tanh."""

    def forward(self, input: Tensor) -> Tensor:
        """tanh(input)."""
        return pointwise.tanh(input)


class SiLU(_InPlace):
    """input * sigmoid(input). Source: torch.nn.SiLU."""

    def forward(self, input: Tensor) -> Tensor:
        """silu(input, inplace)."""
        return A.silu(input, self.inplace)


class Mish(_InPlace):
    """input * tanh(softplus(input)). Source: torch.nn.Mish."""

    def forward(self, input: Tensor) -> Tensor:
        """mish(input, inplace)."""
        return A.mish(input, self.inplace)


class SELU(_InPlace):
    """The exponential linear unit that keeps mean 0 and variance 1. Source: torch.nn.SELU."""

    def forward(self, input: Tensor) -> Tensor:
        """selu(input, inplace)."""
        return A.selu(input, self.inplace)


class Hardsigmoid(_InPlace):
    """input / 6 + 1 / 2, limited to [0, 1]. Source: torch.nn.Hardsigmoid."""

    def forward(self, input: Tensor) -> Tensor:
        """hardsigmoid(input, inplace)."""
        return A.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        """The arguments."""
        return ""


class Hardswish(_InPlace):
    """input * hardsigmoid(input). Source: torch.nn.Hardswish."""

    def forward(self, input: Tensor) -> Tensor:
        """hardswish(input, inplace)."""
        return A.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        """The arguments."""
        return ""


class ELU(_InPlace):
    """input above 0, else alpha * (exp(input) - 1). Source: torch.nn.ELU."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """elu(input, alpha, inplace)."""
        return A.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The arguments."""
        return self._shown(f"alpha={self.alpha}")


class CELU(_InPlace):
    """An exponential linear unit with a continuous slope. Source: torch.nn.CELU."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """celu(input, alpha, inplace)."""
        return A.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The arguments."""
        return self._shown(f"alpha={self.alpha}")


class LeakyReLU(_InPlace):
    """input above 0, else negative_slope * input. Source: torch.nn.LeakyReLU."""

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """leaky_relu(input, negative_slope, inplace)."""
        return A.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The arguments."""
        return self._shown(f"negative_slope={self.negative_slope}")


class Threshold(_InPlace):
    """input above the threshold, else value. Source: torch.nn.Threshold."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """threshold(input, threshold, value, inplace)."""
        return A.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """The arguments."""
        return self._shown(f"threshold={self.threshold}, value={self.value}")


class RReLU(_InPlace):
    """input above 0, else times a slope, which is random in training. Source: torch.nn.RReLU."""

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, input: Tensor) -> Tensor:
        """rrelu(input, lower, upper, training, inplace)."""
        return A.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The arguments."""
        return self._shown(f"lower={self.lower}, upper={self.upper}")


class Hardtanh(_InPlace):
    """input limited to [min_val, max_val]. Source: torch.nn.Hardtanh."""

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__(inplace)
        if min_value is not None or max_value is not None:
            say_once("Hardtanh: min_value and max_value are deprecated; they are called min_val and max_val.")
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        if self.max_val <= self.min_val:
            raise AssertionError(
                f"Hardtanh: min_val is {self.min_val} and max_val {self.max_val}; it must be larger."
            )

    def forward(self, input: Tensor) -> Tensor:
        """hardtanh(input, min_val, max_val, inplace)."""
        return A.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The arguments."""
        return self._shown(f"min_val={self.min_val}, max_val={self.max_val}")


class ReLU6(Hardtanh):
    """input limited to [0, 6]. Source: torch.nn.ReLU6."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def forward(self, input: Tensor) -> Tensor:
        """relu6(input, inplace)."""
        return A.relu6(input, self.inplace)

    def extra_repr(self) -> str:
        """The arguments."""
        return "inplace=True" if self.inplace else ""


class GELU(Module):
    """input times the probability that a normal number is below it. Source: torch.nn.GELU."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """gelu(input, approximate=approximate)."""
        return A.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """The first half times the sigmoid of the second. Source: torch.nn.GLU."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """glu(input, dim)."""
        return A.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"dim={self.dim}"


class Softplus(Module):
    """log(1 + exp(beta * input)) / beta. Source: torch.nn.Softplus."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """softplus(input, beta, threshold)."""
        return A.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardshrink(Module):
    """0 within [-lambd, lambd], else input. Source: torch.nn.Hardshrink."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """hardshrink(input, lambd)."""
        return activations.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The arguments."""
        return str(self.lambd)


class Softshrink(Module):
    """input moved towards 0 by lambd. Source: torch.nn.Softshrink."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """softshrink(input, lambd)."""
        return A.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The arguments."""
        return str(self.lambd)


class LogSigmoid(Module):
    """log(sigmoid(input)). Source: torch.nn.LogSigmoid."""

    def forward(self, input: Tensor) -> Tensor:
        """logsigmoid(input)."""
        return A.logsigmoid(input)


class Softsign(Module):
    """input / (1 + abs(input)). Source: torch.nn.Softsign."""

    def forward(self, input: Tensor) -> Tensor:
        """softsign(input)."""
        return A.softsign(input)


class Tanhshrink(Module):
    """input - tanh(input). Source: torch.nn.Tanhshrink."""

    def forward(self, input: Tensor) -> Tensor:
        """tanhshrink(input)."""
        return A.tanhshrink(input)


class Softmin(_Along):
    """softmax of -input. Source: torch.nn.Softmin."""

    def forward(self, input: Tensor) -> Tensor:
        """softmin(input, dim)."""
        return A.softmin(input, self.dim)


class Softmax(_Along):
    """Positive numbers whose sum along dim is 1. Source: torch.nn.Softmax."""

    def forward(self, input: Tensor) -> Tensor:
        """softmax(input, dim)."""
        return nn.softmax(input, self.dim)


class LogSoftmax(_Along):
    """The logarithm of softmax. Source: torch.nn.LogSoftmax."""

    def forward(self, input: Tensor) -> Tensor:
        """log_softmax(input, dim)."""
        return nn.log_softmax(input, self.dim)


class Softmax2d(Module):
    """softmax over the channels of [N, C, H, W] or [C, H, W]. Source: torch.nn.Softmax2d."""

    def forward(self, input: Tensor) -> Tensor:
        """softmax(input, -3)."""
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: input is {describe(input)}; [N, C, H, W] or [C, H, W] is needed.")
        return nn.softmax(input, -3)


class PReLU(Module):
    """input above 0, else times a weight that is learnt: one, or one per channel. Source: torch.nn.PReLU."""

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to its initial value."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """prelu(input, weight)."""
        return activations.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"num_parameters={self.num_parameters}"
