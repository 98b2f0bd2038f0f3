"""Pointwise ops of small arrays: checks, allocation and arithmetic in one machine-code function.

NumPy takes half a microsecond to find out what to do with ten numbers; this takes a tenth. It is for arrays
that need no thought: one dtype, contiguous, of one shape or single numbers. For anything else the function
calls NumPy's kernel, and for large arrays the one of `native.pointwise`. It is compiled for an op that has
been called often and whose bits are NumPy's (or a number would change from one call to the next); until then,
and elsewhere, a function stands there that only looks at the sizes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, expressions, target
from tapegrad.native.choice import DENSE
from tapegrad.native.ir import F32, F64, I8, I32, I64, PTR, VOID, Function, Module, Type, Value
from tapegrad.native.places import elements
from tapegrad.native.pointwise import Pointwise

_OFTEN = 100  # calls after which an op is worth a compilation
_MOST_LIGHT, _MOST_HEAVY = 512, 64  # elements; more are NumPy's: its loops take several at a time
# What a function is bound to, a tuple: its kernels and dtypes, and how often it was called.
_SMALL, _LARGE, _LEAST, _ARRAY, _FLOAT, _DOUBLE, _BOOL, _CALLS, _PROMOTE = range(9)
_NEW_FROM_DESCR = 94  # its place in NumPy's table of functions
_TUPLE = tuple.__basicsize__ // 8  # words before a tuple's items


def dispatch(fast: Pointwise, small: Any, large: Any, least: int, at_once: bool = False) -> Any:
    """The function `small` of arrays, which turns to `large` where they broadcast to at least so many
    elements, and becomes machine code for small ones when it has been called often; or is that at once, and
    `large` for all others."""
    method: list[Any] = []

    def promote() -> None:
        probed = fast.probe()
        if probed is not None and (probed[2] or at_once):
            method[0].function = _compiled(fast, probed)

    calls = np.zeros(1, np.int64)
    kinds = (np.dtype(np.float32), np.dtype(np.float64), np.dtype(bool))
    bound = (small, large, 0 if at_once else least, np.ndarray, *kinds, calls, promote)
    made, definition = call.bound(_dispatcher(), getattr(small, "__name__", "kernel"), bound)
    method.append(definition)
    if at_once:
        promote()
    return made


_made: dict[Any, int] = {}


def _dispatcher() -> int:
    """The address of the function that only looks at sizes."""
    if "dispatch" not in _made:
        module = Module()
        f = begin(module, "dispatch_py")
        counter = f.load(item(f, _CALLS).at(call.DATA // 8, I64), PTR)
        calls = f.load(counter, I64) + 1
        f.store(counter, calls)
        with f.when(calls.eq(_OFTEN)):
            null = f.value(0, PTR)
            none = f.call("PyObject_Vectorcall", PTR, item(f, _PROMOTE), null, f.value(0, I64), null)
            f.give_if(f.convert(none, I64).eq(0), 0)
            f.call("Py_DecRef", VOID, none)
        _hand_on(f)
        _made["dispatch"] = target.compile("dispatch", module, ["dispatch_py"], call.symbols(module))[0]
    return _made["dispatch"]


def begin(module: Module, name: str) -> Function:
    parameters = [("self", PTR), ("args", PTR), ("count", I64)]
    return module.add(Function(name, parameters, PTR, internal=False))


def item(f: Function, k: int) -> Value:
    """What the function is bound to."""
    return f.load(f["self"].at(_TUPLE + k, PTR), PTR)


def same(f: Function, a: Value, b: Value) -> Value:
    return f.convert(a, I64).eq(f.convert(b, I64))


def _hand_on(f: Function) -> None:
    """Return what the kernel for these sizes gives."""
    least = f.call("PyLong_AsLongLong", I64, item(f, _LEAST))
    chosen = f.select(_reach(f) >= least, item(f, _LARGE), item(f, _SMALL))
    f.give(f.call("PyObject_Vectorcall", PTR, chosen, f["args"], f["count"], f.value(0, PTR)))


def _reach(f: Function) -> Value:
    """The elements of what the arguments broadcast to, if they do: along each axis, counted from the last, as
    many as the longest array has."""
    axes = f.variable(f.value(0, I64))
    with f.loop(0, f["count"]) as k, _array(f, k) as x:
        axes.set(f.larger(axes.get(), ndim_of(f, x)))
    size, most = f.variable(f.value(1, I64)), f.variable(f.value(1, I64))
    with f.loop(0, axes.get()) as axis:
        most.set(1)
        with f.loop(0, f["count"]) as k, _array(f, k) as x:
            left = ndim_of(f, x) - axis
            with f.when(left > 0):
                shape = f.load(x.at(call.DIMENSIONS // 8, I64), PTR)
                most.set(f.larger(most.get(), f.load(shape.at(left - 1, I64), I64)))
        size.set(size.get() * most.get())
    return size.get()


@contextmanager
def _array(f: Function, k: Value) -> Iterator[Value]:
    """Argument k, if it is an array."""
    x = f.load(f["args"].at(k, PTR), PTR)
    with f.when(same(f, f.load(x.at(call.TYPE // 8, I64), PTR), item(f, _ARRAY))):
        yield x


def ndim_of(f: Function, x: Value) -> Value:
    return f.convert(f.load(x.at(call.NDIM // 4, I32), I32), I64)


def new_array() -> int:
    """The address of NumPy's function that makes an array.

    Raises: Unavailable if what stands there makes something else.
    """
    address = call.numpy_function(_NEW_FROM_DESCR)
    words: list[Any] = [ctypes.py_object, ctypes.py_object, ctypes.c_int, *[ctypes.c_void_p] * 3]
    make = ctypes.PYFUNCTYPE(ctypes.py_object, *words, ctypes.c_int, ctypes.c_void_p)(address)
    kind = np.dtype(np.float32)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(kind))
    a = make(np.ndarray, kind, 2, ctypes.addressof((ctypes.c_int64 * 2)(3, 5)), None, None, 0, None)
    if type(a) is not np.ndarray or a.shape != (3, 5) or a.dtype is not kind or not a.flags.c_contiguous:
        raise target.Unavailable("NumPy's functions are in another order")
    return address


def _compiled(fast: Pointwise, probed: Any) -> int:
    """The address of the machine code for an expression's small arrays."""
    module = Module()
    name = f"{fast.title}_small"
    f = begin(module, name)
    n = len(fast.names)
    length, mask, _ = probed
    with f.forever() as otherwise:
        f.leave(otherwise, f["count"].ne(n))
        xs = [f.load(f["args"].at(k, PTR), PTR) for k in range(n)]
        kind, source = _checked(f, xs, otherwise)
        size = elements(f, source)
        f.leave(otherwise, size > (_MOST_LIGHT if length < 8 else _MOST_HEAVY))
        double = same(f, kind, item(f, _DOUBLE))
        f.call("tapegrad_count", I64, f.value(1, I64))
        out = _new(f, source, item(f, _BOOL) if mask else kind)
        f.give_if(f.convert(out, I64).eq(0), 0)
        for t, holds in ((F32, ~double), (F64, double)):
            with f.when(holds):
                _loop(f, fast, xs, out, size, t)
        f.give(out)
    _hand_on(f)
    return target.compile(name, module, [name], call.symbols(module))[0]


