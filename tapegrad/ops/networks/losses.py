"""Losses, as torch.nn.functional names them."""

from __future__ import annotations

from math import log, pi
from typing import Any

import tapegrad.kernels.losses as L
from tapegrad._errors import choices, describe, say_once, sizes
from tapegrad.define import cast, offer, opaque
from tapegrad.dtypes import FLOATING
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage
from tapegrad.naming import argument
from tapegrad.ops import distances, losses
from tapegrad.ops.losses import check_reduction, legacy_reduction, reduced, same_shape
from tapegrad.ops.networks.activations import logsigmoid
from tapegrad.ops.new import ones_like
from tapegrad.ops.pairs import xlogy
from tapegrad.ops.pointwise import where
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

# ---- of each element: ops whose rules are written


def _of_smooth(F: Any, g: Any, x: Any, t: Any, shapes: Any, beta: float) -> Any:
    d = x - t
    return g * F.where(d <= -beta, -1, F.where(d >= beta, 1, d / beta))


def _of_huber(F: Any, g: Any, x: Any, t: Any, shapes: Any, delta: float) -> Any:
    d = x - t
    return g * F.where(d < -delta, -delta, F.where(d > delta, delta, d))


def _each(name: str, kernel: Any, first: Any, second: Any = None, title: str | None = None) -> Any:
    """An op of two tensors of one shape. second: None if it is the first's negative."""

    def mirrored(F: Any, g: Any, *rest: Any) -> Any:
        return -first(F, g, *rest)

    return opaque(
        name,
        kernel,
        kind="elementwise",
        saves=((0, 1), (0, 1)),
        d=(first, second or mirrored),
        title=title,
    )


_smooth_l1 = _each("smooth_l1_loss", L.smooth_l1, _of_smooth, title="SmoothL1LossBackward0")
_huber = _each("huber_loss", L.huber, _of_huber)
_bce = _each(
    "binary_cross_entropy",
    L.cross_entropy,
    lambda F, g, x, t, shapes: g * (x - t) / F.clamp_min((1 - x) * x, 1e-12),
    lambda F, g, x, t, shapes: g * (F.log1p(-x) - F.log(x)),
)
_bce_of_logits = _each(
    "binary_cross_entropy_with_logits",
    L.cross_entropy_of_logits,
    lambda F, g, x, t, shapes: g * (F.sigmoid(x) - t),
    lambda F, g, x, t, shapes: -g * x,
)

# ---- what all share


def _floating(op: str, x: Any) -> Tensor:
    t = need_tensor(x, op)
    if t._kind.kind not in FLOATING:
        raise NotImplementedError(f"{op}: input is {describe(t)}; a floating point tensor is needed.")
    return t


