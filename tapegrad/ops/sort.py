"""Sorting, and what sorting finds: the largest k, the k-th, medians, modes, quantiles.

Of equal elements the first comes first, everywhere: torch leaves their order open where nothing is said, and
its own order then depends on how many there are.
"""

from __future__ import annotations

from typing import Any

import tapegrad.define.batching as B
import tapegrad.kernels.shape as S
import tapegrad.kernels.sort as A
from tapegrad._errors import sizes
from tapegrad.define import OUT, Function, base, finish, linear, offer, opaque, reduction
from tapegrad.dtypes import B1
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage
from tapegrad.ops.elementary import round
from tapegrad.ops.picking import found, pick, picking
from tapegrad.ops.pointwise import ceil, floor, where
from tapegrad.ops.reduce import is_float, spread, sum
from tapegrad.ops.results import Extremes, kind, written
from tapegrad.ops.shape import numpy_names, permute, reshape, transpose, unsqueeze
from tapegrad.promotion import need_tensor, number
from tapegrad.tensor import Tensor, axis, wrap


def _where(name: str, kernel: Any) -> Function:
    """An op that says where along a dimension something is."""
    return opaque(f"{name}.at", kernel, d=(None,), batch=B.along)


_argsort = _where("argsort", A.argsort)
_topk = _where("topk", A.topk)
_kth = _where("kthvalue", A.kth_at)
_median_at = _where("median", A.median_at)
_mode_at = _where("mode", A.mode_at)
_sorted = opaque("sorted", A.sorted, d=(None,), batch=B.along)

_pick_sort, _pick_stable = picking("sort", "SortBackward0"), picking("sort.stable", "SortBackward1")
_pick_topk, _pick_kth = picking("topk", "TopkBackward0"), picking("kthvalue", "KthvalueBackward0")
_pick_mode = picking("mode", "ModeBackward0")
_pick_median = {
    "median": picking("median.dim", "MedianBackward1"),
    "nanmedian": picking("nanmedian.dim", "NanmedianBackward1"),
}
_pick_quantile = picking("quantile.pick", "GatherBackward0", again=True)


def _of_all(name: str) -> Function:
    return reduction(
        name, A.middle, d=lambda F, g, x, y, shape, dim, _: spread(F, g, x, y, shape, dim), saves=(0, OUT)
    )


_middle = {name: _of_all(name) for name in ("median", "nanmedian")}
_MEDIANS = {name: kind(name, Extremes) for name in ("median", "nanmedian")}
_SORTED, _TOP, _KTH, _MODE = (kind(name, Extremes) for name in ("sort", "topk", "kthvalue", "mode"))


def _ordered(input: Any, op: str) -> Tensor:
    x: Tensor = input if is_float(input) else need_tensor(input, op)
    if x._kind.kind == "c":
        raise RuntimeError(f"{op}: input is {x.dtype}; complex numbers have no order. Use .abs() or .real.")
    return x


def sort(
    input: Tensor,
    dim: int = -1,
    descending: bool = False,
    *,
    stable: bool | None = None,
    out: Any = None,
    **names: Any,
) -> Extremes:
    """The elements in order along a dimension, and where they were. Equal ones keep their order; nan counts
    as largest."""
    x = _ordered(input, "sort")
    if names:
        dim, _ = numpy_names("sort", names, dim)
    i = axis(dim, x._a.ndim, "sort")
    values = _pick_sort if stable is None else _pick_stable
    result = found(_SORTED, _argsort, values, x, i, True, descending)
    return result if out is None else written(result, out, "sort")


def argsort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None, **names: Any
) -> Tensor:
    """The indices that put the elements in order along a dimension; equal ones keep theirs."""
    x = _ordered(input, "argsort")
    if names:
        dim, _ = numpy_names("argsort", names, dim)
    return _argsort(x, axis(dim, x._a.ndim, "argsort"), descending)


