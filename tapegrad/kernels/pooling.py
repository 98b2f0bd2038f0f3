"""Maxima and sums of windows over the last axes, and what goes back.

A window is the same interval along each axis wherever it stands, so maxima and sums are taken along one axis
after the other. Nothing is padded: windows that begin before the array or end behind it are cut.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import masked
from tapegrad.kernels.reduce import pick, place, place_all

Sizes = tuple[int, ...]


class Pool(NamedTuple):
    """Windows: their sizes, and per axis stride, padding, dilation, and how many there are."""

    kernel: Sizes
    stride: Sizes
    padding: Sizes
    dilation: Sizes
    out: Sizes


@lru_cache(1000)
def _spans(pool: Pool, axis: int, n: int) -> tuple[tuple[slice, slice], ...]:
    """For each place in a window along an axis of n elements: the windows in which it lies on the array, and
    which elements these are there."""
    k, s, p, d, m = [each[axis] for each in pool]
    found = []
    for shift in range(-p, d * k - p, d):
        first, last = max(0, -(shift // s)), min(m - 1, (n - 1 - shift) // s)
        if first <= last:
            source = slice(first * s + shift, last * s + shift + 1, s)
            found.append((slice(first, last + 1), source))
    return tuple(found)


def _along(x: Any, axis: int, spans: Any, m: int, combine: Any, start: Any) -> Any:
    before = (slice(None),) * axis
    every = slice(0, m)
    if len(spans) > 1 and spans[0][0] == spans[1][0] == every:
        y = combine(x[(*before, spans[0][1])], x[(*before, spans[1][1])])
        spans = spans[2:]
    else:
        y = np.full((*x.shape[:axis], m, *x.shape[axis + 1 :]), start, x.dtype)
    for windows, source in spans:
        part = y if windows == every else y[(*before, windows)]
        combine(part, x[(*before, source)], out=part)
    return y


def _combined(x: Any, pool: Pool, combine: Any, start: Any) -> Any:
    first = x.ndim - len(pool.kernel)
    for axis, m in enumerate(pool.out):
        spans = _spans(pool, axis, x.shape[first + axis])
        x = _along(x, first + axis, spans, m, combine, start)
    return x


# ---- maxima


def max_pool(x: Any, pool: Pool) -> Any:
    """The largest element of each window."""
    return _combined(x, pool, np.maximum, _least(x))


def _least(x: Any) -> Any:
    return -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min


def _hits(x: Any, y: Any, axis: int, spans: Any) -> list[Any]:
    """For each place in a window along an axis, where that element is the first to equal the maximum y, or
    the last that is nan."""
    before = (slice(None),) * axis
    hits, left = [], np.ones(y.shape, bool)

    def take(hit: Any, windows: slice) -> Any:
        rest = left[(*before, windows)]
        hit &= rest
        rest ^= hit
        return hit

    for windows, source in spans:
        hits.append(take(x[(*before, source)] == y[(*before, windows)], windows))
    if left.any():  # what is nan equals nothing
        for (windows, source), hit in zip(reversed(spans), reversed(hits), strict=True):
            hit |= take(np.isnan(x[(*before, source)]), windows)
    return hits


def _steps(x: Any, pool: Pool) -> list[tuple[int, Any, Any]]:
    """For each axis, the last one first: (axis, its `_spans`, `_hits`). So these lead to the first maximum in
    row-major order, or to the last nan."""
    steps = []
    for k in reversed(range(len(pool.kernel))):
        axis = x.ndim - len(pool.kernel) + k
        spans = _spans(pool, k, x.shape[axis])
        y = _along(x, axis, spans, pool.out[k], np.maximum, _least(x))
        steps.append((axis, spans, _hits(x, y, axis, spans)))
        x = y
    return steps


def max_pool_back(g: Any, x: Any, pool: Pool) -> Any:
    """Zeros in x's shape, with g added where the maxima come from."""
    shape = list(g.shape)
    for axis, spans, hits in reversed(_steps(x, pool)):
        k = axis - x.ndim
        shape[axis] = x.shape[axis]
        z = np.zeros(shape, g.dtype)
        apart = pool.stride[k] > pool.dilation[k] * (pool.kernel[k] - 1)
        before = (slice(None),) * axis
        for (windows, source), hit in zip(spans, hits, strict=True):
            part = masked(g[(*before, windows)], hit)
            if apart:
                z[(*before, source)] = part
            else:
                z[(*before, source)] += part
        g = z
    return g


