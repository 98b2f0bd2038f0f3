"""Pointwise kernels: one loop for any expression, over arrays of one dtype that broadcast: floats, and where
there are only operators integers and truth values.

The result's dimensions are merged into rows and columns such that along a row each operand either runs or
stands still. What is contiguous throughout is cut into rows of one block. Each way in which operands take
part is a kernel of its own, compiled when it is first met.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import zip_longest
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.shape import copied
from tapegrad.native import call, expressions, target
from tapegrad.native.choice import DENSE, memory_order
from tapegrad.native.ir import F32, F64, I1, I8, I32, I64, Function, Type, Value, vector
from tapegrad.native.memory import empty
from tapegrad.native.widening import BLOCK, CONSTANT, FULL, ROW, STILL, copies, widened

# Bytes of a result that is stored past the caches, where it would not stay until somebody reads it: of four
# operations one after the other, each with results of 4 MB, this takes 1.0 of the time, with 8 MB 0.8, with
# 16 MB 0.6 (32 MB of third-level cache).
STREAM = 1 << 23
# Bytes of an operand that is changed, from which what is read next is asked for so many bytes before: the
# processor itself stops at the ends of pages, and a sum of a million took 1.2 times as long on a Zen 5.
_FAR, _AHEAD = 1 << 20, 1024
_LONG = 64  # elements of rows that lie apart from each other, to be gone over as they are
_LEAST_NARROW = 1 << 8  # short rows that are worth being put together
_NARROW, _NARROW_ALONG = _LONG - 1, 255  # their elements; where nothing is written out for them
_GRAIN, _HEAVY_GRAIN = 16384, 4096  # elements that are worth a thread: of a sum, of an exponential

_OURS = DENSE | call.WRITEABLE


class Pointwise:
    """An expression as a function of arrays: the result, or None for what it does not take.

    expression: text over `names` (see `native.expressions`), or a function of F, the operands, and further
    arguments, which become constants of the code.
    """

    def __init__(self, title: str, expression: Any, names: Sequence[str]) -> None:
        self.title, self.expression, self.names = title.replace(".", "_"), expression, tuple(names)
        self._kernels: dict[tuple[Any, ...], Any] = {}
        self._probed: dict[tuple[Any, ...], Any] = {}
        self._wide: dict[tuple[Any, ...], Any] = {}  # by `_shapes`: what `_run_wide` needs
        # For plain operands, by `_place`: (the builtin, the result's dtype, its last numbers), None if there
        # is none yet, False if there can be none. What `small.dispatch` calls without Python.
        self.plain: list[Any] = [None] * (PLAIN_KINDS << len(self.names))

    def probe(self, args: tuple[Any, ...] = (), masks: Sequence[bool] = (), t: Type = F32) -> Any:
        """(how many instructions the expression takes, whether it gives true or false, whether its bits are
        NumPy's); None if it has no machine code. t: what is computed with."""
        key = (args, tuple(masks), t)
        if key not in self._probed:
            f = Function("probe", [(n, I1 if m else t) for n, m in zip_longest(self.names, masks)])
            try:
                y = self.write(f, {n: f[n] for n in self.names}, args)
            except expressions.Unknown:
                self._probed[key] = None
            else:
                self._probed[key] = f.length(), expressions.is_mask(y), f.exact
        return self._probed[key]

    def write(self, f: Function, values: dict[str, Value], args: tuple[Any, ...]) -> Value:
        """The expression's value in the function f."""
        if isinstance(self.expression, str):
            return expressions.write(self.expression, f, values)
        return expressions.traced(self.expression, f, [values[n] for n in self.names], args)

    def __call__(self, *xs: Any, args: tuple[Any, ...] = ()) -> Any:
        modes, like = _modes(xs)
        if not modes:
            return self._general(xs, args)
        past = like.nbytes >= STREAM
        made = self._kernel(like.dtype.char * len(xs), modes, args, "past" if past else "")
        if made is None:
            return None
        y = empty(like.shape, made[1])
        if past and y.__array_interface__["data"][0] % 64:  # no memory of ours
            return None
        _run(made, y, xs)
        return y

    def into(self, out: Any, *xs: Any) -> bool:
        """Put the result into an array; whether that was done: it must be contiguous, and an operand itself
        or apart from all, which must be of its dtype."""
        if type(out) is not ndarray or out.flags.num & _OURS != _OURS:
            return False
        for x in xs:
            if type(x) is not ndarray or x.dtype is not out.dtype:
                return False
            if x is not out and np.may_share_memory(x, out):
                return False
        modes, like = _modes(xs)
        if not modes or like.shape != out.shape:
            return self._general(xs, (), out) is not None
        far = "far" if out.nbytes >= _FAR else ""
        made = self._kernel(like.dtype.char * len(xs), modes, (), far)
        if made is None or made[1] is not out.dtype:
            return False
        _run(made, out, xs)
        return True

    def _general(self, xs: Sequence[Any], args: tuple[Any, ...], out: Any = None) -> Any:
        """The result for operands that broadcast, put into `out` if that is given; None as above."""
        key = _shapes(xs) if out is None and not args else None
        if key and (known := self._wide.get(key)):
            return _run_wide(known, xs)
        if any(type(x) is not ndarray for x in xs):
            if out is not None or not all(isinstance(x, (ndarray, np.generic)) for x in xs):
                return None
            return self(*[np.asarray(x) for x in xs], args=args)
        if self._type([x.dtype.char for x in xs]) is None:
            return None  # before anything is copied
        if out is None and (order := _order(xs)):
            y = self(*[x.transpose(order) if x.ndim else x for x in xs], args=args)
            return None if y is None else y.transpose([order.index(k) for k in range(len(order))])
        ys = [x if x.flags.num & DENSE == DENSE else _dense(x, xs) for x in xs]
        gaps = tuple([0 if y.flags.num & DENSE == DENSE else _gap(y) for y in ys])
        plan = _plan(tuple([x.shape for x in xs]), tuple([y.shape for y in ys]), gaps)
        if plan is None or (out is not None and out.shape != plan[0]):
            return None
        shape, modes, rows, size, columns, numbers = plan
        most = _NARROW if any(gaps) or copies(modes, numbers) else _NARROW_ALONG  # rows with gaps are longer
        if columns <= most and rows >= _LEAST_NARROW and (wider := widened(ys, plan)) is not None:
            ys, modes, rows, columns, numbers, ways = wider
        else:
            ways = None
        made = self._kernel("".join([y.dtype.char for y in ys]), modes, args)
        if made is None or (out is not None and made[1] is not out.dtype):
            return None
        kernel, result, grain = made
        if ways and key:
            if len(self._wide) >= _MOST_WIDE:
                self._wide.clear()
            self._wide[key] = (made, shape, ways, (rows, max(1, grain // columns), size, columns, *numbers))
        y = empty(shape, result) if out is None else out
        kernel(y, *ys, rows, max(1, grain // columns), size, columns, *numbers)
        return y

    def _kernel(self, kinds: str, modes: str, args: tuple[Any, ...], way: str = "") -> Any:
        """(the builtin, the result's dtype, the elements that are worth a thread), or None if there is no
        machine code for the expression or for the dtypes, each a character."""
        key = (kinds, modes, args, way)
        try:
            return self._kernels[key]
        except KeyError:
            if args and len(self._kernels) > _MOST:  # arguments that change all the time
                return None
        self._kernels[key] = made = self._build(kinds, modes, args, way)
        kind = kinds[0] if kinds == kinds[0] * len(kinds) else ""
        if kind and kind in PLAIN and not (args or way or {ROW, STILL} & set(modes)):
            self.plain[_place(modes, kind)] = (*made[:2], made[2] // BLOCK, BLOCK, 1, 0) if made else False
        return made

    def _type(self, kinds: Sequence[str]) -> Type | None:
        """What operands of these dtypes, each a character, are computed with; None if that is not here."""
        numbers = {k for k in kinds if k != "?"} or {"?"}
        t = TYPES.get(min(numbers)) if len(numbers) == 1 else None
        return t if t is None or t.floating or expressions.is_whole(self.expression) else None

    def _build(self, kinds: Sequence[str], modes: str, args: tuple[Any, ...], way: str) -> Any:
        t = self._type(kinds)
        if t is None:
            return None
        probed = self.probe(args, [k == "?" for k in kinds], t)
        if probed is None:
            return None
        length, mask, _ = probed
        result = I8 if mask else t
        operands = [
            (name, mode, I8 if kind == "?" else t)
            for name, mode, kind in zip(self.names, modes, kinds, strict=True)
        ]
        given = " ".join(f"{name}:r" for name in self.names)
        ways = " ".join(f"{name}_d:i {name}_m:i {name}_s:i" for name in self.names)
        kernel = call.build(
            f"{self.title}_{t}_{modes}{way and '_'}{way}",
            f"out:w {given} rows:i grain:i total:i columns:i {ways}",
            lambda f: _write_rows(
                f,
                partial(self.write, args=args),
                operands,
                t,
                result,
                length,
                "" if mask and way == "past" else way,
            ),
            over="rows",
            grain="grain",
        )
        kind = np.dtype("?" if mask else max(kinds))
        return kernel, kind, _GRAIN if length < _LIGHT else _HEAVY_GRAIN


TYPES: dict[str, Type] = {"f": F32, "d": F64, "i": I32, "l": I64, "?": I8}
_MOST, _MOST_WIDE = 32, 256  # kernels of one expression, shapes of short rows
_LIGHT = 12  # instructions of an expression that takes no longer than loading its operands


def _modes(xs: Sequence[Any]) -> tuple[str, Any]:
    """(how operands take part that are contiguous, of one dtype, and single numbers or of one shape; one of
    that shape); "" if they are not all such."""
    modes, kind, like = "", xs[0].dtype, xs[0]
    if type(like) is ndarray and not like.ndim:
        like = next((x for x in xs if type(x) is ndarray and x.ndim), like)
    shape = like.shape
    for x in xs:
        if type(x) is not ndarray or x.dtype is not kind or x.flags.num & DENSE != DENSE:
            return "", like
        if x.shape == shape:
            modes += FULL
        elif x.ndim:
            return "", like
        else:
            modes += CONSTANT
    return modes, like


PLAIN = "fd?li"  # the kinds of plain operands
PLAIN_KINDS = 8  # the next power of two


def _place(modes: str, kind: str) -> int:
    """Which of the kernels for plain operands these are for: a bit for each single number, and above them the
    kind."""
    return sum([(mode == CONSTANT) << k for k, mode in enumerate(modes)]) + (PLAIN.index(kind) << len(modes))


def _run(made: Any, y: Any, xs: Sequence[Any]) -> None:
    """Let a kernel of operands with such modes fill y."""
    kernel, _, grain = made
    kernel(y, *xs, -(-y.size // BLOCK), grain // BLOCK, y.size, BLOCK, *(1, 1, 0) * len(xs))


def _order(xs: Sequence[Any]) -> tuple[int, ...]:
    """The order of axes in which all are contiguous that are no single numbers, of one shape; else none, nor
    if it is their own."""
    like = next((x for x in xs if x.ndim), xs[0])
    if like.flags.num & DENSE == DENSE or like.ndim < 2:
        return ()
    order = memory_order(like.strides)
    for x in xs:
        if x.ndim and (x.shape != like.shape or x.transpose(order).flags.num & DENSE != DENSE):
            return ()
    return order


def _dense(x: Any, xs: Sequence[Any]) -> Any:
    """x, one of xs, which is not contiguous, with size 1 where it repeats one element. As it lies if it has
    long rows and the shape that all broadcast to; else a copy, if it is not contiguous now."""
    if 0 in x.strides:
        x = x[tuple([slice(0, 1) if s == 0 else slice(None) for s in x.strides])]
    if x.flags.num & DENSE == DENSE or (_gap(x) and x.shape == np.broadcast_shapes(*[y.shape for y in xs])):
        return x
    return x.copy("C") if x.size <= BLOCK else copied(x)


def _gap(x: Any) -> int:
    """How many elements lie between the beginnings of long rows; 0 if x does not consist of such."""
    size, step, many = x.itemsize, 0, 1
    if x.ndim < 2 or x.shape[-1] < _LONG or x.strides[-1] != size or not x.flags.aligned:
        return 0
    for n, s in zip(x.shape[-2::-1], x.strides[-2::-1], strict=True):
        if n > 1 and step and s != step * many:
            return 0
        if n > 1:
            step, many = step or s, many * n
    return step // size if step > 0 and step % size == 0 else 0


@lru_cache(1000)
def _plan(given: tuple[Any, ...], shapes: tuple[Any, ...], gaps: tuple[int, ...]) -> tuple[Any, ...] | None:
    """(the result's shape, the operands' modes, rows, elements, columns, for each (d, m, s): row r of it
    starts at (r // d) % m * s). given: the operands' shapes; shapes: with 1 where they repeat an element;
    gaps: from row to row of those that have the result's shape, but are not contiguous; else 0."""
    shape = np.broadcast_shapes(*given)
    if 0 in shape:
        return None
    sizes: list[int] = []
    runs: list[tuple[bool, ...]] = []  # for each merged dimension: which operands run along it
    padded = [(1,) * (len(shape) - len(s)) + tuple(s) for s in shapes]
    for k, n in enumerate(shape):
        if n == 1:
            continue
        who = tuple([p[k] != 1 for p in padded])
        if runs and runs[-1] == who and not (any(gaps) and k == len(shape) - 1):
            sizes[-1] *= n
        else:
            sizes.append(n)
            runs.append(who)
    if len(sizes) == 1:
        sizes, runs = [-(-sizes[0] // BLOCK), BLOCK], runs * 2
    if not sizes:
        sizes, runs = [1, 1], [(False,) * len(shapes)] * 2
    columns = sizes[-1]
    modes, numbers = "", []
    for i, gap in enumerate(gaps):
        way: Any = ROW, [1, prod(shape) // columns, gap]
        if not gap:
            way = _way([(n, who[i]) for n, who in zip(sizes, runs, strict=True)])
        if way is None:
            return None
        modes += way[0]
        numbers += way[1]
    size = prod(shape)
    return shape, modes, -(-size // columns), size, columns, numbers


def _way(dimensions: list[tuple[int, bool]]) -> tuple[str, list[int]] | None:
    """An operand's mode and numbers; None if it runs, stands and runs again along the rows."""
    *rows, (columns, runs) = dimensions
    if not any(run for _, run in rows):
        return (ROW if runs else CONSTANT), [1, 1, 0]
    if runs and all(run for _, run in rows):
        return FULL, [1, 1, 0]
    d = m = 1
    state = 0  # behind the run, in it, before it
    for n, run in reversed(rows):
        if run:
            if state == 2:
                return None
            state, m = 1, m * n
        elif state == 0:
            d *= n
        else:
            state = 2
    return (ROW if runs else STILL), [d, m, columns if runs else 1]


def _shapes(xs: Sequence[Any]) -> tuple[Any, ...] | None:
    """The shapes and the dtypes of operands that are contiguous; None for others."""
    key = []
    for x in xs:
        if type(x) is not ndarray or x.flags.num & DENSE != DENSE:
            return None
        key += [x.shape, x.dtype.char]
    return tuple(key)


def _run_wide(known: Any, xs: Sequence[Any]) -> Any:
    """The result of operands whose short rows become a long one, as it was found out before."""
    (kernel, result, _), shape, ways, numbers = known
    y = empty(shape, result)
    kernel(y, *[way(x) for way, x in zip(ways, xs, strict=True)], *numbers)
    return y


class _Row:
    """The operands of one row: values that stand still, and where the others run."""

    def __init__(self, f: call.Body, write: Any, operands: list[tuple[str, str, Type]], wide: Type) -> None:
        self.f, self.write, self.operands, self.wide = f, write, operands, wide
        lanes = wide.lanes
        self.spare = {name: f.room(t, lanes) for name, mode, t in operands if mode in (FULL, ROW)}
        self.spare_out = f.room(wide.element, lanes)
        self.fixed = {name: self.still(f[name], t) for name, mode, t in operands if mode == CONSTANT}
        self.types = {name: t for name, _, t in operands}

    def still(self, place: Value, t: Type) -> Value:
        """One element for all lanes."""
        x = self.f.load(place, t)
        return self.f.splat(x.ne(0) if t is I8 else x, self.wide.lanes)

    def find(self, row: Value, start: Value) -> None:
        """Set where the operands of a row are."""
        f = self.f
        self.values, self.pointers = dict(self.fixed), {}
        for name, mode, t in self.operands:
            if mode == FULL:
                self.pointers[name] = f[name].at(start, t)
            elif mode in (ROW, STILL):
                place = f[name].at((row // f[f"{name}_d"]) % f[f"{name}_m"] * f[f"{name}_s"], t)
                if mode == ROW:
                    self.pointers[name] = place
                else:
                    self.values[name] = self.still(place, t)

    def places(self, i: Value) -> dict[str, Value]:
        """Where the operands' elements i stand."""
        return {name: p.at(i, self.types[name]) for name, p in self.pointers.items()}

    def compute(self, places: dict[str, Value], out: Value, way: str = "") -> None:
        """One vector. way: "past" if it is aligned, and stored past the caches; "far" to ask for those that
        are read next."""
        f = self.f
        for name, p in places.items():
            t = self.types[name]
            if way == "far":
                for line in range(0, self.wide.lanes * t.bytes, 64):
                    f.prefetch(p.at((line + _AHEAD) // t.bytes, t))
            x = f.load(p, self.wide.like(t))
            self.values[name] = x.ne(0) if t is I8 else x
        y = self.write(f, self.values)
        if way == "past":
            f.store_past(out, y)
        else:
            f.store(out, f.convert(y, self.wide.like(I8)) if expressions.is_mask(y) else y)


def _write_rows(
    f: call.Body,
    write: Any,
    operands: list[tuple[str, str, Type]],
    t: Type,
    result: Type,
    length: int,
    way: str,
) -> None:
    """The loop over rows and along them. way: see `_Row.compute`.

    What is left at a row's end is a whole vector, too, that overlaps the one before. It is computed first, as
    the result may stand where an operand does, and stored last.
    """
    wide = vector(t, target.host().lanes(t) * _ways(length))
    lanes = wide.lanes
    work = _Row(f, write, operands, wide)
    with f.loop(f.low, f.high) as row:
        start = row * f["columns"]
        n = f.smaller(f["columns"], f["total"] - start)
        work.find(row, start)
        out = f["out"].at(start, result)
        rest = n % lanes
        whole = n - rest
        short = n < lanes
        with f.when(short):  # is computed in spare memory
            for name, p in work.pointers.items():
                f.copy(work.spare[name], p, n * work.types[name].bytes)
        ends = {m: f.select(short, work.spare[m], p) for m, p in work.places(n - lanes).items()}
        if length < _LIGHT:
            with f.when(rest > 0):
                work.compute(ends, work.spare_out)
            with f.loop(0, whole, lanes) as i:
                work.compute(work.places(i), out.at(i, result), way)
        else:  # its code is long, so there is one of it
            with f.loop(f.select(rest > 0, f.value(-lanes, I64), f.value(0, I64)), whole, lanes) as i:
                end = i < 0
                places = {m: f.select(end, ends[m], p) for m, p in work.places(i).items()}
                work.compute(places, f.select(end, work.spare_out, out.at(i, result)), way)
        with f.when((rest > 0) & ~short):
            f.store(out.at(n - lanes, result), f.load(work.spare_out, wide.like(result)))
        with f.when(short):
            f.copy(out, work.spare_out, n * result.bytes)


def _ways(length: int) -> int:
    """How many vectors go side by side through an expression: so their instructions wait less for each other,
    if there are registers for them."""
    return 4 if length < 30 else 2 if length < 160 else 1


nameless(globals())
