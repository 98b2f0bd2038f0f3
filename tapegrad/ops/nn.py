"""The functions of networks: linear maps, softmax, losses."""

from __future__ import annotations

from math import nan, prod
from typing import Any

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.linalg as L
import tapegrad.kernels.loss as Q
from tapegrad._errors import choices, describe, say_once, sizes
from tapegrad._state import grad_enabled
from tapegrad.define import OUT, Function, cast, composite, elementwise, indexing, opaque
from tapegrad.dtypes import F4, F8, FLOAT, I8, U1, as_numpy, of
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage, arrays_of
from tapegrad.naming import argument
from tapegrad.ops.create import ones_like
from tapegrad.ops.index import take
from tapegrad.ops.linalg import addmm, matmul
from tapegrad.ops.pointwise import add, div, mul, neg, where
from tapegrad.ops.reduce import mean, pick
from tapegrad.ops.reduce import sum as sum_
from tapegrad.ops.shape import expand, expand_as, mT, numpy_names, reshape, unsqueeze
from tapegrad.promotion import mismatch, need_tensor, result_dtype
from tapegrad.tensor import Tensor, axis, wrap

# ---- linear


def _rows(F: Any, x: Any) -> Any:
    return x if x.ndim == 2 else F.reshape(x, (prod(x.shape[:-1]), x.shape[-1]))


def _product_and_bias(F: Any, x: Any, w: Any, b: Any = None) -> Any:
    y = F.mv(w, x) if x.ndim == 1 else F.matmul(x, F.mT(w))
    return y if b is None else y + b


def _linear_op(key: str, title: str, rows: Any = _rows) -> Function:
    """x w^T + b: torch's node is named for what its dispatcher chose, by bias and dimensions.

    rows: how x and g become matrices; None where they are.
    """
    return opaque(
        key,
        L.linear,
        saves=((1,), (0,), ()),
        d=(
            lambda F, g, w: F.matmul(g, w),
            (lambda F, g, x: F.mm(F.mT(rows(F, g)), rows(F, x)))
            if rows
            else lambda F, g, x: F.mm(F.mT(g), x),
            lambda F, g: F.sum_rows(g),
        ),
        title=title,
        shapes=False,
        arguments=False,
        optional=(2,),
        body=_product_and_bias,
    )


_linear = {
    (2, True): _linear_op("linear", "AddmmBackward0", None),
    (2, False): _linear_op("linear.plain", "MmBackward0", None),
    (3, True): _linear_op("linear.batch", "ViewBackward0"),
    (3, False): _linear_op("linear.batch_plain", "UnsafeViewBackward0"),
    (1, True): _linear_op("linear.vector", "ViewBackward0"),
    (1, False): _linear_op("linear.vector_plain", "SqueezeBackward4"),
}
_plain_linear = _linear[2, True]
_LINEAR_CORES = (("n", "k"), ("m", "k"))


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input @ weight.T + bias.

    Shapes: input [..., in], weight [out, in], bias [out] -> [..., out]; or weight [in], bias [] -> [...]. A
    bias may have any shape that broadcasts to the result.
    Raises: RuntimeError for sizes that do not meet or mixed dtypes.
    """
    try:
        kind, (n, _) = weight._kind, weight._a.shape
        # NumPy itself refuses other sizes that do not meet; but a bias of size 1 it would broadcast
        if (
            bias is not None
            and kind is input._kind is bias._kind
            and input._a.ndim == 2
            and bias._a.shape == (n,)
        ):
            return _plain_linear(input, weight, bias)
    except (AttributeError, IndexError, ValueError):
        pass
    return _checked_linear(input, weight, bias)


def _checked_linear(input: Any, weight: Any, bias: Any) -> Tensor:
    x, w = need_tensor(input, "linear")._a, need_tensor(weight, "linear", "weight")._a
    if x.ndim == 0 or w.ndim not in (1, 2) or x.shape[-1] != w.shape[-1] or x.dtype is not w.dtype:
        raise _linear_error(input, weight)
    if bias is None:
        return _without_bias(input, weight)
    b, n = need_tensor(bias, "linear", "bias")._a, w.shape[0]
    shape = (*x.shape[:-1], *w.shape[:-1])
    if x.ndim == 1 and b.shape == (1, n):
        bias, b = reshape(bias, n), b[0]
    fused = w.ndim == 2 and (b.ndim < 2 or x.ndim == 2)
    if (fused and b.dtype is not w.dtype) or not _spreads(b.shape, shape if w.ndim == 2 else ()):
        raise RuntimeError(
            f"linear: {argument('bias', bias)} is {describe(bias)} and {argument('weight', weight)} is "
            f"{describe(weight)}; bias must be {of(w.dtype).name}{sizes(w.shape[:-1])}, or broadcast to the "
            f"result {sizes(shape)}."
        )
    if w.ndim == 1 and x.ndim == 2:
        raise RuntimeError("linear: weight is 1-d, input 2-d and bias is given; torch has no such product.")
    if not fused:
        y = add(_without_bias(input, weight), bias)
        return y if y._a.dtype is w.dtype else cast(y, w.dtype)
    if b.ndim > 1:
        return addmm(bias, input, mT(weight))
    return _linear[min(x.ndim, 3), True](input, weight, bias if b.shape == (n,) else expand(bias, n))


def _without_bias(input: Tensor, weight: Tensor) -> Tensor:
    if weight._a.ndim == 1:
        return matmul(input, weight)
    result: Tensor = _linear[min(input._a.ndim, 3), False](input, weight, None)
    return result


def _spreads(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether `shape` broadcasts to exactly `to`."""
    return len(shape) <= len(to) and all(a in (1, b) for a, b in zip(shape[::-1], to[::-1], strict=False))


