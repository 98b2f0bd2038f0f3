"""Pointwise kernels: one loop for any expression, over arrays of float32 or float64 that broadcast.

The result's dimensions are merged into rows and columns such that along a row each operand either runs or
stands still. What is contiguous throughout is cut into rows of one block. Each way in which operands take
part is a kernel of its own, compiled when it is first met.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.native import call, expressions, target
from tapegrad.native.choice import TYPES
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
        heavy = any(k in text for k in ("exp", "log", "tanh", "erf", "sin", "cos", "sigmoid", "sqrt", "/"))
        self._grain = _HEAVY_GRAIN if heavy else _GRAIN

    def __call__(self, *xs: Any) -> Any:
        kind = xs[0].dtype
        t = TYPES.get(kind)
        if t is None:
            return None
        shape = xs[0].shape
        for x in xs:
            if x.dtype is not kind or type(x) is not ndarray:
                return None
            if x.shape != shape or not x.flags.c_contiguous:
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
        if all(x.flags.f_contiguous for x in xs) and all(x.shape == xs[0].shape for x in xs):
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
        try:
            self._kernels[t, modes] = _build(self.title, self.text, self.names, t, modes)
        except expressions.Unknown:
            self._kernels[t, modes] = None
        return self._kernels[t, modes]


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
    if x.flags.c_contiguous and x.flags.aligned:
        return x
    return np.ascontiguousarray(x) if x.size <= _BLOCK else None


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
    given = " ".join(f"{name}:r" for name in names)
    ways = " ".join(f"{name}_d:i {name}_m:i {name}_s:i" for name in names)
    result: list[Type] = []

    def write(f: call.Body) -> None:
        result.append(_write_rows(f, text, list(zip(names, modes, strict=True)), wide))

    tag = hashlib.sha1(text.encode()).hexdigest()[:6]
    kernel = call.build(
        f"{title}_{tag}_{t}_{modes}".replace(".", "_"),
        f"out:w {given} rows:i grain:i total:i columns:i {ways}",
        write,
        over="rows",
        grain="grain",
        module=Module(),
    )
    kind = np.dtype(bool) if result[0] is I8 else next(d for d, k in TYPES.items() if k is t)
    return kernel, kind


def _write_rows(f: call.Body, text: str, operands: list[tuple[str, str]], wide: Type) -> Type:
    """The loop over rows and along them; the type of the result's elements."""
    t, lanes = wide.element, wide.lanes
    spare = {name: f.room(t, lanes) for name, mode in operands if mode in (FULL, ROW)}
    spare_out = f.room(t, lanes)
    fixed = {name: f.splat(f.load(f[name], t), lanes) for name, mode in operands if mode == CONSTANT}
    result: Type = t
    with f.loop(f.low, f.high) as row:
        start = row * f["columns"]
        n = f.smaller(f["columns"], f["total"] - start)
        values = dict(fixed)
        pointers: dict[str, Value] = {}
        for name, mode in operands:
            if mode == FULL:
                pointers[name] = f[name].at(start, t)
            elif mode in (ROW, STILL):
                at = (row // f[f"{name}_d"]) % f[f"{name}_m"] * f[f"{name}_s"]
                place = f[name].at(at, t)
                if mode == ROW:
                    pointers[name] = place
                else:
                    values[name] = f.splat(f.load(place, t), lanes)
        rest = n % lanes
        whole = n - rest
        for name, p in pointers.items():
            f.copy(spare[name], p.at(whole, t), rest * t.bytes)
        with f.loop(0, n, lanes) as i:
            last = i >= whole
            for name, p in pointers.items():
                values[name] = f.load(f.select(last, spare[name], p.at(i, t)), wide)
            y = expressions.write(text, f, values)
            if expressions.is_mask(y):
                result = I8
                y = f.convert(y, wide.like(I8))
            out = f["out"].at(start + i, result)
            f.store(f.select(last, spare_out, out), f.value(y, wide.like(result)))
        f.copy(f["out"].at(start + whole, result), spare_out, rest * result.bytes)
    return result


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
