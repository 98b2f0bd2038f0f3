"""Batch rules that definitions choose from: how an op runs on a whole batch at once. See `storage.batched`,
whose `Batch` is B here; nothing of it is imported."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage, ValueNeeded

Rule = Callable[[Any, Any, Any, Any], Any]


def shifted(arguments: Callable[..., tuple[Any, ...]]) -> Rule:
    """The same op on the whole batch, with arguments(n, *args) in place of args; n is the batch's size."""

    def rule(B: Any, op: Any, xs: Any, args: Any) -> Any:
        return B.run(op, *[x.raw if B.mine(x) else x for x in xs], args=arguments(B.size, *args))

    return rule


same = shifted(lambda n, *args: args)  # arguments that name no axis
to_shape = shifted(lambda n, shape: ((n, *shape),))
at_dims = shifted(lambda n, dims: (tuple([d + 1 for d in dims]),))
at_dim = shifted(lambda n, dim, *rest: (dim + 1, *rest))


def repeated(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of an op (x, shape) that broadcasts x to a shape."""
    (x,), (shape,) = xs, args
    return B.run(op, B.lift(x, len(shape)), args=((B.size, *shape),))


def summed_to(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of the op (x, shape) that undoes a broadcast."""
    (x,), (shape,) = xs, args
    wide = (B.size, *(1,) * (x.ndim - len(shape)), *shape)
    return B.reshape(B.run(op, x.raw, args=(wide,)), (B.size, *shape))


def swapped(i: Any, j: Any) -> Rule:
    """Of a transposition of two axes, counted from the end, that leaves fewer axes as they are."""

    def rule(B: Any, op: Any, xs: Any, args: Any) -> Any:
        raw, n = xs[0].raw, xs[0].ndim
        return (
            B.run("transpose", raw, args=(n + 1 + i, n + 1 + j))
            if n > 1
            else B.run("whole", raw, args=(...,))
        )

    return rule


def transposed(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of transpose(x, i, j)."""
    (x,), (i, j) = xs, args
    return B.run(op, x.raw, args=(i + 1, j + 1)) if x.ndim else B.run("whole", x.raw, args=(...,))


def permuted(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of permute(x, dims)."""
    return B.run(op, xs[0].raw, args=((0, *[d + 1 for d in args[0]]),))


def behind(index: Any) -> tuple[Any, ...]:
    """A basic index, behind the batch's axis."""
    return (slice(None), *(index if type(index) is tuple else (index,)))


cut = shifted(lambda n, index: (behind(index),))
uncut = shifted(lambda n, index, shape: (behind(index), (n, *shape)))


# ---- products


def _is_each(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether one matrix, of the shape a, times each of many, of the shape b, is better than one transposed
    product of all, the result of which does not lie in rows. Measured with 8 to 512 entries: up to 3.5 times
    as fast with 16 columns or more, and about as fast as long as the products are small."""
    (m, k), n = a, b[1]
    return m * n >= 32 and (n >= 16 or m * k * n <= 1024)


def product(first: int, second: int) -> Rule:
    """Of a product of two arrays with so many core dimensions (2: a matrix, 1: a vector).

    Where one operand is the same for all entries, the whole batch is one product of matrices, mostly.
    """

    def rule(B: Any, op: Any, xs: Any, args: Any) -> Any:
        a, b = xs
        x = a.raw if B.mine(a) else a
        y = b.raw if B.mine(b) else b
        if not B.mine(b) and b.ndim == second and a.ndim == first:
            rows = B.reshape(x, (prod(x.shape[:-1]), x.shape[-1])) if first == 2 else x
            z = B.run("mm" if second == 2 else "mv", rows, y)
            return B.reshape(z, (*x.shape[:-1], *z.shape[1:]))
        if not B.mine(a) and a.ndim == first and b.ndim == second:
            if first == second == 2 and _is_each(a.shape, b.shape):
                return B.run("matmul", x, y)
            # The transposed product.
            columns = B.run("transpose", y, args=(1, 2)) if second == 2 else y
            flat = B.reshape(columns, (prod(columns.shape[:-1]), columns.shape[-1])) if second == 2 else y
            turned = B.run("transpose", x, args=(0, 1)) if first == 2 else x
            z = B.run("mm" if first == 2 else "mv", flat, turned)
            z = B.reshape(z, (*columns.shape[:-1], *z.shape[1:]))
            return B.run("transpose", z, args=(1, 2)) if first == second == 2 else z
        ndim = max(a.ndim - first, b.ndim - second)
        x, y = B.lift(a, ndim + first), B.lift(b, ndim + second)
        if first == 1:
            x = B.reshape(x, (*x.shape[:-1], 1, x.shape[-1]))
        if second == 1:
            y = B.reshape(y, (*y.shape, 1))
        z = B.run("matmul", x, y)
        shape = z.shape[:-2] + (z.shape[-2:-1] if first == 2 else ()) + (z.shape[-1:] if second == 2 else ())
        return z if z.shape == shape else B.reshape(z, shape)

    return rule


def leading(*cores: int) -> Rule:
    """Of an op whose operands have so many core axes each, and leading axes that broadcast."""

    def rule(B: Any, op: Any, xs: Any, args: Any) -> Any:
        ndim = max([x.ndim - core for x, core in zip(xs, cores, strict=True)])
        return B.run(op, *[B.lift(x, ndim + core) for x, core in zip(xs, cores, strict=True)], args=args)

    return rule


# ---- index arrays


def _per_entry(B: Any, index: tuple[Any, ...]) -> tuple[tuple[Any, ...], int, int]:
    """An index of arrays and slices for the whole batch, one of whose arrays names the entry; then where the
    indexed axes stand in a result of one entry, and how many they are.

    Raises: ValueNeeded for a mask that differs per entry: how many it selects does too.
    """
    arrays: list[Any] = []
    for i in index:
        if isinstance(i, Storage) and i.dtype.kind == "b":
            raise ValueNeeded(B.level, "a mask that differs per entry")
        arrays += np.nonzero(i) if isinstance(i, ndarray) and i.dtype.kind == "b" else [i]
    places = [k for k, i in enumerate(arrays) if not isinstance(i, slice)]
    ndim = max(arrays[k].ndim for k in places)
    together = places == list(range(places[0], places[-1] + 1))
    entry = np.arange(B.size).reshape((B.size, *(1,) * ndim))
    raws = [i if isinstance(i, slice) else B.lift(i, ndim) for i in arrays]
    return (entry, *raws), places[0] if together else 0, ndim


def _masked(B: Any, index: tuple[Any, ...], ndim: int) -> Any:
    """An index that is one mask and differs per entry, for a tensor of ndim dimensions; None for others."""
    only = index[0]
    if len(index) != 1 or not isinstance(only, Storage) or only.dtype.kind != "b":
        return None
    raw = B.lift(only, only.ndim)
    return B.reshape(raw, (*raw.shape, *(1,) * (ndim - only.ndim)))


def _fronted(B: Any, x: Any, at: int, n: int) -> Any:
    """x [batch, *before, *indexed, *after], with its n indexed axes from `at` on moved behind the batch."""
    for k in range(n):
        x = B.moved(x, 1 + at + k, 1 + k)
    return x


def _back(B: Any, x: Any, at: int, n: int) -> Any:
    """The reverse."""
    for _ in range(n):
        x = B.moved(x, 1, at + n)
    return x


def taken(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of fetch(x, index)."""
    index, at, n = _per_entry(B, args[0])
    return _back(B, B.run(op, B.full(xs[0]), args=(index,)), at, n)


def scattered(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of spread(g, index, shape)."""
    (g,), (index, shape) = xs, args
    inner, at, n = _per_entry(B, index)
    return B.run(op, _fronted(B, B.full(g), at, n), args=(inner, (B.size, *shape)))


def put(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of put(x, value, index, accumulate)."""
    (x, value), (index, accumulate) = xs, args
    mask = _masked(B, index, x.ndim)
    if mask is not None and value.ndim == 0:
        new = B.run("add", B.full(x), B.lift(value, x.ndim)) if accumulate else B.lift(value, x.ndim)
        return B.run("where", mask, new, B.full(x))
    if all(isinstance(i, (int, slice)) or i is None or i is Ellipsis for i in index):
        index, at, n = behind(index), 0, 0
    else:
        index, at, n = _per_entry(B, index)
    full = B.full(x)
    blank = np.broadcast_to(False, full.shape)
    shape = B.run("index" if n else "select", blank, args=(index,)).shape
    if n:
        shape = (shape[0], *shape[1 + n : 1 + n + at], *shape[1 : 1 + n], *shape[1 + n + at :])
    source = B.expand(B.lift(value, len(shape) - 1), shape)
    return B.run(op, full, _fronted(B, source, at, n) if n else source, args=(index, accumulate))


def without(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of without(x, index)."""
    index = args[0]
    if all(isinstance(i, (int, slice)) or i is None or i is Ellipsis for i in index):
        return B.run(op, B.full(xs[0]), args=(behind(index),))
    full = B.full(xs[0])
    mask = _masked(B, index, xs[0].ndim)
    if mask is not None:
        return B.run("where", mask, np.zeros((), full.dtype), full)
    inner, _, _ = _per_entry(B, index)
    return B.run(op, full, args=(inner,))


def along(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of an op (x, dim, ...) that keeps the number of dimensions; a 0-d entry is one element along dim 0."""
    (x,), (dim, *rest) = xs, args
    if x.ndim:
        return B.run(op, x.raw, args=(dim + 1, *rest))
    return B.reshape(B.run(op, B.reshape(x.raw, (B.size, 1)), args=(1, *rest)), (B.size,))


def full(arguments: Callable[..., tuple[Any, ...]]) -> Rule:
    """`shifted` for ops of several operands, each of which must have the batch in front."""

    def rule(B: Any, op: Any, xs: Any, args: Any) -> Any:
        return B.run(op, *[B.full(x) for x in xs], args=arguments(B.size, *args))

    return rule


def rolled(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of roll(x, shifts, dims)."""
    (x,), (shifts, dims) = xs, args
    if dims is not None:
        return B.run(op, x.raw, args=(shifts, tuple([d + 1 for d in dims])))
    y = B.run(op, B.reshape(x.raw, (B.size, x.size)), args=(shifts, (1,)))
    return B.reshape(y, (B.size, *x.shape))


def repeated_times(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of repeat(x, times)."""
    (times,) = args
    return B.run(op, B.lift(xs[0], len(times)), args=((1, *times),))


def unrepeated(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of the adjoint (g, times, shape) of repeat."""
    times, shape = args
    wide = (B.size, *(1,) * (len(times) - len(shape)), *shape)
    return B.reshape(B.run(op, xs[0].raw, args=((1, *times), wide)), (B.size, *shape))


def _whole(B: Any, x: Any) -> Any:
    """x for every entry, each with one dimension at least."""
    raw = B.full(x)
    return raw if x.ndim else B.reshape(raw, (B.size, 1))


def gathered(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of an op (x, index, dim) that reads in the shape of index."""
    index, dim = args
    y = B.run(op, _whole(B, xs[0]), args=(_whole(B, index), dim + 1))
    return y if index.ndim else B.reshape(y, (B.size,))


def scattered_along(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of an op (x, [src,] index, dim, ...) that writes into the shape of x."""
    index, dim, *rest = args
    y = B.run(op, *[_whole(B, x) for x in xs], args=(_whole(B, index), dim + 1, *rest))
    return y if xs[0].ndim else B.reshape(y, (B.size,))


def spread_along(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of the op (g, index, dim, shape) that adds into zeros of a shape."""
    index, dim, shape = args
    wide = (B.size, *(shape or (1,)))
    y = B.run(op, _whole(B, xs[0]), args=(_whole(B, index), dim + 1, wide))
    return y if shape else B.reshape(y, (B.size,))


def _places(B: Any, index: Any, dim: int, shape: tuple[int, ...]) -> Any:
    """An index of entries along dim, as places for what has a shape."""
    shape = shape or (1,)
    thin = (B.size, *(1,) * dim, index.size, *(1,) * (len(shape) - 1 - dim))
    return B.expand(B.reshape(B.full(index), thin), (B.size, *shape[:dim], index.size, *shape[dim + 1 :]))


def entrywise(name: str) -> Rule:
    """Of an op (x, [src,] index, dim, ...) whose index names entries along dim: it is the op of that name,
    which takes places, with an index in the shape of src, or of what is read or written."""

    def rule(B: Any, op: Any, xs: Any, args: Any) -> Any:
        index, dim, *rest = args
        shape = xs[0].shape
        if name == "gather.back":
            shape = rest[0]
            rest = [(B.size, *(shape or (1,)))]
        places = _places(B, index, dim, xs[-1].shape)
        y = B.run(name, *[_whole(B, x) for x in xs], args=(places, dim + 1, *rest))
        return y if shape else B.reshape(y, (B.size,))

    return rule


def entries_filled(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of the op (x, value, index, dim) that puts one value into entries along dim."""
    (x, value), (index, dim) = xs, args
    full = _whole(B, x)
    ones = np.ones((B.size, *(x.shape or (1,))), x.dtype)
    left = B.run("scatter.zero", ones, args=(_places(B, index, dim, x.shape), dim + 1))
    y = B.run("where", left == 0, B.lift(value, max(x.ndim, 1)), full)
    return y if x.ndim else B.reshape(y, (B.size,))


def taken_from_all(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of take(x, index), index counting over all elements; and of untake(g, index, shape)."""
    (x,), (index, *rest) = xs, args
    k = index.size
    at = (np.arange(B.size)[:, None], B.reshape(B.full(index), (B.size, k)))
    if rest:
        (shape,) = rest
        z = B.run("index.back", B.reshape(B.full(x), (B.size, k)), args=(at, (B.size, prod(shape))))
        return B.reshape(z, (B.size, *shape))
    y = B.run("index", B.reshape(B.full(x), (B.size, x.size)), args=(at,))
    return B.reshape(y, (B.size, *index.shape))


def put_among_all(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of put(x, src, index, accumulate), and of unput(x, index)."""
    x, index = xs[0], args[0]
    row = B.reshape(B.full(x), (B.size, x.size))
    at = (np.arange(B.size)[:, None], B.reshape(B.full(index), (B.size, index.size)))
    if len(xs) == 1:
        y = B.run("without", row, args=(at,))
    else:
        y = B.run("index_put", row, B.reshape(B.full(xs[1]), (B.size, index.size)), args=(at, args[1]))
    return B.reshape(y, (B.size, *x.shape))


def _in_turn(B: Any, mask: Any, size: int) -> tuple[Any, Any]:
    """A mask of each entry as rows, and for each of its elements the number of the one of a source that goes
    there. Raises: ValueNeeded for a mask of an older transform, RuntimeError for too many."""
    rows = B.reshape(B.full(mask), (B.size, mask.size))
    if isinstance(rows, Storage):
        raise ValueNeeded(B.level, "a mask that differs per entry")
    at = np.cumsum(rows, 1)
    if at.size and int(at.max()) > size:
        raise RuntimeError(
            f"masked_scatter: a mask selects {at.max()} elements and source has {size}; it needs as many or "
            "more."
        )
    return rows, np.maximum(at - 1, 0)


def masked_put(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of masked_scatter(x, mask, src)."""
    x, mask, src = xs
    rows, at = _in_turn(B, mask, src.size)
    if not src.size:
        return B.full(x)
    new = B.run("gather", B.reshape(B.full(src), (B.size, src.size)), args=(at, 1))
    y = B.run("where", rows, new, B.reshape(B.full(x), (B.size, x.size)))
    return B.reshape(y, (B.size, *x.shape))


def masked_read(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of masked_gather(g, mask, shape)."""
    (g,), (mask, shape) = xs, args
    n = prod(shape)
    rows, at = _in_turn(B, mask, n)
    if not n:
        return np.zeros((B.size, *shape), g.dtype)
    g = B.run("where", rows, B.reshape(B.full(g), (B.size, g.size)), np.zeros((), g.dtype))
    return B.reshape(B.run("gather.back", g, args=(at, 1, (B.size, n))), (B.size, *shape))


def masked_spread(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of masked_spread(src, mask, shape)."""
    (src,), (mask, shape) = xs, args
    rows, at = _in_turn(B, mask, src.size)
    if not src.size:
        return np.zeros((B.size, *shape), src.dtype)
    y = B.run("gather", B.reshape(B.full(src), (B.size, src.size)), args=(at, 1))
    y = B.run("where", rows, y, np.zeros((), src.dtype))
    return B.reshape(y, (B.size, *shape))


def picked(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of pick(x, index, dim, keepdim) and of place(g, index, dim, keepdim, shape)."""
    index, dim, keepdim, *rest = args
    shape = rest[0] if rest else xs[0].shape
    if not shape:
        return B.full(xs[0])
    wide = [(B.size, *shape)] if rest else []
    return B.run(op, B.full(xs[0]), args=(B.full(index), dim + 1, keepdim, *wide))


nameless(globals())