def _linear_error(input: Tensor, weight: Tensor) -> Exception:
    x, w = input._a, weight._a
    if x.ndim and w.ndim == 2 and x.dtype is w.dtype:
        return RuntimeError(
            f"linear: {argument('input', input)} is {sizes(x.shape)} and {argument('weight', weight)} is "
            f"{sizes(w.shape)}; input's last size ({x.shape[-1]}) must equal weight's last ({w.shape[1]})."
        )
    return mismatch("linear", _LINEAR_CORES, input, weight, False)


# ---- softmax

_softmax = opaque(
    "softmax",
    Q.softmax,
    saves=((OUT,),),
    d=(lambda F, g, y, _, dim: y * (g - F.sum(g * y, dim, True)),),
    batch=B.at_dims,
)
_log_softmax = opaque(
    "log_softmax",
    Q.log_softmax,
    saves=((OUT,),),
    d=(lambda F, g, y, _, dim: g - F.exp(y) * F.sum(g, dim, True),),
    batch=B.at_dims,
)


def _soft(op: Any, input: Any, dim: int | None, dtype: Any, name: str) -> Tensor:
    x = need_tensor(input, name)
    if dtype is not None:
        x = cast(x, as_numpy(dtype, name))
    if of(x._a.dtype).category < FLOAT:
        raise NotImplementedError(
            f"{name}: input is {x.dtype}; a floating point tensor is needed. Use .float() first."
        )
    if dim is None:
        dim = 0 if x._a.ndim in (0, 1, 3) else 1
        say_once(
            f"{name}: dim is not given and {dim} is taken, as torch does; pass dim= to say what sums to 1."
        )
    at = axis(dim, x._a.ndim, name)
    result: Tensor = op(x, (at,) if x._a.ndim else ())
    return result


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None, **names: Any
) -> Tensor:
    """exp(input) / sum of exp(input) along dim: positive, and 1 in total.

    Raises: IndexError for dim, NotImplementedError for integers.
    """
    if names:
        dim, _ = numpy_names("softmax", names, dim)
    return _soft(_softmax, input, dim, dtype, "softmax")


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None, **names: Any
) -> Tensor:
    """The logarithm of softmax, without its underflow.

    Raises: IndexError for dim, NotImplementedError for integers.
    """
    if names:
        dim, _ = numpy_names("log_softmax", names, dim)
    return _soft(_log_softmax, input, dim, dtype, "log_softmax")


# ---- losses

_REDUCTIONS = ("none", "mean", "sum")


