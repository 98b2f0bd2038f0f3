"""Bodies that put the elements in another order, repeat them, or keep a part of them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

import tapegrad.kernels.reduce as R
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.filling import full
from tapegrad.kernels.memory import empty_like, shared
from tapegrad.kernels.pointwise import zero
from tapegrad.kernels.shape import cat, copied, replace
from tapegrad.kernels.strided import diagonal


def flip(x: Any, dims: tuple[int, ...]) -> Any:
    """The elements in reverse order along the axes, whose order in memory stays."""
    if not x.ndim:
        return copied(x)
    turned = x[tuple([slice(None, None, -1) if i in dims else slice(None) for i in range(x.ndim)])]
    if x.flags.c_contiguous:
        return copied(turned)
    y = empty_like(x, x.dtype)
    replace(y, turned)
    return y


def _rolled(x: Any, shift: int, dim: int) -> Any:
    n = x.shape[dim]
    k = shift % n if n else 0
    if not k:
        return x
    before = (slice(None),) * dim
    return cat((x[(*before, slice(n - k, None))], x[(*before, slice(None, n - k))]), dim)


def roll(x: Any, shifts: tuple[int, ...], dims: tuple[int, ...] | None) -> Any:
    """The elements moved along the axes, or in all of x read as one row, where those at the end come to the
    start."""
    if dims is None and x.ndim != 1:
        return roll(x.reshape(-1), shifts, (0,)).reshape(x.shape)
    y = x
    for shift, dim in zip(shifts, dims or (0,), strict=True):
        y = _rolled(y, shift, dim)
    return copied(y) if y is x else y


def rot90(x: Any, k: int, i: int, j: int) -> Any:
    """x turned k times by 90 degrees, from axis i towards axis j. The axes are exchanged in a copy, which is
    cheaper, and what torch does."""
    k %= 4
    if k == 2:
        return flip(x, (i, j))
    return flip(x, (j if k == 1 else i,)).swapaxes(i, j) if k else copied(x)


def repeat(x: Any, times: tuple[int, ...]) -> Any:
    """x several times along each axis."""
    shape = (*(1,) * (len(times) - x.ndim), *x.shape)
    y = np.empty([n for pair in zip(times, shape, strict=True) for n in pair], x.dtype)
    y[...] = x.reshape([n for size in shape for n in (1, size)])
    return y.reshape([n * size for n, size in zip(times, shape, strict=True)])


def repeat_each(x: Any, times: int, dim: int) -> Any:
    """Each entry along an axis several times, one behind the other."""
    return x.repeat(times, dim)


def unrepeat(g: Any, times: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The sum of the repetitions of an array of `shape`: repeat's adjoint."""
    own = (*(1,) * (len(times) - len(shape)), *shape)
    g = g.reshape([n for pair in zip(times, own, strict=True) for n in pair])
    dims = tuple(range(0, g.ndim, 2))
    if not g.flags.c_contiguous:
        return np.add.reduce(g, dims, g.dtype).reshape(shape)
    return R.sum(g, dims).reshape(shape)


def diag_embed(x: Any, offset: int, i: int, j: int) -> Any:
    """Zeros with the last axis of x on a diagonal of the new axes i and j."""
    n = x.shape[-1] + abs(offset)
    shape = list(x.shape[:-1])
    for at in sorted((i, j)):
        shape.insert(at, n)
    y = np.zeros(shape, x.dtype)
    diagonal(y, offset, i, j)[...] = x
    return y


SMALL = 64


@shared
def below(n: int, m: int, k: int) -> Any:
    """Whether an element of a matrix lies on its k-th diagonal or below."""
    return np.arange(n)[:, None] >= np.arange(-k, m - k)


def tril(x: Any, k: int) -> Any:
    """The last two axes, with 0 above the k-th diagonal."""
    mask = below(x.shape[-2], x.shape[-1], k)
    if x.size > SMALL or not x.flags.c_contiguous:
        return np.where(mask, x, zero(x.dtype))
    y = np.zeros(x.shape, x.dtype)
    np.copyto(y, x, where=mask)  # the cheaper way for a few numbers
    return y


def triu(x: Any, k: int) -> Any:
    """The last two axes, with 0 below the k-th diagonal."""
    mask = below(x.shape[-2], x.shape[-1], k - 1)
    if x.size > SMALL or not x.flags.c_contiguous:
        return np.where(mask, zero(x.dtype), x)
    y = x.copy()
    np.copyto(y, zero(x.dtype), where=mask)
    return y


def pad(x: Any, before: tuple[int, ...], after: tuple[int, ...], value: Any) -> Any:
    """x with so many elements of a value before and behind along each axis; fewer than none cuts."""
    shape, inner, own = _bordered(x.shape, before, after)
    y = full(shape, x.dtype, value)
    replace(y[inner], x[own])
    return y


@lru_cache(1000)
def _bordered(
    shape: tuple[int, ...], before: tuple[int, ...], after: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]:
    """The shape with borders, where in it the elements are, and which."""
    ends = list(zip(shape, before, after, strict=True))
    inner = tuple([slice(max(a, 0), n + a + min(b, 0)) for n, a, b in ends])
    own = tuple([slice(max(-a, 0), n + min(b, 0)) for n, a, b in ends])
    return tuple([n + a + b for n, a, b in ends]), inner, own


def block_diag(xs: Any) -> Any:
    """Zeros with the matrices along the diagonal."""
    shapes = [(1,) * (2 - x.ndim) + x.shape for x in xs]
    y = np.zeros((sum(n for n, _ in shapes), sum(m for _, m in shapes)), xs[0].dtype)
    i = j = 0
    for x, (n, m) in zip(xs, shapes, strict=True):
        y[i : i + n, j : j + m] = x
        i, j = i + n, j + m
    return y


def blocks(shapes: Any) -> Any:
    """Where block_diag puts arrays of such shapes."""
    i = j = 0
    for shape in shapes:
        n, m = (1,) * (2 - len(shape)) + shape
        yield slice(i, i + n), slice(j, j + m)
        i, j = i + n, j + m


def counted(first: int, by: int, n: int) -> Any:
    """first, first + by, ...: n of them, in int64."""
    a = np.arange(n, dtype="i8")
    return a * by + first if by != 1 or first else a


def spaced(a: Any, b: Any, by: Any, n: int, kind: Any) -> Any:
    """n numbers of a dtype from a to b at distances of `by`, counted from both ends."""
    ends = np.empty(n, kind)
    ends.fill(b)
    ends[: n // 2] = a
    values = (_few if n <= 1024 else _places)(n, kind) * by
    values += ends
    return values


def _places(n: int, kind: Any) -> Any:
    """0, 1, ... up to the middle of n, from where on it counts from the end: ..., -1, -0."""
    places = np.arange(n).astype(kind)
    places[n // 2 :] = -places[n - n // 2 - 1 :: -1]
    return places


_few = lru_cache(64)(_places)

nameless(globals())
