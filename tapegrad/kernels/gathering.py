"""Bodies that read and write at places along an axis, which integers name: one per element, or one per entry.

Writes at repeated places take one after the other in row-major order. NumPy's `ufunc.at` does that at the
speed of other libraries, if places and values are flat; so places are counted in row-major order here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.filling import zeros
from tapegrad.kernels.shape import broadcast, copied
from tapegrad.kernels.strided import row_major

U8 = np.dtype(np.uint64)


def outside(index: Any, n: int, least: int = 0) -> int | None:
    """An index that is not in [least, n); None if there is none."""
    if not index.size:
        return None
    if least == 0 and index.dtype.itemsize == 8:  # then what is negative is large without its sign
        plain = index.view(U8)
        if plain.item(plain.argmax()) < n:
            return None
    low, high = index.item(index.argmin()), index.item(index.argmax())  # much cheaper than min() and max()
    return high if high >= n else low if low < least else None


def check(op: str, index: Any, n: int, dim: int, error: type[Exception] = RuntimeError) -> None:
    """Raises: `error` for an index out of range."""
    if (bad := outside(index, n)) is not None:
        raise error(f"{op}: index has {bad}; dimension {dim} has {n} entries, so 0 to {n - 1} are possible.")


def _in_row(x: Any, index: Any) -> Any:
    """Whether NumPy may be left to look for what is out of range: if the axis is the only one of x, and no
    index is negative, which NumPy would count from the end. Where it finds something, `check` says what."""
    return x.ndim == 1 and index.size and index.item(index.argmin()) >= 0


def _taken(x: Any, index: Any) -> Any:
    """The elements of a row at places; None where `_in_row` does not hold, or not for all of them."""
    try:
        return x.take(index) if _in_row(x, index) else None
    except IndexError:
        return None


def _added(x: Any, index: Any, src: Any) -> Any:
    """The same for a copy of a row with src added at places."""
    if not _in_row(x, index):
        return None
    y = copied(x)
    try:
        np.add.at(y, index, src)
    except IndexError:
        return None
    return y


def flat(index: Any, shape: tuple[int, ...], dim: int) -> Any:
    """Where, in a row-major array of `shape`, the elements are that index names along an axis."""
    if len(shape) <= 1 or not index.size:
        return index
    steps = row_major(shape)
    places = index if steps[dim] == 1 else index * steps[dim]
    for i, n in enumerate(index.shape):
        if i != dim and n > 1:
            along = np.arange(0, n * steps[i], steps[i])
            places = places + along.reshape((n, *(1,) * (index.ndim - 1 - i)))
    return places


def _grid(index: Any, dim: int) -> tuple[Any, ...]:
    """The same as one index array per axis."""
    ends = [np.arange(n).reshape(-1, *(1,) * (index.ndim - 1 - i)) for i, n in enumerate(index.shape)]
    return (*ends[:dim], index, *ends[dim + 1 :])


def gather(x: Any, index: Any, dim: int) -> Any:
    """y[i, j] = x[index[i, j], j], for dim 0."""
    if (y := _taken(x, index)) is not None:
        return y
    n = x.shape[dim] if x.ndim else 1
    check("gather", index, n, dim)
    if x.ndim > 1 and index.size and not x.flags.c_contiguous:
        return x[_grid(index, dim)]
    return _row(x).take(flat(index, x.shape, dim))


def _row(x: Any) -> Any:
    """x as one row."""
    return x if x.ndim == 1 else x.reshape(-1)


def _written(op: str, x: Any, index: Any, dim: int) -> tuple[Any, Any, Any]:
    """A copy of x, the same as one row, and the places in it."""
    check(op, index, x.shape[dim] if x.ndim else 1, dim)
    y = copied(x)
    return y, _row(y), flat(index, x.shape, dim)


def scatter(x: Any, src: Any, index: Any, dim: int) -> Any:
    """A copy of x with y[index[i, j], j] = src[i, j], for dim 0; src may be a number."""
    if _in_row(x, index):
        y = copied(x)
        try:
            y[index] = src
            return y
        except IndexError:
            pass
    y, row, places = _written("scatter", x, index, dim)
    row[places] = src
    return y


def fill(x: Any, index: Any, dim: int, value: Any) -> Any:
    """A copy of x with a number at the places."""
    return scatter(x, value, index, dim)


def without(g: Any, index: Any, dim: int) -> Any:
    """A copy of g with 0 at the places."""
    return scatter(g, 0, index, dim)


def scatter_add(x: Any, src: Any, index: Any, dim: int) -> Any:
    """A copy of x with src added at the places: a repeated one gets every share."""
    if (y := _added(x, index, src)) is not None:
        return y
    y, row, places = _written("scatter_add", x, index, dim)
    np.add.at(row, _row(places), _row(src))
    return y


def spread(g: Any, index: Any, dim: int, shape: tuple[int, ...]) -> Any:
    """Zeros with g added at the places: gather's adjoint."""
    z = zeros(shape, g.dtype)
    np.add.at(z.reshape(-1), flat(index, shape, dim).reshape(-1), g.reshape(-1))
    return z


