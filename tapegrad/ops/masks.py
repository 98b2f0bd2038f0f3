"""Elements where a mask holds, or at places counted over all elements; and where something holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.define.batching as B
import tapegrad.kernels.gathering as G
import tapegrad.kernels.pointwise as P
import tapegrad.kernels.search as search
import tapegrad.kernels.shape as S
from tapegrad._errors import describe, sizes
from tapegrad.define import Function, cast, finish, indexing, linear, offer, opaque, store
from tapegrad.dtypes import B1, I8, int64
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.gather import index_array
from tapegrad.ops.moves import expand
from tapegrad.promotion import NUMBERS, broadcast, need_tensor, number, refused
from tapegrad.tensor import Tensor, wrap

_fill = opaque(
    "masked_fill",
    lambda x, mask, value: P.where(mask, value, x),
    kind="elementwise",
    ir=lambda F, x, mask, value: F.where(mask, value, x),
    saves=((1,), ()),
    d=(lambda F, g, mask, shapes, value: F.sum_to(F.where(mask, 0, g), shapes[0]), None),
)
_fill_with = opaque(
    "masked_fill.tensor",
    lambda x, mask, value: P.where(mask, value, x),
    kind="elementwise",
    ir=lambda F, x, mask, value: F.where(mask, value, x),
    saves=((1,), (), (1,)),
    d=(
        lambda F, g, mask, shapes: F.sum_to(F.where(mask, 0, g), shapes[0]),
        None,
        lambda F, g, mask, shapes: F.sum_to(F.where(mask, g, 0), shapes[2]),
    ),
    title="MaskedFillBackward1",
)
_select, _ = indexing(
    ("masked_select", "masked_select.back"),
    S.fetch,
    S.spread,
    titles=("MaskedSelectBackward0", "MaskedScatterBackward0"),
    batch=(B.taken, B.scattered),
)


_unscatter = linear(
    "masked_scatter.source",
    G.masked_gather,
    lambda F, g, shape, mask, _: F.apply(_rescatter.op, g, mask, shape),
    batch=B.masked_read,
)
_rescatter: Function = linear(
    "masked_scatter.zeros",
    G.masked_spread,
    lambda F, g, shape, mask, _: F.apply(_unscatter.op, g, mask, shape),
    title="MaskedScatterBackward0",
    batch=B.masked_spread,
)


def _from_source(F: Any, g: Any, mask: Any, shapes: Any) -> Any:
    """What comes back to a source: g where the mask holds, one element after the other, and 0 behind."""
    return F.apply(_unscatter.op, g, mask._a if F.records else mask, shapes[2])


_scatter = opaque(
    "masked_scatter",
    G.masked_scatter,
    saves=((1,), (), (1,)),
    d=(lambda F, g, mask, shapes: F.where(mask, 0, g), None, _from_source),
    batch=B.masked_put,
)
_take, _ = indexing(
    ("take", "take.back"),
    G.take,
    G.untake,
    titles=("TakeBackward0", "PutBackward0"),
    batch=(B.taken_from_all, B.taken_from_all),
)
_unput: Function = linear(
    "put.zero",
    G.unput,
    lambda F, g, _, index: F.apply(_unput.op, g, index),
    title="PutBackward0",
    batch=B.put_among_all,
)
_put = opaque(
    "put",
    G.put,
    linear=True,
    d=(
        lambda F, g, shapes, index, add: g if add else F.apply(_unput.op, g, index),
        lambda F, g, shapes, index, add: F.reshape(F.apply(_take.op, g, index), shapes[1]),
    ),
    batch=B.put_among_all,
)
for _f in (_put, _unput):
    _f.op.reads = ((),) * (1 if _f is _unput else 2)  # as in `indexing`


def _mask(mask: Any, op: str) -> Tensor:
    """A bool tensor. Raises: RuntimeError for another dtype."""
    m = need_tensor(mask, op, "mask")
    if m._kind is not B1:
        raise RuntimeError(f"{op}: mask is {describe(m)}; torch.bool is needed, e.g. x > 0.")
    return m


def _together(input: Tensor, mask: Tensor, op: str) -> tuple[Tensor, Tensor]:
    """Both in one shape. Raises: RuntimeError if they do not broadcast."""
    a, b = input._a.shape, mask._a.shape
    if a == b:
        return input, mask
    shape = broadcast(op, input=input, mask=mask)
    return (input if a == shape else expand(input, shape)), (mask if b == shape else expand(mask, shape))


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A copy of input with a number, or a 0-d tensor, where the mask holds.

    Raises: RuntimeError for a mask that is not bool, or shapes that do not broadcast.
    """
    x, m = need_tensor(input, "masked_fill"), _mask(mask, "masked_fill")
    try:
        if isinstance(value, NUMBERS):
            if isinstance(value, complex) and not x.is_complex():
                raise RuntimeError(
                    f"masked_fill: value is {value} and input {x.dtype}; a real one is needed."
                )
            return _fill(x, m, (P.constant if type(x._a) is ndarray else number)(value, x._kind))
        v = need_tensor(value, "masked_fill", "value")
        if v._a.ndim:
            raise RuntimeError(
                f"masked_fill: value is {sizes(v._a.shape)}; a number or a 0-d tensor is needed."
            )
        return _fill_with(x, m, v if v._kind is x._kind else cast(v, x._kind))
    except ValueError:
        raise refused(_fill.op, (x, m)) from None


