"""Histograms and counts of integers. None has a derivative."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from math import isfinite, prod
from typing import Any

import numpy as np

import tapegrad.kernels.search as C
import tapegrad.kernels.statistics as S
from tapegrad._errors import sizes
from tapegrad.define import finish, offer
from tapegrad.define.narrow import widened
from tapegrad.dtypes import F4, F8, FLOATING, I8, NARROW
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.recorded import of_parameters
from tapegrad.ops.results import Histogram, kind, written
from tapegrad.ops.series import linspace
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap

_histogram_kind, _histogramdd_kind = kind("histogram", Histogram), kind("histogramdd", Histogram)


def histc(
    input: Tensor, bins: int = 100, min: float = 0, max: float = 0, *, out: Tensor | None = None
) -> Tensor:
    """How many elements lie in each of `bins` equal bins from min to max, or over the range of the data if
    these are equal. Elements outside do not count.

    Raises: RuntimeError for a range that is not finite or empty; NotImplementedError for integers.
    """
    x = need_tensor(input, "histc")
    if x._kind.kind not in FLOATING:
        raise NotImplementedError(f"histc: input is {x.dtype}; a floating point tensor is needed.")
    n = _count(bins, "histc")
    a = np.asarray(x._a).reshape(-1)
    low, high = _range("histc", a, float(min), float(max), min == max, 1.0)
    found = C.histogram(a, x._kind.type(low), x._kind.type(high), n, min == max)
    return finish(wrap(found), out, "histc", exact=True)


def _count(bins: Any, op: str) -> int:
    if not hasattr(bins, "__index__"):
        raise TypeError(f"{op}: bins is {bins!r}; an integer is needed.")
    n = int(bins)
    if n <= 0:
        raise RuntimeError(f"{op}: bins is {n}; 1 or more is needed.")
    return n


def _range(op: str, a: Any, low: float, high: float, by_data: bool, widen: float) -> tuple[float, float]:
    """The ends of the bins: as given, or the data's; pushed apart by `widen` where they are equal."""
    if by_data and a.size:
        low, high = float(a.item(a.argmin())), float(a.item(a.argmax()))  # of nan it is the place of that
    if not (isfinite(low) and isfinite(high)):
        raise RuntimeError(f"{op}: the range is [{low}, {high}]; it must be finite. Pass one.")
    if low > high:
        raise RuntimeError(f"{op}: the range is [{low}, {high}]; its end must not be before its start.")
    return (low - widen, high + widen) if low == high else (low, high)


def _edges(op: str, a: Any, bins: Any, ends: Sequence[float] | None, like: Tensor) -> Tensor:
    """The ends of the bins of one dimension, with the data in a."""
    if isinstance(bins, Tensor):
        if bins._a.ndim != 1:
            raise RuntimeError(f"{op}: bins is {sizes(bins._a.shape)}; a 1-d tensor of edges is needed.")
        if bins._kind is not like._kind:
            raise RuntimeError(f"{op}: input is {like.dtype} and bins {bins.dtype}; they must be equal.")
        if bins._a.shape[0] < 2:
            raise RuntimeError(f"{op}: bins has {bins._a.shape[0]} edges; two or more are needed.")
        return bins
    if ends is None and a.size and like._kind.char in NARROW:
        raise NotImplementedError(
            f"{op}: input is {like.dtype}, whose own range is not taken; pass range=, or bins= as a tensor."
        )
    n = _count(bins, op)
    low, high = (0.0, 1.0) if ends is None else (float(e) for e in ends)
    if ends is None and not a.size:
        low, high = 0.0, 1.0
    low, high = _range(op, a, low, high, ends is None, 0.5)
    return linspace(low, high, n + 1, dtype=like.dtype)


def _counts(
    op: str, points: Any, edges: Sequence[Tensor], like: Tensor, weight: Tensor | None, density: bool
) -> Tensor:
    """The histogram of points [k, d]."""
    shape = tuple([e._a.shape[0] - 1 for e in edges])
    at, outside = np.zeros(len(points), "i8"), np.full(len(points), not edges)  # no dimension: no bin
    for i, e in enumerate(edges):
        numbers = C.bin_numbers(points[:, i], widened(np.asarray(e._a)))
        outside |= numbers < 0
        at = at * shape[i] + numbers
    at[outside] = -1
    weights = None if weight is None else widened(np.asarray(weight._a)).reshape(-1)
    hist = C.counted(at, weights, prod(shape), points.dtype).reshape(shape)
    if density:
        hist = hist / hist.sum()
        for i, e in enumerate(edges):
            ends = widened(np.asarray(e._a))
            hist = hist / (ends[1:] - ends[:-1]).reshape((-1, *(1,) * (len(shape) - 1 - i)))
    return wrap(hist.astype(like._kind, copy=False))