def filled(shape: tuple[int, ...], value: Any) -> Any:
    """A number of each place, in its own dtype."""
    return np.full(shape, value, value.dtype)


REDUCTIONS: dict[str, Any] = {
    "sum": np.add,
    "prod": np.multiply,
    "mean": np.add,
    "amax": np.maximum,
    "amin": np.minimum,
}


def _neutral(how: str, dtype: Any) -> Any:
    """What leaves the other one as it is."""
    if how in ("sum", "mean", "prod"):
        return int(how == "prod")
    if dtype.kind == "f":
        return -np.inf if how == "amax" else np.inf
    if dtype.kind == "b":
        return how == "amin"
    return np.iinfo(dtype).min if how == "amax" else np.iinfo(dtype).max


def scatter_reduce(
    x: Any, src: Any, index: Any, dim: int, how: str, include_self: bool, op: str = "scatter_reduce"
) -> Any:
    """A copy of x in which each place holds the sum, product, ... of all elements of src that go there, and,
    with include_self, of its own."""
    y, row, places = _written(op, x, index, dim)
    places = places.reshape(-1)
    if not include_self:
        row[places] = _neutral(how, x.dtype)
    REDUCTIONS[how].at(row, places, src.reshape(-1))
    if how == "mean":
        counts = np.bincount(places, minlength=row.size) + int(include_self)
        np.maximum(counts, 1, out=counts)
        if x.dtype.kind in "fc":
            row /= counts.astype(x.dtype)
        else:
            row[...] = row // counts
    return y


# ---- one index per entry along an axis


def spanned(index: Any, shape: tuple[int, ...], dim: int) -> Any:
    """An index of entries along an axis as one of elements, for a source of `shape`."""
    if len(shape) <= 1:
        return index.reshape(shape)
    return broadcast(index.reshape(-1, *(1,) * (len(shape) - 1 - dim)), shape)


def along(dim: int, index: Any) -> tuple[Any, ...]:
    """An index of arrays for one axis."""
    return (*(slice(None),) * dim, index)


def index_select(x: Any, index: Any, dim: int) -> Any:
    """The entries of x along an axis."""
    if (y := _taken(x, index)) is not None:
        return y
    n = x.shape[dim] if x.ndim else 1
    check("index_select", index, n, dim, RuntimeError if dim or (x.ndim > 1 and not x.size) else IndexError)
    return x.take(index, dim) if x.ndim else copied(x)


def index_spread(g: Any, index: Any, dim: int, shape: tuple[int, ...]) -> Any:
    """Zeros with the entries of g added: its adjoint."""
    return spread(g, spanned(index, g.shape, dim), dim, shape)


def index_add(x: Any, src: Any, index: Any, dim: int) -> Any:
    """A copy of x with the entries of src added."""
    if (y := _added(x, index, src)) is not None:
        return y
    if x.ndim > 1 and not x.size:  # no index is looked at
        return copied(x)
    check("index_add", index, x.shape[dim] if x.ndim else 1, dim, RuntimeError if x.ndim > 1 else IndexError)
    return scatter_add(x, src, spanned(index, src.shape, dim), dim)


