"""Normal vectors of low rank and a diagonal. Source: torch.distributions.lowrank_multivariate_normal."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.family import Family
from tapegrad.distributions.multivariate_normal import batch_mv, log_diagonal, mahalanobis
from tapegrad.distributions.utils import lazy_property, standard_normal
from tapegrad.ops.create import eye
from tapegrad.ops.decompose import cholesky
from tapegrad.ops.joins import broadcast_tensors
from tapegrad.ops.solve import solve_triangular
from tapegrad.tensor import Tensor

__all__ = ["LowRankMultivariateNormal"]


def capacitance(w: Tensor, d: Tensor) -> Tensor:
    """The Cholesky factor of I + W.mT @ diag(1 / d) @ W."""
    inner = (w.mT / d.unsqueeze(-2)) @ w
    return cholesky(inner + eye(w.size(-1), dtype=w.dtype))


def lowrank_logdet(w: Tensor, d: Tensor, inner: Tensor) -> Tensor:
    """log det(W @ W.mT + diag(d)), by its capacitance matrix."""
    return 2 * log_diagonal(inner) + d.log().sum(-1)


def lowrank_mahalanobis(w: Tensor, d: Tensor, x: Tensor, inner: Tensor) -> Tensor:
    """x.mT @ inverse(W @ W.mT + diag(d)) @ x, by Woodbury's formula."""
    return (x.pow(2) / d).sum(-1) - mahalanobis(inner, batch_mv(w.mT / d.unsqueeze(-2), x))


class LowRankMultivariateNormal(Family):
    """Normal vectors with covariance cov_factor @ cov_factor.mT + diag(cov_diag).

    Shapes: loc [..., n], cov_factor [..., n, rank], cov_diag [..., n].
    Raises: ValueError for shapes that do not fit.
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _fixed = ("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril")

    def __init__(
        self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None
    ) -> None:
        given = f"loc {list(loc.shape)}, cov_factor {list(cov_factor.shape)}, cov_diag {list(cov_diag.shape)}"
        needed = f"LowRankMultivariateNormal: {given}; [..., n], [..., n, rank] and [..., n] are needed."
        event = loc.shape[-1:]
        if loc.dim() < 1 or cov_factor.dim() < 2:
            raise ValueError(needed)
        if cov_factor.shape[-2:-1] != event or cov_diag.shape[-1:] != event:
            raise ValueError(needed)
        try:
            columns = broadcast_tensors(loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1))
        except RuntimeError as error:
            raise ValueError(needed) from error
        self.loc, self.cov_factor, self.cov_diag = columns[0][..., 0], columns[1], columns[2][..., 0]
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        self._capacitance_tril = capacitance(cov_factor, cov_diag)
        super().__init__(self.loc.shape[:-1], event, validate_args=validate_args)

    @property
    def _parts(self) -> tuple[Tensor, Tensor]:
        return self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag

    def _square_of(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @lazy_property
    def variance(self) -> Tensor:
        """The diagonal of the covariance."""
        w, d = self._parts
        return (w.pow(2).sum(-1) + d).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The covariance's Cholesky factor."""
        w, d = self._parts
        root = d.sqrt().unsqueeze(-1)
        scaled = w / root
        inner = scaled @ scaled.mT + eye(w.size(-2), dtype=w.dtype)
        return self._square_of(root * cholesky(inner))

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        w, d = self._parts
        return self._square_of(w @ w.mT + d.diag_embed())

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The covariance's inverse."""
        w, d = self._parts
        a = solve_triangular(self._capacitance_tril, w.mT / d.unsqueeze(-2), upper=False)
        return self._square_of(d.reciprocal().diag_embed() - a.mT @ a)

    def rsample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        shape = self._extended_shape(sample_shape)
        w, d = self._parts
        inner = standard_normal(shape[:-1] + self.cov_factor.shape[-1:], self.loc)
        outer = standard_normal(shape, self.loc)
        return self.loc + batch_mv(w, inner) + d.sqrt() * outer

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        distance = lowrank_mahalanobis(*self._parts, value - self.loc, self._capacitance_tril)
        log_det = lowrank_logdet(*self._parts, self._capacitance_tril)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + log_det + distance)  # type: ignore[no-any-return] # a Tensor

    def entropy(self) -> Tensor:
        log_det = lowrank_logdet(*self._parts, self._capacitance_tril)
        nats = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + log_det)
        return nats.expand(self._batch_shape)  # type: ignore[no-any-return] # a Tensor