def _checked(op: str, input: Any, weight: Any, shape: tuple[int, ...] | None) -> Tensor:
    x = need_tensor(input, op)
    if x._kind.kind not in FLOATING:
        raise NotImplementedError(f"{op}: input is {x.dtype}; a floating point tensor is needed.")
    if weight is not None:
        w = need_tensor(weight, op, "weight")
        if w._kind is not x._kind:
            raise RuntimeError(f"{op}: input is {x.dtype} and weight {w.dtype}; they must be equal.")
        wanted = x._a.shape[:-1] if shape is None else shape
        if w._a.size != prod(wanted) or (shape is None and w._a.shape not in (wanted, ())):
            raise RuntimeError(f"{op}: weight is {sizes(w._a.shape)}; {sizes(wanted)} is needed.")
    return x


def histogram(
    input: Tensor,
    bins: Any,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
    out: Any = None,
) -> Histogram:
    """How many elements, or what weight, each bin has, and the bins' edges.

    bins: how many over `range` (or that of the data), or the ascending edges. density: such that the integral
    is 1.
    Raises: RuntimeError for arguments that do not fit, NotImplementedError for integers, and for float16 and
    bfloat16 without a range.
    """
    x = _checked("histogram", input, weight, need_tensor(input, "histogram")._a.shape)
    points = widened(np.asarray(x._a)).reshape((-1, 1))
    edges = _edges("histogram", points, bins, range, x)
    hist = _counts("histogram", points, (edges,), x, weight, density)
    if edges is bins:
        edges = edges.detach().clone()
    given = (x, weight, bins)
    found = [of_parameters("histogram", t, given) if out is None else t for t in (hist, edges)]
    return written(_histogram_kind(*found), out, "histogram")


def histogramdd(
    input: Tensor,
    bins: Any,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Histogram:
    """The histogram of points in d dimensions, and the edges per dimension.

    Shapes: input [..., d], weight [...], the result has d dimensions. bins: one number, or per dimension a
    number or a tensor of edges. range: start and end for each dimension.
    """
    op = "histogramdd"
    x = _checked(op, input, weight, None)
    if x._a.ndim < 2:
        error = RuntimeError if x._a.ndim or isinstance(bins, (tuple, list)) else IndexError
        raise error(f"{op}: input is {sizes(x._a.shape)}; 2-d or more is needed: points by dimensions.")
    d = x._a.shape[-1]
    each = list(bins) if isinstance(bins, (tuple, list)) else [bins] * d
    if len(each) != d:
        raise RuntimeError(
            f"{op}: bins has {len(each)} entries and input {d} dimensions; they must be equal."
        )
    if range is not None and len(range) != 2 * d:
        raise RuntimeError(f"{op}: range has {len(range)} numbers; two per dimension ({2 * d}) are needed.")
    points = widened(np.asarray(x._a)).reshape((prod(x._a.shape[:-1]), d))
    edges = [
        _edges(op, points[:, i], b, None if range is None else range[2 * i : 2 * i + 2], x)
        for i, b in enumerate(each)
    ]
    given = (x, weight, *each)
    hist = of_parameters(op, _counts(op, points, edges, x, weight, density), given)
    return _histogramdd_kind(
        hist,
        tuple(
            [
                e if isinstance(b, Tensor) else of_parameters(op, e, given)
                for e, b in zip(edges, each, strict=True)
            ]
        ),
    )


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each integer from 0 to the largest comes, or the sum of its weights; at least minlength
    numbers.

    Raises: RuntimeError for negative numbers or shapes that do not fit, NotImplementedError for floats.
    """
    x = need_tensor(input, "bincount")
    if x._kind.kind not in "iu":
        raise NotImplementedError(f"bincount: input is {x.dtype}; integers are needed.")
    if minlength < 0:
        raise RuntimeError(f"bincount: minlength is {minlength}; 0 or more is needed.")
    a = np.asarray(x._a)
    if weights is None and a.ndim == 1:
        with suppress(ValueError):  # negative numbers, for one
            return wrap(S.counts(a, minlength))
    if a.ndim != 1 or (a.size and a.min() < 0):
        raise RuntimeError(
            f"bincount: input is {sizes(a.shape)}{' with negative numbers' if a.ndim == 1 else ''}; a 1-d "
            "tensor of numbers from 0 on is needed."
        )
    if weights is None:
        return wrap(S.counts(a, minlength))
    w = need_tensor(weights, "bincount", "weights")
    if not a.size:  # nothing is weighed, and torch counts in int64
        return wrap(np.zeros(minlength, I8))
    if w._a.shape != a.shape:
        raise RuntimeError(
            f"bincount: input is {sizes(a.shape)} and weights {sizes(w._a.shape)}; they must be equal."
        )
    found = np.bincount(a, np.asarray(w._a), minlength)
    summed = wrap(found.astype(F4) if w._kind is F4 else found.astype(F8, copy=False))
    return of_parameters("bincount", summed, [w])


offer(
    globals(),
    functions="histogramdd",
    both="bincount histc histogram",
)
nameless(globals())
