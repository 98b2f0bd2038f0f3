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
from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, memory, target
from tapegrad.native.choice import over
from tapegrad.native.ir import I64, PTR, Function, Module, Type, Value
from tapegrad.native.kernels import convolution as forward
from tapegrad.native.kernels import folded_weight, sweep
from tapegrad.native.kernels.planes import (
    Fields,
    Layout,
    Sizes,
    dense,
    fill_of,
    layout,
    rows_of,
)

_FLAT = 2048  # places at a time: some rows of them stay in the first cache
_PLANES = 80 * 1024  # elements of planes and cotangents at a time: they stay in the second
_PARTS = 1 << 22  # elements of sums at most
_COPY = 5.0  # what copying an element costs, in multiplications of which a vector does one
_TILE = 40.0  # what a tile's sums cost at their end, in places

# What machine code reads of a plan, by place.
_NUMBERS = (
    *("outputs", "width", "flat", "groups", "blocks", "tiles", "few", "parts", "pieces", "scratch"),
    *("planes", "out", "out_rows", "out_columns", "shares", "share"),
)


class _Plan(NamedTuple):
    """The planes' layout, machine code's numbers, the offsets with those of a whole last tile, the tile."""

    planes: Layout
    numbers: Any
    offsets: Any
    tile: tuple[int, int]
    shape: Sizes
    units: int
    work: int
    taps: int
    elements: int


def _tiles() -> list[tuple[int, int]]:
    """Channels by elements of the window: as many sums as there are registers, beside one for each of the
    shorter side and one for the longer one (see `_multiply`)."""
    registers = target.host().registers
    most = [(m, max(n for n in range(1, 13) if m * n + min(m, n) < registers)) for m in (2, 3, 4, 6)]
    return [(1, 9), *most]


@lru_cache(1000)
def _tile(outputs: int, elements: int) -> tuple[int, int]:
    return min(_tiles(), key=lambda tile: sweep.cost(tile, outputs, elements))


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
        for low in range(0, n, v.lanes):
            some = [s.get() for s in sums[i][low : low + v.lanes]]
            to, mask = f["to"].at(f["pitch"] * i + low, t), f.first(f.value(len(some), I64), v)
            f.store(to, f.load(to, v, mask) + f.totals(some), mask)
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


@cache
def _spread_of(t: Type) -> str:
    """spread(to, flat, g, channels, layout, numbers, band): a band of each channel's cotangent at the pitch
    of the planes."""
    slots = "to:w flat:i g:r channels:i layout:r numbers:r band:i"
    return call.provided(f"convolution_spread_{t}", slots, lambda f: _write_spread(f, t))


def _write_spread(f: Function, t: Type) -> None:
    fields = Fields(f, f["layout"])
    first, many = fields.band(f["band"])
    pitch = [fields.of("pitch", d) for d in (0, 1)]
    plane, lines, columns = (_number(f, f["numbers"], k) for k in ("out", "out_rows", "out_columns"))
    with f.loop(0, f["channels"]) as c, f.loop(0, many[0]) as i:
        line = (first[0] + i) * lines + first[1]
        to = f["to"].at(c * f["flat"] + i * pitch[0], t)
        source = f["g"].at(c * plane + line * columns + first[2], t)
        call.run(f, rows_of(t), to, source, many[2], 1, many[1], pitch[1], columns)


def _number(f: Function, p: Value, name: str) -> Value:
    return f.load(p.at(_NUMBERS.index(name), I64), I64)


