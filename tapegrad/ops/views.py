"""Views beyond reshaping: parts and windows, patterns in memory, dimensions in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy import ndarray

import tapegrad.define.batching as B
import tapegrad.kernels.complex_numbers as C
import tapegrad.kernels.strided as S
from tapegrad._errors import say_once, sizes
from tapegrad.define import indexing, linear, offer
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import buffer_of
from tapegrad.ops import index, moves, shape
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, axis
from tapegrad.views import base_of, box, is_view, view_of

_conj = linear("conj", C.conj, lambda F, g, _: F.conj(g), batch=B.same)


def conj(input: Tensor) -> Tensor:
    """The complex conjugate, as a new tensor; a real input itself."""
    return _conj(input) if need_tensor(input, "conj")._kind.kind == "c" else input


diagonal_at, on_diagonal = indexing(
    ("diagonal", "diagonal_backward"),
    S.diagonal,
    S.undiagonal,
    view=True,
    titles=("DiagonalBackward0", "DiagonalBackwardBackward0"),
    batch=(
        B.shifted(lambda n, k, i, j: (k, i + 1, j + 1)),
        B.shifted(lambda n, k, i, j, shape: (k, i + 1, j + 1, (n, *shape))),
    ),
)
windows, _ = indexing(
    ("unfold", "unfold_backward"),
    S.unfold,
    S.fold,
    view=True,
    titles=("UnfoldBackward0", "UnfoldBackwardBackward0"),
    batch=(
        B.shifted(lambda n, dim, size, step: (dim + 1, size, step)),
        B.shifted(lambda n, dim, size, step, shape: (dim + 1, size, step, (n, *shape))),
    ),
)


def in_batch(
    n: int, size: Any, stride: Any, offset: int, geometry: S.Geometry, *shape: Any
) -> tuple[Any, ...]:
    """The pattern of a whole batch: the entries' memories one behind the other."""
    own, steps, start = geometry
    length = max(S.extent(size, stride, offset), S.extent(*geometry))
    whole = ((n, *own), (length, *steps), start)
    return ((n, *size), (length, *stride), offset, whole, *[(n, *s) for s in shape])


strided, _ = indexing(
    ("as_strided", "as_strided_backward"),
    S.gather,
    S.scatter,
    view=S.as_strided,
    titles=("AsStridedBackward0", "AsStridedBackwardBackward0"),
    batch=(B.shifted(in_batch), B.shifted(in_batch)),
)


def as_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """A view of the memory under input: element [i, j] lies at storage_offset + i * stride[0] + j * stride[1]
    elements from its start; without an offset, from where input starts.

    Where places come several times, their gradients add up. What lies beside input gives no gradient.
    Raises: RuntimeError for negative strides, and beyond the memory.
    """
    new, steps, offset, geometry = pattern_of(input, size, stride, storage_offset, "as_strided")
    t: Tensor = strided(input, new, steps, offset, geometry)
    if is_view(input):  # what is written to it may lie beside input: it is a part of the base
        base, made = base_of(input), t._cold.made
        t._cold = view_of(base, strided.op, (new, steps, offset, S.geometry_of(base._a)))
        t._cold.made = made
    return t


def pattern_of(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None, op: str
) -> tuple[Any, ...]:
    """The arguments of as_strided, checked, and how input lies in its memory."""
    x = box(need_tensor(input, op))
    new, steps = tuple(size), tuple(stride)
    if not all(isinstance(n, int) for n in (*new, *steps)):
        raise TypeError(f"{op}: size is {new} and stride is {steps}; integers are needed.")
    geometry = S.geometry_of(x)
    offset = geometry[2] if storage_offset is None else storage_offset
    if len(new) != len(steps):
        raise RuntimeError(f"{op}: size is {new} and stride is {steps}; both must be as long.")
    if min((*new, *steps, offset), default=0) < 0:
        raise RuntimeError(
            f"{op}: size is {new}, stride is {steps}, and the offset {offset}; none may be negative."
        )
    memory = buffer_of(x).nbytes // x.dtype.itemsize if type(x) is ndarray else S.extent(*geometry)
    if S.extent(new, steps, offset) > memory:
        raise RuntimeError(
            f"{op}: size {sizes(new)} with stride {steps} from {offset} on needs "
            f"{S.extent(new, steps, offset)} elements; the memory under input has {memory}."
        )
    return new, steps, offset, geometry


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of `size` elements along a dimension, `step` apart, as a view with the window last.

    Raises: RuntimeError for a size beyond the dimension's or below 0, a step below 1.
    """
    i = axis(dimension, need_tensor(input, "unfold")._a.ndim, "unfold")
    n = input._a.shape[i] if input._a.ndim else 1
    if size < 0 or size > n or step < 1:
        raise RuntimeError(
            f"unfold: size is {size} and step is {step}; dimension {i} allows a size from 0 to {n}, and a "
            "step is 1 or more."
        )
    if not input._a.ndim:
        return picked(windows(shape.unsqueeze(input, 0), 0, size, step), 0, 0)
    return windows(input, i, size, step)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of two dimensions as a view, with it as the last dimension; offset > 0 is above the main
    one.

    Raises: RuntimeError for equal dimensions.
    """
    n = (input if type(input) is Tensor else need_tensor(input, "diagonal"))._a.ndim
    if dim1 == 0 and dim2 == 1 and n > 1:
        return diagonal_at(input, offset, 0, 1)
    i, j = axis(dim1, n, "diagonal"), axis(dim2, n, "diagonal")
    if i == j:
        raise RuntimeError(f"diagonal: dim1 is {dim1} and dim2 is {dim2}; two dimensions are needed.")
    return diagonal_at(input, offset, i, j)


