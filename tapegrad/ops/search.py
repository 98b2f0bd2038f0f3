"""Counting and looking up: distinct elements, histograms, places in sorted rows. None has a derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.kernels.search as C
from tapegrad._errors import sizes
from tapegrad.define import Function, cast, finish, linear, offer, opaque
from tapegrad.define.base import plain, recording
from tapegrad.define.refusing import no_derivative
from tapegrad.dtypes import B1, I8, number_dtype, promote
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage
from tapegrad.ops.picking import pick
from tapegrad.promotion import NUMBERS, need_tensor, number, real_only, result_dtype
from tapegrad.tensor import Tensor, axis, wrap

# ---- distinct elements


def _values_of(name: str, title: str) -> Function:
    """The elements (or rows) at the places where each distinct one is first."""
    refused = no_derivative(
        name.partition(".")[0],
        NotImplementedError,
        why="which elements are equal changes in jumps, so there is no derivative",
        cure="pass input.detach(), or index the input with what argsort and return_inverse give",
    )
    return linear(name, lambda x, at, dim: x.take(at, dim), refused, title=title)


_unique = _values_of("unique", "Unique2Backward0")
_unique_dim = _values_of("unique.dim", "UniqueDimBackward0")
_consecutive = _values_of("unique_consecutive", "UniqueConsecutiveBackward0")
_consecutive_dim = _values_of("unique_consecutive.dim", "UniqueConsecutiveBackward0")


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements in order; with `dim` the distinct slices along it. Each nan is distinct.

    return_inverse, return_counts: then a tuple, with the number that each element has among them, and how
    often each comes. sorted=False sorts them too, as in torch.
    Raises: RuntimeError for slices without elements.
    """
    return _distinct("unique", input, True, return_inverse, return_counts, dim)


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements without those that equal the one before; with `dim` the slices along it. See `unique`."""
    return _distinct("unique_consecutive", input, False, return_inverse, return_counts, dim)


def _distinct(op: str, input: Any, ordered: bool, inverse: bool, counts: bool, dim: int | None) -> Any:
    x = need_tensor(input, op)
    a = np.asarray(x._a)
    if dim is None:
        flat = a.reshape(-1)
        indices = inverse or counts or recording(x)
        values, at, numbers, many = C.distinct(flat, ordered, indices)
        take = _unique if ordered else _consecutive
        result = take(x, at, None) if recording(x) else wrap(values)
        numbers = numbers if numbers is None else numbers.reshape(a.shape)
    else:
        i = _slices(op, a, dim)
        at, numbers, many = C.distinct_rows(np.moveaxis(a, i, 0), ordered)
        result = (_unique_dim if ordered else _consecutive_dim)(x, at, i)
    found = [result, *([wrap(numbers)] if inverse else []), *([wrap(many)] if counts else [])]
    return tuple(found) if len(found) > 1 else result


def _slices(op: str, a: Any, dim: int) -> int:
    if not a.ndim:
        raise IndexError(f"{op}: input is 0-d; a dimension of slices is needed. Leave dim out.")
    i = axis(dim, a.ndim, op)
    empty = [k for k, n in enumerate(a.shape) if n == 0]
    if empty and empty != [i]:
        raise RuntimeError(
            f"{op}: input is {sizes(a.shape)} and dim is {dim}; the slices along it have no elements."
        )
    return i


# ---- places


def _places_of_batch(batch: Any, op: Any, xs: Any, args: Any) -> Any:
    rows, values = xs
    if rows.ndim > 1:
        return batch.run(op, batch.full(rows), batch.full(values), args=args)
    if not batch.mine(rows):
        return batch.run(op, rows, values.raw, args=args)
    flat = batch.reshape(batch.full(values), (batch.size, values.size))
    return batch.reshape(batch.run(op, rows.raw, flat, args=args), (batch.size, *values.shape))


_places = opaque("searchsorted", C.places, d=(None, None), batch=_places_of_batch)


def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Where the values of `input` belong in sorted rows, so that they stay sorted.

    Shapes: sorted_sequence [n] and input of any shape, or [..., n] and [..., m]. right (or side="right"):
    behind equal elements instead of before them. sorter: the indices that sort the rows.
    Raises: RuntimeError for shapes and arguments that do not fit.
    """
    op = "searchsorted"
    rows = need_tensor(sorted_sequence, op, "sorted_sequence")
    if side not in (None, "left", "right"):
        raise RuntimeError(f"{op}: side is {side!r}; 'left' or 'right' is needed.")
    if side == "left" and right:
        raise RuntimeError(f"{op}: side is 'left' and right is True; they must agree.")
    if isinstance(input, NUMBERS):
        values = wrap(number(input, number_dtype(input)))
        if rows._a.ndim != 1:
            raise RuntimeError(
                f"{op}: input is a number and sorted_sequence is {sizes(rows._a.shape)}; it must be 1-d."
            )
    else:
        values = need_tensor(input, op)
    real_only(op, (rows, values))
    a, b = rows._a.shape, values._a.shape
    if not a or (len(a) > 1 and a[:-1] != b[:-1]):
        raise RuntimeError(
            f"{op}: sorted_sequence is {sizes(a)} and input {sizes(b)}; it must be 1-d, or their leading "
            "sizes equal."
        )
    if sorter is not None:
        rows = _in_order(rows, sorter)
    return _found(op, rows, values, right or side == "right", out_int32, out)