def _reduction(name: str, reduction: str) -> None:
    if reduction not in _REDUCTIONS:
        raise ValueError(f"{name}: reduction is {reduction!r}; {choices(_REDUCTIONS)} is needed.")


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


def _same_shape(input: Tensor, target: Tensor, name: str) -> tuple[Tensor, Tensor]:
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
    _reduction("mse_loss", reduction)
    x, y = need_tensor(input, "mse_loss"), need_tensor(target, "mse_loss", "target")
    if x._a.shape != y._a.shape or x._a.dtype is not y._a.dtype:
        x, y = _same_shape(x, y, "mse_loss")
    if x._a.dtype.kind not in "fc":
        raise NotImplementedError(
            f"mse_loss: input is {x.dtype}; a floating point tensor is needed. Use .float() first."
        )
    if weight is not None:
        if need_tensor(weight, "mse_loss", "weight")._a.shape != input._a.shape:
            given, need = sizes(weight._a.shape), sizes(input._a.shape)
            raise ValueError(f"mse_loss: weight is {given} and input is {need}; they must be equal.")
        losses = mul(_squared_error(x, y), weight)
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
        f"{name}: {argument('input', x)} is {sizes(a)} and {argument('target', target)} is {sizes(b)}; target "
        f"must be {sizes(wanted)}."
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


def _check_classes(name: str, target: Tensor, classes: int, ignore: int) -> None:
    """Raises: IndexError for a class out of range."""
    for a in arrays_of(target._a):
        if a.size and (a.min() < 0 or a.max() >= classes):
            bad = a[((a < 0) | (a >= classes)) & (a != ignore)]
            if bad.size:
                raise IndexError(
                    f"{name}: {argument('target', target)} has class {int(bad[0])}; with {classes} classes "
                    f"it must be 0 to {classes - 1}."
                )


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
    _reduction("nll_loss", reduction)
    x = need_tensor(input, "nll_loss")
    if x._a.ndim == 0:
        raise ValueError("nll_loss: input is 0-d; [C], [N, C] or [N, C, ...] is needed.")
    need_tensor(target, "nll_loss", "target")
    if weight is not None and need_tensor(weight, "nll_loss", "weight").requires_grad and grad_enabled():
        if x._a.ndim > 1 and x._a.shape[:1] != target._a.shape[:1]:
            raise _other_shape("nll_loss", x, target)
        raise RuntimeError("nll_loss: weight requires grad but has no derivative; pass weight.detach().")
    t = _class_indices("nll_loss", x, target)
    w = _class_weight("nll_loss", weight, x)
    _check_classes("nll_loss", target, x._a.shape[:2][-1], ignore_index)
    if any(isinstance(a, Storage) for a in (x._a, t, w)):
        return _nll_inside(x, wrap(t), weight, ignore_index, reduction)
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
    w = where(skip, 0, ones_like(picked) if weight is None else take(weight, (safe._a,)))
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
    _reduction("cross_entropy", reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"cross_entropy: label_smoothing is {label_smoothing}; 0 to 1 is needed.")
    x = need_tensor(input, "cross_entropy")
    need_tensor(target, "cross_entropy", "target")
    at = 0 if x._a.ndim == 1 else 1
    if target._a.shape == x._a.shape:
        if target._a.dtype.kind != "f":
            raise RuntimeError(
                f"cross_entropy: target is {target.dtype} in input's shape; class probabilities must be "
                "floating point. Use .float(), or give one class index per row."
            )
        return _against_probabilities(log_softmax(x, at), target, weight, reduction, label_smoothing, at)
    logp = log_softmax(x, at)
    nll = nll_loss(logp, target, weight, None, ignore_index, None, reduction)
    if label_smoothing == 0:
        return nll
    smooth = _uniform_loss(logp, target, weight, reduction, ignore_index, at)
    return add(mul(nll, 1 - label_smoothing), mul(smooth, label_smoothing / x._a.shape[at]))


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
    return div(total, max(logp._a.size // c, 1) if c else nan)


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
    return div(total, sum_(where(counted, take(weight, (where(counted, target, 0)._a,)), 0)))


nameless(globals())
