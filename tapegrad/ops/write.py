"""Writing new values over all of a tensor, in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from operator import index
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.define.batching as B
import tapegrad.kernels.filling as filling
from tapegrad._errors import sizes
from tapegrad._state import special
from tapegrad.define import cast, inplace, linear, offer, opaque, writes
from tapegrad.dtypes import F4, F8
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.shape import replace
from tapegrad.naming import argument
from tapegrad.promotion import NUMBERS, fitting, need_tensor, number
from tapegrad.tensor import Tensor, wrap
from tapegrad.writes import wrote

_EXACT = 2**53  # below it every float has each integer that it is given, rounded once


def _fill_op(key: str, title: str) -> Any:
    return opaque(
        key,
        lambda x, value: filling.full(x.shape, x.dtype, value),
        linear=True,
        d=(lambda F, g, shapes, value: F.zeros_like(g),),
        title=title,
        batch=B.same,
        widens=False,
    )


def _written(batch: Any, op: Any, xs: Any, args: Any) -> Any:
    """The batch rule of what puts y in the place of x."""
    x, y = xs
    return batch.expand(batch.lift(y, x.ndim), (batch.size, *x.shape))


def _over(key: str, title: str, kernel: Any = lambda x, y: np.broadcast_to(y, x.shape)) -> Any:
    """The op that puts a second tensor, broadcast, in the place of the first."""
    return opaque(
        key,
        kernel,
        linear=True,
        d=(lambda F, g, shapes: F.zeros_like(g), lambda F, g, shapes: F.sum_to(g, shapes[1])),
        title=title,
        batch=_written,
    )


_fill, _fill_fresh = _fill_op("fill", "FillBackward2"), _fill_op("fill.fresh", "FillBackward0")
_fill_with, _copy = _over("fill.tensor", "FillBackward3"), _over("copy", "CopyBackwards")
_fill_fresh_with = _over("fill.fresh_tensor", "FillBackward1", lambda x, y: filling.full(x.shape, x.dtype, y))
_zero = linear(
    "zero", lambda x: filling.zeros(x.shape, x.dtype), lambda F, g, shape: F.zeros_like(g), batch=B.same
)


def _filled(input: Tensor, value: Any) -> Tensor:
    return _filled_by((_fill, _fill_with), input, value)


def _filled_by(ops: Any, input: Tensor, value: Any) -> Tensor:
    if isinstance(value, (*NUMBERS, np.generic)):
        result: Tensor = ops[0](input, fitting(value, input._a.dtype, "fill_"))
        return result
    if not isinstance(value, Tensor):
        raise TypeError(f"fill_: value is {type(value).__name__}; a number or a 0-d Tensor is needed.")
    if value._a.ndim:
        raise RuntimeError(f"fill_: value is {sizes(value._a.shape)}; a 0-d tensor is needed. Use copy_().")
    result = ops[1](input, value if value._kind is input._kind else cast(value, input._kind))
    return result


def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor like input, filled with a number or with a 0-d tensor, which gets the sum of the gradients.

    Raises: RuntimeError for a tensor with dimensions.
    """
    return _filled_by((_fill_fresh, _fill_fresh_with), need_tensor(input, "fill"), value)


def _zeroed(input: Tensor) -> Tensor:
    return _zero(input)


