"""What arrays show of memory: who owns it, views by strides, where two arrays meet."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.lib.stride_tricks import as_strided

from tapegrad.kernels.errstate import nameless

np.empty(1 << 23, np.uint8)  # see `docs/architecture.md`, "Freed memory": glibc keeps more from then on

_MOST, _MANY = 4096, 256  # elements of a shared array, and how many there are of a kind


def shared(make: Callable[..., Any]) -> Callable[..., Any]:
    """make(*key), an array that depends on nothing else: read-only, and kept for the next call if it is
    small."""
    table: dict[tuple[Any, ...], Any] = {}

    def call(*key: Any) -> Any:
        found = table.get(key)
        if found is None:
            found = make(*key)
            found.flags.writeable = False
            if found.size <= _MOST:
                if len(table) >= _MANY:
                    table.clear()
                table[key] = found
        return found

    call.__name__, call.__doc__ = make.__name__, make.__doc__
    return call


def buffer_of(x: Any) -> Any:
    """The array that owns the memory x shows."""
    while type(x.base) is ndarray:
        x = x.base
    return x


def owner_of(x: Any) -> Any:
    """The array that owns the memory x shows, also where x is `apart`."""
    b = buffer_of(x)
    while isinstance(b.base, memoryview) and isinstance(b.base.obj, ndarray):
        b = buffer_of(b.base.obj)
    return b


def offset_of(x: Any) -> int:
    """Bytes from the start of x's buffer to x's first element."""
    return int(x.__array_interface__["data"][0] - buffer_of(x).__array_interface__["data"][0])


def _in_order(buffer: Any) -> Any:
    """A buffer with its axes in the order of its memory, so that NumPy takes it as one piece."""
    if buffer.flags.c_contiguous:
        return buffer
    return buffer.transpose(sorted(range(buffer.ndim), key=lambda i: -buffer.strides[i]))


def in_one_piece(buffer: Any) -> bool:
    """Whether a buffer has no gaps."""
    return bool(_in_order(buffer).flags.c_contiguous)


def bytes_of(buffer: Any) -> Any:
    """A buffer's bytes in the order of its memory, which they share. Raises: ValueError if it has gaps."""
    return ndarray((buffer.nbytes,), np.uint8, _in_order(buffer))


def restrided(x: Any, shape: tuple[int, ...], strides: tuple[int, ...], offset: int | None = None) -> Any:
    """The memory of x in another shape, with strides in bytes, from a byte of its buffer on (default: where x
    starts). Writable if the buffer is. Raises: ValueError beyond the buffer."""
    start = offset_of(x) if offset is None else offset
    buffer = _in_order(buffer_of(x))
    if not prod(shape):
        start = 0
    elif not buffer.nbytes:  # NumPy takes 0 bytes for a buffer of unknown size, and checks nothing
        raise ValueError(f"restrided: {shape} needs memory, and the buffer has none.")
    return ndarray(shape, x.dtype, buffer, start, strides)


def apart(x: Any) -> Any:
    """The memory of x as an array with a buffer of its own: a write to one is no write to the other."""
    buffer = buffer_of(x)
    if buffer.dtype.kind == "V":  # bfloat16, of which Python knows no buffers
        buffer = buffer.view("u2")
    own = np.asarray(memoryview(buffer))
    if x.base is None and own.dtype is x.dtype:
        return own
    y = ndarray(x.shape, x.dtype, _in_order(own), offset_of(x) if x.size else 0, x.strides)
    y.flags.writeable = x.flags.writeable
    return y


Parts = tuple[Any, Any, tuple[int, ...], tuple[int, ...], int, bool]


def parts_of(x: Any) -> Parts:
    """(owner, dtype, shape, strides, offset, writable) of x, of which `from_parts` makes x again; with a copy
    of the owner, which all arrays on this memory have in common, a copy of x."""
    owner = owner_of(x)
    if not _in_order(owner).flags.c_contiguous:  # memory of others, with gaps
        owner = x = x.copy("K")
    start = x.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    return owner, x.dtype, x.shape, x.strides, start, x.flags.writeable or not owner.flags.writeable


