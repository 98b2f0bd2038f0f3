"""Indexing: x[...], with NumPy's index language as torch restricts it.

An index has a basic part (integers, slices, None, ...), which is a view, and may have arrays (integers,
masks), which make a copy. torch takes the basic part first, so an integer beside an array is no array: x[0,
:, idx] keeps the order of dimensions that x[0][:, idx] has.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.define.batching as B
import tapegrad.kernels.shape as S
from tapegrad._errors import describe, sizes
from tapegrad.define import indexing, linear, offer
from tapegrad.dtypes import B1, FLOATING, I8
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage
from tapegrad.tensor import Tensor

getitem, putitem = indexing(
    ("select", "putitem"),
    S.getitem,
    S.putitem,
    view=True,
    titles=("SelectBackward0", "SelectBackwardBackward0"),
    batch=(B.cut, B.uncut),
)
sliced = linear(
    "slice", S.getitem, lambda F, g, shape, i: F.putitem(g, i, shape), view=True, kind="indexing", batch=B.cut
)
_newaxis = linear(
    "newaxis",
    S.getitem,
    lambda F, g, shape, i: F.putitem(g, i, shape),
    view=True,
    kind="indexing",
    title="UnsqueezeBackward0",
    batch=B.cut,
)
whole = linear(
    "whole",
    S.getitem,
    lambda F, g, shape, i: F.putitem(g, i, shape),
    view=True,
    kind="indexing",
    title="AliasBackward0",
    batch=B.cut,
)
fetch, spread = indexing(
    ("index", "index.back"),
    S.fetch,
    S.spread,
    titles=("IndexBackward0", "IndexPutBackward0"),
    batch=(B.taken, B.scattered),
)
without = linear(
    "without", S.without, lambda F, g, _, i: F.without(g, i), title="IndexPutBackward0", batch=B.without
)


def _bad_index(x: Any) -> Exception:
    kind = describe(x) if isinstance(x, Tensor) else type(x).__name__
    return (TypeError if isinstance(x, str) else IndexError)(
        f"index: {kind} is given; integers, slices, None, ..., and integer or bool tensors can be indices."
    )


def _array_of(i: Any) -> Any:
    """An index that is no basic one as an int64 or bool array."""
    if isinstance(i, Tensor):
        a = i._a
        if a.dtype.kind in FLOATING or a.dtype.name in ("int8", "int16"):
            raise _bad_index(i)
        if a.dtype.kind == "u":  # torch's old masks
            return a.astype(bool)
        return a if a.dtype.kind == "b" else a.astype(I8, copy=False)
    if isinstance(i, (list, tuple, range)):
        a = np.array(
            [v.item() if isinstance(v, Tensor) and v.numel() == 1 else v for v in i] or np.empty(0, I8)
        )
    elif isinstance(i, (ndarray, np.bool_, bool)):
        a = np.asarray(i)
    else:
        raise _bad_index(i)
    if a.dtype.kind not in "iub":
        raise _bad_index(i)
    return a if a.dtype.kind == "b" else a.astype(I8)


ARRAYS = (ndarray, Storage)
MANY = 2**63 - 1
Index = tuple[tuple[Any, ...], tuple[Any, ...]]


def parse(index: Any, shape: tuple[int, ...]) -> Index:
    """An index as (basic part, arrays): the arrays apply to what the basic part leaves.

    Raises: IndexError for what cannot be an index, too many indices, a mask of another shape, an integer out
    of range.
    """
    items = tuple(index) if type(index) is tuple or _stands_for_tuple(index) else (index,)
    basic: list[Any] = []
    arrays: list[Any] = []  # one entry per dimension that the basic part leaves: an array, or a full slice
    spans = [_span(i) for i in items]
    taken = sum(spans)
    _check_count(taken, shape)
    at = 0
    for i, span in zip(items, spans, strict=True):
        if at + span > len(shape) and i is not Ellipsis:
            _check_behind(i)
        elif i is Ellipsis:
            rest = len(shape) - taken
            if Ellipsis not in basic:
                basic.append(Ellipsis)
                arrays += [slice(None)] * rest
            at += rest
        elif i is None:
            basic.append(None)
            arrays.append(slice(None))
        elif isinstance(i, slice):
            basic.append(_plain_slice(i))
            arrays.append(slice(None))
            at += 1
        elif span == 1 and _is_integer(i):
            basic.append(_in_range(int(i), shape, at))
            at += 1
        else:
            a = _array_of(i)
            if a.dtype.kind == "b":
                _check_mask(a, shape, at)
            if a.ndim == 0 and a.dtype.kind == "b":  # x[True]: a new dimension of size 1 or 0
                basic.append(None)
                arrays.append(np.asarray(a)[None])
            else:
                basic += [slice(None)] * span
                arrays.append(a)
            at += span
    return tuple(basic), _without_end(arrays)


def _without_end(arrays: list[Any]) -> tuple[Any, ...]:
    """The arrays and slices up to the last array."""
    if not any(isinstance(a, ARRAYS) for a in arrays):
        return ()
    while isinstance(arrays[-1], slice):
        arrays.pop()
    return tuple(arrays)


def _stands_for_tuple(index: Any) -> bool:
    """Whether a list means x[a, b] rather than x[array([a, b])]: torch's rule, which NumPy has given up."""
    parts = (list, tuple, slice, Tensor, ndarray)
    return (
        type(index) is list
        and len(index) < 32
        and any(isinstance(i, parts) or i is None or i is Ellipsis for i in index)
    )


