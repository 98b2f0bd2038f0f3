"""Reductions. `dim` is None (all) or a tuple of normalised axes; a result over nothing is 0-d."""

from __future__ import annotations

from functools import lru_cache
from math import prod as prod_of
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.filling import zeros
from tapegrad.kernels.memory import shared
from tapegrad.kernels.operators import div, eq
from tapegrad.kernels.pointwise import constant
from tapegrad.kernels.shape import axis_sum, column_sum, ones, square
from tapegrad.kernels.standing import awaited

# None or a tuple of axes, and a bool: NumPy's stubs of `reduce` have no overload for either in general.
Dims = Any
Keep = Any
_F8, _C16 = np.dtype("f8"), np.dtype("c16")
_ONLY = (0,)
FEW = 1024  # up to so many elements, a call costs more than what it does
SHORT = 64  # so many elements are added up before NumPy's loop has started
NARROW = 16  # elements of rows for which NumPy takes longer than for other calls per column,
MANY = 16  # if there are so many times as many rows as columns
MOST = 32  # the size of the largest matrix of ones that replaces a sum and a broadcast


def _few(x: Any, dim: Dims) -> bool:
    """Whether all of x is reduced, a small array of some elements: NumPy's `reduce` is not the fastest call
    for it."""
    return type(x) is ndarray and 0 < x.size <= FEW and (dim is None or (x.ndim == 1 and dim == _ONLY))


def count(shape: tuple[int, ...], dim: Dims) -> int:
    """How many elements meet in each result."""
    if dim is None:
        return prod_of(shape)
    n = 1
    for i in dim:
        n *= shape[i]
    return n


def kept(shape: tuple[int, ...], dim: Dims) -> tuple[int, ...]:
    """`shape` with 1 at the reduced axes."""
    return tuple([1 if dim is None or i in dim else n for i, n in enumerate(shape)])


def _reduced(ufunc: Any, x: Any, dim: Dims, keepdim: Keep) -> Any:
    """ufunc.reduce, which begins anew with each row: many short ones go column by column, whose order it
    is. In x's dtype, or in bool."""
    kind = None if ufunc in (np.logical_and, np.logical_or) else x.dtype  # NumPy widens small integers
    n = x.shape[-1] if dim == (x.ndim - 1,) else 0
    if not 1 < n <= NARROW or x.size < MANY * n * n:
        return ufunc.reduce(x, axis=dim, keepdims=keepdim, dtype=kind)
    y = ufunc(x[..., 0], x[..., 1], dtype=kind)
    for k in range(2, n):
        ufunc(y, x[..., k], out=y)
    return y[..., None] if keepdim else y


def unreduce(g: Any, shape: tuple[int, ...], dim: Dims, keepdim: Keep) -> Any:
    """g of a reduction with its reduced axes back as 1, so that it broadcasts against the input."""
    if keepdim or g.ndim == len(shape):
        return g
    return g if dim is None and len(shape) < 2 else g.reshape(kept(shape, dim))


def sum(x: Any, dim: Dims = None, keepdim: Keep = False) -> Any:
    """The sum. Small contiguous float arrays go through BLAS: 0.4 us instead of 1.1."""
    if type(x) is ndarray and x.dtype.char in "fd":
        n, ndim = x.size, x.ndim
        if (dim is None and ndim) or (ndim == 1 and dim == _ONLY):
            if n <= FEW and x.flags.c_contiguous:
                y = x.ravel().dot(ones(n, x.dtype))
                return y.reshape((1,) * ndim) if keepdim else y
        elif ndim == 2 and (dim == _ONLY or (dim == (1,) and n <= FEW)):
            if dim == _ONLY:
                y = column_sum(x)
                return y.reshape((1, -1)) if keepdim else y
            y = x.dot(ones(x.shape[1], x.dtype))
            return y.reshape((-1, 1)) if keepdim else y
        elif ndim > 2 and dim is not None and len(dim) == 1 and 0 <= dim[0] < ndim - 1:
            y = axis_sum(x, dim[0])
            return y.reshape(kept(x.shape, dim)) if keepdim else y
        elif not keepdim and (rows := _as_rows(x.shape, dim)) and x.flags.c_contiguous:
            return x.reshape(rows).dot(ones(rows[1], x.dtype)).reshape(x.shape[: -len(dim)])
    if x.dtype.kind in "iu":
        return _reduced(np.add, x, dim, keepdim)
    return np.add.reduce(x, axis=dim, keepdims=keepdim, dtype=x.dtype)