@cache
def _summer(t: Type, m: int, n: int) -> Any:
    """The sums, by units: part of the images, group, share of x's channels, block of g's."""
    module = Module()
    fill, spread = fill_of(t), _spread_of(t)
    products = _add_products(module, t, m, n)

    def write(f: call.Body) -> None:
        layout, q = Fields(f, f["layout"]), {k: _number(f, f["numbers"], k) for k in _NUMBERS}
        bands, inputs, plane = (layout.one(k) for k in ("bands", "channels", "plane"))
        flat, few, step, width = q["flat"], q["few"], q["scratch"], q["width"]
        room = f["room"].at(f.who * few * step, t)
        f.clear(room, few * step * t.bytes)
        with f.loop(f.low, f.high) as u:
            block, rest = u % q["blocks"], u // q["blocks"]
            group, part = rest // q["shares"] % q["groups"], rest // q["shares"] // q["groups"]
            channel = rest % q["shares"] * q["share"]
            low, high = (k * q["tiles"] // q["blocks"] for k in (block, block + 1))
            to = f["sums"].at((rest * q["tiles"] + low) * m * width, t)
            f.clear(to, (high - low) * m * width * t.bytes)
            channels = f.smaller(high * m, q["outputs"]) - low * m
            first, end = (k * q["pieces"] // q["parts"] for k in (part, part + 1))
            with f.loop(first, end, few) as start:
                many = f.smaller(end - start, few)
                with f.when(bands > 1):
                    f.clear(room, few * step * t.bytes)
                with f.loop(0, many) as k:
                    band, image = (start + k) % bands, (start + k) // bands * q["groups"] + group
                    planes = room.at(k * step, t)
                    x = f["x"].at((image * inputs + channel) * plane, t)
                    call.run(f, fill, planes, x, f["layout"], band, f.smaller(q["share"], inputs - channel))
                    g = f["g"].at((image * q["outputs"] + low * m) * q["out"], t)
                    to_g = planes.at(q["planes"], t)
                    call.run(f, spread, to_g, flat, g, channels, f["layout"], f["numbers"], band)
                with f.loop(0, high - low) as i, f.loop(0, width, n) as j:
                    rows = room.at(q["planes"] + i * m * flat, t)
                    result, offsets = to.at(i * m * width + j, t), f["offsets"].at(j, I64)
                    f.run(products, result, width, rows, room, offsets, many, step, flat)

    parameters = "sums:w g:r x:r offsets:r layout:r numbers:r room:w n:i grain:i"
    name = f"convolution_weight_{t}_{m}x{n}"
    return call.build(name, parameters, write, over="n", grain="grain", module=module)


@lru_cache(500)
def _plan(
    size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, shape: Sizes, t: Type
) -> _Plan | folded_weight.Plan:
    """shape: (images, groups, channels of a group in x, and in g)."""
    images, groups, inputs, outputs = shape
    out = bodies.result_size(size, kernel, stride, padding, dilation)
    axes = forward.axes_of(size, kernel, stride, padding, dilation, out)
    planes, taps = layout(axes, inputs, _FLAT, 1 << 62, 1), prod(kernel)
    lanes, (m, n) = target.host().lanes(t), _tile(outputs, inputs * taps)
    flat = -(-planes.flat // lanes) * lanes
    if groups == 1:
        summed = images * planes.bands * flat / lanes * sweep.cost((m, n), outputs, inputs * taps)
        if folded_weight.cost(images, prod(out), outputs, inputs * taps, t) < summed:
            found = folded_weight.plan(axes, images, inputs, outputs, t)
            if found is not None:
                return found
    tiles, pieces = -(-outputs // m), images * planes.bands
    sizes = planes.length // inputs, flat
    few, parts, share, blocks = _cut(pieces, groups, (inputs, outputs), sizes, (m, taps), t)
    shares, width = -(-inputs // share), -(-share * taps // n) * n
    length = forward.lines(share * planes.length // inputs + lanes, t)
    step = length + forward.lines(-(-tiles // blocks) * m * flat, t)
    rows = (*(1,) * (3 - len(out)), *out)
    single = (outputs, width, flat, groups, blocks, tiles, few, parts, pieces, step, length, prod(out))
    numbers = np.array([*single, *rows[1:], shares, share], np.int64)
    offsets = np.resize(planes.offsets[: share * taps], width)
    work = -(-pieces // parts) * flat * width * -(-outputs // blocks)
    whole = (parts, groups, shares, tiles * m, width)
    units = parts * groups * shares * blocks
    return _Plan(planes, numbers, offsets, (m, n), whole, units, work, taps, inputs * taps)


def _cut(
    pieces: int,
    groups: int,
    channels: tuple[int, int],
    sizes: tuple[int, int],
    tile: tuple[int, int],
    t: Type,
) -> Sizes:
    """(pieces at a time, parts, channels of x at a time, blocks of g's channels) that take the least time.
    channels, sizes: of x and g, and elements of a channel's planes; tile: its channels, and the elements of
    the window."""
    (inputs, outputs), (m, taps) = channels, tile
    tiles, least, room = -(-outputs // m), -(-forward.UNITS // groups), _PLANES * 4 // t.bytes
    most = max(1, _PARTS // (groups * outputs * inputs * taps))

    def options(n: int) -> list[int]:
        return [-(-n >> k) for k in range(n.bit_length())]

    def cost(choice: Sizes) -> tuple[float, int]:
        few, parts, share, blocks = choice
        mine = -(-tiles // blocks) * m
        held = few * (share * sizes[0] + mine * sizes[1])
        copies = _COPY / taps * (sizes[0] / sizes[1] / mine + 1 / share)
        units = parts * -(-inputs // share) * blocks
        crowded = max(0.0, held / room - 1) + max(0.0, least / units - 1)
        return copies + _TILE / (few * sizes[1]) + crowded, units

    every = [
        (few, max(1, min(-(-pieces // few), least, most)), share, blocks)
        for few in options(max(1, min(pieces, _FLAT // sizes[1])))
        for share in options(inputs)
        for blocks in {-(-tiles // mine) for mine in options(tiles)}
    ]
    return min(every, key=cost)


@over(bodies.convolved_weight)
def convolved_weight(
    body: Any, g: Any, x: Any, stride: Any, padding: Any, dilation: Any, groups: int, kernel: Any
) -> Any:
    """The kernel, where no zero times infinity between the rows gets into a sum."""
    g, x = dense(g, x)
    o, per, taps = g.shape[1], x.shape[1] // groups, prod(kernel)
    t = forward.takes(g.size * per * taps, g, x)
    fit = g.shape[2:] == bodies.result_size(x.shape[2:], tuple(kernel), stride, padding, dilation)
    if t is None or len(kernel) > 3 or not fit or g.shape[0] != x.shape[0]:
        return body(g, x, stride, padding, dilation, groups, kernel)
    shape = (x.shape[0], groups, per, o // groups)
    plan = _plan(x.shape[2:], tuple(kernel), stride, padding, dilation, shape, t)
    if isinstance(plan, folded_weight.Plan):
        total = folded_weight.run(plan, g, x, t)
    else:
        total = _summed(plan, g, x, t)
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(np.add.reduce(total, None))
    if not finite:
        return body(g, x, stride, padding, dilation, groups, kernel)
    return total.reshape((o, per, *kernel))


def _summed(plan: _Plan, g: Any, x: Any, t: Type) -> Any:
    """The sums over all parts, [groups, channels of g, channels of x and elements of the window]."""
    sums = memory.empty(plan.shape, g.dtype)
    room = forward.room(int(plan.numbers[6] * plan.numbers[9]), g.dtype)
    grain = max(1, forward.GRAIN // plan.work)
    planes = plan.planes
    _summer(t, *plan.tile)(sums, g, x, plan.offsets, planes.fields, plan.numbers, room, plan.units, grain)
    with np.errstate(invalid="ignore"):
        whole = sums[0] if len(sums) == 1 else np.add.reduce(sums, 0)
    outputs, share = int(plan.numbers[0]), int(plan.numbers[-1])
    return _gathered(whole, share * plan.taps)[:, :outputs, : plan.elements]


def _gathered(sums: Any, width: int) -> Any:
    """Sums [groups, shares, outputs, elements] of each share's first elements as [groups, outputs, all]."""
    if sums.shape[1] == 1:
        return sums[:, 0]
    return sums[..., :width].swapaxes(1, 2).reshape(sums.shape[0], sums.shape[2], -1)


@over(bodies.convolved_both)
def convolved_both(
    body: Any, g: Any, x: Any, w: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """Each by its kernel, where there are such."""
    g, x, w = dense(g, x, w)
    if forward.takes(g.size * (w.size // max(1, w.shape[0])), g, x, w) is None or w.ndim > 5:
        return body(g, x, w, stride, padding, dilation, groups)
    how = (stride, padding, dilation, groups)
    back = bodies.convolved_back(g, w, None, *how, x.shape[2:])
    return back, bodies.convolved_weight(g, x, *how, w.shape[2:])


nameless(globals())
