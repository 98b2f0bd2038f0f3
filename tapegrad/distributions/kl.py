"""The Kullback-Leibler divergence, and the table of its formulas. Source: torch.distributions.kl."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from tapegrad.autograd import enable_grad
from tapegrad.autograd.engine import grad
from tapegrad.distributions.categorical import Categorical
from tapegrad.distributions.dirichlet import Dirichlet
from tapegrad.distributions.distribution import Distribution
from tapegrad.distributions.exp_family import ExponentialFamily
from tapegrad.distributions.independent import Independent
from tapegrad.distributions.lowrank_multivariate_normal import (
    LowRankMultivariateNormal,
    lowrank_logdet,
    lowrank_mahalanobis,
)
from tapegrad.distributions.multivariate_normal import MultivariateNormal, log_diagonal, mahalanobis
from tapegrad.distributions.one_hot_categorical import OneHotCategorical
from tapegrad.distributions.transformed_distribution import TransformedDistribution
from tapegrad.distributions.utils import sum_rightmost
from tapegrad.ops.new import full_like
from tapegrad.ops.solve import solve_triangular
from tapegrad.tensor import Tensor

_REGISTRY: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}
_FOUND: dict[tuple[type, type], Callable[[Any, Any], Any] | None] = {}
Formula = Callable[[Any, Any], Any]


def register_kl(type_p: type, type_q: type) -> Callable[[Formula], Formula]:
    """A decorator: fun(p, q) is the divergence of these classes and their subclasses.

    Raises: TypeError for what is no class of distributions.
    """
    for kind in (type_p, type_q):
        if not isinstance(kind, type) or not issubclass(kind, Distribution):
            raise TypeError(f"register_kl: {kind!r} is given; a class of distributions is needed.")

    def decorator(fun: Formula) -> Formula:
        _REGISTRY[type_p, type_q] = fun
        _FOUND.clear()
        return fun

    return decorator


def kl_divergence(p: Any, q: Any) -> Tensor:
    """The divergence of q from p: the mean over p of log p - log q, in nats. Shapes: the batch shape.

    Raises: NotImplementedError where there is no formula; add one with register_kl.
    """
    kinds = type(p), type(q)
    if kinds not in _FOUND:
        _FOUND[kinds] = _find(*kinds)
    fun = _FOUND[kinds]
    if fun is None:
        raise NotImplementedError(
            f"kl_divergence: there is no formula for {type(p).__name__} and {type(q).__name__}; "
            "register_kl adds one."
        )
    return fun(p, q)  # type: ignore[no-any-return] # a Tensor


def _find(type_p: type, type_q: type) -> Formula | None:
    """The formula of the closest classes: closest in p first, or in q first, which should agree."""
    matches = [(p, q) for p, q in _REGISTRY if issubclass(type_p, p) and issubclass(type_q, q)]
    if not matches:
        return None

    def order(match: tuple[type, type]) -> tuple[int, int]:
        return type_p.__mro__.index(match[0]), type_q.__mro__.index(match[1])

    by_p, by_q = min(matches, key=order), min(matches, key=lambda m: order(m)[::-1])
    if _REGISTRY[by_p] is not _REGISTRY[by_q]:
        warnings.warn(
            f"kl_divergence: two formulas fit {type_p.__name__} and {type_q.__name__}; register one with "
            f"register_kl({by_p[0].__name__}, {by_q[1].__name__}).",
            RuntimeWarning,
            stacklevel=3,
        )
    return _REGISTRY[by_p]


def infinite(like: Tensor) -> Tensor:
    """Infinity everywhere: p has values that q has not."""
    return full_like(like, math.inf)


def infinite_where(divergence: Tensor, where: Tensor) -> Tensor:
    """A divergence that is infinite somewhere."""
    return divergence.masked_fill(where, math.inf)


def never_within(type_p: type, parameter: str, *others: type) -> None:
    """The divergence of each of the others from type_p is infinite."""
    for other in others:
        register_kl(type_p, other)(lambda p, q: infinite(getattr(p, parameter)))


# ---- distributions of several dimensions, and made of others


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Any:
    """A Bregman divergence of the log normaliser."""
    if type(p) is not type(q):
        raise NotImplementedError(
            f"kl_divergence: {type(p).__name__} and {type(q).__name__} are two exponential families, for "
            "which there is no formula; register_kl adds one."
        )
    parameters = [x.detach().requires_grad_() for x in p._natural_params]
    with enable_grad():
        normaliser = p._log_normalizer(*parameters)
        slopes = grad(normaliser.sum(), parameters, create_graph=True)
    result = q._log_normalizer(*q._natural_params) - normaliser
    for mine, other, slope in zip(parameters, q._natural_params, slopes, strict=True):
        result = result - sum_rightmost((other - mine) * slope, len(q.event_shape))
    return result


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Any:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("kl_divergence: the two have different transforms or event shapes.")
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: the two have different reinterpreted_batch_ndims.")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Any:
    terms = infinite_where(p.probs * (p.logits - q.logits), q.probs == 0)
    return terms.masked_fill(p.probs == 0, 0.0).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Any:
    return _categorical(p._categorical, q._categorical)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    normalisers = total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return normalisers + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)


def _trace_of_square(matrix: Tensor) -> Tensor:
    """The trace of matrix @ matrix.mT."""
    return matrix.pow(2).sum((-2, -1))


def _solve(factor: Tensor, right: Tensor) -> Tensor:
    return solve_triangular(factor, right, upper=False)


def _need_event(p: Any, q: Any) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"kl_divergence: the event shapes are {list(p.event_shape)} and {list(q.event_shape)}; they must "
            "be equal."
        )


@register_kl(MultivariateNormal, MultivariateNormal)
def _mvn_mvn(p: Any, q: Any) -> Any:
    _need_event(p, q)
    a, b = p._unbroadcasted_scale_tril, q._unbroadcasted_scale_tril
    distance = mahalanobis(b, q.loc - p.loc)
    spread = _trace_of_square(_solve(b, a))
    return log_diagonal(b) - log_diagonal(a) + 0.5 * (spread + distance - p.event_shape[0])


def _low_rank(q: Any) -> tuple[Tensor, Tensor, Tensor]:
    return q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag, q._capacitance_tril


def _from_low_rank(q: Any, loc: Tensor, log_det: Tensor, roots: Sequence[Tensor]) -> Tensor:
    """Of a low rank q, from a normal p with this mean, and the sum of roots @ roots.mT as covariance."""
    w, d, inner = _low_rank(q)
    a = _solve(inner, w.mT / d.unsqueeze(-2))
    spread = sum(
        [_trace_of_square(r * d.rsqrt().unsqueeze(-1)) - _trace_of_square(a @ r) for r in roots[1:]],
        _trace_of_square(roots[0] * d.rsqrt().unsqueeze(-1)) - _trace_of_square(a @ roots[0]),
    )
    distance = lowrank_mahalanobis(w, d, q.loc - loc, inner)
    return 0.5 * (lowrank_logdet(w, d, inner) - log_det + spread + distance - loc.shape[-1])


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _mvn_low(p: Any, q: Any) -> Any:
    _need_event(p, q)
    root = p._unbroadcasted_scale_tril
    return _from_low_rank(q, p.loc, 2 * log_diagonal(root), [root])


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_low(p: Any, q: Any) -> Any:
    _need_event(p, q)
    w, d, inner = _low_rank(p)
    return _from_low_rank(q, p.loc, lowrank_logdet(w, d, inner), [d.sqrt().diag_embed(), w])


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_mvn(p: Any, q: Any) -> Any:
    _need_event(p, q)
    (w, d, inner), b = _low_rank(p), q._unbroadcasted_scale_tril
    spread = _trace_of_square(_solve(b, w)) + _trace_of_square(_solve(b, d.sqrt().diag_embed()))
    log_dets = 2 * log_diagonal(b) - lowrank_logdet(w, d, inner)
    return 0.5 * (log_dets + spread + mahalanobis(b, q.loc - p.loc) - p.event_shape[0])