def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements of input where the mask holds, in one row.

    Raises: RuntimeError for a mask that is not bool, or shapes that do not broadcast.
    """
    x, m = _together(need_tensor(input, "masked_select"), _mask(mask, "masked_select"), "masked_select")
    if not x._a.ndim:
        x, m = x.reshape(1), m.reshape(1)
    return finish(_select(x, (m._a,)), out, "masked_select", (input, mask))


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy of input with the elements of source, one after the other, where the mask holds.

    Raises: RuntimeError for too few elements, another dtype, a mask that is not bool, or shapes that do not
    broadcast.
    """
    x, m = _together(need_tensor(input, "masked_scatter"), _mask(mask, "masked_scatter"), "masked_scatter")
    if need_tensor(source, "masked_scatter", "source")._kind is not x._kind:
        raise RuntimeError(
            f"masked_scatter: source is {source.dtype} and input {x.dtype}; they must be equal."
        )
    return _scatter(x, m, source)


def take(input: Tensor, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements of input at places counted over all of it in row-major order, in the shape of index.

    Raises: IndexError for a place out of range, RuntimeError for an index that is not int64.
    """
    x = input if type(input) is Tensor else need_tensor(input, "take")
    result = _take(x, index_array(index, "take", ()))
    return result if out is None else store(result, out, "take", (input, index))


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of input with the elements of source at places counted over all of it; accumulate adds.

    Raises: IndexError for a place out of range or another number of elements, RuntimeError for another dtype.
    """
    x, a = need_tensor(input, "put"), index_array(index, "put", ())
    s = need_tensor(source, "put", "source")
    if s._kind is not x._kind:
        raise RuntimeError(f"put: source is {s.dtype} and input {x.dtype}; they must be equal.")
    if s._a.size != a.size:
        raise IndexError(
            f"put: source has {s._a.size} elements and index has {a.size}; they must have as many."
        )
    return _put(x, s, a, bool(accumulate))


# ---- where something holds


def _places(input: Tensor, op: str) -> Any:
    """The places of what is not zero, one array per dimension, of which a 0-d tensor has none."""
    a = need_tensor(input, op)._a
    return search.nonzero(a if a.ndim else np.reshape(a, (1,)))


def _table(input: Tensor, op: str) -> Any:
    """The same as rows."""
    found = _places(input, op)
    n, ndim = found[0].size, input._a.ndim
    if ndim == 1:
        return found[0].reshape(n, 1)
    rows = np.empty((ndim, n), I8)
    for i in range(ndim):
        rows[i] = found[i]
    return rows.T


def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False) -> Any:
    """Where input is not zero: one row of indices per element; or, as_tuple, one tensor per dimension, which
    can index."""
    if as_tuple:
        return tuple([wrap(i) for i in _places(input, "nonzero")])
    return finish(wrap(_table(input, "nonzero")), out, "nonzero", (input,))


def argwhere(input: Tensor) -> Tensor:
    """nonzero, as rows."""
    return wrap(_table(input, "argwhere"))


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1, out: Tensor | None = None) -> Tensor:
    """The first `size` rows of nonzero, and rows of fill_value if there are fewer. Raises: RuntimeError for
    a negative size."""
    if size < 0:
        raise RuntimeError(f"nonzero_static: size is {size}; 0 or more is needed.")
    found = _table(input, "nonzero_static")[:size]
    rows = np.full((size, input._a.ndim), fill_value, I8)
    rows[: len(found)] = found
    return finish(wrap(rows), out, "nonzero_static", (input,))


def unravel_index(indices: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Places in a row of all elements, as one index per dimension of an array of `shape`.

    Raises: TypeError unless indices and shape are integers, ValueError for negative sizes.
    """
    if need_tensor(indices, "unravel_index", "indices")._kind.kind not in "iu":
        raise TypeError(f"unravel_index: indices is {describe(indices)}; integers are needed.")
    given = (shape,) if hasattr(shape, "__index__") and not isinstance(shape, Tensor) else shape
    if not isinstance(given, (tuple, list)) or not all(hasattr(n, "__index__") for n in given):
        raise TypeError(f"unravel_index: shape is {shape!r}; an integer or a tuple of them is needed.")
    if min(given, default=0) < 0:
        raise ValueError(f"unravel_index: shape is {tuple(given)}; sizes must be 0 or more.")
    indices, found, step = indices.to(int64), [], 1
    for n in reversed(given):
        found.append(indices // step % n)
        step *= n
    return tuple(reversed(found))


offer(
    globals(),
    functions="unravel_index",
    both=("argwhere masked_fill masked_scatter masked_select nonzero nonzero_static put take"),
    in_place="masked_fill masked_scatter put",
)
nameless(globals())
