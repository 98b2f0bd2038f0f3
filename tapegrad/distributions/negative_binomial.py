"""The negative binomial distribution. Source: torch.distributions.negative_binomial."""

from __future__ import annotations

from typing import Any, ClassVar

from tapegrad.autograd import no_grad
from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.gamma import Gamma
from tapegrad.distributions.odds import Odds
from tapegrad.distributions.utils import lazy_property
from tapegrad.ops.draws import poisson
from tapegrad.ops.networks.activations import logsigmoid
from tapegrad.tensor import Tensor

__all__ = ["NegativeBinomial"]


class NegativeBinomial(Odds):
    """The number of successes before total_count failures."""

    arg_constraints: ClassVar[Any] = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    total_count: Tensor

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits, total_count=total_count)
        super().__init__(self._param.size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self) -> Gamma:
        """Of whose rates the numbers are Poisson numbers."""
        return Gamma(self.total_count, (-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        with no_grad():
            return poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        n, logits = self.total_count, self.logits
        chances = n * logsigmoid(-logits) + value * logsigmoid(logits)
        ways = -(n + value).lgamma() + (1.0 + value).lgamma() + n.lgamma()
        return chances - ways.masked_fill(n + value == 0.0, 0.0)
