"""The inverse gamma distribution. Source: torch.distributions.inverse_gamma."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tapegrad.distributions import constraints
from tapegrad.distributions.gamma import Gamma
from tapegrad.distributions.transformed_distribution import TransformedDistribution
from tapegrad.distributions.transforms import PowerTransform
from tapegrad.tensor import Tensor

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """1 / x of a gamma number x."""

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True
    base_dist: Gamma

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        over = PowerTransform(-base.rate.new_ones(()))
        super().__init__(base, over, validate_args=validate_args)

    @property
    def concentration(self) -> Tensor:
        """Of the gamma number."""
        return self.base_dist.concentration

    @property
    def rate(self) -> Tensor:
        """Of the gamma number."""
        return self.base_dist.rate

    @property
    def mean(self) -> Tensor:
        return (self.rate / (self.concentration - 1)).where(self.concentration > 1, math.inf)  # type: ignore[no-any-return] # a Tensor

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        result = self.rate.square() / ((a - 1).square() * (a - 2))
        return result.where(a > 2, math.inf)  # type: ignore[no-any-return] # a Tensor

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
