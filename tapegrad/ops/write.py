"""Writing new values over all of a tensor, in place."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.define.batching as B
from tapegrad._errors import sizes
from tapegrad.define import cast, inplace, linear, offer, opaque
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.promotion import NUMBERS, fitting, need_tensor, number
from tapegrad.tensor import Tensor, wrap

_fill = opaque(
    "fill",
    lambda x, value: np.full(x.shape, value, x.dtype),
    linear=True,
    d=(lambda F, g, shapes, value: F.zeros_like(g),),
    title="FillBackward2",
    batch=B.same,
)


def _written(batch: Any, op: Any, xs: Any, args: Any) -> Any:
    """The batch rule of what puts y in the place of x."""
    x, y = xs
    return batch.expand(batch.lift(y, x.ndim), (batch.size, *x.shape))


def _over(key: str, title: str) -> Any:
    """The op that puts a second tensor, broadcast, in the place of the first."""
    return opaque(
        key,
        lambda x, y: np.broadcast_to(y, x.shape),
        linear=True,
        d=(lambda F, g, shapes: F.zeros_like(g), lambda F, g, shapes: F.sum_to(g, shapes[1])),
        title=title,
        batch=_written,
    )


_fill_with, _copy = _over("fill.tensor", "FillBackward3"), _over("copy", "CopyBackwards")
_fill_, _fill_with_ = inplace(_fill, "fill_", fills=True), inplace(_fill_with, "fill_")
zero_ = inplace(
    linear("zero", lambda x: np.zeros(x.shape, x.dtype), lambda F, g, shape: F.zeros_like(g), batch=B.same),
    "zero_",
    fills=True,
)


def fill_(input: Tensor, value: Any) -> Tensor:
    """Set every element to a number or to a 0-d tensor, which then gets the sum of the gradients.

    Raises: RuntimeError for a tensor with dimensions.
    """
    if isinstance(value, (*NUMBERS, np.generic)):
        result: Tensor = _fill_(input, fitting(value, input._a.dtype, "fill_"))
    elif not isinstance(value, Tensor):
        raise TypeError(f"fill_: value is {type(value).__name__}; a number or a 0-d Tensor is needed.")
    elif value._a.ndim:
        raise RuntimeError(f"fill_: value is {sizes(value._a.shape)}; a 0-d tensor is needed. Use copy_().")
    else:
        result = _fill_with_(input, value if value._kind is input._kind else cast(value, input._kind))
    return result


def copied(input: Tensor, src: Tensor) -> Tensor:
    """src in the shape and dtype of input. Raises: RuntimeError if src does not broadcast to input."""
    if isinstance(src, NUMBERS):
        src = wrap(number(src, input._a.dtype))
    need_tensor(src, "copy_", "src")
    try:
        result: Tensor = _copy(input, src if src._a.dtype is input._a.dtype else cast(src, input._a.dtype))
    except ValueError:
        raise RuntimeError(
            f"copy_: {argument('src', src)} is {sizes(src._a.shape)} and {argument('the target', input)} is "
            f"{sizes(input._a.shape)}; src must broadcast to it."
        ) from None
    return result


copy_ = inplace(copied, "copy_")


offer(
    globals(),
    methods="copy_ fill_ zero_",
)
nameless(globals())
