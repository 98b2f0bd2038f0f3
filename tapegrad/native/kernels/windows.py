"""Kernels of windows over rows: maxima, sums, where maxima are, and the ways back.

Windows are intervals along each axis, so a row of results is first taken down the columns, into a buffer with
the padding on both sides, and then along it. What goes back to maxima looks for the first place of each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf
from typing import Any, NamedTuple

from tapegrad.native import call, target
from tapegrad.native.ir import I64, Function, Type, Value, integers, vector
from tapegrad.native.kernels.planes import every_second

_SIZES = "h w oh ow kh kw sh sw ph pw dh dw width"
_SLOTS = " ".join(f"{name}:i" for name in _SIZES.split())

Join = Callable[[Value, Value], Value]


class _Frame(NamedTuple):
    """Machine code's view of windows: sizes by name, the type of elements, and of what is taken at once along
    a row (a vector for strides 1 and 2)."""

    f: Function
    q: dict[str, Value]
    t: Type
    v: Type
    step: int

    def strided(self, p: Value, j: Value) -> Value:
        """The elements that the windows from the j-th on have in common, p being the first window's."""
        if self.step == 2:
            return every_second(self.f, p, j, self.v)
        return self.f.load(p.at(j if self.step == 1 else j * self.q["sw"], self.t), self.v)


def _frame(f: call.Body, t: Type, step: int) -> _Frame:
    v = target.host().wide(t) if step else t
    return _Frame(f, {k: f[k] for k in _SIZES.split()}, t, v, step)


