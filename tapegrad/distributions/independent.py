"""Batch dimensions as dimensions of the event. Source: torch.distributions.independent."""

from __future__ import annotations

from typing import Any, ClassVar

from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.family import Family
from tapegrad.distributions.utils import size, sum_rightmost
from tapegrad.tensor import Tensor

__all__ = ["Independent"]


class Independent(Family):
    """A distribution whose last batch dimensions belong to one value: their log_probs are added.

    Raises: ValueError for more dimensions than the batch has.
    """

    arg_constraints: ClassVar[Any] = {}

    def __init__(
        self, base_distribution: Any, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        batch, event = base_distribution.batch_shape, base_distribution.event_shape
        if reinterpreted_batch_ndims > len(batch):
            raise ValueError(
                f"Independent: {reinterpreted_batch_ndims} dimensions of a batch of {list(batch)} are given; "
                f"{len(batch)} at most."
            )
        self.base_dist = base_distribution
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        cut = len(batch) - reinterpreted_batch_ndims
        super().__init__(batch[:cut], size(batch[cut:] + event), validate_args=validate_args)

    @property
    def has_rsample(self) -> bool:
        return self.base_dist.has_rsample  # type: ignore[no-any-return] # a bool

    @property
    def has_enumerate_support(self) -> bool:
        return self.reinterpreted_batch_ndims <= 0 and self.base_dist.has_enumerate_support

    @constraints.dependent_property
    def support(self) -> Any:
        dims, base = self.reinterpreted_batch_ndims, self.base_dist.support
        return constraints.independent(base, dims) if dims else base

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean  # type: ignore[no-any-return] # a Tensor

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode  # type: ignore[no-any-return] # a Tensor

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance  # type: ignore[no-any-return] # a Tensor

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        return self.base_dist.sample(sample_shape)  # type: ignore[no-any-return] # a Tensor

    def rsample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        return self.base_dist.rsample(sample_shape)  # type: ignore[no-any-return] # a Tensor

    def log_prob(self, value: Tensor) -> Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Independent: values of several dimensions cannot be enumerated.")
        return self.base_dist.enumerate_support(expand=expand)  # type: ignore[no-any-return] # a Tensor

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist}, {self.reinterpreted_batch_ndims})"
