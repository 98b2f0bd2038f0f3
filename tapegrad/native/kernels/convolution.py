"""Convolutions, and their cotangents of the input: one kernel (`sweep`).

The way back to the input is a convolution of the cotangent per phase of the input's positions: those a
multiple of the stride apart are covered by the same elements of the window. Images, groups, bands and, if
these are few, blocks of channels are shared among threads; what a thread adds up does not depend on how many
there are.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import isfinite, prod
from typing import Any, NamedTuple

import numpy as np

from tapegrad.kernels import convolution as bodies
from tapegrad.kernels.errstate import nameless
from tapegrad.native import memory, runtime, target
from tapegrad.native.choice import fits, over
from tapegrad.native.ir import Type
from tapegrad.native.kernels import folded, sweep
from tapegrad.native.kernels.planes import Axis, Layout, Sizes, dense, layout

LEAST = 1  # multiplications; a call takes half of NumPy's time for the smallest ones, too
UNITS = 8  # parts of the work, at least, so that threads can share it
GRAIN = 1 << 17  # multiplications for which another thread is worth waking
_PLANES = 64 * 1024  # elements of planes, or of results, at a time: they stay in the second cache

Phase = list[tuple[int, int]]  # (number of an offset, element of the window) for each of its sums


class _Plan(NamedTuple):
    """The planes' layout, machine code's numbers, offsets and weights of all phases, and the work."""

    planes: Layout
    numbers: Any
    offsets: Any
    weights: Any
    tile: tuple[int, int]
    units: int
    work: int


def _plan(
    axes: tuple[Axis, ...],
    shape: Sizes,
    phases: list[Phase],
    to: tuple[Sizes, Sizes, Sizes],
    by: int,
    t: Type,
) -> _Plan | folded.Plan:
    """shape: (images times groups, groups, channels of a group that are read, and written). to: the result's
    sizes, and how far apart a phase's places are, and how many phases there are along each. by: from a
    weight to that of the next channel."""
    images, groups, inputs, outputs = shape
    lanes, limit = target.host().lanes(t), _PLANES * 4 // t.bytes
    planes = layout(axes, inputs, limit // (4 * len(phases)), limit, -(-UNITS // max(1, images)))
    m, n = sweep.tile_for(outputs, -(-planes.flat // lanes))
    swept = images * planes.bands * sweep.cost((m, n), outputs, -(-planes.flat // lanes))
    if groups == len(phases) == 1 and phases[0] and folded.cost(images, prod(to[0]), outputs, t) < swept:
        both = np.array(phases[0], np.int64).reshape(-1, 2)
        moves = prod(len(a.moves) for a in axes)
        channels = np.arange(inputs)[:, None, None] * (moves, by) + both
        found = folded.plan(axes, images, inputs, outputs, to[0], channels.reshape(-1, 2), t)
        if found is not None:
            return found
    flat = -(-planes.flat // (n * lanes)) * n * lanes
    tiles, moves = -(-outputs // m), prod(len(a.moves) for a in axes)
    blocks = min(tiles, -(-UNITS // max(1, images * planes.bands)))
    table: list[int] = []
    offsets, weights = [planes.offsets[:0]], [planes.offsets[:0]]
    channels, start, packed = np.arange(inputs)[:, None], 0, 0
    for phase in phases:
        both = np.array(phase, np.int64).reshape(-1, 2)
        offsets.append(planes.offsets[(channels * moves + both[:, 0]).reshape(-1)])
        weights += [np.array([-1]), (channels * by + both[:, 1]).reshape(-1)]
        table += [inputs * len(phase), start, packed]
        start, packed = start + inputs * len(phase), packed + 1 + inputs * len(phase)
    length = lines(planes.length + n * lanes, t)
    scratch = length + lines(len(phases) * m * flat, t)
    single = (outputs, flat, groups, blocks, tiles, prod(to[0]), scratch, length, len(phases), packed)
    numbers = np.array([*single, *to[0], *to[1], *to[2], *table], np.int64)
    work = flat * packed * -(-outputs // blocks)
    units = images * planes.bands * blocks
    return _Plan(planes, numbers, np.concatenate(offsets), np.concatenate(weights), (m, n), units, work)


def lines(n: int, t: Type) -> int:
    """n elements in whole lines of the cache, and one more: threads do not share them."""
    return (-(-n * t.bytes // 64) + 1) * 64 // t.bytes


def room(n: int, kind: Any) -> Any:
    """Scratch memory: n elements for each thread."""
    return memory.empty(n * runtime.threads(), kind)


def _swept(
    p: _Plan | folded.Plan, y: Any, x: Any, w: Any, b: Any, by_group: int, by_output: int, t: Type
) -> Any:
    """y, filled. by_group, by_output: from a weight to that of the next one."""
    if isinstance(p, folded.Plan):
        return folded.run(p, y, x, w, b, by_output, t)
    outputs, _, groups, _, tiles, _, scratch, _, _, packed = p.numbers[: len(sweep.SINGLE)].tolist()
    m, n = p.tile
    weights = memory.empty(groups * tiles * packed * m, y.dtype)
    shape = (groups * tiles, m, tiles, outputs, packed, by_group, by_output)
    sweep.packer(t)(weights, w, w if b is None else b, p.weights, *shape, b is not None)
    grain = max(1, GRAIN // p.work)
    arrays = (y, x, weights, p.offsets, p.planes.fields, p.numbers, room(scratch, y.dtype))
    sweep.sweeper(t, m, n)(*arrays, p.units, grain)
    return y


# ---- what moves where


def _three(values: Sizes, fill: int) -> Sizes:
    return (fill,) * (3 - len(values)) + tuple(values)


def axes_of(
    size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, out: Sizes
) -> tuple[Axis, ...]:
    """How a convolution's windows move."""
    rows = zip(size, kernel, stride, padding, dilation, out, strict=True)
    axes = [Axis(n, p, s, m, tuple(range(0, k * d, d))) for n, k, s, p, d, m in rows]
    return (Axis(1, 0, 1, 1, (0,)),) * (3 - len(axes)) + tuple(axes)


