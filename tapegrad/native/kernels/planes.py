"""Images laid out so that a window's element is the same distance away wherever the window stands.

A convolution with stride 1 over rows of one pitch needs no rows and columns: output p is the sum over k of
w[k] times planes[offset[k] + p], for p in one flat range. So images are copied into planes, padded with
zeros; the zeros behind a row are those before the next one. With a stride there is a plane for each remainder
of a position by the stride (its phase), in which the windows again move by 1. Outputs that stand at no window
(the pitch is larger than the result) are computed and dropped.

Everything has three dimensions; a large image is taken in bands of its outermost one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, target
from tapegrad.native.choice import DENSE
from tapegrad.native.ir import I64, Function, Type, Value, vector

Sizes = tuple[int, ...]
_AXES = (0, 1, 2)
# What machine code reads of a layout, by place; those with three values have one per dimension.
_SINGLE = ("channels", "plane", "phase_plane", "channel_planes", "axis", "rows", "bands")
_TRIPLE = ("size", "pad", "stride", "out", "reach", "phases", "pitch")


def dense(*arrays: Any) -> list[Any]:
    """The arrays in row-major order and aligned; what is no array as it is."""
    return [
        np.require(a, None, ("C", "A")) if type(a) is np.ndarray and a.flags.num & DENSE != DENSE else a
        for a in arrays
    ]


class Axis(NamedTuple):
    """How windows move along a dimension: n elements with `pad` zeros before them, m windows every `stride`
    elements, and which elements of a window count (their distances from its first)."""

    n: int
    pad: int
    stride: int
    m: int
    moves: Sizes


class Layout(NamedTuple):
    """Where things are. fields: for machine code; offsets: of each (channel, element of the window); flat:
    how many outputs a band computes; length: elements of a band's planes; steps: of the output per axis."""

    fields: Any
    offsets: Any
    flat: int
    length: int
    bands: int
    steps: Sizes


