"""The generalised Pareto distribution. Source: torch.distributions.generalized_pareto."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.family import Family
from tapegrad.distributions.utils import uniform_like
from tapegrad.ops.convert import isclose
from tapegrad.ops.new import ones_like, zeros_like
from tapegrad.tensor import Tensor

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Family):
    """What exceeds a high threshold; for concentration 0 it is exponential, below 0 it is bounded."""

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    loc: Tensor
    scale: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        batch = self._own(loc=loc, scale=scale, concentration=concentration)
        super().__init__(batch, validate_args=validate_args)

    def _safe(self) -> tuple[Tensor, Tensor]:
        """Where concentration is 0, and a concentration that is 1 there."""
        zero = isclose(self.concentration, zeros_like(self.concentration))
        return zero, self.concentration.masked_fill(zero, 1.0)

    def rsample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        return self.icdf(uniform_like(self.loc, self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        z = (value - self.loc) / self.scale
        zero, safe = self._safe()
        y = 1 / safe + ones_like(z)
        curved = y.where(y == 0, y * (safe * z).log1p())
        return -self.scale.log() - z.where(zero, curved)  # type: ignore[no-any-return] # a Tensor

    def log_survival_function(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of values above this one."""
        self._check(value)
        z = (value - self.loc) / self.scale
        zero, safe = self._safe()
        return (-z).where(zero, -(safe * z).log1p() / safe)  # type: ignore[no-any-return] # a Tensor

    def log_cdf(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of values up to this one."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        zero, safe = self._safe()
        log_left = (-value).log1p()
        curved = self.loc + self.scale / safe * (-safe * log_left).expm1()
        return (self.loc - self.scale * log_left).where(zero, curved)  # type: ignore[no-any-return] # a Tensor

    @property
    def mean(self) -> Tensor:
        valid = self.concentration < 1
        result = self.loc + self.scale / (1 - self.concentration.where(valid, 0.5))
        return result.where(valid, math.nan)  # type: ignore[no-any-return] # a Tensor

    @property
    def variance(self) -> Tensor:
        valid = self.concentration < 0.5
        c = self.concentration.where(valid, 0.25)
        return (self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c))).where(valid, math.nan)  # type: ignore[no-any-return] # a Tensor

    def entropy(self) -> Tensor:
        return (self.scale.log() + self.concentration + 1).expand(self._batch_shape)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, end.where(self.concentration < 0, math.inf))
