"""Convolutions and their cotangents as sums over planes (`planes`).

Forward and back to the input are one kernel: a tile of outputs, some channels times some vectors of places, is
kept in registers while the sum runs over channels and the elements of the window. The way back to the input is
a convolution of the cotangent per phase of the input's positions. The weight's cotangent is a tile of sums
over places. Images, groups, bands and, if these are few, blocks of channels are shared among threads; what a
thread adds up does not depend on how many there are.
"""

from __future__ import annotations

from functools import cache, lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad import tiers
from tapegrad.kernels import convolution as bodies
from tapegrad.native import call, memory, target
from tapegrad.native.choice import fits, over
from tapegrad.native.ir import I64, PTR, Function, Module, Type, Value
from tapegrad.native.kernels.planes import Axis, Fields, Layout, Sizes, add_fill, add_row, layout

LEAST = 1 << 15  # multiplications below which NumPy is used
_PLANES = 48 * 1024  # elements of planes at a time: they stay in the second cache
UNITS = 8  # parts of the work, at least, so that threads can share it
GRAIN = 1 << 17  # multiplications for which another thread is worth waking


# ---- tiles: so many channels by so many vectors of places


def _tiles() -> list[tuple[int, int]]:
    """The tiles that fit into the registers, with the vectors that are read meanwhile."""
    found = []
    for m in (1, 2, 3, 4, 5, 6, 8):
        n = next((n for n in (8, 6, 5, 4, 3, 2) if m * n + min(m, n) + 1 <= target.host().registers), 0)
        if n:
            found.append((m, n))
    return found