def _in_order(rows: Tensor, sorter: Tensor) -> Tensor:
    at, shape = need_tensor(sorter, "searchsorted", "sorter")._a, rows._a.shape
    if at.dtype is not I8:
        raise RuntimeError(f"searchsorted: sorter is {sorter.dtype}; torch.int64 is needed.")
    if at.shape != shape:
        raise RuntimeError(
            f"searchsorted: sorter is {sizes(at.shape)} and sorted_sequence {sizes(shape)}; they must be "
            "equal."
        )
    if at.size and not isinstance(at, Storage) and (at.min() < 0 or at.max() >= shape[-1]):
        raise RuntimeError(
            f"searchsorted: sorter has indices from {at.min()} to {at.max()}; they must be from 0 to "
            f"{shape[-1] - 1}."
        )
    return pick(rows, at, len(shape) - 1, True)


def _found(op: str, rows: Tensor, values: Tensor, right: bool, short: bool, out: Any) -> Tensor:
    if rows._kind is not values._kind:
        kind = promote(rows._kind, values._kind)
        rows, values = (x if x._kind is kind else cast(x, kind) for x in (rows, values))
    return finish(_places(rows, values, right, "i4" if short else "i8"), out, op, exact=True)


def bucketize(
    input: Any,
    boundaries: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """The number of the bucket that each value is in; boundaries are 1-d and ascending. right: a boundary
    belongs to the bucket behind it.

    Raises: RuntimeError unless boundaries are 1-d.
    """
    edges = need_tensor(boundaries, "bucketize", "boundaries")
    if edges._a.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries are {sizes(edges._a.shape)}; a 1-d tensor is needed.")
    if out is None and type(input) is Tensor and input._kind is edges._kind and plain(input, edges):
        return wrap(C.places(edges._a, input._a, right, "i4" if out_int32 else "i8"))
    if isinstance(input, NUMBERS):
        values = wrap(number(input, number_dtype(input)))
    else:
        values = need_tensor(input, "bucketize")
    return _found("bucketize", edges, values, right, out_int32, out)


def _isin_of_batch(batch: Any, op: Any, xs: Any, args: Any) -> Any:
    x, tests = xs
    if not batch.mine(tests):
        return batch.run(op, x.raw, tests, args=args)
    flat = batch.reshape(batch.full(x), (batch.size, x.size, 1))
    hit = batch.run("eq", flat, batch.reshape(tests.raw, (batch.size, 1, tests.size)))
    found = batch.run("any", hit, args=((2,), False))
    found = batch.run("logical_not", found) if args[0] else found
    return batch.reshape(found, (batch.size, *x.shape))


_isin = opaque("isin", C.isin, d=(None, None), batch=_isin_of_batch)


def _comparable(*given: Any) -> tuple[Tensor, ...]:
    """The arguments of isin as Tensors of one dtype. Raises: as isin."""
    if not any(isinstance(x, Tensor) for x in given):
        raise TypeError("isin: elements and test_elements are numbers; one Tensor at least is needed.")
    x, tests = (
        wrap(number(v, number_dtype(v))) if isinstance(v, NUMBERS) else need_tensor(v, "isin", what)
        for v, what in zip(given, ("elements", "test_elements"), strict=True)
    )
    real_only("isin", (x, tests), RuntimeError)
    for t in (x, tests):
        if t._kind is B1:
            raise RuntimeError("isin: bool is given; numbers are needed. Convert it with .int().")
    if x._kind is not tests._kind:
        kind = result_dtype((x, tests))
        x, tests = (t if t._kind is kind else cast(t, kind) for t in (x, tests))
    return x, tests


def isin(
    elements: Any,
    test_elements: Any,
    *,
    assume_unique: bool = False,
    invert: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """Which elements are among the test elements (with invert: are not). One of the two may be a number.

    Raises: RuntimeError for bool, TypeError for two numbers.
    """
    x, tests = elements, test_elements
    if not (isinstance(x, Tensor) and isinstance(tests, Tensor) and x._kind is tests._kind is I8):
        x, tests = _comparable(x, tests)
    return finish(_isin(x, tests, bool(invert)), out, "isin", exact=True)


offer(
    globals(),
    functions="bucketize isin searchsorted",
    both="unique unique_consecutive",
)
nameless(globals())