def msort(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements in order along the first dimension."""
    x = _ordered(input, "msort")
    values = _pick_sort(x, _argsort(x, 0, False)._a, 0, True)
    return finish(values, out, "msort", exact=True)


def topk(
    input: Tensor,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
    *,
    out: Any = None,
    **names: Any,
) -> Extremes:
    """The k largest (or smallest) elements along a dimension, in order, and where they were.

    Raises: RuntimeError unless 0 <= k <= the dimension's size, or for bool.
    """
    x = _ordered(input, "topk")
    if names:
        dim, _ = numpy_names("topk", names, dim)
    i = axis(dim, x._a.ndim, "topk")
    count = _count(k, x, i, "topk", 0)
    if x._kind is B1:
        raise RuntimeError("topk: input is bool; numbers are needed. Convert it first, e.g. with .int().")
    result = found(_TOP, _topk, _pick_topk, x, i, True, count, largest)
    return result if out is None else written(result, out, "topk")


def _count(k: Any, x: Tensor, dim: int, op: str, least: int) -> int:
    if type(k) is not int and (isinstance(k, float) or not hasattr(k, "__index__")):
        raise TypeError(f"{op}: k is {k!r}; an integer is needed.")
    n = x._a.shape[dim] if x._a.ndim else 1
    found = int(k.__index__())
    if not least <= found <= n:
        raise RuntimeError(
            f"{op}: k is {found} and dimension {dim} of input, which is {sizes(x._a.shape)}, has {n} "
            f"elements; k must be from {least} to {n}."
        )
    return found or (0 if x._a.ndim else 1)


def _along(x: Tensor, dim: Any, op: str) -> int:
    """The dimension, which must have elements if there are results."""
    shape = x._a.shape
    i = axis(dim, len(shape), op)
    if shape and not shape[i]:
        raise IndexError(f"{op}: input is {sizes(shape)} and dim is {dim}; that dimension has no element.")
    return i


def _no_bool(x: Tensor, op: str) -> None:
    if x._kind is B1:
        raise NotImplementedError(f"{op}: input is bool; numbers are needed. Convert it with .int().")


def kthvalue(
    input: Tensor, k: int, dim: int = -1, keepdim: bool = False, *, out: Any = None, **names: Any
) -> Extremes:
    """The k-th smallest element along a dimension, counted from 1, and where it was.

    Raises: RuntimeError unless 1 <= k <= the dimension's size, IndexError for a dimension without elements.
    """
    x = _ordered(input, "kthvalue")
    if names:
        dim, keepdim = numpy_names("kthvalue", names, dim, keepdim)
    i = _along(x, dim, "kthvalue")
    place = _count(k, x, i, "kthvalue", 1) - 1
    _no_bool(x, "kthvalue")
    result = found(_KTH, _kth, _pick_kth, x, i, keepdim, place)
    return result if out is None else written(result, out, "kthvalue")


def mode(input: Tensor, dim: int = -1, keepdim: bool = False, *, out: Any = None, **names: Any) -> Extremes:
    """The most frequent element along a dimension, the smallest of several, and the last place that has it.

    Raises: IndexError for a dimension without elements.
    """
    x = _ordered(input, "mode")
    if names:
        dim, keepdim = numpy_names("mode", names, dim, keepdim)
    i = _along(x, dim, "mode")
    result = found(_MODE, _mode_at, _pick_mode, x, i, keepdim)
    return result if out is None else written(result, out, "mode")


def _median(op: str, input: Any, dim: Any, keepdim: bool, out: Any, names: dict[str, Any]) -> Any:
    x = _ordered(input, op)
    if names:
        dim, keepdim = numpy_names(op, names, dim, keepdim)
    _no_bool(x, op)
    skip = op == "nanmedian"
    if dim is None:
        return _middle[op](x, None, False, skip)
    i = _along(x, dim, op)
    result = found(_MEDIANS[op], _median_at, _pick_median[op], x, i, keepdim, skip)
    return result if out is None else written(result, out, op)


def median(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None, **names: Any) -> Any:
    """The lower of the two middle elements; with `dim` those along it and where they were. nan if there is
    one.

    Raises: IndexError for a dimension without elements.
    """
    return _median("median", input, dim, keepdim, out, names)


def nanmedian(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None, **names: Any) -> Any:
    """median of the elements that are not nan."""
    return _median("nanmedian", input, dim, keepdim, out, names)


# ---- quantiles

_as_result = linear(
    "quantile",
    S.reshape,
    lambda F, g, shape, _: F.reshape(g, shape),
    title="SqueezeBackward4",
    batch=B.to_shape,
)
_ROUNDED: dict[str, Any] = {"lower": floor, "higher": ceil, "nearest": round}
_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _fractions(q: Any, x: Tensor, op: str) -> Tensor:
    """q as a tensor of x's dtype. Raises: RuntimeError for another dtype, a number that is not in [0, 1]."""
    if isinstance(q, (int, float)):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{op}: q is {q}; it must be from 0 to 1.")
        return wrap(number(q, x._kind))
    if not isinstance(q, Tensor):
        raise TypeError(f"{op}: q is {type(q).__name__}; a number or a Tensor is needed.")
    if q._a.ndim > 1:
        raise RuntimeError(f"{op}: q is {sizes(q._a.shape)}; a number or a 1-d tensor is needed.")
    if q._kind is not x._kind:
        raise RuntimeError(f"{op}: input is {x.dtype} and q is {q.dtype}; they must be equal.")
    return q


def _check_fractions(q: Tensor, op: str) -> None:
    if not isinstance(q._a, Storage) and not bool(((q._a >= 0) & (q._a <= 1)).all()):
        raise RuntimeError(f"{op}: q is {q._a.tolist()}; its values must be from 0 to 1.")


def _ranks(x: Tensor, q: Tensor, skip: bool) -> Tensor:
    """Where in the sorted rows (the last dimension) the quantiles are; at the end of a row that has a nan."""
    n = x._a.shape[-1]
    odd = x != x
    some = sum(~odd, -1, True)
    ranks: Tensor = q * where(some > 0, some - 1, 0) if skip else where(some < n, n - 1.0, q * (n - 1.0))
    return ranks


def _between(x: Tensor, ranks: Tensor, interpolation: str) -> Tensor:
    """The elements at these places of the sorted rows, interpolated where places are fractions."""
    last = x._a.ndim - 1
    order = _argsort(x, last, False) if isinstance(x._a, Storage) or base.recording(x) else None
    source = x if order is not None else _sorted(x, last)

    def at(places: Tensor) -> Tensor:
        i = places.long()
        found: Tensor = _pick_quantile(
            source, (i if order is None else pick(order, i._a, last, True))._a, last, True
        )
        return found

    whole = ranks.detach()
    if interpolation in _ROUNDED:
        return at(_ROUNDED[interpolation](whole))
    start = floor(whole)
    low, high = at(start), at(ceil(whole))
    if interpolation == "midpoint":
        return high - (high - low) * 0.5
    w = ranks - start
    result: Tensor = where(w < 0.5, low + w * (high - low), high - (high - low) * (1 - w))
    return result


def _quantile(
    op: str, input: Any, q: Any, dim: Any, keepdim: bool, interpolation: str, out: Any, names: dict[str, Any]
) -> Tensor:
    x = _ordered(input, op)
    if names:
        dim, keepdim = numpy_names(op, names, dim, keepdim)
    if x._kind.char not in "fd":
        raise RuntimeError(f"{op}: input is {x.dtype}; float32 or float64 is needed.")
    if not x._a.size:
        raise RuntimeError(f"{op}: input is {sizes(x._a.shape)}; one element or more is needed.")
    fractions = _fractions(q, x, op)
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(f"{op}: interpolation is {interpolation!r}; one of {_INTERPOLATIONS} is needed.")
    i = None if dim is None else axis(dim, x._a.ndim, op)
    _check_fractions(fractions, op)
    rows, shape = _rows(x, i, keepdim)
    y = _between(rows, _ranks(rows, fractions, op == "nanquantile"), interpolation)
    if fractions._a.ndim:
        n = y._a.ndim - 1
        y, shape = permute(y, n, *range(n)), (y._a.shape[n], *shape)
    return finish(_as_result(y, shape), out, op, exact=True)


def _rows(x: Tensor, dim: int | None, keepdim: bool) -> tuple[Tensor, tuple[int, ...]]:
    """The input with the dimension that is reduced as the last one, and the shape of what remains."""
    shape = x._a.shape
    if dim is None or not shape:
        return reshape(x, -1), (1,) * len(shape) if keepdim else ()
    left = (*shape[:dim], *(1,) * keepdim, *shape[dim + 1 :])
    return x if dim == len(shape) - 1 else transpose(unsqueeze(x, -1), dim, -1), left


def quantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
    **names: Any,
) -> Tensor:
    """The q-quantiles, q from 0 to 1, of all elements or along a dimension; nan where there is one.

    q: a number, or a 1-d tensor of the input's dtype, which adds a dimension in front. interpolation: between
    two elements: linear, lower, higher, midpoint, nearest.
    Raises: RuntimeError for q or dtypes that are not these, or without elements.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, out, names)


def nanquantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
    **names: Any,
) -> Tensor:
    """quantile of the elements that are not nan."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, out, names)


offer(
    globals(),
    both="argsort kthvalue median mode msort nanmedian nanquantile quantile sort topk",
)
nameless(globals())
