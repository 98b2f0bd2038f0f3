"""Bodies that move elements: views, copies, joins, selections. Dimensions arrive normalised (0 <= dim <
ndim)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.filling import zeros
from tapegrad.kernels.memory import shared


def sum_to(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo a broadcast: sum g over the axes that `shape` lacks or has as 1."""
    if g.shape == shape:
        return g
    lead = g.ndim - len(shape)
    axes = (*range(lead), *[i + lead for i, n in enumerate(shape) if n == 1 and g.shape[i + lead] != 1])
    if len(axes) == 1 and axes[0] < g.ndim - 1:
        return (column_sum(g) if g.ndim == 2 else axis_sum(g, axes[0])).reshape(shape)
    return np.add.reduce(g, axis=axes, keepdims=True).reshape(shape)


def column_sum(x: Any) -> Any:
    """The sum over the rows of a matrix: BLAS does it in a third of the time of a small NumPy reduction."""
    if x.dtype.char in "fd":
        return ones(x.shape[0], x.dtype).dot(x)
    return np.add.reduce(x, axis=0)


def axis_sum(x: Any, axis: int) -> Any:
    """The sum over one axis but the last. Where few elements follow it, NumPy's loops are that short: BLAS is
    1.3 to 3.5 times as fast with up to 64, from 512 elements on."""
    shape = x.shape
    follow = prod(shape[axis + 1 :])
    if x.size < 512 or follow > 64 or x.dtype.char not in "fd" or not x.flags.c_contiguous:
        return np.add.reduce(x, axis=axis)
    n = shape[axis]
    return np.matmul(ones(n, x.dtype), x.reshape(-1, n, follow)).reshape(shape[:axis] + shape[axis + 1 :])


def sum_rows(x: Any) -> Any:
    """The sum over all axes but the last."""
    return column_sum(
        x if x.ndim == 2 else x.reshape(-1, x.shape[-1]) if x.size else np.zeros((0, x.shape[-1]), x.dtype)
    )


@shared
def ones(n: int, dtype: Any) -> Any:
    """n ones."""
    return np.ones(n, dtype)


_squares: dict[tuple[int, Any], Any] = {}


def square(n: int, dtype: Any) -> Any:
    """A shared n by n matrix of ones, for small n."""
    found = _squares.get((n, dtype))
    if found is None:
        found = _squares[n, dtype] = np.ones((n, n), dtype)
        found.flags.writeable = False
    return found


_places: dict[int, Any] = {}


def places_up_to(n: int) -> Any:
    """0, 1, ... n - 1, shared and read-only if few."""
    found = _places.get(n)
    if found is None:
        found = np.arange(n)
        found.flags.writeable = False
        if n <= 1024:
            _places[n] = found
    return found


def broadcast(x: Any, shape: tuple[int, ...]) -> Any:
    """x repeated along new or size-1 axes, as a read-only view."""
    if type(x) is ndarray and (kind := x.dtype).kind != "V":
        steps = _steps(x.shape, x.strides, x.itemsize, shape)
        if steps is not None:
            y: Any = ndarray(shape, kind, x, 0, steps)
            y.setflags(False)  # `write`: named it takes twice as long
            return y
    return np.broadcast_to(x, shape)  # which is written in Python, and takes 4 us; or says what is wrong


@lru_cache(1000)
def _steps(
    shape: tuple[int, ...], strides: tuple[int, ...], step: int, wanted: tuple[int, ...]
) -> tuple[int, ...] | None:
    """The strides of a broadcast; None if it is not possible, or x has no elements, or gaps: NumPy lends only
    memory without."""
    lead = len(wanted) - len(shape)
    if lead < 0 or min(wanted, default=1) < 1:
        return None
    steps = []
    for n, k, own in zip(reversed(shape), reversed(wanted), reversed(strides), strict=False):
        if (n != k and n != 1) or (n != 1 and own != step):
            return None
        steps.append(own if n == k else 0)
        step *= n
    return (0,) * lead + tuple(reversed(steps))


def expand(x: Any, shape: tuple[int, ...]) -> Any:
    """The same as a view or, where that is quicker, as a new array."""
    if x.ndim == 0 and prod(shape) <= 4096:  # filling takes a third of NumPy's broadcast_to
        y = np.empty(shape, x.dtype)
        y.fill(x)
        return y
    return broadcast(x, shape)


def reshape(x: Any, shape: tuple[int, ...]) -> Any:
    """The same elements in another shape, a view where possible."""
    if x.size >= _MANY and type(x) is ndarray and not x.flags.c_contiguous and -1 not in shape:
        x = x if runs_on(x.shape, x.strides, shape) else contiguous(x)
    return x.reshape(shape)


