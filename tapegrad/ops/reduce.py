"""Reductions: sums, means, extremes, norms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels as K
import tapegrad.kernels.reduce as R
from tapegrad._errors import say_once, sizes
from tapegrad._state import grad_enabled
from tapegrad.define import OUT, Function, cast, finish, indexing, offer, reduction
from tapegrad.domains import RECORDED
from tapegrad.dtypes import B1, F4, F8, I8, as_numpy, of, uint8
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage
from tapegrad.ops.parts import unbind
from tapegrad.ops.pointwise import maximum, minimum
from tapegrad.ops.shape import Dims, dims_of, numpy_names, reshape, squeeze, stack
from tapegrad.promotion import need_tensor, real_only
from tapegrad.tensor import Tensor, axis, wrap


def _both(name: str, kernel: Any, d: Any, saves: tuple[int, ...] = ()) -> tuple[Function, Function]:
    """A reduction of everything and one over `dim`: torch names their nodes ...Backward0 and ...Backward1."""
    title = f"{name.capitalize()}Backward1"
    return reduction(name, kernel, d=d, saves=saves), reduction(
        f"{name}.dim", kernel, d=d, saves=saves, title=title
    )


def _others(F: Any, x: Any, dim: R.Dims) -> Any:
    """For each element the product of the others along dim; for Tensors built of recorded operations."""
    if F is K:
        return R.others(x, dim)
    if not F.records:
        return _others(RECORDED.F, wrap(x), dim)._a
    if not isinstance(x._a, Storage) and not bool((x == 0).any()):
        return prod(x, None if dim is None else dim[0], True) / x
    flat = reshape(x, -1) if dim is None else x
    at = 0 if dim is None else dim[0]
    if not flat._a.shape[at]:
        return x
    xs = unbind(flat, at)
    one = RECORDED.F.ones_like(xs[0])
    before, after = [one], [one]
    for a, b in zip(xs[:-1], xs[:0:-1], strict=True):
        before.append(before[-1] * a)
        after.append(after[-1] * b)
    return reshape(stack([a * b for a, b in zip(before, after[::-1], strict=True)], at), x.shape)


def _spread(F: Any, g: Any, x: Any, y: Any, _shape: Any, dim: R.Dims) -> Any:
    """An extreme's gradient, shared equally among the elements that reach it."""
    hit = (x == y) | ((x != x) & (y != y))
    count = F.sum(F.where(hit, 1, F.zeros_like(x)), dim, True)
    return F.where(hit, g / count, 0)


def _scaled(F: Any, g: Any, x: Any, y: Any, _shape: Any, dim: R.Dims) -> Any:
    """The same for amax and amin: nan wherever an element of the slice is."""
    hit = F.where(x == y, 1, F.zeros_like(x))
    return g / F.sum(hit, dim, True) * hit


def _var_rule(F: Any, g: Any, x: Any, shape: Any, dim: R.Dims, correction: float) -> Any:
    n = R.count(shape, dim) - correction
    return g * (2 / n if n > 0 else np.inf) * F.conj(x - F.mean(x, dim, True))


def _std_rule(F: Any, g: Any, x: Any, y: Any, shape: Any, dim: R.Dims, correction: float) -> Any:
    return _var_rule(F, F.where(y == 0, 0, g / (y * 2)), x, shape, dim, correction)


def _norm_rule(F: Any, g: Any, x: Any, y: Any, _shape: Any, dim: R.Dims, p: float) -> Any:
    if p == 2:
        return g * F.where(y == 0, 0, F.conj(x) / y)
    if p == 0:
        return None  # it counts
    if p == 1:
        return g * F.slope_of_abs(x)
    if p in (np.inf, -np.inf):
        hit = (F.abs(x) == y) | (x != x)
        count = F.sum(F.where(hit, 1, F.zeros_like(x)), dim, True)
        return F.slope_of_abs(x) * F.where(hit, g / count, 0)
    steep = F.where(x == 0, 0, F.slope_of_abs(x) * F.power(F.abs(x), p - 1))
    return steep * F.where(y == 0, 0, g * F.power(y, 1 - p))