@lru_cache(256)
def _as_rows(shape: tuple[int, ...], dim: Dims) -> tuple[int, int] | None:
    """The shape in which few elements, or short rows, have a row for each of several sums, if they lie so."""
    n, lead = len(shape), len(shape) - len(dim or ())
    if not 0 < lead < n or dim != tuple(range(lead, n)) or 0 in shape:
        return None
    rows, each = prod_of(shape[:lead]), prod_of(shape[lead:])
    return (rows, each) if rows * each <= FEW or each <= SHORT else None


def sum_at(x: Any, dim: tuple[int, ...]) -> Any:
    """The sum along one axis, for whoever broadcasts it against x: of few numbers at each place that it goes
    to, by one small matrix product, which saves the broadcast, too (1 us)."""
    each = _to_each(x.shape, dim, x.dtype.char) if type(x) is ndarray else None
    if each is None:
        return sum(x, dim, True)
    return x.dot(each) if dim[0] == x.ndim - 1 else each.dot(x)


@lru_cache(256)
def _to_each(shape: tuple[int, ...], dim: tuple[int, ...], char: str) -> Any:
    """The matrix of ones whose product with an array of that shape does that; None where it is too large, or
    not of float32 or float64."""
    n = shape[dim[0]] if dim and 0 < len(shape) <= 2 else 0
    return square(n, np.dtype(char)) if char in "fd" and 0 < n <= MOST and prod_of(shape) <= FEW else None


def trace(x: Any) -> Any:
    """The sum of the diagonal of the last two axes."""
    d = x.diagonal(0, -2, -1)
    if d.ndim == 1 and d.dtype.char in "fd" and d.size <= FEW:
        return d.dot(ones(d.size, d.dtype))
    return np.add.reduce(d, axis=-1)


def mean(x: Any, dim: Dims = None, keepdim: Keep = False) -> Any:
    """The arithmetic mean; nan over nothing."""
    y = sum(x, dim, keepdim)
    if dim is None and not keepdim:
        return y / x.size  # NumPy scalars keep their dtype beside a Python int
    return y / constant(count(x.shape, dim), y.dtype)


def prod(x: Any, dim: Dims = None, keepdim: Keep = False) -> Any:
    """The product."""
    if not keepdim and _few(x, dim):
        return np.multiply.accumulate(x.ravel(), 0, x.dtype)[-1]  # 0.5 us instead of 1.2
    return _reduced(np.multiply, x, dim, keepdim)


def others(x: Any, dim: Dims) -> Any:
    """For each element the product of all others along `dim` (one axis or None), also where some are zero."""
    if not np.logical_or.reduce(x == 0, axis=None):
        return div(prod(x, dim, True), x)
    flat = x.reshape(-1) if dim is None else np.moveaxis(x, dim[0], -1)
    before, after = np.ones_like(flat), np.ones_like(flat)
    np.multiply.accumulate(flat[..., :-1], axis=-1, out=before[..., 1:])
    after[..., :-1] = np.multiply.accumulate(flat[..., :0:-1], axis=-1)[..., ::-1]
    y = before * after
    return y.reshape(x.shape) if dim is None else np.moveaxis(y, -1, dim[0])


def reaching(x: Any, y: Any) -> Any:
    """Which elements reach an extreme y that broadcasts to x: where that is nan, what is nan."""
    hit, lost = eq(x, y), y != y
    if lost.any():
        hit |= (x != x) & lost
    return hit


def _variance(x: Any, dim: Dims, keepdim: Keep, correction: float) -> Any:
    """The variance, of complex numbers that of both parts together; in float64, as torch computes it: squares
    of large float32 do not overflow."""
    if x.dtype.char == "f" and not keepdim and (plan := _of_few(x.shape, dim, correction)):
        apart, shares = plan
        d = x.astype(_F8)
        if dim is None or x.ndim == 1:
            d = d.ravel().dot(apart)
            return d.dot(d) * shares
        d = (d if dim[0] else d.T).dot(apart)
        d *= d
        return d.dot(shares)
    n = count(x.shape, dim)
    if n == 0:
        return np.full(np.add.reduce(x, axis=dim, keepdims=keepdim).shape, np.nan)[()]
    complex_ = x.dtype.kind == "c"
    d = x.astype(_C16 if complex_ else _F8)
    if x.itemsize > 4:  # sums of few float32 are exact: so that the variance of what is constant is 0
        d -= d[tuple([slice(0, 1) if dim is None or i in dim else slice(None) for i in range(x.ndim)])]
    least = max(n - correction, 0)
    if not complex_ and not keepdim and _few(d, dim):
        d = d.ravel()
        d -= d.dot(ones(n, _F8)) / n
        return d.dot(d) / least
    total = sum_at(d, dim) if dim is not None and len(dim) == 1 else sum(d, dim, True)
    d -= total / constant(n, _F8)
    return sum((d * d.conj()).real if complex_ else d * d, dim, keepdim) / constant(least, _F8)


