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
from tapegrad.native.choice import fits, over
from tapegrad.native.fold import fold, groups
from tapegrad.native.narrow import MOST

# Elements from which a call takes less time than NumPy: over the last axis, FEW of some; and where NumPy or
# BLAS go as fast as memory does (down columns; extremes of all).
LEAST, FEW, MANY = 1 << 13, 1 << 9, 1 << 17
_LEAST_SPREAD = 1 << 11  # of variances and norms: NumPy takes several calls
_SLOW = ("prod", "max", "min")  # where NumPy goes from one to the next


def _ready(x: Any, dim: Any, fast: bool = False, least: int = LEAST) -> tuple[Any, Any, Any, bool]:
    """(its type, None if it is not taken; x as it lies in memory, the axes there, whether it is turned).
    fast: NumPy is fast where all is reduced."""
    if type(x) is not np.ndarray or x.size < least or (dim is not None and type(dim) is not tuple):
        return None, x, dim, False
    turned = not x.flags.c_contiguous and x.flags.f_contiguous
    axes = _axes(x.shape, dim, turned, fast, least)
    if axes is None:
        return None, x, dim, False
    if turned:
        x = x.T
    return fits(x), x, axes, turned


@lru_cache(1000)
def _axes(shape: tuple[int, ...], dim: Any, turned: bool, fast: bool, least: int) -> tuple[int, ...] | None:
    """The axes as they lie in memory; None if this is not taken."""
    if dim is not None and min(dim, default=0) < 0:  # as NumPy takes it
        return None
    # NumPy goes through short rows one by one also where they are what is left.
    last = not fast if dim is None else len(shape) - 1 in dim or shape[-1] <= MOST
    if prod_of(shape) < (least if last else MANY) or R.count(shape, dim) < 2:
        return None
    if dim is None:
        return tuple(range(len(shape)))
    return tuple([len(shape) - 1 - k for k in dim]) if turned else dim


@lru_cache(1000)
def _kept(shape: tuple[int, ...], dim: Any, keepdim: bool) -> tuple[int, ...]:
    if keepdim:
        return tuple(R.kept(shape, dim))
    return () if dim is None else tuple([n for k, n in enumerate(shape) if k not in dim])


def _shaped(y: Any, shape: tuple[int, ...], dim: Any, keepdim: Any, turned: bool) -> Any:
    """The flat results for an array of that shape in their own shape; one number as a scalar."""
    kept = _kept(shape, dim, keepdim)
    if not kept:
        return y[0]
    return y.reshape(kept[::-1]).T if turned else y.reshape(kept)


def _reduced(name: str, body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    if x.size < FEW:
        return body(x, dim, keepdim)
    t, a, axes, turned = _ready(x, dim, name in ("max", "min"), FEW if name in _SLOW else LEAST)
    if t is None:
        return body(x, dim, keepdim)
    return _shaped(fold(name, t, a, axes), x.shape, dim, keepdim, turned)


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
    t, a, axes, turned = _ready(x, (0,)) if x.size >= LEAST else (None, x, (), False)
    return body(x) if t is None else _shaped(fold("sum", t, a, axes), x.shape, (0,), False, turned)


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
    t, a, axes, turned = _ready(x, dim, True)
    if t is None or (turned and dim is not None):
        return None
    return fold("count", t, a, axes, wide=True)


@over(R.all)
def all(body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    """Whether no element is zero."""
    found = _counted(x, dim)
    if found is None:
        return body(x, dim, keepdim)
    return _shaped(found == R.count(x.shape, dim), x.shape, dim, keepdim, False)


@over(R.any)
def any(body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    """Whether some element is not zero."""
    found = _counted(x, dim)
    return body(x, dim, keepdim) if found is None else _shaped(found > 0, x.shape, dim, keepdim, False)


@over(S.count_nonzero)
def count_nonzero(body: Any, x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    """How many elements are not zero."""
    found = _counted(x, dim)
    if found is None:
        return body(x, dim, keepdim)
    return _shaped(found.astype("i8"), x.shape, dim, keepdim, False)


_NORMS = {1.0: "sizes", 2.0: "squares", np.inf: "largest"}


@over(R.norm)
def norm(body: Any, x: Any, dim: Any, keepdim: Any, p: float) -> Any:
    """The p-norm."""
    name = _NORMS.get(p)
    t, a, axes, turned = _ready(x, dim, least=_LEAST_SPREAD) if name else (None, x, dim, False)
    if name is None or t is None:
        return body(x, dim, keepdim, p)
    y = fold(name, t, a, axes)
    return _shaped(np.sqrt(y) if p == 2 else y, x.shape, dim, keepdim, turned)


def _spread(x: Any, dim: Any, correction: float) -> tuple[Any, bool]:
    """(the variance, flat, in float64; whether x is turned); None if x is not taken."""
    t, a, axes, turned = _ready(x, dim, least=_LEAST_SPREAD)
    n = R.count(x.shape, dim)
    if t is None or not n or [gone for _, gone in groups(a.shape, axes)].count(True) != 1:
        return None, False
    center = fold("exact", t, a, axes, wide=True) / n
    y = fold("spread", t, a, axes, wide=True, center=center)
    return np.divide(y, np.float64(max(n - correction, 0))), turned


@over(R.var)
def var(body: Any, x: Any, dim: Any, keepdim: Any, correction: float) -> Any:
    """The variance."""
    y, turned = _spread(x, dim, correction)
    if y is None:
        return body(x, dim, keepdim, correction)
    return _shaped(y.astype(x.dtype), x.shape, dim, keepdim, turned)


@over(R.std)
def std(body: Any, x: Any, dim: Any, keepdim: Any, correction: float) -> Any:
    """The standard deviation."""
    y, turned = _spread(x, dim, correction)
    if y is None:
        return body(x, dim, keepdim, correction)
    return _shaped(np.sqrt(y).astype(x.dtype), x.shape, dim, keepdim, turned)


nameless(globals())
