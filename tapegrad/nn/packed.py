"""Sequences of different lengths as one tensor: padded, or packed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

from tapegrad._errors import describe, sizes
from tapegrad.dtypes import NAMES
from tapegrad.ops.along import index_select
from tapegrad.ops.create import full, tensor
from tapegrad.ops.new import empty_like
from tapegrad.ops.parts import split_with_sizes
from tapegrad.ops.series import arange
from tapegrad.ops.shape import cat, stack, transpose
from tapegrad.ops.shuffle import constant_pad_nd
from tapegrad.ops.sort import sort
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

Self = TypeVar("Self", bound="PackedSequence")


class _Parts(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Parts):
    """Sequences sorted by length, as the rows of their first steps, then those of their second ones, and so
    on. `pack_padded_sequence` and `pack_sequence` make it.

    data: [rows, ...]. batch_sizes: how many sequences have each step. sorted_indices: where the sorted
    sequences are in the user's batch; unsorted_indices: the inverse; None where they were sorted.
    Source: torch.nn.utils.rnn.PackedSequence.
    """

    __slots__ = ()

    def __new__(
        cls: type[Self],
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        """The four parts; data may be the pair of the first two."""
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError(
                    f"PackedSequence: {describe(data)} is given alone; data and batch_sizes are needed."
                )
            data, batch_sizes = data
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def _with(self: Self, data: Tensor) -> Self:
        return self if data is self.data else type(self)(data, *self[1:])

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """The same with data.to(...)."""
        return self._with(self.data.to(*args, **kwargs))

    def cpu(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Itself: everything is on the CPU."""
        return self

    def cuda(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Raises as Tensor.cuda does."""
        return self._with(self.data.cuda(*args, **kwargs))

    def pin_memory(self: Self) -> Self:
        """Itself: there is no device that memory could be pinned for."""
        return self

    def double(self: Self) -> Self:
        """With data in float64."""
        return self._with(self.data.double())

    def float(self: Self) -> Self:
        """With data in float32."""
        return self._with(self.data.float())

    def half(self: Self) -> Self:
        """With data in float16."""
        return self._with(self.data.half())

    def long(self: Self) -> Self:
        """With data in int64."""
        return self._with(self.data.long())

    def int(self: Self) -> Self:
        """With data in int32."""
        return self._with(self.data.int())

    def short(self: Self) -> Self:
        """With data in int16."""
        return self._with(self.data.short())

    def char(self: Self) -> Self:
        """With data in int8."""
        return self._with(self.data.char())

    def byte(self: Self) -> Self:
        """With data in uint8."""
        return self._with(self.data.byte())

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False

    def is_pinned(self) -> bool:
        """False."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes one."""
    if permutation is None:
        return None
    return empty_like(permutation).scatter_(0, permutation, arange(permutation.numel()))


def _lengths(op: str, lengths: Any, batch: int, longest: int) -> list[Any]:
    """Raises: RuntimeError for lengths that do not fit, or are not sorted."""
    known = lengths.tolist()
    if lengths.dim() != 1 or len(known) != batch:
        raise RuntimeError(
            f"{op}: lengths is {describe(lengths)} and the batch {batch}; [{batch}] is needed."
        )
    if any(a < b for a, b in pairwise(known)):
        raise RuntimeError(
            f"{op}: lengths are {known}; with enforce_sorted=True they must fall. Pass enforce_sorted=False."
        )
    if not known or known[-1] <= 0:
        raise RuntimeError(f"{op}: lengths are {known}; each must be 1 or more.")
    if known[0] > longest:
        raise RuntimeError(f"{op}: lengths are {known} and input has {longest} steps; they must fit.")
    return known  # type: ignore[no-any-return] # a list: it is 1-d


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Padded sequences without their padding.

    Shapes: input [L, N, ...], or [N, L, ...] with batch_first; lengths [N]. enforce_sorted: the lengths must
    fall; otherwise they are sorted here.
    Raises: RuntimeError for lengths that do not fit.
    """
    op = "pack_padded_sequence"
    x = need_tensor(input, op)
    n: Tensor = lengths.long() if isinstance(lengths, Tensor) else tensor(lengths, dtype=NAMES["int64"])
    order = None
    if not enforce_sorted:
        n, order = sort(n, descending=True)
        x = index_select(x, 0 if batch_first else 1, order)
    if not x.numel():
        raise RuntimeError(f"{op}: input is {sizes(x.shape)}; it must not be empty.")
    steps = transpose(x, 0, 1) if batch_first else x
    known = _lengths(op, n, steps.shape[1], steps.shape[0])
    rows = [sum(k > t for k in known) for t in range(known[0])]
    data = cat([steps[t, :k] for t, k in enumerate(rows)])
    return PackedSequence(data, tensor(rows, dtype=NAMES["int64"]), order)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded sequences of a PackedSequence, and their lengths.

    total_length: how many steps they are padded to; the longest one's by default.
    Raises: ValueError if that is less than the longest has.
    """
    rows = sequence.batch_sizes.tolist()
    if total_length is not None and total_length < len(rows):
        raise ValueError(
            f"pad_packed_sequence: total_length is {total_length} and the longest sequence has {len(rows)} "
            "steps; it must not be less."
        )
    data = sequence.data
    steps = split_with_sizes(data, rows)
    tail = [0, 0] * (data.dim() - 1)
    padded = [
        constant_pad_nd(s, [*tail, 0, rows[0] - n], padding_value) for s, n in zip(steps, rows, strict=True)
    ]
    more = 0 if total_length is None else total_length - len(rows)
    y = stack(padded)
    if more:
        y = cat([y, full((more, *y.shape[1:]), padding_value, dtype=y.dtype)])
    lengths = tensor([sum(n > i for n in rows) for i in range(rows[0])], dtype=NAMES["int64"])
    y = transpose(y, 0, 1) if batch_first else y
    back = sequence.unsorted_indices
    if back is None:
        return y, lengths
    return index_select(y, 0 if batch_first else 1, back), lengths[back]


def pad_sequence(
    sequences: Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences of different lengths in one tensor, padded to the longest.

    Shapes: [L_i, ...] each -> [L, N, ...], or [N, L, ...] with batch_first.
    Raises: RuntimeError for what cannot be iterated, nothing, another side, or other trailing dimensions.
    """
    op = "pad_sequence"
    if not isinstance(sequences, Iterable):
        raise RuntimeError(f"{op}: sequences is {describe(sequences)}; a list of tensors is needed.")
    ts = [need_tensor(t, op, "sequences") for t in sequences]
    if not ts or padding_side not in ("left", "right"):
        raise RuntimeError(
            f"{op}: {len(ts)} sequences are given and padding_side is {padding_side!r}; one or more, and "
            "'left' or 'right', is needed."
        )
    tail = ts[0].shape[1:]
    if any(t.shape[1:] != tail for t in ts):
        shown = ", ".join(sizes(t.shape) for t in ts)
        raise RuntimeError(f"{op}: {shown} are given; they may differ in their first size only.")
    longest = max(t.shape[0] for t in ts)
    right = padding_side == "right"

    def padded(t: Tensor) -> Tensor:
        more = longest - t.shape[0]
        by = [0, more] if right else [more, 0]
        return constant_pad_nd(t, [*[0, 0] * len(tail), *by], padding_value) if more else t

    return stack([padded(t) for t in ts], 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences that were padded."""
    entries = padded_sequences if batch_first else transpose(padded_sequences, 0, 1)
    return [t[: int(n)] for t, n in zip(entries, lengths, strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences as a PackedSequence. Raises: as pack_padded_sequence."""
    lengths = tensor([t.shape[0] for t in sequences], dtype=NAMES["int64"])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a PackedSequence."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
