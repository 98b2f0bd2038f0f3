"""Windows that move over images: their largest elements, their means, their norms."""

from __future__ import annotations

from functools import lru_cache
from math import inf, prod
from typing import Any

import tapegrad.define.batching as B
import tapegrad.kernels.pooling as P
from tapegrad._errors import describe, sizes
from tapegrad.define import Function, linear, offer, opaque
from tapegrad.dtypes import B1, I8
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.networks.geometry import need_samples, numbers
from tapegrad.ops.pointwise import abs, mul, pow, relu, sign
from tapegrad.tensor import Tensor

Sizes = int | tuple[int, ...]
_together = B.full(lambda n, *args: args)


def _max_op(n: int, title: str) -> Function:
    return opaque(
        f"max_pool{n}d",
        P.max_pool,
        saves=((0,),),
        d=(lambda F, g, x, _, pool: F.max_pool_back(g, x, pool),),
        title=title,
        batch=B.same,
    )


_MAX = {
    1: _max_op(1, "SqueezeBackward1"),  # torch pools an image of one line
    2: _max_op(2, "MaxPool2DWithIndicesBackward0"),
    3: _max_op(3, "MaxPool3DWithIndicesBackward0"),
}
_back = opaque(
    "max_pool.back",
    P.max_pool_back,
    saves=((1,), ()),
    d=(lambda F, u, x, _, pool: F.max_pool_select(u, x, pool), None),
    batch=_together,
)
_select = opaque(
    "max_pool.select",
    P.max_pool_select,
    saves=((1,), ()),
    d=(lambda F, u, x, _, pool: F.max_pool_back(u, x, pool), None),
    batch=_together,
)
_indices = opaque("max_pool.indices", P.max_pool_indices, d=(None,), batch=B.same)


def _avg_adjoint(F: Any, g: Any, shape: Any, pool: P.Pool, padded: bool, by: Any) -> Any:
    return F.apply(_avg_back.op, g, pool, padded, by, shape[-len(pool.kernel) :])


def _avg_op(n: int, title: str) -> Function:
    return linear(f"avg_pool{n}d", P.avg_pool, _avg_adjoint, title=title, batch=B.same, widens=True)


_AVG = {
    1: _avg_op(1, "SqueezeBackward1"),
    2: _avg_op(2, "AvgPool2DBackward0"),
    3: _avg_op(3, "AvgPool3DBackward0"),
}
_avg_back = linear(
    "avg_pool.back",
    P.avg_pool_back,
    lambda F, g, _, pool, padded, by, size: F.apply(_AVG[len(size)].op, g, pool, padded, by),
    batch=B.same,
    widens=True,
)
for _f in _AVG.values():
    _f.op.reads = ((),)  # torch saves the input: a graph through it can be used once


def _windows(
    op: str, n: int, shape: tuple[int, ...], kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> P.Pool:
    """The windows on an input of a shape. Raises: RuntimeError if they do not fit."""
    k = numbers(kernel, n, "kernel_size", op, 1)
    s = k if stride is None or stride == [] or stride == () else numbers(stride, n, "stride", op, 1)
    p, d = numbers(padding, n, "padding", op), numbers(dilation, n, "dilation", op, 1)
    if any(2 * pad > width * (size - 1) + 1 for pad, size, width in zip(p, k, d, strict=True)):
        raise RuntimeError(f"{op}: padding is {p}, kernel_size {k} and dilation {d}; at most half is needed.")
    if 0 in shape[-n - 1 :]:
        raise RuntimeError(f"{op}: input is {sizes(shape)}; only the batch may be empty.")
    out = []
    for size, each, step, pad, width in zip(shape[-n:], k, s, p, d, strict=True):
        m = (size + 2 * pad - width * (each - 1) - 1 + (step - 1 if ceil else 0)) // step + 1
        out.append(m - 1 if ceil and (m - 1) * step >= size + pad else m)
    if min(out) < 1:
        raise RuntimeError(
            f"{op}: input is {sizes(shape)} and kernel_size {k}; the result would be {out}. Use a smaller "
            "kernel, or pad."
        )
    return P.Pool(k, s, p, d, tuple(out))


_known_windows = lru_cache(1000)(_windows)


def _pool(
    op: str, n: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> tuple[Tensor, P.Pool]:
    """input and its windows. Raises: RuntimeError for windows that do not fit, NotImplementedError for bool
    and complex numbers."""
    x = need_samples(input, n, op, IndexError if op == "avg_pool2d" else RuntimeError)
    # A cache must not take 2.0 for 2: only ints go through it.
    simple = type(kernel) is type(padding) is type(dilation) is int and (
        stride is None or type(stride) is int
    )
    find = _known_windows if simple else _windows
    pool = find(op, n, x._a.shape, kernel, stride, padding, dilation, bool(ceil))
    if x._kind is B1 or x._kind.kind == "c":
        raise NotImplementedError(f"{op}: input is {describe(x)}; real numbers are needed.")
    return x, pool


def _max_pool(
    n: int, input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, both: bool
) -> Any:
    op = f"max_pool{n}d"
    x, pool = _pool(op, n, input, kernel, stride, padding, dilation, ceil)
    if n == 1 and x._kind.kind in "iu":
        raise NotImplementedError(f"{op}: input is {describe(x)}; a floating point tensor is needed.")
    y = _MAX[n](x, pool)
    return (y, _indices(x, pool)) if both else y


def max_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window; with return_indices which element of the line that is, too.

    Shapes: [N, C, L] or [C, L].
    Raises: RuntimeError for windows that do not fit, NotImplementedError for bool, integers and complex
    numbers.
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window; with return_indices which element of the image that is, too.

    Shapes: [N, C, H, W] or [C, H, W].
    Raises: RuntimeError for windows that do not fit, NotImplementedError for bool and complex numbers.
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window; with return_indices which element of the block that is, too.

    Shapes: [N, C, D, H, W] or [C, D, H, W].
    Raises: RuntimeError for windows that do not fit, NotImplementedError for bool and complex numbers.
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """max_pool1d, and which elements these are."""
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, True)  # type: ignore[no-any-return] # a pair of Tensors


def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """max_pool2d, and which elements these are."""
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, True)  # type: ignore[no-any-return] # a pair of Tensors


