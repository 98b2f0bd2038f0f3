"""The cotangent of a convolution's weight: sums over images and places of the result's cotangent times what
each element of the window shows.

The cotangent is laid out like the planes (`planes`), with zeros where no window stands; then each number is a
product of two flat rows. A tile of channels by elements of the window is summed in registers. Images are cut
into parts by their number alone; each part has its own sums, which are added in order.
"""

from __future__ import annotations

from functools import cache, lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels import convolution as bodies
from tapegrad.native import call, memory, target
from tapegrad.native.choice import over
from tapegrad.native.ir import I64, PTR, Function, Module, Type, Value
from tapegrad.native.kernels import convolution as forward
from tapegrad.native.kernels.planes import Fields, Layout, Sizes, add_fill, add_row, layout

_FLAT = 2048  # places at a time: some rows of them stay in the first cache
_PLANES = 48 * 1024  # elements of planes and cotangents at a time: they stay in the second
_PARTS = 1 << 22  # elements of sums at most

_NUMBERS = ("outputs", "elements", "flat", "groups", "blocks", "tiles", "few", "parts", "pieces")
_NUMBERS += ("scratch", "planes", "out", "out_rows", "out_columns")


class _Plan(NamedTuple):
    """The planes' layout, machine code's numbers, the offsets with those of a whole last tile, the tile."""

    planes: Layout
    numbers: Any
    offsets: Any
    tile: tuple[int, int]
    shape: Sizes
    units: int
    work: int