def _pitch(a: Axis) -> int:
    """Places of a row in its phase: data, and zeros up to where the next row's own zeros begin."""
    last = (a.m - 1) * a.stride + max(a.moves, default=0)
    end = min(a.pad + a.n, last + 1)
    return max(-(-end // a.stride), (last - max(a.pad, 0)) // a.stride + 1, a.m, 1)


def _laid(axes: tuple[Axis, ...]) -> tuple[Sizes, Sizes, int, int]:
    """(steps of the output, phases per axis, flat length, elements of one phase's plane)."""
    pitch = [_pitch(a) for a in axes]
    steps = (pitch[1] * pitch[2], pitch[2], 1)
    phases = tuple([max((k % a.stride for k in a.moves), default=0) + 1 for a in axes])
    flat = 1 + sum((a.m - 1) * s for a, s in zip(axes, steps, strict=True))
    reach = sum(max(a.moves, default=0) // a.stride * s for a, s in zip(axes, steps, strict=True))
    return steps, phases, flat, max(prod(pitch), flat + reach)


@lru_cache(1000)
def layout(axes: tuple[Axis, ...], channels: int, flat_limit: int, limit: int, least: int) -> Layout:
    """The layout of images with windows along three axes, in bands of at most so many outputs and elements,
    at least `least` of them where that leaves enough outputs."""
    axis = next((k for k in _AXES if axes[k].m > 1), 2)
    whole, rows = axes[axis], axes[axis].m
    bands = 1
    while True:
        part = tuple([a._replace(m=rows) if k == axis else a for k, a in enumerate(axes)])
        steps, phases, flat, plane = _laid(part)
        length = channels * prod(phases) * plane
        small = flat <= flat_limit and length <= limit and (bands >= least or flat < 256)
        if rows == 1 or small:
            break
        bands += max(1, bands // 8)
        rows = -(-whole.m // bands)
    bands = -(-whole.m // rows)
    per_channel = prod(phases) * plane
    window = [_offset(part, phases, plane, steps, k) for k in product(*[a.moves for a in part])]
    offsets = np.add.outer(np.arange(channels) * per_channel, np.array(window, np.int64)).reshape(-1)
    single = (channels, prod(a.n for a in axes), plane, per_channel, axis, rows, bands)
    columns = [
        (a.n, a.pad, a.stride, a.m, max(a.moves, default=0), u, s)
        for a, u, s in zip(axes, phases, steps, strict=True)
    ]
    fields = np.array([*single, *[x for each in zip(*columns, strict=True) for x in each]], np.int64)
    return Layout(fields, offsets, flat, length, bands, steps)


def _offset(axes: Any, phases: Sizes, plane: int, steps: Sizes, moves: Sizes) -> int:
    at = phase = 0
    for a, u, s, k in zip(axes, phases, steps, moves, strict=True):
        at += k // a.stride * s
        phase = phase * u + k % a.stride
    return phase * plane + at


# ---- machine code


class Fields:
    """A layout's fields in machine code, read when asked for."""

    def __init__(self, f: Function, p: Value) -> None:
        self.f, self.p = f, p

    def one(self, name: str) -> Value:
        return self.f.load(self.p.at(_SINGLE.index(name), I64), I64)

    def of(self, name: str, axis: int) -> Value:
        return self.f.load(self.p.at(len(_SINGLE) + 3 * _TRIPLE.index(name) + axis, I64), I64)

    def band(self, k: Value) -> tuple[list[Value], list[Value]]:
        """(the first output along each axis, how many) of band k."""
        f, axis, rows = self.f, self.one("axis"), self.one("rows")
        first, many = [], []
        for d in _AXES:
            m, mine = self.of("out", d), axis.eq(d)
            start = f.select(mine, k * rows, f.value(0, I64))
            first.append(start)
            many.append(f.select(mine, f.smaller(rows, m - start), m))
        return first, many


@cache
def rows_of(t: Type) -> str:
    """rows(to, from, n, step, many, to_pitch, from_pitch): of each row n elements, every step-th, one after
    the other."""
    v = target.host().wide(t)

    def write(f: Function) -> None:
        _write_rows(f, t, v)

    slots = "to:w from:r n:i step:i many:i to_pitch:i from_pitch:i"
    return call.provided(f"planes_rows_{t}", slots, write)


def _write_rows(f: Function, t: Type, v: Type) -> None:
    n, step = f["n"], f["step"]

    def each(condition: Value, read: Callable[[Value, Value, Type], Value], v: Type, end: Value) -> None:
        """The rows, if the condition is true: a vector after the other, and the last elements again."""
        with f.when(condition), f.loop(0, f["many"]) as k:
            to, source = f["to"].at(k * f["to_pitch"], t), f["from"].at(k * f["from_pitch"], t)
            with f.loop(0, end, v.lanes) as i:
                f.store(to.at(i, t), read(source, i, v))
            if v.lanes > 1:
                f.store(to.at(end, t), read(source, end, v))

    more = n < 0
    for part in (1, 2, 4):  # short rows by parts of a vector
        some = vector(t, v.lanes // part)
        if some.lanes > 1:
            here = (n >= some.lanes) & ~more
            end = n - some.lanes
            each(here & step.eq(1), lambda source, i, v: f.load(source.at(i, t), v), some, end)
            each(here & step.eq(2), lambda source, i, v: every_second(f, source, i, v), some, end)
            more = n >= some.lanes
    single = ~more | (step.ne(1) & step.ne(2))
    each(single, lambda source, i, v: f.load(source.at(i * step, t), v), t, n)


def every_second(f: Function, source: Value, i: Value, v: Type) -> Value:
    """Elements 2 i, 2 i + 2, ...; nothing behind the last of them is read."""
    a = f.load(source.at(i * 2, v), v)
    b = f.load(source.at(i * 2 + (v.lanes - 1), v), v)
    return f.shuffle(a, b, [*range(0, v.lanes, 2), *range(v.lanes + 1, 2 * v.lanes, 2)])


@cache
def fill_of(t: Type) -> str:
    """fill(planes, images, fields, band, channels): copy what a band of the images' windows covers into the
    planes of so many channels."""
    slots = "planes:w images:r fields:r band:i channels:i"
    return call.provided(f"planes_fill_{t}", slots, lambda f: _write_fill(f, t))


def _write_fill(f: Function, t: Type) -> None:
    g = Fields(f, f["fields"])
    first, many = g.band(f["band"])
    ends = [_ends(f, g, d, first[d], many[d]) for d in _AXES]
    phase_plane, channel_planes, plane = g.one("phase_plane"), g.one("channel_planes"), g.one("plane")
    sizes, pitch = [g.of("size", d) for d in _AXES], [g.of("pitch", d) for d in _AXES]
    phases, step = [g.of("phases", d) for d in _AXES], [g.of("stride", d) for d in _AXES]
    with f.loop(0, phases[0]) as a0, f.loop(0, phases[1]) as a1, f.loop(0, phases[2]) as a2:
        phase = (a0 * phases[1] + a1) * phases[2] + a2
        (i0, n0, q0), (i1, n1, q1), (i2, n2, q2) = (
            _span(f, ends[d], a, step[d]) for d, a in enumerate((a0, a1, a2))
        )
        start = f["planes"].at(phase * phase_plane + q0 * pitch[0] + q1 * pitch[1] + q2, t)
        source = f["images"].at((i0 * sizes[1] + i1) * sizes[2] + i2, t)
        apart = step[0] * sizes[1] * sizes[2]
        with f.loop(0, f["channels"]) as c, f.loop(0, n0) as k:
            to, of = start.at(c * channel_planes + k * pitch[0], t), source.at(c * plane + k * apart, t)
            call.run(f, rows_of(t), to, of, n2, step[2], n1, pitch[1], step[1] * sizes[2])


class _Ends(NamedTuple):
    low: Value  # the first element
    high: Value
    shift: Value  # from an element to its place in the band


def _ends(f: Function, g: Fields, d: int, first: Value, many: Value) -> _Ends:
    """Which elements of an axis a band's windows cover."""
    stride = g.of("stride", d)
    shift = g.of("pad", d) - first * stride
    low = f.larger(-shift, 0)
    high = f.smaller(g.of("size", d), (many - 1) * stride + g.of("reach", d) + 1 - shift)
    return _Ends(low, f.larger(high, low), shift)


def _span(f: Function, ends: _Ends, phase: Value, stride: Value) -> tuple[Value, Value, Value]:
    """(the first element of a phase, how many, the first one's place)."""
    from_low = (phase - (ends.low + ends.shift) % stride + stride) % stride
    start = ends.low + from_low
    n = f.larger((ends.high - start + stride - 1) // stride, 0)
    return start, n, (start + ends.shift) // stride


nameless(globals())
