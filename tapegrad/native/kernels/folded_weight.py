"""The cotangent of a convolution's weight as a product of matrices, for many channels of small images: the
result's cotangent by what the windows show at the places of all images (see `folded`).

Of both, a piece of the places is read at a time. What the windows show there is copied out of the planes line
by line, one for each element of the window, and turned: of the products it is the second factor. Who computes
some of the result lays out the channels of x that it is about: what goes through the third cache, others may
be using, too.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any, NamedTuple

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, memory, target
from tapegrad.native.ir import I64, Type, Value, vector
from tapegrad.native.kernels import folded, gemm
from tapegrad.native.kernels.panels import PAD, height, heights, turned_of, width
from tapegrad.native.kernels.planes import Axis, Layout, Sizes, fill_of, layout
from tapegrad.native.runtime import threads

_UNITS = 8  # at least, so that threads can share them
_LIMIT = 1 << 22  # elements of all images' planes, or cotangents
# What a panel's step costs besides its products, in multiplications of a vector: copying and turning; a tile.
_COPY, _TILE, _LONGER = 40.0, 3.0, 1.12


class Plan(NamedTuple):
    """The planes' layout; where each element of the windows is in them; the rows of places, (place, column of
    the piece), and which are of each piece; the tile's rows; numbers for machine code; room."""

    planes: Layout
    rows: Any
    starts: Any
    tile: int
    numbers: Sizes
    room: int


