"""Sums without nan, sums of exponentials, several moments at once, covariances."""

from __future__ import annotations

from typing import Any

import tapegrad.kernels as K
import tapegrad.kernels.linalg as L
import tapegrad.kernels.reduce as R
import tapegrad.kernels.statistics as C
from tapegrad._errors import say_once, sizes
from tapegrad._state import default
from tapegrad.define import OUT, cast, finish, offer, plain, reduction
from tapegrad.dtypes import B1, F4, F8, FLOATING, I8, INEXACT, as_numpy
from tapegrad.kernels.errstate import again, nameless
from tapegrad.kernels.pointwise import constant
from tapegrad.levels import Storage
from tapegrad.ops.complex_numbers import complex, imag, real
from tapegrad.ops.linalg import mm
from tapegrad.ops.pointwise import clamp, sqrt, where
from tapegrad.ops.reduce import (
    in_dtype,
    mean_rule,
    not_empty,
    scaled,
    spread_arguments,
    std_rule,
    sum,
    var_rule,
)
from tapegrad.ops.results import Range, kind, written
from tapegrad.ops.shape import Dims, dims_of, numpy_names, reshape, squeeze, t, unsqueeze
from tapegrad.ops.views import conj, diagonal
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, axis, wrap

_nansum = reduction("nansum", C.nansum, d=lambda F, g, x, shape, dim: g * (x == x), saves=(0,))


def _of_logsumexp(F: Any, g: Any, x: Any, y: Any, shape: Any, dim: Any) -> Any:
    return C.logsumexp_vjp(g, x, y) if F is K else g * F.exp(x - y)


_logsumexp = reduction("logsumexp", C.logsumexp, d=_of_logsumexp, saves=(0, OUT))
_count = reduction("count_nonzero", C.count_nonzero, d=None)
_count_numbers = reduction("nanmean.count", C.count_numbers, d=None)
_smallest = reduction("aminmax.min", R.amin, d=scaled, saves=(0, OUT), title="AminmaxBackward0")
_largest = reduction("aminmax.max", R.amax, d=scaled, saves=(0, OUT), title="AminmaxBackward0")
_range_kind = kind("aminmax", Range)


def _mean_beside(name: str, title: str) -> Any:
    """The mean, under the name of the node that torch has for both results."""
    return reduction(f"{name}.mean", R.mean, d=mean_rule, title=title)


_var = reduction("var_mean", R.var, d=var_rule, saves=(0,))
_std = reduction("std_mean", R.std, d=std_rule, saves=(0, OUT))
_mean_of_var = _mean_beside("var_mean", "VarMeanBackward0")
_mean_of_std = _mean_beside("std_mean", "StdMeanBackward0")


def _both(spread: Any, mean: Any, x: Tensor, dims: R.Dims, keepdim: bool, c: float) -> tuple[Tensor, Tensor]:
    if plain(x):
        try:
            y, center = R.spread_and_mean(spread.op.forward, x._a, dims, keepdim, c)
            return wrap(y), wrap(center)
        except FloatingPointError:  # NumPy is set to raise: the operations know what to do
            pass
    return spread(x, dims, keepdim, c), mean(x, dims, keepdim)


def nansum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Tensor | None = None,
    **names: Any,
) -> Tensor:
    """The sum of the elements that are not nan; integers and bool add up in int64."""
    if names:
        dim, keepdim = numpy_names("nansum", names, dim, keepdim)
    x = need_tensor(input, "nansum")
    if x._kind.kind == "c":
        raise RuntimeError(f"nansum: input is {x.dtype}; real numbers are needed.")
    if dtype is not None and x._kind.kind in FLOATING and as_numpy(dtype, "nansum").kind in "iub":
        x = where(x != x, 0, x)
    x = in_dtype(x, dtype, "nansum")
    return finish(_nansum(x, dims_of(dim, x._a.ndim, "nansum"), keepdim), out, "nansum", exact=True)


def nanmean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Tensor | None = None,
    **names: Any,
) -> Tensor:
    """The mean of the elements that are not nan. Raises: RuntimeError for integers."""
    if names:
        dim, keepdim = numpy_names("nanmean", names, dim, keepdim)
    x = need_tensor(input, "nanmean")
    if x._kind.kind not in INEXACT:
        raise RuntimeError(f"nanmean: input is {x.dtype}; a floating point tensor is needed. Use .float().")
    dims = dims_of(dim, x._a.ndim, "nanmean")
    many = _count_numbers(x.detach(), dims, keepdim)
    return finish(nansum(x, dims, keepdim, dtype=dtype) / many, out, "nanmean", exact=True)


def logsumexp(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None, **names: Any
) -> Tensor:
    """The logarithm of the sum of exponentials over `dim`, without overflow; -inf over nothing."""
    x = need_tensor(input, "logsumexp")
    if names:
        dim, keepdim = numpy_names("logsumexp", names, dim, keepdim)
    if dim is None:
        raise TypeError("logsumexp: dim is missing; say over which dimensions, e.g. dim=0.")
    dims = dims_of(dim, x._a.ndim, "logsumexp")
    if x._kind.kind in "iub":
        x = cast(x, default.dtype)
    return finish(_logsumexp(x, dims, keepdim), out, "logsumexp", exact=True)


