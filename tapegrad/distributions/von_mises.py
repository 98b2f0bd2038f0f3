"""The von Mises distribution. Source: torch.distributions.von_mises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from tapegrad.autograd import no_grad
from tapegrad.distributions import constraints
from tapegrad.distributions.distribution import NO_SHAPE
from tapegrad.distributions.family import Family
from tapegrad.distributions.utils import lazy_property
from tapegrad.dtypes import bool_, float64
from tapegrad.ops.create import zeros
from tapegrad.ops.new import zeros_like
from tapegrad.ops.random import rand
from tapegrad.tensor import Tensor

__all__ = ["VonMises"]

# Polynomials for the modified Bessel functions of order 0 and 1, below and above 3.75: Abramowitz and Stegun
# 9.8.1 to 9.8.4.
_NEAR = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.360768e-1, 0.45813e-2),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.2658733e-1, 0.301532e-2, 0.32411e-3),
)
_FAR = (
    (
        0.39894228,
        0.1328592e-1,
        0.225319e-2,
        -0.157565e-2,
        0.916281e-2,
        -0.2057706e-1,
        0.2635537e-1,
        -0.1647633e-1,
        0.392377e-2,
    ),
    (
        0.39894228,
        -0.3988024e-1,
        -0.362018e-2,
        0.163801e-2,
        -0.1031555e-1,
        0.2282967e-1,
        -0.2895312e-1,
        0.1787654e-1,
        -0.420059e-2,
    ),
)


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    y: Any = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        y = c + x * y
    return y  # type: ignore[no-any-return] # a Tensor


def _log_bessel(x: Tensor, order: int) -> Tensor:
    """The logarithm of the modified Bessel function of order 0 or 1, of positive numbers."""
    near = _polynomial((x / 3.75) * (x / 3.75), _NEAR[order])
    near = (x.abs() * near).log() if order else near.log()
    far = x - 0.5 * x.log() + _polynomial(3.75 / x, _FAR[order]).log()
    return near.where(x < 3.75, far)  # type: ignore[no-any-return] # a Tensor


class VonMises(Family):
    """Angles around loc: the normal distribution on a circle. Source: Best and Fisher 1979."""

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    loc: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self._own(loc=loc, concentration=concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        self._check(value)
        density = self.concentration * (value - self.loc).cos()
        return density - math.log(2 * math.pi) - _log_bessel(self.concentration, 0)

    @lazy_property
    def _proposal_r(self) -> Tensor:
        """The parameter of the wrapped Cauchy numbers that are proposed."""
        kappa = self.concentration.to(float64)
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return (1 / kappa + kappa).where(kappa < 1e-5, (1 + rho**2) / (2 * rho))  # type: ignore[no-any-return] # a Tensor

    def sample(self, sample_shape: Any = NO_SHAPE) -> Tensor:
        with no_grad():
            loc, kappa, r = self.loc.to(float64), self.concentration.to(float64), self._proposal_r
            x = zeros(self._extended_shape(sample_shape), dtype=float64)
            done = zeros_like(x, dtype=bool_)
            while not done.all():
                u1, u2, u3 = rand((3, *x.shape), dtype=float64).unbind()
                z = (math.pi * u1).cos()
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                x = ((u3 - 0.5).sign() * f.acos()).where(accept, x)
                done = done | accept
            return ((x + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    @property
    def mean(self) -> Tensor:
        """The circular mean."""
        return self.loc

    mode = mean

    @lazy_property
    def variance(self) -> Tensor:
        """The circular variance."""
        return 1 - (_log_bessel(self.concentration, 1) - _log_bessel(self.concentration, 0)).exp()