def cost(images: int, places: int, outputs: int, elements: int, t: Type) -> float:
    """What it costs, in multiplications of a vector."""
    tiles = -(-outputs // height())
    panels = -(-elements // width(t))
    return _LONGER * images * places * panels * (tiles * (2 * -(-outputs // tiles) + _TILE) + _COPY)


def plan(axes: tuple[Axis, ...], images: int, inputs: int, outputs: int, t: Type) -> Plan | None:
    """None if the images are too large."""
    planes = layout(axes, inputs, 1 << 62, 1 << 62, 1)
    out = tuple([a.m for a in axes])
    places, elements, wide = images * prod(out), len(planes.offsets), width(t)
    tiles = -(-outputs // height())
    pitch = places * height() + PAD
    if planes.bands > 1 or max(images * planes.length, tiles * pitch) > _LIMIT:
        return None
    depth = gemm.even(places, gemm.DEPTH // t.bytes, target.host().lanes(t))
    rows, starts = folded.rows_of_places(planes, images, out, depth, 32 // t.bytes)
    tile = max(-(-outputs // tiles), heights(height())[0])
    panels = -(-elements // wide)
    high = -(-tiles // -(-_UNITS // panels)) if panels < _UNITS else tiles
    panel, line = (depth + 1) * wide + PAD * 2, depth + 32
    space = panel + wide * line + high * tile * wide
    laid = space + PAD
    space = laid + images * planes.length + PAD * 2
    numbers = (
        *(images, outputs, elements, places // max(1, images), planes.length, inputs),
        *(prod(a.n for a in axes), tiles, panels, high, panels * -(-tiles // high), depth, pitch),
        *(tiles * pitch, space, panel, line, laid),
    )
    return Plan(planes, rows, starts, tile, numbers, tiles * pitch + space * threads())


# ---- machine code

_NAMES = (
    "y:w g:r x:r offsets:r layout:r rows:r starts:r room:w "
    "images:i outputs:i elements:i places:i length:i inputs:i plane:i tiles:i panels:i high:i units:i "
    "depth:i pitch:i at_rooms:i space:i panel:i line:i laid:i"
)


@cache
def _kernel(t: Type, m: int) -> Any:
    """Cotangents first, then the products, each by all threads."""
    steps = [
        call.Step("turned", lambda f: _write_turn(f, t, m), "tiles"),
        call.Step("products", lambda f: _write_products(f, t, m), "units"),
    ]
    return call.build_steps(f"folded_weight_{t}_{m}", _NAMES, steps)


def _write_turn(f: call.Body, t: Type, m: int) -> None:
    """Tiles of the cotangent: at each place those of m channels."""
    places = f["places"]
    with f.loop(f.low, f.high) as tile:
        many = f.smaller(f["outputs"] - tile * m, m)
        to = f["room"].at(tile * f["pitch"], t)
        with f.loop(0, f["images"]) as image:
            source = f["g"].at((image * f["outputs"] + tile * m) * places, t)
            place = to.at(image * places * height(), t)
            call.run(f, turned_of(t, height()), place, source, many, places, places)


def _write_products(f: call.Body, t: Type, m: int) -> None:
    """Units: panels, and blocks of tiles."""
    wide, tall = width(t), height()
    panel = f["room"].at(f["at_rooms"] + f.who * f["space"], t)
    lines = panel.at(f["panel"], t)
    sums, planes = lines.at(f["line"] * wide, t), panel.at(f["laid"], t)
    places = f["images"] * f["places"]
    f.clear(panel, wide * t.bytes)  # what the sums start from
    laid = f.variable(f.value(0, I64))  # channels whose planes are there
    with f.loop(f.low, f.high) as unit:
        first, low = unit % f["panels"] * wide, unit // f["panels"] * f["high"]
        laid.set(_lay(f, t, planes, first, f.select(first.eq(0), f.value(0, I64), laid.get())))
        n, high = f.smaller(f["elements"] - first, wide), f.smaller(low + f["high"], f["tiles"])
        with f.loop(0, places, f["depth"]) as start:
            k = f.smaller(f["depth"], places - start)
            _show(f, t, lines, planes, first, n, start // f["depth"])
            call.run(f, turned_of(t, wide), panel.at(wide, t), lines, n, f["line"], k)
            with f.loop(low, high) as i:
                to, g = sums.at((i - low) * m * wide, t), f["room"].at(i * f["pitch"] + start * tall, t)
                call.run(f, gemm.tile(t, m), to, wide, g, panel, k, start)
        bottom = f.smaller(high * m, f["outputs"])
        with f.loop(low * m, bottom) as i:
            source = sums.at((i - low * m) * wide, t)
            f.copy(f["y"].at(i * f["elements"] + first, t), source, n * t.bytes)


def _lay(f: call.Body, t: Type, planes: Value, first: Value, laid: Value) -> Value:
    """The planes of the channels that a panel is about, where `laid` are there already; how many are then."""
    own, taps = f["length"] // f["inputs"], f["elements"] // f["inputs"]
    low = f.larger(first // taps, laid)
    high = f.smaller((first + (width(t) + taps - 1)) // taps, f["inputs"])
    many = high - low
    with f.when(many > 0), f.loop(0, f["images"]) as image:
        to, x = planes.at(image * f["length"] + low * own, t), (image * f["inputs"] + low) * f["plane"]
        f.clear(to, many * own * t.bytes)
        call.run(f, fill_of(t), to, f["x"].at(x, t), f["layout"], 0, many)
    return f.larger(high, laid)


def _show(f: call.Body, t: Type, lines: Value, planes: Value, first: Value, n: Value, piece: Value) -> None:
    """What n elements of the windows show at a piece of the places, a line for each. A row of places is
    stored as a whole vector: what stands behind it is overwritten by the next one."""
    v = vector(t, 32 // t.bytes)
    low, high = (f.load(f["starts"].at(piece + i, I64), I64) for i in (0, 1))
    with f.loop(0, n) as j:
        to = lines.at(j * f["line"], t)
        source = planes.at(f.load(f["offsets"].at(first + j, I64), I64), t)
        with f.loop(low, high) as row:
            place, column = (f.load(f["rows"].at(row * 2 + half, I64), I64) for half in (0, 1))
            f.store(to.at(column, t), f.load(source.at(place, t), v))


# ---- from Python


def run(p: Plan, g: Any, x: Any, t: Type) -> Any:
    """The cotangent of the weight, [channels of g, elements of the window and channels of x]."""
    y = memory.empty((g.shape[1], p.numbers[2]), g.dtype)
    arrays = (y, g, x, p.planes.offsets, p.planes.fields, p.rows, p.starts)
    _kernel(t, p.tile)(*arrays, memory.empty(p.room, y.dtype), *p.numbers)
    return y


nameless(globals())