@lru_cache(1000)
def runs_on(old: tuple[int, ...], strides: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether an array of a shape and strides has another shape without a copy: axes that come together in a
    group of the new ones follow each other in memory."""
    axes = [(n, step) for n, step in zip(old, strides, strict=True) if n != 1]
    sizes = [n for n in new if n != 1]
    i = k = 0
    while i < len(axes) and k < len(sizes):
        here, there = axes[i][0], sizes[k]
        while here != there:
            if here < there:
                if axes[i][1] != axes[i + 1][0] * axes[i + 1][1]:
                    return False
                i += 1
                here *= axes[i][0]
            else:
                k += 1
                there *= sizes[k]
        i, k = i + 1, k + 1
    return True


def transpose(x: Any, i: int, j: int) -> Any:
    """Axes i and j swapped."""
    return x.swapaxes(i, j) if x.ndim else x[...]


def permute(x: Any, dims: tuple[int, ...]) -> Any:
    """Axes in the order `dims`."""
    return x.transpose(dims)


def squeeze(x: Any, dims: tuple[int, ...]) -> Any:
    """Without the size-1 axes `dims`."""
    return x.squeeze(dims) if dims else x[...]


def unsqueeze(x: Any, dim: int) -> Any:
    """With a new size-1 axis at `dim`."""
    return x.reshape((*x.shape[:dim], 1, *x.shape[dim:]))


def t(x: Any) -> Any:
    """A matrix transposed."""
    return x.T


def mT(x: Any) -> Any:
    """The last two axes swapped."""
    return x.T if x.ndim == 2 else x.swapaxes(-1, -2)


def clone(x: Any) -> Any:
    """A copy with the layout of x, except that repeated elements (stride 0) lie in row-major order."""
    if type(x) is not ndarray:
        return x.copy()
    return x.copy("K") if 0 not in x.strides else np.maximum(x, x)


def contiguous(x: Any) -> Any:
    """A copy in row-major order."""
    return x.copy("C")


def copied(x: Any) -> Any:
    """A copy of x, as an array in row-major order."""
    return x.copy() if type(x) is ndarray else np.array(x)


def converted(x: Any, dtype: Any) -> Any:
    """A copy in another dtype, with the layout of x."""
    return x.astype(dtype)


def replace(y: Any, x: Any) -> None:
    """Set the elements of y to those of x, which broadcasts to it. Raises: ValueError if it does not."""
    y[...] = x


def cat(xs: Sequence[Any], dim: int) -> Any:
    """Joined along an existing axis, in row-major order; empty 1-d arrays join anything."""
    if xs[0].ndim != 1:
        xs = [x for x in xs if x.ndim != 1 or x.size]
    return _in_rows(np.concatenate(xs, dim))


def _in_rows(y: Any) -> Any:
    """y in row-major order, where NumPy keeps that of its operands."""
    return y if y.ndim < 2 or y.flags.c_contiguous else copied(y)


def stack(xs: Sequence[Any], dim: int) -> Any:
    """Joined along a new axis."""
    shape = xs[0].shape
    if dim == 0:
        few = xs[0].size * len(xs) <= 1024  # copied by element in less time than concatenate asks for
        return np.array(xs) if few or not shape else _in_rows(np.concatenate(xs)).reshape(len(xs), *shape)
    at = (*shape[:dim], 1, *shape[dim:])
    return _in_rows(np.concatenate([x.reshape(at) for x in xs], axis=dim))


def getitem(x: Any, index: Any) -> Any:
    """The view of x at a basic index (integers, slices, None, ...)."""
    if type(index) is int:
        return x[index, ...]  # NumPy copies the one element that x[1] may be
    y = x[index]
    return y if type(y) is ndarray else x[(*index, ...)]


_MANY = 1 << 13  # elements for which the call of another function is worth while


def putitem(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape` with g at a basic index."""
    if g.size == prod(shape) and not _turns(index):  # an index of as many names all, in their order
        return g.reshape(shape)
    z = zeros(shape, g.dtype)
    if g.size < _MANY:
        z[index] = g
    else:
        replace(z[index], g)
    return z


def _turns(index: Any) -> bool:
    """Whether a basic index has a slice that goes backwards."""
    parts = index if type(index) is tuple else (index,)
    return any(type(i) is slice and i.step is not None and i.step < 0 for i in parts)


def fetch(x: Any, index: tuple[Any, ...]) -> Any:
    """x at integer and boolean arrays, copied in row-major order; slices between them select whole axes."""
    if len(index) == 1 and index[0].dtype.kind == "i":
        return x.take(index[0], 0)
    y = x[index]
    return y.copy() if type(y) is ndarray and not y.flags.c_contiguous else y


def places(index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Where, in a row-major array of `shape`, the elements at an index are."""
    if len(shape) == 1 and len(index) == 1 and index[0].dtype.kind == "i" and index[0].size:
        return index[0]
    return np.arange(prod(shape)).reshape(shape)[index]


def _selects(index: tuple[Any, ...]) -> bool:
    """Whether an index names no place twice: it has masks, but no integer arrays."""
    return not any(type(i) is ndarray and i.dtype.kind == "i" for i in index)


def spread(g: Any, index: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Zeros of `shape` with g added at integer and boolean arrays: a repeated place gets every share."""
    z = zeros(shape, g.dtype)
    if _selects(index):
        z[index] = g
    else:
        np.add.at(z.reshape(-1), places(index, shape).reshape(-1), g.reshape(-1))
    return z


def put(x: Any, value: Any, index: tuple[Any, ...], accumulate: bool) -> Any:
    """A copy of x with `value` written (or added) at integer and boolean arrays."""
    if not accumulate:
        y = x.copy("K") if type(x) is ndarray else np.array(x)
        y[index] = value
        return y
    y = np.array(x, order="C")
    if _selects(index):
        y[index] += value
    else:  # ufunc.at is quick only where places and values are flat
        at = places(index, y.shape)
        np.add.at(y.reshape(-1), at.reshape(-1), broadcast(value, at.shape).reshape(-1))
    return y


def without(g: Any, index: tuple[Any, ...]) -> Any:
    """A copy of g with zeros at an index."""
    y = g.copy("K") if type(g) is ndarray else np.array(g)
    y[index] = 0
    return y


nameless(globals())
