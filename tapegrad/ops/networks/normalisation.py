"""Normalisations: layers, batches, groups, instances, and by the root mean square."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

import tapegrad.kernels.normalise as N
from tapegrad._errors import describe, sizes
from tapegrad._state import grad_enabled
from tapegrad.define import cast, composite, offer
from tapegrad.dtypes import F4, F8, FLOATING, of, promote
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.new import ones_like, zeros_like
from tapegrad.ops.pointwise import add, div, mul
from tapegrad.ops.shape import reshape
from tapegrad.ops.shuffle import constant_pad_nd
from tapegrad.ops.views import unfold
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap


def _unit(F: Any, x: Any, view: Any, axes: Any, eps: float) -> Any:
    x = F.reshape(x, view)
    d = x - F.mean(x, axes, True)
    return d * F.rsqrt(F.mean(d * d, axes, True) + eps)


def _pair(name: str, title: str) -> tuple[Any, Any]:
    """The op with weight and bias, and without: it normalises along axes of a view of x. `known` takes what
    the kernel finds on its way."""

    @composite(name, 3, (N.affine, N.affine_vjp), title)
    def affine(
        F: Any, x: Any, w: Any, b: Any, view: Any, axes: Any, shape: Any, eps: float, known: Any
    ) -> Any:
        y = _unit(F, x, view, axes, eps) * F.reshape(w, shape) + F.reshape(b, shape)
        return F.reshape(y, x.shape)

    @composite(f"{name}.plain", 1, (N.plain, N.plain_vjp), title)
    def plain(F: Any, x: Any, view: Any, axes: Any, shape: Any, eps: float, known: Any) -> Any:
        return F.reshape(_unit(F, x, view, axes, eps), x.shape)

    return affine, plain


def _running(name: str, title: str) -> Any:
    """The op by running moments, which get no gradient."""

    @composite(f"{name}.running", 5, (N.by_running, N.by_running_vjp), title)
    def running(F: Any, x: Any, mean: Any, var: Any, w: Any, b: Any, shape: Any, eps: float) -> Any:
        scale = F.rsqrt(var + eps) * w
        return x * F.reshape(scale, shape) + F.reshape(b - mean * scale, shape)

    return running


_LAYER = _pair("layer_norm", "NativeLayerNormBackward0")
_BATCH = _pair("batch_norm", "NativeBatchNormBackward0")
_GROUP = _pair("group_norm", "NativeGroupNormBackward0")
_INSTANCE = _pair("instance_norm", "ViewBackward0")
_BATCH_RUNNING = _running("batch_norm", "NativeBatchNormBackward0")
_INSTANCE_RUNNING = _running("instance_norm", "ViewBackward0")


def _normalised(
    pair: tuple[Any, Any], x: Tensor, weight: Any, bias: Any, view: Any, axes: Any, shape: Any, eps: float
) -> tuple[Tensor, N.Moments]:
    """(the result, the moments of x: empty where no kernel ran, as inside of a transform)."""
    known = N.Moments()
    args = (view, axes, shape, eps, known)
    if weight is None and bias is None:
        return pair[1](x, *args), known
    if weight is None:
        weight = ones_like(bias.detach())
    elif bias is None:
        bias = zeros_like(weight.detach())
    return pair[0](x, weight, bias, *args), known


def _channels(x: Tensor) -> tuple[int, ...]:
    """The shape in which one number per channel meets x."""
    return (1, x._a.shape[1], *(1,) * (x._a.ndim - 2))


def _floats(op: str, x: Any, *others: Any) -> Tensor:
    """x, if it is floating; a narrow one in float32 if the weights are. Raises: NotImplementedError,
    RuntimeError for other dtypes, or mixed ones."""
    t = need_tensor(x, op)
    if t._kind.kind not in FLOATING:
        raise NotImplementedError(f"{op}: input is {describe(t)}; a floating point tensor is needed.")
    kinds = {need_tensor(other, op, "weight")._kind for other in others if other is not None}
    if t._kind.itemsize == 2 and kinds == {F4}:
        return cast(t, F4)
    if kinds - {t._kind}:
        names = ", ".join(sorted(str(of(kind)) for kind in kinds))
        raise RuntimeError(f"{op}: input is {t.dtype} and weights are {names}; they must be equal.")
    return t


def _as(y: Tensor, x: Tensor) -> Tensor:
    """The result in the dtype of the input."""
    return y if y._kind is x._kind else cast(y, x._kind)


def _shape_of(op: str, x: Tensor, normalized_shape: Any, *affine: tuple[str, Any]) -> tuple[int, ...]:
    """The trailing shape as a tuple. Raises: RuntimeError unless input ends with it, and weights have it."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or x._a.shape[-len(shape) :] != shape:
        raise RuntimeError(
            f"{op}: {argument('input', x)} is {sizes(x._a.shape)} and normalized_shape {list(shape)}; input "
            "must end with it."
        )
    for name, t in affine:
        if t is not None and need_tensor(t, op, name)._a.shape != shape:
            raise RuntimeError(f"{op}: {name} is {sizes(t._a.shape)}; {list(shape)} is needed.")
    return shape


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """input with mean 0 and variance 1 over its last dimensions, times weight plus bias.

    Shapes: input [..., *normalized_shape]; weight, bias: normalized_shape.
    Raises: RuntimeError for other shapes and dtypes.
    Source: J. Ba et al., "Layer Normalization" (2016).
    """
    x = need_tensor(input, "layer_norm")
    shape = _shape_of("layer_norm", x, normalized_shape, ("weight", weight), ("bias", bias))
    given, x = x, _floats("layer_norm", x, weight, bias)
    ndim = x._a.ndim
    axes = tuple(range(ndim - len(shape), ndim))
    wide = (*(1,) * (ndim - len(shape)), *shape)
    return _as(_normalised(_LAYER, x, weight, bias, x._a.shape, axes, wide, eps)[0], given)


