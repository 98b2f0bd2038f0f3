"""Counting and looking up: distinct elements, bins, places in sorted rows."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.dtypes import FLOATING
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import constant, zero
from tapegrad.kernels.reduce import pick
from tapegrad.kernels.sort import argsort

_I8, _BOOL = np.dtype("i8"), np.dtype("?")


def nonzero(x: Any) -> Any:
    """The places of what is not 0, one array per axis."""
    return x.nonzero()


def distinct(x: Any, ordered: bool, indices: bool) -> tuple[Any, Any, Any, Any]:
    """Of a 1-d array the distinct elements: (them, where each is first, the number of each element, counts).

    ordered: they are sorted; else only neighbours are compared. The last three are None unless `indices`.
    """
    if ordered and not indices and x.dtype.kind not in FLOATING:
        y = x.copy()
        y.sort()
        return y[_starts(y)], None, None, None
    order = argsort(x, 0) if ordered else None
    y = x if order is None else x[order]
    starts = _starts(y)
    return (y[starts], *_indexed(starts, order)) if indices else (y[starts], None, None, None)


def _starts(y: Any) -> Any:
    """Where an element differs from the one before; for rows, where some of its elements do."""
    starts = np.ones(len(y), bool)
    differ = y[1:] != y[:-1]
    starts[1:] = differ if y.ndim == 1 else np.logical_or.reduce(differ, axis=1)
    return starts


def _indexed(starts: Any, order: Any) -> tuple[Any, Any, Any]:
    at = starts.nonzero()[0]
    numbers = np.add.accumulate(starts, dtype="i8")
    numbers -= 1
    ends = np.empty_like(at)
    ends[:-1], ends[-1:] = at[1:], len(starts)
    if order is None:
        return at, numbers, ends - at
    inverse = np.empty_like(numbers)
    inverse[order] = numbers
    return order[at], inverse, ends - at


def distinct_rows(x: Any, ordered: bool) -> tuple[Any, Any, Any]:
    """Of the rows of x [n, ...]: (where each distinct one is first, the number of each row, counts)."""
    rows = x.reshape((len(x), prod(x.shape[1:])))
    order = np.lexsort(rows.T[::-1]) if ordered and rows.shape[1] else None
    return _indexed(_starts(rows if order is None else rows[order]), order)


def places(rows: Any, values: Any, right: bool, dtype: Any) -> Any:
    """Where values belong in sorted rows: before equal elements, or behind them if `right`. rows is 1-d, or
    has the leading axes of values. nan is behind everything, as torch's comparisons put it."""
    if rows.ndim == 1 and not (rows.size and (last := rows.item(-1)) != last):
        found = rows.searchsorted(values, "right" if right else "left")
        return found.astype(dtype, copy=False) if dtype != "i8" else found
    n = rows.shape[-1]
    low = np.zeros(values.shape, "i8")
    high = np.full(values.shape, n, "i8")
    for _ in range(n.bit_length()):
        middle = (low + high) >> 1
        at = np.minimum(middle, n - 1)
        found = rows[at] if rows.ndim == 1 else pick(rows, at, rows.ndim - 1, True)
        open_ = low < high
        after = ~(found > values) if right else ~(found >= values)
        low, high = np.where(open_ & after, middle + 1, low), np.where(open_ & ~after, middle, high)
    return low.astype(dtype, copy=False)


def isin(x: Any, tests: Any, invert: bool) -> Any:
    """Which elements of x are among the tests."""
    if type(x) is ndarray and x.size + tests.size <= 128:
        among = {*tests.ravel().tolist()}
        found = np.fromiter(map(among.__contains__, x.ravel().tolist()), _BOOL, x.size)
        found = found if x.ndim == 1 else found.reshape(x.shape)
        return ~found if invert else found
    if x.size * tests.size <= 4096:
        return np.logical_or.reduce(x[..., None] == tests.reshape(-1), axis=-1) != invert
    y = tests.flatten()
    y.sort()
    at = np.minimum(y.searchsorted(x), y.size - 1)
    return (y[at] == x) != invert


def bin_numbers(x: Any, edges: Any) -> Any:
    """The bin of each element between ascending edges; -1 outside. The last bin has both of its edges."""
    last = len(edges) - 2
    at = edges.searchsorted(x, "right") - 1
    at = np.where((at == last + 1) & (x == edges[-1]), last, at)
    return np.where((at > last) | (x != x), -1, at)


def histogram(x: Any, low: Any, high: Any, n: int, all_inside: bool) -> Any:
    """How many elements each of n bins of one width has, computed as torch's histc does it, in x's dtype."""
    kind = x.dtype
    if not all_inside:
        x = x[(x >= low) & (x <= high)]
    at = x - low
    at *= constant(n, kind)
    at /= high - low
    numbers = at.astype(_I8)
    np.maximum(numbers, zero(_I8), numbers)  # a range of no width, as around 1e30, has places of nan
    np.minimum(numbers, constant(n - 1, _I8), numbers)
    return np.bincount(numbers, None, n).astype(kind)


def counted(numbers: Any, weights: Any, n: int, dtype: Any) -> Any:
    """How many elements, or what weight, each of n bins has; -1 is none."""
    keep = numbers >= 0
    found = np.bincount(numbers[keep], None if weights is None else weights[keep], n)
    return found.astype(dtype)


nameless(globals())
