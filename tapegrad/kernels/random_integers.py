"""Random whole numbers, and random orders of them: torch's for torch's seed. See tapegrad.kernels.random."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from operator import index

import numpy as np
import numpy.typing as npt

from tapegrad.dtypes import FLOATING, limits
from tapegrad.kernels.drawing import FLOATS, INTEGERS, WIDE_UNSIGNED, Array, DType, draw, need_dtype
from tapegrad.kernels.generator import Stream

_Make = Callable[[Array], Array]  # words -> values

_I8 = np.dtype(np.int64)
_INT64 = range(-(2**63), 2**63)
_LONG_RANGE = 1 << 28  # from this many different numbers on, torch takes 64 bits for one
_LONG_SHUFFLE = (
    0xFFFFFFFF // 20
)  # from this length on, randperm takes 64 bits an element, and another algorithm
_FEW = 64  # so few words are divided by NumPy's %
_LONG_LOOP = 1000  # from this length on, randperm's swaps are cheaper without a loop
_FEW_PLACES = 16  # so few places are ordered many times at once
_DIGITS = {"E": 8, "e": 11, "f": 24, "d": 53}  # of a float dtype: it has every whole number up to 2**digits


def randint(
    stream: Stream, n: int, low: int, high: int | None = None, dtype: npt.DTypeLike = np.int64
) -> Array:
    """n whole numbers spread evenly over low, ..., high - 1; without high, up to the largest that dtype has.

    For a float dtype the largest is 2**11, 2**24 or 2**53, up to which it has every whole number. A number
    takes two words if the range has 2**28 or more, else one.

    Shapes: dtype[n]. Range: low < high, the numbers within dtype.
    Raises: RuntimeError for a bad range or no dtype of real numbers; ValueError for a bound beyond int64;
    NotImplementedError if all 64 bits are asked of a dtype for which torch has no such kernel.
    Source: torch.randint, Tensor.random_(to), Tensor.random_(from, to), Tensor.random_(from, None).
    """
    dtype = dtype if isinstance(dtype, np.dtype) else np.dtype(dtype)
    low, span, divisor, make = _span(index(low), None if high is None else index(high), dtype)
    if make is not None:
        with stream.lock:
            found = stream.converted(make, 1, n, late=True)
        if found is not None:
            values, first = found
            return values[first : first + n].copy()
    if span == 0:
        return _all_64_bits(stream, n, dtype)
    return from_range(stream, n, low, span, divisor, dtype)


def from_range(stream: Stream, n: int, low: int, span: int, divisor: Array, dtype: DType) -> Array:
    """n of the numbers low, ..., low + span - 1. divisor: span as an array."""

    def make(stream: Stream, count: int) -> Array:
        words = stream.long_words(count) if span >= _LONG_RANGE else stream.words(count)
        values = (words % divisor if count < _FEW else _modulo(words, span)).astype(_I8)
        if low:
            values += low  # wraps within int64 if it has to, as in torch
        return values

    return draw(stream, n, dtype, make)


@lru_cache(64)
def _span(low: int, high: int | None, dtype: DType) -> tuple[int, int, Array, _Make | None]:
    """The least number, how many there are (0: all of int64), that as an array, since NumPy takes a
    number that is none in twice the time, and what makes the numbers of words, if one word makes an int64."""
    if low not in _INT64 or (high is not None and high not in _INT64):
        raise ValueError(f"random_: the range is [{low}, {high}); both bounds must fit into int64.")
    need_dtype("random_", dtype, "?" + INTEGERS + WIDE_UNSIGNED + FLOATS, RuntimeError)
    if high is None and low == _INT64[0]:
        return low, 0, np.empty(()), None
    low, high = _range(low, high, dtype)
    span = high - low
    if span >= _LONG_RANGE:
        return low, span, np.array(span, np.uint64), None
    make = partial(_from_words, low, span) if dtype is _I8 else None
    return low, span, np.array(span, np.uint32), make


def _from_words(low: int, span: int, words: Array) -> Array:
    """A number low, ..., low + span - 1 of each word. Shapes: uint32[n] to int64[n]."""
    values = _modulo(words, span).astype(_I8)
    values += low  # wraps within int64 if it has to, as in torch
    return values


def random_integers(stream: Stream, n: int, dtype: npt.DTypeLike = np.int64) -> Array:
    """n whole numbers spread evenly over 0, ..., the largest that dtype has (see `randint`).

    A number takes two words if dtype has 64 bits, else one.

    Shapes: dtype[n].
    Raises: NotImplementedError for a dtype that torch does not draw.
    Source: Tensor.random_().
    """
    dtype = np.dtype(dtype)
    if n == 0:
        return np.empty(0, dtype)
    need_dtype("random_", dtype, "?" + INTEGERS + FLOATS)
    span = _largest(dtype) + 1
    take = Stream.long_words if dtype.itemsize == 8 else Stream.words
    return draw(stream, n, dtype, lambda stream, count: _modulo(take(stream, count), span))


def randperm(stream: Stream, n: int, dtype: npt.DTypeLike = np.int64) -> Array:
    """0, ..., n - 1 in random order.

    Shapes: dtype[n].
    Raises: RuntimeError if n is negative or too large for dtype; NotImplementedError for a dtype that torch
    does not draw.
    Source: torch.randperm.
    """
    if 1 < n <= _FEW_PLACES and dtype is _I8:
        with stream.lock:
            found = stream.converted(_orders_of(n), n - 1, 1, n, late=True)
        if found is not None:
            orders, first = found
            return orders[first : first + n].copy()
    dtype = np.dtype(dtype)
    need_dtype("randperm", dtype, INTEGERS + FLOATS)
    if n < 0:
        raise RuntimeError(f"randperm: n is {n}; it must be >= 0.")
    if n - 1 > _largest(dtype):
        raise RuntimeError(f"randperm: n is {n}; {dtype} counts up to {_largest(dtype)} only.")
    if n >= _LONG_SHUFFLE:
        return _shuffled_inside_out(stream, n).astype(dtype, copy=False)
    if n == 0:
        return np.empty(0, dtype)
    with stream.lock:
        words = stream.words(n - 1)
    return shuffled(words).astype(dtype, copy=False)


@cache
def _orders_of(n: int) -> _Make:
    """What makes orders of n <= _FEW_PLACES of words."""
    return partial(_orders, n)


def _orders(n: int, words: Array) -> Array:
    """Orders of 0, ..., n - 1, one of every n - 1 words. Shapes: uint32[m * (n - 1)] to int64[m * n]."""
    partners = words.reshape(-1, n - 1) % np.arange(n, 1, -1, dtype=np.uint32) + np.arange(n - 1)
    many = len(partners)
    orders = np.arange(n).repeat(many).reshape(n, many)  # an order is a column
    for row, at in zip(orders, partners.T * many + np.arange(many), strict=False):
        chosen = orders.take(at)
        orders.put(at, row)
        row[...] = chosen
    return orders.T.reshape(-1)


def shuffled(words: Array) -> Array:
    """0, ..., n - 1 in the order that n - 1 words give. Shapes: uint32[n - 1] to int32[n]."""
    n = words.size + 1
    if n < _LONG_LOOP:
        order = list(range(n))
        for i, word in enumerate(words.tolist()):
            j = i + word % (n - i)
            order[i], order[j] = order[j], order[i]
        return np.fromiter(order, np.int32, n)
    partners = words % np.arange(n, 1, -1, dtype=np.uint32)
    partners += np.arange(partners.size, dtype=np.uint32)
    return _swapped(partners)


def _swapped(partners: Array) -> Array:
    """0, ..., n - 1 after swapping the places i and partners[i] >= i, for i = 0, 1, ... in turn.

    Step i fixes place i. It takes what lies at its target then: the number of that place, unless an earlier
    step had the same target. The last such step k left there what lay at place k before it; that is number k,
    unless a step before k had place k as its target, and so on back. `origin` follows these chains to their
    beginnings, all at once, by doubling.

    Shapes: uint32[n - 1] to int32[n].
    """
    n = partners.size + 1
    step = np.arange(n, dtype=np.int64)
    target = np.append(partners.astype(np.int64), n - 1)
    origin = step.astype(np.int32)
    moves = np.flatnonzero(target != step)
    origin[target[moves]] = moves  # of several steps with one target the last remains
    while not np.array_equal(earlier := origin[origin], origin):
        origin = earlier
    keys = np.sort((target << 32) | step)  # by target, and by step among equal targets
    targets, steps = keys >> 32, keys & 0xFFFFFFFF
    order = target.astype(np.int32)
    order[target == step] = origin[target == step]
    again = np.flatnonzero(targets[1:] == targets[:-1])
    order[steps[again + 1]] = origin[steps[again]]
    return order


def _shuffled_inside_out(stream: Stream, n: int) -> Array:
    """torch's way for n >= 2**32 / 20, where 32 random bits would favour some places.

    Shapes: int64[n]. Source: at::native randperm_cpu.
    """
    order = np.empty(n, np.int64)
    places = draw(stream, n, np.dtype(np.uint64), Stream.long_words)
    places %= np.arange(1, n + 1, dtype=np.uint64)
    for i, j in enumerate(places):
        order[i] = order[j]
        order[j] = i
    return order


def _all_64_bits(stream: Stream, n: int, dtype: DType) -> Array:
    """n whole numbers spread over all of int64, the one range that has no upper bound.

    Source: at::native random_full_64_bits_range_kernel.
    """
    if n == 0:
        return np.empty(0, dtype)
    if dtype.char in INTEGERS and dtype.itemsize < 8:
        raise RuntimeError(f"random_: the range is all of int64; {dtype} does not hold it.")
    need_dtype("random_", dtype, "lqfd")
    return draw(stream, n, dtype, lambda stream, count: stream.long_words(count).view(np.int64))


def _modulo(words: Array, span: int) -> Array:
    """words modulo span. NumPy has vector code for // by a number, but none for %."""
    if span & (span - 1) == 0:
        return words & (span - 1)
    multiple: Array = words // span
    multiple *= span
    return words - multiple