def _check_count(taken: int, shape: tuple[int, ...]) -> None:
    if taken and not shape:
        raise IndexError("index: a 0-d tensor has no dimension to index; use .item(), or x[...].")
    if taken > len(shape):
        raise IndexError(
            f"index: {taken} dimensions are indexed and the tensor is {sizes(shape)} ({len(shape)}-d); "
            "it has no more."
        )


def _check_behind(i: Any) -> None:
    """Raises: IndexError for what stands behind a second `...`; torch leaves slices out there."""
    if not isinstance(i, slice):
        raise IndexError("index: nothing is left for what comes behind a second `...`; write `...` once.")


def _is_integer(i: Any) -> bool:
    if isinstance(i, Tensor):
        return bool(i._a.ndim == 0 and i._a.dtype.kind == "i" and not isinstance(i._a, Storage))
    if isinstance(i, ndarray):
        return i.ndim == 0 and i.dtype.kind == "i"
    return isinstance(i, (int, np.integer)) and not isinstance(i, (bool, np.bool_))


def _span(i: Any) -> int:
    """How many dimensions an index takes."""
    if i is None or i is Ellipsis or i is True or i is False:
        return 0
    if isinstance(i, Tensor):
        return int(i._a.ndim) if i._a.dtype.kind in "bu" else 1
    if isinstance(i, (ndarray, np.bool_)) and i.dtype.kind == "b":
        return int(i.ndim)
    if isinstance(i, (list, tuple)) and i and (isinstance(i[0], (bool, list))):
        a = np.asarray(i)
        return a.ndim if a.dtype.kind == "b" else 1
    return 1


def _plain_slice(s: slice) -> slice:
    try:
        ends = [v if v is None else v.__index__() for v in (s.start, s.stop, s.step)]
    except AttributeError:
        raise TypeError(f"index: {s} is given; the ends of a slice must be integers.") from None
    if ends[2] is not None and ends[2] <= 0:
        raise ValueError(f"index: the step of a slice is {ends[2]}; it must be greater than 0. Use flip.")
    return slice(*ends)


def _in_range(i: int, shape: tuple[int, ...], at: int) -> int:
    n = shape[at]
    if not -n <= i < n:
        raise IndexError(
            f"index: {i} is out of range for dimension {at} of size {n} of a {sizes(shape)} tensor."
        )
    return i


def _check_mask(mask: Any, shape: tuple[int, ...], at: int) -> None:
    if mask.shape != shape[at : at + mask.ndim]:
        raise IndexError(
            f"index: a bool mask is {sizes(mask.shape)} and the dimensions it selects from are "
            f"{sizes(shape[at : at + mask.ndim])}; they must be equal."
        )


def cut(x: Tensor, basic: tuple[Any, ...]) -> Tensor:
    """The view of x at a basic index; the node is named for the last thing that the index does, as in
    torch."""
    op = whole
    for i in basic:
        if i is None:
            op = _newaxis
        elif type(i) is int:
            op = getitem
        elif i is not Ellipsis:
            op = sliced
    return op(x, basic)


