"""Order along one axis: where the sorted, the k-th, the middle and the most frequent elements are.

Equal elements keep their order; nan is larger than any number.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tapegrad.dtypes import FLOATING
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import constant, some
from tapegrad.kernels.reduce import FEW, pick

_FEW = 64  # elements to sort where a part of the order would do, or to count in Python


def argsort(x: Any, dim: int, descending: bool = False) -> Any:
    """Where the sorted elements are."""
    if not x.ndim:
        return np.int64(0)
    if not descending:
        return x.argsort(axis=dim, kind="stable")
    return _last(x, dim, x.shape[dim])


def _last(x: Any, dim: int, k: int) -> Any:
    """Where the k last sorted elements are, from the end on; equal ones keep their order."""
    n, lead = x.shape[dim], (slice(None),) * dim
    y = x[(*lead, slice(None, None, -1))].argsort(dim, "stable")
    return np.subtract(constant(n - 1, y.dtype), y[(*lead, slice(None, n - 1 - k if k < n else None, -1))])


def topk(x: Any, dim: int, k: int, largest: bool) -> Any:
    """Where the k largest or smallest elements are, in order."""
    if not x.ndim:
        return np.int64(0) if k else np.empty(0, "i8")
    n = x.shape[dim]
    lead = (slice(None),) * dim
    if n <= 64 or 4 * k > n or not k:
        return _last(x, dim, k) if largest else argsort(x, dim)[(*lead, slice(k))]
    at = n - k if largest else k - 1
    y = x.copy()
    y.partition(at, axis=dim)
    edge = y[(*lead, slice(at, at + 1))]
    # All that are beyond the k-th value, then the first of those that equal it.
    beyond, equal = _beyond(x, edge, largest)
    free = k - np.add.reduce(beyond, axis=dim, keepdims=True)
    chosen = beyond | (equal & (np.add.accumulate(equal, axis=dim, dtype="i8") <= free))
    rows = np.moveaxis(chosen, dim, -1)
    places = np.moveaxis(rows.nonzero()[-1].reshape((*rows.shape[:-1], k)), -1, dim)
    order = argsort(pick(x, places, dim, True), dim, largest)
    return pick(places, order, dim, True)


def _beyond(x: Any, edge: Any, largest: bool) -> tuple[Any, Any]:
    """Which elements come before `edge` in the order, and which are equal to it."""
    if x.dtype.kind not in FLOATING:
        return (x > edge if largest else x < edge), x == edge
    odd, last = x != x, edge != edge
    beyond = (odd & ~last) | (x > edge) if largest else (x < edge) | (~odd & last)
    return beyond, (x == edge) | (odd & last)


def kth_at(x: Any, dim: int, k: int) -> Any:
    """Where the k-th element in order is (k counts from 0), with that axis as 1."""
    if not x.ndim:
        return np.int64(0)
    at = (*(slice(None),) * dim, slice(k, k + 1))
    if x.size <= _FEW:
        return x.argsort(dim, "stable")[at]
    y = x.copy()
    y.partition(k, dim)
    return _place_of(x, y[at], dim, k)


def _place_of(x: Any, value: Any, dim: int, k: Any) -> Any:
    """The place of the k-th element in order, which has this value: there may be several of it, or nan."""
    hit, odd = x == value, False
    if x.dtype.kind in FLOATING and some(odd := value != value):
        hit |= (x != x) & odd
    if np.count_nonzero(hit) > value.size:  # equal ones come first
        before = (x < value) | ((x == x) & odd)
        hit = np.add.accumulate(hit, dim, "i8") > k - np.add.reduce(before, axis=dim, keepdims=True)
    return hit.argmax(dim, keepdims=True)


def _numbers(x: Any) -> bool:
    """Whether there is no nan."""
    if x.dtype.char in "fd" and x.size <= FEW:
        flat = x.ravel()
        total = flat.dot(flat).item()  # nan if there is one, else perhaps inf
        return bool(total == total)
    return x.dtype.kind not in FLOATING or not some(x != x)


def median_at(x: Any, dim: int, skip: bool) -> Any:
    """Where the lower of the two middle elements is, with that axis as 1; the first nan if there is one.

    skip: nan is left out instead.
    """
    if not x.ndim:
        return np.int64(0)
    n = x.shape[dim]
    if _numbers(x):
        return kth_at(x, dim, (n - 1) // 2)
    odd = np.add.reduce(x != x, axis=dim, keepdims=True)
    at = np.maximum(n - odd - 1, 0) // 2 if skip else np.where(odd > 0, n - odd, (n - 1) // 2)
    return pick(argsort(x, dim), at, dim, True)


def _mode_of(values: list[Any]) -> int:
    """The last place of the most frequent value, the smallest of several."""
    places = {v: i for i, v in enumerate(values)}
    if len(places) == len(values):
        return places[min(places)]
    counts = dict.fromkeys(places, 0)
    for v in values:
        counts[v] += 1
    most = max(counts.values())
    return places[min([v for v, n in counts.items() if n == most])]


def mode_at(x: Any, dim: int) -> Any:
    """Where the most frequent element is, the smallest of several; the last place that has it. That axis is
    1."""
    if not x.ndim:
        return np.int64(0)
    n = x.shape[dim]
    if x.size <= _FEW and _numbers(x):
        if len(set(x.ravel().tolist())) == x.size:  # each comes once
            return x.argmin(dim, keepdims=True)
        if dim == x.ndim - 1:
            found = [_mode_of(row) for row in x.reshape(-1, n).tolist()]
            return np.array(found, "i8").reshape((*x.shape[:-1], 1))
    order = argsort(x, dim)
    lead = (slice(None),) * dim
    y = pick(x, order, dim, True)
    places = np.arange(n).reshape((n, *(1,) * (x.ndim - 1 - dim)))
    starts = np.zeros(x.shape, "i8")
    head, tail = (*lead, slice(1, None)), (*lead, slice(None, -1))
    starts[head] = np.where(y[head] != y[tail], places[1:], 0)
    length = places - np.maximum.accumulate(starts, axis=dim)  # of the run that ends here, less 1
    best = np.expand_dims(length.argmax(axis=dim), dim)
    return pick(order, best, dim, True)


def middle(x: Any, dim: Any, keepdim: Any, skip: bool) -> Any:
    """The lower of the two middle elements of all (or of the last ones, `dim`); nan if there is one, unless
    nan is left out."""
    if dim is not None:
        lead = x.shape[: x.ndim - len(dim)]
        rows = x.reshape((*lead, prod(x.shape[len(lead) :])))
        shape = (*lead, *(1,) * len(dim)) if keepdim else lead
        if not rows.shape[-1]:
            return np.full(shape, _nothing(x.dtype))
        return pick(rows, median_at(rows, len(lead), skip), len(lead), True).reshape(shape)
    flat = x.reshape(-1)
    n = flat.size
    if not n:
        return _nothing(x.dtype)
    if n <= FEW:
        y = flat.copy()
        y.sort()
        if y[-1] == y[-1]:  # a nan would come last
            return y[(n - 1) // 2]
    odd = np.count_nonzero(flat != flat) if x.dtype.kind in FLOATING else 0
    if odd and not skip:
        return x.dtype.type(np.nan)
    at = max(n - odd - 1, 0) // 2
    y = flat.copy()
    y.partition(at)
    return y[at]


def _nothing(dtype: Any) -> Any:
    """The median of no elements."""
    return dtype.type(np.nan if dtype.kind in FLOATING else np.iinfo(dtype).min)


def sorted(x: Any, dim: int) -> Any:
    """The elements in order."""
    y = x.copy()
    y.sort(axis=dim)
    return y


nameless(globals())
