"""A linear map and the cross entropy behind it, as a module."""

from __future__ import annotations

from math import prod
from typing import Any

from tapegrad.nn.modules.linear import Linear
from tapegrad.nn.modules.module import Module
from tapegrad.ops.networks.classes import linear_cross_entropy
from tapegrad.tensor import Tensor

__all__ = ["LinearCrossEntropyLoss"]


class LinearCrossEntropyLoss(Module):
    """A linear map, and the cross entropy of its output. Source: torch.nn.LinearCrossEntropyLoss."""

    weight: Tensor | None

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
    ) -> None:
        if (weight is not None and weight.shape != (num_classes,)) or not 0 <= label_smoothing <= 1:
            raise RuntimeError(
                f"LinearCrossEntropyLoss: weight is {None if weight is None else [*weight.shape]} and "
                f"label_smoothing {label_smoothing}; [{num_classes}] and 0 to 1 are needed."
            )
        super().__init__()
        self.reduction = reduction
        self.register_buffer("weight", weight)
        self.num_classes, self.out_features = num_classes, out_features
        self.ignore_index, self.label_smoothing, self.options = ignore_index, label_smoothing, options
        rows = prod(out_features, start=num_classes)
        self.linear = Linear(in_features, rows, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss, reduced."""
        shape, bias = (self.num_classes, *self.out_features), self.linear.bias
        return linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(*shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        """The arguments."""
        n, bias = self.linear.in_features, self.linear.bias is not None
        head = (
            f"in_features={n}, num_classes={self.num_classes}, out_features={self.out_features}, bias={bias}"
        )
        names = ("reduction", "ignore_index", "label_smoothing", "options")
        return ", ".join([head, *[f"{name}={getattr(self, name)}" for name in names]])
