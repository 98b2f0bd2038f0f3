"""What the random draws share: uniform numbers, chunks, rounding to a dtype, a tensor's order, checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tapegrad.dtypes import NARROW
from tapegrad.kernels.generator import Stream, long

Array = npt.NDArray[Any]
DType = np.dtype[Any]
Make = Callable[[Stream, int], Array]  # (stream, count) -> count values; called with the stream's lock held

CHUNK = 1 << 13  # values made at a time: their temporaries stay in the second-level cache

# dtypes by their type characters
FLOATS = "Eefd"
INTEGERS = "bBhilq"  # those that torch draws everywhere; it draws the wide unsigned ones in ranges only
WIDE_UNSIGNED = "HILQ"

# Constants as arrays without dimensions: with a Python number the same operation takes twice as long.
_BITS_24, _BITS_53 = np.array(2**24 - 1, np.uint32), np.array(2**53 - 1, np.uint64)
_UNIT_24, _UNIT_53 = np.array(2.0**-24, np.float32), np.array(2.0**-53)
_FLOAT32, _FLOAT64, _INT64 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)


def draw(stream: Stream, n: int, dtype: DType, make: Make) -> Array:
    """n values of `make` as a dtype array: made in chunks, but in one go as far as other threads can see.

    Shapes: dtype[n], the caller's own.
    """
    with stream.lock:
        if n <= CHUNK:
            x = make(stream, n)
            return x if x.dtype is dtype else x.astype(dtype)
        out = np.empty(n, dtype)
        for start in range(0, n, CHUNK):
            out[start : start + CHUNK] = make(stream, min(CHUNK, n - start))
    return out


def unit32(stream: Stream, count: int) -> Array:
    """Uniform numbers k / 2**24 in [0, 1): the low bits of one word each. The caller holds the lock.

    Shapes: float32[count]. Source: at::uniform_real_distribution<float>.
    """
    found = stream.converted(units32, 1, count)
    if found is None:
        return units32(stream.words(count))
    values, first = found
    return values[first : first + count].copy()


def units32(words: Array) -> Array:
    """The same from the words. Shapes: uint32[n] to float32[n]."""
    x = (words & _BITS_24).astype(_FLOAT32)
    x *= _UNIT_24
    return x


def unit64(stream: Stream, count: int) -> Array:
    """Uniform numbers k / 2**53 in [0, 1): the low bits of two words each. The caller holds the lock.

    Shapes: float64[count]. Source: at::uniform_real_distribution<double>.
    """
    found = stream.converted(units64, 2, count)
    if found is None:
        return units64(stream.words(2 * count))
    values, first = found
    return values[first : first + count].copy()


def units64(words: Array) -> Array:
    """The same from the words. Shapes: uint32[2 n] to float64[n]."""
    pairs = long(words)
    pairs &= _BITS_53
    x = pairs.view(_INT64).astype(_FLOAT64)  # signed integers convert twice as fast
    x *= _UNIT_53
    return x


def rounded(x: Array, dtype: DType) -> Array:
    """float64 values in dtype. C++ converts to float16 by way of float32, which rounds twice; so does this.

    Shapes: any.
    """
    if x.dtype is dtype or dtype.char == "d":
        return x
    with np.errstate(all="ignore"):
        if dtype.char in NARROW:
            x = x.astype(np.float32, copy=False)
        return x.astype(dtype, copy=False)


def fill(out: Array, make: Callable[[int], Array], op: str = "fill") -> None:
    """Write the flat draw make(out.size) into out, in the order in which torch walks through such a tensor.

    That is the order of memory, whatever the order of the axes: the axis with the smallest stride runs
    fastest, and of two with equal strides the shorter one. (A normal draw also depends on whether out is
    C-contiguous: see `normal`.)

    Shapes: any out.
    Raises: RuntimeError if elements of out share memory; nothing is drawn then.
    Source: at::TensorIterator::reorder_dimensions, at::assert_no_internal_overlap.
    """
    need_own_places(op, out)
    out[...] = arranged(make(out.size), out)


def arranged(values: Array, like: Array) -> Array:
    """Flat values as an array of like's shape, so that they lie along `like` in torch's order (see `fill`).

    Shapes: [like.size] to like.shape, a view.
    """
    if like.flags.c_contiguous:
        return values.reshape(like.shape)
    axes = sorted(range(like.ndim - 1, -1, -1), key=lambda axis: (abs(like.strides[axis]), like.shape[axis]))
    axes.reverse()  # now the slowest comes first
    return values.reshape([like.shape[axis] for axis in axes]).transpose(np.argsort(axes))


def need_own_places(op: str, out: Array) -> None:
    """Raise RuntimeError if elements of `out` share memory, as those of an expanded array do."""
    if 0 not in out.strides or out.size == 0:
        return
    if any(size > 1 and stride == 0 for size, stride in zip(out.shape, out.strides, strict=True)):
        raise RuntimeError(
            f"{op}: the tensor is {list(out.shape)} with strides of {list(out.strides)} bytes, so that its "
            f"elements share memory; each needs a place of its own. Clone the tensor first."
        )


def need_dtype(
    op: str,
    dtype: DType,
    chars: str,
    error: type[Exception] = NotImplementedError,
    subject: str = "the dtype",
) -> None:
    """Raise `error` unless dtype's type character is one of `chars`."""
    if dtype.char not in chars:
        kinds = [name for char, name in (("?", "bool"), ("b", "integer"), ("e", "floating")) if char in chars]
        raise error(f"{op}: {subject} is {dtype}; a dtype that torch draws is needed ({', '.join(kinds)}).")
