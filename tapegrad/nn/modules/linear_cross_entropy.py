"""A linear map and the cross entropy behind it, as a module."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any

from tapegrad.dtypes import bfloat16, float16, float32, float64
from tapegrad.nn.modules.linear import Linear
from tapegrad.nn.modules.module import Module
from tapegrad.ops.networks.classes import linear_cross_entropy
from tapegrad.tensor import Tensor

__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]

_POLICIES = ("auto", "accurate", "balanced", "compact")


@dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How torch computes the loss in parts, to save memory. It is accepted, and changes nothing here.

    Raises: ValueError for what torch does not know. Source: torch.nn.LinearCrossEntropyOptions.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        size, how = self.batch_chunk_size, self.chunking_method
        ways = f"{', '.join(map(repr, _POLICIES))} is needed"
        self._need(self.acc_policy in _POLICIES, "acc_policy", ways)
        by_ratio = how is None or re.fullmatch(r"auto|aspect_ratio(:0*[1-9]\d*)?", how)
        self._need(by_ratio, "chunking_method", "'auto', 'aspect_ratio', 'aspect_ratio:2' or None is needed")
        whole = size is None or (isinstance(size, int) and size > 0)
        self._need(whole, "batch_chunk_size", "an int above 0, or None, is needed")
        known = self.acc_dtype in (None, float16, bfloat16, float32, float64)
        self._need(known, "acc_dtype", "a floating point dtype, or None, is needed")

    def _need(self, right: Any, name: str, needed: str) -> None:
        if not right:
            raise ValueError(f"LinearCrossEntropyOptions: {name} is {getattr(self, name)!r}; {needed}.")


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
