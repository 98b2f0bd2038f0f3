"""Reductions of segments, which lie one behind the other along a dimension."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.segments as G
from tapegrad._errors import choices, sizes
from tapegrad.define import OUT, offer, opaque
from tapegrad.dtypes import FLOATING, I8, int32
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.along import index_select
from tapegrad.ops.gather import Groups, reduce_rule
from tapegrad.ops.shape import reshape
from tapegrad.promotion import fitting, need_tensor
from tapegrad.tensor import Tensor, axis, wrap
from tapegrad.views import standalone

_HOW = {**{how: how for how in ("sum", "mean", "max", "min", "prod")}, "amax": "max", "amin": "min"}


def _rule(
    F: Any, g: Any, y: Any, x: Any, shapes: Any, dim: int, how: str, counts: Any, initial: float | None
) -> Any:
    """The rule of reductions at places serves segments. Elements that are the extreme share its cotangent;
    where `initial` is as large, it gets nothing."""
    places = F.places_along(np.arange(counts.size).repeat(counts), x.shape, dim)
    of = Groups(F, (y.shape, x.shape), places, dim)
    if how in ("max", "min"):
        chosen = (x == of.at(y)) | (x != x)
        n = of.added(F.where(chosen, F.zeros_like(x) + 1, 0))
        return F.where(chosen, of.at(g / F.where(n == 0, 1, n)), 0)
    if how == "prod" and initial is not None:
        g = g * initial
    return reduce_rule(F, g, y, F.zeros_like(y), x, of, how, False, 1)


_segment_reduce = opaque("segment_reduce", G.segment_reduce, saves=((OUT, 0),), d=(_rule,), batch=B.at_dim)


def _integers(what: str, t: Any) -> Any:
    """lengths or offsets as int64. Raises: NotImplementedError for another dtype."""
    a = np.asarray(need_tensor(t, "segment_reduce", what)._a)
    if t._kind is not I8 and t._kind is not int32.numpy:
        raise NotImplementedError(f"segment_reduce: {what} is {t.dtype}; torch.int64 is needed.")
    return a.astype(np.int64, copy=False)


def _ranges(x: Tensor, lengths: Any, offsets: Any, dim: int, unsafe: bool) -> tuple[Any, Any]:
    """Where each segment starts, and its length. Raises: RuntimeError for what does not fit x."""
    what, a = ("lengths", lengths) if offsets is None else ("offsets", offsets)
    a, shape = _integers(what, a), x._a.shape
    if a.ndim != dim + 1 or a.shape[:dim] != shape[:dim]:
        raise RuntimeError(
            f"segment_reduce: data is {sizes(shape)}, axis {dim} and {what} {sizes(a.shape)}; the sizes of "
            "data before the axis, and one more dimension, are needed."
        )
    if what == "offsets":
        if not a.shape[-1]:
            raise RuntimeError("segment_reduce: offsets is empty; the start of the first segment is needed.")
        starts, counts = a[..., :-1], a[..., 1:] - a[..., :-1]
    else:
        starts, counts = a.cumsum(-1) - a, a
        if not unsafe and (not a.size or (a.sum(-1) != shape[dim]).any()):
            raise RuntimeError(
                f"segment_reduce: lengths add up to {a.sum(-1).tolist()} and data has {shape[dim]} entries "
                f"along axis {dim}; they must be equal. Pass unsafe=True to leave out the rest."
            )
    if (counts < 0).any() or (starts < 0).any() or (starts + counts > shape[dim]).any():
        raise RuntimeError(
            f"segment_reduce: {what} is {a.tolist()}; segments within the {shape[dim]} entries of "
            f"axis {dim} are needed."
        )
    return starts, counts


def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> Tensor:
    """The sum, mean, max, min or prod of each segment of data along an axis.

    lengths: how many entries each segment has. offsets: where each starts, and behind them where the last one
    ends. initial: what each segment starts with; the mean of an empty one is nan without. unsafe: lengths
    need not add up to the size of the axis.
    Shapes: lengths [*, n] and offsets [*, n + 1], where * are the sizes of data before the axis.
    Raises: RuntimeError for lengths or offsets that do not fit, IndexError for no such axis,
    NotImplementedError for data that are no floats.
    """
    x = need_tensor(data, "segment_reduce", "data")
    if reduce not in _HOW:
        raise RuntimeError(f"segment_reduce: reduce is {reduce!r}; {choices(tuple(_HOW))} is needed.")
    if indices is not None or (lengths is None and offsets is None):
        raise RuntimeError("segment_reduce: lengths or offsets are needed, and no indices (as in torch).")
    dim = _axis(axis, x)
    starts, counts = _ranges(x, lengths, offsets, dim, unsafe)
    if x._kind.kind not in FLOATING:
        raise NotImplementedError(f"segment_reduce: data is {x.dtype}; a floating point tensor is needed.")
    first = None if initial is None else float(fitting(initial, x._kind, "segment_reduce"))
    lead, n, rest = x._a.shape[:dim], x._a.shape[dim], x._a.shape[dim + 1 :]
    if dim:
        x = reshape(x, (prod(lead) * n, *rest))
        starts = starts + (np.arange(prod(lead)) * n).reshape((*lead, 1))
    flat = counts.reshape(-1)
    if (total := int(flat.sum())) != x._a.shape[0]:
        taken = np.arange(total) + (starts.reshape(-1) - (flat.cumsum() - flat)).repeat(flat)
        x = index_select(x, 0, wrap(taken))
    y = _segment_reduce(x, 0, _HOW[reduce], flat, first)
    return standalone(reshape(y, (*counts.shape, *rest))) if dim else y


def _axis(dim: int, x: Tensor) -> int:
    i = axis(dim, x._a.ndim, "segment_reduce")
    if not x._a.ndim:
        raise RuntimeError("segment_reduce: data is 0-d; a dimension is needed.")
    return i


offer(globals(), functions="segment_reduce")
nameless(globals())
