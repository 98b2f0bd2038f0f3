"""Tensors cut into several views along a dimension."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

from tapegrad.define import offer, several
from tapegrad.kernels.errstate import nameless
from tapegrad.ops import index
from tapegrad.ops.shape import along
from tapegrad.ops.views import picked, sized
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor


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
    """The parts of these lengths, one behind the other."""
    return tuple(cut(tensor, _slices(dim, lengths), dim, lengths))


def _slices(dim: int, lengths: tuple[int, ...]) -> tuple[Any, ...]:
    """The indices of parts of these lengths, each as the arguments of an op."""
    before, ends = along(dim), (0, *accumulate(lengths))
    return tuple([((*before, slice(start, end)),) for start, end in pairwise(ends)])


def equal_pieces(cut: Any, tensor: Tensor, size: int, dim: int, op: str) -> tuple[Tensor, ...]:
    """The parts of one size along dim; the last may be smaller. Raises: RuntimeError."""
    i, n = sized(tensor, dim, op)
    if size < 0 or (size == 0 and n):
        raise RuntimeError(f"{op}: split_size is {size}; 1 or more is needed.")
    return _equally(cut, tensor, i, n, size)


def _equally(cut: Any, tensor: Tensor, i: int, n: int, size: int) -> tuple[Tensor, ...]:
    """The parts of one size along dimension i, which has n entries."""
    keep = _few_equal if n <= _FEW * size else _some_equal if n <= _SOME * size else _equal
    places, lengths = keep(i, n, size)
    return tuple(cut(tensor, places, i, lengths))


# Parts of which the indices are kept, of so many the last ones only: new ones are objects that Python's
# collector counts, and it looks for garbage after some hundreds.
_FEW, _SOME = 64, 4096


def _equal(dim: int, n: int, size: int) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """The indices and the lengths of the parts of n entries; of nothing there is one."""
    count, rest = divmod(n, size) if n else (0, 0)
    lengths = (size,) * count + ((rest,) if rest or not n else ())
    return _slices(dim, lengths), lengths


def _numbers(dim: int, n: int) -> tuple[Any, ...]:
    """The indices of n entries, each as the arguments of an op."""
    before = along(dim)
    return tuple([((*before, k),) for k in range(n)])


_few_equal = lru_cache(1000, typed=True)(_equal)  # 2.0 equals 2, and is no size
_few_numbers = lru_cache(1000)(_numbers)
_some_equal, _some_numbers = lru_cache(8, typed=True)(_equal), lru_cache(8)(_numbers)


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
        return equal_pieces(_split, tensor, given, dim, "split")
    return pieces_of(_split_sizes, tensor, *given_lengths(tensor, given, dim, "split"))


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """split with a list of sizes."""
    return pieces_of(_split_sizes, input, *given_lengths(input, split_sizes, dim, "split_with_sizes"))


def _chunked(cut: tuple[Any, Any], input: Tensor, chunks: int, dim: int, op: str) -> tuple[Tensor, ...]:
    """At most so many equal parts; of nothing as many as asked, by the second of the ways to cut."""
    i, n = sized(input, dim, op)
    if chunks < 1:
        raise RuntimeError(f"{op}: chunks is {chunks}; 1 or more is needed.")
    if n:
        return _equally(cut[0], input, i, n, -(-n // chunks))
    return pieces_of(cut[1], input, i, (0,) * chunks)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` views of equal size (the last may be smaller) along dim. See `split`."""
    return _chunked((_split, _split_sizes), input, chunks, dim, "chunk")


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of each entry along dim, without it. See `split`. Raises: IndexError for a 0-d tensor."""
    return tuple(_unbind(input, *entries(input, dim, "unbind")))


def entries(input: Tensor, dim: int, op: str) -> tuple[tuple[Any, ...], int]:
    """The indices of all entries along a dimension, and which it is. Raises: IndexError for a 0-d tensor."""
    i, n = sized(input, dim, op, IndexError)
    keep = _few_numbers if n <= _FEW else _some_numbers if n <= _SOME else _numbers
    return keep(i, n), i


# ---- parts that may be written


def unsafe_split(tensor: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """split, into parts that autograd takes for tensors of their own: they can be written in place, if
    tensor itself, whose memory they share, is not used any more."""
    return equal_pieces(_unsafe_split, tensor, split_size, dim, "unsafe_split")


def unsafe_split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """split_with_sizes, as `unsafe_split`."""
    return pieces_of(_unsafe_sizes, input, *given_lengths(input, split_sizes, dim, "unsafe_split_with_sizes"))


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """chunk, as `unsafe_split`."""
    return _chunked((_unsafe_split, _unsafe_sizes), input, chunks, dim, "unsafe_chunk")


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
