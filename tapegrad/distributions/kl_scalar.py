"""Formulas of the divergence of numbers' distributions. Source: torch.distributions.kl."""

from __future__ import annotations

import math
from typing import Any

from tapegrad.distributions.bernoulli import Bernoulli
from tapegrad.distributions.beta import Beta
from tapegrad.distributions.binomial import Binomial
from tapegrad.distributions.cauchy import Cauchy
from tapegrad.distributions.continuous_bernoulli import ContinuousBernoulli
from tapegrad.distributions.exponential import Exponential
from tapegrad.distributions.gamma import Gamma
from tapegrad.distributions.geometric import Geometric
from tapegrad.distributions.gumbel import Gumbel
from tapegrad.distributions.half_normal import HalfNormal
from tapegrad.distributions.kl import infinite_where, never_within, register_kl
from tapegrad.distributions.laplace import Laplace
from tapegrad.distributions.normal import Normal
from tapegrad.distributions.pareto import Pareto
from tapegrad.distributions.poisson import Poisson
from tapegrad.distributions.uniform import Uniform
from tapegrad.distributions.utils import euler_constant
from tapegrad.ops.networks.activations import softplus
from tapegrad.tensor import Tensor


def _x_log_x(x: Tensor) -> Tensor:
    return x.xlogy(x)


# ---- of one family


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    success = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    success = infinite_where(success, q.probs == 0).masked_fill(p.probs == 0, 0.0)
    failure = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    return success + infinite_where(failure, q.probs == 1).masked_fill(p.probs == 1, 0.0)


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Any:
    (a, b), (c, d) = (p.concentration1, p.concentration0), (q.concentration1, q.concentration0)
    above = c.lgamma() + d.lgamma() + (a + b).lgamma()
    below = a.lgamma() + b.lgamma() + (c + d).lgamma()
    slopes = (a - c) * a.digamma() + (b - d) * b.digamma() + (c + d - a - b) * (a + b).digamma()
    return above - below + slopes


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Any:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError("kl_divergence: of Binomials, q.total_count must not exceed p.total_count.")
    each = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return infinite_where(p.total_count * each, p.total_count > q.total_count)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Any:
    above = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return above.log() - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Any:
    mine = p._cont_bern_log_norm() + (-p.probs).log1p()
    return p.mean * (p.logits - q.logits) + mine - q._cont_bern_log_norm() - (-q.probs).log1p()


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    normalisers = b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma()
    return normalisers + (a - b) * a.digamma() + (q.rate - p.rate) * (a / p.rate)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Any:
    ratio, mine, other = p.scale / q.scale, p.loc / q.scale, q.loc / q.scale
    inner = (other + (1 + ratio).lgamma() - mine).exp()
    return -ratio.log() - other + mine + ratio * euler_constant + inner - (1 + euler_constant)


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Any:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Any:
    ratio, apart = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + apart / q.scale + ratio * (-apart / p.scale).exp() - 1


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Any:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return infinite_where(result, p.scale < q.scale)


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Any:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return infinite_where(result, (q.low > p.low) | (q.high < p.high))


# ---- of two families: infinite where q lacks values of p

never_within(Beta, "concentration1", Pareto)
never_within(ContinuousBernoulli, "probs", Pareto)
never_within(Exponential, "rate", Beta, ContinuousBernoulli, Pareto, Uniform)
never_within(Gamma, "concentration", Beta, ContinuousBernoulli, Pareto, Uniform)
never_within(Gumbel, "loc", Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)
never_within(Laplace, "loc", Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)
never_within(Normal, "loc", Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)
never_within(Pareto, "scale", Beta, ContinuousBernoulli, Uniform)
never_within(Poisson, "rate", Bernoulli, Binomial)

# ---- of two families: to a normal one


def _to_normal(p: Any, q: Any, mean: Tensor, variance: Tensor) -> Any:
    """From any p with an entropy: the cross entropy needs its mean and variance only."""
    square = q.scale.pow(2)
    return (
        -p.entropy() + 0.5 * (2 * math.pi * square).log() + (variance + (mean - q.loc).pow(2)) / (2 * square)
    )


@register_kl(Beta, Normal)
@register_kl(ContinuousBernoulli, Normal)
@register_kl(Exponential, Normal)
@register_kl(Gamma, Normal)
@register_kl(Gumbel, Normal)
@register_kl(Laplace, Normal)
@register_kl(Uniform, Normal)
def _any_normal(p: Any, q: Any) -> Any:
    return _to_normal(p, q, p.mean, p.variance)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Any, q: Any) -> Any:
    mean = p.scale * p.alpha / (p.alpha - 1)
    variance = p.scale.pow(2) * p.alpha / ((p.alpha - 1).pow(2) * (p.alpha - 2))
    return infinite_where(_to_normal(p, q, mean, variance), p.alpha <= 2)


