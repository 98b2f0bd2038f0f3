"""The gamma distribution. Source: torch.distributions.gamma."""

from __future__ import annotations

from typing import Any, ClassVar

import tapegrad.ops as F
from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.exp_family import ExponentialFamily
from tapegrad.dtypes import finfo
from tapegrad.ops.create import as_tensor
from tapegrad.ops.gamma import standard_gamma
from tapegrad.tensor import Tensor

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """Waiting times for `concentration` events that come with a rate."""

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0
    concentration: Tensor
    rate: Tensor

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        super().__init__(self._own(concentration=concentration, rate=rate), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        shape = self._extended_shape(sample_shape)
        value = standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        value.detach().clamp_(min=finfo(value.dtype).tiny)  # the gradient is that of the quotient
        return value

    def log_prob(self, value: Tensor) -> Tensor:
        value = as_tensor(value, dtype=self.rate.dtype)
        self._check(value)
        a, rate = self.concentration, self.rate
        return a.xlogy(rate) + (a - 1).xlogy(value) - rate * value - a.lgamma()

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1.0 - a) * a.digamma()

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x: Any, y: Any) -> Tensor:
        return (x + 1).lgamma() + (x + 1) * (-y.reciprocal()).log()  # type: ignore[no-any-return] # a Tensor

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of values up to this one. (Needs scipy.)"""
        self._check(value)
        return F.special_gammainc(self.concentration, self.rate * value)  # type: ignore[no-any-return] # a Tensor
