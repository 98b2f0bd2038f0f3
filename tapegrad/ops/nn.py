"""The functions of networks: linear maps, softmax, losses."""

from __future__ import annotations

from math import prod
from typing import Any

import tapegrad.define.batching as B
import tapegrad.kernels as K
import tapegrad.kernels.linalg as L
import tapegrad.kernels.loss as Q
from tapegrad._errors import describe, say_once, sizes
from tapegrad.define import OUT, Function, cast, offer, opaque
from tapegrad.dtypes import F4, FLOATING, as_numpy, of
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.linalg import addmm, matmul
from tapegrad.ops.pointwise import add
from tapegrad.ops.shape import expand, mT, numpy_names, reshape
from tapegrad.promotion import mismatch, need_tensor
from tapegrad.tensor import Tensor, axis

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
        bias, b = reshape(bias, n), b.reshape((n,))
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


def _of_softmax(F: Any, g: Any, y: Any, _: Any, dim: Any) -> Any:
    return Q.softmax_vjp(g, y, dim) if F is K else y * (g - F.sum(g * y, dim, True))


def _of_log_softmax(F: Any, g: Any, y: Any, _: Any, dim: Any) -> Any:
    return Q.log_softmax_vjp(g, y, dim) if F is K else g - F.exp(y) * F.sum(g, dim, True)


_softmax = opaque(
    "softmax",
    Q.softmax,
    saves=((OUT,),),
    d=(_of_softmax,),
    batch=B.at_dims,
)
_log_softmax = opaque(
    "log_softmax",
    Q.log_softmax,
    saves=((OUT,),),
    d=(_of_log_softmax,),
    batch=B.at_dims,
)


def _soft(op: Any, input: Any, dim: int | None, dtype: Any, name: str) -> Tensor:
    x = need_tensor(input, name)
    if dtype is not None:
        x = cast(x, as_numpy(dtype, name))
    if x._kind.kind not in FLOATING:
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
    if dtype is None and type(dim) is int and isinstance(input, Tensor) and input._kind is F4:
        n = input._a.ndim
        if -n <= dim < n:
            return _softmax(input, (dim % n,))
    if names:
        dim, _ = numpy_names("softmax", names, dim)
    return _soft(_softmax, input, dim, dtype, "softmax")


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None, **names: Any
) -> Tensor:
    """The logarithm of softmax, without its underflow.

    Raises: IndexError for dim, NotImplementedError for integers.
    """
    if dtype is None and type(dim) is int and isinstance(input, Tensor) and input._kind is F4:
        n = input._a.ndim
        if -n <= dim < n:
            return _log_softmax(input, (dim % n,))
    if names:
        dim, _ = numpy_names("log_softmax", names, dim)
    return _soft(_log_softmax, input, dim, dtype, "log_softmax")


offer(
    globals(),
    both="log_softmax softmax",
    rules="linear",
)
nameless(globals())