# ---- parts along a dimension


def sized(input: Tensor, dim: int, op: str, error: type[Exception] = RuntimeError) -> tuple[int, int]:
    """`dim` counted from the front, and its size. Raises: `error` for a 0-d tensor."""
    s = (input if type(input) is Tensor else need_tensor(input, op))._a.shape
    if not s:
        raise error(f"{op}: input is 0-d; 1-d or more is needed.")
    i = dim if type(dim) is int and 0 <= dim < len(s) else axis(dim, len(s), op)
    return i, s[i]


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The entry `index` along a dimension, without it: a view. Raises: IndexError out of range."""
    s = need_tensor(input, "select")._a.shape
    if not s:
        raise IndexError("select: input is 0-d; 1-d or more is needed.")
    i, k = axis(dim, len(s), "select"), index.__index__()
    if not -s[i] <= k < s[i]:
        raise IndexError(f"select: index is {k}; dimension {i} of {sizes(s)} has {s[i]} entries.")
    return picked(input, i, k)


def picked(input: Tensor, dim: int, at: Any) -> Tensor:
    """The view at an integer or a slice along a dimension."""
    place = shape.along(dim, at)
    return (index.sliced if isinstance(at, slice) else index.getitem)(input, place)


def narrow(input: Tensor, dim: int, start: int | Tensor, length: int) -> Tensor:
    """`length` entries along a dimension from `start` on: a view.

    Raises: IndexError for a start out of range, RuntimeError for a length beyond the end or below 0.
    """
    return index.sliced(input, narrowed(input, dim, start, length, "narrow"))


def narrowed(input: Tensor, dim: int, start: int | Tensor, length: int, op: str) -> tuple[Any, ...]:
    """The index of narrow, checked."""
    i, n = sized(input, dim, op)
    if isinstance(start, Tensor) and (start._a.ndim or start._a.dtype.kind not in "iu"):
        raise RuntimeError(f"{op}: start is {start.dtype}{sizes(start._a.shape)}; one integer is needed.")
    first = int(start)
    if not -n <= first <= n:
        raise IndexError(f"{op}: start is {first}; for a dimension of size {n} it must be from {-n} to {n}.")
    first += n if first < 0 else 0
    if length < 0 or first + length > n:
        raise RuntimeError(
            f"{op}: start is {first} and length is {length}; they must not be negative, nor exceed the "
            f"size {n} together."
        )
    return shape.along(i, slice(first, first + length))


# ---- order of dimensions


def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """A view with the dimensions `source` at `destination`; the others keep their order.

    Raises: RuntimeError for unequal numbers of dimensions, or one that comes twice.
    """
    n = need_tensor(input, "movedim")._a.ndim
    if isinstance(source, int) is not isinstance(destination, int):
        raise TypeError(f"movedim: source is {source} and destination {destination}; both must be of a kind.")
    if not n and source in (0, -1) and destination in (0, -1):
        return index.index(input, ...)
    if type(source) is int:
        order = list(range(n))
        order.insert(axis(destination, n, "movedim"), order.pop(axis(source, n, "movedim")))
        return moves.permute(input, tuple(order))
    froms, tos = (
        [axis(d, n, "movedim") for d in ((dims,) if isinstance(dims, int) else dims)]
        for dims in (source, destination)
    )
    if len(froms) != len(tos) or len(set(froms)) < len(froms) or len(set(tos)) < len(tos):
        raise RuntimeError(
            f"movedim: source is {source} and destination is {destination}; both must name as many "
            "dimensions, each once."
        )
    rest = iter([d for d in range(n) if d not in froms])
    places = dict(zip(tos, froms, strict=True))
    return shape.permute(input, tuple([places[d] if d in places else next(rest) for d in range(n)]))


def moveaxis(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """movedim under NumPy's name."""
    return movedim(input, source, destination)


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """transpose under NumPy's name."""
    return shape.transpose(input, axis0, axis1)


def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """transpose."""
    return shape.transpose(input, dim0, dim1)


def adjoint(input: Tensor) -> Tensor:
    """A view with the last two dimensions swapped; of complex numbers a copy, also conjugated.

    Raises: RuntimeError for a 1-d tensor.
    """
    x = need_tensor(input, "adjoint")._a
    if x.ndim == 1:
        raise RuntimeError(f"adjoint: input is {sizes(x.shape)} (1-d); 2-d or more is needed.")
    if not x.ndim:
        say_once("adjoint: input is 0-d, where torch will stop transposing.")
        return input
    return conj(shape.mT(input))


def H(input: Tensor) -> Tensor:
    """A matrix transposed and conjugated. Raises: RuntimeError unless it is 2-d."""
    n = input._a.ndim
    if n not in (0, 2):
        raise RuntimeError(f"adjoint: input is {sizes(input._a.shape)} ({n}-d); .H needs a matrix. Use .mH.")
    return adjoint(input)


offer(
    globals(),
    methods="unfold",
    both="adjoint as_strided diagonal moveaxis movedim narrow select swapaxes swapdims",
    properties={"H": H, "mH": adjoint},
)
nameless(globals())