@composite("rms_norm", 2, (N.root_mean_square, N.root_mean_square_vjp), "MulBackward0")
def _rms(F: Any, x: Any, w: Any, axes: Any, eps: float) -> Any:
    return x * F.rsqrt(F.mean(x * x, axes, True) + eps) * w


def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """input over the root of its mean square over the last dimensions, times weight. eps: by default the
    dtype's.

    Raises: RuntimeError for other shapes and dtypes, ValueError for too few dimensions.
    Source: B. Zhang, R. Sennrich, "Root Mean Square Layer Normalization" (2019).
    """
    x = _floats("rms_norm", input)
    least = 1 if isinstance(normalized_shape, int) else len(normalized_shape)
    if x._a.ndim < least and (weight is None or tuple(weight.shape) == tuple(normalized_shape)):
        raise ValueError(f"rms_norm: input is {describe(x)}; {least} dimensions or more are needed.")
    shape = _shape_of("rms_norm", x, normalized_shape, ("weight", weight))
    if weight is not None and weight._kind is not x._kind:  # in the wider dtype
        wide = promote(x._kind, weight._kind)
        x, weight = cast(x, wide), cast(weight, wide)
    axes = tuple(range(x._a.ndim - len(shape), x._a.ndim))
    e = float(np.finfo(F4 if input._kind.itemsize == 2 else input._kind).eps) if eps is None else eps
    w = wrap(np.ones((), x._kind)) if weight is None else weight
    return _as(_rms(x, w, axes, e), input)


def _per_channel(op: str, x: Tensor, **given: Any) -> None:
    channels = _channel_count(x)
    for name, t in given.items():
        if t is None or (x._a.ndim < 2 and not need_tensor(t, op, name)._a.size):
            continue
        if need_tensor(t, op, name)._a.shape != (channels,):
            raise RuntimeError(
                f"{op}: {name} is {sizes(t._a.shape)} and input {sizes(x._a.shape)}; one per channel, "
                f"[{channels}], is needed."
            )


def _channel_count(x: Tensor) -> int:
    return x._a.shape[1] if x._a.ndim > 1 else 0


def _need_channels(op: str, x: Tensor, error: type[Exception] = IndexError) -> None:
    if x._a.ndim < 2:
        raise error(f"{op}: input is {describe(x)}; [N, C, ...] is needed.")


def _check_running(op: str, own: bool, **running: Any) -> None:
    """Raises: RuntimeError if a running moment is missing, or wants a gradient, which it never gets."""
    for name, t in running.items():
        if t is None and not own:
            raise RuntimeError(f"{op}: {name} is missing; without training it is needed.")
        if t is not None and grad_enabled() and t.requires_grad:
            raise RuntimeError(f"{op}: {argument(name, t)} requires grad, and gets none; detach() it first.")


def _nothing(x: Tensor, weight: Any, bias: Any) -> Tensor:
    """x, which has no elements, in the graph of its weights."""
    y = x.clone() if weight is None else mul(x, weight[0])
    return y if bias is None else add(y, bias[0])


