"""Convolutions of many channels over small images as products of matrices: weights by what windows show.

A sweep (`sweep`) goes along one image's places, where those between rows, and those of a last vector that is
not full, are computed for nothing: half of all where images are 4 x 4. Here the places of all images stand
beside each other. They are cut into panels as wide as a tile of products (`gemm`); what the windows show
there is copied out of the planes (`planes`) row by row of places, for a piece of the sums at a time, and read
for all channels.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, memory, target
from tapegrad.native.ir import I64, Type, Value, vector
from tapegrad.native.kernels import gemm
from tapegrad.native.kernels.panels import PAD, height, heights, width
from tapegrad.native.kernels.planes import Axis, Layout, Sizes, fill_of, layout
from tapegrad.native.runtime import threads

_BLOCK = 1 << 15  # elements of sums of a unit of work: they stay in the second cache
_UNITS = 8  # at least, so that threads can share them
_LIMIT = 1 << 20  # elements of the planes of a unit's images
# What a panel's step costs besides its products, in multiplications of a vector: copying; a tile; and how
# much longer all of it takes than a sweep of as many: measured on an AMD Zen 5 with vectors of 64 bytes.
_COPY, _TILE, _LONGER = 24.0, 3.0, 1.2


class Plan(NamedTuple):
    """The planes' layout; where each sum's windows are in them and its weights; the rows of places of the
    panels, (place, column), and which are of each; the tile's rows; numbers for machine code; room."""

    planes: Layout
    offsets: Any
    places: Any
    rows: Any
    starts: Any
    tile: int
    numbers: Sizes
    room: int