def _tiles() -> list[tuple[int, int]]:
    """Channels by elements of the window, as many as there are registers for sums."""
    free = target.host().registers - 4
    return [(m, free // m) for m in (1, 2, 3, 4, 6) if free // m <= 12]


@lru_cache(1000)
def _tile(outputs: int, elements: int) -> tuple[int, int]:
    def cost(tile: tuple[int, int]) -> float:
        m, n = tile
        return -(-outputs // m) * -(-elements // n) * (max(m * n, m + 1.5 * n) + 0.5 * m + n)

    return min(_tiles(), key=cost)


def _add_products(module: Module, t: Type, m: int, n: int) -> Function:
    """products(to, pitch, cotangent, planes, offsets, many, step, flat): `many` pieces' sums added to a tile.
    step: from the planes and cotangents of a piece to those of the next."""
    v = target.host().wide(t)
    parameters = [("to", PTR), ("pitch", I64), ("g", PTR), ("planes", PTR), ("offsets", PTR), ("many", I64)]
    f = Function("products", [*parameters, ("step", I64), ("flat", I64)])
    sums = [[f.variable(f.value(0, v), v) for _ in range(n)] for _ in range(m)]
    rows = [f["planes"].at(f.load(f["offsets"].at(j, I64), I64), t) for j in range(n)]
    channels = [f["g"].at(f["flat"] * i, t) for i in range(m)]
    with f.loop(0, f["many"]) as piece:
        start = piece * f["step"]
        with f.loop(start, start + f["flat"], v.lanes) as p:
            _multiply(f, [[c.at(p, t) for c in channels], [r.at(p, t) for r in rows]], sums, v)
    for i in range(m):
        for j in range(n):
            to = f["to"].at(f["pitch"] * i + j, t)
            f.store(to, f.load(to, t) + f.total(sums[i][j].get()))
    f.give()
    return module.add(f)


def _multiply(f: Function, places: list[list[Value]], sums: Any, v: Type) -> None:
    """sums[i][j] += a[i] * b[j]; the shorter side is kept, the other one streams."""
    a, b = places
    if len(a) <= len(b):
        kept = [f.load(p, v) for p in a]
        for j, p in enumerate(b):
            x = f.load(p, v)
            for i, y in enumerate(kept):
                sums[i][j].set(f.fma(y, x, sums[i][j].get()))
        return
    kept = [f.load(p, v) for p in b]
    for i, p in enumerate(a):
        y = f.load(p, v)
        for j, x in enumerate(kept):
            sums[i][j].set(f.fma(y, x, sums[i][j].get()))


def _add_spread(module: Module, t: Type, row: Function) -> Function:
    """spread(to, flat, g, channels, layout, numbers, band): a band of each channel's cotangent at the pitch
    of the planes."""
    parameters = [("to", PTR), ("flat", I64), ("g", PTR), ("channels", I64), ("layout", PTR)]
    f = Function("spread", [*parameters, ("numbers", PTR), ("band", I64)])
    fields = Fields(f, f["layout"])
    first, many = fields.band(f["band"])
    pitch = [fields.of("pitch", d) for d in (0, 1)]
    plane, rows, columns = (_number(f, f["numbers"], k) for k in ("out", "out_rows", "out_columns"))
    with f.loop(0, f["channels"]) as c, f.loop(0, many[0]) as i, f.loop(0, many[1]) as j:
        line = (first[0] + i) * rows + first[1] + j
        to = f["to"].at(c * f["flat"] + i * pitch[0] + j * pitch[1], t)
        f.run(row, to, f["g"].at(c * plane + line * columns + first[2], t), many[2], 1)
    f.give()
    return module.add(f)


def _number(f: Function, p: Value, name: str) -> Value:
    return f.load(p.at(_NUMBERS.index(name), I64), I64)


@cache
def _summer(t: Type, m: int, n: int) -> Any:
    """The sums, by units: part of the images, group, block of channels."""
    module = Module()
    row = add_row(module, t)
    fill, spread = add_fill(module, t, row), _add_spread(module, t, row)
    products = _add_products(module, t, m, n)

    def write(f: call.Body) -> None:
        layout, q = Fields(f, f["layout"]), {k: _number(f, f["numbers"], k) for k in _NUMBERS}
        bands, images = layout.one("bands"), layout.one("channels") * layout.one("plane")
        flat, few, step, width = q["flat"], q["few"], q["scratch"], q["elements"]
        room = f["room"].at(f.who * few * step, t)
        f.clear(room, few * step * t.bytes)
        with f.loop(f.low, f.high) as u:
            block, rest = u % q["blocks"], u // q["blocks"]
            group, part = rest % q["groups"], rest // q["groups"]
            low = block * q["tiles"] // q["blocks"]
            high = (block + 1) * q["tiles"] // q["blocks"]
            to = f["sums"].at((rest * q["tiles"] + low) * m * width, t)
            f.clear(to, (high - low) * m * width * t.bytes)
            channels = f.smaller(high * m, q["outputs"]) - low * m
            first, end = part * q["pieces"] // q["parts"], (part + 1) * q["pieces"] // q["parts"]
            with f.loop(first, end, few) as start:
                many = f.smaller(end - start, few)
                with f.when(bands > 1):
                    f.clear(room, few * step * t.bytes)
                with f.loop(0, many) as k:
                    band, image = (start + k) % bands, (start + k) // bands * q["groups"] + group
                    planes = room.at(k * step, t)
                    f.run(fill, planes, f["x"].at(image * images, t), f["layout"], band)
                    g = f["g"].at((image * q["outputs"] + low * m) * q["out"], t)
                    rows = planes.at(q["planes"], t)
                    f.run(spread, rows, flat, g, channels, f["layout"], f["numbers"], band)
                with f.loop(0, width, n) as j, f.loop(0, high - low) as i:
                    rows = room.at(q["planes"] + i * m * flat, t)
                    result, offsets = to.at(i * m * width + j, t), f["offsets"].at(j, I64)
                    f.run(products, result, width, rows, room, offsets, many, step, flat)

    parameters = "sums:w g:r x:r offsets:r layout:r numbers:r room:w n:i grain:i"
    name = f"convolution_weight_{t}_{m}x{n}"
    return call.build(name, parameters, write, over="n", grain="grain", module=module)


@lru_cache(1000)
def _plan(
    size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, shape: Sizes, t: Type
) -> _Plan:
    """shape: (images, groups, channels of a group in x, and in g)."""
    images, groups, inputs, outputs = shape
    out = bodies.result_size(size, kernel, stride, padding, dilation)
    axes = forward.axes_of(size, kernel, stride, padding, dilation, out)
    planes = layout(axes, inputs, _FLAT, _PLANES * 4 // t.bytes, 1)
    lanes, elements = target.host().lanes(t), inputs * prod(kernel)
    m, n = _tile(outputs, elements)
    flat, width = -(-planes.flat // lanes) * lanes, -(-elements // n) * n
    tiles, pieces = -(-outputs // m), images * planes.bands
    least = -(-forward.UNITS // groups)
    parts = max(1, min(pieces, least, _PARTS // (groups * outputs * elements)))
    blocks = min(tiles, -(-least // parts))
    length = forward.lines(planes.length + lanes, t)
    step = length + forward.lines(-(-tiles // blocks) * m * flat, t)
    few = max(1, min(-(-pieces // parts), _FLAT // flat, _PLANES * 4 // t.bytes // step))
    rows = (*(1,) * (3 - len(out)), *out)
    single = (outputs, width, flat, groups, blocks, tiles, few, parts, pieces)
    numbers = np.array([*single, step, length, prod(out), *rows[1:]], np.int64)
    offsets = np.concatenate([planes.offsets, np.full(width - elements, planes.offsets[0])])
    work = -(-pieces // parts) * flat * width * -(-outputs // blocks)
    return _Plan(
        planes, numbers, offsets, (m, n), (parts, groups, tiles * m, width), parts * groups * blocks, work
    )


@over(bodies.convolved_weight)
def convolved_weight(
    body: Any, g: Any, x: Any, stride: Any, padding: Any, dilation: Any, groups: int, kernel: Any
) -> Any:
    """The kernel, where no zero times infinity between the rows gets into a sum."""
    o, per = g.shape[1], x.shape[1] // groups
    t = forward.takes(g.size * per * prod(kernel), g, x)
    if t is None or len(kernel) > 3:
        return body(g, x, stride, padding, dilation, groups, kernel)
    shape = (x.shape[0], groups, per, o // groups)
    plan = _plan(x.shape[2:], tuple(kernel), stride, padding, dilation, shape, t)
    sums = memory.empty(plan.shape, g.dtype)
    room = forward.room(int(plan.numbers[6] * plan.numbers[9]), g.dtype)
    grain = max(1, forward.GRAIN // plan.work)
    planes = plan.planes
    _summer(t, *plan.tile)(sums, g, x, plan.offsets, planes.fields, plan.numbers, room, plan.units, grain)
    total = np.add.reduce(sums, 0)[:, : o // groups, : per * prod(kernel)]
    if not np.isfinite(np.add.reduce(total, None)):
        return body(g, x, stride, padding, dilation, groups, kernel)
    return total.reshape((o, per, *kernel))


@over(bodies.convolved_both)
def convolved_both(
    body: Any, g: Any, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """None, so that each is computed alone, where that is machine code."""
    work = g.size * (w.size // max(1, w.shape[0]))
    if forward.takes(work, g, x, w) is None or w.ndim > 5:
        return body(g, x, w, stride, padding, dilation, groups)
    return None
