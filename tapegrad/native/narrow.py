"""Narrow arrays: those whose rows, along the last axis, are shorter than a vector or not much longer.

A loop over such a row takes longer to begin and to end than to run. So what is done along narrow rows is done
down columns, on the array turned, [rows, k] -> [k, rows]: both ways and there take a fraction of it. The
kernels here turn: k vectors are k x lanes numbers in either order, and go from one into the other by shuffles
in registers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from numpy import ndarray

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call
from tapegrad.native.choice import DENSE
from tapegrad.native.ir import I32, I64, Type, Value, vector
from tapegrad.native.memory import empty
from tapegrad.native.strips import picked
from tapegrad.native.target import host

MOST = 16  # elements of a narrow row
LEAST = 160  # rows; over fewer, one call takes as long as these three
_PIECE = 512  # rows that go together
_GRAIN = 1 << 14  # elements that are worth a thread
_WIDEST = 160  # elements in registers at once; of more, there are too many shuffles
SIZES = {4: I32, 8: I64}  # by the bytes of what is moved as it is


def is_narrow(x: Any) -> bool:
    """Whether x, an array of any kind, has enough rows that are narrow, one behind the other."""
    return (
        type(x) is ndarray
        and x.ndim > 1
        and 1 < x.shape[-1] <= MOST
        and x.size >= LEAST * x.shape[-1]
        and x.flags.num & DENSE == DENSE
        and x.itemsize in SIZES
    )


def columns(x: Any) -> Any:
    """[k, rows] of [..., k], a narrow array."""
    k = x.shape[-1]
    rows = x.size // k
    y = empty((k, rows), x.dtype)
    _run(_apart, y, x, k, rows, rows)
    return y


def rows_of(x: Any, shape: tuple[int, ...]) -> Any:
    """[..., k], which is `shape`, of the contiguous columns [k, rows]."""
    y = empty(shape, x.dtype)
    k, rows = x.shape
    _run(_together, y, x, k, rows, rows)
    return y


def repeated(x: Any, k: int) -> Any:
    """[rows, k] in which each row holds k times the number of x [rows], contiguous, of 4 or 8 bytes."""
    y = empty((x.size, k), x.dtype)
    _run(_repeat, y, x, k, x.size, 0)
    return y


def tiled(x: Any, times: int) -> Any:
    """[rows, times * k] in which each row of x [rows, k], narrow, is there so often."""
    rows, k = x.shape
    y = empty((rows, times * k), x.dtype)
    _tile(y.itemsize, k)(y, x, rows, max(1, _GRAIN // (times * k)), times)
    return y


def _run(made: Any, y: Any, x: Any, k: int, rows: int, step: int) -> None:
    made(y.itemsize, k)(y, x, -(-rows // _PIECE), max(1, _GRAIN // (k * _PIECE)), rows, step)


@cache
def _apart(size: int, k: int) -> Any:
    """(columns, rows, pieces, grain, how many rows, the step between columns)."""

    def vectors(f: call.Body, t: Type, i: Value) -> None:
        xs = [f.load(f["x"].at(i * k + s * t.lanes, t), t) for s in range(k)]
        for j in range(k):
            y = picked(f, xs, range(j, k * t.lanes, k))
            f.store(f["y"].at(i + f["step"] * j, t), y)

    def one(f: call.Body, t: Type, i: Value, j: int) -> None:
        f.store(f["y"].at(i + f["step"] * j, t), f.load(f["x"].at(i * k + j, t), t))

    return _build(f"apart_{k}", size, vectors, one, k)


@cache
def _together(size: int, k: int) -> Any:
    """(rows, columns, pieces, grain, how many rows, the step between columns)."""

    def vectors(f: call.Body, t: Type, i: Value) -> None:
        xs = [f.load(f["x"].at(i + f["step"] * j, t), t) for j in range(k)]
        for s in range(k):
            places = [divmod(s * t.lanes + lane, k) for lane in range(t.lanes)]
            y = picked(f, xs, [j * t.lanes + row for row, j in places])
            f.store(f["y"].at(i * k + s * t.lanes, t), y)

    def one(f: call.Body, t: Type, i: Value, j: int) -> None:
        f.store(f["y"].at(i * k + j, t), f.load(f["x"].at(i + f["step"] * j, t), t))

    return _build(f"together_{k}", size, vectors, one, k)


@cache
def _repeat(size: int, k: int) -> Any:
    """(rows, numbers, pieces, grain, how many rows, 0)."""

    def vectors(f: call.Body, t: Type, i: Value) -> None:
        x = f.load(f["x"].at(i, t), t)
        for s in range(k):
            y = f.shuffle(x, x, [(s * t.lanes + lane) // k for lane in range(t.lanes)])
            f.store(f["y"].at(i * k + s * t.lanes, t), y)

    def one(f: call.Body, t: Type, i: Value, j: int) -> None:
        f.store(f["y"].at(i * k + j, t), f.load(f["x"].at(i, t), t))

    return _build(f"repeat_{k}", size, vectors, one, k)


@cache
def _tile(size: int, k: int) -> Any:
    """(rows, their tiles, how many, grain, how often)."""
    t = SIZES[size]
    wide = host().wide(t)
    lanes = wide.lanes

    def write(f: call.Body) -> None:
        length = f["times"] * k
        whole = length - length % (k * lanes)
        with f.loop(f.low, f.high) as row:
            x, y = f["x"].at(row * k, t), f["y"].at(row * length, t)
            xs = [f.load(x.at(i, t), wide, f.first(f.value(k - i, I64), wide)) for i in range(0, k, lanes)]
            tiles = [picked(f, xs, [i % k for i in range(s * lanes, (s + 1) * lanes)]) for s in range(k)]
            with f.loop(0, whole, k * lanes) as i:
                for s, tile in enumerate(tiles):
                    f.store(y.at(i + s * lanes, t), tile)
            for s, tile in enumerate(tiles):
                start = whole + s * lanes
                f.store(y.at(start, t), tile, f.first(length - start, wide))

    return call.build(
        f"tiled_{k}_{size}", "y:w x:r rows:i grain:i times:i", write, over="rows", grain="grain"
    )


def _build(title: str, size: int, vectors: Any, one: Any, k: int) -> Any:
    """A kernel that goes over rows: over a vector of them at a time, and at the end over one and one."""
    wide = host().wide(SIZES[size])
    if wide.lanes * k > _WIDEST:
        wide = vector(wide.element, wide.lanes // 2)

    def write(f: call.Body) -> None:
        start = f.low * _PIECE
        end = f.smaller(f.high * _PIECE, f["rows"])
        whole = start + ((end - start) & -wide.lanes)
        with f.loop(start, whole, wide.lanes) as i:
            vectors(f, wide, i)
        with f.loop(whole, end) as i:
            for j in range(k):
                one(f, wide.element, i, j)

    parameters = "y:w x:r pieces:i grain:i rows:i step:i"
    return call.build(f"{title}_{size}", parameters, write, over="pieces", grain="grain")


nameless(globals())
