"""Tensors joined, and brought to shapes in which they can be: stacks, blocks, grids, products of sets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from itertools import combinations as choose
from itertools import combinations_with_replacement as choose_again
from math import comb
from typing import Any

import numpy as np

import tapegrad.kernels.arrange as A
from tapegrad._errors import describe, say_once, sizes
from tapegrad._state import default
from tapegrad.define import offer, recording, variadic
from tapegrad.dtypes import I8, int64
from tapegrad.kernels.errstate import nameless
from tapegrad.ops import index, moves, shape
from tapegrad.ops.reduce import sum
from tapegrad.ops.shape import cat, listed, promoted, stack
from tapegrad.ops.sizes import integers
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Size, Tensor, wrap

# ---- at least so many dimensions


def _each(tensors: tuple[Any, ...], op: Any, name: str) -> Any:
    """op of one tensor, or of each of several."""
    if len(tensors) == 1 and not isinstance(tensors[0], (tuple, list)):
        return op(need_tensor(tensors[0], name))
    given = tensors[0] if len(tensors) == 1 else tensors
    return tuple([op(need_tensor(x, name, "tensors")) for x in given])


def _one(x: Tensor) -> Tensor:
    return moves.view(x, (1,)) if not x._a.ndim else x


def _two(x: Tensor) -> Tensor:
    n = x._a.ndim
    return x if n > 1 else moves.unsqueeze(x, 0) if n else moves.view(x, (1, 1))


def _three(x: Tensor) -> Tensor:
    n = x._a.ndim
    if n == 2:
        return moves.unsqueeze(x, 2)
    return x if n > 2 else moves.unsqueeze(moves.unsqueeze(x, 0), 2) if n else moves.view(x, (1, 1, 1))


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor, a 0-d one as a view with one dimension."""
    return _each(tensors, _one, "atleast_1d")


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor, as a view with new dimensions in front if it has less than two."""
    return _each(tensors, _two, "atleast_2d")


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor, as a view with three dimensions if it has less: a matrix gets one behind, a vector one on
    either side."""
    return _each(tensors, _three, "atleast_3d")


# ---- joins


def _raised(tensors: Any, least: int, by: Any, op: str) -> Sequence[Tensor]:
    """The tensors; where one has less dimensions, each as `by` makes it."""
    xs = listed(tensors, op)
    for x in xs:
        if x._a.ndim < least:
            return [by(x) for x in xs]
    return xs


def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors joined along dimension 1; those of one dimension (or none) along that."""
    xs = _raised(tensors, 1, _one, "hstack")
    return cat(xs, 0 if xs[0]._a.ndim == 1 else 1, out=out)


def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors joined along dimension 0; vectors are rows."""
    xs = listed(tensors, "vstack")
    if xs[0]._a.ndim == 1 and not recording(*xs) and len({x._a.shape for x in xs}) == 1:
        return stack(xs, 0, out=out)  # the same, in fewer steps; a graph has torch's
    return cat(_raised(xs, 2, _two, "vstack"), 0, out=out)


def row_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """vstack."""
    return vstack(tensors, out=out)


def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors joined along dimension 2, after `atleast_3d`."""
    return cat(_raised(tensors, 3, _three, "dstack"), 2, out=out)


def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors joined along dimension 1; vectors are columns."""
    xs = [
        x if x._a.ndim > 1 else moves.view(shape.contiguous(x), (x._a.size, 1))
        for x in listed(tensors, "column_stack")
    ]
    return cat(xs, 1, out=out)


def _blocks_vjp(F: Any, g: Any, shapes: Any, need: Any) -> list[Any]:
    return [
        None if p is None else F.reshape(F.getitem(g, at), shape)
        for at, shape, p in zip(A.blocks(shapes), shapes, need, strict=True)
    ]


def _blocks_body(F: Any, *xs: Any) -> Any:
    """Each block between zeros, as a band of rows."""
    widths = [x.shape[-1] if x.ndim else 1 for x in xs]
    rows, before, width = [], 0, max(accumulate(widths))
    for x, n in zip(xs, widths, strict=True):
        matrix = F.reshape(x, (x.shape[0] if x.ndim == 2 else 1, n))
        after = width - before - n
        zeros = [F.blank((matrix.shape[0], k), x) for k in (before, after)]
        rows.append(F.cat([zeros[0], matrix, zeros[1]], 1))
        before += n
    return F.cat(rows, 0)


_blocks = variadic("block_diag", A.block_diag, _blocks_vjp)
_blocks.op.body = _blocks_body


def block_diag(*tensors: Tensor) -> Tensor:
    """Zeros with the matrices along the diagonal; a vector is a row.

    Raises: RuntimeError for more than two dimensions.
    """
    if not tensors:
        return wrap(np.zeros((1, 0), default.dtype))
    xs = promoted(list(tensors), "block_diag")
    for i, x in enumerate(xs):
        if x._a.ndim > 2:
            raise RuntimeError(
                f"block_diag: tensors[{i}] is {sizes(x._a.shape)} ({x._a.ndim}-d); at most 2-d is possible."
            )
    return _blocks(xs)