def _rows_within(e: _Frame, first: Value) -> tuple[Value, Value]:
    """Which rows of a window that begins at row `first` are on the array: from, to."""
    f, q = e.f, e.q
    low = f.larger((q["dh"] - 1 - first) // q["dh"], 0)
    high = f.larger((q["h"] - first + q["dh"] - 1) // q["dh"], 0)
    return low, f.smaller(high, q["kh"])


def _down(e: _Frame, x: Value, first: Value, to: Value, join: Join) -> None:
    """A window's rows joined, all columns."""
    f, q, t, wide = e.f, e.q, e.t, target.host().wide(e.t)
    low, high = _rows_within(e, first)
    top = x.at((first + low * q["dh"]) * q["w"], t)

    def column(at: Value, v: Type) -> None:
        total = f.variable(f.load(top.at(at, t), v))
        with f.loop(1, high - low) as i:
            total.set(join(total.get(), f.load(top.at(i * q["dh"] * q["w"] + at, t), v)))
        f.store(to.at(at, t), total.get())

    _over(f, q["w"], wide, column)


def _over(f: Function, n: Value, v: Type, part: Callable[[Value, Type], None]) -> None:
    """part(i, v) for n elements: whole vectors, of which the last may overlap; or one by one."""
    long = n >= v.lanes
    with f.when(long):
        last = n - v.lanes
        with f.loop(0, n, v.lanes) as i:
            part(f.smaller(i, last), v)
    with f.when(~long), f.loop(0, n) as i:
        part(i, v.element)


def _along(e: _Frame, line: Value, y: Value, join: Join, end: Callable[[Value], Value], spare: Value) -> None:
    """The windows of a padded line joined, into a row of results."""
    f, q = e.f, e.q

    def window(j: Value) -> Value:
        total = f.variable(e.strided(line, j))
        with f.loop(1, q["kw"]) as k:
            total.set(join(total.get(), e.strided(line.at(k * q["dw"], e.t), j)))
        return end(total.get())

    _out(e, window, y, spare)


def _out(e: _Frame, window: Callable[[Value], Value], y: Value, spare: Value) -> None:
    """A row of results, from vectors of them. A row shorter than a vector goes through `spare`."""
    f, n, v = e.f, e.q["ow"], e.v
    with f.when(n >= v.lanes), f.loop(0, n, v.lanes) as i:
        j = f.smaller(i, n - v.lanes)
        f.store(y.at(j, e.t), window(j))
    with f.when(n < v.lanes):
        f.store(spare, window(f.value(0, I64)))
        with f.loop(0, n) as i:
            f.store(y.at(i, e.t), f.load(spare.at(i, e.t), e.t))


def _largest(f: Function, a: Value, b: Value) -> Value:
    """The larger one, or the one that is no number."""
    return f.select(b.is_nan(), b, f.select(b > a, b, a))


@cache
def reducer(t: Type, step: int, sums: bool) -> Any:
    """Maxima, or sums over `by`."""

    def write(f: call.Body) -> None:
        e = _frame(f, t, step)
        q, by = e.q, f.splat(f.convert(f["by"], t), e.v.lanes) if step else f.convert(f["by"], t)
        spare = f["room"].at(f.who * (q["width"] + 16), t)
        line = spare.at(16, t)
        with f.loop(0, q["width"]) as i:
            f.store(line.at(i, t), f.value(0 if sums else -inf, t))
        inside = line.at(q["pw"], t)

        def join(a: Value, b: Value) -> Value:
            return a + b if sums else _largest(f, a, b)

        with f.loop(f.low, f.high) as plane, f.loop(0, q["oh"]) as i:
            x = f["x"].at(plane * q["h"] * q["w"], t)
            _down(e, x, i * q["sh"] - q["ph"], inside, join)
            y = f["y"].at((plane * q["oh"] + i) * q["ow"], t)
            _along(e, line, y, join, (lambda s: s / by) if sums else (lambda s: s), spare)

    name = f"pool_{'sum' if sums else 'max'}_{t}_{step}"
    return call.build(name, f"y:w x:r room:w n:i grain:i by:d {_SLOTS}", write, over="n", grain="grain")


# ---- where maxima are


def _better(x: Value, best: Value) -> Value:
    """Where x takes the place of the best so far: a larger one, or what is no number, the last of which
    counts."""
    return (x > best) | x.is_nan()


def _lines(e: _Frame, x: Value, first: Value, lines: Value) -> None:
    """A window's rows into padded lines; a row outside is least."""
    f, q, t = e.f, e.q, e.t
    with f.loop(0, q["kh"]) as i:
        row = first + i
        to = lines.at(i * q["width"] + q["pw"], t)
        inside = (row >= 0) & (row < q["h"])

        def copy(at: Value, v: Type, row: Value = row, to: Value = to) -> None:
            f.store(to.at(at, t), f.load(x.at(row * q["w"] + at, t), v))

        def least(at: Value, v: Type, to: Value = to) -> None:
            f.store(to.at(at, t), f.value(-inf, v))

        with f.when(inside):
            _over(f, q["w"], target.host().wide(t), copy)
        with f.when(~inside):
            _over(f, q["w"], target.host().wide(t), least)


def _first(e: _Frame, lines: Value, first: Value, j: Value) -> Value:
    """The places of the maxima of the windows from the j-th on, in a plane."""
    f, q, v = e.f, e.q, e.v
    whole = integers(v)

    def every(x: Value) -> Value:
        return f.value(f.convert(x, whole.element), whole)

    start = (f.count(whole) + every(j)) * every(q["sw"]) - every(q["pw"])
    corner = f.select(start < 0, f.value(0, whole), start)
    best = f.variable(f.value(-inf, v))
    at = f.variable(corner + every(f.larger(first, 0) * q["w"]))
    with f.loop(0, q["kh"]) as i:
        line, row = lines.at(i * q["width"], e.t), (first + i) * q["w"]
        with f.loop(0, q["kw"]) as k:
            x = e.strided(line.at(k, e.t), j)
            better = _better(x, best.get())
            best.set(f.select(better, x, best.get()))
            at.set(f.select(better, start + every(row + k), at.get()))
    return at.get()


@cache
def finder(t: Type, step: int, back: bool) -> Any:
    """Zeros with g added where the maxima are; or the places of the maxima."""

    def write(f: call.Body) -> None:
        e = _frame(f, t, step)
        q, whole = e.q, integers(t)
        spare = f["room"].at(f.who * (q["width"] * q["kh"] + 16), t)
        lines = spare.at(16, t)
        with f.loop(0, q["width"] * q["kh"]) as i:
            f.store(lines.at(i, t), f.value(-inf, t))

        def put(z: Value, row: Value, j: Value, k: Any) -> None:
            at = f.convert(f.load(spare.at(k, whole), whole), I64)
            if back:
                to = z.at(at, t)
                f.store(to, f.load(to, t) + f.load(f["g"].at(row + j + k, t), t))
            else:
                f.store(f["g"].at(row + j + k, I64), at)

        with f.loop(f.low, f.high) as plane:
            x, z = (f[k].at(plane * q["h"] * q["w"], t) for k in ("x", "z"))
            if back:
                f.clear(z, q["h"] * q["w"] * t.bytes)
            with f.loop(0, q["oh"]) as i:
                first, row = i * q["sh"] - q["ph"], (plane * q["oh"] + i) * q["ow"]
                _lines(e, x, first, lines)
                with f.loop(0, q["ow"], e.v.lanes) as j:
                    f.store(spare, _first(e, lines, first, j))
                    full = j + e.v.lanes <= q["ow"]
                    with f.when(full):
                        for lane in range(e.v.lanes):
                            put(z, row, j, lane)
                    with f.when(~full), f.loop(0, q["ow"] - j) as k:
                        put(z, row, j, k)

    kinds = "z:w x:r g:r" if back else "z:r x:r g:w"
    name = f"pool_{'back' if back else 'where'}_{t}_{step}"
    return call.build(name, f"{kinds} room:w n:i grain:i {_SLOTS}", write, over="n", grain="grain")


@cache
def squares(t: Type, lanes: int, back: bool) -> Any:
    """The maxima of squares of 2 x 2 that lie side by side, or what goes back to them: all in vectors."""
    v = vector(t, lanes)

    def write(f: call.Body) -> None:
        h, width, rows, n = (f[k] for k in ("h", "w", "oh", "ow"))
        with f.loop(f.low, f.high) as plane:
            x, z = (f[k].at(plane * h * width, t) for k in ("x", "z" if back else "x"))
            if back:
                with f.when(h.ne(rows * 2) | width.ne(n * 2)):
                    f.clear(z, h * width * t.bytes)
            with f.loop(0, rows) as i, f.loop(0, n, lanes) as k:
                j = f.smaller(k, n - lanes)
                corner = i * 2 * width + j * 2
                y = f["y"].at((plane * rows + i) * n + j, t)
                four = [each for row in (corner, corner + width) for each in _pairs(f, x.at(row, t), v)]
                if back:
                    parts = _to_first(f, four, f.load(y, v))
                    _put_pairs(f, z.at(corner, t), parts[0], parts[1])
                    _put_pairs(f, z.at(corner + width, t), parts[2], parts[3])
                else:
                    f.store(y, f.tree(four, lambda a, b: _largest(f, a, b)))

    kinds = "z:w x:r y:r" if back else "y:w x:r"
    name = f"pool_squares_{'back' if back else 'max'}_{t}_{lanes}"
    return call.build(name, f"{kinds} n:i grain:i {_SLOTS}", write, over="n", grain="grain")


def _pairs(f: Function, p: Value, v: Type) -> list[Value]:
    """The even elements at p, and the odd ones."""
    a, b = f.load(p, v), f.load(p.at(v.lanes, v), v)
    return [f.shuffle(a, b, range(odd, 2 * v.lanes, 2)) for odd in (0, 1)]


def _put_pairs(f: Function, p: Value, a: Value, b: Value) -> None:
    """a to the even elements at p, b to the odd ones."""
    lanes = a.type.lanes
    mixed = [k + half for k in range(lanes) for half in (0, lanes)]
    for start in (0, lanes):
        f.store(p.at(start, a.type), f.shuffle(a, b, mixed[start : start + lanes]))


def _to_first(f: Function, values: list[Value], g: Value) -> list[Value]:
    """g for the first of the largest values, or the last that is no number; 0 for the others."""
    best, better = values[0], []
    for x in values[1:]:
        better.append(_better(x, best))
        best = f.select(better[-1], x, best)
    zero, parts = f.value(0, g.type), []
    for mask in reversed(better):
        parts.append(f.select(mask, g, zero))
        g = f.select(mask, zero, g)
    return [g, *reversed(parts)]


# ---- means, back


@cache
def spreader(t: Type) -> Any:
    """Zeros with g / by added where each window is."""

    def write(f: call.Body) -> None:
        e = _frame(f, t, 0)
        q, by, wide = e.q, f.convert(f["by"], t), target.host().wide(t)
        line = f["room"].at(f.who * (q["width"] + 16), t)
        with f.loop(f.low, f.high) as plane:
            z = f["z"].at(plane * q["h"] * q["w"], t)
            f.clear(z, q["h"] * q["w"] * t.bytes)
            with f.loop(0, q["oh"]) as i:
                first = i * q["sh"] - q["ph"]
                g = f["g"].at((plane * q["oh"] + i) * q["ow"], t)
                f.clear(line, q["width"] * t.bytes)
                with f.loop(0, q["ow"]) as j:
                    part, start = f.load(g.at(j, t), t) / by, line.at(j * q["sw"], t)
                    with f.loop(0, q["kw"]) as k:
                        to = start.at(k * q["dw"], t)
                        f.store(to, f.load(to, t) + part)
                low, high = _rows_within(e, first)
                with f.loop(low, high) as k:
                    _add_row(e, z.at((first + k * q["dh"]) * q["w"], t), line.at(q["pw"], t), wide)

    return call.build(
        f"pool_spread_{t}", f"z:w g:r room:w n:i grain:i by:d {_SLOTS}", write, over="n", grain="grain"
    )


def _add_row(e: _Frame, to: Value, source: Value, v: Type) -> None:
    f, n = e.f, e.q["w"]
    whole = n // v.lanes * v.lanes
    for start, end, each in ((0, whole, v), (whole, n, v.element)):
        with f.loop(start, end, each.lanes) as i:
            p = to.at(i, e.t)
            f.store(p, f.load(p, each) + f.load(source.at(i, e.t), each))
