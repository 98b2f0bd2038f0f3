"""The continuous Bernoulli distribution. Source: torch.distributions.continuous_bernoulli."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.exp_family import ExponentialFamily
from tapegrad.distributions.odds import Odds
from tapegrad.distributions.utils import (
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
    uniform_like,
)
from tapegrad.ops.networks.losses import binary_cross_entropy_with_logits
from tapegrad.ops.new import ones_like
from tapegrad.tensor import Tensor

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(Odds, ExponentialFamily):
    """Numbers in [0, 1] with density proportional to probs^x (1 - probs)^(1 - x).

    lims: between them, around probs = 1/2, where the formulas are 0 / 0, Taylor polynomials are used.
    Source: Loaiza-Ganem and Cunningham 2019.
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _mean_carrier_measure = 0
    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        batch = self._take(probs, logits)
        if probs is not None:
            if validate_args is not None and not self.arg_constraints["probs"].check(self.probs).all():
                raise ValueError(f"ContinuousBernoulli: probs has values outside of [0, 1]:\n{self.probs}")
            self.probs = self._param = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(batch, validate_args=validate_args)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities, kept inside of (0, 1)."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _stable(self) -> Tensor:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self) -> Tensor:
        """probs where the formulas hold, and a harmless number elsewhere."""
        return self.probs.where(self._stable(), self._lims[0] * ones_like(self.probs))  # type: ignore[no-any-return] # a Tensor

    def _cont_bern_log_norm(self) -> Tensor:
        p = self._cut_probs()
        low, high = p.where(p <= 0.5, 0.0), p.where(p >= 0.5, 1.0)
        below = ((-2.0 * low).log1p()).where(p <= 0.5, (2.0 * high - 1.0).log())
        exact = ((-p).log1p() - p.log()).abs().log() - below
        x = (self.probs - 0.5).pow(2)
        return exact.where(self._stable(), math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)  # type: ignore[no-any-return] # a Tensor

    @property
    def mean(self) -> Tensor:
        p, x = self._cut_probs(), self.probs - 0.5
        exact = p / (2.0 * p - 1.0) + 1.0 / ((-p).log1p() - p.log())
        return exact.where(self._stable(), 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)  # type: ignore[no-any-return] # a Tensor

    @property
    def variance(self) -> Tensor:
        p, x = self._cut_probs(), (self.probs - 0.5).pow(2)
        exact = p * (p - 1.0) / (1.0 - 2.0 * p).pow(2) + 1.0 / ((-p).log1p() - p.log()).pow(2)
        return exact.where(self._stable(), 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)  # type: ignore[no-any-return] # a Tensor

    def rsample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        return self.icdf(uniform_like(self.probs, self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Tensor) -> Tensor:
        self._check(value)
        p = self._cut_probs()
        exact = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        return (  # type: ignore[no-any-return] # a Tensor
            exact.where(self._stable(), value).masked_fill(value <= 0.0, 0.0).masked_fill(value >= 1.0, 1.0)
        )

    def icdf(self, value: Tensor) -> Tensor:
        p = self._cut_probs()
        base = (-p).log1p()
        exact = ((-p + value * (2.0 * p - 1.0)).log1p() - base) / (p.log() - base)
        return exact.where(self._stable(), value)  # type: ignore[no-any-return] # a Tensor

    def entropy(self) -> Tensor:
        failure = (-self.probs).log1p()
        return self.mean * (failure - self.probs.log()) - self._cont_bern_log_norm() - failure

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Tensor:
        stable = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = x.where(stable, (self._lims[0] - 0.5) * ones_like(x))
        exact = cut.expm1().abs().log() - cut.abs().log()
        return exact.where(stable, 0.5 * x + x.pow(2) / 24.0 - x.pow(4) / 2880.0)  # type: ignore[no-any-return] # a Tensor
