"""Reductions: sums, means, extremes, norms."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.kernels as K
import tapegrad.kernels.reduce as R
from tapegrad._errors import say_once, sizes
from tapegrad._state import grad_enabled
from tapegrad.define import OUT, Function, cast, finish, offer, reduction
from tapegrad.domains import RECORDED
from tapegrad.dtypes import B1, F4, F8, I8, INEXACT, as_numpy, of, uint8
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage
from tapegrad.ops.parts import unbind
from tapegrad.ops.picking import found, picking
from tapegrad.ops.pointwise import maximum, minimum
from tapegrad.ops.results import Extremes, kind, written
from tapegrad.ops.shape import Dims, dims_of, numpy_names, reshape, stack
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


def spread(F: Any, g: Any, x: Any, y: Any, _shape: Any, dim: R.Dims) -> Any:
    """An extreme's gradient, shared equally among the elements that reach it."""
    hit = R.reaching(x, y) if F is K else (x == y) | ((x != x) & (y != y))
    count = F.sum(F.where(hit, 1, F.zeros_like(x)), dim, True)
    return F.where(hit, g / count, 0)


def scaled(F: Any, g: Any, x: Any, y: Any, _shape: Any, dim: R.Dims) -> Any:
    """The same for amax and amin: nan wherever an element of the slice is."""
    hit = F.where(F.eq(x, y), 1, F.zeros_like(x))
    return F.mul(g / F.sum(hit, dim, True), hit)


def mean_rule(F: Any, g: Any, shape: Any, dim: R.Dims) -> Any:
    return F.expand(g / (R.count(shape, dim) or 1), shape)


def var_rule(F: Any, g: Any, x: Any, shape: Any, dim: R.Dims, correction: float) -> Any:
    n, d = R.count(shape, dim) - correction, F.sub(x, F.mean(x, dim, True))
    if n <= 0 and dim is None:  # what torch gives for too few elements: the sign is that of g
        return g * F.where(d == 0, np.nan, F.zeros_like(d) + np.inf)
    return F.mul(g * (2 / n if n else np.inf), F.conj(d))


def std_rule(F: Any, g: Any, x: Any, y: Any, shape: Any, dim: R.Dims, correction: float) -> Any:
    return var_rule(F, F.where(y == 0, 0, g / (y * 2)), x, shape, dim, correction)


def norm_rule(F: Any, g: Any, x: Any, y: Any, _shape: Any, dim: R.Dims, p: float) -> Any:
    if p == 2:  # what has no length has no elements but 0: over anything they give 0
        return F.mul(g, F.div(F.conj(x), F.where(y == 0, np.inf, y)))
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
_mean, _mean_dim = _both("mean", R.mean, mean_rule)
# torch reads the product itself, too, and notices when it was written.
_prod, _prod_dim = _both(
    "prod", R.prod, lambda F, g, x, _y, shape, dim: F.mul(g, _others(F, x, dim)), (0, OUT)
)
_var = reduction("var", R.var, d=var_rule, saves=(0,))
_std = reduction("std", R.std, d=std_rule, saves=(0, OUT))
norm_over = reduction("norm", R.norm, d=norm_rule, saves=(0, OUT), title="LinalgVectorNormBackward0")
_amax = reduction("amax", R.amax, d=scaled, saves=(0, OUT))
_amin = reduction("amin", R.amin, d=scaled, saves=(0, OUT))
_max = reduction("max", R.amax, d=spread, saves=(0, OUT), title="MaxBackward1")
_min = reduction("min", R.amin, d=spread, saves=(0, OUT), title="MinBackward1")
_pick_max, _pick_min = picking("max.dim", "MaxBackward0"), picking("min.dim", "MinBackward0")


def _arg_of_batch(batch: Any, op: Any, xs: Any, args: Any) -> Any:
    (x,), (dim, keepdim) = xs, args
    if dim is not None and x.ndim:
        return batch.run(op, x.raw, args=(dim + 1, keepdim))
    y = batch.run(op, batch.reshape(x.raw, (batch.size, x.size)), args=(1, False))
    return batch.reshape(y, (batch.size, *(1,) * x.ndim)) if keepdim else y


_argmax = reduction("argmax", R.argmax, d=None, batch=_arg_of_batch)
_argmin = reduction("argmin", R.argmin, d=None, batch=_arg_of_batch)
_all, _any = reduction("all", R.all, d=None), reduction("any", R.any, d=None)


def unreduce(g: Tensor, shape: tuple[int, ...], dim: R.Dims, keepdim: bool) -> Tensor:
    """g of a reduction with its reduced dimensions back as 1."""
    if keepdim or g._a.ndim == len(shape) or (dim is None and len(shape) < 2):
        return g
    return reshape(g, R.kept(shape, dim))


