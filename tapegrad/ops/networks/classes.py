"""Losses of scores of classes: margins between them, and the cross entropy of a linear map."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tapegrad._errors import describe, sizes
from tapegrad.define import offer
from tapegrad.dtypes import F4, F8, I8
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import arrays_of
from tapegrad.ops.cumulative import cumprod
from tapegrad.ops.gather import gather, scatter_add
from tapegrad.ops.losses import check_reduction, cross_entropy, legacy_reduction
from tapegrad.ops.nn import linear
from tapegrad.ops.pointwise import where
from tapegrad.ops.series import arange
from tapegrad.ops.shape import reshape, unsqueeze
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor
from tapegrad.views import standalone


def _scores(op: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Input as [N, C], and target. Raises: RuntimeError for other shapes, or a target that is not int64."""
    x, t = need_tensor(input, op), need_tensor(target, op, "target")
    if x._a.ndim > 2 or (x._a.shape or (1,))[-1] == 0:
        raise RuntimeError(
            f"{op}: input is {sizes(x._a.shape)}; [N, C] or [C], of one class or more, is needed."
        )
    if t._kind is not I8:
        raise RuntimeError(f"{op}: target is {t.dtype}; int64 is needed. Use .long().")
    return (x if x._a.ndim == 2 else reshape(x, (1, -1))), t


def _need_wide(op: str, x: Tensor) -> None:
    """Raises: NotImplementedError for other dtypes."""
    if x._kind is not F4 and x._kind is not F8:
        raise NotImplementedError(f"{op}: input is {x.dtype}; float32 or float64 is needed.")


def _in_range(op: str, target: Tensor, low: int, classes: int) -> None:
    for a in arrays_of(target._a):
        if a.size and not low <= np.min(a) <= np.max(a) < classes:
            raise RuntimeError(
                f"{op}: target has {np.min(a)} to {np.max(a)}; {low} to {classes - 1} is needed."
            )


def _reduced(each: Tensor, reduction: str, shape: tuple[int, ...]) -> Tensor:
    if reduction == "none":
        return standalone(reshape(each, shape))  # type: ignore[no-any-return] # a Tensor
    return each.mean() if reduction == "mean" else each.sum()


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of weight * max(0, margin - input[target] + input[class]) ** p, without the
    target's own.

    Shapes: input [N, C], target [N] -> [N]; or [C] and []. weight: [C], of the target's class.
    Raises: ValueError for p, a weight that is not 1-d or another reduction, RuntimeError for what does not
    fit.
    """
    op = "multi_margin_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    if p not in (1, 2):
        raise ValueError(f"{op}: p is {p}; 1 or 2 is needed.")
    if weight is not None and weight._a.ndim != 1:
        raise ValueError(f"{op}: weight is {sizes(weight._a.shape)}; one number per class is needed.")
    x, t = _scores(op, input, target)
    n, classes = x._a.shape
    if t._a.shape != (n,) and not (n == t._a.size == 1 and t._a.ndim < 2):
        raise RuntimeError(
            f"{op}: input is {sizes(input._a.shape)} and target {sizes(t._a.shape)}; [N] is needed."
        )
    if weight is not None and (weight._a.shape != (classes,) or weight._kind is not x._kind):
        raise RuntimeError(f"{op}: weight is {describe(weight)}; {x.dtype.name}[{classes}] is needed.")
    _need_wide(op, x)
    _in_range(op, t, 0, classes)
    at = reshape(t, (n, 1))
    z = margin - gather(x, 1, at) + x
    counts = (z > 0) & (arange(classes) != at)
    z = where(counts, z, 0)
    z = z if p == 1 else z * z
    if weight is not None:  # which may be nan where nothing counts
        z = z * where(counts, gather(weight, 0, reshape(t, -1)).unsqueeze(1), 0)
    return _reduced(z.sum(1) / classes, reduction, t._a.shape)


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum over targets, and classes that are none, of max(0, 1 - input[target] + input[class]) / classes.

    Shapes: input and target [N, C] -> [N]; or [C]. target: the classes' numbers up to the first -1.
    Raises: ValueError for another reduction, RuntimeError for what does not fit.
    """
    op = "multilabel_margin_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    x, t = _scores(op, input, target)
    if t._a.shape != input._a.shape:
        raise RuntimeError(
            f"{op}: input is {sizes(input._a.shape)} and target {sizes(t._a.shape)}; they must be equal."
        )
    n, classes = x._a.shape
    _in_range(op, t, -1, classes)
    _need_wide(op, x)
    t = reshape(t, (n, classes))
    known = cumprod((t >= 0).long(), 1)
    at = t * known
    own = scatter_add(known * 0, 1, at, known) > 0
    z = unsqueeze(x, 1) - unsqueeze(gather(x, 1, at), 2) + 1
    z = where((z > 0) & (unsqueeze(known, 2) > 0) & ~unsqueeze(own, 1), z, 0)
    return _reduced(z.sum((1, 2)) / classes, reduction, input._a.shape[:-1])


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target).

    Shapes: input [N, in] or [in], linear_weight [C, ..., in], linear_bias [C, ...]; target [N, ...], or
    probabilities [N, C, ...]. options: how torch saves memory by computing it in parts; nothing changes here.
    Raises: RuntimeError for what does not fit.
    """
    op = "linear_cross_entropy"
    x, w = need_tensor(input, op), need_tensor(linear_weight, op, "linear_weight")
    *lead, n = x._a.shape or (0,)
    classes, *more = w._a.shape[:-1] or (0,)
    biased = linear_bias is not None and linear_bias._a.shape != w._a.shape[:-1]
    if x._a.ndim not in (1, 2) or w._a.ndim < 2 or w._a.shape[-1] != n or biased or (more and not lead):
        raise RuntimeError(
            f"{op}: input is {sizes(x._a.shape)}, linear_weight {sizes(w._a.shape)} and linear_bias "
            f"{describe(linear_bias)}; [N, in], [C, ..., in] and [C, ...] are needed."
        )
    shape = (*lead, classes, *more)
    if target._a.shape == shape and ignore_index is not None:
        raise RuntimeError(
            f"{op}: target has probabilities and ignore_index is {ignore_index}; leave it out."
        )
    rows = prod(w._a.shape[:-1])
    bias = None if linear_bias is None else reshape(linear_bias, rows)
    logits = reshape(linear(x, reshape(w, (rows, n)), bias), shape)
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits,
        target,
        weight=weight,
        reduction=reduction,
        ignore_index=ignored,
        label_smoothing=label_smoothing,
    )


offer(globals(), functions="linear_cross_entropy multi_margin_loss multilabel_margin_loss", namespace="nn")
nameless(globals())
