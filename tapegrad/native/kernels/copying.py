"""Copies of large arrays: into row-major order, in reverse, turned, repeated, joined."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.arrange as A
import tapegrad.kernels.shape as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, narrow
from tapegrad.native.choice import DENSE, fits, over
from tapegrad.native.copying import copy, plain
from tapegrad.native.ir import I8, I64
from tapegrad.native.memory import empty

LEAST = 1 << 16  # bytes
SMALL = LEAST >> 4  # elements: fewer are never so many bytes
LEAST_JOINED = 1 << 19  # bytes of what is joined; below, one thread takes as long
LEAST_CUT = 1 << 11  # elements of triangles
_FEW = 8  # elements of rows that are put together by shuffles
_RUN = 8  # elements beside each other, for which that is worth while


def _packed(x: Any) -> Any:
    """A copy in row-major order; None if that is not for here."""
    if not plain(x, LEAST):
        return None
    if _interleaves(x):  # runs are copied, and then put together by shuffles
        k = x.shape[-1]
        apart = _packed(x.transpose(x.ndim - 1, *range(x.ndim - 1)))
        return None if apart is None else narrow.rows_of(apart.reshape(k, -1), x.shape)
    y = empty(x.shape, x.dtype)
    return y if copy(y, x) else None


def _interleaves(x: Any) -> bool:
    """Whether the last axis, of a few elements, has steps, while those of another have none."""
    shape, steps, size = x.shape, x.strides, x.itemsize
    if x.ndim < 2 or not 1 < shape[-1] <= _FEW or size not in narrow.SIZES or steps[-1] in (0, size):
        return False
    return any(step == size and n >= _RUN for n, step in zip(shape, steps, strict=True))


@over(S.contiguous)
@over(S.copied)
def contiguous(body: Any, x: Any) -> Any:
    """A copy in row-major order."""
    y = _packed(x) if x.size >= SMALL else None
    return body(x) if y is None else y


@over(S.clone)
def clone(body: Any, x: Any) -> Any:
    """A copy in the layout of x."""
    y = _packed(x) if x.size >= SMALL and type(x) is ndarray and x.flags.c_contiguous else None
    return body(x) if y is None else y


@over(S.replace)
def replace(body: Any, y: Any, x: Any) -> None:
    """y[...] = x, which has no memory of y's."""
    if y.size < SMALL or not plain(y, LEAST) or type(x) is not ndarray or not copy(y, x):
        body(y, x)


def _joined(xs: Sequence[Any], shape: Sequence[int], dim: int) -> Any:
    """The arrays one after the other along an axis; None if that is not for here."""
    kind, before, behind, end = xs[0].dtype, shape[:dim], shape[dim + 1 :], 0
    for x in xs:
        if (
            type(x) is not ndarray
            or x.dtype != kind
            or x.shape[:dim] != before
            or x.shape[dim + 1 :] != behind
        ):
            return None
    y, whole = empty(shape, kind), (slice(None),) * dim
    for x in xs:
        at, end = end, end + x.shape[dim]
        part = y[(*whole, slice(at, end))]
        if x.size and not copy(part, x):
            part[...] = x
    return y


@over(S.cat)
def cat(body: Any, xs: Any, dim: int) -> Any:
    """Joined along an existing axis."""
    first, size = xs[0], 0
    for x in xs:
        size += x.size
    if size * first.itemsize < LEAST_JOINED or any(x.ndim != first.ndim for x in xs):
        return body(xs, dim)
    shape = (*first.shape[:dim], sum([x.shape[dim] for x in xs]), *first.shape[dim + 1 :])
    y = _joined(xs, shape, dim)
    return body(xs, dim) if y is None else y