# ---- of two families: to an exponential or a gamma one


@register_kl(Beta, Exponential)
@register_kl(ContinuousBernoulli, Exponential)
@register_kl(Gamma, Exponential)
def _any_exponential(p: Any, q: Any) -> Any:
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Any, q: Any) -> Any:
    mean = p.alpha * p.scale / (p.alpha - 1)
    return infinite_where(-p.entropy() - q.rate.log() + q.rate * mean, p.alpha <= 1)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Any:
    return infinite_where(_any_exponential(p, q), p.low < 0)


def _to_gamma(p: Any, q: Any, mean: Tensor, mean_log: Tensor) -> Any:
    """From any p of positive numbers with an entropy: the mean, and that of the logarithms, are needed."""
    a, rate = q.concentration, q.rate
    return -p.entropy() + a.lgamma() - a * rate.log() - (a - 1) * mean_log + rate * mean


@register_kl(Beta, Gamma)
def _beta_gamma(p: Any, q: Any) -> Any:
    total = p.concentration1 + p.concentration0
    return _to_gamma(p, q, p.mean, p.concentration1.digamma() - total.digamma())


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Any, q: Any) -> Any:
    return _to_gamma(p, q, p.mean, -euler_constant - p.rate.log())


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Any, q: Any) -> Any:
    mean = p.alpha * p.scale / (p.alpha - 1)
    return infinite_where(_to_gamma(p, q, mean, p.scale.log() + p.alpha.reciprocal()), p.alpha <= 1)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Any:
    return infinite_where(_to_gamma(p, q, p.mean, _mean_log(p.low, p.high)), p.low < 0)


def _mean_log(low: Tensor, high: Tensor) -> Tensor:
    """The mean of log x between two numbers."""
    return (_x_log_x(high) - _x_log_x(low) - (high - low)) / (high - low)


# ---- of two families: to a beta, continuous Bernoulli, Gumbel, Laplace, Pareto, Poisson or uniform one


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Any:
    a, b = q.concentration1, q.concentration0
    logs = (a - 1) * _mean_log(p.low, p.high) + (b - 1) * _mean_log(1 - p.high, 1 - p.low)
    result = -p.entropy() - logs + a.lgamma() + b.lgamma() - (a + b).lgamma()
    return infinite_where(result, (p.high > 1) | (p.low < 0))


def _to_continuous_bernoulli(p: Any, q: Any) -> Any:
    return -p.entropy() - p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


register_kl(Beta, ContinuousBernoulli)(_to_continuous_bernoulli)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Any:
    return infinite_where(_to_continuous_bernoulli(p, q), (p.high >= 1) | (p.low <= 0))


def _to_gumbel(p: Any, q: Any, mean: Tensor, mean_exp: Tensor) -> Any:
    """From any p with an entropy. mean_exp: of exp(-x / q.scale)."""
    where = q.loc / q.scale
    return -p.entropy() + q.scale.log() + mean / q.scale - where + where.exp() * mean_exp


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Any, q: Any) -> Any:
    product = p.rate * q.scale
    return _to_gumbel(p, q, p.mean, product / (product + 1))


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Any, q: Any) -> Any:
    product = p.rate * q.scale
    return _to_gumbel(p, q, p.mean, (1 + product.reciprocal()).pow(-p.concentration))


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Any, q: Any) -> Any:
    return _to_gumbel(p, q, p.mean, (-p.loc / q.scale + 0.5 * (p.scale / q.scale).pow(2)).exp())


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Any, q: Any) -> Any:
    ends = (-p.low / q.scale).exp() - (-p.high / q.scale).exp()
    return _to_gumbel(p, q, p.mean, ends * q.scale / (p.high - p.low))


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Any:
    apart = p.loc - q.loc
    share = apart / p.scale
    near = math.sqrt(2 / math.pi) * p.scale * (-0.5 * share.pow(2)).exp()
    far = apart * (math.sqrt(0.5) * share).erf()
    return -p.entropy() + (2 * q.scale).log() + (near + far) / q.scale


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Any:
    logs = (q.alpha + 1) * _mean_log(p.low, p.high)
    result = -p.entropy() - q.alpha.log() - q.alpha * q.scale.log() + logs
    return infinite_where(result, p.low < q.scale)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Any:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Any:
    return infinite_where(-p.entropy() + (q.high - q.low).log(), (q.low > 0) | (q.high < 1))


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Any:
    # torch's bounds: it calls the ends themselves, and what contains them, infinite
    return infinite_where(-p.entropy() + (q.high - q.low).log(), (q.low >= 0) | (q.high <= 1))
