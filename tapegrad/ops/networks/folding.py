"""Windows of images as columns, and back."""

from __future__ import annotations

from math import prod
from typing import Any

import tapegrad.define.batching as B
import tapegrad.kernels.convolution as C
from tapegrad._errors import describe, sizes
from tapegrad.define import Function, linear, offer
from tapegrad.dtypes import FLOATING
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.networks.geometry import need_samples, numbers
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

Sizes = int | tuple[int, ...]

_unfold: Function = linear(
    "im2col",
    C.unfolded,
    lambda F, g, shape, *a: F.apply(_fold.op, g, *a, shape[-len(a[0]) :]),
    title="Im2ColBackward0",
    batch=B.same,
)
_fold: Function = linear(
    "col2im",
    C.folded,
    lambda F, g, _, *a: F.apply(_unfold.op, g, *a[:-1]),
    title="Col2ImBackward0",
    batch=B.same,
    widens=True,
)


def _windows(op: str, kernel: Any, dilation: Any, padding: Any, stride: Any) -> tuple[Any, Any, Any, Any]:
    return (
        numbers(kernel, 2, "kernel_size", op, 1),
        numbers(stride, 2, "stride", op, 1),
        numbers(padding, 2, "padding", op),
        numbers(dilation, 2, "dilation", op, 1),
    )


def unfold(
    input: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Tensor:
    """What each window of input shows, as a column.

    Shapes: [N, C, H, W] -> [N, C * KH * KW, L], L the number of windows; or both without N.
    Raises: RuntimeError for windows that do not fit, IndexError for less dimensions, NotImplementedError for
    integers.
    """
    x = need_samples(input, 2, "unfold", IndexError)
    window = _windows("unfold", kernel_size, dilation, padding, stride)
    if 0 in x._a.shape[-3:] or min(C.result_size(x._a.shape[-2:], *window)) < 1:
        raise RuntimeError(
            f"unfold: {argument('input', x)} is {sizes(x._a.shape)} and kernel_size {window[0]}; the kernel "
            "must not be larger. Use a smaller one, or pad."
        )
    if x._kind.kind in "iu":
        raise NotImplementedError(f"unfold: input is {describe(x)}; a floating point tensor is needed.")
    return _unfold(x, *window)


def fold(
    input: Tensor,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """Columns as windows, added up where these overlap: unfold's adjoint.

    Shapes: [N, C * KH * KW, L] -> [N, C, *output_size], L the number of windows; or both without N.
    Raises: RuntimeError for sizes that do not fit, NotImplementedError for integers.
    """
    x = need_tensor(input, "fold")
    size = numbers(output_size, 2, "output_size", "fold", 1)
    window = _windows("fold", kernel_size, dilation, padding, stride)
    out = C.result_size(size, *window)
    if (
        x._a.ndim not in (2, 3)
        or x._a.shape[-2] % prod(window[0])
        or x._a.shape[-1] != prod(out)
        or min(out) < 1
    ):
        raise RuntimeError(
            f"fold: {argument('input', x)} is {sizes(x._a.shape)}; with output_size {size} and kernel_size "
            f"{window[0]} it must be [N, C * {prod(window[0])}, {prod(out)}], N may be absent."
        )
    if x._kind.kind not in (*FLOATING, "c", "b"):
        raise NotImplementedError(f"fold: input is {describe(x)}; a floating point tensor is needed.")
    return _fold(x, *window, size)


offer(globals(), functions="fold unfold", namespace="nn")
nameless(globals())