_sum, _sum_dim = _both("sum", R.sum, lambda F, g, shape, dim: F.expand(g, shape))
_mean, _mean_dim = _both(
    "mean", R.mean, lambda F, g, shape, dim: F.expand(g / (R.count(shape, dim) or 1), shape)
)
# torch reads the product itself, too, and notices when it was written.
_prod, _prod_dim = _both("prod", R.prod, lambda F, g, x, _y, shape, dim: g * _others(F, x, dim), (0, OUT))
_var = reduction("var", R.var, d=_var_rule, saves=(0,))
_std = reduction("std", R.std, d=_std_rule, saves=(0, OUT))
_norm = reduction(
    "norm",
    R.norm,
    d=_norm_rule,
    saves=(0, OUT),
    title="LinalgVectorNormBackward0",
)
_amax = reduction("amax", R.amax, d=_scaled, saves=(0, OUT))
_amin = reduction("amin", R.amin, d=_scaled, saves=(0, OUT))
_max = reduction("max", R.amax, d=_spread, saves=(0, OUT), title="MaxBackward1")
_min = reduction("min", R.amin, d=_spread, saves=(0, OUT), title="MinBackward1")
_pick_max, _place_max = indexing(
    ("max.dim", "max.place"),
    R.pick,
    R.place,
    titles=("MaxBackward0", "GatherBackward0"),
    batch=(B.picked, B.picked),
)
pick, place = indexing(
    ("pick", "place"),
    R.pick,
    R.place,
    titles=("GatherBackward0", "ScatterBackward0"),
    batch=(B.picked, B.picked),
)
_pick_min, _place_min = indexing(
    ("min.dim", "min.place"),
    R.pick,
    R.place,
    titles=("MinBackward0", "GatherBackward0"),
    batch=(B.picked, B.picked),
)


def _arg_of_batch(batch: Any, op: Any, xs: Any, args: Any) -> Any:
    (x,), (dim, keepdim) = xs, args
    if dim is not None and x.ndim:
        return batch.run(op, x.raw, args=(dim + 1, keepdim))
    y = batch.run(op, batch.reshape(x.raw, (batch.size, x.size)), args=(1, False))
    return batch.reshape(y, (batch.size, *(1,) * x.ndim)) if keepdim else y


_argmax = reduction(
    "argmax",
    R.argmax,
    d=None,
    batch=_arg_of_batch,
)
_argmin = reduction(
    "argmin",
    R.argmin,
    d=None,
    batch=_arg_of_batch,
)
_all, _any = reduction("all", R.all, d=None), reduction("any", R.any, d=None)


def unreduce(g: Tensor, shape: tuple[int, ...], dim: R.Dims, keepdim: bool) -> Tensor:
    """g of a reduction with its reduced dimensions back as 1."""
    if keepdim or g._a.ndim == len(shape) or (dim is None and len(shape) < 2):
        return g
    return reshape(g, R.kept(shape, dim))


def _is_float(x: Any) -> bool:
    """Whether x is a tensor of float32 or float64: what most are."""
    return isinstance(x, Tensor) and (x._kind is F4 or x._kind is F8)


def sum_rows(g: Tensor) -> Tensor:
    """The sum over all dimensions but the last."""
    n = g._a.ndim
    return g if n == 1 else _sum_dim(g, tuple(range(n - 1)))


def _in_dtype(input: Any, dtype: Any, op: str) -> Tensor:
    """The input in the dtype that a sum is taken in: as asked, or int64 for integers and bool."""
    x = need_tensor(input, op)
    kind = as_numpy(dtype, op) if dtype is not None else I8 if x._kind.kind in "iub" else x._kind
    if kind.kind in "iub" and x.requires_grad and grad_enabled():
        raise RuntimeError(f"{op}: input requires grad and dtype is {of(kind)}; pass input.detach().")
    return x if x._kind is kind else cast(x, kind)


def sum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Tensor | None = None,
    **names: Any,
) -> Tensor:
    """The sum of all elements, or over the dimensions `dim`; integers and bool add up in int64."""
    if names:
        dim, keepdim = numpy_names("sum", names, dim, keepdim)
    if dim is None and not keepdim and dtype is None and out is None and _is_float(input):
        return _sum(input)
    x = input
    if dtype is not None or not _is_float(x):
        x = _in_dtype(input, dtype, "sum")
    result = _sum(x, None, keepdim) if dim is None else _sum_dim(x, dims_of(dim, x._a.ndim, "sum"), keepdim)
    return finish(result, out, "sum")


def mean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Tensor | None = None,
    **names: Any,
) -> Tensor:
    """The arithmetic mean of all elements, or over the dimensions `dim`; nan over nothing.

    Raises: RuntimeError for integers without dtype=.
    """
    if names:
        dim, keepdim = numpy_names("mean", names, dim, keepdim)
    if dim is None and not keepdim and dtype is None and out is None and _is_float(input):
        return _mean(input)
    x = need_tensor(input, "mean") if dtype is None else _in_dtype(input, dtype, "mean")
    if x._kind.kind not in "fc":
        raise RuntimeError(
            f"mean: input is {x.dtype}; a floating point tensor is needed. Use .float().mean(), or dtype=."
        )
    result = (
        _mean(x, None, keepdim) if dim is None else _mean_dim(x, dims_of(dim, x._a.ndim, "mean"), keepdim)
    )
    return finish(result, out, "mean")