# ---- broadcasting


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape to which all these broadcast, as a Size; a number is a shape of one size.

    Raises: RuntimeError for shapes that do not broadcast, ValueError for negative sizes.
    """
    given = [s if isinstance(s, (tuple, list)) else (s,) for s in shapes]
    found: list[int] = []
    for s in given:
        for n in s:
            if not hasattr(n, "__index__"):
                raise TypeError(f"broadcast_shapes: {tuple(s)} is given; sizes are integers.")
            if n < 0:
                raise ValueError(f"broadcast_shapes: {tuple(s)} is given; sizes must be 0 or more.")
        found = [1] * (len(s) - len(found)) + found
        for k in range(1, len(s) + 1):
            n, m = int(s[-k]), found[-k]
            if 1 not in (n, m) and n != m:
                raise RuntimeError(
                    f"broadcast_shapes: {', '.join(sizes(tuple(s)) for s in given)} are given; dimension "
                    f"{-k} has {m} and {n}, which must be equal, or one of them 1."
                )
            found[-k] = m if n == 1 else n
    return Size(found)


def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors as views of one shape, to which all broadcast. Raises: RuntimeError if they do not."""
    for i, x in enumerate(tensors):
        need_tensor(x, "broadcast_tensors", f"tensors[{i}]")
    wanted = tuple(broadcast_shapes(*[x._a.shape for x in tensors]))
    return tuple([x if x._a.shape == wanted else moves.expand(x, wanted) for x in tensors])


def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """The sum over dimensions that a broadcast from `size` would make.

    Raises: RuntimeError unless `size` broadcasts to input's shape.
    """
    if not size:
        raise TypeError("sum_to_size: size is missing; pass the sizes of the result.")
    wanted, own = integers(size, "sum_to_size"), input._a.shape
    lead = len(own) - len(wanted)
    if lead < 0 or any(n not in (1, m) for n, m in zip(wanted, own[lead:], strict=True)):
        raise RuntimeError(
            f"sum_to_size: input is {sizes(own)} and size {sizes(wanted)}; size must broadcast to it."
        )
    if not wanted:
        return sum(input)
    if wanted == own:
        return input
    if input._kind.kind in "iub" and input._kind is not I8:
        input = input.to(int64)
    full = (1,) * lead + wanted
    result: Tensor = sum(input, 0, True) if full == own else moves.sum_to(input, full)  # never input itself
    if lead:
        result = moves.view(result, wanted)
    return result


# ---- grids


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of a grid over vectors, one view of the grid's shape per vector. indexing: "ij" lays
    the first vector along dimension 0, "xy" along dimension 1.

    Raises: RuntimeError for more than one dimension, differing dtypes, another indexing.
    """
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    xs = [x if type(x) is Tensor else need_tensor(x, "meshgrid", "tensors") for x in given]
    if not xs:
        raise RuntimeError("meshgrid: no tensors are given; one or more are needed.")
    if indexing is None:
        say_once("meshgrid: indexing is missing, which torch will require; pass indexing='ij' (as now).")
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing is {indexing!r}; 'ij' or 'xy' is needed.")
    kind = xs[0]._kind
    for x in xs:
        if x._a.ndim > 1 or x._kind is not kind:
            raise RuntimeError(
                f"meshgrid: {describe(x)} is given; 0-d and 1-d tensors of one dtype are needed."
            )
    n = len(xs)
    order = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else range(n)
    whole = [1] * n
    for at, x in zip(order, xs, strict=True):
        whole[at] = x._a.size
    grid = tuple(whole)
    return tuple([moves.expand(_thin(x, n, at), grid) for at, x in zip(order, xs, strict=True)])


def _thin(x: Tensor, n: int, at: int) -> Tensor:
    """A vector along one of n dimensions, where the others are 1."""
    own = (1,) * at + (x._a.size,) + (1,) * (n - 1 - at)
    return moves.view(x, own) if x._a.flags.c_contiguous else shape.reshape(x, own)


def _vector(x: Any, op: str) -> Tensor:
    if need_tensor(x, op)._a.ndim != 1:
        raise RuntimeError(f"{op}: {describe(x)} is given; a 1-d tensor is needed.")
    return x  # type: ignore[no-any-return] # a Tensor


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of one element of each vector, as rows. Raises: RuntimeError for other dimensions."""
    xs = [_vector(x, "cartesian_prod") for x in tensors]
    if len(xs) == 1:
        return xs[0]
    return stack([shape.flatten(x) for x in meshgrid(*xs, indexing="ij")], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of r elements of a vector, as rows, in the order of the elements.

    Raises: RuntimeError for other dimensions, a negative r.
    """
    x = _vector(input, "combinations")
    if r < 0:
        raise RuntimeError(f"combinations: r is {r}; 0 or more is needed.")
    if r == 0:
        return wrap(np.zeros(0, x._kind))
    n = x._a.size
    count = comb(n + r - 1, r) if with_replacement and n else comb(n, r)
    rows = (choose_again if with_replacement else choose)(range(n), r)
    places = np.fromiter(chain.from_iterable(rows), I8, count * r).reshape(count, r)
    return stack([index.fetch(x, (places[:, k].copy(),)) for k in range(r)], 1)


offer(
    globals(),
    functions=(
        "atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes broadcast_tensors cartesian_prod "
        "column_stack combinations dstack hstack meshgrid row_stack vstack"
    ),
    methods="sum_to_size",
)
nameless(globals())
