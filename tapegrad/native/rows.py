"""Functions of the rows of small arrays: checks, allocation and loops in one machine-code function.

A row is what lies along one axis. As in `small`, that is for arrays that need no thought: float32 or float64,
contiguous, of one shape. For anything else the function returns None, and its caller knows what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, target
from tapegrad.native.choice import DENSE
from tapegrad.native.ir import F32, F64, I32, I64, PTR, VOID, Function, Module, Type, Value
from tapegrad.native.places import elements
from tapegrad.native.small import begin, item, ndim_of, same

# Elements; NumPy's loops take several of more at a time. Of 256, softmax and its like take half to a third of
# NumPy's time, of 1024 as long, of 2048 nearly twice as long.
MOST = 256
LONG = 2048  # of what NumPy does one after the other, too: totals, extremes of rows
_MOST_DIMENSIONS = 64
_ARRAY, _FLOAT, _DOUBLE, _PLACES = range(4)  # what a function is bound to: the class, and dtypes

# What becomes of a row: as long a row, one number, that number beside no others (an axis of one), or as many
# as the last argument says.
SAME, ONE, KEPT, GIVEN = range(4)


class Row:
    """A row of each array, in a function that goes through them: its numbers as float64."""

    def __init__(
        self,
        f: Function,
        t: Type,
        n: Value,
        arrays: Sequence[Value],
        outs: Sequence[Value],
        numbers: Sequence[Value],
    ) -> None:
        self.f, self.t, self.n, self.numbers = f, t, n, numbers
        self._arrays, self._outs = arrays, outs
        self.spare = f.room(F64, MOST)
        self.first = self.start = self.step = f.value(0, I64)

    def get(self, i: Value | int, k: int = 0) -> Value:
        """Element i of array k."""
        return self.f.convert(
            self.f.load(self._arrays[k].at(self.start + self.step * i, self.t), self.t), F64
        )

    def put(self, i: Value | int, x: Value) -> None:
        """Set element i of the result."""
        self.f.store(self._outs[0].at(self.first + self.step * i, self.t), self.f.convert(x, self.t))

    def put_place(self, i: Value | int, at: Value) -> None:
        """Set element i of the second result."""
        self.f.store(self._outs[1].at(self.first + self.step * i, I64), at)

    def kept(self, i: Value | int) -> Value:
        """Element i of what was put aside."""
        return self.f.load(self.spare.at(i, F64), F64)

    def keep(self, i: Value | int, x: Value) -> None:
        """Put a number aside for `kept`."""
        self.f.store(self.spare.at(i, F64), x)


def along(
    name: str,
    write: Callable[[Row], None],
    arrays: int = 1,
    numbers: int = 0,
    becomes: int = SAME,
    places: bool = False,
    longest: int = MOST,
    most: int = MOST,
) -> Any:
    """The builtin f(*arrays, axis, *numbers), which runs write(row) for each row of a small array, and gives
    the new one; None if it takes none such. An axis of -1 makes one row of all.

    becomes: what, in the result, a row is. places: there is a second result, with places (int64). longest:
    the most elements of a row; most: of all rows, if `write` keeps nothing more than MOST.
    """
    module = Module()
    f = begin(module, f"{name}_rows")
    with f.forever() as otherwise:
        f.leave(otherwise, f["count"].ne(arrays + 1 + numbers))
        xs = [f.load(f["args"].at(k, PTR), PTR) for k in range(arrays)]
        _check(f, xs, otherwise)
        size, axis = elements(f, xs[0]), _whole(f, arrays)
        f.leave(otherwise, size.eq(0) | (size > most) | (axis < -1) | (axis >= ndim_of(f, xs[0])))
        given = [_number(f, arrays + 1 + k) for k in range(numbers)]
        shape = _Shape(f, xs[0], axis, size, f.convert(given[-1], I64) if becomes == GIVEN else None, becomes)
        kinds = [f.load(xs[0].at(call.DESCR // 8, I64), PTR), *[item(f, _PLACES)] * places]
        f.leave(otherwise, (shape.n > longest) | (shape.length < 0) | (shape.length > shape.n))
        outs = [shape.new(kind) for kind in kinds]
        f.call("tapegrad_count", I64, f.value(1, I64))
        double = same(f, kinds[0], item(f, _DOUBLE))
        for t, holds in ((F32, ~double), (F64, double)):
            with f.when(holds):
                data, to = ([f.load(x.at(call.DATA // 8, I64), PTR) for x in some] for some in (xs, outs))
                shape.go_through(Row(f, t, shape.n, data, to, given), write)
        f.give(_pair(f, outs) if places else outs[0])
    f.give(f.call("tapegrad_none", PTR))
    (address,) = target.compile(f"{name}_rows", module, [f"{name}_rows"], call.symbols(module))
    bound = (np.ndarray, np.dtype("f4"), np.dtype("f8"), np.dtype("i8"))
    return call.builtin(address, name, bound)


def _pair(f: Function, outs: Sequence[Value]) -> Value:
    """A tuple of new objects, which gets the references to them."""
    pair: Value = f.call("PyTuple_New", PTR, f.value(len(outs), I64))
    f.give_if(f.convert(pair, I64).eq(0), 0)
    for k, out in enumerate(outs):
        f.call("PyTuple_SetItem", I32, pair, f.value(k, I64), out)
    return pair


def _check(f: Function, xs: Sequence[Value], otherwise: str) -> None:
    """Go away unless these are contiguous arrays of one dtype, float32 or float64, and of one shape."""
    array = item(f, _ARRAY)
    for x in xs:
        f.leave(otherwise, ~same(f, f.load(x.at(call.TYPE // 8, I64), PTR), array))
        f.leave(otherwise, (f.load(x.at(call.FLAGS // 4, I32), I32) & DENSE).ne(DENSE))
    kind, ndim = f.load(xs[0].at(call.DESCR // 8, I64), PTR), ndim_of(f, xs[0])
    f.leave(otherwise, ~(same(f, kind, item(f, _FLOAT)) | same(f, kind, item(f, _DOUBLE))))
    sizes = f.load(xs[0].at(call.DIMENSIONS // 8, I64), PTR)
    for x in xs[1:]:
        f.leave(otherwise, ~same(f, f.load(x.at(call.DESCR // 8, I64), PTR), kind))
        f.leave(otherwise, ndim_of(f, x).ne(ndim))
        own = f.load(x.at(call.DIMENSIONS // 8, I64), PTR)
        with f.loop(0, ndim) as k:
            f.leave(otherwise, f.load(own.at(k, I64), I64).ne(f.load(sizes.at(k, I64), I64)))


def _whole(f: Function, k: int) -> Value:
    """Argument k, an int."""
    x: Value = f.call("PyLong_AsLongLong", I64, f.load(f["args"].at(k, PTR), PTR))
    _raise_if(f, x.eq(-1))
    return x


def _number(f: Function, k: int) -> Value:
    """Argument k, a number."""
    x: Value = f.call("PyFloat_AsDouble", F64, f.load(f["args"].at(k, PTR), PTR))
    _raise_if(f, x.eq(-1.0))
    return x


def _raise_if(f: Function, perhaps: Value) -> None:
    """Return null if Python has an error, which perhaps it has."""
    with f.when(perhaps):
        f.give_if(f.convert(f.call("PyErr_Occurred", PTR), I64).ne(0), 0)


class _Shape:
    """How rows lie in an array: `before` times, n elements that are `behind` apart."""

    def __init__(
        self, f: Function, x: Value, axis: Value, size: Value, length: Value | None, becomes: int
    ) -> None:
        self.f, self.becomes = f, becomes
        self._x, self._axis = x, axis
        sizes = f.load(x.at(call.DIMENSIONS // 8, I64), PTR)
        n, behind = f.variable(size), f.variable(f.value(1, I64))
        with f.when(axis >= 0):
            n.set(f.load(sizes.at(axis, I64), I64))
            with f.loop(axis + 1, ndim_of(f, x)) as k:
                behind.set(behind.get() * f.load(sizes.at(k, I64), I64))
        self.n, self.behind = n.get(), behind.get()
        self.before = size // (self.n * self.behind)
        one = f.value(1, I64)
        self.length = self.n if becomes == SAME else one if length is None else length

    def new(self, kind: Value) -> Value:
        """A new array for what becomes of the rows."""
        f = self.f
        ndim, source = ndim_of(f, self._x), f.load(self._x.at(call.DIMENSIONS // 8, I64), PTR)
        sizes, rest = f.room(I64, _MOST_DIMENSIONS), f.variable(f.value(0, I64))
        with f.loop(0, ndim) as k:
            here = k.eq(self._axis) | (self._axis < 0)
            if self.becomes == ONE:
                with f.when(~here):
                    f.store(sizes.at(rest.get(), I64), f.load(source.at(k, I64), I64))
                    rest.set(rest.get() + 1)
            else:
                own = f.load(source.at(k, I64), I64)
                f.store(sizes.at(k, I64), own if self.becomes == SAME else f.select(here, self.length, own))
                rest.set(k + 1)
        f.call("Py_IncRef", VOID, kind)
        null, zero = f.value(0, PTR), f.value(0, I32)
        given = (item(f, _ARRAY), kind, f.convert(rest.get(), I32), sizes, null, null, zero, null)
        out: Value = f.call("tapegrad_new_array", PTR, *given)
        f.give_if(f.convert(out, I64).eq(0), 0)
        return out

    def go_through(self, row: Row, write: Callable[[Row], None]) -> None:
        """write(row) for each."""
        row.step = self.behind
        with self.f.loop(0, self.before) as i, self.f.loop(0, self.behind) as j:
            row.start = i * self.n * self.behind + j
            row.first = i * self.length * self.behind + j
            write(row)


nameless(globals())
