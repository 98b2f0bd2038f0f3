"""The kernel of convolutions: sums over planes (`planes`) for a tile of results at a time, some channels by
some vectors of places, in registers.

A sweep has phases: results that stand at every s-th place, each with its own sums. They share the planes, and
are put side by side at the end.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, target
from tapegrad.native.ir import I64, PTR, Function, Module, Type, Value
from tapegrad.native.kernels.planes import Fields, fill_of, rows_of

# What machine code reads of a sweep, by place: these, then three of each of the others, then for each phase
# how many sums it has, and where its offsets and its weights begin.
SINGLE = ("outputs", "flat", "groups", "blocks", "tiles", "to_plane", "scratch", "planes", "phases", "packed")
TRIPLE = ("to_size", "to_step", "to_phases")
PHASE = len(SINGLE) + 3 * len(TRIPLE)


# ---- tiles: so many channels by so many vectors of places


def tiles() -> list[tuple[int, int]]:
    """The tiles that fit into the registers, with the vectors that are read meanwhile."""
    found = []
    for m in (1, 2, 3, 4, 5, 6, 8):
        n = next((n for n in (8, 6, 5, 4, 3, 2) if m * n + min(m, n) + 1 <= target.host().registers), 0)
        if n:
            found.append((m, n))
    return found


@lru_cache(1000)
def tile_for(channels: int, places: int) -> tuple[int, int]:
    """The tile that takes the least time for so many channels and vectors of places."""
    return min(tiles(), key=lambda tile: cost(tile, channels, places))


def cost(tile: tuple[int, int], channels: int, places: int) -> float:
    """What a step of the sums costs, in multiplications of a vector."""
    m, n = tile
    return -(-channels // m) * -(-places // n) * (max(m * n, m + 1.5 * n) + 0.5 * m + n)


# ---- machine code


def _number(f: Function, p: Value, name: str, axis: int = 0) -> Value:
    k = SINGLE.index(name) if name in SINGLE else len(SINGLE) + 3 * TRIPLE.index(name) + axis
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
def packer(t: Type) -> Any:
    """Weights [groups, tiles, packed, m]: each place is w's for a first channel, or -1 for the bias."""

    def write(f: call.Body) -> None:
        m, outputs, packed = f["m"], f["outputs"], f["packed"]
        with f.loop(f.low, f.high) as u:
            group, first = u // f["tiles"], u % f["tiles"] * m
            to = f["to"].at(u * packed * m, t)
            f.clear(to, packed * m * t.bytes)
            with f.loop(0, f.smaller(m, outputs - first)) as i:
                o = first + i
                source, mine = f["w"].at(group * f["by_group"] + o * f["by_output"], t), to.at(i, t)
                with f.loop(0, packed) as k:
                    place = f.load(f["places"].at(k, I64), I64)
                    with f.when(place >= 0):
                        f.store(mine.at(k * m, t), f.load(source.at(place, t), t))
                    with f.when((place < 0) & f["biased"].ne(0)):
                        f.store(mine.at(k * m, t), f.load(f["b"].at(group * outputs + o, t), t))

    names = "to:w w:r b:r places:r n:i m:i tiles:i outputs:i packed:i by_group:i by_output:i biased:i"
    return call.build(f"convolution_pack_{t}", names, write, over="n", grain=16)