@cache
def _largest(dtype: DType) -> int:
    """The largest whole number that dtype has; for a float dtype, that up to which it has all of them."""
    if dtype.kind == "b":
        return 1
    return 2 ** _DIGITS[dtype.char] if dtype.kind in FLOATING else int(np.iinfo(dtype).max)


@cache
def _limits(dtype: DType) -> tuple[int, int]:
    """The least and the largest number that a range may contain in dtype."""
    if dtype.kind in FLOATING:
        most = int(float(limits(dtype).max))
        return -most, most
    if dtype.kind == "b":
        return 0, 1
    return int(np.iinfo(dtype).min), min(int(np.iinfo(dtype).max), _INT64[-1])


def _range(low: int, high: int | None, dtype: DType) -> tuple[int, int]:
    """The range [low, high) that is drawn from in dtype, checked."""
    last = _largest(dtype) if high is None else high - 1
    least, most = _limits(dtype)
    if not least <= low <= last <= most:
        needed = f"from <= to is needed, and both within {dtype}"
        raise RuntimeError(f"random_: the range is from {low} to {last} (inclusive); {needed}.")
    if dtype.kind not in FLOATING:
        return low, last + 1
    first = _held_from(low, dtype)
    end = last if high is None else _held_to(high, dtype)
    if first >= end:
        needed = (
            f"{dtype} must have at least two numbers of it"
            if high is None
            else f"{dtype} must have one of it"
        )
        raise RuntimeError(f"random_: the range is from {low} to {last} (inclusive); {needed}.")
    return first, last + 1 if high is None else end


def _held_from(low: int, dtype: DType) -> int:
    """low; or, if dtype rounds low + 1 to below low, the next number that it has.

    Source: at::native::templates::update_from. Both functions keep the numbers drawn inside the range when
    they are rounded to dtype.
    """
    nearest = _nearest(low + 1, dtype)
    return low if nearest >= low else nearest + _spacing(low + 1, dtype)


def _held_to(high: int, dtype: DType) -> int:
    """high; or, if dtype rounds high - 1 to high or above, the number before. Source: update_to."""
    nearest = _nearest(high - 1, dtype)
    return high if nearest < high else nearest - _spacing(high - 1, dtype)


def _nearest(value: int, dtype: DType) -> int:
    """The number nearest to value that dtype has, or value itself if that lies beyond int64."""
    nearest = int(np.array(value, np.int64).astype(dtype))
    return nearest if nearest in _INT64 else value


def _spacing(value: int, dtype: DType) -> int:
    """The distance between the numbers that dtype has around value, where that is more than 1."""
    return 1 << (abs(value).bit_length() - _DIGITS[dtype.char])