def is_float(x: Any) -> bool:
    """Whether x is a tensor of float32 or float64: what most are."""
    return isinstance(x, Tensor) and (x._kind is F4 or x._kind is F8)


def sum_rows(g: Tensor) -> Tensor:
    """The sum over all dimensions but the last."""
    n = g._a.ndim
    return g if n == 1 else _sum_dim(g, tuple(range(n - 1)))


def in_dtype(input: Any, dtype: Any, op: str) -> Tensor:
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
    if dim is None and not keepdim and dtype is None and out is None and is_float(input):
        return _sum(input)
    x = input
    if dtype is not None or not is_float(x):
        x = in_dtype(input, dtype, "sum")
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
    if dim is None and not keepdim and dtype is None and out is None and is_float(input):
        return _mean(input)
    x = need_tensor(input, "mean") if dtype is None else in_dtype(input, dtype, "mean")
    if x._kind.kind not in INEXACT:
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
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"prod: dim is {dim}; one integer is needed.")
    x = in_dtype(input, dtype, "prod")
    result = (
        _prod(x, None, keepdim) if dim is None else _prod_dim(x, dims_of(dim, x._a.ndim, "prod"), keepdim)
    )
    return finish(result, out, "prod")


def spread_arguments(
    op: str, input: Any, dim: Any, unbiased: Any, correction: Any
) -> tuple[Tensor, R.Dims, float]:
    x = input if is_float(input) else need_tensor(input, op)
    if x._kind.kind not in INEXACT:
        raise RuntimeError(
            f"{op}: input is {x.dtype}; a floating point tensor is needed. Use .float() first."
        )
    if isinstance(dim, bool):  # std(False) means std(unbiased=False)
        dim, unbiased = None, dim
    a = x._a
    dims = None if dim is None else dims_of(dim, a.ndim, op)
    c = (1 if unbiased else 0) if correction is None else correction
    n = a.size if dims is None else R.count(a.shape, dims)
    if n - c <= 0:
        say_once(
            f"{op}: {n} elements with correction {c} leave no degrees of freedom; the result is nan or inf. "
            "Pass correction=0 for a single element."
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
    x, dims, c = spread_arguments("var", input, dim, unbiased, correction)
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
    x, dims, c = spread_arguments("std", input, dim, unbiased, correction)
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
    x = need_tensor(input, "norm") if dtype is None else in_dtype(input, dtype, "norm")
    if x._kind.kind not in INEXACT:
        raise RuntimeError(
            f"norm: input is {x.dtype}; a floating point tensor is needed. Use .float() first."
        )
    if dtype is not None and x._kind.kind != "c" == input._kind.kind:
        raise RuntimeError(f"norm: input is {input.dtype} and dtype is {x.dtype}; a complex one is needed.")
    if p == "nuc":
        found: Tensor = RECORDED.F.nuclear_norm(x, dim, keepdim, out=out)
        return found
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: p is {p!r}; a number, 'fro' or 'nuc' is needed.")
    order = 2.0 if p is None or isinstance(p, str) else float(p)
    dims = dims_of(dim, x._a.ndim, "norm")
    need_elements("norm", x, dims, order)
    return finish(norm_over(x, dims, keepdim, order), out, "norm", exact=True)


# ---- extremes


def not_empty(x: Tensor, dim: Any, op: str) -> None:
    """Raises: RuntimeError or IndexError for an extreme of nothing, or of complex numbers."""
    if x._kind.kind == "c":
        given = op[:3] == "arg" or (dim is not None and op in ("max", "min"))
        real_only(op, (x,), RuntimeError if given else NotImplementedError)
    if x._a.size:
        return
    shape = x._a.shape
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        raise RuntimeError(
            f"{op}: input is {sizes(shape)}; one element or more is needed. Pass dim= to go along a "
            "dimension."
        )
    if any_zero(shape, dims_of(dim, len(shape), op)):
        raise IndexError(f"{op}: input is {sizes(shape)} and dim is {dim}; that dimension has no element.")


def any_zero(shape: tuple[int, ...], dims: R.Dims) -> bool:
    """Whether one of the dimensions has size 0."""
    return 0 in (shape if dims is None else [shape[i] for i in dims])


def need_elements(op: str, x: Tensor, dims: R.Dims, p: float) -> None:
    """Raises: RuntimeError where no elements are reduced by a norm that is not defined for none."""
    if (p < 0 or p == np.inf) and any_zero(x._a.shape, dims):
        raise RuntimeError(f"{op}: input is {sizes(x._a.shape)}; the {p}-norm of no elements is not defined.")


def _extreme(op: str, input: Any, dim: Any, keepdim: bool, out: Any, names: dict[str, Any]) -> Any:
    whole, arg, pick, kind, larger = _EXTREMES[op]
    if dim is None and not keepdim and out is None and not names and is_float(input) and input._a.size:
        return whole(input)
    if dim is None and not keepdim:
        dim = names.pop("other", None)
    if names:
        dim, keepdim = numpy_names(op, names, dim, keepdim)
    x = need_tensor(input, op)
    if isinstance(dim, Tensor):
        return larger(x, dim, out=out)
    not_empty(x, dim, op)
    if dim is None:
        return finish(whole(x), out, op)
    result = found(kind, arg, pick, x, axis(dim, x._a.ndim, op), keepdim, True)
    return result if out is None else written(result, out, op)


_EXTREMES = {
    "max": (_max, _argmax, _pick_max, kind("max", Extremes), maximum),
    "min": (_min, _argmin, _pick_min, kind("min", Extremes), minimum),
}


def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None, **names: Any) -> Any:
    """The largest element; with `dim` the largest along it and its index, as (values, indices); with another
    tensor (`other`) as second argument, `maximum` of the two. nan counts as largest.

    Raises: RuntimeError or IndexError where there is no element.
    """
    return _extreme("max", input, dim, keepdim, out, names)