@cache
def sweeper(t: Type, m: int, n: int) -> Any:
    """The results, by units: image and group, band, block of channels."""
    module = Module()
    strip, fill, put = _add_strip(module, t, m, n), fill_of(t), _put_of(t)

    def write(f: call.Body) -> None:
        numbers, layout, q = f["numbers"], Fields(f, f["layout"]), {}
        q.update({name: _number(f, numbers, name) for name in SINGLE})
        bands, channels = layout.one("bands"), layout.one("channels")
        images = channels * layout.one("plane")
        planes = f["room"].at(f.who * q["scratch"], t)
        part = planes.at(q["planes"], t)
        f.clear(planes, q["planes"] * t.bytes)
        with f.loop(f.low, f.high) as u:
            block, rest = u % q["blocks"], u // q["blocks"]
            band, image = rest % bands, rest // bands
            with f.when(bands > 1):
                f.clear(planes, q["planes"] * t.bytes)
            call.run(f, fill, planes, f["x"].at(image * images, t), f["layout"], band, channels)
            low, high = (k * q["tiles"] // q["blocks"] for k in (block, block + 1))
            with f.loop(low, high) as tile:
                w = f["packed"].at((image % q["groups"] * q["tiles"] + tile) * q["packed"] * m, t)
                with f.loop(0, q["phases"]) as phase:
                    table = numbers.at(phase * 3 + PHASE, I64)
                    sums, offset, start = (f.load(table.at(k, I64), I64) for k in range(3))
                    to, offsets = part.at(phase * q["flat"] * m, t), f["offsets"].at(offset, I64)
                    f.run(strip, to, q["flat"], w.at(start * m, t), planes, offsets, sums, q["flat"])
                first = tile * m
                with f.loop(0, f.smaller(q["outputs"] - first, m)) as i:
                    to = f["y"].at((image * q["outputs"] + first + i) * q["to_plane"], t)
                    call.run(f, put, to, part.at(i * q["flat"], t), f["layout"], numbers, band, q["flat"] * m)

    parameters = "y:w x:r packed:r offsets:r layout:r numbers:r room:w n:i grain:i"
    return call.build(f"convolution_{t}_{m}x{n}", parameters, write, over="n", grain="grain", module=module)


@cache
def _put_of(t: Type) -> str:
    """put(y, part, layout, numbers, band, apart): a band's results of a channel go where they belong. apart:
    from a phase's results to those of the next one."""
    slots = "y:w part:r layout:r numbers:r band:i apart:i"
    return call.provided(f"convolution_put_{t}", slots, lambda f: _write_put(f, t))


def _write_put(f: Function, t: Type) -> None:
    layout, apart = Fields(f, f["layout"]), f["apart"]
    first, many = layout.band(f["band"])
    size, step, phases = ([_number(f, f["numbers"], k, d) for d in range(3)] for k in TRIPLE)
    pitch = [layout.of("pitch", d) for d in range(3)]
    start = [first[d] * step[d] for d in range(3)]
    ends = [f.smaller(size[d], (first[d] + many[d]) * step[d]) for d in range(3)]
    width, lines = ends[2] - start[2], step[1] * size[2]
    with f.loop(0, phases[0]) as a0, f.loop(0, phases[1]) as a1:
        part = f["part"].at((a0 * phases[1] + a1) * phases[2] * apart, t)
        n1 = (ends[1] - start[1] - a1 + step[1] - 1) // step[1]
        with f.loop(start[0] + a0, ends[0], step[0]) as i:
            to = f["y"].at((i * size[1] + start[1] + a1) * size[2] + start[2], t)
            source = part.at((i - start[0]) // step[0] * pitch[0], t)
            plain, paired = step[2].eq(1), step[2].eq(2) & phases[2].eq(2)
            with f.when(plain):
                call.run(f, rows_of(t), to, source, width, 1, n1, lines, pitch[1])
            with f.when(~plain), f.loop(0, n1) as j:
                line, row = to.at(j * lines, t), source.at(j * pitch[1], t)
                with f.when(paired):
                    call.run(f, _mixed_of(t), line, row, row.at(apart, t), width)
                with f.when(~paired), f.loop(0, phases[2]) as a2, f.loop(a2, width, step[2]) as k:
                    f.store(line.at(k, t), f.load(row.at(a2 * apart + k // step[2], t), t))


@cache
def _mixed_of(t: Type) -> str:
    """mixed(to, a, b, n): n elements, of a and b by turns."""
    return call.provided(f"convolution_mixed_{t}", "to:w a:r b:r n:i", lambda f: _write_mixed(f, t))


def _write_mixed(f: Function, t: Type) -> None:
    v = target.host().wide(t)
    order = [k + half for k in range(v.lanes) for half in (0, v.lanes)]
    pairs = f["n"] // 2
    last = pairs - v.lanes
    done = f.variable(f.value(0, I64))
    with f.when(pairs >= v.lanes):
        with f.loop(0, pairs, v.lanes) as i:
            k = f.smaller(i, last)
            a, b = f.load(f["a"].at(k, t), v), f.load(f["b"].at(k, t), v)
            for half in (0, v.lanes):
                f.store(f["to"].at(k * 2 + half, t), f.shuffle(a, b, order[half : half + v.lanes]))
        done.set(pairs)
    with f.loop(done.get(), pairs) as k:
        f.store(f["to"].at(k * 2, t), f.load(f["a"].at(k, t), t))
        f.store(f["to"].at(k * 2 + 1, t), f.load(f["b"].at(k, t), t))
    with f.when((f["n"] & 1).ne(0)):
        f.store(f["to"].at(pairs * 2, t), f.load(f["a"].at(pairs, t), t))


nameless(globals())
