"""Views by strides, and their adjoints: windows, diagonals, any pattern in memory."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import offset_of, overlaps_itself, restrided

# How a tensor lies in its memory, in elements: its shape, its strides, where it starts.
Geometry = tuple[tuple[int, ...], tuple[int, ...], int]


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of rows one after another, in elements."""
    steps, step = [], 1
    for n in reversed(shape):
        steps.append(step)
        step *= max(n, 1)
    return tuple(reversed(steps))


def geometry_of(x: Any) -> Geometry:
    """How x lies in its buffer; what a storage holds starts its memory."""
    itemsize = x.dtype.itemsize
    start = offset_of(x) // itemsize if type(x) is ndarray else 0
    return x.shape, tuple([s // itemsize for s in x.strides]), start


def _places(shape: tuple[int, ...], steps: tuple[int, ...], start: int) -> Any:
    """The place in memory of each element."""
    places: Any = np.full((1,) * len(shape), start)
    for axis, (n, step) in enumerate(zip(shape, steps, strict=True)):
        places = places + step * np.arange(n).reshape(-1, *(1,) * (len(shape) - 1 - axis))
    return places


def extent(shape: tuple[int, ...], steps: tuple[int, ...], start: int) -> int:
    """The end of the memory that a pattern needs, in elements."""
    return start + sum(s * (n - 1) for n, s in zip(shape, steps, strict=True)) + 1 if prod(shape) else 0


def _length(size: tuple[int, ...], stride: tuple[int, ...], offset: int, geometry: Geometry) -> int:
    """How much memory both patterns need."""
    return max(extent(size, stride, offset), extent(*geometry))


def gather(x: Any, size: tuple[int, ...], stride: tuple[int, ...], offset: int, geometry: Geometry) -> Any:
    """What x would show at a pattern in memory, if x lay there as `geometry` says; 0 beside it.

    Elements at one place, which an expanded x has, count with their mean.
    """
    own, row = _places(*geometry).reshape(-1), x.reshape(-1)
    memory = np.zeros(_length(size, stride, offset, geometry), x.dtype)
    memory[own] = row
    if x.dtype.kind in "fc" and (memory[own] != row).any():
        memory[...] = 0
        np.add.at(memory, own, row)
        memory /= np.maximum(np.bincount(own, minlength=memory.size), 1)
    return memory[_places(size, stride, offset)]


def scatter(
    g: Any, size: tuple[int, ...], stride: tuple[int, ...], offset: int, geometry: Geometry, shape: Any
) -> Any:
    """Zeros of x's shape with g added where the pattern shows x, shared out among elements at one place."""
    own = _places(*geometry).reshape(-1)
    memory = np.zeros(_length(size, stride, offset, geometry), g.dtype)
    np.add.at(memory, _places(size, stride, offset), g)
    many = np.bincount(own, minlength=memory.size)
    if many.size and many.max() > 1:
        memory /= np.maximum(many, 1)
    return memory[own].reshape(shape)


def write(
    y: Any, src: Any, size: tuple[int, ...], stride: tuple[int, ...], offset: int, geometry: Geometry
) -> None:
    """Put src where a pattern shows y, if y lay as `geometry` says; what is beside y is left out."""
    own = _places(*geometry).reshape(-1)
    memory = np.zeros(_length(size, stride, offset, geometry), y.dtype)
    memory[own] = y.reshape(-1)
    memory[_places(size, stride, offset)] = src
    y[...] = memory[own].reshape(y.shape)


def as_strided(
    x: Any, size: tuple[int, ...], stride: tuple[int, ...], offset: int, _geometry: Geometry
) -> Any:
    """The memory under x at a pattern: a view."""
    y = restrided(x, size, tuple([s * x.itemsize for s in stride]), offset * x.itemsize)
    return looked_at(y)


def looked_at(y: Any) -> Any:
    """y, read-only to NumPy if it has elements at one place: writes then look more closely."""
    if y.flags.writeable and overlaps_itself(y):
        y.flags.writeable = False
    return y


def unfold(x: Any, dim: int, size: int, step: int) -> Any:
    """Windows along an axis, as a new last axis: a view."""
    n = (x.shape[dim] - size) // step + 1
    shape = (*x.shape[:dim], n, *x.shape[dim + 1 :], size)
    strides = (*x.strides[:dim], step * x.strides[dim], *x.strides[dim + 1 :], x.strides[dim])
    if x.flags.c_contiguous and x.flags.writeable and x.size and x.dtype.kind != "V":
        y = ndarray(shape, x.dtype, x, 0, strides)  # `restrided` takes ten times as long
    else:
        y = restrided(x, shape, strides)
    apart = n < 2 or size <= step  # windows that meet share their elements
    y.setflags(write=bool(x.flags.writeable and apart))
    return y


def fold(g: Any, dim: int, size: int, step: int, shape: tuple[int, ...]) -> Any:
    """Windows added up where they overlap: unfold's adjoint."""
    z = np.zeros(shape, g.dtype)
    n = g.shape[dim]
    before = (slice(None),) * dim
    for k in range(size):
        z[(*before, slice(k, k + step * (n - 1) + 1, step))] += g[..., k]
    return z


def diagonal(x: Any, offset: int, dim1: int, dim2: int) -> Any:
    """A diagonal of two axes, as a new last axis: a view."""
    y = x.diagonal(offset, dim1, dim2)
    if x.flags.writeable:
        y.setflags(True)  # `write`, by its place: setting the flag takes thrice, its name twice as long
    return y


def undiagonal(g: Any, offset: int, dim1: int, dim2: int, shape: tuple[int, ...]) -> Any:
    """Zeros with g on a diagonal."""
    z = np.zeros(shape, g.dtype)
    diagonal(z, offset, dim1, dim2)[...] = g
    return z


nameless(globals())
