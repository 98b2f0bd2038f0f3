"""Tensors cut into several views along a dimension."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from tapegrad.define import offer, several
from tapegrad.kernels.errstate import nameless
from tapegrad.ops import index
from tapegrad.ops.shape import along
from tapegrad.ops.views import picked, sized
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, axis


def split_back(F: Any, parts: Any, shape: Any, dim: int, lengths: tuple[int, ...]) -> Any:
    like = next(iter(parts.values()))
    pieces, missing = [], 0  # neighbours without a cotangent are one blank
    for i, n in enumerate((*lengths, 0)):
        found = parts.get(i)
        if missing and (found is not None or i == len(lengths)):
            pieces.append(F.blank((*shape[:dim], missing, *shape[dim + 1 :]), like))
            missing = 0
        if found is None:
            missing += n
        else:
            pieces.append(found)
    return F.cat(pieces, dim)


def unbind_back(F: Any, parts: Any, shape: Any, dim: int) -> Any:
    if len(parts) == shape[dim]:
        return F.stack([parts[i] for i in range(shape[dim])], dim)
    wide = (*shape[:dim], 1, *shape[dim + 1 :])
    rows = {i: F.reshape(g, wide) for i, g in parts.items()}
    return split_back(F, rows, shape, dim, (1,) * shape[dim])


entry = index.getitem.op
_split = several("split", split_back, entry)
_split_sizes = several("split_with_sizes", split_back, entry)
_unbind = several("unbind", unbind_back, entry)
_unsafe_split = several("unsafe_split", split_back, entry, safe=False)
_unsafe_sizes = several("unsafe_split_with_sizes", split_back, entry, safe=False)


def pieces_of(cut: Any, tensor: Tensor, dim: int, lengths: tuple[int, ...]) -> tuple[Tensor, ...]:
    before, places, start = along(dim), [], 0
    for n in lengths:
        places.append((*before, slice(start, start + n)))
        start += n
    return tuple(cut(tensor, places, dim, lengths))


def equal_lengths(tensor: Tensor, size: int, dim: int, op: str) -> tuple[int, tuple[int, ...]]:
    """The dimension, and the sizes of its parts. Raises: RuntimeError."""
    i, n = sized(tensor, dim, op)
    if size < 0 or (size == 0 and n):
        raise RuntimeError(f"{op}: split_size is {size}; 1 or more is needed.")
    if not n:
        return i, (0,)
    count, rest = divmod(n, size)
    return i, (size,) * count + ((rest,) if rest else ())


def given_lengths(tensor: Tensor, sections: Any, dim: int, op: str) -> tuple[int, tuple[int, ...]]:
    i, n = sized(tensor, dim, op)
    if not isinstance(sections, (tuple, list)):
        raise TypeError(f"{op}: sections are {sections!r}; a tuple or list of integers is needed.")
    lengths = tuple(sections)
    if sum(lengths) != n or min(lengths, default=0) < 0:
        raise RuntimeError(
            f"{op}: sections are {list(lengths)}; they must add up to dimension {i}'s size {n}."
        )
    return i, lengths


def split(
    tensor: Tensor,
    split_size_or_sections: int | Sequence[int] | None = None,
    dim: int = 0,
    *,
    split_size: int | Sequence[int] | None = None,
) -> tuple[Tensor, ...]:
    """Views of the given size (the last may be smaller), or of the given sizes, along dim.

    They cannot be written in place while gradients are recorded; `unsafe_split` returns parts that can.
    Raises: RuntimeError for sizes that do not add up.
    """
    given: Any = split_size if split_size_or_sections is None else split_size_or_sections
    if isinstance(given, int):
        return pieces_of(_split, tensor, *equal_lengths(tensor, given, dim, "split"))
    return pieces_of(_split_sizes, tensor, *given_lengths(tensor, given, dim, "split"))


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """split with a list of sizes."""
    return pieces_of(_split_sizes, input, *given_lengths(input, split_sizes, dim, "split_with_sizes"))


def _chunked(input: Tensor, chunks: int, dim: int, op: str) -> tuple[int, int]:
    """The size of the parts, and the size of what is cut."""
    n = sized(input, dim, op)[1]
    if chunks < 1:
        raise RuntimeError(f"{op}: chunks is {chunks}; 1 or more is needed.")
    return -(-n // chunks), n


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size (the last may be smaller) along dim. See `split`."""
    size, n = _chunked(input, chunks, dim, "chunk")
    if not n:
        return split(input, [0] * chunks, dim)
    return pieces_of(_split, input, *equal_lengths(input, size, dim, "chunk"))


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of each entry along dim, without it. See `split`. Raises: IndexError for a 0-d tensor."""
    return tuple(_unbind(input, *entries(input, dim, "unbind")))


def entries(input: Tensor, dim: int, op: str) -> tuple[list[Any], int]:
    """The indices of all entries along a dimension, and which it is. Raises: IndexError for a 0-d tensor."""
    shape = need_tensor(input, op)._a.shape
    if not shape:
        raise IndexError(f"{op}: input is 0-d; 1-d or more is needed.")
    i = axis(dim, len(shape), op)
    before = along(i)
    return [(*before, k) for k in range(shape[i])], i


# ---- parts that may be written


def unsafe_split(tensor: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """split, into parts that autograd takes for tensors of their own: they can be written in place, if
    tensor itself, whose memory they share, is not used any more."""
    return pieces_of(_unsafe_split, tensor, *equal_lengths(tensor, split_size, dim, "unsafe_split"))


def unsafe_split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """split_with_sizes, as `unsafe_split`."""
    return pieces_of(_unsafe_sizes, input, *given_lengths(input, split_sizes, dim, "unsafe_split_with_sizes"))


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """chunk, as `unsafe_split`."""
    size, n = _chunked(input, chunks, dim, "unsafe_chunk")
    return unsafe_split(input, size, dim) if n else unsafe_split_with_sizes(input, [0] * chunks, dim)


# ---- views one by one, which may be written


def tensor_split(
    input: Tensor, indices_or_sections: Any = None, dim: int = 0, *, indices: Any = None, sections: Any = None
) -> tuple[Tensor, ...]:
    """Views along a dimension: so many of nearly equal size, or cut before each of the given indices.

    Raises: RuntimeError for a 0-d tensor, or less than one section.
    """
    i, n = sized(input, dim, "tensor_split")
    given = next((x for x in (indices_or_sections, indices, sections) if x is not None), None)
    if isinstance(given, Tensor):
        given = given.tolist()
    if isinstance(given, int):
        if given < 1:
            raise RuntimeError(f"tensor_split: sections is {given}; 1 or more is needed.")
        ends: list[Any] = [k * (n // given) + min(k, n % given) for k in range(given + 1)]
    elif isinstance(given, (tuple, list)):
        ends = [0, *given, None]
    else:
        raise TypeError(f"tensor_split: {given!r} is given; a number, or a list of indices, is needed.")
    return tuple([picked(input, i, slice(a, b)) for a, b in pairwise(ends)])


def _splitter(name: str, least: int, dim: int) -> Any:
    def call(
        input: Tensor, indices_or_sections: Any = None, *, indices: Any = None, sections: Any = None
    ) -> tuple[Tensor, ...]:
        ndim = need_tensor(input, name)._a.ndim
        if ndim < least:
            raise RuntimeError(f"{name}: input is {ndim}-d; {least}-d or more is needed.")
        i = min(dim, ndim - 1)
        n = input._a.shape[i]
        given = next((x for x in (indices_or_sections, indices, sections) if x is not None), None)
        if isinstance(given, int) and (given < 1 or n % given):
            raise RuntimeError(f"{name}: sections is {given}; it must divide dimension {i}'s size {n}.")
        return tensor_split(input, given, i)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Views along dimension {dim}, of equal size or cut before each of the given indices."
    return call


hsplit, vsplit, dsplit = _splitter("hsplit", 1, 1), _splitter("vsplit", 2, 0), _splitter("dsplit", 3, 2)


offer(
    globals(),
    both=(
        "chunk dsplit hsplit split split_with_sizes tensor_split unbind unsafe_chunk unsafe_split "
        "unsafe_split_with_sizes vsplit"
    ),
)
nameless(globals())