def pickled(parts: Parts) -> Parts:
    """The parts with an owner of which a pickle keeps the order of its memory."""
    owner = parts[0]
    return parts if owner.flags.forc else (_in_order(owner), *parts[1:])


def from_parts(
    owner: Any, dtype: Any, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, writable: bool
) -> Any:
    """The array of these parts."""
    if owner.dtype is dtype and owner.shape == shape and owner.strides == strides:
        return owner
    y = ndarray(shape, dtype, _in_order(buffer_of(owner)), offset if prod(shape) else 0, strides)
    y.flags.writeable &= writable
    return y


def repeats(x: Any) -> bool:
    """Whether x shows one place several times by a stride of 0 (what torch finds out, too)."""
    return x.size > 1 and any(s == 0 and n > 1 for s, n in zip(x.strides, x.shape, strict=True))


def overlaps_itself(x: Any) -> bool:
    """Whether two elements of x are at one place in memory."""
    if x.flags.c_contiguous or x.size <= 1:
        return False
    axes = sorted((abs(s), n) for s, n in zip(x.strides, x.shape, strict=True) if n > 1)
    reach = 0
    for stride, n in axes:
        if stride <= reach:
            break  # it may
        reach += stride * (n - 1)
    else:
        return False
    places: Any = np.zeros((), np.int64)
    for stride, n in axes:
        places = places[..., None] + stride * np.arange(n)
    return bool(np.unique(places).size < places.size)


def _dense(x: Any) -> bool:
    """Whether the elements of x fill one piece of memory, each place once."""
    if x.flags.c_contiguous or x.flags.f_contiguous:
        return True
    expected = x.itemsize
    for stride, n in sorted(zip(x.strides, x.shape, strict=True)):
        if n > 1:
            if stride != expected:
                return False
            expected *= n
    return True


def overlap(x: Any, y: Any) -> bool:
    """Whether dense x and y share a part of their memory, or all of it in another order.

    As in torch, arrays with gaps are not looked at, nor those that show exactly the same.
    """
    if type(x) is not ndarray or type(y) is not ndarray or not (x.size and y.size):
        return False
    own, other = buffer_of(x), buffer_of(y)
    if own is not other and own.flags.owndata and other.flags.owndata:
        return False
    if x is y or not (_dense(x) and _dense(y)):
        return False
    a, b = x.__array_interface__["data"][0], y.__array_interface__["data"][0]
    if a == b and x.nbytes == y.nbytes:
        return x.ndim != y.ndim or _steps(x) != _steps(y)
    return bool(a < b + y.nbytes and b < a + x.nbytes)


def _steps(x: Any) -> list[int]:
    return [s if n > 1 else 0 for s, n in zip(x.strides, x.shape, strict=True)]


def empty_like(a: Any, kind: Any) -> Any:
    """An array of a's shape, without gaps, whose axes are in a's order. An axis along which elements share
    memory says nothing about the order: it stays where it is."""
    if a.flags.c_contiguous:
        return np.empty(a.shape, kind)
    if 0 not in a.strides or all(n < 2 or step for n, step in zip(a.shape, a.strides, strict=True)):
        return np.empty_like(a, kind)
    order = [*range(a.ndim - 1, -1, -1)]  # the innermost axis first
    for i in range(1, a.ndim):
        at = i
        for k in range(i - 1, -1, -1):
            mine, other = (a.strides[order[j]] for j in (at, k))
            if not mine or not other:
                continue
            if mine > other:
                break
            if mine < other or a.shape[order[k]] > a.shape[order[at]]:
                order[at], order[k] = order[k], order[at]
                at = k
    steps, step = [0] * a.ndim, a.itemsize
    for k in order:
        steps[k], step = step, step * a.shape[k]
    return np.empty_like(as_strided(a, strides=steps), kind)  # which is not looked into


nameless(globals())
