"""Elements in another order or several times: flips, rolls, turns, repetitions; diagonals and triangles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.arrange as A
from tapegrad._errors import sizes
from tapegrad.define import Function, finish, indexing, linear, offer
from tapegrad.dtypes import I8, as_numpy, int32, int64
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops import along, views
from tapegrad.ops.copies import diagonal_copied
from tapegrad.ops.create import finished
from tapegrad.ops.shape import expand
from tapegrad.ops.sizes import integers
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, axis, wrap

flipped: Function = linear(
    "flip", A.flip, lambda F, g, _, dims: F.apply(flipped.op, g, dims), batch=B.at_dims
)


def _rolled_back(F: Any, g: Any, _: Any, shifts: Any, dims: Any) -> Any:
    return F.apply(rolled.op, g, tuple([-s for s in shifts]), dims)


rolled: Function = linear("roll", A.roll, _rolled_back, batch=B.rolled)
_rot90: Function = linear(
    "rot90",
    A.rot90,
    lambda F, g, _, k, i, j: F.apply(_rot90.op, g, -k, i, j),
    batch=B.shifted(lambda n, k, i, j: (k, i + 1, j + 1)),
)
_repeat, _ = indexing(
    ("repeat", "repeat.back"),
    A.repeat,
    A.unrepeat,
    titles=("RepeatBackward0", "SumBackward1"),
    batch=(B.repeated_times, B.unrepeated),
)
_diag_embed = linear(
    "diag_embed",
    A.diag_embed,
    lambda F, g, _, k, i, j: F.apply(views.diagonal_at.op, g, k, i, j),
    batch=B.shifted(lambda n, k, i, j: (k, i + 1, j + 1)),
)
_tril: Function = linear("tril", A.tril, lambda F, g, _, k: F.apply(_tril.op, g, k), batch=B.same)
_triu: Function = linear("triu", A.triu, lambda F, g, _, k: F.apply(_triu.op, g, k), batch=B.same)
_repeat_each = linear(
    "repeat_interleave",
    A.repeat_each,
    lambda F, g, shape, n, dim: F.sum(
        F.reshape(g, (*shape[: dim + 1], n, *shape[dim + 1 :])), (dim + 1,), False
    ),
    title="ViewBackward0",
    batch=B.shifted(lambda size, n, dim: (n, dim + 1)),
    widens=True,
)
_repeat.op.reads = ()  # nothing is saved for it


# ---- order


def _tuple(given: tuple[Any, ...], name: str, op: str) -> tuple[Any, ...]:
    """f(0, 1), f((0, 1)) or f(dims=(0, 1)) as a tuple of ints. Raises: TypeError."""
    if not given:
        raise TypeError(f"{op}: nothing is given; {name} are needed, e.g. {op}(0).")
    return integers(given, op)


def _dims(input: Tensor, dims: tuple[Any, ...], op: str) -> tuple[int, ...]:
    """Dimensions counted from the front. Raises: RuntimeError for one that comes twice."""
    found = tuple([axis(d, input._a.ndim, op) for d in dims])
    if len(set(found)) < len(found):
        raise RuntimeError(f"{op}: dims are {dims}; each dimension may come only once.")
    return found


def flip(input: Tensor, *dims_: Any, dims: Any = None) -> Tensor:
    """A copy in reverse order along the dimensions: flip(0), flip((0, 1)) or flip(dims=(0, 1)).

    Raises: RuntimeError for a dimension that comes twice.
    """
    need_tensor(input, "flip")
    return flipped(input, _dims(input, _tuple(dims_ if dims is None else (dims,), "dims", "flip"), "flip"))


def _flipped(input: Tensor, dim: int, op: str) -> Tensor:
    if need_tensor(input, op)._a.ndim <= dim:
        raise RuntimeError(f"{op}: input is {input._a.ndim}-d; {dim + 1}-d or more is needed.")
    return flipped(input, (dim,))


def fliplr(input: Tensor) -> Tensor:
    """flip along dimension 1. Raises: RuntimeError for less than two dimensions."""
    return _flipped(input, 1, "fliplr")


def flipud(input: Tensor) -> Tensor:
    """flip along dimension 0. Raises: RuntimeError for a 0-d tensor."""
    return _flipped(input, 0, "flipud")


def roll(input: Tensor, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """The elements moved by `shifts` along dims, where those at the end come to the start; without dims, in
    all of input read as one row.

    Raises: RuntimeError unless there are as many shifts as dims.
    """
    x = (input if type(input) is Tensor else need_tensor(input, "roll"))._a
    by = (shifts,) if type(shifts) is int else integers((shifts,), "roll")
    if not by:
        raise RuntimeError("roll: shifts is empty; one or more are needed.")
    along_ = () if dims is None else integers((dims,), "roll")
    if not along_ and len(by) == 1:
        return rolled(input, by, None)
    if len(by) != len(along_):
        raise RuntimeError(f"roll: shifts are {by} and dims {along_}; there must be as many.")
    if not x.ndim:
        raise IndexError(f"roll: dims are {along_} and input is 0-d; it has none.")
    return rolled(input, by, tuple([axis(d, x.ndim, "roll") for d in along_]))


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """input turned k times by 90 degrees in the plane of two dimensions, from the first towards the second.

    Raises: RuntimeError unless dims are two different ones.
    """
    n = need_tensor(input, "rot90")._a.ndim
    given = tuple(dims)
    places = [axis(d, n, "rot90") for d in given] if len(given) == 2 and n > 1 else []
    if len(set(places)) < 2:
        raise RuntimeError(
            f"rot90: dims are {given} and input is {n}-d; two different dimensions are needed."
        )
    i, j = places
    return _rot90(input, k.__index__(), i, j)


# ---- repetitions


def repeat(input: Tensor, *repeats_: Any, repeats: Any = None) -> Tensor:
    """input several times along each dimension, copied; more numbers than dimensions make new ones in front.

    Raises: RuntimeError for fewer numbers, or negative ones.
    """
    given = repeats_ if repeats is None else (repeats,)
    if not given and need_tensor(input, "repeat")._a.ndim == 0:
        raise TypeError("repeat: nothing is given; one number per dimension is needed, e.g. repeat(2).")
    times = integers(given, "repeat")
    if len(times) < input._a.ndim or min(times, default=0) < 0:
        raise RuntimeError(
            f"repeat: {argument('input', input)} is {sizes(input._a.shape)} and repeats are {times}; at "
            "least one number per dimension is needed, none of them negative."
        )
    return _repeat(input, times)


def tile(input: Tensor, *dims_: Any, dims: Any = None) -> Tensor:
    """repeat, where missing numbers in front are 1."""
    times = integers(dims_ if dims is None else (dims,), "tile")
    return repeat(input, (*(1,) * (need_tensor(input, "tile")._a.ndim - len(times)), *times))


def _indices(repeats: Tensor, output_size: int | None) -> Any:
    """0 so many times, 1 so many times, ..."""
    a = np.asarray(repeats._a)
    if repeats._kind not in (I8, int32.numpy):
        raise NotImplementedError(f"repeat_interleave: repeats is {repeats.dtype}; torch.int64 is needed.")
    if a.ndim != 1:
        raise RuntimeError(f"repeat_interleave: repeats is {a.ndim}-d; 0-d or 1-d is needed.")
    if a.size and int(a.min()) < 0:
        raise RuntimeError(f"repeat_interleave: repeats has {int(a.min())}; 0 or more is needed.")
    total = int(a.sum())
    if output_size is not None and output_size != total and a.size:
        raise RuntimeError(
            f"repeat_interleave: output_size is {output_size} and repeats add up to {total}; they "
            "must be equal. Leave output_size out."
        )
    return np.arange(a.size).repeat(a)


def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each entry along dim (each element, without dim) several times, one behind the other; `repeats` is a
    number, or a tensor with one for each. With repeats alone: the indices that do this.

    Raises: RuntimeError for negative repeats, another number of them, or another output_size than their sum.
    """
    x = need_tensor(input, "repeat_interleave")
    if repeats is None:
        return wrap(_indices(x, output_size).astype(x._kind, copy=False))
    if dim is None:
        x, dim = x.flatten(), 0
    i = axis(dim, x._a.ndim, "repeat_interleave")
    if isinstance(repeats, Tensor):
        if not x._a.ndim and repeats._a.ndim < 2:
            raise IndexError("repeat_interleave: input is 0-d; leave dim out.")
        return _by_tensor(x, repeats, i, output_size)
    if isinstance(repeats, bool) or not hasattr(repeats, "__index__"):
        raise TypeError(f"repeat_interleave: repeats is {repeats!r}; an integer or a tensor is needed.")
    if repeats < 0:
        raise RuntimeError(f"repeat_interleave: repeats is {repeats}; 0 or more is needed.")
    if not x._a.ndim:
        raise IndexError("repeat_interleave: input is 0-d; leave dim out.")
    shape = x._a.shape
    n = shape[i] * repeats
    if output_size is not None and output_size != n:
        raise RuntimeError(
            f"repeat_interleave: output_size is {output_size} and the result has {n} entries; they "
            "must be equal."
        )
    return _repeat_each(x, repeats, i)


