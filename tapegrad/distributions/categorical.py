"""The categorical distribution. Source: torch.distributions.categorical."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.odds import Odds
from tapegrad.distributions.utils import size
from tapegrad.dtypes import finfo
from tapegrad.ops.create import full
from tapegrad.ops.draws import multinomial
from tapegrad.ops.joins import broadcast_tensors
from tapegrad.ops.series import arange
from tapegrad.tensor import Tensor

__all__ = ["Categorical"]


class Categorical(Odds):
    """An index from 0 to n - 1, by n probabilities (which are normalised) or their logarithms."""

    arg_constraints: ClassVar[Any] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _binary = False

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        name, given = self._given(probs, logits)
        if given.dim() < 1:
            raise ValueError(f"Categorical: {name} has no dimension; the last must hold the categories.")
        if name == "probs":
            self.probs = self._param = given / given.sum(-1, keepdim=True)
        else:
            self.logits = self._param = given - given.logsumexp(-1, keepdim=True)
        self._num_events = self._param.size()[-1]
        super().__init__(self._param.size()[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        return full(self._extended_shape(), math.nan, dtype=self.probs.dtype)

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1)

    variance = mean

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        sample_shape = size(sample_shape)
        rows = self.probs.detach().reshape(-1, self._num_events)
        drawn = multinomial(rows, sample_shape.numel(), True).T
        return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        index, logits = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = arange(self._num_events).view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values
