"""Linear maps as modules."""

from __future__ import annotations

import math
from typing import Any

from tapegrad.nn import init
from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import Parameter
from tapegrad.ops.create import empty
from tapegrad.ops.networks.combined import bilinear
from tapegrad.ops.nn import linear
from tapegrad.tensor import Tensor

__all__ = ["Bilinear", "Identity", "Linear"]


class Linear(Module):
    """input @ weight.T + bias, with weights drawn uniformly from +-1/sqrt(in_features).

    Shapes: input [..., in_features] -> [..., out_features]; weight [out_features, in_features], bias
    [out_features].
    Source: torch.nn.Linear.
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """input @ weight.T + bias."""
        own = self._parameters
        # self.weight takes 0.7 us: Python tries everything else before __getattr__. A subclass may mean
        # something else by it, and so does who has deleted the parameter.
        if type(self) is Linear and "weight" in own and "bias" in own:
            return linear(input, own["weight"], own["bias"])  # type: ignore[arg-type] # weight is not None
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The arguments."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class NonDynamicallyQuantizableLinear(Linear):
    """Linear under another name, by which torch's tools for quantisation leave it alone."""


class Bilinear(Module):
    """in1 @ weight[k] @ in2 + bias for each output k, with weights drawn from +-1/sqrt(in1_features).

    Shapes: input1 [..., in1], input2 [..., in2] -> [..., out]; weight [out, in1, in2].
    Source: torch.nn.Bilinear.
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"Bilinear: in1_features is {in1_features}; it must be positive.")
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = Parameter(empty(out_features, in1_features, in2_features, device=device, dtype=dtype))
        made = Parameter(empty(out_features, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """bilinear(input1, input2, weight, bias)."""
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The arguments."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


class Identity(Module):
    """The input, whatever the arguments. Source: torch.nn.Identity."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """The input."""
        return input