def max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:
    """max_pool3d, and which elements these are."""
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, True)  # type: ignore[no-any-return] # a pair of Tensors


def _avg_pool(
    n: int, input: Any, kernel: Any, stride: Any, padding: Any, ceil: bool, padded: bool, by: int | None
) -> Tensor:
    op = f"avg_pool{n}d"
    x, pool = _pool(op, n, input, kernel, stride, padding, 1, ceil)
    if x._kind.kind in "iu" and x._kind is not I8:
        raise NotImplementedError(
            f"{op}: input is {describe(x)}; a floating point or int64 tensor is needed."
        )
    if by == 0:
        raise RuntimeError(f"{op}: divisor_override is 0; another number is needed.")
    return _AVG[n](x, pool, bool(padded), by)


def avg_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window.

    Shapes: [N, C, L] or [C, L].
    Raises: RuntimeError for windows that do not fit, NotImplementedError for bool and complex numbers.
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window, or its sum over divisor_override.

    Shapes: [N, C, H, W] or [C, H, W].
    Raises: RuntimeError for windows that do not fit, NotImplementedError for bool and complex numbers.
    """
    return _avg_pool(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window, or its sum over divisor_override.

    Shapes: [N, C, D, H, W] or [C, D, H, W].
    Raises: RuntimeError for windows that do not fit, NotImplementedError for bool and complex numbers.
    """
    return _avg_pool(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _lp_pool(n: int, input: Any, p: float, kernel: Any, stride: Any, ceil: bool) -> Tensor:
    if p == inf:
        y: Tensor = _max_pool(n, abs(input), kernel, stride, 0, 1, ceil, False)
        return y
    k = numbers(kernel, n, "kernel_size", f"lp_pool{n}d", 1)
    means = _avg_pool(n, pow(input, p), kernel, stride, 0, ceil, True, None)
    return pow(mul(mul(sign(means), relu(abs(means))), prod(k)), 1.0 / p)


def lp_pool1d(
    input: Tensor,
    norm_type: int | float,
    kernel_size: int,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window. Shapes: [N, C, L] or [C, L]. Raises: RuntimeError as avg_pool1d."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor,
    norm_type: int | float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window. Shapes: [N, C, H, W] or [C, H, W]. Raises: RuntimeError as avg_pool2d."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor,
    norm_type: int | float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The p-norm of each window. Shapes: [N, C, D, H, W] or [C, D, H, W]. Raises: RuntimeError as
    avg_pool3d."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


offer(globals(), functions="avg_pool1d max_pool1d max_pool1d_with_indices max_pool2d max_pool3d")
offer(
    globals(),
    functions=(
        "avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d lp_pool3d max_pool1d max_pool1d_with_indices "
        "max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices"
    ),
    namespace="nn",
)
offer({"max_pool_back": _back, "max_pool_select": _select}, rules="max_pool_back max_pool_select")
nameless(globals())
