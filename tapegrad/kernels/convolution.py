"""Convolutions of any number of dimensions, as products of matrices: the weights, and columns that hold what
each window of the input shows.

Columns are made for a few samples at a time, so that they stay in the cache; they never exist as a whole.
x [N, C, *size], w [O, C / groups, *kernel], y and g [N, O, *out]; stride, padding and dilation have a number
per dimension of size.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import restrided

_BLOCK = 1 << 19  # bytes of columns at a time

Sizes = tuple[int, ...]


@lru_cache(1000)
def result_size(size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Sizes:
    """How many windows there are along each dimension."""
    return tuple(
        [
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
        ]
    )


@lru_cache(1000)
def _inner(size: Sizes, padding: Sizes) -> tuple[slice, ...]:
    return (slice(None), slice(None), *[slice(p, p + n) for n, p in zip(size, padding, strict=True)])


def _windows(x: Any, kernel: Sizes, out: Sizes, stride: Sizes, dilation: Sizes) -> Any:
    """x [n, c, *padded] as [n, c, *kernel, *out], a view."""
    n, c, *steps = x.strides
    inside = [s * d for s, d in zip(steps, dilation, strict=True)]
    between = [s * d for s, d in zip(steps, stride, strict=True)]
    shape, strides = (*x.shape[:2], *kernel, *out), (n, c, *inside, *between)
    if x.flags.c_contiguous and x.size:
        return np.ndarray(shape, x.dtype, x, 0, strides)  # `restrided` takes ten times as long
    return restrided(x, shape, strides)


def _few(n: int, size: int, itemsize: int) -> int:
    """How many samples of so many elements to take at a time."""
    return max(1, min(n, _BLOCK // max(1, size * itemsize)))


def columns(
    x: Any, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, *, joined: bool = False
) -> Iterator[tuple[slice, Any]]:
    """(which samples, what their windows show [samples, C * kernel, out]) for a few samples at a time.

    joined: [C * kernel, samples * out] instead. The memory is used again by the next.
    """
    n, c, *size = x.shape
    out = result_size(tuple(size), kernel, stride, padding, dilation)
    rows, width = c * prod(kernel), prod(out)
    plain = not any(padding)
    if prod(kernel) == 1 and plain and set(stride) == {1} and not joined:
        yield slice(0, n), x.reshape(n, c, width)
        return
    few = _few(n, rows * width, x.itemsize)
    buffer = np.empty(few * rows * width, x.dtype)
    edged = x
    if not plain:
        edged = np.zeros((few, c, *[k + 2 * p for k, p in zip(size, padding, strict=True)]), x.dtype)
        middle = edged[_inner(tuple(size), padding)]
    shown = _windows(edged, kernel, out, stride, dilation)
    before: tuple[slice, ...] = ()
    if joined:
        at = 1 + len(kernel)  # the samples' axis
        shown, before = np.moveaxis(shown, 0, at), (slice(None),) * at
    for start in range(0, n, few):
        m = min(few, n - start)
        samples = slice(start, start + m)
        if not plain:
            middle[:m] = x[samples]
        part = shown[(*before, samples if plain else slice(m))]
        cols = buffer[: m * rows * width]
        cols.reshape(part.shape)[...] = part
        yield samples, cols.reshape((rows, m * width) if joined else (m, rows, width))


def convolved(x: Any, w: Any, b: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int) -> Any:
    """The convolution of x with w, plus b."""
    kernel, o = w.shape[2:], w.shape[0]
    out = result_size(x.shape[2:], kernel, stride, padding, dilation)
    y = np.empty((x.shape[0], groups, o // groups, prod(out)), x.dtype)
    rows = w.reshape(groups, o // groups, w.shape[1] * prod(kernel))
    for samples, cols in columns(x, kernel, stride, padding, dilation):
        part = y[samples]
        np.matmul(rows, cols.reshape(cols.shape[0], groups, rows.shape[2], cols.shape[2]), out=part)
        if b is not None:
            part += b.reshape(groups, o // groups, 1)
    return y.reshape((x.shape[0], o, *out))


def spread(cols: Any, z: Any, kernel: Sizes, out: Sizes, stride: Sizes, dilation: Sizes) -> None:
    """Add what windows show, cols [n, C, *kernel, *out], to z [n, C, *padded]."""
    for at in product(*map(range, kernel)):
        ends = [
            slice(d * i, d * i + s * (m - 1) + 1, s)
            for i, m, s, d in zip(at, out, stride, dilation, strict=True)
        ]
        z[(slice(None), slice(None), *ends)] += cols[(slice(None), slice(None), *at)]


def convolved_back(
    g: Any, w: Any, b: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int, size: Sizes
) -> Any:
    """The cotangent of x for g, that of the convolution: a transposed convolution; plus b."""
    kernel, out = w.shape[2:], g.shape[2:]
    n, o, per = g.shape[0], w.shape[0], w.shape[1]
    c, width = per * groups, prod(out)
    around = _around(w, stride, padding, dilation, groups, size, out)
    if around is not None:  # twice as fast
        return convolved(g, _turned(w, groups), b, stride, around, dilation, groups)
    y = np.empty((n, c, *size), g.dtype)
    rows = w.reshape(groups, o // groups, per * prod(kernel)).swapaxes(1, 2)
    flat = g.reshape(n, groups, o // groups, width)
    few = _few(n, c * prod(kernel) * width, g.itemsize)
    padded = [k + 2 * p for k, p in zip(size, padding, strict=True)]
    for start in range(0, n, few):
        cols = np.matmul(rows, flat[start : start + few])
        m = cols.shape[0]
        z = np.zeros((m, c, *padded), g.dtype)
        if width:
            spread(cols.reshape((m, c, *kernel, *out)), z, kernel, out, stride, dilation)
        y[start : start + m] = z[_inner(size, padding)]
    if b is not None:
        y += b.reshape(c, *(1,) * len(size))
    return y


def _around(
    w: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int, size: Sizes, out: Sizes
) -> Sizes | None:
    """The padding with which x's cotangent is a convolution of g with the turned weights; None if it is none,
    or if columns of g would be many more than those of x."""
    kernel = w.shape[2:]
    around = tuple([d * (k - 1) - p for k, p, d in zip(kernel, padding, dilation, strict=True)])
    if w.shape[0] > 2 * w.shape[1] * groups or set(stride) != {1} or min(around) < 0:
        return None
    return around if result_size(out, kernel, stride, around, dilation) == size else None


def convolved_both(
    g: Any, x: Any, w: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> tuple[Any, Any] | None:
    """The cotangents of x and w from the same columns of g, where that can be."""
    size, kernel = x.shape[2:], w.shape[2:]
    around = _around(w, stride, padding, dilation, groups, size, g.shape[2:])
    if around is None:
        return None
    n, o, per = x.shape[0], w.shape[0], w.shape[1]
    rows = _turned(w, groups).reshape(groups, per, o // groups * prod(kernel))
    flat = x.reshape(n, groups, per, prod(size))
    y, total = np.empty(flat.shape, g.dtype), np.zeros(rows.shape, g.dtype)
    for samples, cols in columns(g, kernel, stride, around, dilation):
        cols = cols.reshape(cols.shape[0], groups, rows.shape[2], cols.shape[2])
        np.matmul(rows, cols, out=y[samples])
        total += np.add.reduce(np.matmul(flat[samples], cols.swapaxes(2, 3)), 0)
    return y.reshape(x.shape), _turned(total.reshape(groups * per, o // groups, *kernel), groups)


def _turned(w: Any, groups: int) -> Any:
    """The weights with inputs and outputs exchanged and every axis of the kernel reversed."""
    o, per, *kernel = w.shape
    w = w.reshape(groups, o // groups, per, *kernel).swapaxes(1, 2)
    w = w[(slice(None),) * 3 + (slice(None, None, -1),) * len(kernel)]
    return w.reshape(groups * per, o // groups, *kernel)


def convolved_weight(
    g: Any, x: Any, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int, kernel: Sizes
) -> Any:
    """The cotangent of w for g, that of the convolution with x."""
    n, o = g.shape[:2]
    width, per = prod(g.shape[2:]), x.shape[1] // groups
    flat = g.reshape(n, o, width)
    total = np.zeros((groups, o // groups, per * prod(kernel)), g.dtype)
    for samples, cols in columns(x, kernel, stride, padding, dilation, joined=True):
        part = flat[samples].swapaxes(0, 1).reshape(groups, o // groups, cols.shape[1])
        total += np.matmul(part, cols.reshape(groups, total.shape[2], cols.shape[1]).swapaxes(1, 2))
    return total.reshape((o, per, *kernel))


def unfolded(x: Any, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Any:
    """What each window of x [..., C, *size] shows: [..., C * kernel, out]."""
    n = len(kernel)
    lead, size = x.shape[: -n - 1], x.shape[-n:]
    c, out = x.shape[-n - 1], result_size(x.shape[-n:], kernel, stride, padding, dilation)
    x = x.reshape((prod(lead), c, *size))
    if any(padding):
        z = np.zeros((x.shape[0], c, *[k + 2 * p for k, p in zip(size, padding, strict=True)]), x.dtype)
        z[_inner(size, padding)] = x
        x = z
    shown = _windows(x, kernel, out, stride, dilation)
    return shown.copy("C").reshape((*lead, c * prod(kernel), prod(out)))


def folded(g: Any, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, size: Sizes) -> Any:
    """What windows show, added up where it belongs: unfolded's adjoint."""
    lead, c = g.shape[:-2], g.shape[-2] // prod(kernel)
    out = result_size(size, kernel, stride, padding, dilation)
    z = np.zeros((prod(lead), c, *[k + 2 * p for k, p in zip(size, padding, strict=True)]), g.dtype)
    spread(g.reshape((prod(lead), c, *kernel, *out)), z, kernel, out, stride, dilation)
    return z[_inner(size, padding)].reshape((*lead, c, *size)).copy("C")


nameless(globals())
