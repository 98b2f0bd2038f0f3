"""Mixtures of distributions of one family. Source: torch.distributions.mixture_same_family."""

from __future__ import annotations

from typing import Any, ClassVar

from tapegrad.autograd import no_grad
from tapegrad.distributions import constraints
from tapegrad.distributions.categorical import Categorical
from tapegrad.distributions.distribution import NO_SHAPE, Distribution
from tapegrad.distributions.family import Family
from tapegrad.distributions.utils import size
from tapegrad.tensor import Tensor

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Family):
    """A component, whose index a Categorical draws, of a batch of distributions along its last dimension.

    Raises: ValueError for another mixture, or batch shapes that do not fit.
    """

    arg_constraints: ClassVar[Any] = {}
    has_rsample = False

    def __init__(
        self, mixture_distribution: Any, component_distribution: Any, validate_args: bool | None = None
    ) -> None:
        mixture, component = mixture_distribution, component_distribution
        if not isinstance(mixture, Categorical) or not isinstance(component, Distribution):
            raise ValueError(
                f"MixtureSameFamily: {mixture!r} and {component!r} are given; a Categorical and a "
                "Distribution are needed."
            )
        batch = component.batch_shape[:-1]
        pairs = zip(reversed(mixture.batch_shape), reversed(batch), strict=False)
        count = mixture.logits.shape[-1]
        if any(i not in (1, j) and j != 1 for i, j in pairs) or count != component.batch_shape[-1]:
            raise ValueError(
                f"MixtureSameFamily: the mixture is a batch {list(mixture.batch_shape)} of {count} "
                f"categories; the components' batch {list(component.batch_shape)} must be that and {count}."
            )
        self._mixture_distribution, self._component_distribution = mixture, component
        self._num_component, self._event_ndims = count, len(component.event_shape)
        super().__init__(batch, component.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        mixture = self._mixture_distribution.expand(size(batch_shape))
        new = super().expand(batch_shape, _instance)
        new._mixture_distribution = mixture
        return new

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Categorical:
        """Which component."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        """The components."""
        return self._component_distribution

    def _weighted(self, values: Tensor) -> Tensor:
        """The sum of the components' values by their probabilities."""
        probs = self._mixture_distribution.probs
        dims = len(self._mixture_distribution.batch_shape)
        more = 0 if dims == 1 else len(self.batch_shape) - dims
        shape = (*probs.shape[:-1], *(1,) * more, probs.shape[-1], *(1,) * self._event_ndims)
        return (probs.reshape(shape) * values).sum(-1 - self._event_ndims)

    def _pad(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1 - self._event_ndims)

    @property
    def mean(self) -> Tensor:
        return self._weighted(self._component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        component = self._component_distribution
        between = self._weighted((component.mean - self._pad(self.mean)).pow(2.0))
        return self._weighted(component.variance) + between

    def cdf(self, value: Tensor) -> Tensor:
        each = self._component_distribution.cdf(self._pad(value))
        return (each * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        each = self._component_distribution.log_prob(self._pad(value))
        return (each + self._mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        with no_grad():
            dim = len(sample_shape) + len(self.batch_shape)
            chosen = self._mixture_distribution.sample(sample_shape)
            values = self._component_distribution.sample(sample_shape)
            index = chosen.reshape((*chosen.shape, *(1,) * (self._event_ndims + 1)))
            index = index.expand((*chosen.shape, 1, *self.event_shape))
            return values.gather(dim, index).squeeze(dim)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
