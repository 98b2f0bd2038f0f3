"""Reading and writing at places along an axis: rows of a table by their numbers, elements by indices.

An array is seen as [outer, n, width] with the axis in the middle. Threads share reads as they come. They
share writes such that each place belongs to one of them, which takes what goes there in order: by `outer` if
that is long, by parts of the axis if rows are long, else one thread does all. So results do not depend on who
was first; they are those of NumPy's loops.

Each index is compared with n before it is used. What is out of range is noted, and the NumPy body, to which
the arrays then go, says what is wrong; all results are new arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.embedding as E
import tapegrad.kernels.gathering as G
import tapegrad.kernels.shape as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call
from tapegrad.native.choice import DENSE, over, rows
from tapegrad.native.copying import WHOLE, copy
from tapegrad.native.ir import F32, F64, I1, I8, I32, I64, Type, Value
from tapegrad.native.kernels import masks
from tapegrad.native.memory import empty
from tapegrad.native.target import host

LEAST = 1 << 13  # elements that are read or written
# Elements that are read: in entries of one element, of fewer than SHORT, and of more. NumPy copies entries at
# once, and those of 8 elements as fast as memory does. Measured on two cores of an AMD Zen 3.
LEAST_SINGLE, LEAST_SHORT, LEAST_ROWS = 1 << 14, 1 << 20, 1 << 17
SHORT = 32
GRAIN = 1 << 15  # bytes that are worth a thread
_LONG = 64  # bytes of a row that is copied as one
CLEARED = 1 << 14  # bytes of short outer parts that are cleared at once
_MANY = 8  # so many outer parts are shared among threads
_SUMS = {np.dtype("f4"): F32, np.dtype("f8"): F64, np.dtype("i4"): I32, np.dtype("i8"): I64}


class Places:
    """How a kernel comes from indices to places: it notes what is out of range, and goes to 0 instead.
    negative: they count from the end."""

    def __init__(self, f: call.Body, negative: bool) -> None:
        self.f, self.negative = f, negative
        self.bad = f.variable(f.value(0, I64))

    def load(self, address: Value) -> Value:
        """The place that stands at an address."""
        index, good = self._at(address)
        return self.f.select(good, index, self.f.value(0, I64))

    def part(self, address: Value, low: Value, high: Value) -> tuple[Value, Value]:
        """(the place that stands at an address, whether it is from low on and before high)."""
        index, _ = self._at(address)
        return index, self._below(index - low, high - low)

    def _at(self, address: Value) -> tuple[Value, Value]:
        f, n = self.f, self.f["n"]
        index = f.load(address, I64)
        if self.negative:
            index = f.select(index < 0, index + n, index)
        good = self._below(index, n)
        self.bad.set(self.bad.get() | f.convert(~good, I64))
        return index, good

    def _below(self, x: Value, n: Value) -> Value:
        """Whether 0 <= x < n: what is negative is large without its sign."""
        return self.f.emit(f"icmp ult {x}, {n.name}", I1)

    def end(self) -> None:
        """Tell the caller."""
        with self.f.when(self.bad.get().ne(0)):
            self.f.store(self.f["bad"], self.f.value(1, I64))


def _quickly(f: call.Body, low: Value, high: Value, each: Callable[[Value], None]) -> None:
    """each(i) for i from low to high, four in a turn."""
    fours = low + ((high - low) & -4)
    with f.loop(low, fours, 4) as i:
        for k in range(4):
            each(i + k)
    with f.loop(fours, high) as i:
        each(i)


_AHEAD = 48  # indices by which the memory of a single number is asked for before it is written
_SIZES = "index:r bad:w entries:i count:i n:i width:i own:i grain:i"


@cache
def _reader(size: int, how: str, negative: bool) -> Any:
    """y[o, k] = x[o, index[k]], or with `own` = 1 x[o, index[o, k]]. how: "rows" of `width` bytes, "short"
    ones of `width` elements, at most a vector, "one" element of `size` bytes each, the "only" one of each o,
    or "each" of `width` elements with an index of its own."""
    t = WHOLE.get(size, I8)

    def only(f: call.Body) -> None:
        places = Places(f, negative)

        def element(o: Value) -> None:
            place = places.load(f["index"].at(o, I64))
            f.store(f["y"].at(o, t), f.load(f["x"].at(o * f["n"] + place, t), t))

        _quickly(f, f.low, f.high, element)
        places.end()

    def write(f: call.Body) -> None:
        places = Places(f, negative)
        count, n, width = f["count"], f["n"], f["width"]
        with f.loop(f.low // count, (f.high + count - 1) // count) as o:
            first = o * count
            low, high = f.larger(f.low - first, 0), f.smaller(f.high - first, count)
            x, y = f["x"].at(o * n * width, t), f["y"].at(first * width, t)
            index = f["index"].at(first * f["own"] * (width if how == "each" else 1), I64)
            _write_entries(f, places, t, how, (x, y, index), (low, high))
        places.end()

    write = only if how == "only" else write
    return call.build(f"take_{how}_{size}", f"y:w x:r {_SIZES}", write, over="entries", grain="grain")


def _write_entries(
    f: call.Body, places: Places, t: Type, how: str, arrays: tuple[Value, ...], ends: tuple[Value, Value]
) -> None:
    """What stands at some indices."""
    (x, y, index), width = arrays, f["width"]
    if how in ("one", "short"):
        wide = host().wide(t)
        mask = f.first(width, wide) if how == "short" else None

        def entry(k: Value) -> None:
            place = places.load(index.at(k, I64))
            if how == "one":
                f.store(y.at(k, t), f.load(x.at(place, t), t))
            else:
                f.store(y.at(k * width, t), f.load(x.at(place * width, t), wide, mask), mask)

        _quickly(f, *ends, entry)
        return
    with f.loop(*ends) as k:
        if how == "rows":
            row = x.at(places.load(index.at(k, I64)) * width, t)
            f.copy(y.at(k * width, t), row, width)
        else:
            row, to = index.at(k * width, I64), y.at(k * width, t)
            with f.loop(0, width) as j:
                place = places.load(row.at(j, I64)) * width + j
                f.store(to.at(j, t), f.load(x.at(place, t), t))


def _read(x: Any, index: Any, sizes: Sequence[int], own: bool, negative: bool = False) -> Any:
    """The elements as one row, or None if an index is out of range. x is contiguous. sizes: outer, n, width,
    count."""
    outer, n, width, count = sizes
    size = x.itemsize
    bytes = width * size
    if width == 1 and size in WHOLE:
        how = "only" if own and count == 1 else "one"
    else:
        how = "each" if own else "short" if size in (4, 8) and bytes <= host().vector else "rows"
    y = empty(outer * count * width, x.dtype)
    bad = np.zeros(1, np.int64)
    _reader(0 if how == "rows" else size, how, negative)(
        y,
        x,
        np.ascontiguousarray(index, np.int64),
        bad,
        outer * count,
        count,
        n,
        bytes if how == "rows" else width,
        int(own),
        max(1, GRAIN // bytes),
    )
    return None if bad[0] else y


@contextmanager
def _rows_of(
    f: call.Body, t: Type, outer: tuple[Value, Value], part: tuple[Value, Value], width: Value
) -> Iterator[Value]:
    """for each outer part of a block, whose parts of the axis are cleared before: short ones all at once."""
    first, (low, high) = outer[0], part
    end = f.smaller(first + f["block"], outer[1])
    with f.when(f["clear"].ne(0)):
        entries = (end - first - 1) * f["n"] + high - low
        f.clear(f["y"].at((first * f["n"] + low) * width, t), entries * width * t.bytes)
    with f.loop(first, end) as o:
        yield o


@cache
def _writer(t: Type, add: bool, how: str, negative: bool) -> Any:
    """y[o, index[k]] += x[o, k], in the order of k (or =, without `add`). how: as in `_reader`, but a row has
    `width` elements. The work is shared by outer parts if `parts` is 1, else by parts of the axis. clear: y
    is zeroed before."""
    wide = host().wide(t)

    def one(f: call.Body, to: Value, source: Value, v: Type, mask: Value | None = None) -> None:
        new = f.load(source, v, mask)
        f.store(to, f.load(to, v, mask) + new if add else new, mask)

    def write(f: call.Body) -> None:
        places = Places(f, negative)
        n, count, parts = f["n"], f["count"], f["parts"].ne(0)
        width = f.value(1, I64) if how == "one" else f["width"]
        zero = f.value(0, I64)
        low, high = f.select(parts, zero, f.low), f.select(parts, n, f.high)
        rest = width % wide.lanes
        whole, mask = width - rest, f.first(rest, wide)
        start, end = f.select(parts, f.low, zero), f.select(parts, f.high, f["outer"])
        with f.loop(start, end, f["block"]) as block, _rows_of(f, t, (block, end), (low, high), width) as o:
            y, x = f["y"].at(o * n * width, t), f["x"].at(o * count * width, t)
            index = f["index"].at(o * count * f["own"] * (width if how == "each" else 1), I64)
            with f.loop(0, count) as k:
                source = x.at(k * width, t)
                if how == "each":
                    row = index.at(k * width, I64)
                    with f.loop(0, width) as j:
                        i, mine = places.part(row.at(j, I64), low, high)
                        with f.when(mine):
                            one(f, y.at(i * width + j, t), source.at(j, t), t)
                else:
                    i, mine = places.part(index.at(k, I64), low, high)
                    if how == "one" and add:  # what is only written need not be waited for
                        ahead = f.load(index.at(f.smaller(k + _AHEAD, count - 1), I64), I64)
                        f.prefetch(y.at(ahead, t))
                    with f.when(mine):
                        to = y.at(i * width, t)
                        if how == "one":
                            one(f, to, source, t)
                        else:
                            with f.loop(0, whole, wide.lanes) as j:
                                one(f, to.at(j, t), source.at(j, t), wide)
                            with f.when(rest > 0):
                                one(f, to.at(whole, t), source.at(whole, t), wide, mask)
        places.end()

    name = f"{'add' if add else 'put'}_{how}_{t}"
    sizes = _SIZES.replace("entries", "share") + " outer:i parts:i clear:i block:i"
    return call.build(name, f"y:w x:r {sizes}", write, over="share", grain="grain")


def _write(
    y: Any,
    x: Any,
    index: Any,
    sizes: Sequence[int],
    own: bool,
    *,
    add: bool,
    clear: bool = False,
    negative: bool = False,
) -> bool:
    """Write x, all of it contiguous, at the places in y; whether all were in range. sizes: outer, n, width,
    count."""
    outer, n, width, count = sizes
    t = _SUMS[y.dtype]
    how = "each" if own and width > 1 else "one" if width == 1 else "rows"
    parts = outer >= _MANY
    share = outer if parts else n
    bytes = outer * count * width * t.bytes + (y.nbytes if clear else 0)
    alone = bytes < 2 * GRAIN or (not parts and width * t.bytes < _LONG)
    grain = share if alone else max(1, share * GRAIN // bytes)
    block = max(1, CLEARED // max(1, n * width * t.bytes)) if parts else 1
    bad = np.zeros(1, np.int64)
    index = np.ascontiguousarray(index, np.int64)
    _writer(t, add, how, negative)(
        y, x, index, bad, share, count, n, width, int(own), grain, outer, int(parts), int(clear), block
    )
    return not bad[0]


# ---- what they stand in for


def _plain(x: Any, least: int = LEAST) -> bool:
    return type(x) is ndarray and x.size >= least and x.flags.num & DENSE == DENSE


def _numbers(index: Any) -> bool:
    return type(index) is ndarray and index.dtype.kind == "i"


def _select(x: Any, index: Any, dim: int, negative: bool = False) -> Any:
    """The entries of x along an axis; None if that is not for here."""
    if not (_plain(x, 1) and _numbers(index) and x.ndim) or x.dtype.kind == "O":
        return None
    outer, n, width = rows(x.shape, dim)
    least = LEAST_SINGLE if width == 1 else LEAST_SHORT if width < SHORT else LEAST_ROWS
    if outer * index.size * width < least:
        return None
    y = _read(x, index, (outer, n, width, index.size), False, negative)
    return None if y is None else y.reshape(*x.shape[:dim], *index.shape, *x.shape[dim + 1 :])


@over(E.take_rows)
def take_rows(body: Any, table: Any, index: Any) -> Any:
    """Rows of a table."""
    y = _select(table, index, 0)
    return body(table, index) if y is None else y


@over(S.fetch)
def fetch(body: Any, x: Any, index: Any) -> Any:
    """Entries along the first axis, or elements or entries where a mask holds."""
    y = None
    if len(index) == 1 and (y := masks.taken(x, index[0])) is None:
        y = _held(x, index[0])
        if y is None:
            y = _select(x, index[0], 0, negative=True)
    return body(x, index) if y is None else y


def _held(x: Any, mask: Any) -> Any:
    """The entries of x along the mask's axes where it holds; None if that is not for here."""
    if not (_plain(x) and masks.is_large(mask) and mask.shape == x.shape[: mask.ndim]) or x.dtype.kind == "O":
        return None
    places = masks.places(mask)
    if not places.size:
        return None
    y = _read(x, places, (1, mask.size, x.size // mask.size, places.size), False)
    return y.reshape(places.size, *x.shape[mask.ndim :])


@over(G.index_select)
def index_select(body: Any, x: Any, index: Any, dim: int) -> Any:
    """Entries along an axis."""
    y = _select(x, index, dim)
    return body(x, index, dim) if y is None else y


@over(G.take)
def take(body: Any, x: Any, index: Any) -> Any:
    """Elements, counted over all."""
    y = None
    if index.size >= LEAST and _plain(x, 1):
        y = _select(x.reshape(-1), index, 0, negative=True)
    return body(x, index) if y is None else y


def _element_sizes(shape: Sequence[int], index: Any, dim: int) -> tuple[int, int, int, int] | None:
    """(outer, n, width, count) where an index has an element per element, and as many as the array in all
    axes but one."""
    if not shape or index.ndim != len(shape):
        return None
    if any(i != dim and k != n for i, (k, n) in enumerate(zip(index.shape, shape, strict=True))):
        return None
    return *rows(shape, dim), index.shape[dim]


@over(G.gather)
def gather(body: Any, x: Any, index: Any, dim: int) -> Any:
    """Elements along an axis."""
    if index.size >= LEAST and _plain(x, 1) and _plain(index) and x.itemsize in WHOLE:
        sizes = _element_sizes(x.shape, index, dim)
        if sizes is not None:
            y = _read(x, index, sizes, True)
            if y is not None:
                return y.reshape(index.shape)
    return body(x, index, dim)


def _copy_and_write(
    x: Any, src: Any, index: Any, sizes: Any, own: bool, add: bool, negative: bool = False
) -> Any:
    """A copy of x in which src is written; None if that is not for here."""
    if sizes is None or x.dtype not in _SUMS or type(src) is not ndarray or src.dtype is not x.dtype:
        return None
    y = empty(x.shape, x.dtype)
    if not copy(y, x):
        y[...] = x
    return y if _write(y, np.ascontiguousarray(src), index, sizes, own, add=add, negative=negative) else None


def _entry_sizes(x: Any, src: Any, index: Any, dim: int) -> tuple[int, int, int, int] | None:
    """(outer, n, width, count) where an index has an element per entry."""
    if not x.ndim or src.ndim != x.ndim or index.ndim > 1 or src.size < LEAST:
        return None
    if src.shape != (*x.shape[:dim], index.size, *x.shape[dim + 1 :]):
        return None
    return *rows(x.shape, dim), index.size


@over(G.scatter)
def scatter(body: Any, x: Any, src: Any, index: Any, dim: int) -> Any:
    """Elements put along an axis."""
    y = None
    if index.size >= LEAST and _plain(x, 1) and _plain(index) and np.shape(src) == index.shape:
        y = _copy_and_write(x, src, index, _element_sizes(x.shape, index, dim), True, add=False)
    return body(x, src, index, dim) if y is None else y


@over(G.scatter_add)
def scatter_add(body: Any, x: Any, src: Any, index: Any, dim: int) -> Any:
    """Elements added along an axis."""
    y = None
    if index.size >= LEAST and _plain(x, 1) and _plain(index) and np.shape(src) == index.shape:
        y = _copy_and_write(x, src, index, _element_sizes(x.shape, index, dim), True, add=True)
    return body(x, src, index, dim) if y is None else y


@over(G.index_add)
def index_add(body: Any, x: Any, src: Any, index: Any, dim: int) -> Any:
    """Entries added along an axis."""
    y = None
    if src.size >= LEAST and _plain(x, 1) and type(src) is ndarray and _numbers(index):
        y = _copy_and_write(x, src, index, _entry_sizes(x, src, index, dim), False, add=True)
    return body(x, src, index, dim) if y is None else y


@over(S.put)
def put(body: Any, x: Any, value: Any, index: Any, accumulate: bool) -> Any:
    """Entries along the first axis, put or added."""
    y = None
    if len(index) == 1 and type(value) is ndarray and value.size >= LEAST:
        shape = (*index[0].shape, *x.shape[1:])
        if value.shape == shape and _plain(x, 1) and _numbers(index[0]):
            sizes = (*rows(x.shape, 0), index[0].size)
            y = _copy_and_write(x, value, index[0], sizes, False, accumulate, negative=True)
    return body(x, value, index, accumulate) if y is None else y


def _zeros_and_write(g: Any, index: Any, shape: Any, dim: int, own: bool) -> Any:
    """Zeros of a shape to which g is added; None if that is not for here."""
    if type(g) is not ndarray or g.dtype not in _SUMS or g.size < LEAST or not _numbers(index):
        return None
    outer, n, width = rows(shape, dim)
    y = empty(shape, g.dtype)
    sizes = outer, n, width, g.size // max(1, outer * width)
    good = _write(y, np.ascontiguousarray(g), index, sizes, own, add=True, clear=True, negative=not own)
    return y if good else None


@over(E.add_rows)
def add_rows(body: Any, g: Any, index: Any, share: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of rows of a table."""
    if g.size < LEAST or type(g) is not ndarray:
        return body(g, index, share, shape)
    y = _zeros_and_write(E.shared_out(g, share), index, shape, 0, own=False)
    return body(g, index, share, shape) if y is None else y


@over(S.spread)
def spread(body: Any, g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """The gradient of entries along the first axis, or of elements where a mask holds."""
    y = None
    if len(index) == 1 and (y := masks.spread(g, index[0], shape)) is not None:
        return y
    if g.size >= LEAST and len(index) == 1 and shape and g.shape == (*index[0].shape, *shape[1:]):
        y = _zeros_and_write(g, index[0], shape, 0, own=False)
    elif len(index) == 1:
        y = _held_back(g, index[0], shape)
    return body(g, index, shape) if y is None else y


def _held_back(g: Any, mask: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape with g's entries where the mask holds; None if that is not for here."""
    if not (_plain(g) and g.dtype in _SUMS and masks.is_large(mask) and mask.shape == shape[: mask.ndim]):
        return None
    places = masks.places(mask)
    if g.shape != (places.size, *shape[mask.ndim :]):
        return None
    y = empty(shape, g.dtype)
    sizes = 1, mask.size, y.size // mask.size, places.size
    return y if _write(y, g, places, sizes, False, add=False, clear=True) else None


@over(G.index_spread)
def index_spread(body: Any, g: Any, index: Any, dim: int, shape: tuple[int, ...]) -> Any:
    """The gradient of entries along an axis."""
    y = None
    if g.size >= LEAST and len(shape) == g.ndim > 0:
        y = _zeros_and_write(g, index, shape, dim, own=False)
    return body(g, index, dim, shape) if y is None else y


@over(G.spread)
def spread_elements(body: Any, g: Any, index: Any, dim: int, shape: tuple[int, ...]) -> Any:
    """The gradient of elements along an axis."""
    y = None
    if g.size >= LEAST and g.shape == index.shape and _element_sizes(shape, index, dim) is not None:
        y = _zeros_and_write(g, index, shape, dim, own=True)
    return body(g, index, dim, shape) if y is None else y


nameless(globals())
