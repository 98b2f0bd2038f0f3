"""Cholesky factors of random correlation matrices. Source: torch.distributions.lkj_cholesky."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tapegrad.autograd import no_grad
from tapegrad.distributions import constraints
from tapegrad.distributions.beta import Beta
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.family import Family
from tapegrad.dtypes import finfo
from tapegrad.ops.create import zeros
from tapegrad.ops.random import randn
from tapegrad.ops.series import arange
from tapegrad.ops.shape import cat
from tapegrad.tensor import Size, Tensor

__all__ = ["LKJCholesky"]


class LKJCholesky(Family):
    """The factor L of a dim by dim correlation matrix L @ L.mT with density proportional to
    det ** (concentration - 1). Source: Lewandowski, Kurowicka and Joe 2009 (onion method).
    """

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    concentration: Tensor

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"LKJCholesky: dim is {dim}; 2 or more is needed.")
        self.dim = dim
        self._own(concentration=concentration)
        kind = self.concentration.dtype
        offset = cat([zeros(1, dtype=kind), arange(dim - 1, dtype=kind)])
        marginal = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)
        super().__init__(self.concentration.size(), Size((dim, dim)), validate_args)

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        y = self._beta.sample(sample_shape).unsqueeze(-1)
        with no_grad():
            rows = randn(self._extended_shape(sample_shape), dtype=y.dtype).tril(-1)
            sphere = rows / rows.norm(dim=-1, keepdim=True)
            sphere[..., 0, :].fill_(0.0)
            w = y.sqrt() * sphere
            diagonal = (1 - (w**2).sum(-1)).clamp(min=finfo(w.dtype).tiny).sqrt()
            return w + diagonal.diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        below = self.dim - 1
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - arange(2, self.dim + 1)
        density = (order * value.diagonal(dim1=-1, dim2=-2)[..., 1:].log()).sum(-1)
        alpha = self.concentration + 0.5 * below
        normaliser = (alpha - 0.5).mvlgamma(below) - alpha.lgamma() * below
        return density - (0.5 * below * math.log(math.pi) + normaliser)