@over(S.stack)
def stack(body: Any, xs: Any, dim: int) -> Any:
    """Joined along a new axis."""
    first = xs[0]
    if first.size * len(xs) < SMALL or not plain(first, LEAST_JOINED // len(xs)):
        return body(xs, dim)
    shape = first.shape
    wide = (*shape[:dim], 1, *shape[dim:])
    rows = [x.reshape(wide) for x in xs] if all(x.shape == shape for x in xs) else None
    y = None if rows is None else _joined(rows, (*shape[:dim], len(xs), *shape[dim:]), dim)
    return body(xs, dim) if y is None else y


@over(A.repeat)
def repeat(body: Any, x: Any, times: tuple[int, ...]) -> Any:
    """x several times along each axis."""
    if type(x) is not ndarray or x.nbytes * prod(times) < LEAST:
        return body(x, times)
    shape = (*(1,) * (len(times) - x.ndim), *x.shape)
    if times[0] == prod(times) and shape[0] == x.size:  # all of it again: each time by all threads
        y = _joined([x.reshape(-1)] * times[0], (times[0] * x.size,), 0)
        return body(x, times) if y is None else y
    y = empty([n for pair in zip(times, shape, strict=True) for n in pair], x.dtype)
    source = np.broadcast_to(x.reshape([n for size in shape for n in (1, size)]), y.shape)
    if not copy(y, source):
        return body(x, times)
    return y.reshape([n * size for n, size in zip(times, shape, strict=True)])


@over(A.repeat_each)
def repeat_each(body: Any, x: Any, times: int, dim: int) -> Any:
    """Each entry along an axis several times."""
    if type(x) is not ndarray or x.nbytes * times < LEAST:
        return body(x, times, dim)
    shape = (*x.shape[:dim], x.shape[dim] * times, *x.shape[dim + 1 :])
    if dim == x.ndim - 1 and 1 < times <= narrow.MOST and fits(x):
        return narrow.repeated(x.reshape(-1), times).reshape(shape)
    y = empty((*x.shape[: dim + 1], times, *x.shape[dim + 1 :]), x.dtype)
    before = (slice(None),) * (dim + 1)
    done = copy(y, np.broadcast_to(x[(*before, None)], y.shape))
    return y.reshape(shape) if done else body(x, times, dim)


_built: list[Any] = []


def _triangle() -> Any:
    """Rows of matrices of `columns` bytes, each with zeros before (upper) or behind a place that moves with
    the row."""
    if not _built:

        def write(f: call.Body) -> None:
            n = f["columns"]
            with f.loop(f.low, f.high) as i:
                cut = f.larger(f.smaller((i % f["rows"] + f["diagonal"]) * f["size"], n), 0)
                y, x = f["y"].at(i * n, I8), f["x"].at(i * n, I8)
                upper = f["upper"].ne(0)
                zero = f.value(0, I64)
                start, stop = f.select(upper, cut, zero), f.select(upper, n, cut)
                f.clear(y, start)
                f.copy(y.at(start, I8), x.at(start, I8), stop - start)
                f.clear(y.at(stop, I8), n - stop)

        sizes = "all:i grain:i rows:i columns:i size:i diagonal:i upper:i"
        _built.append(call.build("triangle", f"y:w x:r {sizes}", write, over="all", grain="grain"))
    return _built[0]


def _cut(x: Any, diagonal: int, upper: bool) -> Any:
    """x without what is behind (upper: before) a diagonal; None if that is not for here."""
    if type(x) is not ndarray or x.flags.num & DENSE != DENSE or x.dtype.kind == "O":
        return None
    y = empty(x.shape, x.dtype)
    rows, columns = x.shape[-2:]
    bytes = columns * x.itemsize
    diagonal = max(-rows, min(columns, diagonal))
    grain = max(1, (1 << 16) // bytes)
    _triangle()(y, x, x.size // columns, grain, rows, bytes, x.itemsize, diagonal, int(upper))
    return y


@over(A.tril)
def tril(body: Any, x: Any, k: int) -> Any:
    """The last two axes, with 0 above the k-th diagonal."""
    y = _cut(x, k + 1, False) if x.size >= LEAST_CUT else None
    return body(x, k) if y is None else y


@over(A.triu)
def triu(body: Any, x: Any, k: int) -> Any:
    """The last two axes, with 0 below the k-th diagonal."""
    y = _cut(x, k, True) if x.size >= LEAST_CUT else None
    return body(x, k) if y is None else y


nameless(globals())