def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """How many elements are not zero, in all or over the dimensions `dim`; nan is not."""
    x = need_tensor(input, "count_nonzero")
    return _count(x, dims_of(dim, x._a.ndim, "count_nonzero"), False)


def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False, out: Any = None) -> Range:
    """The smallest and the largest element, of all or along `dim`; equal ones share the gradient.

    Raises: RuntimeError or IndexError where there is no element.
    """
    x = need_tensor(input, "aminmax")
    not_empty(x, dim, "aminmax")
    dims = None if dim is None else (axis(dim, x._a.ndim, "aminmax"),)
    if not x._a.ndim:
        dims, keepdim = None, False
    if dims is None and not keepdim and plain(x):
        result = tuple.__new__(_range_kind, map(wrap, R.range_of(x._a)))
        return result if out is None else written(result, out, "aminmax")
    return written(_range_kind(_smallest(x, dims, keepdim), _largest(x, dims, keepdim)), out, "aminmax")


def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    **names: Any,
) -> tuple[Tensor, Tensor]:
    """The variance (see `var`) and the mean."""
    if names:
        dim, keepdim = numpy_names("var_mean", names, dim, keepdim)
    x, dims, c = spread_arguments("var_mean", input, dim, unbiased, correction)
    return _both(_var, _mean_of_var, x, dims, keepdim, c)


def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    **names: Any,
) -> tuple[Tensor, Tensor]:
    """The standard deviation (see `std`) and the mean."""
    if names:
        dim, keepdim = numpy_names("std_mean", names, dim, keepdim)
    x, dims, c = spread_arguments("std_mean", input, dim, unbiased, correction)
    return _both(_std, _mean_of_std, x, dims, keepdim, c)


# ---- covariances


def _observations(input: Any, op: str) -> Tensor:
    """The input as a matrix: variables by observations."""
    x = need_tensor(input, op)
    shape = x._a.shape
    if len(shape) > 2:
        raise RuntimeError(
            f"{op}: input is {sizes(shape)}; 2-d or less is needed: variables by observations."
        )
    if x._kind is B1:
        raise RuntimeError(f"{op}: input is bool; numbers are needed.")
    return x if len(shape) == 2 else reshape(x, 1, x._a.size)


def _weights(w: Any, what: str, kinds: str, n: int) -> Tensor:
    t = need_tensor(w, "cov", what)
    if t._a.ndim > 1 or t._a.size != n:
        raise RuntimeError(f"cov: {what} is {sizes(t._a.shape)}; one weight per observation ({n}) is needed.")
    if t._kind.kind not in kinds:
        needed = "integers are" if "i" in kinds else "a floating point tensor is"
        raise RuntimeError(f"cov: {what} is {t.dtype}; {needed} needed.")
    if not isinstance(t._a, Storage) and not (t._a >= 0).all():
        raise RuntimeError(f"cov: {what} is negative or nan at some place; weights must be 0 or more.")
    return t


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariances of the rows (variables) of a matrix, over its columns (observations).

    fweights: how often each observation comes; aweights: its importance. correction: see `var`.
    Raises: RuntimeError for more than two dimensions, bool, and weights that do not fit.
    """
    x = _observations(input, "cov")
    n = x._a.shape[1]
    f = None if fweights is None else _weights(fweights, "fweights", "iu", n)
    a = None if aweights is None else _weights(aweights, "aweights", "f", n)
    w = a if f is None else f if a is None else f * a
    total: Any = n if w is None else sum(w)
    if w is not None and not isinstance(total._a, Storage) and not total._a:
        raise RuntimeError("cov: the weights sum to zero; some must be more.")
    free = total - (correction if a is None or not correction else correction * sum(w * a) / total)
    if isinstance(free, Tensor):
        free = where(free > 0, free, 0)
    elif free <= 0:
        say_once(f"cov: {n} observations with correction {correction} leave no degrees of freedom.")
        free = 0
    if type(free) is int and (x._kind is F4 or x._kind is F8) and plain(x):
        try:
            return squeeze(wrap(_products(x._a, free)))
        except FloatingPointError:
            return squeeze(wrap(again(_products, x._a, free)))
    mean = sum(x if w is None else x * w, 1) / (wrap(I8.type(n)) if w is None else total)
    d = x - unsqueeze(mean, 1)
    return squeeze(mm(d, t(conj(d if w is None else d * w))) / free)


def _products(x: Any, free: int) -> Any:
    """The covariances of the rows of floats, without weights."""
    mean = R.sum(x, (1,)) / x.dtype.type(x.shape[1])
    d = x - mean.reshape((-1, 1))
    return L.mm(d, d.T) / constant(free, x.dtype)


def corrcoef(input: Tensor) -> Tensor:
    """The correlations of the rows of a matrix: `cov`, scaled to 1 on the diagonal."""
    c = cov(_observations(input, "corrcoef"))
    if not c._a.ndim:
        return c / c
    own = sqrt(diagonal(c))
    r = c / unsqueeze(own, 1) / unsqueeze(own, 0)
    if r._kind.kind == "c":
        return complex(clamp(real(r), -1, 1), clamp(imag(r), -1, 1))
    return clamp(r, -1, 1)


offer(
    globals(),
    functions="std_mean var_mean",
    both="aminmax corrcoef count_nonzero cov logsumexp nanmean nansum",
)
nameless(globals())
