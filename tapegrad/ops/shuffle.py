"""Channels and pixels that change places, borders of a constant, powers of vectors; and what a shape says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import tapegrad.define.batching as B
import tapegrad.kernels.arrange as A
import tapegrad.kernels.shuffle as S
from tapegrad._errors import describe, say_once, sizes
from tapegrad.define import Function, linear, offer, opaque
from tapegrad.dtypes import B1, NARROW, int64
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops import arrange, create, new, shape
from tapegrad.ops.shape import cat, reshape
from tapegrad.ops.sizes import integers
from tapegrad.promotion import NUMBERS, need_tensor, number
from tapegrad.tensor import Tensor

_shuffle: Function = linear(
    "pixel_shuffle", S.pixel_shuffle, lambda F, g, _, r: F.apply(_unshuffle.op, g, r), batch=B.same
)
_unshuffle: Function = linear(
    "pixel_unshuffle", S.pixel_unshuffle, lambda F, g, _, r: F.apply(_shuffle.op, g, r), batch=B.same
)


def _regrouped(F: Any, g: Any, shape: Any, groups: int, dim: int) -> Any:
    return F.apply(_channels.op, g, shape[dim] // groups or 1, dim)  # 0 where there are no channels


_channels: Function = linear(
    "channel_shuffle",
    S.channel_shuffle,
    _regrouped,
    batch=B.shifted(lambda n, groups, dim: (groups, dim + 1)),
)


def _unpadded(F: Any, g: Any, _: Any, before: Any, after: Any) -> Any:
    return F.apply(_pad_zeros.op, g, tuple([-k for k in before]), tuple([-k for k in after]))


def _more(n: int, before: Any, after: Any, *value: Any) -> Any:
    return ((0, *before), (0, *after), *value)


_pad_zeros: Function = linear(
    "constant_pad_nd.zeros",
    lambda x, before, after: A.pad(x, before, after, 0),
    _unpadded,
    batch=B.shifted(_more),
)
_pad = opaque(
    "constant_pad_nd",
    A.pad,
    d=(lambda F, g, shapes, before, after, value: _unpadded(F, g, None, before, after),),
    batch=B.shifted(_more),
)


def _positive(n: Any, input: Any, name: str, op: str) -> tuple[int, tuple[int, ...]]:
    """The factor, and input's shape. Raises: RuntimeError."""
    s = need_tensor(input, op)._a.shape
    if len(s) < 3:
        raise RuntimeError(f"{op}: input is {sizes(s)} ({len(s)}-d); 3-d or more is needed.")
    if n <= 0:
        raise RuntimeError(f"{op}: {name} is {n}; 1 or more is needed.")
    return n, s


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """[*, C * r * r, H, W] as [*, C, H * r, W * r]: channels become pixels.

    Raises: RuntimeError for less than three dimensions, or channels that r * r does not divide.
    """
    r, s = _positive(upscale_factor, input, "upscale_factor", "pixel_shuffle")
    if s[-3] % (r * r):
        raise RuntimeError(f"pixel_shuffle: input has {s[-3]} channels; {r} * {r} must divide them.")
    return _shuffle(input, r)


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """[*, C, H * r, W * r] as [*, C * r * r, H, W]: pixels become channels.

    Raises: RuntimeError for less than three dimensions, or a height or width that r does not divide.
    """
    r, s = _positive(downscale_factor, input, "downscale_factor", "pixel_unshuffle")
    if s[-1] % r or s[-2] % r:
        raise RuntimeError(f"pixel_unshuffle: input is {sizes(s)}; {r} must divide the last two sizes.")
    return _unshuffle(input, r) if input._a.size else input.clone()  # as torch: nothing stays what it is


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """The channels (dimension 1), of which there are `groups` groups, so that the first of each come first.

    Raises: RuntimeError for less than three dimensions, or channels that groups does not divide.
    """
    n, s = _positive(groups, input, "groups", "channel_shuffle")
    if s[1] % n:
        raise RuntimeError(f"channel_shuffle: input has {s[1]} channels; groups ({n}) must divide them.")
    return _channels(input, n, 1)


def native_channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """channel_shuffle."""
    return channel_shuffle(input, groups)


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: Any = 0) -> Tensor:
    """input with a border of a number: pad has how many come before and behind, for the last dimension first;
    less than none cuts.

    Raises: RuntimeError for an odd number, too many, or if more is cut than there is.
    """
    s = need_tensor(input, "constant_pad_nd")._a.shape
    given = integers((tuple(pad),), "constant_pad_nd")
    if len(given) % 2 or len(given) > 2 * len(s):
        raise RuntimeError(
            f"constant_pad_nd: pad is {given} and {argument('input', input)} is {sizes(s)}; two numbers for "
            "each of the last dimensions are needed."
        )
    if isinstance(value, complex) and not input.is_complex():
        raise RuntimeError(
            f"constant_pad_nd: value is {value} and input {input.dtype}; a real one is needed."
        )
    if not isinstance(value, NUMBERS):
        raise TypeError(f"constant_pad_nd: value is {value!r}; a number is needed.")
    before, after, left = _borders(s, given)
    if not left:
        raise RuntimeError(
            f"constant_pad_nd: pad is {given}, which cuts more than {argument('input', input)} "
            f"has, {sizes(s)}; cut less."
        )
    return _pad(input, before, after, number(value, input._kind))


