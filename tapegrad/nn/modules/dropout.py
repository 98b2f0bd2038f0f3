"""Dropout as modules."""

from __future__ import annotations

from tapegrad.nn.modules.module import Module
from tapegrad.ops.networks import dropout as D
from tapegrad.tensor import Tensor

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"{type(self).__name__}: p is {p}; 0 to 1 is needed.")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The arguments."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, elements set to 0 with probability p, the others divided by 1 - p.

    Source: torch.nn.Dropout.
    """

    def forward(self, input: Tensor) -> Tensor:
        """dropout(input)."""
        return D.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """dropout of whole channels of [N, C, L]. Source: torch.nn.Dropout1d."""

    def forward(self, input: Tensor) -> Tensor:
        """dropout1d(input)."""
        return D.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """dropout of whole channels of [N, C, H, W]. Source: torch.nn.Dropout2d."""

    def forward(self, input: Tensor) -> Tensor:
        """dropout2d(input)."""
        return D.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """dropout of whole channels of [N, C, D, H, W]. Source: torch.nn.Dropout3d."""

    def forward(self, input: Tensor) -> Tensor:
        """dropout3d(input)."""
        return D.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """dropout that keeps mean and variance of self-normalising networks. Source: torch.nn.AlphaDropout."""

    def forward(self, input: Tensor) -> Tensor:
        """alpha_dropout(input)."""
        return D.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """AlphaDropout of whole channels. Source: torch.nn.FeatureAlphaDropout."""

    def forward(self, input: Tensor) -> Tensor:
        """feature_alpha_dropout(input)."""
        return D.feature_alpha_dropout(input, self.p, self.training)
