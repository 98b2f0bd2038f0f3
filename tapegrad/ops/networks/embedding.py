"""Tables of vectors: their rows by number, sums of rows, and numbers as rows of zeros and a one."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

import tapegrad.kernels.embedding as E
import tapegrad.kernels.reduce as R
from tapegrad._errors import describe, sizes
from tapegrad.define import cast, indexing, linear, offer, recording
from tapegrad.dtypes import F4, I8, float64
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.filling import ones
from tapegrad.kernels.gathering import outside
from tapegrad.levels import arrays_of
from tapegrad.naming import argument
from tapegrad.ops.along import index_add
from tapegrad.ops.create import full, zeros
from tapegrad.ops.gather import gather, scatter, scatter_reduce
from tapegrad.ops.new import ones_like
from tapegrad.ops.pointwise import clamp_min, where
from tapegrad.ops.series import arange
from tapegrad.ops.shape import cat, expand, reshape, unsqueeze
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap

_INTEGERS = (np.dtype("i4"), I8)


def _rows_of_batch(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of rows(table, index, share)."""
    (table,), (index, share) = xs, args
    if not B.mine(table):
        return B.run(op, table, args=(B.full(index), None if share is None else B.full(share)))
    flat, at = _one_table(B, B.full(table), index)
    return B.run(op, flat, args=(at, None if share is None else B.full(share)))


def _one_table(B: Any, table: Any, index: Any) -> tuple[Any, Any]:
    """The tables of all entries as one, and where the rows are in it."""
    n = table.shape[1]
    first = (np.arange(B.size) * n).reshape(B.size, *(1,) * index.ndim)
    return B.reshape(table, (B.size * n, table.shape[2])), B.run("add", B.full(index), first)