def _keep(running: Any, value: Any, momentum: float) -> None:
    """Move a running statistic towards a value [entries or 1, channels]: towards the entries' mean."""
    if running is None:
        return
    old = running if running._node is None else running.detach()
    plain = type(old._a) is type(value) is np.ndarray
    now = old._a if plain else old
    value = value if plain or isinstance(value, Tensor) else wrap(value)
    value = value[0] if len(value) == 1 else value.mean(0)
    moved = now * (1 - momentum) + value * momentum
    old.copy_(wrap(moved) if plain else moved)


def _moved(x: Tensor, view: Any, axes: Any, found: N.Moments) -> tuple[Any, Any]:
    """Mean and unbiased variance along axes, [entries or 1, channels]; Tensors inside of a transform."""
    rows = (1 if 0 in axes else view[0], -1)
    if found.mean is None:
        wide = reshape(x.detach(), view)
        return wide.mean(axes, True).reshape(rows), wide.var(axes, keepdim=True).reshape(rows)
    n = prod([view[k] for k in axes])
    var = found.var * found.var.dtype.type(n / (n - 1) if n > 1 else np.nan)
    return found.mean.reshape(rows), var.reshape(rows)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """input with mean 0 and variance 1 in each channel (dimension 1), times weight plus bias. In training the
    moments are the batch's, and the running ones move towards them; else they are the running ones.

    Shapes: input [N, C, ...]; all others [C].
    Raises: ValueError in training for one value per channel, RuntimeError for other shapes, IndexError for
    fewer than two dimensions.
    Source: S. Ioffe, C. Szegedy, "Batch Normalization" (2015).
    """
    op = "batch_norm"
    x = need_tensor(input, op)
    if eps < 0 or (training and eps == 0):
        raise ValueError(f"{op}: eps is {eps}; it must be positive.")
    if training and not x._a.ndim:
        _need_channels(op, x)
    if training and prod(x._a.shape[:1] + x._a.shape[2:]) == 1:
        raise ValueError(f"{op}: input is {sizes(x._a.shape)}; in training a channel needs several values.")
    running = running_mean, running_var
    return _of_channels(_BATCH, op, x, running, (weight, bias), training, momentum, eps)


def _flat(x: Tensor, t: Tensor | None) -> Tensor | None:
    """t as one dimension, where it has one number per channel of x."""
    wrong = t is not None and t._a.ndim != 1 and t._a.size == _channel_count(x)
    return t.reshape(-1) if wrong else t  # type: ignore[union-attr] # `wrong` says that it is one


def _is_plain(x: Tensor, *given: Any) -> bool:
    """Whether there is nothing to check, convert or reshape, as almost always: one number per channel of all
    that are given, in the dtype of x."""
    kind, a = x._kind, x._a
    if a.ndim < 2 or not a.size or (kind is not F4 and kind is not F8):
        return False
    shape = a.shape[1:2]
    other = [
        t for t in given if t is not None and (getattr(t, "_kind", None) is not kind or t._a.shape != shape)
    ]
    return not other


