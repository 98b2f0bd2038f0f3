"""The Wishart distribution. Source: torch.distributions.wishart."""

from __future__ import annotations

import math
import warnings
from typing import Any

from tapegrad._errors import TapegradWarning
from tapegrad.distributions import constraints
from tapegrad.distributions.chi2 import Chi2
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.exp_family import ExponentialFamily
from tapegrad.distributions.multivariate_normal import by_one_of, factor_of, log_diagonal
from tapegrad.distributions.utils import is_number, lazy_property, size
from tapegrad.dtypes import finfo
from tapegrad.ops.arrange import tril_indices
from tapegrad.ops.create import eye, tensor
from tapegrad.ops.joins import broadcast_shapes
from tapegrad.ops.random import randn
from tapegrad.ops.series import arange
from tapegrad.ops.solve import cholesky_solve, slogdet
from tapegrad.tensor import Tensor

__all__ = ["Wishart"]

_LOG_2 = math.log(2)


def _mvdigamma(x: Tensor, p: int) -> Tensor:
    """The derivative of mvlgamma."""
    return (x.unsqueeze(-1) - arange(p, dtype=x.dtype) / 2).digamma().sum(-1)


class Wishart(ExponentialFamily):
    """The sum of x @ x.mT over df normal vectors x, given as MultivariateNormal is.

    Shapes: df [...], the matrix [..., n, n]. Range: df > n - 1.
    Raises: ValueError for another df or shape, AssertionError unless one matrix is given.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    @property
    def arg_constraints(self) -> Any:
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if sum(x is not None for x in (covariance_matrix, precision_matrix, scale_tril)) != 1:
            raise AssertionError("Wishart: just one of the matrices is needed.")
        name, matrix = by_one_of(
            covariance_matrix=covariance_matrix, precision_matrix=precision_matrix, scale_tril=scale_tril
        )
        df = tensor(df, dtype=matrix.dtype) if is_number(df) else df
        batch, event = size(broadcast_shapes(matrix.shape[:-2], df.shape)), matrix.shape[-2:]
        self.df = df.expand(batch)
        n = event[-1]
        if (self.df <= n - 1).any():
            raise ValueError(f"Wishart: df is {df}; more than {n - 1} is needed.")
        self.__dict__[name] = matrix.expand((*batch, -1, -1))
        if (self.df < n).any():
            warnings.warn(
                f"Wishart: df below {n} gives singular samples easily.", TapegradWarning, stacklevel=2
            )
        super().__init__(batch, event, validate_args=validate_args)
        self._unbroadcasted_scale_tril = factor_of(name, matrix).expand((*batch, -1, -1))
        steps = arange(n, dtype=matrix.dtype).expand((*batch, -1))
        self._dist_chi2 = Chi2(df=self.df.unsqueeze(-1) - steps)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of covariance_matrix."""
        return self._unbroadcasted_scale_tril

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance of the vectors."""
        return self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of covariance_matrix."""
        one = eye(self._event_shape[-1], dtype=self.df.dtype)
        return cholesky_solve(one, self._unbroadcasted_scale_tril)

    def _times(self, factor: Tensor) -> Tensor:
        return factor.reshape((*self._batch_shape, 1, 1)) * self.covariance_matrix

    @property
    def mean(self) -> Tensor:
        return self._times(self.df)

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[-1] - 1
        return self._times(factor.masked_fill(factor <= 0, math.nan))

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        both = v.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2)
        return self.df.reshape((*self._batch_shape, 1, 1)) * both  # type: ignore[no-any-return] # a Tensor

    def _bartlett_sampling(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        """Samples by their Cholesky factors: chi numbers on the diagonal, normal ones below."""
        p = self._event_shape[-1]
        roots = self._dist_chi2.rsample(sample_shape).sqrt()
        noise = roots.clamp(min=finfo(roots.dtype).eps).diag_embed()
        i, j = tril_indices(p, p, offset=-1)
        shape = size(sample_shape) + self._batch_shape + (p * (p - 1) // 2,)
        noise[..., i, j] = randn(shape, dtype=noise.dtype)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def rsample(self, sample_shape: Any = NO_SHAPE, max_try_correction: int = 10) -> Tensor:
        """As everywhere. max_try_correction: how often at most singular samples are drawn again."""
        sample = self._bartlett_sampling(sample_shape)
        # torch asks the first samples the wrong way round, and draws those again that are regular. So do we,
        # to go on with the numbers that it goes on with, but without its warning.
        again = self._over_batch(self.support.check(sample))
        for _ in range(max_try_correction):
            if not again.any():
                break
            fresh = self._bartlett_sampling(again[again].shape)
            sample[again] = fresh
            again[again.clone()] = self._over_batch(~self.support.check(fresh))
        return sample

    def _over_batch(self, odd: Tensor) -> Tensor:
        """Whether any of the batch is odd."""
        dims = len(self._batch_shape)
        return odd.reshape((*odd.shape[: odd.dim() - dims], -1)).any(-1) if dims else odd

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        nu, p, factor = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        inner = cholesky_solve(value, factor).diagonal(dim1=-2, dim2=-1).sum(-1) / 2
        log_det = slogdet(value).logabsdet
        normaliser = nu * (p * _LOG_2 / 2 + log_diagonal(factor)) + (nu / 2).mvlgamma(p)
        return (nu - p - 1) / 2 * log_det - inner - normaliser  # type: ignore[no-any-return] # a Tensor

    def entropy(self) -> Tensor:
        nu, p = self.df, self._event_shape[-1]
        volume = (p + 1) * (p * _LOG_2 / 2 + log_diagonal(self._unbroadcasted_scale_tril))
        slope = (nu - p - 1) / 2 * _mvdigamma(nu / 2, p)
        return volume + (nu / 2).mvlgamma(p) - slope + nu * p / 2  # type: ignore[no-any-return] # a Tensor

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Any, y: Any) -> Tensor:
        p = self._event_shape[-1]
        shape = y + (p + 1) / 2
        return shape * (-slogdet(-2 * x).logabsdet + _LOG_2 * p) + shape.mvlgamma(p)  # type: ignore[no-any-return] # a Tensor
