"""Losses."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.kernels.loss as Q
from tapegrad._errors import choices, describe, say_once, sizes
from tapegrad._state import grad_enabled
from tapegrad.define import Function, cast, composite, elementwise, indexing, offer
from tapegrad.dtypes import F4, F8, FLOATING, I8, U1, of
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.reduce import amax, amin
from tapegrad.levels import Storage, arrays_of
from tapegrad.naming import argument
from tapegrad.ops.index import fetch
from tapegrad.ops.new import ones_like
from tapegrad.ops.nn import log_softmax
from tapegrad.ops.picking import pick
from tapegrad.ops.pointwise import add, div, mul, neg, sub, where
from tapegrad.ops.reduce import mean
from tapegrad.ops.reduce import sum as sum_
from tapegrad.ops.shape import expand, expand_as, reshape, unsqueeze
from tapegrad.promotion import need_tensor, real_only, result_dtype
from tapegrad.tensor import Tensor, wrap

_REDUCTIONS = ("none", "mean", "sum")


def check_reduction(name: str, reduction: str) -> None:
    """Raises: ValueError for an unknown reduction."""
    if reduction not in _REDUCTIONS:
        raise ValueError(f"{name}: reduction is {reduction!r}; {choices(_REDUCTIONS)} is needed.")


def reduced(op: str, each: Tensor, reduction: str) -> Tensor:
    """The losses, their mean or their sum."""
    check_reduction(op, reduction)
    return each if reduction == "none" else each.mean() if reduction == "mean" else each.sum()


@composite("mse_loss", 2, (Q.mse, Q.mse_vjp))
def _mse(F: Any, x: Any, y: Any, n: int) -> Any:
    d = x - y
    return F.sum(d * d) / n


_squared_error = elementwise(
    "mse_loss.none",
    lambda x, y: np.square(x - y),
    ir="(a - b) * (a - b)",
    d=("g * ((a - b) * 2)", "g * ((b - a) * 2)"),
)


def same_shape(input: Tensor, target: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Both in one shape and dtype."""
    if input._a.shape != target._a.shape:
        say_once(
            f"{name}: input is {sizes(input._a.shape)} and target is {sizes(target._a.shape)}; they are "
            "broadcast, which is rarely meant. Give both one shape, e.g. with target.view_as(input)."
        )
        try:
            shape = np.broadcast_shapes(input._a.shape, target._a.shape)
        except ValueError:
            raise RuntimeError(
                f"{name}: {argument('input', input)} is {sizes(input._a.shape)} and "
                f"{argument('target', target)} is {sizes(target._a.shape)}; they must be equal."
            ) from None
        input, target = expand(input, shape), expand(target, shape)
    if input._a.dtype is not target._a.dtype:
        kind = result_dtype((input, target))
        input, target = (x if x._a.dtype is kind else cast(x, kind) for x in (input, target))
    return input, target


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The squared difference of input and target, elementwise, or its mean or sum.

    Raises: ValueError for another reduction, RuntimeError for shapes that do not broadcast,
    NotImplementedError for integers.
    """
    if reduction == "mean" and size_average is None and reduce is None and weight is None:
        try:
            kind = input._kind
            if kind is target._kind and (kind is F4 or kind is F8) and input._a.shape == target._a.shape:
                return _mse(input, target, input._a.size)
        except AttributeError:
            pass
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction("mse_loss", reduction)
    x, y = need_tensor(input, "mse_loss"), need_tensor(target, "mse_loss", "target")
    if x._a.shape != y._a.shape or x._a.dtype is not y._a.dtype:
        x, y = same_shape(x, y, "mse_loss")
    if x._a.dtype.kind not in FLOATING and (weight is None or x._a.dtype.kind != "c"):
        raise NotImplementedError(
            f"mse_loss: input is {x.dtype}; a floating point tensor is needed. Use .float() first."
        )
    if weight is not None:
        if need_tensor(weight, "mse_loss", "weight")._a.shape != input._a.shape:
            given, need = sizes(weight._a.shape), sizes(input._a.shape)
            raise ValueError(f"mse_loss: weight is {given} and input is {need}; they must be equal.")
        d = sub(x, y)
        losses = mul(mul(d, d), weight)
        if reduction == "none":
            return losses
        return sum_(losses) if reduction == "sum" else div(sum_(losses), sum_(expand_as(weight, losses)))
    result: Tensor = (
        _squared_error(x, y) if reduction == "none" else _mse(x, y, x._a.size if reduction == "mean" else 1)
    )
    return result


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that torch's two old flags mean, if one of them is given."""
    if size_average is None and reduce is None:
        return reduction
    say_once("size_average and reduce are deprecated; pass reduction='mean', 'sum' or 'none'.")
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _losses_of_batch(batch: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of nll_loss(logp, classes, w, n, reduce), where only logp differs per entry."""
    (x,), (classes, w, n, reduce) = xs, args
    at = 0 if x.ndim == 1 else 1
    index = np.expand_dims(classes, at)
    index = np.broadcast_to(index, (batch.size, *index.shape))
    losses = batch.run("neg", batch.run("pick", x.raw, args=(index, at + 1, False)))
    if w is not None:
        losses = batch.run("where", w == 0, np.zeros((), w.dtype), batch.run("mul", losses, w))
    if not reduce:
        return losses
    return batch.run("div", batch.run("sum.dim", losses, args=(tuple(range(1, losses.ndim)), False)), n)


def _spread_of_batch(batch: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of its adjoint: each entry's cotangent times what a cotangent of 1 gives."""
    (g,), (*_, reduce, shape) = xs, args
    of_one = op.forward(np.ones(g.shape, g.dtype)[()], *args)
    ones = (1,) * len(shape) if reduce else (*g.shape[:1], 1, *g.shape[1:]) if len(shape) > 1 else (1,)
    return batch.run("mul", batch.reshape(g.raw, (batch.size, *ones)), of_one)


def _picking(key: str, title: str) -> Function:
    """The loss of the picked classes: torch's node is named by the dimensions of its input."""
    gather, _ = indexing(
        (key, f"{key}.spread"),
        Q.nll_loss,
        lambda g, classes, w, n, _, shape: Q.nll_spread(g, classes, w, n, shape),
        titles=(f"{title}Backward0", f"{title}BackwardBackward0"),
        batch=(_losses_of_batch, _spread_of_batch),
    )
    return gather


_nll, _nll_2d = _picking("nll_loss", "NllLoss"), _picking("nll_loss.2d", "NllLoss2D")


def _other_shape(name: str, x: Tensor, target: Tensor) -> Exception:
    """The error for a target that does not have one class per row of x."""
    a, b = x._a.shape, target._a.shape
    wanted = a[:1] + a[2:] if len(a) > 1 else ()
    kind: type[Exception] = RuntimeError
    if len(a) > 1:
        kind = ValueError if a[0] != (b[0] if b else 0) else kind if b else IndexError
    elif len(b) == 1:
        kind = ValueError
    return kind(
        f"{name}: {argument('input', x)} is {sizes(a)} and {argument('target', target)} is {sizes(b)}; "
        f"target must be {sizes(wanted)}."
    )


def _class_indices(name: str, x: Tensor, target: Tensor) -> Any:
    """The target as an int64 array of classes, one per row of the input."""
    shape, t = x._a.shape, need_tensor(target, name, "target")._a
    if len(shape) == 1 and t.shape == (1,):
        t = t.reshape(())
    wanted = shape[:1] + shape[2:] if len(shape) > 1 else ()
    if t.shape != wanted:
        raise _other_shape(name, x, target)
    if t.dtype is not I8 and t.dtype is not U1:
        raise RuntimeError(
            f"{name}: {argument('target', target)} is {target.dtype}; class indices (int64) are needed. Use "
            ".long()."
        )
    return t.astype(I8, copy=False)


def _check_classes(name: str, target: Tensor, classes: int, ignore: int) -> bool:
    """Whether none can be ignored. Raises: IndexError for a class out of range."""
    inside = not 0 <= ignore < classes
    for a in arrays_of(target._a):
        if a.size and (amin(a, None, False) < 0 or amax(a, None, False) >= classes):
            inside = False
            bad = a[((a < 0) | (a >= classes)) & (a != ignore)]
            if bad.size:
                raise IndexError(
                    f"{name}: {argument('target', target)} has class {int(bad[0])}; with {classes} classes "
                    f"it must be 0 to {classes - 1}."
                )
    return inside


def _class_weight(name: str, weight: Tensor | None, x: Tensor) -> Any:
    if weight is None:
        return None
    w, classes = need_tensor(weight, name, "weight")._a, x._a.shape[:2][-1]
    if w.shape != (classes,) or w.dtype is not x._a.dtype:
        raise RuntimeError(
            f"{name}: {argument('weight', weight)} is {describe(weight)}; one per class is needed, "
            f"{of(x._a.dtype)}[{classes}]."
        )
    return w


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-probability of the target classes; the mean is weighted; ignore_index counts for
    nothing.

    Shapes: input [N, C, ...] or [C] log-probabilities, target [N, ...] or [] classes, weight [C].
    Raises: IndexError for a class out of range, ValueError for another reduction or batch size, RuntimeError
    for other shapes and dtypes.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction("nll_loss", reduction)
    x = need_tensor(input, "nll_loss")
    if x._a.ndim == 0:
        raise ValueError("nll_loss: input is 0-d; [C], [N, C] or [N, C, ...] is needed.")
    need_tensor(target, "nll_loss", "target")
    if weight is not None and need_tensor(weight, "nll_loss", "weight").requires_grad and grad_enabled():
        if x._a.ndim > 1 and x._a.shape[:1] != target._a.shape[:1]:
            raise _other_shape("nll_loss", x, target)
        raise RuntimeError("nll_loss: weight requires grad but has no derivative; pass weight.detach().")
    t = _class_indices("nll_loss", x, target)
    real_only("nll_loss", (x,))
    w = _class_weight("nll_loss", weight, x)
    all_count = _check_classes("nll_loss", target, x._a.shape[:2][-1], ignore_index)
    if isinstance(x._a, Storage) or isinstance(t, Storage) or isinstance(w, Storage):
        return _nll_inside(x, wrap(t), weight, ignore_index, reduction)
    if all_count and w is None:
        safe, n = t, x._kind.type(t.size if reduction == "mean" else 1)
    else:
        safe, w, n = Q.nll_plan(t, w, ignore_index, reduction == "mean", x._a.dtype)
    return (_nll if x._a.ndim < 3 else _nll_2d)(x, safe, w, n, reduction != "none")


def _nll_inside(x: Tensor, t: Tensor, weight: Tensor | None, ignore: int, reduction: str) -> Tensor:
    """The same in operations, which transforms need."""
    at = 0 if x._a.ndim == 1 else 1
    if weight is None and not any((a == ignore).any() for a in arrays_of(t._a)):
        losses: Tensor = neg(pick(x, unsqueeze(t, at)._a, at, False))
        if reduction == "none":
            return losses
        return sum_(losses) if reduction == "sum" else mean(losses)
    skip = t == ignore
    safe = where(skip, 0, t)
    picked = pick(x, unsqueeze(safe, at)._a, at, False)
    w = where(skip, 0, ones_like(picked) if weight is None else fetch(weight, (safe._a,)))
    losses = where(w == 0, 0, neg(picked) * w)
    if reduction == "none":
        return losses
    return sum_(losses) if reduction == "sum" else sum_(losses) / sum_(w)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross entropy of softmax(input) against target classes, or against target probabilities of input's
    shape.

    Shapes: input [N, C, ...] or [C] scores, target [N, ...] or [] classes, or as input; weight [C].
    Raises: as nll_loss; RuntimeError for a label_smoothing outside 0 to 1.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction("cross_entropy", reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"cross_entropy: label_smoothing is {label_smoothing}; 0 to 1 is needed.")
    x = need_tensor(input, "cross_entropy")
    need_tensor(target, "cross_entropy", "target")
    at = 0 if x._a.ndim == 1 else 1
    if target._a.shape == x._a.shape:
        if target._a.dtype.kind not in FLOATING:
            raise RuntimeError(
                f"cross_entropy: target is {target.dtype} in input's shape; class probabilities must be "
                "floating point. Use .float(), or give one class index per row."
            )
        return _against_probabilities(log_softmax(x, at), target, weight, reduction, label_smoothing, at)
    if weight is None and label_smoothing == 0:
        fused = _fused(x, target, ignore_index, reduction)
        if fused is not None:
            return fused
    logp = log_softmax(x, at)
    nll = nll_loss(logp, target, weight, None, ignore_index, None, reduction)
    if label_smoothing == 0:
        return nll
    smooth = _uniform_loss(logp, target, weight, reduction, ignore_index, at)
    return add(mul(nll, 1 - label_smoothing), mul(smooth, label_smoothing / x._a.shape[at]))


_LARGE = 1 << 14  # elements from which one node for both steps is worth its code


@composite("cross_entropy", 1, (Q.cross_entropy, Q.cross_entropy_vjp), "NllLossBackward0")
def _cross(F: Any, x: Any, classes: Any, n: Any, reduce: bool, known: Any) -> Any:
    y = F.log_softmax(x, 1)
    skip = classes < 0
    losses = F.where(skip, 0, -F.pick(y, np.where(skip, 0, classes)[:, None], 1, False))
    return F.sum(losses) / float(n) if reduce else losses


def _fused(x: Tensor, target: Tensor, ignore: int, reduction: str) -> Tensor | None:
    """The cross entropy of many scores [N, C] in one step, which keeps nothing but them; None for others."""
    a, t = x._a, target._a
    if a.size < _LARGE or type(a) is not np.ndarray or type(t) is not np.ndarray or a.ndim != 2:
        return None
    if (x._kind is not F4 and x._kind is not F8) or t.dtype is not I8 or t.shape != a.shape[:1]:
        return None
    every = _check_classes("cross_entropy", target, a.shape[1], ignore)
    skip = None if every else t == ignore
    classes = t if skip is None else np.where(skip, -1, t)
    count = t.size if skip is None else t.size - np.count_nonzero(skip)
    n = x._kind.type(count if reduction == "mean" else 1)
    return _cross(x, classes, n, reduction != "none", Q.cross_rows(a, classes))


def _per_class(weight: Tensor, logp: Tensor, at: int) -> Tensor:
    """weight [C] shaped to broadcast along the class dimension."""
    return reshape(weight, [-1 if i == at else 1 for i in range(logp._a.ndim)])


def _against_probabilities(
    logp: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float, at: int
) -> Tensor:
    c = logp._a.shape[at]
    if smoothing:
        target = target * (1 - smoothing) + smoothing / max(c, 1)
    terms = logp * target
    if weight is not None:
        if need_tensor(weight, "cross_entropy", "weight")._a.shape != (c,):
            raise RuntimeError(
                f"cross_entropy: weight is {describe(weight)}; one per class is needed, [{c}]."
            )
        terms = terms * _per_class(weight, logp, at)
    if reduction == "none":
        return neg(sum_(terms, at))
    total = neg(sum_(terms))
    if reduction == "sum":
        return total
    return div(total, logp._a.size // c if c else 0)  # 0 / 0 of none


def _uniform_loss(
    logp: Tensor, target: Tensor, weight: Tensor | None, reduction: str, ignore: int, at: int
) -> Tensor:
    """The cross entropy against all classes alike, where the target is not ignored."""
    counted = reshape(target, logp._a.shape[:at] + logp._a.shape[at + 1 :]) != ignore
    terms = logp if weight is None else logp * _per_class(weight, logp, at)
    losses: Tensor = where(counted, neg(sum_(terms, at)), 0)
    if reduction == "none":
        return losses
    total = sum_(losses)
    if reduction == "sum":
        return total
    if weight is None:
        return div(total, sum_(counted))
    return div(total, sum_(where(counted, fetch(weight, (where(counted, target, 0)._a,)), 0)))


offer(
    globals(),
    rules="cross_entropy mse_loss nll_loss",
)
nameless(globals())
