"""Which transform leads from the real numbers into a constraint: `biject_to` gives one that can be inverted
with a Jacobian, `transform_to` any that suits an optimizer.

Source: torch.distributions.constraint_registry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad.distributions import constraints, transforms
from tapegrad.distributions.constraints import Constraint
from tapegrad.distributions.transforms import Transform
from tapegrad.distributions.utils import is_number

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]

Factory = Callable[[Any], Transform]


class ConstraintRegistry:
    """Transforms by the class of a constraint: registry(constraint) makes one."""

    def __init__(self) -> None:
        self._registry: dict[type[Constraint], Factory] = {}

    def register(self, constraint: Any, factory: Any = None) -> Any:
        """Say how the transform for a constraint, or a class of them, is made; a decorator without `factory`.

        Raises: TypeError for what is no constraint.
        """
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, Constraint):
            raise TypeError(f"register: {constraint!r} is given; a Constraint or a class of them is needed.")
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> Transform:
        """A transform into the constraint. Raises: NotImplementedError if none is registered."""
        factory = self._registry.get(type(constraint))
        if factory is None:
            raise NotImplementedError(f"transform: there is none into {type(constraint).__name__}.")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _into(*kinds: Any) -> Callable[[Factory], Factory]:
    """Register with both."""

    def decorate(factory: Factory) -> Factory:
        for kind in kinds:
            biject_to.register(kind, factory)
            transform_to.register(kind, factory)
        return factory

    return decorate


@_into(constraints.real)
def _real(constraint: Any) -> Transform:
    return transforms.identity_transform


@_into(constraints.greater_than, constraints.greater_than_eq)
def _above(constraint: Any) -> Transform:
    up = transforms.AffineTransform(constraint.lower_bound, 1)
    return transforms.ComposeTransform([transforms.ExpTransform(), up])


@_into(constraints.less_than)
def _below(constraint: Any) -> Transform:
    down = transforms.AffineTransform(constraint.upper_bound, -1)
    return transforms.ComposeTransform([transforms.ExpTransform(), down])


@_into(constraints.interval, constraints.half_open_interval)
def _between(constraint: Any) -> Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if is_number(low) and is_number(high) and low == 0 and high == 1:
        return transforms.SigmoidTransform()
    there = transforms.AffineTransform(low, high - low)
    return transforms.ComposeTransform([transforms.SigmoidTransform(), there])


@_into(constraints.corr_cholesky)
def _corr_cholesky(constraint: Any) -> Transform:
    return transforms.CorrCholeskyTransform()


biject_to.register(constraints.simplex, lambda constraint: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda constraint: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda constraint: transforms.LowerCholeskyTransform())
for _kind in (constraints.positive_definite, constraints.positive_semidefinite):
    transform_to.register(_kind, lambda constraint: transforms.PositiveDefiniteTransform())


def _of_parts(registry: ConstraintRegistry) -> None:
    """Constraints made of constraints become transforms made of transforms, from the same registry."""

    def independent(constraint: Any) -> Transform:
        base = registry(constraint.base_constraint)
        return transforms.IndependentTransform(base, constraint.reinterpreted_batch_ndims)

    def cat(constraint: Any) -> Transform:
        parts = [registry(c) for c in constraint.cseq]
        return transforms.CatTransform(parts, constraint.dim, constraint.lengths)

    def stack(constraint: Any) -> Transform:
        return transforms.StackTransform([registry(c) for c in constraint.cseq], constraint.dim)

    registry.register(constraints.independent, independent)
    registry.register(constraints.cat, cat)
    registry.register(constraints.stack, stack)


for _registry in (biject_to, transform_to):
    _of_parts(_registry)