@lru_cache(500)
def _forward(
    size: Sizes, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, shape: Sizes, t: Type
) -> _Plan | folded.Plan:
    out = bodies.result_size(size, kernel, stride, padding, dilation)
    if prod(kernel) == 1 and set(stride) == {1} and not any(padding):  # one long row
        size, out, kernel, stride, padding, dilation = (prod(size),), (prod(out),), (1,), (1,), (0,), (1,)
    axes, taps = axes_of(size, kernel, stride, padding, dilation, out), prod(kernel)
    to = (_three(out, 1), (1, 1, 1), (1, 1, 1))
    return _plan(axes, shape, [[(k, k) for k in range(taps)]], to, taps, t)


@lru_cache(500)
def _backward(
    out: Sizes,
    kernel: Sizes,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    size: Sizes,
    shape: Sizes,
    t: Type,
) -> _Plan | folded.Plan:
    filled = ((out, 1), (kernel, 1), (stride, 1), (padding, 0), (dilation, 1), (size, 1))
    wide, steps, sizes = _three(kernel, 1), _three(stride, 1), _three(size, 1)
    found = [_phases(*each) for each in zip(*[_three(v, fill) for v, fill in filled], strict=True)]
    axes = tuple(axis for axis, _ in found)
    moves = [len(a.moves) for a in axes]
    phases = [
        [
            ((a * moves[1] + b) * moves[2] + c, (i * wide[1] + j) * wide[2] + k)
            for (a, i), (b, j), (c, k) in product(*three)
        ]
        for three in product(*[each for _, each in found])
    ]
    to = (sizes, steps, tuple(len(each) for _, each in found))
    return _plan(axes, shape, phases, to, shape[3] * prod(kernel), t)


def _phases(m: int, k: int, s: int, p: int, d: int, n: int) -> tuple[Axis, list[Phase]]:
    """Which of the m windows cover x's positions a, a + s, ... along an axis of n, for each a: how windows of
    the cotangent move, and the (number of a move, element of the window) of each phase."""
    found = [
        [((a + p - i * d) // s, i) for i in range(k) if (a + p - i * d) % s == 0] for a in range(min(s, n))
    ]
    places = sorted({r for each in found for r, _ in each})
    first = places[0] if places else 0
    axis = Axis(m, -first, 1, -(-n // s), tuple([r - first for r in places]))
    return axis, [[(places.index(r), i) for r, i in each] for each in found]


# ---- what NumPy's bodies are replaced by


def takes(work: int, *arrays: Any) -> Type | None:
    """The type of the arrays (or None) if so many multiplications of them are for machine code."""
    return None if work < LEAST else fits(*[a for a in arrays if a is not None])


@over(bodies.convolved)
def convolved(
    body: Any, x: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """The kernel."""
    x, w, b = dense(x, w, b)
    size, (o, per, *kernel) = x.shape[2:], w.shape
    out = bodies.result_size(size, w.shape[2:], stride, padding, dilation)
    t = takes(x.shape[0] * prod(out) * w.size, x, w, b)
    if t is None or len(kernel) > 3 or x.shape[1] != per * groups:
        return body(x, w, b, stride, padding, dilation, groups)
    shape = (x.shape[0] * groups, groups, per, o // groups)
    plan = _forward(size, w.shape[2:], stride, padding, dilation, shape, t)
    y = memory.empty((x.shape[0], o, *out), x.dtype)
    return _swept(plan, y, x, w, b, w.size // groups, w.size // o, t)


@over(bodies.convolved_back)
def convolved_back(
    body: Any, g: Any, w: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int, size: Any
) -> Any:
    """The kernel."""
    g, w, b = dense(g, w, b)
    o, per, *kernel = w.shape
    t = takes(g.size // max(1, o) * w.size, g, w, b)
    # what lies between windows is 0 here: an infinite weight would make nan of it
    if t is None or len(kernel) > 3 or g.shape[1] != o or not isfinite(w.sum()):
        return body(g, w, b, stride, padding, dilation, groups, size)
    shape = (g.shape[0] * groups, groups, o // groups, per)
    plan = _backward(g.shape[2:], w.shape[2:], stride, padding, dilation, tuple(size), shape, t)
    y = memory.empty((g.shape[0], per * groups, *size), g.dtype)
    return _swept(plan, y, g, w, b, w.size // groups, prod(kernel), t)


nameless(globals())
