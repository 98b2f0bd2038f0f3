"""Normal vectors. Source: torch.distributions.multivariate_normal."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.family import Family
from tapegrad.distributions.utils import lazy_property, size, standard_normal
from tapegrad.ops.create import eye
from tapegrad.ops.decompose import cholesky
from tapegrad.ops.joins import broadcast_shapes
from tapegrad.ops.solve import cholesky_inverse, solve_triangular
from tapegrad.tensor import Tensor

__all__ = ["MultivariateNormal"]


def batch_mv(matrix: Tensor, vector: Tensor) -> Tensor:
    """A matrix times a vector, for batches that broadcast."""
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def mahalanobis(factor: Tensor, x: Tensor) -> Tensor:
    """x.mT @ inverse(L @ L.mT) @ x of a lower triangle L, for batches that broadcast.

    Shapes: [*batch, n, n] and [*batch, n] to [*batch].
    """
    lead = x.dim() - 1 - (factor.dim() - 2)
    if lead > 0:  # the batch's own dimensions last: one system for many right sides
        rows = x.reshape(-1, *x.shape[lead:]).movedim(0, -1)
        solved = solve_triangular(factor, rows, upper=False).pow(2).sum(-2)
        return solved.movedim(-1, 0).reshape((*x.shape[:lead], *solved.shape[:-1]))
    return solve_triangular(factor, x.unsqueeze(-1), upper=False).pow(2).sum((-2, -1))


def tril_of_precision(precision: Tensor) -> Tensor:
    """The Cholesky factor of a matrix by that of its inverse."""
    turned = cholesky(precision.flip((-2, -1))).flip((-2, -1)).mT
    one = eye(precision.shape[-1], dtype=precision.dtype)
    return solve_triangular(turned, one, upper=False)


def log_diagonal(factor: Tensor) -> Tensor:
    """The logarithm of the determinant of a triangle."""
    return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def by_one_of(**given: Any) -> tuple[str, Tensor]:
    """The name and value of the one argument that is not None.

    Raises: ValueError unless there is just one.
    """
    found = [(name, x) for name, x in given.items() if x is not None]
    if len(found) != 1:
        names = [name for name, _ in found]
        raise ValueError(f"{names or 'none'} is given; just one of {', '.join(given)} is needed.")
    if found[0][1].dim() < 2:
        raise ValueError(f"{found[0][0]} is {list(found[0][1].shape)}; [..., n, n] is needed.")
    return found[0]


class MultivariateNormal(Family):
    """Normal vectors, by one of their covariance, its inverse, or its Cholesky factor (the cheapest).

    Shapes: loc [..., n], the matrix [..., n, n]; their batches broadcast.
    Raises: ValueError unless one matrix is given, or for shapes that do not fit.
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _fixed = ("_unbroadcasted_scale_tril",)

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("MultivariateNormal: loc has no dimension; [..., n] is needed.")
        name, matrix = by_one_of(
            covariance_matrix=covariance_matrix, precision_matrix=precision_matrix, scale_tril=scale_tril
        )
        batch = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[name] = matrix.expand((*batch, -1, -1))
        self.loc = loc.expand((*batch, -1))
        super().__init__(size(batch), self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_of(name, matrix)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The covariance's Cholesky factor."""
        return self._square_of(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self._square_of(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The covariance's inverse."""
        return self._square_of(cholesky_inverse(self._unbroadcasted_scale_tril))

    def _square_of(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        rows = self._unbroadcasted_scale_tril.pow(2).sum(-1)
        return rows.expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        drawn = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + batch_mv(self._unbroadcasted_scale_tril, drawn)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        distance = mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        constant = self._event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (constant + distance) - log_diagonal(self._unbroadcasted_scale_tril)  # type: ignore[no-any-return] # a Tensor

    def entropy(self) -> Tensor:
        log_det = log_diagonal(self._unbroadcasted_scale_tril)
        nats = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + log_det
        return nats.expand(self._batch_shape)  # type: ignore[no-any-return] # a Tensor


def factor_of(name: str, matrix: Tensor) -> Tensor:
    """The covariance's Cholesky factor, by the matrix of this name."""
    if name == "scale_tril":
        return matrix
    return cholesky(matrix) if name == "covariance_matrix" else tril_of_precision(matrix)