def cost(images: int, places: int, outputs: int, t: Type) -> float:
    """What a step of the sums costs, in multiplications of a vector."""
    panels = -(-images * places // width(t))
    tiles = -(-outputs // height())
    return _LONGER * panels * (tiles * (2 * -(-outputs // tiles) + _TILE) + _COPY)


def plan(
    axes: tuple[Axis, ...], images: int, inputs: int, outputs: int, out: Sizes, sums: Any, t: Type
) -> Plan | None:
    """out: the result's sizes. sums: the number of an offset (see `layout`), and the place of its weight, of
    each of the sums. None if the images are too large."""
    planes = layout(axes, inputs, 1 << 62, 1 << 62, 1)
    length, places, wide = planes.length, prod(out), width(t)
    panels = -(-images * places // wide)
    if planes.bands > 1:
        return None
    rows, starts = rows_of_places(planes, images, out, wide, 32 // t.bytes)
    tiles = -(-outputs // height())
    tile = max(-(-outputs // tiles), heights(height())[0])
    block = max(1, min(_BLOCK // (outputs * wide), -(-panels // _UNITS)))
    across = -(-panels // block)
    high = -(-tiles // -(-_UNITS // across)) if across < _UNITS else tiles
    depth = gemm.even(len(sums), gemm.DEPTH // t.bytes, 1)
    weights = tiles * len(sums) * height() + PAD
    panel = (depth + 1) * wide + PAD * 2
    held = min(images, (block * wide + places - 2) // max(1, places) + 1) * length
    if held > _LIMIT:
        return None
    laid = panel + high * tile * block * wide
    space = laid + held + PAD * 2
    numbers = (
        *(images, outputs, len(sums), places, length, inputs * prod(a.n for a in axes)),
        *(tiles, panels, block, high, across * -(-tiles // high), depth),
        *(weights, space, panel, laid, held),
    )
    room = weights + space * threads()
    return Plan(planes, planes.offsets[sums[:, 0]], sums[:, 1].copy(), rows, starts, tile, numbers, room)


def rows_of_places(planes: Layout, images: int, out: Sizes, wide: int, lanes: int) -> tuple[Any, Any]:
    """(place in the planes, column of the panel) of each piece of a row of places, at most a vector long,
    that stands in one panel; and which is the first of each panel, and how many there are."""
    first = np.add.outer(np.arange(images) * planes.length, np.arange(out[0]) * planes.steps[0])
    first = np.add.outer(first, np.arange(out[1]) * planes.steps[1]).reshape(-1)
    column = np.arange(first.size + 1) * out[2]
    cuts = np.unique(np.concatenate([column, np.arange(0, column[-1], wide)]))
    ends = np.append(cuts[1:], column[-1])
    parts = -(-(ends - cuts) // lanes)
    cuts = (
        np.repeat(cuts, parts) + (np.arange(parts.sum()) - np.repeat(parts.cumsum() - parts, parts)) * lanes
    )
    row = cuts // out[2]
    keep = cuts < column[-1]
    cuts, row = cuts[keep], row[keep]
    rows = np.stack([first[row] + cuts % out[2], cuts % wide], 1)
    starts = np.searchsorted(cuts, np.arange(0, column[-1] + wide, wide))
    return np.ascontiguousarray(rows, np.int64), starts.astype(np.int64)


# ---- machine code

_NAMES = (
    "y:w x:r w:r b:r offsets:r places:r layout:r rows:r starts:r room:w biased:i by_output:i "
    "images:i outputs:i sums:i to_plane:i length:i image:i tiles:i panels:i block:i high:i units:i depth:i "
    "at_rooms:i space:i panel:i laid:i held:i"
)


@cache
def _kernel(t: Type, m: int) -> Any:
    """Weights first, then the products, each by all threads."""
    steps = [
        call.Step("weights", lambda f: _write_weights(f, t, m), "tiles"),
        call.Step("sums", lambda f: _write_sums(f, t, m), "units"),
    ]
    return call.build_steps(f"folded_{t}_{m}", _NAMES, steps)


def _write_weights(f: call.Body, t: Type, m: int) -> None:
    """Tiles of weights: at each sum those of m channels, the last again behind the last."""
    last = f["outputs"] - 1
    with f.loop(f.low, f.high) as tile:
        to = f["room"].at(tile * f["sums"] * height(), t)
        lines = [f["w"].at(f.smaller(tile * m + i, last) * f["by_output"], t) for i in range(m)]
        with f.loop(0, f["sums"]) as k:
            place = f.load(f["places"].at(k, I64), I64)
            for i, line in enumerate(lines):
                f.store(to.at(k * height() + i, t), f.load(line.at(place, t), t))


def _lay(f: call.Body, t: Type, to: Value, low: Value, high: Value) -> None:
    """The planes of some images, where all that no image covers is 0 already."""
    channels = f["image"] // _plane(f)
    with f.loop(low, high) as image:
        x, plane = f["x"].at(image * f["image"], t), to.at((image - low) * f["length"], t)
        call.run(f, fill_of(t), plane, x, f["layout"], 0, channels)


def _plane(f: call.Body) -> Value:
    return f.load(f["layout"].at(1, I64), I64)


def _write_sums(f: call.Body, t: Type, m: int) -> None:
    """Units: blocks of panels, and of tiles. Who computes a unit lays out its images: what another thread has
    written comes from afar."""
    wide, tall = width(t), height()
    across = (f["panels"] + f["block"] - 1) // f["block"]
    pitch, each = f["block"] * wide, f["to_plane"]
    panel = f["room"].at(f["at_rooms"] + f.who * f["space"], t)
    sums, laid = panel.at(f["panel"], t), panel.at(f["laid"], t)
    f.clear(panel, wide * t.bytes)  # what the sums start from
    f.clear(laid, f["held"] * t.bytes)
    with f.loop(f.low, f.high) as unit:
        first, low = unit % across * f["block"], unit // across * f["high"]
        end, high = f.smaller(first + f["block"], f["panels"]), f.smaller(low + f["high"], f["tiles"])
        image, last = first * wide // each, f.smaller(end * wide, f["images"] * each)
        _lay(f, t, laid, image, (last + each - 1) // each)
        planes = laid.at(-(image * f["length"]), t)
        with f.loop(0, f["sums"], f["depth"]) as start:
            k = f.smaller(f["depth"], f["sums"] - start)
            with f.loop(first, end) as j:
                _show(f, t, panel.at(wide, t), planes, j, start, k)
                with f.loop(low, high) as i:
                    to = sums.at((i - low) * m * pitch + (j - first) * wide, t)
                    w = f["room"].at((i * f["sums"] + start) * tall, t)
                    call.run(f, gemm.tile(t, m), to, pitch, w, panel, k, start)
        _put(f, t, sums, pitch, (first * wide, end * wide), (low * m, high * m))


def _show(f: call.Body, t: Type, to: Value, planes: Value, panel: Value, start: Value, k: Value) -> None:
    """What the windows of a panel show, for k of the sums. A row is stored as a whole vector, if the panel's
    line has room for it: what stands behind it is overwritten by the next one."""
    v, wide = vector(t, 32 // t.bytes), f.value(width(t), I64)
    low, high = (f.load(f["starts"].at(panel + i, I64), I64) for i in (0, 1))
    with f.loop(low, high) as row:
        place, column = (f.load(f["rows"].at(row * 2 + half, I64), I64) for half in (0, 1))
        source, line, fits = planes.at(place, t), to.at(column, t), column + v.lanes <= wide
        for holds, mask in ((fits, None), (~fits, f.first(wide - column, v))):
            with f.when(holds), f.loop(0, k) as i:
                offset = f.load(f["offsets"].at(start + i, I64), I64)
                f.store(line.at(i * wide, t), f.load(source.at(offset, t), v), mask)


def _put(
    f: call.Body, t: Type, sums: Value, pitch: Value, columns: tuple[Value, Value], rows: tuple[Value, Value]
) -> None:
    """A unit's sums, and the bias, to where they belong."""
    v, places = target.host().wide(t), f["to_plane"]
    end, bottom = f.smaller(columns[1], f["images"] * places), f.smaller(rows[1], f["outputs"])
    with f.loop(columns[0] // places, (end + places - 1) // places) as image:
        low = f.larger(image * places, columns[0])
        n = f.smaller((image + 1) * places, end) - low
        with f.loop(rows[0], bottom) as i:
            to = f["y"].at((image * f["outputs"] + i) * places + low - image * places, t)
            source = sums.at((i - rows[0]) * pitch + low - columns[0], t)
            bias = f.variable(f.value(0, t))
            bias.set(0)
            with f.when(f["biased"].ne(0)):
                bias.set(f.load(f["b"].at(i, t), t))
            more = f.splat(bias.get(), v.lanes)
            whole = n & -v.lanes
            with f.loop(0, whole, v.lanes) as p:
                f.store(to.at(p, t), f.load(source.at(p, t), v) + more)
            with f.when(whole < n):
                mask = f.first(n - whole, v)
                f.store(to.at(whole, t), f.load(source.at(whole, t), v, mask) + more, mask)


# ---- from Python


def run(p: Plan, y: Any, x: Any, w: Any, b: Any, by_output: int, t: Type) -> Any:
    """y, filled. by_output: from a weight to that of the next channel that is written."""
    arrays = (y, x, w, w if b is None else b, p.offsets, p.places, p.planes.fields, p.rows, p.starts)
    _kernel(t, p.tile)(*arrays, memory.empty(p.room, y.dtype), b is not None, by_output, *p.numbers)
    return y


nameless(globals())