@lru_cache(1000)
def _borders(shape: tuple[int, ...], given: tuple[int, ...]) -> tuple[Any, Any, bool]:
    """(how many come before, and behind, along each axis, whether no more is cut than there is)."""
    rest = (0,) * (len(shape) - len(given) // 2)
    before, after = (*rest, *given[-2::-2]), (*rest, *given[::-2])
    ends = zip(shape, before, after, strict=True)
    return before, after, all(min(n + a + b, n + min(a, 0), n + min(b, 0)) >= 0 for n, a, b in ends)


# ---- powers of the elements of vectors


def _powers(x: Tensor, n: int) -> Tensor:
    """1, x, x * x, ... along a new last dimension."""
    column = shape.unsqueeze(x, -1)
    columns = [new.ones_like(column)] if n else []
    for _ in range(n - 1):
        columns.append(columns[-1] * column)
    return cat(columns, -1) if n else create.zeros(*x._a.shape, 0, dtype=x.dtype)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """A Vandermonde matrix: row i has the powers of x[i] from N - 1 down to 0, or from 0 up.

    Raises: RuntimeError for other dimensions than one, a negative N.
    """
    if need_tensor(x, "vander", "x")._a.ndim != 1:
        raise RuntimeError(f"vander: x is {describe(x)}; a 1-d tensor is needed.")
    n = x._a.size if N is None else N
    if n < 0:
        raise RuntimeError(f"vander: N is {N}; 0 or more is needed.")
    if x._kind.kind in "iub":
        x = x.to(int64)
    y = _powers(x, n)
    return y if increasing else arrange.flipped(y, (1,))


def linalg_vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Vandermonde matrices of the vectors along the last dimension: row i has the powers of x[i] from 0 up. A
    number is a vector of one.

    Raises: RuntimeError for N below 2, bool, float16 or bfloat16.
    """
    s = need_tensor(x, "vander", "x")._a.shape
    n = (s[-1] if s else 1) if N is None else N
    if n < 2:
        raise RuntimeError(f"vander: N is {n}; 2 or more is needed.")
    if x._kind is B1 or x._kind.char in NARROW:
        raise RuntimeError(
            f"vander: x is {x.dtype}; integers, float32, float64 or complex numbers are needed."
        )
    x = x if s else reshape(x, (1,))
    return _powers(x if x._kind.kind not in "iu" else x.to(int64), n)


# ---- what a shape says


def ndimension(input: Tensor) -> int:
    """The number of dimensions."""
    return input.dim()


def element_size(input: Tensor) -> int:
    """Bytes per element."""
    return input.itemsize


def dim_order(input: Tensor, *, ambiguity_check: bool | list[Any] = False) -> tuple[int, ...]:
    """The dimensions in the order of memory, that with the largest stride first.

    Raises: RuntimeError with ambiguity_check if another order would do as well.
    """
    s, steps = input._a.shape, input.stride()
    if ambiguity_check is True and (any(a == b for a, b in pairwise(steps)) or 1 in s):
        raise RuntimeError(
            f"dim_order: input is {sizes(s)} with strides {steps}, which fit several orders of dimensions; "
            "pass ambiguity_check=False."
        )
    order: list[int] = []
    for i in reversed(range(len(s))):  # each goes behind those that lie further apart
        k = 0
        for j, other in enumerate(order):
            if not (steps[i] and steps[other]):
                continue  # what repeats has no place of its own
            if steps[other] > steps[i] or (steps[other] == steps[i] and s[other] > s[i]):
                k = j + 1
            else:
                break
        order.insert(k, i)
    return tuple(order)


def resize(input: Tensor, *sizes_: Any) -> Tensor:
    """A view in another shape of as many elements; torch calls this old, too.

    Raises: RuntimeError for another number of elements.
    """
    say_once("resize: this is old, and cannot change the number of elements; use reshape or view.")
    new = integers(sizes_, "resize")
    n = 1
    for k in new:
        n *= k
    if n != input._a.size:
        raise RuntimeError(
            f"resize: {argument('input', input)} is {sizes(input._a.shape)} and sizes are {sizes(new)}; the "
            "products must be equal. Use resize_()."
        )
    return shape.contiguous(input).view(new)


def resize_as(input: Tensor, the_template: Tensor) -> Tensor:
    """resize to the shape of another tensor."""
    return resize(input, *need_tensor(the_template, "resize_as", "the_template")._a.shape)


offer(
    globals(),
    functions=("channel_shuffle constant_pad_nd native_channel_shuffle pixel_shuffle pixel_unshuffle vander"),
    methods="dim_order element_size ndimension resize resize_as",
)
offer(
    globals(),
    functions="channel_shuffle native_channel_shuffle pixel_shuffle pixel_unshuffle",
    namespace="nn",
)
offer({"vander": linalg_vander}, functions="vander", namespace="linalg")
nameless(globals())