def _of_channels(
    norm: Any, op: str, given: Tensor, running: Any, affine: Any, own: bool, momentum: float, eps: float
) -> Tensor:
    """Batch or instance normalisation, by the input's own moments, or by running ones."""
    (weight, bias), (running_mean, running_var) = affine, running
    x, plain = given, _is_plain(given, *affine, *running)
    if not plain:
        x = _floats(op, given, *affine, *(running if norm is _BATCH else (running_var,)))
    if not x._a.size and (norm is _BATCH or own or None not in running):
        return _as(_of_no_channels(norm, op, x, running, affine, own), given)
    _check_running(op, own, running_mean=running_mean, running_var=running_var)
    if not plain:
        if norm is _BATCH:
            weight, bias = _flat(x, weight), _flat(x, bias)
        _per_channel(op, x, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
        _need_channels(op, x, IndexError if x._a.ndim else RuntimeError)
    if (running_mean is None) != (running_var is None):
        raise ValueError(f"{op}: one running moment is missing; both are needed, or none.")
    if not own:
        running = _BATCH_RUNNING if norm is _BATCH else _INSTANCE_RUNNING
        return _as(_by_running(running, x, running_mean, running_var, weight, bias, eps), given)
    view, shape = x._a.shape, _channels(x)
    axes = (*range(1 if norm is _BATCH else 0), *range(2, x._a.ndim))
    y, found = _normalised(norm, x, weight, bias, view, axes, shape, eps)
    if running_mean is not None or running_var is not None:
        mean, var = _moved(x, view, axes, found)
        _keep(running_mean, mean, momentum)
        _keep(running_var, var, momentum)
    return _as(y, given)


def _of_no_channels(norm: Any, op: str, x: Tensor, running: Any, affine: Any, own: bool) -> Tensor:
    """The same of no elements."""
    if norm is _INSTANCE:  # each sample has channels of its own
        affine = [t if t is None else t.repeat(x._a.shape[0]) for t in (*affine, *running)][:2]
    y = _nothing(x, *affine)
    if norm is _INSTANCE and own:
        _per_channel(op, x, running_mean=running[0], running_var=running[1])
    return y


def _by_running(op: Any, x: Tensor, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Tensor:
    mean, var = (_as(t if t._node is None else t.detach(), x) for t in (mean, var))
    weight = ones_like(mean) if weight is None else weight
    bias = zeros_like(mean) if bias is None else bias
    y: Tensor = op(x, mean, var, weight, bias, _channels(x), eps)
    return y


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """input with mean 0 and variance 1 in each channel of each entry, times weight plus bias; by the running
    moments without use_input_stats.

    Shapes: input [N, C, ...]; all others [C].
    Raises: ValueError for one value per channel, RuntimeError for other shapes.
    Source: D. Ulyanov et al., "Instance Normalization" (2016).
    """
    op = "instance_norm"
    x = need_tensor(input, op)
    if use_input_stats and prod(x._a.shape[2:]) == 1:
        raise ValueError(f"{op}: input is {sizes(x._a.shape)}; a channel needs several values.")
    if not use_input_stats and running_mean is not None and running_var is not None:
        _need_channels(op, x)
        running_mean, running_var = (t if t.ndim else t.reshape(1) for t in (running_mean, running_var))
        alike = running_mean._kind is running_var._kind and x._kind.char in "fd"
        if alike and weight is None and bias is None:
            running_mean, running_var = (cast(t, x._kind) for t in (running_mean, running_var))
    running = running_mean, running_var
    return _of_channels(_INSTANCE, op, x, running, (weight, bias), use_input_stats, momentum, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """input with mean 0 and variance 1 in each group of channels of each entry, times weight plus bias.

    Shapes: input [N, C, ...], weight, bias [C]. Raises: ValueError for one value per group, RuntimeError for
    other shapes, or a number of groups that does not divide C.
    Source: Y. Wu, K. He, "Group Normalization" (2018).
    """
    op = "group_norm"
    x = need_tensor(input, op)
    if x._a.ndim < 2:
        raise RuntimeError(f"{op}: input is {describe(x)}; [N, C, ...] is needed.")
    n, c, *rest = x._a.shape
    if n * c // num_groups * prod(rest) == 1:
        raise ValueError(f"{op}: input is {sizes(x._a.shape)}; a group needs several values.")
    given, x = x, _floats(op, x, weight, bias)
    if c % num_groups:
        raise RuntimeError(
            f"{op}: input is {sizes(x._a.shape)} and num_groups {num_groups}; it must divide {c}."
        )
    _per_channel(op, x, weight=weight, bias=bias)
    view = (n, num_groups, c // num_groups, prod(rest))
    return _as(_normalised(_GROUP, x, weight, bias, view, (2, 3), (1, *view[1:3], 1), eps)[0], given)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """input over (k + alpha times the mean square of `size` neighbouring channels) to the power beta.

    Shapes: [N, C, ...]. Raises: ValueError for fewer than three dimensions.
    Source: A. Krizhevsky et al., "ImageNet Classification" (2012).
    """
    x = need_tensor(input, "local_response_norm")
    if x._a.ndim < 3:
        raise ValueError(f"local_response_norm: input is {describe(x)}; three dimensions are needed.")
    if not x._a.size:
        return x
    padding = [0, 0] * (x._a.ndim - 2) + [size // 2, (size - 1) // 2]
    squares = unfold(constant_pad_nd(mul(x, x), padding), 1, size, 1).mean(-1)
    return div(x, (squares * alpha + k) ** beta)


offer(
    globals(),
    functions="batch_norm group_norm instance_norm layer_norm local_response_norm rms_norm",
    namespace="nn",
)
nameless(globals())
