"""Linear maps as modules."""

from __future__ import annotations

import math
from typing import Any

from tapegrad.nn import init
from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import Parameter
from tapegrad.ops.create import empty
from tapegrad.ops.nn import linear
from tapegrad.tensor import Tensor

__all__ = ["Identity", "Linear"]


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


class Identity(Module):
    """The input, whatever the arguments. Source: torch.nn.Identity."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """The input."""
        return input