def _both(op: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Input and target in one shape and dtype, which may broadcast."""
    x, t = need_tensor(input, op), need_tensor(target, op, "target")
    if x._a.shape != t._a.shape or x._kind is not t._kind:
        x, t = same_shape(x, t, op)
    return _floating(op, x), t


def _equal(op: str, input: Any, target: Any) -> None:
    x, t = need_tensor(input, op), need_tensor(target, op, "target")
    if x._a.shape != t._a.shape:
        raise ValueError(
            f"{op}: {argument('input', x)} is {sizes(x._a.shape)} and {argument('target', t)} is "
            f"{sizes(t._a.shape)}; they must be equal."
        )


def _values(t: Tensor) -> Any:
    """All values of a tensor, without the tangents that it may have in a transform."""
    a: Any = t._a
    while isinstance(a, Storage):
        a = a.raw if hasattr(a, "raw") else a.primal  # type: ignore[attr-defined] # one of the two kinds
    return a


def _weighted(op: str, each: Tensor, weight: Any, input: Tensor) -> Tensor:
    if need_tensor(weight, op, "weight")._a.shape != input._a.shape:
        raise ValueError(
            f"{op}: weight is {sizes(weight._a.shape)} and input {sizes(input._a.shape)}; they must be equal."
        )
    weighted: Tensor = each * weight
    return weighted


# ---- regression


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The absolute difference of input and target, elementwise, or its (weighted) mean or sum.

    Raises: ValueError for another reduction, RuntimeError for shapes that do not broadcast.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction("l1_loss", reduction)
    x, t = need_tensor(input, "l1_loss"), need_tensor(target, "l1_loss", "target")
    if x._a.shape != t._a.shape:
        x, t = same_shape(x, t, "l1_loss")
    each = (x - t).abs()
    if weight is None:
        return reduced("l1_loss", each, reduction)
    each = _weighted("l1_loss", each, weight, input)
    return each.sum() / weight.sum() if reduction == "mean" else reduced("l1_loss", each, reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """l1_loss, but squared where the difference is below beta.

    Raises: ValueError for another reduction, RuntimeError for a negative beta.
    Source: R. Girshick, "Fast R-CNN" (2015).
    """
    if beta == 0:
        return l1_loss(input, target, size_average, reduce, reduction)
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction("smooth_l1_loss", reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss: beta is {beta}; 0 or more is needed.")
    return reduced("smooth_l1_loss", _smooth_l1(*_both("smooth_l1_loss", input, target), beta), reduction)


def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Half the squared difference up to delta, straight on from there; in input's dtype.

    Raises: ValueError for another reduction, RuntimeError unless delta is positive.
    Source: P. Huber, "Robust Estimation of a Location Parameter" (1964).
    """
    check_reduction("huber_loss", reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss: delta is {delta}; it must be positive.")
    each = _huber(*_both("huber_loss", input, target), delta)
    if each._kind is not input._kind:
        if input._kind.kind not in FLOATING:
            raise RuntimeError(f"huber_loss: input is {describe(input)}; the result has its dtype.")
        each = cast(each, input._kind)
    return reduced(
        "huber_loss", each if weight is None else _weighted("huber_loss", each, weight, input), reduction
    )


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-08,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-probability of counts, of rates exp(input), or input; `full`: with Stirling's
    approximation of what does not depend on input."""
    op = "poisson_nll_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    x, t = need_tensor(input, op), need_tensor(target, op, "target")
    each = x.exp() - t * x if log_input else x - t * (x + eps).log()
    if full:
        stirling = t * t.log() - t + (t * (2 * pi)).log() * 0.5
        each = each + where(t <= 1, 0, stirling)
    return reduced(op, each, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-06,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-probability of target, of normal numbers around input of variance var (eps or more).

    Raises: ValueError for a negative variance, one that does not fit, or another reduction.
    """
    op = "gaussian_nll_loss"
    x = need_tensor(input, op)
    v = ones_like(x.detach()) * var if isinstance(var, float) else need_tensor(var, op, "var")
    if (_values(v) < 0).any():
        raise ValueError(f"{op}: var has a negative element; 0 or more is needed.")
    shape, other = tuple(x.shape), tuple(v.shape)
    if shape != other:
        if shape[:-1] == other:
            v = v.unsqueeze(-1)
        elif len(shape) != len(other) or sum(b for a, b in zip(shape, other, strict=True) if a != b) != 1:
            raise ValueError(f"{op}: var is {sizes(other)} and input is {sizes(shape)}; var must fit it.")
    check_reduction(op, reduction)
    limited = where(v < eps, v + (eps - v.detach()), v)
    each = (limited.log() + (x - target) ** 2 / limited) * 0.5
    return reduced(op, each + 0.5 * log(2 * pi) if full else each, reduction)


# ---- of probabilities


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-target log(input) - (1 - target) log(1 - input); logarithms are at least -100.

    Shapes: input and target equal; weight broadcasts.
    Raises: ValueError for other shapes, RuntimeError for numbers outside 0 to 1, or another dtype.
    """
    op = "binary_cross_entropy"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    _equal(op, input, target)
    x = _floating(op, input)
    if x._kind is not target._kind:
        raise RuntimeError(f"{op}: input is {x.dtype} and target {target.dtype}; they must be equal.")
    for name, given, cure in (("input", x, "take its sigmoid first"), ("target", target, "scale it")):
        a = _values(given)
        if not ((a >= 0) & (a <= 1)).all():
            raise RuntimeError(f"{op}: {name} has a number outside 0 to 1; {cure}.")
    each = _bce(x, target)
    return reduced(op, each if weight is None else each * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """binary_cross_entropy of sigmoid(input), without its overflow. pos_weight: what the terms of target are
    multiplied with.

    Shapes: input and target equal; weight and pos_weight broadcast. The result has target's dtype.
    Raises: ValueError for other shapes, NotImplementedError and RuntimeError for other dtypes.
    """
    op = "binary_cross_entropy_with_logits"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    _equal(op, input, target)
    _floating(op, input)
    if target._kind.kind not in FLOATING:
        raise RuntimeError(f"{op}: target is {target.dtype}; a floating point tensor is needed.")
    if pos_weight is None:
        if input._kind is target._kind:
            each = _bce_of_logits(*_both(op, input, target))
        else:  # each in its own dtype
            each = (1 - target) * input - logsigmoid(input)
    else:
        each = (1 - target) * input - ((pos_weight - 1) * target + 1) * logsigmoid(input)
    each = each if weight is None else each * weight
    if each._a.shape != input._a.shape:
        raise RuntimeError(f"{op}: input is {sizes(input._a.shape)}; the weights must broadcast to it.")
    return reduced(op, each if each._kind is target._kind else cast(each, target._kind), reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log(target) - input): the divergence of probabilities from log-probabilities. log_target:
    target is logarithms, too. "batchmean" divides the sum by the first size, as the definition does.

    Raises: ValueError for another reduction.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if reduction not in ("none", "mean", "sum", "batchmean"):
        known = choices(("none", "mean", "sum", "batchmean"))
        raise ValueError(f"kl_div: reduction is {reduction!r}; {known} is needed.")
    if reduction == "mean":
        say_once("kl_div: 'mean' divides by all sizes; 'batchmean' is the divergence per entry of the batch.")
    x, t = need_tensor(input, "kl_div"), need_tensor(target, "kl_div", "target")
    each = t.exp() * (t - x) if log_target else xlogy(t, t) - t * x
    if reduction != "batchmean":
        return reduced("kl_div", each, reduction)
    return each.sum() / x.shape[0] if x._a.ndim else each.sum()


# ---- margins


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target * input)), target 1 or -1, in input's dtype and shape.

    Raises: RuntimeError for other dtypes, or a target that does not broadcast to input.
    """
    op = "soft_margin_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    x, t = need_tensor(input, op), need_tensor(target, op, "target")
    if x._kind.kind not in FLOATING:
        raise RuntimeError(f"{op}: input is {describe(x)}; a floating point tensor is needed.")
    each = (t if t._kind is x._kind else cast(t, x._kind)) * x
    if each._a.shape != x._a.shape:
        raise RuntimeError(
            f"{op}: {argument('target', t)} is {sizes(t._a.shape)} and {argument('input', x)} "
            f"{sizes(x._a.shape)}; target must broadcast to input."
        )
    return reduced(op, -logsigmoid(each), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the last dimension of the cross entropies of sigmoid(input) with target, 0 or 1."""
    op = "multilabel_soft_margin_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    x, t = need_tensor(input, op), need_tensor(target, op, "target")
    each = -(t * logsigmoid(x) + (1 - t) * logsigmoid(-x))
    each = each if weight is None else each * weight
    last = x.ndim - 1  # of x, also where what it broadcasts with has more
    return reduced(op, each.sum(last) / x.shape[last], reduction)


offer(vars(distances), functions="cosine_similarity pairwise_distance pdist", namespace="nn")
offer(vars(losses), functions="cross_entropy mse_loss nll_loss", namespace="nn")
offer(
    globals(),
    functions="binary_cross_entropy binary_cross_entropy_with_logits gaussian_nll_loss huber_loss kl_div "
    "l1_loss multilabel_soft_margin_loss poisson_nll_loss smooth_l1_loss soft_margin_loss",
    namespace="nn",
)
nameless(globals())