@lru_cache(256)
def _of_few(shape: tuple[int, ...], dim: Dims, correction: float) -> Any:
    """For the variance of few numbers, of all or of each row or column of a matrix: what maps n of them to n
    times their distances from the mean (in whole numbers, so that it is 0 where they are equal) and a 0 that
    becomes nan if one is infinite, and the share of a square of these in the variance. None for others."""
    n = count(shape, dim)
    if not 0 < n <= MOST or not shape or n - correction <= 0:
        return None
    share = 1 / (n * n * (n - correction))
    apart = n * np.eye(n, n + 1) - 1
    apart[:, n] = 0
    if dim is None or len(shape) == 1:
        return apart, share
    return (apart, np.full(n + 1, share)) if len(shape) == 2 and len(dim) == 1 else None


@awaited
def var(x: Any, dim: Dims, keepdim: Keep, correction: float) -> Any:
    """The variance with n - correction in the denominator (inf or nan where that is not positive)."""
    return _in_dtype(_variance(x, dim, keepdim, correction), x.dtype)


@awaited
def std(x: Any, dim: Dims, keepdim: Keep, correction: float) -> Any:
    """The square root of the variance."""
    return _in_dtype(np.sqrt(_variance(x, dim, keepdim, correction)), x.dtype)


@awaited
def spread_and_mean(spread: Any, x: Any, dim: Dims, keepdim: Keep, correction: float) -> tuple[Any, Any]:
    """(the variance or the standard deviation, as spread is `var` or `std`; the mean)."""
    return spread(x, dim, keepdim, correction), mean(x, dim, keepdim)


def _in_dtype(x: Any, dtype: Any) -> Any:
    """Real numbers in a dtype or, if that is complex, in that of its parts."""
    if dtype.kind == "c":
        dtype = dtype.type(0).real.dtype
    return x.astype(dtype) if type(x) is ndarray else dtype.type(x)  # astype of a scalar takes longer


def norm(x: Any, dim: Dims, keepdim: Keep, p: float) -> Any:
    """The vector p-norm: (sum |x|^p)^(1/p); p = inf, -inf and 0 (how many are not zero) are the limits."""
    if x.dtype.kind == "c":
        x = np.abs(x)
    n = count(x.shape, dim)
    if p and n == 1:  # exact, also where squares overflow
        return sum(np.abs(x), dim, keepdim)
    if p == 2:
        if n == x.size and 0 < n <= FEW and not keepdim and type(x) is ndarray:  # of all elements
            flat = x.ravel()
            y = np.sqrt(flat.dot(flat))
            return y if dim is None or len(dim) == x.ndim else y.reshape((1,) * (x.ndim - len(dim)))
        return np.sqrt(sum(x * x, dim, keepdim))
    a = np.abs(x)
    if p == 1:
        return sum(a, dim, keepdim)
    if p == 0:
        return np.add.reduce(a != 0, axis=dim, keepdims=keepdim, dtype=x.dtype)
    if p == np.inf:
        return np.maximum.reduce(a, axis=dim, keepdims=keepdim, initial=0)
    if p == -np.inf:
        return np.minimum.reduce(a, axis=dim, keepdims=keepdim)
    return sum(a**p, dim, keepdim) ** (1.0 / p)


def norms(xs: Any, p: float) -> Any:
    """The p-norm of each of several arrays of one dtype."""
    return np.array([norm(x, None, False, p) for x in xs], xs[0].dtype)


def amax(x: Any, dim: Dims, keepdim: Keep) -> Any:
    """The largest value; nan if there is one."""
    if not keepdim and _few(x, dim):
        return x.ravel()[x.argmax()]  # 0.4 us instead of 1.2
    return _reduced(np.maximum, x, dim, keepdim)


