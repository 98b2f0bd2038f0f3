"""The geometric distribution. Source: torch.distributions.geometric."""

from __future__ import annotations

from typing import Any, ClassVar

from tapegrad.autograd import no_grad
from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.odds import Odds
from tapegrad.distributions.utils import broadcast_all
from tapegrad.dtypes import finfo
from tapegrad.ops.create import empty
from tapegrad.ops.networks.losses import binary_cross_entropy_with_logits
from tapegrad.ops.new import zeros_like
from tapegrad.tensor import Tensor

__all__ = ["Geometric"]


class Geometric(Odds):
    """The number of failures before the first success."""

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        super().__init__(self._take(probs, logits), validate_args=validate_args)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            raise ValueError(f"Geometric: probs must be above 0, but it is\n{self.probs}")

    @property
    def mean(self) -> Tensor:
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Tensor:
        return zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        kind, shape = self.probs.dtype, self._extended_shape(sample_shape)
        with no_grad():
            u = empty(shape, dtype=kind).uniform_(finfo(kind).tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        value, probs = broadcast_all(value, self.probs)
        failing = probs.masked_fill((probs == 1) & (value == 0), 0.0)
        return value * (-failing).log1p() + self.probs.log()

    def entropy(self) -> Tensor:
        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none") / self.probs