def repeat_interleave_method(
    input: Tensor, repeats: Any, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """repeat_interleave, where repeats must be given."""
    if repeats is None:
        raise TypeError("repeat_interleave: repeats is None; an integer or a tensor is needed.")
    return repeat_interleave(input, repeats, dim, output_size=output_size)


def _by_tensor(x: Tensor, repeats: Tensor, dim: int, output_size: int | None) -> Tensor:
    n = x._a.shape[dim] if x._a.ndim else 1
    if repeats._a.ndim == 0 or repeats._a.shape == (1,):
        repeats = expand(repeats.reshape(1), (n,))
    elif repeats._a.shape != (n,) and repeats._a.ndim == 1:
        raise RuntimeError(
            f"repeat_interleave: repeats has {repeats._a.size} elements and dimension {dim} of input {n} "
            "entries; they must be as many."
        )
    return along._select(x, _indices(repeats, output_size), dim)


# ---- diagonals and triangles


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Zeros with the last dimension of input on the diagonal of two new ones; offset > 0 is above the main
    one.

    Raises: RuntimeError for equal dimensions.
    """
    n = need_tensor(input, "diag_embed")._a.ndim + 1
    i, j = axis(dim1, n, "diag_embed"), axis(dim2, n, "diag_embed")
    if i == j:
        raise RuntimeError(f"diag_embed: dim1 is {dim1} and dim2 is {dim2}; two dimensions are needed.")
    return _diag_embed(input, offset.__index__(), i, j)


def diag(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """Of a vector the matrix with it on a diagonal; of a matrix that diagonal, copied.

    Raises: RuntimeError for other numbers of dimensions.
    """
    n = need_tensor(input, "diag")._a.ndim
    if n not in (1, 2):
        raise RuntimeError(f"diag: input is {n}-d; 1-d or 2-d is needed. Use diagonal or diag_embed.")
    result = diag_embed(input, diagonal) if n == 1 else diagonal_copied(input, diagonal, 0, 1)
    return finish(result, out, "diag", (input,))


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all elements of input on a diagonal."""
    return diag_embed(need_tensor(input, "diagflat").ravel(), offset)


def _triangle(input: Tensor, diagonal: Any, op: Any, out: Tensor | None) -> Tensor:
    name = op.op.name
    x = need_tensor(input, name)._a
    if x.ndim < 2:
        raise RuntimeError(f"{name}: input is {sizes(x.shape)} ({x.ndim}-d); 2-d or more is needed.")
    try:
        k = diagonal.__index__()
    except AttributeError:
        raise TypeError(f"{name}: diagonal is {diagonal!r}; an integer is needed.") from None
    return finish(op(input, k), out, name, (input,))


def tril(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The lower triangles of matrices: 0 above a diagonal. Raises: RuntimeError for less than two
    dimensions."""
    return _triangle(input, diagonal, _tril, out)


def triu(input: Tensor, diagonal: int = 0, *, out: Tensor | None = None) -> Tensor:
    """The upper triangles of matrices: 0 below a diagonal. Raises: RuntimeError for less than two
    dimensions."""
    return _triangle(input, diagonal, _triu, out)


def _triangle_indices(name: str, lower: bool) -> Any:
    def call(
        row: int,
        col: int,
        offset: int = 0,
        *,
        dtype: Any = int64,
        device: Any = None,
        layout: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        if row < 0 or col < 0:
            raise RuntimeError(f"{name}: row is {row} and col is {col}; 0 or more is needed.")
        kind = as_numpy(dtype, name)
        if kind.kind not in "iu":
            raise NotImplementedError(f"{name}: dtype is {dtype}; integers are needed.")
        inside = A.below(row, col, offset) if lower else ~A.below(row, col, offset - 1)
        return finished(
            name, np.stack(np.nonzero(inside)).astype(kind, copy=False), device, requires_grad, None
        )

    call.__name__ = call.__qualname__ = name
    part = "lower" if lower else "upper"
    call.__doc__ = f"The rows and columns of the {part} triangle of a matrix, as a [2, n] tensor."
    return call


tril_indices, triu_indices = _triangle_indices("tril_indices", True), _triangle_indices("triu_indices", False)


offer(
    globals(),
    functions="repeat_interleave tril_indices triu_indices",
    methods="repeat",
    both="diag diag_embed diagflat flip fliplr flipud roll rot90 tile tril triu",
    in_place="tril triu",
    rules="repeat",
    named={"repeat_interleave": repeat_interleave_method},
)
nameless(globals())