def copied(input: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
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


def _put_value(x: Any, value: Any, out: Any) -> None:
    if value.ndim or not isfinite(value):
        raise ValueError(
            "a tensor with dimensions, or perhaps a number that is too large, is refused elsewhere"
        )
    filling.fill(out, value)


def _put_values(x: Any, y: Any, out: Any) -> None:
    if y.ndim > out.ndim:
        raise ValueError("NumPy would drop dimensions of size 1")
    replace(out, y)


_fill_in_place = inplace(writes(_filled, _put_value), "fill_", fills=True)
_zero_in_place = inplace(writes(_zeroed, lambda x, out: filling.fill(out, 0)), "zero_", fills=True)
_copy_in_place = inplace(writes(copied, _put_values), "copy_")


# What these are mostly called for is done here: a tensor that is no view and has no graph.


def fill_(input: Tensor, value: Any) -> Tensor:
    """Set every element to a number or to a 0-d tensor, which then gets the sum of the gradients.

    Raises: RuntimeError for a tensor with dimensions.
    """
    x, kind = input._a, input._kind
    if (
        (type(value) is not float and type(value) is not int)
        or not -_EXACT < value < _EXACT
        or (kind is not F4 and kind is not F8)
        or type(x) is not ndarray
        or input._cold is not None
        or input._node is not None
        or special.alert
    ):
        return _fill_in_place(input, value)  # type: ignore[no-any-return] # a Tensor
    try:
        filling.fill(x, value)
    except ValueError:  # the memory is read-only
        return _fill_in_place(input, value)  # type: ignore[no-any-return] # a Tensor
    wrote(x)
    return input


def zero_(input: Tensor) -> Tensor:
    """Set every element to 0."""
    x = input._a
    if type(x) is not ndarray or input._cold is not None or input._node is not None or special.alert:
        return _zero_in_place(input)  # type: ignore[no-any-return] # a Tensor
    try:
        filling.fill(x, 0)
    except ValueError:  # the memory is read-only
        return _zero_in_place(input)  # type: ignore[no-any-return] # a Tensor
    wrote(x)
    return input


def copy_(input: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Set the elements to those of src, which broadcasts to this tensor, in its dtype.

    Raises: RuntimeError if src does not broadcast to it.
    """
    x = input._a
    if type(src) is not Tensor or src._kind is not input._kind or type(x) is not ndarray or special.alert:
        return _copy_in_place(input, src)  # type: ignore[no-any-return] # a Tensor
    y = src._a
    if (
        input._cold is not None
        or input._node is not None
        or src._node is not None
        or type(y) is not ndarray
        or x.base is not None
        or y.base is not None
        or y.shape != x.shape
    ):
        return _copy_in_place(input, src)  # type: ignore[no-any-return] # a Tensor
    try:
        replace(x, y)
    except ValueError:  # the memory is read-only
        return _copy_in_place(input, src)  # type: ignore[no-any-return] # a Tensor
    wrote(x)
    return input


def _converted(values: Sequence[Any], like: Any, shape: tuple[int, ...]) -> Tensor:
    """Python values as a tensor; of integers the fractions are cut off."""
    kind = like._kind.kind
    take: Any = {"b": bool, "f": float, "c": complex}.get(
        kind, lambda v: int(v) if type(v) is float else index(v)
    )
    return wrap(np.array([take(v) for v in values], like._kind).reshape(shape))


def _for_each(name: str, function: Any, *tensors: Tensor) -> Tensor:
    """function of the elements of tensors, one by one, in Python."""
    first = tensors[0]
    columns = []
    for i, t in enumerate(tensors):
        need_tensor(t, name, "input" if i == 0 else "other")
        if t.requires_grad:
            raise RuntimeError(f"{name}: {argument('a tensor', t)} requires grad; detach() it first.")
        if t._kind is not first._kind:
            raise TypeError(
                f"{name}: a tensor is {t.dtype} and the target {first.dtype}; they must be equal."
            )
        columns.append((copied(first, t) if i else first).reshape(-1).tolist())
    return _converted([function(*values) for values in zip(*columns, strict=True)], first, first._a.shape)


def apply(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """callable(x) for each element, in Python: slow. Raises: RuntimeError if the tensor requires grad."""
    return _for_each("apply_", callable, self)


def map(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """callable(x, y) for each element and that of a tensor, which broadcasts to this one.

    Raises: RuntimeError if one requires grad, TypeError for another dtype.
    """
    return _for_each("map_", callable, self, tensor)


def map2(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """callable(a, b, c) for each element and those of two tensors, which broadcast to this one.

    Raises: RuntimeError if one requires grad, TypeError for another dtype.
    """
    return _for_each("map2_", callable, self, x, y)


offer(
    globals(),
    in_place="apply map map2",
    functions="fill",
    methods="copy_",
    both="fill_ zero_",
)
nameless(globals())