def _checked(f: Function, xs: list[Value], otherwise: str) -> tuple[Value, Value]:
    """(the dtype, the operand with the result's shape) of operands that need no thought."""
    array, kind = item(f, _ARRAY), f.load(xs[0].at(call.DESCR // 8, I64), PTR)
    f.leave(otherwise, ~same(f, f.load(xs[0].at(call.TYPE // 8, I64), PTR), array))
    kind = f.load(xs[0].at(call.DESCR // 8, I64), PTR)
    f.leave(otherwise, ~(same(f, kind, item(f, _FLOAT)) | same(f, kind, item(f, _DOUBLE))))
    source = xs[0]
    for k, x in enumerate(xs):
        if k:
            f.leave(otherwise, ~same(f, f.load(x.at(call.TYPE // 8, I64), PTR), array))
            f.leave(otherwise, ~same(f, f.load(x.at(call.DESCR // 8, I64), PTR), kind))
            source = f.select(ndim_of(f, source).eq(0), x, source)
        flags = f.load(x.at(call.FLAGS // 4, I32), I32)
        f.leave(otherwise, (flags & DENSE).ne(DENSE))
    if len(xs) > 1:
        ndim, shape = ndim_of(f, source), f.load(source.at(call.DIMENSIONS // 8, I64), PTR)
        for x in xs:
            own = ndim_of(f, x)
            f.leave(otherwise, own.ne(0) & own.ne(ndim))
            sizes = f.load(x.at(call.DIMENSIONS // 8, I64), PTR)
            with f.loop(0, own) as axis:
                f.leave(otherwise, f.load(sizes.at(axis, I64), I64).ne(f.load(shape.at(axis, I64), I64)))
    return kind, source


def _new(f: Function, like: Value, kind: Value) -> Value:
    """A new array of that shape and dtype."""
    f.call("Py_IncRef", VOID, kind)
    shape = f.load(like.at(call.DIMENSIONS // 8, I64), PTR)
    null, zero = f.value(0, PTR), f.value(0, I32)
    ndim = f.load(like.at(call.NDIM // 4, I32), I32)
    return f.call("tapegrad_new_array", PTR, item(f, _ARRAY), kind, ndim, shape, null, null, zero, null)  # type: ignore[no-any-return] # a Value


def _loop(f: Function, fast: Pointwise, xs: list[Value], out: Value, size: Value, t: Type) -> None:
    """One element after the other."""
    places = [f.load(x.at(call.DATA // 8, I64), PTR) for x in xs]
    steps = [f.select(ndim_of(f, x).eq(0), f.value(0, I64), f.value(1, I64)) for x in xs]
    to = f.load(out.at(call.DATA // 8, I64), PTR)
    with f.loop(0, size) as i:
        values = {
            name: f.load(p.at(i * s, t), t) for name, p, s in zip(fast.names, places, steps, strict=True)
        }
        y = fast.write(f, values, ())
        if expressions.is_mask(y):
            f.store(to.at(i, I8), f.convert(y, I8))
        else:
            f.store(to.at(i, t), y)


nameless(globals())