def is_whole(basic: tuple[Any, ...], shape: tuple[int, ...]) -> bool:
    """Whether a basic index takes everything as it is, like x[:] and x[...]: torch cuts no view for it."""
    at = 0
    for i in basic:
        if i is Ellipsis:
            at += len(shape) - sum(j is not None and j is not Ellipsis for j in basic)
        elif type(i) is slice and not i.start and i.indices(shape[at]) == (0, shape[at], 1):
            if i.stop is not None and i.stop < 0:  # [:-1] of nothing
                return False
            at += 1
        else:
            return False
    return True


def view_kind(at: Any) -> Any:
    """The view op for the plainest indices (an integer, a slice, a tuple of them): NumPy itself checks their
    range. None for all others."""
    what = type(at)
    if what is int:
        return getitem
    if what is slice:
        return sliced if at.step is None or _forwards(at.step) else None
    if what is not tuple:
        return _newaxis if at is None else whole if at is Ellipsis else None
    kind = whole
    for i in at:
        what = type(i)
        if what is int:
            kind = getitem
        elif what is slice and (i.step is None or _forwards(i.step)):
            kind = sliced
        elif i is None:
            kind = _newaxis
        elif i is not Ellipsis:
            return None
    return kind


def plain_arrays(at: Any, shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """The arrays of the plainest indices that are none of those: a mask, an int64 tensor, or a tuple of such
    tensors. None for all others."""
    if type(at) is Tensor:
        a = at._a
        if not a.ndim or not shape or not (at._kind is I8 or (at._kind is B1 and a.shape == shape[: a.ndim])):
            return None
        return (a,)
    if type(at) is not tuple or not 0 < len(at) <= len(shape):
        return None
    for i in at:
        if type(i) is not Tensor or i._kind is not I8 or not i._a.ndim:
            return None
    return tuple([i._a for i in at])


def _forwards(step: Any) -> bool:
    return type(step) is int and step > 0


def index(input: Tensor, at: Any) -> Tensor:
    """input[at]: a view for integers, slices, None and ...; a copy where integer or bool arrays take part.

    Raises: IndexError.
    """
    try:
        if (view := view_kind(at)) is not None:
            return view(input, at)  # type: ignore[no-any-return] # a Tensor
        if (plain := plain_arrays(at, input._a.shape)) is not None:
            return fetch(input, plain)
    except (IndexError, TypeError):
        pass  # the careful way finds out what is wrong
    x = input._a
    basic, arrays = parse(at, x.shape)
    if not arrays:
        return cut(input, basic)
    if not is_whole(basic, x.shape):
        input = cut(input, basic)
    try:
        return fetch(input, arrays)
    except IndexError as e:
        if (harmless := of_nothing(arrays, input._a.shape)) is not None:
            return index(input, harmless)
        raise out_of_range(arrays, input._a.shape, e) from None


def of_nothing(arrays: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...] | None:
    """The arrays with 0 for what they hold, if some is out of range and the dimensions beside them have no
    elements: then torch does not look at the range. None otherwise."""
    if not all(isinstance(a, slice) or (isinstance(a, ndarray) and a.dtype.kind == "i") for a in arrays):
        return None
    if outside(arrays, shape) is None:
        return None
    own = [n for a, n in zip(arrays, shape, strict=False) if not isinstance(a, slice)]
    if 0 not in shape or 0 in own:
        return None
    return tuple([a if isinstance(a, slice) else np.zeros_like(a) for a in arrays])


def outside(arrays: tuple[Any, ...], shape: tuple[int, ...]) -> IndexError | None:
    """The error for an index array out of range, if one is."""
    at = 0
    for a in arrays:
        if isinstance(a, ndarray) and a.dtype.kind == "i" and a.size:
            n, low, high = shape[at], int(a.min()), int(a.max())
            if low < -n or high >= n:
                worst = high if high >= n else low
                return IndexError(
                    f"index: {worst} is out of range for dimension {at} of size {n} of a {sizes(shape)} "
                    "tensor."
                )
        at += a.ndim if isinstance(a, ndarray) and a.dtype.kind == "b" else 1
    return None


def out_of_range(arrays: tuple[Any, ...], shape: tuple[int, ...], e: IndexError) -> IndexError:
    return outside(arrays, shape) or IndexError(f"index: {e}")


offer(globals(), rules="fetch getitem putitem spread without")
nameless(globals())