def max_pool_select(t: Any, x: Any, pool: Pool) -> Any:
    """The elements of t where the maxima of x come from: max_pool_back's adjoint."""
    shape = list(t.shape)
    for axis, spans, hits in _steps(x, pool):
        shape[axis] = pool.out[axis - x.ndim]
        z = np.zeros(shape, t.dtype)
        before = (slice(None),) * axis
        for (windows, source), hit in zip(spans, hits, strict=True):
            z[(*before, windows)] += masked(t[(*before, source)], hit)
        t = z
    return t


def max_pool_indices(x: Any, pool: Pool) -> Any:
    """Which elements the maxima are, counted over the last axes."""
    n = len(pool.kernel)
    counted = np.arange(prod(x.shape[-n:])).reshape(x.shape[-n:])
    return max_pool_select(np.broadcast_to(counted, x.shape), x, pool)


# ---- elements anywhere: `at` says which, counted over the last n axes


def _lined(x: Any, n: int) -> Any:
    return x.reshape((*x.shape[:-n], prod(x.shape[-n:])))


def picked(x: Any, at: Any, n: int) -> Any:
    """The elements of x."""
    return pick(_lined(x, n), _lined(at, n), x.ndim - n, True).reshape(at.shape)


def gathered_back(g: Any, at: Any, n: int, shape: Sizes) -> Any:
    """Zeros with g added: picked's adjoint."""
    lined = (*shape[:-n], prod(shape[-n:]))
    return place_all(_lined(g, n), _lined(at, n), g.ndim - n, True, lined).reshape(shape)


def placed(x: Any, at: Any, n: int, size: Sizes) -> Any:
    """Zeros with the elements of x; of several at one place the last one."""
    lead = x.shape[:-n]
    return place(_lined(x, n), _lined(at, n), x.ndim - n, True, (*lead, prod(size))).reshape((*lead, *size))


# ---- means


@lru_cache(1000)
def divisors(pool: Pool, size: Sizes, padded: bool, override: int | None) -> Any:
    """What the sums are divided by: a number, or one for each window."""
    if override is not None:
        return override
    counts = []
    for k, s, p, _, m, n in zip(*pool, size, strict=True):
        first = np.arange(m) * s - p
        last = np.minimum(first + k, n + p)
        counts.append(last - first if padded else np.minimum(last, n) - np.maximum(first, 0))
    every = reduce(np.multiply.outer, counts)
    return int(every.flat[0]) if every.size and (every == every.flat[0]).all() else every


def avg_pool(x: Any, pool: Pool, padded: bool, override: int | None) -> Any:
    """The mean of each window. padded: the padding counts, as zeros. override: what to divide by."""
    y = _combined(x, pool, np.add, 0)
    by = divisors(pool, x.shape[-len(pool.kernel) :], padded, override)
    if x.dtype.kind in "iu":
        return np.sign(y) * np.sign(by) * (np.abs(y) // np.abs(by))  # towards zero
    y /= by if type(by) is int else by.astype(x.dtype)
    return y


def avg_pool_back(g: Any, pool: Pool, padded: bool, override: int | None, size: Sizes) -> Any:
    """avg_pool's adjoint, for arrays of a size."""
    by = divisors(pool, size, padded, override)
    z = g / (g.dtype.type(by) if type(by) is int else by.astype(g.dtype))
    first = g.ndim - len(size)
    for axis, n in enumerate(size):
        g, before = z, (slice(None),) * (first + axis)
        z = np.zeros((*g.shape[: first + axis], n, *g.shape[first + axis + 1 :]), g.dtype)
        for windows, source in _spans(pool, axis, n):
            z[(*before, source)] += g[(*before, windows)]
    return z


nameless(globals())
