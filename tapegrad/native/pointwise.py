"""Pointwise kernels: one loop for any expression, over arrays of float32 or float64 that broadcast.

The result's dimensions are merged into rows and columns such that along a row each operand either runs or
stands still. What is contiguous throughout is cut into rows of one block. Each way in which operands take
part is a kernel of its own, compiled when it is first met.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.native import call, expressions, target
from tapegrad.native.choice import DENSE, TYPES
from tapegrad.native.ir import I8, I32, I64, PTR, Function, Module, Type, Value
from tapegrad.native.memory import empty

_BLOCK = 2048  # elements of a row where there are no rows
_GRAIN, _HEAVY_GRAIN = 16384, 4096  # elements that are worth a thread: of a sum, of an exponential

# How an operand takes part: all of it in order; along a row; one value per row; one value.
FULL, ROW, STILL, CONSTANT = "f", "r", "s", "c"


class Pointwise:
    """An expression as a function of arrays: the result, or None for what it does not take.

    text: over `names`, see `native.expressions`; least: elements from which it is taken.
    """

    def __init__(self, title: str, text: str, names: Sequence[str]) -> None:
        self.title, self.text, self.names = title, text, tuple(names)
        self._kernels: dict[tuple[Any, ...], Any] = {}
        self._grain = _HEAVY_GRAIN if is_heavy(text) else _GRAIN

    @cached_property
    def possible(self) -> bool:
        """Whether all of the expression has machine code."""
        try:
            expressions.probe(self.text, self.names)
        except expressions.Unknown:
            return False
        return True

    def __call__(self, *xs: Any) -> Any:
        kind = xs[0].dtype
        t = TYPES.get(kind)
        if t is None:
            return None
        shape = xs[0].shape
        for x in xs:
            if x.dtype is not kind or type(x) is not ndarray:
                return None
            if x.shape != shape or x.flags.num & DENSE != DENSE:
                return self._general(xs, t)
        n = xs[0].size
        made = self._kernels.get((t, FULL * len(xs))) or self._kernel(t, FULL * len(xs))
        if made is None:
            return None
        kernel, result = made
        y = empty(shape, result)
        rows = -(-n // _BLOCK)
        kernel(y, *xs, rows, self._grain // _BLOCK, n, _BLOCK, *(1, 1, 0) * len(xs))
        return y

    def _general(self, xs: Sequence[Any], t: Type) -> Any:
        if all(x.T.flags.num & DENSE == DENSE and x.shape == xs[0].shape for x in xs):
            return _transposed(self(*[x.T for x in xs]))
        shape = np.broadcast_shapes(*[x.shape for x in xs])
        ys = [_dense(x) for x in xs]
        if any(y is None for y in ys):
            return None
        plan = _plan(shape, [y.shape for y in ys])
        if plan is None:
            return None
        modes, columns, numbers = plan
        made = self._kernels.get((t, modes)) or self._kernel(t, modes)
        if made is None:
            return None
        kernel, result = made
        y = empty(shape, result)
        rows = -(-y.size // columns)
        kernel(y, *ys, rows, max(1, self._grain // columns), y.size, columns, *numbers)
        return y

    def _kernel(self, t: Type, modes: str) -> Any:
        """(the builtin, the result's dtype), or None if the expression has no machine code."""
        made = _build(self.title, self.text, self.names, t, modes) if self.possible else None
        self._kernels[t, modes] = made
        return made


def _transposed(y: Any) -> Any:
    """An array of its own with y's transposed elements: y itself, seen the other way."""
    if y is None:
        return None
    z = np.lib.stride_tricks.as_strided(y, y.shape[::-1], y.strides[::-1])
    return z


def _dense(x: Any) -> Any:
    """x with size 1 where it repeats one element, if that is contiguous or small; None otherwise."""
    if 0 in x.strides:
        x = x[tuple([slice(0, 1) if s == 0 else slice(None) for s in x.strides])]
    if x.flags.num & DENSE == DENSE:
        return x
    return x.copy("C") if x.size <= _BLOCK else None


def _plan(shape: Sequence[int], shapes: Sequence[Sequence[int]]) -> tuple[str, int, list[int]] | None:
    """(the operands' modes, the columns, for each (d, m, s): row r of it starts at (r // d) % m * s)."""
    sizes: list[int] = []
    runs: list[tuple[bool, ...]] = []  # for each merged dimension: which operands run along it
    padded = [(1,) * (len(shape) - len(s)) + tuple(s) for s in shapes]
    for k, n in enumerate(shape):
        if n == 1:
            continue
        who = tuple([p[k] != 1 for p in padded])
        if runs and runs[-1] == who:
            sizes[-1] *= n
        else:
            sizes.append(n)
            runs.append(who)
    if len(sizes) == 1:
        sizes, runs = [-(-sizes[0] // _BLOCK), _BLOCK], runs * 2
    if not sizes:
        sizes, runs = [1, 1], [(False,) * len(shapes)] * 2
    columns = sizes[-1]
    modes, numbers = "", []
    for i in range(len(shapes)):
        way = _way([(n, who[i]) for n, who in zip(sizes, runs, strict=True)])
        if way is None:
            return None
        modes += way[0]
        numbers += way[1]
    return modes, columns, numbers


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


def _build(title: str, text: str, names: Sequence[str], t: Type, modes: str) -> Any:
    """Compile the kernel of an expression."""
    wide = target.host().wide(t)
    result = I8 if expressions.is_mask(expressions.probe(text, names)) else t
    given = " ".join(f"{name}:r" for name in names)
    ways = " ".join(f"{name}_d:i {name}_m:i {name}_s:i" for name in names)
    operands = list(zip(names, modes, strict=True))
    tag = hashlib.sha1(text.encode()).hexdigest()[:6]
    kernel = call.build(
        f"{title}_{tag}_{t}_{modes}".replace(".", "_"),
        f"out:w {given} rows:i grain:i total:i columns:i {ways}",
        lambda f: _write_rows(f, text, operands, wide, result),
        over="rows",
        grain="grain",
    )
    kind = np.dtype(bool) if result is I8 else next(d for d, k in TYPES.items() if k is t)
    return kernel, kind


_HEAVY = ("exp", "log", "tanh", "erf", "sin", "cos", "sigmoid", "sqrt", "/")
_UNROLLED = 4  # vectors per turn of a light expression's loop


def is_heavy(text: str) -> bool:
    """Whether an expression takes longer to compute than to load its operands."""
    return any(k in text for k in _HEAVY)


class _Row:
    """The operands of one row: values that stand still, and where the others run."""

    def __init__(self, f: call.Body, text: str, operands: list[tuple[str, str]], wide: Type) -> None:
        self.f, self.text, self.operands, self.wide = f, text, operands, wide
        lanes = wide.lanes
        self.spare = {name: f.room(wide.element, lanes) for name, mode in operands if mode in (FULL, ROW)}
        self.spare_out = f.room(wide.element, lanes)
        self.fixed = {
            name: f.splat(f.load(f[name], wide.element), lanes) for name, mode in operands if mode == CONSTANT
        }

    def find(self, row: Value, start: Value) -> None:
        """Set where the operands of a row are."""
        f, t = self.f, self.wide.element
        self.values, self.pointers = dict(self.fixed), {}
        for name, mode in self.operands:
            if mode == FULL:
                self.pointers[name] = f[name].at(start, t)
            elif mode in (ROW, STILL):
                place = f[name].at((row // f[f"{name}_d"]) % f[f"{name}_m"] * f[f"{name}_s"], t)
                if mode == ROW:
                    self.pointers[name] = place
                else:
                    self.values[name] = f.splat(f.load(place, t), self.wide.lanes)

    def compute(self, places: dict[str, Value], out: Value) -> None:
        """One vector."""
        f = self.f
        for name, p in places.items():
            self.values[name] = f.load(p, self.wide)
        y = expressions.write(self.text, f, self.values)
        if expressions.is_mask(y):
            y = f.convert(y, self.wide.like(I8))
        f.store(out, y)


def _write_rows(f: call.Body, text: str, operands: list[tuple[str, str]], wide: Type, result: Type) -> None:
    """The loop over rows and along them."""
    t, lanes = wide.element, wide.lanes
    work = _Row(f, text, operands, wide)
    step = lanes if is_heavy(text) else lanes * _UNROLLED
    with f.loop(f.low, f.high) as row:
        start = row * f["columns"]
        n = f.smaller(f["columns"], f["total"] - start)
        work.find(row, start)
        out = f["out"].at(start, result)
        turns = n - n % step
        if step > lanes:
            with f.loop(0, turns, step) as i:
                for k in range(0, step, lanes):
                    work.compute({m: p.at(i + k, t) for m, p in work.pointers.items()}, out.at(i + k, result))
        rest = n % lanes
        whole = n - rest
        for name, p in work.pointers.items():
            f.copy(work.spare[name], p.at(whole, t), rest * t.bytes)
        with f.loop(turns if step > lanes else 0, n, lanes) as i:
            last = i >= whole  # the last elements are computed in spare memory
            places = {m: f.select(last, work.spare[m], p.at(i, t)) for m, p in work.pointers.items()}
            work.compute(places, f.select(last, work.spare_out, out.at(i, result)))
        f.copy(out.at(whole, result), work.spare_out, rest * result.bytes)


def dispatch(small: Any, large: Any, least: int) -> Any:
    """A builtin that calls `large` if an argument is an array of at least so many elements, else `small`."""
    return call.builtin(_dispatcher(), getattr(small, "__name__", "kernel"), (small, large, least))


_made: list[int] = []


def _dispatcher() -> int:
    if not _made:
        module = Module()
        module.add(_write_dispatch())
        _made.extend(target.compile("dispatch", module, ["dispatch_py"], call.symbols(module)))
    return _made[0]


def _write_dispatch() -> Function:
    f = Function("dispatch_py", [("self", PTR), ("args", PTR), ("count", I64)], PTR, internal=False)
    small, large, limit = (f.load(f["self"].at(3 + k, PTR), PTR) for k in range(3))
    least = f.call("PyLong_AsLongLong", I64, limit)
    chosen = f.variable(small)
    with f.loop(0, f["count"]) as k:
        x = f.load(f["args"].at(k, PTR), PTR)
        exact = f.load(x.at(1, I64), I64).eq(f.convert(f.call("tapegrad_array_type", PTR), I64))
        with f.when(exact):
            n = f.variable(f.value(1, I64))
            n.set(1)
            shape = f.load(x.at(call.DIMENSIONS // 8, I64), PTR)
            dimensions = f.convert(f.load(x.at(call.NDIM // 4, I32), I32), I64)
            with f.loop(0, dimensions) as axis:
                n.set(n.get() * f.load(shape.at(axis, I64), I64))
            with f.when(n.get() >= least):
                chosen.set(large)
    null = f.value(0, PTR)
    f.give(f.call("PyObject_Vectorcall", PTR, chosen.get(), f["args"], f["count"], null))
    return f