def prod(
    input: Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Tensor | None = None,
    **names: Any,
) -> Tensor:
    """The product of all elements, or along the dimension `dim`."""
    if names:
        dim, keepdim = numpy_names("prod", names, dim, keepdim)
    x = _in_dtype(input, dtype, "prod")
    result = (
        _prod(x, None, keepdim) if dim is None else _prod_dim(x, dims_of(dim, x._a.ndim, "prod"), keepdim)
    )
    return finish(result, out, "prod")


def _spread_arguments(
    op: str, input: Any, dim: Any, unbiased: Any, correction: Any
) -> tuple[Tensor, R.Dims, float]:
    x = need_tensor(input, op)
    if x._kind.kind not in "fc":
        raise RuntimeError(
            f"{op}: input is {x.dtype}; a floating point tensor is needed. Use .float() first."
        )
    if isinstance(dim, bool):  # std(False) means std(unbiased=False)
        dim, unbiased = None, dim
    dims = dims_of(dim, x._a.ndim, op)
    c = (1 if unbiased else 0) if correction is None else correction
    if R.count(x._a.shape, dims) - c <= 0:
        say_once(
            f"{op}: {R.count(x._a.shape, dims)} elements with correction {c} leave no degrees of freedom; "
            "the result is nan or inf. Pass correction=0 for a single element."
        )
    return x, dims, c


def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Tensor | None = None,
    **names: Any,
) -> Tensor:
    """The variance of all elements, or over the dimensions `dim`: squared deviations over n - correction (1).

    Raises: RuntimeError for integers.
    """
    if names:
        dim, keepdim = numpy_names("var", names, dim, keepdim)
    x, dims, c = _spread_arguments("var", input, dim, unbiased, correction)
    return finish(_var(x, dims, keepdim, c), out, "var")


def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Tensor | None = None,
    **names: Any,
) -> Tensor:
    """The standard deviation: the square root of `var`.

    Raises: RuntimeError for integers.
    """
    if names:
        dim, keepdim = numpy_names("std", names, dim, keepdim)
    x, dims, c = _spread_arguments("std", input, dim, unbiased, correction)
    return finish(_std(x, dims, keepdim, c), out, "std")


def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: Any = None,
    **names: Any,
) -> Tensor:
    """The p-norm of all elements as one vector, or over the dimensions `dim`; "fro" is 2.

    Raises: RuntimeError for integers, another name, and where p is negative or inf and there is no element.
    """
    if names:
        dim, keepdim = numpy_names("norm", names, dim, keepdim)
    x = need_tensor(input, "norm") if dtype is None else _in_dtype(input, dtype, "norm")
    if x._kind.kind not in "fc":
        raise RuntimeError(
            f"norm: input is {x.dtype}; a floating point tensor is needed. Use .float() first."
        )
    if dtype is not None and x._kind.kind != "c" == input._kind.kind:
        raise RuntimeError(f"norm: input is {input.dtype} and dtype is {x.dtype}; a complex one is needed.")
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: p is {p!r}; a number or 'fro' is needed.")
    order = 2.0 if p is None or isinstance(p, str) else float(p)
    dims = dims_of(dim, x._a.ndim, "norm")
    if (order < 0 or order == np.inf) and any_zero(x._a.shape, dims):
        raise RuntimeError(f"norm: input is {sizes(x._a.shape)}; the {p}-norm of no elements is not defined.")
    return finish(_norm(x, dims, keepdim, order), out, "norm", exact=True)


# ---- extremes


class Extremes(NamedTuple):
    """The values along a dimension and where they were."""

    values: Tensor
    indices: Tensor

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"torch.return_types.{name}(\nvalues={self.values!r},\nindices={self.indices!r})"


class max_result(Extremes):
    """What `max(input, dim)` returns."""


class min_result(Extremes):
    """What `min(input, dim)` returns."""


max_result.__name__, min_result.__name__ = "max", "min"


def _not_empty(x: Tensor, dim: Any, op: str) -> None:
    if x._kind.kind == "c":
        given = op[:3] == "arg" or (dim is not None and op in ("max", "min"))
        real_only(op, (x,), RuntimeError if given else NotImplementedError)
    shape = x._a.shape
    if x._a.size == 0 and (dim is None or (isinstance(dim, (tuple, list)) and not dim)):
        raise RuntimeError(
            f"{op}: input is {sizes(shape)}; one element or more is needed. Pass dim= to go along a "
            "dimension."
        )
    if dim is not None and any_zero(shape, dims_of(dim, len(shape), op)):
        raise IndexError(f"{op}: input is {sizes(shape)} and dim is {dim}; that dimension has no element.")


def any_zero(shape: tuple[int, ...], dims: R.Dims) -> bool:
    """Whether one of the dimensions has size 0."""
    return R.count(shape, dims) == 0 and 0 in (
        shape[i] for i in (range(len(shape)) if dims is None else dims)
    )


