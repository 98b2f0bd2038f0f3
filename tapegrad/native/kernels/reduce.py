"""Reductions of large arrays, over any axes."""

from __future__ import annotations

from functools import lru_cache
from math import prod as prod_of
from typing import Any

import numpy as np

import tapegrad.kernels.reduce as R
import tapegrad.kernels.shape as H
import tapegrad.kernels.statistics as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native.choice import fits, memory_order, over
from tapegrad.native.fold import fold, groups
from tapegrad.native.narrow import MOST

# Elements from which a call takes less time than NumPy: over the last axis, FEW of some; and where NumPy or
# BLAS go as fast as memory does (down columns; extremes of all).
LEAST, FEW, MANY = 1 << 13, 1 << 9, 1 << 17
_LEAST_SPREAD = 1 << 11  # of variances and norms: NumPy takes several calls
_SLOW = ("prod", "max", "min")  # where NumPy goes from one to the next


Order = tuple[int, ...] | None  # of the axes in memory; None where it is theirs


def _ready(x: Any, dim: Any, fast: bool = False, least: int = LEAST) -> tuple[Any, Any, Any, Order]:
    """(its type, None if it is not taken; x as it lies in memory, the axes there, their order there). fast:
    NumPy is fast where all is reduced."""
    if type(x) is not np.ndarray or x.size < least or (dim is not None and type(dim) is not tuple):
        return None, x, dim, None
    order, a = None, x
    if not x.flags.c_contiguous:
        order = memory_order(x.strides)
        a = x.transpose(order)
    axes = _axes(x.shape, dim, order, fast, least)
    return (None if axes is None else fits(a)), a, axes, order


@lru_cache(1000)
def _axes(shape: tuple[int, ...], dim: Any, order: Order, fast: bool, least: int) -> tuple[int, ...] | None:
    """The axes as they lie in memory; None if this is not taken."""
    if dim is not None and min(dim, default=0) < 0:  # as NumPy takes it
        return None
    # NumPy goes through short rows one by one also where they are what is left.
    end = order[-1] if order else len(shape) - 1
    last = not fast if dim is None else end in dim or shape[end] <= MOST
    if prod_of(shape) < (least if last else MANY) or R.count(shape, dim) < 2:
        return None
    if dim is None:
        return tuple(range(len(shape)))
    return tuple([order.index(k) for k in dim]) if order else dim


@lru_cache(1000)
def _kept(shape: tuple[int, ...], dim: Any, keepdim: bool) -> tuple[int, ...]:
    if keepdim:
        return tuple(R.kept(shape, dim))
    return () if dim is None else tuple([n for k, n in enumerate(shape) if k not in dim])


def _shaped(y: Any, shape: tuple[int, ...], dim: Any, keepdim: Any, order: Order) -> Any:
    """The flat results for an array of that shape in their own shape; one number as a scalar."""
    kept = _kept(shape, dim, keepdim)
    if not kept:
        return y[0]
    if order is None:
        return y.reshape(kept)
    sizes, back = _put_back(shape, dim, bool(keepdim), order)
    return y.reshape(sizes).transpose(back)


