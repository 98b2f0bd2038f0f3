"""Writing at an index: x[...] = y, and index_put. What an index is, is in `index`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.define.batching as B
import tapegrad.kernels.shape as S
from tapegrad._errors import sizes
from tapegrad.define import bare, cast, offer, opaque, recording
from tapegrad.dtypes import F4, F8, I8
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import overlap
from tapegrad.levels import Storage
from tapegrad.naming import argument, subject
from tapegrad.ops.index import (
    ARRAYS,
    MANY,
    cut,
    getitem,
    is_whole,
    of_nothing,
    out_of_range,
    outside,
    parse,
    plain_arrays,
    view_kind,
)
from tapegrad.ops.moves import unsqueeze
from tapegrad.ops.write import copy_, fill_
from tapegrad.promotion import NUMBERS, check_fitting, fitting, need_tensor
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import assign, check_fits, check_history, check_memory, check_overlap
from tapegrad.writes import wrote

_put = opaque(
    "index_put",
    S.put,
    linear=True,
    d=(
        lambda F, g, shapes, i, add: g if add else F.without(g, i),
        lambda F, g, shapes, i, add: F.sum_to(F.fetch(g, i), shapes[1]),
    ),
    batch=B.put,
    widens=False,
)
_put.op.reads = ((), ())  # as in `indexing`


def set_index(input: Tensor, at: Any, value: Any) -> None:
    """input[at] = value, in place; a repeated place gets one of its values.

    Raises: IndexError for the index, RuntimeError for a value that does not fit or a target that must not be
    written.
    """
    if _set(input, at, value):
        return
    basic, arrays = parse(at, input._a.shape)
    check_history(input, "setitem")
    if at is False:
        return  # no elements: torch does not look at the value
    source = _value(value, input)
    target = input
    if not is_whole(basic, input._a.shape):
        target = cut(input, basic)
        target._cold.made = None if input._cold is None else input._cold.made  # not that of this moment
    if arrays:
        _check_nothing(arrays, target._a.shape)
        _check_kind(value, input, arrays)
        if source._a.ndim and source._a.size == 1 and len(arrays) == 1 and arrays[0].dtype.kind == "b":
            source = getitem(source, (0,) * source._a.ndim)
        extra = source._a.ndim - _dims_at(arrays, target._a.ndim)
        if extra > 0 and source._a.shape[:extra] == (1,) * extra:
            source = getitem(source, (0,) * extra)
        check_memory(target, "setitem")
        check_overlap(target, (source,), "setitem")
        result = _placed(target, source, arrays, False)
        check_fits(target, result, "setitem")
        assign(target, result)
        return
    extra = source._a.ndim - target._a.ndim
    if extra > 0 and source._a.shape[:extra] == (1,) * extra:
        source = getitem(source, (0,) * extra)
    if source._a.ndim or not target._a.ndim:
        copy_(target, source)
    else:
        fill_(target, source)


def _set(input: Tensor, at: Any, value: Any) -> bool:
    """Let NumPy write where nothing is recorded, the index is one of the plainest, and the value needs no
    conversion; whether it did. NumPy refuses, before it writes, what does not fit: the general way then says
    so."""
    a, kind = bare(input), input._kind
    if a is None:
        return False
    if type(value) is Tensor:
        new = value._a
        if value._kind is not kind or isinstance(new, Storage) or recording(value) or overlap(a, new):
            return False
    elif type(value) is float or type(value) is int:
        if not (kind is F4 or kind is F8) and (kind is not I8 or type(value) is float):
            return False
        new = value
    else:
        return False
    place = at
    if view_kind(at) is None:
        found = plain_arrays(at, a.shape)
        if found is None or any(type(i) is not ndarray for i in found):
            return False
        place = found if len(found) > 1 else found[0]
    try:
        check_fitting(new, kind, "setitem") if new is value else None
        a[place] = new
    except (IndexError, RuntimeError, TypeError, ValueError):
        return False
    wrote(a)
    return True


def _value(value: Any, like: Tensor) -> Tensor:
    if isinstance(value, Tensor):
        return value if value._a.dtype is like._a.dtype else cast(value, like._a.dtype)
    if not isinstance(value, (*NUMBERS, np.generic, ndarray)):
        raise TypeError(f"setitem: value is {type(value).__name__}; a Tensor or a number is needed.")
    a = np.asarray(value)
    if a.dtype.kind == "c" and not like.is_complex():
        raise RuntimeError(f"setitem: value is {value} and the tensor {like.dtype}; a real number is needed.")
    if isinstance(value, NUMBERS):
        return wrap(fitting(value, like._a.dtype, "setitem"))
    return wrap(a.astype(like._a.dtype))


def _check_kind(value: Any, target: Tensor, arrays: tuple[Any, ...]) -> None:
    """Raises: RuntimeError for another dtype at index arrays; one number at a mask is converted."""
    if isinstance(value, Tensor) and value._a.dtype is not target._a.dtype:
        found = [a for a in arrays if isinstance(a, ARRAYS)]
        if value._a.ndim or len(found) > 1 or found[0].dtype.kind != "b":
            raise RuntimeError(
                f"setitem: value is {value.dtype} and the tensor {target.dtype}; at index tensors they must "
                f"be equal. Convert it, e.g. with .to({target.dtype})."
            )


def _check_nothing(arrays: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    """Raises: IndexError for index arrays that find something in a dimension without elements, which torch
    looks at first."""
    if 0 not in shape:
        return
    empty = outside(arrays, tuple([0 if n == 0 else MANY for n in shape]))
    if empty and all(a.any() if a.dtype.kind == "b" else a.size for a in arrays if isinstance(a, ndarray)):
        raise outside(arrays, shape) or empty


def _placed(target: Tensor, source: Tensor, arrays: tuple[Any, ...], accumulate: bool) -> Tensor:
    shape = target._a.shape
    try:
        result: Tensor = _put(target, source, arrays, accumulate)
    except IndexError as e:
        if (harmless := of_nothing(arrays, shape)) is not None:
            return _placed(target, source, harmless, accumulate)
        if any(type(a) is ndarray and a.any() for a in arrays):  # torch looks first whether the source fits
            firsts = tuple([np.zeros_like(a) if type(a) is ndarray else a for a in arrays])
            _placed(target, source, firsts, False)
        raise out_of_range(arrays, shape, e) from None
    except (ValueError, TypeError) as e:  # NumPy's for a mask is a TypeError
        raise RuntimeError(
            f"index_put: {argument('value', source)} is {sizes(source._a.shape)}, which does not broadcast "
            f"to the indexed part of {subject(target, f'{sizes(target._a.shape)} tensor', 'the')} ({e})."
        ) from None
    return result


def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of input with values at the places that the index tensors name; accumulate adds.

    Raises: IndexError for the indices, RuntimeError for values of another dtype or that do not fit.
    """
    x, source = need_tensor(input, "index_put")._a, need_tensor(values, "index_put", "values")._a
    if not isinstance(indices, (tuple, list)):
        raise TypeError(
            f"index_put: indices is {type(indices).__name__}; a tuple of index tensors is needed."
        )
    plain = plain_arrays(tuple(indices), x.shape)
    if plain is None and any(isinstance(i, Tensor) and i._a.ndim for i in indices):
        indices = [unsqueeze(i, 0) if isinstance(i, Tensor) and not i._a.ndim else i for i in indices]
    basic, arrays = parse(tuple(indices), x.shape) if plain is None else ((), plain)
    _check_nothing(arrays, x.shape)
    one_at_mask = source.size == 1 and not accumulate and len(arrays) == 1 and arrays[0].dtype.kind == "b"
    if source.dtype is not x.dtype and not one_at_mask:
        raise RuntimeError(
            f"index_put: input is {input.dtype} and values is {values.dtype}; they must be equal. Convert "
            f"one, e.g. with .to({input.dtype})."
        )
    if one_at_mask:
        values = cast(values, x.dtype) if source.dtype is not x.dtype else values
        values = getitem(values, (0,) * source.ndim) if source.ndim else values
        source = values._a
    if source.ndim > _dims_at(arrays, x.ndim):
        raise RuntimeError(
            f"index_put: values is {sizes(source.shape)}, which has more dimensions than the indexed part of "
            f"the {sizes(x.shape)} tensor; it must broadcast to that."
        )
    return _placed(input, values, arrays or basic, accumulate)


def _dims_at(arrays: tuple[Any, ...], ndim: int) -> int:
    """How many dimensions the part of an array has that index arrays select."""
    found = [a for a in arrays if isinstance(a, ARRAYS)]
    taken = sum(a.ndim if a.dtype.kind == "b" else 1 for a in found)
    return ndim - taken + max([1 if a.dtype.kind == "b" else a.ndim for a in found], default=0)


offer(globals(), both="index_put", in_place="index_put")
nameless(globals())