@lru_cache(1000)
def _tile(channels: int, places: int) -> tuple[int, int]:
    """The tile that takes the least time for so many channels and vectors of places."""

    def cost(tile: tuple[int, int]) -> float:
        m, n = tile
        return -(-channels // m) * -(-places // n) * (max(m * n, m + 1.5 * n) + 0.5 * m + n)

    return min(_tiles(), key=cost)


# ---- forward

_PASS = ("outputs", "sums", "flat", "groups", "blocks", "tiles", "to_plane", "scratch", "planes")
_STEPS = ("to_size", "to_start", "to_step")  # three of each: where results go


class _Pass(NamedTuple):
    """One sweep: the planes' layout, machine code's numbers, which elements of the window's weights."""

    planes: Layout
    numbers: Any
    taps: Any
    tile: tuple[int, int]
    units: int
    work: int


def _number(f: Function, p: Value, name: str, axis: int = 0) -> Value:
    k = _PASS.index(name) if name in _PASS else len(_PASS) + 3 * _STEPS.index(name) + axis
    return f.load(p.at(k, I64), I64)


def _add_strip(module: Module, t: Type, m: int, n: int) -> Function:
    """strip(to, pitch, weights, planes, offsets, sums, flat): m channels of all places."""
    v = target.host().wide(t)
    parameters = [("to", PTR), ("pitch", I64), ("w", PTR), ("planes", PTR), ("offsets", PTR), ("sums", I64)]
    f = Function("strip", [*parameters, ("flat", I64)])
    with f.loop(0, f["flat"], n * v.lanes) as p:
        place = f["planes"].at(p, t)
        start = [f.splat(f.load(f["w"].at(i, t), t), v.lanes) for i in range(m)]
        sums = [[f.variable(start[i]) for _ in range(n)] for i in range(m)]
        with f.loop(0, f["sums"]) as k:
            source = place.at(f.load(f["offsets"].at(k, I64), I64), t)
            w = f["w"].at(k * m + m, t)
            _step(f, t, sums, source, w)
        for i in range(m):
            to = f["to"].at(f["pitch"] * i + p, t)
            for j in range(n):
                f.store(to.at(j * v.lanes, t), sums[i][j].get())
    f.give()
    return module.add(f)


def _step(f: Function, t: Type, sums: Any, source: Value, w: Value) -> None:
    """sums[i][j] += w[i] * source[j]: the shorter side is kept, the longer one streams."""
    v = target.host().wide(t)
    m, n = len(sums), len(sums[0])

    def weight(i: int) -> Value:
        return f.splat(f.load(w.at(i, t), t), v.lanes)

    def vector(j: int) -> Value:
        return f.load(source.at(j * v.lanes, t), v)

    if n <= m:
        kept = [vector(j) for j in range(n)]
        for i in range(m):
            a = weight(i)
            for j in range(n):
                sums[i][j].set(f.fma(a, kept[j], sums[i][j].get()))
        return
    kept = [weight(i) for i in range(m)]
    for j in range(n):
        b = vector(j)
        for i in range(m):
            sums[i][j].set(f.fma(kept[i], b, sums[i][j].get()))


@cache
def _packer(t: Type) -> Any:
    """Weights [groups, tiles, 1 + sums, m] of bias and w."""

    def write(f: call.Body) -> None:
        m, outputs, inputs, taps = f["m"], f["outputs"], f["inputs"], f["taps"]
        sums = inputs * taps
        with f.loop(f.low, f.high) as u:
            group, first = u // f["tiles"], u % f["tiles"] * m
            to = f["packed"].at(u * (sums + 1) * m, t)
            f.clear(to, (sums + 1) * m * t.bytes)
            with f.loop(0, f.smaller(m, outputs - first)) as i:
                o = first + i
                with f.when(f["biased"].ne(0)):
                    f.store(to.at(i, t), f.load(f["b"].at(group * outputs + o, t), t))
                source = f["w"].at(group * f["by_group"] + o * f["by_output"], t)
                with f.loop(0, inputs) as c:
                    part, row = source.at(c * f["by_input"], t), to.at((c * taps + 1) * m + i, t)
                    with f.loop(0, taps) as k:
                        x = f.load(part.at(f.load(f["places"].at(k, I64), I64), t), t)
                        f.store(row.at(k * m, t), x)

    names = "packed:w w:r b:r places:r n:i m:i tiles:i outputs:i inputs:i taps:i by_group:i by_output:i"
    return call.build(f"convolution_pack_{t}", f"{names} by_input:i biased:i", write, over="n", grain=16)


@cache
def _sweeper(t: Type, m: int, n: int) -> Any:
    """The results of a pass, by units: image and group, band, block of channels."""
    module = Module()
    row = add_row(module, t)
    fill, strip, put = add_fill(module, t, row), _add_strip(module, t, m, n), _add_put(module, t, row)

    def write(f: call.Body) -> None:
        numbers, layout = f["numbers"], Fields(f, f["layout"])
        names = ("outputs", "sums", "flat", "groups", "blocks", "tiles", "to_plane", "scratch", "planes")
        outputs, sums, flat, groups, blocks, tiles, plane, scratch, length = (
            _number(f, numbers, k) for k in names
        )
        bands, images = layout.one("bands"), layout.one("channels") * layout.one("plane")
        planes = f["room"].at(f.who * scratch, t)
        part = planes.at(length, t)
        f.clear(planes, length * t.bytes)
        with f.loop(f.low, f.high) as u:
            block, rest = u % blocks, u // blocks
            band, image = rest % bands, rest // bands
            with f.when(bands > 1):
                f.clear(planes, length * t.bytes)
            f.run(fill, planes, f["x"].at(image * images, t), f["layout"], band)
            with f.loop(block * tiles // blocks, (block + 1) * tiles // blocks) as tile:
                w = f["packed"].at((image % groups * tiles + tile) * (sums + 1) * m, t)
                f.run(strip, part, flat, w, planes, f["offsets"], sums, flat)
                first = tile * m
                with f.loop(0, f.smaller(outputs - first, m)) as i:
                    to = f["y"].at((image * outputs + first + i) * plane, t)
                    f.run(put, to, part.at(i * flat, t), f["layout"], numbers, band)

    parameters = "y:w x:r packed:r offsets:r layout:r numbers:r room:w n:i grain:i"
    return call.build(f"convolution_{t}_{m}x{n}", parameters, write, over="n", grain="grain", module=module)


def _add_put(module: Module, t: Type, row: Function) -> Function:
    """put(y, part, layout, numbers, band): a band's results of a channel go where they belong."""
    f = Function("put", [("y", PTR), ("part", PTR), ("layout", PTR), ("numbers", PTR), ("band", I64)])
    layout = Fields(f, f["layout"])
    first, many = layout.band(f["band"])
    size, start, step = ([_number(f, f["numbers"], k, d) for d in range(3)] for k in _STEPS)
    pitch = [layout.of("pitch", d) for d in range(3)]
    at = [(first[d] * step[d]) + start[d] for d in range(3)]
    with f.loop(0, many[0]) as i, f.loop(0, many[1]) as j:
        line = (at[0] + i * step[0]) * size[1] + at[1] + j * step[1]
        to = f["y"].at(line * size[2] + at[2], t)
        source = f["part"].at(i * pitch[0] + j * pitch[1], t)
        whole = step[2].eq(1)
        with f.when(whole):
            f.run(row, to, source, many[2], 1)
        with f.when(~whole), f.loop(0, many[2]) as k:
            f.store(to.at(k * step[2], t), f.load(source.at(k, t), t))
    f.give()
    return module.add(f)


def _pass(
    axes: tuple[Axis, ...], inputs: int, outputs: int, images: int, groups: int, taps: Any, to: Any, t: Type
) -> _Pass:
    """to: the sizes of the result, and the first place and the step along each."""
    lanes = target.host().lanes(t)
    least = -(-UNITS // max(1, images))
    planes = layout(axes, inputs, 1 << 62, _PLANES * 4 // t.bytes, least)
    tile = _tile(outputs, -(-planes.flat // lanes))
    wide = tile[1] * lanes
    flat = -(-planes.flat // wide) * wide
    tiles = -(-outputs // tile[0])
    blocks = min(tiles, -(-UNITS // max(1, images * planes.bands)))
    length = lines(planes.length + wide, t)
    scratch = length + lines(tile[0] * flat, t)
    sums = inputs * len(taps)
    single = (outputs, sums, flat, groups, blocks, tiles, prod(to[0]), scratch, length)
    numbers = np.array([*single, *to[0], *to[1], *to[2]], np.int64)
    units = images * planes.bands * blocks
    work = max(1, flat * max(1, sums) * -(-outputs // blocks))
    return _Pass(planes, numbers, np.array(taps or [0], np.int64), tile, units, work)


def lines(n: int, t: Type) -> int:
    """n elements in whole lines of the cache, and one more: threads do not share them."""
    return (-(-n * t.bytes // 64) + 1) * 64 // t.bytes


def room(n: int, kind: Any) -> Any:
    return memory.empty(n * tiers.threads(), kind)


def _sweep(
    p: _Pass, y: Any, x: Any, w: Any, b: Any, strides: tuple[int, int, int], groups: int, t: Type
) -> None:
    """Put a pass's results into y. strides: of w by group, output and input."""
    m, n = p.tile
    outputs, sums, tiles = (int(p.numbers[k]) for k in (0, 1, 5))
    inputs = int(p.planes.fields[0])
    packed = memory.empty(groups * tiles * (sums + 1) * m, y.dtype)
    shapes = (groups * tiles, m, tiles, outputs, inputs, sums // inputs)
    _packer(t)(packed, w, w if b is None else b, p.taps, *shapes, *strides, b is not None)
    scratch = room(int(p.numbers[7]), y.dtype)
    grain = max(1, GRAIN // p.work)
    _sweeper(t, m, n)(y, x, packed, p.planes.offsets, p.planes.fields, p.numbers, scratch, p.units, grain)


# ---- what NumPy's bodies are replaced by


def _three(values: Sizes, fill: int) -> Sizes:
    return (fill,) * (3 - len(values)) + tuple(values)


@lru_cache(1000)
def _forward(
    size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, shape: Sizes, t: Type
) -> _Pass:
    """shape: (images, groups, channels of a group in x, and in y)."""
    images, groups, inputs, outputs = shape
    out = bodies.result_size(size, kernel, stride, padding, dilation)
    if prod(kernel) == 1 and set(stride) == {1} and not any(padding):
        size, out, kernel, stride, padding, dilation = (prod(size),), (prod(out),), (1,), (1,), (0,), (1,)
    axes = axes_of(size, kernel, stride, padding, dilation, out)
    to = (_three(out, 1), (0, 0, 0), (1, 1, 1))
    return _pass(axes, inputs, outputs, images, groups, list(range(prod(kernel))), to, t)


def axes_of(
    size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, out: Sizes
) -> tuple[Axis, ...]:
    rows = zip(size, kernel, stride, padding, dilation, out, strict=True)
    axes = [Axis(n, p, s, m, tuple(range(0, k * d, d))) for n, k, s, p, d, m in rows]
    return (Axis(1, 0, 1, 1, (0,)),) * (3 - len(axes)) + tuple(axes)


@lru_cache(1000)
def _backward(
    out: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    size: Sizes,
    shape: Sizes,
    t: Type,
) -> list[_Pass]:
    """One pass per phase of x's positions. shape: (images, groups, channels of a group in g, and in x)."""
    images, groups, inputs, outputs = shape
    dims = zip(
        *[
            _three(v, f)
            for v, f in ((out, 1), (kernel, 1), (stride, 1), (padding, 0), (dilation, 1), (size, 1))
        ],
        strict=True,
    )
    phases = [[_phase(*each, a) for a in range(min(each[2], each[5]))] for each in dims]
    wide = _three(kernel, 1)
    passes = []
    for chosen in product(*phases):
        places = product(*[c[1] for c in chosen])
        taps = [(i * wide[1] + j) * wide[2] + k for i, j, k in places]
        to = (_three(size, 1), tuple(c[2] for c in chosen), _three(stride, 1))
        passes.append(_pass(tuple(c[0] for c in chosen), inputs, outputs, images, groups, taps, to, t))
    return passes


def _phase(m: int, k: int, s: int, p: int, d: int, n: int, a: int) -> tuple[Axis, list[int], int]:
    """Which windows cover x's positions a, a + s, ... along an axis, and with which of their elements."""
    found = [((a + p - i * d) // s, i) for i in range(k) if (a + p - i * d) % s == 0]
    first = min([r for r, _ in found], default=0)
    axis = Axis(m, -first, 1, -(-(n - a) // s), tuple([r - first for r, _ in found]))
    return axis, [i for _, i in found], a


def takes(work: int, *arrays: Any) -> Type | None:
    return None if work < LEAST else fits(*[a for a in arrays if a is not None])


@over(bodies.convolved)
def convolved(
    body: Any, x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    o, per, *_ = w.shape
    size, kernel = x.shape[2:], w.shape[2:]
    out = bodies.result_size(size, kernel, stride, padding, dilation)
    work = x.shape[0] * prod(out) * w.size
    t = takes(work, x, w, b)
    if t is None or len(kernel) > 3:
        return body(x, w, b, stride, padding, dilation, groups)
    shape = (x.shape[0] * groups, groups, per, o // groups)
    p = _forward(size, kernel, stride, padding, dilation, shape, t)
    y = memory.empty((x.shape[0], o, *out), x.dtype)
    places = prod(kernel)
    _sweep(p, y, x, w, b, (o // groups * per * places, per * places, places), groups, t)
    return y


@over(bodies.convolved_back)
def convolved_back(
    body: Any, g: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int, size: Any
) -> Any:
    o, per, *_ = w.shape
    out, kernel = g.shape[2:], w.shape[2:]
    t = takes(g.size // max(1, o) * w.size, g, w, b)
    if t is None or len(kernel) > 3:
        return body(g, w, b, stride, padding, dilation, groups, size)
    shape = (g.shape[0] * groups, groups, o // groups, per)
    y = memory.empty((g.shape[0], per * groups, *size), g.dtype)
    places = prod(kernel)
    for p in _backward(out, kernel, stride, padding, dilation, tuple(size), shape, t):
        _sweep(p, y, g, w, b, (o // groups * per * places, places, per * places), groups, t)
    return y