def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None, **names: Any) -> Any:
    """The smallest element; with `dim` the smallest along it and its index, as (values, indices); with
    another tensor (`other`) as second argument, `minimum` of the two. nan counts as smallest.

    Raises: RuntimeError or IndexError where there is no element.
    """
    return _extreme("min", input, dim, keepdim, out, names)


def _shared(op: str, input: Any, dim: Any, keepdim: bool, out: Any, names: dict[str, Any]) -> Tensor:
    if names:
        dim, keepdim = numpy_names(op, names, dim, keepdim)
    x = need_tensor(input, op)
    not_empty(x, dim, op)
    extreme = _amax if op == "amax" else _amin
    return finish(extreme(x, dims_of(dim, x._a.ndim, op), keepdim), out, op, exact=True)


def amax(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None, **names: Any
) -> Tensor:
    """The largest element over the dimensions `dim`; equal ones share the gradient."""
    return _shared("amax", input, dim, keepdim, out, names)


def amin(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None, **names: Any
) -> Tensor:
    """The smallest element over the dimensions `dim`; equal ones share the gradient."""
    return _shared("amin", input, dim, keepdim, out, names)


def _arg(op: str, input: Any, dim: Any, keepdim: bool, out: Any, names: dict[str, Any]) -> Tensor:
    if names:
        dim, keepdim = numpy_names(op, names, dim, keepdim)
    x = need_tensor(input, op)
    if x._kind is B1:
        raise RuntimeError(f"{op}: input is bool; numbers are needed. Convert it first, e.g. with .int().")
    if dim is None and not x._a.size:
        raise IndexError(f"{op}: input is {sizes(x._a.shape)}; one element or more is needed.")
    not_empty(x, dim, op)
    arg = _argmax if op == "argmax" else _argmin
    return finish(arg(x, None if dim is None else axis(dim, x._a.ndim, op), keepdim), out, op, exact=True)


def argmax(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Tensor | None = None, **names: Any
) -> Tensor:
    """The index of the largest element, of the flattened input or along `dim`; the first of equals."""
    return _arg("argmax", input, dim, keepdim, out, names)


def argmin(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, out: Tensor | None = None, **names: Any
) -> Tensor:
    """The index of the smallest element, of the flattened input or along `dim`; the first of equals."""
    return _arg("argmin", input, dim, keepdim, out, names)


def _truth(op: str, input: Any, dim: Any, keepdim: bool, out: Any, names: dict[str, Any]) -> Tensor:
    if names:
        dim, keepdim = numpy_names(op, names, dim, keepdim)
    x = need_tensor(input, op)
    if isinstance(dim, (tuple, list)) and not dim:  # over no dimension, other than in a sum
        y = cast(x.detach(), B1)
    else:
        y = (_all if op == "all" else _any)(x, dims_of(dim, x._a.ndim, op), keepdim)
    # torch's old masks stay uint8
    return finish(cast(y, uint8.numpy) if x.dtype is uint8 else y, out, op, exact=True)


def all(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None, **names: Any
) -> Tensor:
    """Whether all elements, or all along `dim`, are not zero."""
    return _truth("all", input, dim, keepdim, out, names)


def any(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, out: Tensor | None = None, **names: Any
) -> Tensor:
    """Whether some element, or some along `dim`, is not zero."""
    return _truth("any", input, dim, keepdim, out, names)


offer(
    globals(),
    both="all amax amin any argmax argmin max mean min norm prod std sum var",
    rules="sum_rows unreduce",
)
nameless(globals())