def _sums_of_batch(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of add_rows(g, index, share, shape)."""
    (g,), (index, share, shape) = xs, args
    first = (np.arange(B.size) * shape[0]).reshape(B.size, *(1,) * index.ndim)
    at = B.run("add", B.full(index), first)
    wide = (B.size * shape[0], shape[1])
    y = B.run(op, B.full(g), args=(at, None if share is None else B.full(share), wide))
    return B.reshape(y, (B.size, *shape))


# What goes back is divided by frequencies and leaves out padding: so these two are each other's adjoint, and
# the look-up itself has a share only for them.
_shared_rows, _add_rows = indexing(
    ("embedding.shared", "embedding.back"),
    E.rows,
    E.add_rows,
    titles=("EmbeddingBackward0", "EmbeddingDenseBackwardBackward0"),
    batch=(_rows_of_batch, _sums_of_batch),
)
_embedding = linear(
    "embedding",
    lambda table, index, share: E.take_rows(table, index),
    lambda F, g, shape, index, share: F.apply(_add_rows.op, g, index, share, shape),
    kind="indexing",
    batch=lambda B, op, xs, args: _rows_of_batch(B, _shared_rows.op, xs, (args[0], None)),
)
_embedding.op.reads = ((),)  # torch saves the numbers: a graph through them can be used once


def _numbers(op: str, input: Tensor, weight: Tensor, error: type[Exception] = IndexError) -> Any:
    """The row numbers, as an array or storage. Raises: RuntimeError for another dtype, a weight that is no
    table (IndexError if it is 0-d and requires grad), or has no elements, `error` for a number out
    of range."""
    t, w = need_tensor(input, op)._a, need_tensor(weight, op, "weight")._a
    if t.dtype not in _INTEGERS:
        raise RuntimeError(
            f"{op}: {argument('input', input)} is {describe(input)}; int64 or int32 is needed."
        )
    if w.ndim != 2:
        unsized = not w.ndim and recording(weight)  # torch keeps the number of rows for the backward
        kind = IndexError if unsized else RuntimeError
        raise kind(f"{op}: {argument('weight', weight)} is {describe(weight)}; a 2-d one is needed.")
    for a in arrays_of(t):
        bad = outside(np.asarray(a), w.shape[0])
        if bad is not None:
            raise (error if w.size else RuntimeError)(
                f"{op}: {argument('input', input)} has {bad}; weight has {w.shape[0]} rows, so 0 to "
                f"{w.shape[0] - 1} are possible."
            )
    return t


def _padding(op: str, padding: int | None, weight: Tensor) -> int:
    """The row that gets no gradient, counted from the front; -1 for none. Raises: AssertionError."""
    if padding is None:
        return -1
    if not padding:
        return 0
    n = weight.size(0)
    if not -n <= padding < n:
        raise AssertionError(f"{op}: padding_idx is {padding}; weight has {n} rows.")
    return padding % n


def _share(numbers: Any, padding: int, by_frequency: bool, weight: Tensor) -> Any:
    """What the gradient of each row is multiplied with: 0 for padding, 1 / how often its number comes. None
    if that is 1 for all."""
    if weight._node is None or (padding < 0 and not by_frequency):
        return None
    t = wrap(numbers).long()
    share: Tensor = (t != padding).to(weight.dtype)
    if by_frequency:
        flat = reshape(t, -1)
        ones = ones_like(flat).to(weight.dtype)
        counts = index_add(zeros(weight._a.shape[0], dtype=weight.dtype), 0, flat, ones)
        share = share / reshape(gather(counts, 0, flat), t.shape)
    return share._a


def embedding_renorm_(input: Tensor, weight: Tensor, max_norm: float, norm_type: float = 2.0) -> None:
    """Scale those rows of weight that input names and that are longer than max_norm to that length."""
    from_array = np.unique(np.asarray(input._a))
    taken = weight.detach().index_select(0, wrap(from_array))
    norms = taken.norm(norm_type, 1, keepdim=True)
    scaled = where(norms > max_norm, taken * (max_norm / (norms + 1e-7)), taken)
    weight.detach().index_copy_(0, wrap(from_array), scaled)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of weight that input names.

    Shapes: input [...] of row numbers, weight [rows, width] -> [..., width].
    padding_idx: a row that gets no gradient. max_norm: longer rows are first scaled to it, in weight itself.
    scale_grad_by_freq: gradients are divided by how often a number comes. sparse: accepted; it is dense.
    Raises: IndexError for a number out of range, RuntimeError for other dtypes.
    """
    padding = _padding("embedding", padding_idx, need_tensor(weight, "embedding", "weight"))
    t = _numbers("embedding", input, weight)
    if max_norm is not None:
        embedding_renorm_(input, weight, max_norm, norm_type)
    result: Tensor = _embedding(weight, t, _share(t, padding, scale_grad_by_freq, weight))
    return result


# ---- bags


def _bags(op: str, input: Tensor, offsets: Any, last: bool) -> tuple[Any, int]:
    """The bag of each number, and how many there are. Raises: ValueError, RuntimeError for wrong offsets."""
    n = input._a.size
    if input._a.ndim == 2:
        if offsets is not None:
            raise ValueError(f"{op}: input is 2-d, each row a bag, and offsets is given; leave it out.")
        return np.repeat(np.arange(input._a.shape[0]), input._a.shape[1]), int(input._a.shape[0])
    if input._a.ndim != 1:
        raise ValueError(f"{op}: input is {describe(input)}; 1-d with offsets, or 2-d, is needed.")
    if offsets is None or offsets.dim() != 1:
        raise ValueError(f"{op}: offsets is {describe(offsets)}; for a 1-d input it must be a 1-d tensor.")
    at = np.asarray(offsets._a)
    if at.dtype not in _INTEGERS:
        raise RuntimeError(f"{op}: offsets is {describe(offsets)}; int64 or int32 is needed.")
    count = at.size - bool(last)
    if at.size and at[0] != 0:
        raise RuntimeError(f"{op}: offsets begins with {at[0]}; the first bag starts at 0.")
    if at.size and at[-1] > n:
        raise RuntimeError(f"{op}: offsets ends with {at[-1]}; input has {n} numbers.")
    ends = np.append(at[1:], n) if not last else at[1:]
    return np.repeat(np.arange(count), np.diff(np.append(at[:count], ends[-1:]))), count


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The sum, mean or maximum over bags of rows of weight.

    Shapes: input [bags, n], or [n] with offsets [bags], where each bag starts; weight [rows, width] -> [bags,
    width]. per_sample_weights: what each row is multiplied with, for sums. include_last_offset: offsets has
    the end, too. padding_idx: numbers that are left out.
    Raises: ValueError for shapes and modes, RuntimeError for offsets or a number out of range.
    """
    op = "embedding_bag"
    _check_bag(op, weight, input, mode, scale_grad_by_freq, per_sample_weights)
    bags, count = _bags(op, input, offsets, include_last_offset)
    _numbers(op, input, weight, RuntimeError)
    flat = reshape(input, -1)[: bags.size]
    padding = _padding(op, padding_idx, weight)
    if max_norm is not None:
        embedding_renorm_(input, weight, max_norm, norm_type)
    if weight._kind.itemsize == 2:  # sums are rounded once
        weight, narrow = cast(weight, F4), weight._kind
        weights = None if per_sample_weights is None else cast(per_sample_weights, F4)
        return cast(_reduced(weight, flat, bags, count, padding, mode, scale_grad_by_freq, weights), narrow)
    return _reduced(weight, flat, bags, count, padding, mode, scale_grad_by_freq, per_sample_weights)


def _reduced(
    weight: Tensor,
    flat: Tensor,
    bags: Any,
    count: int,
    padding: int,
    mode: str,
    by_frequency: bool,
    weights: Tensor | None,
) -> Tensor:
    """The bags of checked arguments: flat numbers, and the bag of each."""
    if mode == "max":
        return _largest(weight, flat, bags, count, padding)
    taken: Tensor = _embedding(weight, flat._a, _share(flat._a, padding, by_frequency, weight))
    if weights is not None:
        taken = taken * unsqueeze(reshape(weights, -1)[: bags.size], -1)
    if padding >= 0:
        taken = where(unsqueeze(flat != padding, -1), taken, 0)
    sums: Tensor = index_add(zeros((count, weight._a.shape[1]), dtype=weight.dtype), 0, wrap(bags), taken)
    if mode == "sum":
        return sums
    kept = (flat != padding).to(weight.dtype)
    counts = index_add(zeros(count, dtype=weight.dtype), 0, wrap(bags), kept)
    return sums / unsqueeze(clamp_min(counts, 1), -1)


def _check_bag(
    op: str, weight: Tensor, input: Tensor, mode: str, by_frequency: bool, weights: Tensor | None
) -> None:
    need_tensor(input, op), need_tensor(weight, op, "weight")
    if weights is not None and weights._a.shape != input._a.shape:
        raise ValueError(
            f"{op}: per_sample_weights is {sizes(weights._a.shape)} and input {sizes(input._a.shape)}; they "
            "must be equal."
        )
    if weight._a.ndim != 2:
        raise ValueError(f"{op}: weight is {describe(weight)}; a 2-d one is needed.")
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"{op}: mode is {mode!r}; 'sum', 'mean' or 'max' is needed.")
    if mode == "max" and by_frequency:
        raise ValueError(f"{op}: scale_grad_by_freq is for sums and means; mode is 'max'.")
    if weights is not None and mode != "sum":
        raise NotImplementedError(f"{op}: per_sample_weights is given and mode is {mode!r}; it needs 'sum'.")
    if weights is not None and weights._kind is not weight._kind:
        raise RuntimeError(
            f"{op}: weight is {weight.dtype} and per_sample_weights {weights.dtype}; they must be equal."
        )


def bag_facts(
    weight: Tensor, indices: Tensor, offsets: Tensor, mode: str, last: bool, padding_idx: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """What torch's own kernel returns beside the bags: the bag of each number, how many numbers each bag has,
    and (of maxima) which rows they came from. Of sums only the first, and that not always."""
    op = "embedding_bag"
    (bags, count), padding = _bags(op, indices, offsets, last), _padding(op, padding_idx, weight)
    kind, flat = indices.dtype, indices[: bags.size]
    of_each = wrap(bags).to(kind)
    if mode == "sum":
        at_once = weight.dtype is not float64 and weight.stride(1) == 1 and padding < 0
        none = zeros(count if weight.requires_grad else offsets.shape, dtype=kind)
        return of_each[:0] if at_once else of_each, none, none.clone()
    kept = index_add(zeros(count, dtype=kind), 0, wrap(bags), (flat != padding).to(kind))
    if mode == "mean":
        return of_each, kept, kept.clone()
    return of_each, kept, _largest_rows(weight, flat, bags, count, padding)[0].to(kind)


def _largest(weight: Tensor, flat: Tensor, bags: Any, count: int, padding: int) -> Tensor:
    """The largest element of each bag and column: the gradient goes to the first of equal ones. As in torch
    nan is the largest where a bag begins with it, and passed over behind that."""
    row, none = _largest_rows(weight, flat, bags, count, padding)
    largest: Tensor = where(none, 0.0, gather(weight, 0, row))
    return largest


def _largest_rows(weight: Tensor, flat: Tensor, bags: Any, count: int, padding: int) -> tuple[Tensor, Tensor]:
    """(the rows of the largest elements, 0 where there are none; where there are none)."""
    width, n = weight._a.shape[1], bags.size
    at = expand(unsqueeze(wrap(bags), -1), n, width)
    values = _embedding(weight.detach(), flat._a, None)
    begins = np.concatenate(([True], bags[1:] != bags[:-1]))[:n]
    values = where(values == values, values, unsqueeze(where(wrap(begins), inf, -inf).to(values.dtype), -1))
    kept = unsqueeze(flat != padding, -1)
    low = full((count, width), -inf, dtype=weight.dtype)
    best = scatter_reduce(low, 0, at, where(kept, values, -inf), "amax")
    here = (values == gather(best, 0, at)) & kept
    places = where(here, unsqueeze(arange(n), -1), n)
    first = scatter_reduce(full((count, width), n), 0, at, places, "amin")
    wide = flat.long()
    numbers = cat([wide, zeros(1, dtype=wide.dtype)])
    return reshape(gather(numbers, 0, reshape(first, -1)), (count, width)), first == n


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Zeros with a one at the place that each number names, in int64.

    Shapes: [...] -> [..., num_classes]; -1 takes one more than the largest number.
    Raises: RuntimeError for other dtypes than int64, numbers out of range, or nothing to count.
    """
    t = need_tensor(tensor, "one_hot", "tensor")
    if t._kind is not I8:
        raise RuntimeError(f"one_hot: tensor is {describe(t)}; int64 is needed. Use .long().")
    arrays = [np.asarray(a) for a in arrays_of(t._a)]
    if not t._a.size and num_classes <= 0:
        raise RuntimeError(f"one_hot: tensor is empty and num_classes {num_classes}; 1 or more is needed.")
    ends = [R.range_of(a) for a in arrays if a.size]
    if any(least < 0 for least, _ in ends):
        raise RuntimeError("one_hot: tensor has a negative number; 0 or more is needed.")
    largest = max([int(most) for _, most in ends], default=-1)
    if num_classes == -1:
        num_classes = largest + 1
    if num_classes < 1 or largest >= num_classes:
        raise RuntimeError(
            f"one_hot: tensor has {largest} and num_classes is {num_classes}; more are needed."
        )
    shape = (*t._a.shape, num_classes)
    if type(t._a) is np.ndarray:
        return wrap(R.place(ones(t._a.shape, I8), t._a[..., None], t._a.ndim, True, shape))
    return scatter(zeros(shape, dtype=t.dtype), -1, unsqueeze(t, -1), 1)


offer(globals(), functions="embedding embedding_bag one_hot", namespace="nn")
nameless(globals())