def _extreme(
    input: Any, dim: Any, keepdim: bool, op: str, whole: Any, other_op: Any, arg: Any, pick: Any, kind: Any
) -> Any:
    x = need_tensor(input, op)
    if isinstance(dim, Tensor):
        return other_op(x, dim)
    _not_empty(x, dim, op)
    if dim is None:
        return whole(x)
    i = axis(dim, x._a.ndim, op)
    at = arg(x, i, True)
    values = pick(x, at._a, i, keepdim)
    return kind(values, at if keepdim or not x._a.ndim else squeeze(at, i))


def max(input: Tensor, dim: Any = None, keepdim: bool = False, **names: Any) -> Any:
    """The largest element; with `dim` the largest along it and its index, as (values, indices); with another
    tensor as second argument, `maximum` of the two. nan counts as largest.

    Raises: RuntimeError or IndexError where there is no element.
    """
    if names:
        dim, keepdim = numpy_names("max", names, dim, keepdim)
    return _extreme(input, dim, keepdim, "max", _max, maximum, _argmax, _pick_max, max_result)


def min(input: Tensor, dim: Any = None, keepdim: bool = False, **names: Any) -> Any:
    """The smallest element; with `dim` the smallest along it and its index, as (values, indices); with
    another tensor as second argument, `minimum` of the two. nan counts as smallest.

    Raises: RuntimeError or IndexError where there is no element.
    """
    if names:
        dim, keepdim = numpy_names("min", names, dim, keepdim)
    return _extreme(input, dim, keepdim, "min", _min, minimum, _argmin, _pick_min, min_result)


def amax(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None, **names: Any
) -> Tensor:
    """The largest element over the dimensions `dim`; equal ones share the gradient."""
    if names:
        dim, keepdim = numpy_names("amax", names, dim, keepdim)
    x = need_tensor(input, "amax")
    _not_empty(x, dim, "amax")
    return finish(_amax(x, dims_of(dim, x._a.ndim, "amax"), keepdim), out, "amax", exact=True)


def amin(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None, **names: Any
) -> Tensor:
    """The smallest element over the dimensions `dim`; equal ones share the gradient."""
    if names:
        dim, keepdim = numpy_names("amin", names, dim, keepdim)
    x = need_tensor(input, "amin")
    _not_empty(x, dim, "amin")
    return finish(_amin(x, dims_of(dim, x._a.ndim, "amin"), keepdim), out, "amin", exact=True)


def _arg(input: Any, dim: int | None, keepdim: bool, op: str, arg: Function) -> Tensor:
    x = need_tensor(input, op)
    if x._kind is B1:
        raise RuntimeError(f"{op}: input is bool; numbers are needed. Convert it first, e.g. with .int().")
    if dim is None and not x._a.size:
        raise IndexError(f"{op}: input is {sizes(x._a.shape)}; one element or more is needed.")
    _not_empty(x, dim, op)
    return arg(x, None if dim is None else axis(dim, x._a.ndim, op), keepdim)


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False, **names: Any) -> Tensor:
    """The index of the largest element, of the flattened input or along `dim`; the first of equals."""
    if names:
        dim, keepdim = numpy_names("argmax", names, dim, keepdim)
    return _arg(input, dim, keepdim, "argmax", _argmax)


def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False, **names: Any) -> Tensor:
    """The index of the smallest element, of the flattened input or along `dim`; the first of equals."""
    if names:
        dim, keepdim = numpy_names("argmin", names, dim, keepdim)
    return _arg(input, dim, keepdim, "argmin", _argmin)


def _truth(input: Any, dim: Dims, keepdim: bool, op: str, truth: Function) -> Tensor:
    x = need_tensor(input, op)
    y = truth(x, dims_of(dim, x._a.ndim, op), keepdim)
    return cast(y, uint8.numpy) if x.dtype is uint8 else y  # torch's old masks stay uint8


def all(input: Tensor, dim: Dims = None, keepdim: bool = False, **names: Any) -> Tensor:
    """Whether all elements, or all along `dim`, are not zero."""
    if names:
        dim, keepdim = numpy_names("all", names, dim, keepdim)
    return _truth(input, dim, keepdim, "all", _all)


def any(input: Tensor, dim: Dims = None, keepdim: bool = False, **names: Any) -> Tensor:
    """Whether some element, or some along `dim`, is not zero."""
    if names:
        dim, keepdim = numpy_names("any", names, dim, keepdim)
    return _truth(input, dim, keepdim, "any", _any)


offer(
    globals(),
    both="all amax amin any argmax argmin max mean min norm prod std sum var",
    rules="pick place sum_rows unreduce",
)
nameless(globals())