def amin(x: Any, dim: Dims, keepdim: Keep) -> Any:
    """The smallest value; nan if there is one."""
    if not keepdim and _few(x, dim):
        return x.ravel()[x.argmin()]
    return _reduced(np.minimum, x, dim, keepdim)


def range_of(x: Any) -> tuple[Any, Any]:
    """(the smallest, the largest value) of all; nan if there is one."""
    return amin(x, None, False), amax(x, None, False)


def all(x: Any, dim: Dims, keepdim: Keep) -> Any:
    """Whether every element is not zero."""
    if not keepdim and _few(x, dim):
        return np.bool_(np.count_nonzero(x) == x.size)
    return _reduced(np.logical_and, x, dim, keepdim)


def any(x: Any, dim: Dims, keepdim: Keep) -> Any:
    """Whether some element is not zero."""
    if not keepdim and _few(x, dim):
        return np.bool_(np.count_nonzero(x))
    return _reduced(np.logical_or, x, dim, keepdim)


def argmax(x: Any, dim: int | None, keepdim: Keep) -> Any:
    """The first index of the largest value (of the first nan, if there is one)."""
    return x.argmax(axis=dim, keepdims=keepdim) if x.ndim else np.int64(0)


def argmin(x: Any, dim: int | None, keepdim: Keep) -> Any:
    """The first index of the smallest value (of the first nan, if there is one)."""
    return x.argmin(axis=dim, keepdims=keepdim) if x.ndim else np.int64(0)


def pick(x: Any, index: Any, dim: int, keepdim: Keep) -> Any:
    """The entries of x at `index` along `dim`; unless keepdim, without that axis, of which there is one."""
    if x.ndim == 0:
        return x.copy()
    if 0 < dim == x.ndim - 1 and index.shape[dim] == 1 and index.size:  # nothing to broadcast: quicker
        y = x.take(index.reshape(-1) + _first_places(*x.shape))
        return y.reshape(index.shape if keepdim else index.shape[:-1])
    y = x.take(_flat(index, dim, x.shape))  # as if x were in row-major order
    return y if keepdim else y.reshape(y.shape[:dim] + y.shape[dim + 1 :])


def chosen(where: Any, x: Any, dim: int, keepdim: Keep, args: tuple[Any, ...]) -> tuple[Any, Any]:
    """(what x has along `dim` at the places that the kernel where(x, dim, *args) finds, these places)."""
    at = where(x, dim, *args)
    y = pick(x, at, dim, keepdim)
    return y, at if keepdim else at.reshape(y.shape)


def place(g: Any, index: Any, dim: int, _: bool, shape: tuple[int, ...]) -> Any:
    """Zeros of `shape` with g at `index` along `dim`, each place once: the adjoint of `pick`."""
    if not shape:
        return g
    z = zeros(shape, g.dtype)
    z.put(_flat(index, dim, shape), g)
    return z


def place_all(g: Any, index: Any, dim: int, _: bool, shape: tuple[int, ...]) -> Any:
    """The same where places repeat: they get every share."""
    if not shape:
        return g
    z = zeros(shape, g.dtype)
    np.add.at(z.reshape(-1), _flat(index, dim, shape).reshape(-1), g.reshape(-1))
    return z


def _flat(index: Any, dim: int, shape: tuple[int, ...]) -> Any:
    """An index array along one axis of a row-major array as one into all of its elements."""
    if len(shape) == 1 or not index.size:
        return index
    if dim < len(shape) - 1:
        return index * prod_of(shape[dim + 1 :]) + _starts(shape, dim)
    return index + _starts(shape, dim)


@shared
def _first_places(*shape: int) -> Any:
    """Where the rows of an array of this shape begin."""
    return np.arange(0, prod_of(shape), shape[-1])


@shared
def _starts(shape: tuple[int, ...], dim: int) -> Any:
    """Where in a row-major array of `shape` each row along `dim` begins, with that axis as 1."""
    lead, rest = shape[:dim], shape[dim + 1 :]
    starts = np.arange(0, prod_of(shape), prod_of(shape[dim:]) or 1).reshape((*lead, 1, *(1,) * len(rest)))
    return starts + np.arange(prod_of(rest)).reshape((1, *rest)) if rest else starts


nameless(globals())