def index_copy(x: Any, src: Any, index: Any, dim: int) -> Any:
    """A copy of x with the entries of src in place of those that index names."""
    return _checked_entries("index_copy", x, src, index, dim)


def _checked_entries(op: str, x: Any, src: Any, index: Any, dim: int) -> Any:
    """The same for any index. It is not looked at where entries have no elements; where there are no entries,
    torch's error is another one."""
    n = x.shape[dim] if x.ndim else 1
    if not n:
        check(op, index, n, dim)
    elif x.size:
        check(op, index, n, dim, IndexError)
    return _entries(x, src, index, dim)


def _entries(x: Any, src: Any, index: Any, dim: int) -> Any:
    y = copied(x)
    if not y.ndim:
        y.reshape(1)[index] = src
    elif y.size:
        y[along(dim, index)] = src
    return y


def index_fill(x: Any, index: Any, dim: int, value: Any) -> Any:
    """A copy of x with a number in the entries."""
    return _checked_entries("index_fill", x, value, index, dim)


def index_fill_with(x: Any, value: Any, index: Any, dim: int) -> Any:
    """The same with a 0-d array."""
    return index_fill(x, index, dim, value)


def index_without(g: Any, index: Any, dim: int) -> Any:
    """A copy of g with 0 in the entries."""
    return _entries(g, 0, index, dim)


def index_reduce(x: Any, src: Any, index: Any, dim: int, how: str, include_self: bool) -> Any:
    """A copy of x with the entries of src multiplied, averaged, ... into those that index names."""
    check("index_reduce", index, x.shape[dim] if x.ndim else 1, dim, IndexError)
    return scatter_reduce(x, src, spanned(index, src.shape, dim), dim, how, include_self, "index_reduce")


# ---- places counted over all elements in row-major order, from the front or the end


def _checked(op: str, x: Any, index: Any) -> None:
    n = x.size
    if (bad := outside(index, n, -n)) is not None:
        raise IndexError(f"{op}: index has {bad}; input has {n} elements, so {-n} to {n - 1} are possible.")


def take(x: Any, index: Any) -> Any:
    """The elements of x, in the shape of index."""
    try:
        return x.take(index)
    except IndexError:
        _checked("take", x, index)
        raise


def untake(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros with g added at the places: take's adjoint."""
    z = zeros(shape, g.dtype)
    row = z.reshape(-1)
    np.add.at(row, index.reshape(-1), g.reshape(-1))
    return z


def put(x: Any, src: Any, index: Any, accumulate: bool) -> Any:
    """A copy of x with the elements of src at the places, or added there."""
    _checked("put", x, index)
    y = copied(x)
    row = y.reshape(-1)
    if accumulate:
        np.add.at(row, index.reshape(-1), src.reshape(-1))
    else:
        row[index] = src.reshape(index.shape)
    return y


def unput(g: Any, index: Any) -> Any:
    """A copy of g with 0 at the places."""
    y = copied(g)
    y.reshape(-1)[index] = 0
    return y


# ---- masks


def masked_scatter(x: Any, mask: Any, src: Any) -> Any:
    """A copy of x with the first elements of src, one after the other, where the mask holds."""
    y = copied(x)
    n = int(np.count_nonzero(mask))
    if n > src.size:
        raise RuntimeError(
            f"masked_scatter: the mask selects {n} elements and source has {src.size}; at least as many are "
            "needed."
        )
    y[mask] = src.reshape(-1)[:n]
    return y


def masked_gather(g: Any, mask: Any, shape: tuple[int, ...]) -> Any:
    """What masked_scatter took from a source of `shape`, with 0 for what it did not."""
    z = zeros(shape, g.dtype)
    part = np.asarray(g)[mask]
    z.reshape(-1)[: part.size] = part
    return z


def masked_spread(src: Any, mask: Any, shape: tuple[int, ...]) -> Any:
    """masked_scatter into zeros of a shape: its adjoint."""
    return masked_scatter(zeros(shape, src.dtype), mask, src)


nameless(globals())