@lru_cache(1000)
def _put_back(
    shape: tuple[int, ...], dim: Any, keepdim: bool, order: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The sizes of results in the order of memory, and where their axes go from there."""
    gone = range(len(shape)) if dim is None else dim
    left = [k for k in order if keepdim or k not in gone]
    sizes = tuple([1 if k in gone else shape[k] for k in left])
    return sizes, tuple([left.index(k) for k in sorted(left)])


def _reduced(name: str, body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    if x.size < FEW:
        return body(x, dim, keepdim)
    t, a, axes, order = _ready(x, dim, name in ("max", "min"), FEW if name in _SLOW else LEAST)
    if t is None:
        return body(x, dim, keepdim)
    return _shaped(fold(name, t, a, axes), x.shape, dim, keepdim, order)


@over(R.sum)
def sum(body: Any, x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """The sum."""
    return _reduced("sum", body, x, dim, keepdim)


@over(R.prod)
def prod(body: Any, x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """The product."""
    return _reduced("prod", body, x, dim, keepdim)


@over(R.amax)
def amax(body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    """The largest."""
    return _reduced("max", body, x, dim, keepdim)


@over(R.amin)
def amin(body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    """The smallest."""
    return _reduced("min", body, x, dim, keepdim)


@over(H.column_sum)
def column_sum(body: Any, x: Any) -> Any:
    """The sum over the rows of a matrix."""
    t, a, axes, order = _ready(x, (0,)) if x.size >= LEAST else (None, x, (), None)
    return body(x) if t is None else _shaped(fold("sum", t, a, axes), x.shape, (0,), False, order)


@over(H.sum_to)
def sum_to(body: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """The sum over the axes that were broadcast."""
    if g.shape == shape:
        return g
    t = fits(g, least=LEAST)
    if t is None or (g.shape[-1:] == shape[-1:] and g.size < MANY):
        return body(g, shape)
    lead = g.ndim - len(shape)
    axes = (*range(lead), *[i + lead for i, n in enumerate(shape) if n == 1 and g.shape[i + lead] != 1])
    return fold("sum", t, g, axes).reshape(shape)


def _counted(x: Any, dim: Any) -> Any:
    """How many elements are not zero, flat, in float64, which holds them; None if x is not taken."""
    t, a, axes, order = _ready(x, dim, True)
    if t is None or (order is not None and dim is not None):
        return None
    return fold("count", t, a, axes, wide=True)


@over(R.all)
def all(body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    """Whether no element is zero."""
    found = _counted(x, dim)
    if found is None:
        return body(x, dim, keepdim)
    return _shaped(found == R.count(x.shape, dim), x.shape, dim, keepdim, None)


@over(R.any)
def any(body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    """Whether some element is not zero."""
    found = _counted(x, dim)
    return body(x, dim, keepdim) if found is None else _shaped(found > 0, x.shape, dim, keepdim, None)


@over(S.count_nonzero)
def count_nonzero(body: Any, x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """How many elements are not zero."""
    found = _counted(x, dim)
    if found is None:
        return body(x, dim, keepdim)
    return _shaped(found.astype("i8"), x.shape, dim, keepdim, None)


_NORMS = {1.0: "sizes", 2.0: "squares", np.inf: "largest"}


@over(R.norm)
def norm(body: Any, x: Any, dim: Any, keepdim: Any, p: float) -> Any:
    """The p-norm."""
    name = _NORMS.get(p)
    t, a, axes, order = _ready(x, dim, least=_LEAST_SPREAD) if name else (None, x, dim, None)
    if name is None or t is None:
        return body(x, dim, keepdim, p)
    y = fold(name, t, a, axes)
    return _shaped(np.sqrt(y) if p == 2 else y, x.shape, dim, keepdim, order)


def _spread(x: Any, dim: Any, correction: float) -> tuple[Any, Order]:
    """(the variance, flat, in float64; the order of its axes in memory); None if x is not taken."""
    t, a, axes, order = _ready(x, dim, least=_LEAST_SPREAD)
    n = R.count(x.shape, dim)
    if t is None or not n or [gone for _, gone in groups(a.shape, axes)].count(True) != 1:
        return None, None
    center = fold("exact", t, a, axes, wide=True) / n
    y = fold("spread", t, a, axes, wide=True, center=center)
    return np.divide(y, np.float64(max(n - correction, 0))), order


@over(R.var)
def var(body: Any, x: Any, dim: Any, keepdim: Any, correction: float) -> Any:
    """The variance."""
    y, order = _spread(x, dim, correction)
    if y is None:
        return body(x, dim, keepdim, correction)
    return _shaped(y.astype(x.dtype), x.shape, dim, keepdim, order)


@over(R.std)
def std(body: Any, x: Any, dim: Any, keepdim: Any, correction: float) -> Any:
    """The standard deviation."""
    y, order = _spread(x, dim, correction)
    if y is None:
        return body(x, dim, keepdim, correction)
    return _shaped(np.sqrt(y).astype(x.dtype), x.shape, dim, keepdim, order)


nameless(globals())
