"""A distribution sent through transforms. Source: torch.distributions.transformed_distribution."""

from __future__ import annotations

from typing import Any, ClassVar

from tapegrad.autograd import no_grad
from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.family import Family
from tapegrad.distributions.independent import Independent
from tapegrad.distributions.transforms import ComposeTransform, Transform
from tapegrad.distributions.utils import size, sum_rightmost
from tapegrad.tensor import Tensor

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Family):
    """The distribution of transforms applied to the values of a base distribution.

    Raises: ValueError for what are no transforms, or a base with too few dimensions.
    """

    arg_constraints: ClassVar[Any] = {}
    base_dist: Any

    def __init__(self, base_distribution: Any, transforms: Any, validate_args: bool | None = None) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        chosen = self.transforms
        if not isinstance(chosen, list) or not all(isinstance(t, Transform) for t in chosen):
            raise ValueError(
                f"TransformedDistribution: transforms is {transforms!r}; a Transform or a list is needed."
            )
        base = base_distribution
        shape, event = base.batch_shape + base.event_shape, len(base.event_shape)
        transform = ComposeTransform(self.transforms)
        wanted = transform.domain.event_dim
        if len(shape) < wanted:
            raise ValueError(
                f"TransformedDistribution: the base has shape {list(shape)}; {wanted} dimensions are needed."
            )
        after = size(transform.forward_shape(shape))
        before = size(transform.inverse_shape(after))
        if shape != before:
            base = base.expand(before[: len(before) - event])
        self.base_dist = Independent(base, wanted - event) if wanted > event else base
        out = max(transform.codomain.event_dim, event + transform.codomain.event_dim - wanted)
        cut = len(after) - out
        super().__init__(after[:cut], after[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        shape = size(batch_shape) + self.event_shape
        for t in reversed(self.transforms):
            shape = t.inverse_shape(shape)
        base = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        new = super().expand(batch_shape, _instance)
        new.base_dist = base
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        last = self.transforms[-1].codomain
        more = len(self.event_shape) - last.event_dim
        return constraints.independent(last, more) if more > 0 else last

    @property
    def has_rsample(self) -> bool:
        return self.base_dist.has_rsample  # type: ignore[no-any-return] # a bool

    def _sent(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        with no_grad():
            return self._sent(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        return self._sent(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        dims = len(self.event_shape)
        total: Any = 0.0
        for transform in reversed(self.transforms):
            before = transform.inv(value)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            slope = transform.log_abs_det_jacobian(before, value)
            total = total - sum_rightmost(slope, dims - transform.domain.event_dim)
            value = before
        return total + sum_rightmost(self.base_dist.log_prob(value), dims - len(self.base_dist.event_shape))  # type: ignore[no-any-return] # a Tensor

    def _monotonize_cdf(self, value: Any) -> Any:
        """A probability from the other side, where the transforms together decrease."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._monotonize_cdf(self.base_dist.cdf(value))  # type: ignore[no-any-return] # a Tensor

    def icdf(self, value: Tensor) -> Tensor:
        return self._sent(self.base_dist.icdf(self._monotonize_cdf(value)))
