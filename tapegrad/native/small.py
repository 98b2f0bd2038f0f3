"""Pointwise ops of small arrays: checks, allocation and arithmetic in one machine-code function.

NumPy takes half a microsecond to find out what to do with ten numbers; this takes a tenth. It is for arrays
that need no thought: floats of one dtype, contiguous, of one shape or single numbers. For anything else the
function calls NumPy's kernel, and for large arrays the one of `native.pointwise`: where these need no thought
either, at once, else from Python. It is compiled for an op that has been called often and whose bits are
NumPy's (or a number would change from one call to the next); until then, and elsewhere, a function stands
there that only looks at the sizes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.native import call, expressions, memory, target
from tapegrad.native.choice import DENSE
from tapegrad.native.ir import F32, F64, I8, I32, I64, PTR, VOID, Function, Module, Type, Value, Variable
from tapegrad.native.places import elements
from tapegrad.native.pointwise import PLAIN, PLAIN_KINDS, STREAM, Pointwise
from tapegrad.native.widening import BLOCK

_OFTEN = 100  # calls after which an op is worth a compilation
_MOST_LIGHT, _MOST_HEAVY = 512, 64  # elements; more are NumPy's: its loops take several at a time
_SHORT = 256  # elements of rows so short that NumPy feels each,
_FELT, _TWICE = 96, 2  # as so many elements of a long one, or each element as so many
_LEAST_PLAIN = 256  # elements from which the kernel for large arrays is faster, if it can be called at once
# What a function is bound to, a tuple: its kernels and dtypes, and how often it was called.
_SMALL, _LARGE, _LEAST, _ARRAY, _CALLS, _PROMOTE, _PLAIN, _HANDLER, _NONE, _NEVER = range(10)
_FLOAT, _DOUBLE, _BOOL = range(10, 13)  # and the other ones of these
_KINDS = [np.dtype(c) for c in PLAIN]
_LIST_SIZE, _LIST_ITEMS = 2, 3  # words of a list before these
_MOST_OPERANDS = 4  # of what is called at once for large arrays
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
    least = 0 if at_once else least
    words = (calls, promote, fast.plain, memory.handler(), None, False)
    bound = (small, large, least, np.ndarray, *words, *_KINDS)
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
        _write_hand_on(begin(module, "tapegrad_hand_on"))
        f = begin(module, "dispatch_py")
        counter = f.load(item(f, _CALLS).at(call.DATA // 8, I64), PTR)
        calls = f.load(counter, I64) + 1
        f.store(counter, calls)
        with f.when(calls.eq(_OFTEN)):
            null = f.value(0, PTR)
            none = f.call("PyObject_Vectorcall", PTR, item(f, _PROMOTE), null, f.value(0, I64), null)
            f.give_if(f.convert(none, I64).eq(0), 0)
            f.call("Py_DecRef", VOID, none)
        f.give(f.run(module.functions[0], f["self"], f["args"], f["count"]))
        exports = ["dispatch_py", "tapegrad_hand_on"]
        found = target.compile("dispatch", module, exports, call.symbols(module))
        _made["dispatch"] = found[0]
        call.provide({exports[1]: found[1]})
    return _made["dispatch"]


def begin(module: Module, name: str) -> Function:
    parameters = [("self", PTR), ("args", PTR), ("count", I64)]
    return module.add(Function(name, parameters, PTR, internal=False))


def item(f: Function, k: int) -> Value:
    """What the function is bound to."""
    return f.load(f["self"].at(_TUPLE + k, PTR), PTR)


def same(f: Function, a: Value, b: Value) -> Value:
    return f.convert(a, I64).eq(f.convert(b, I64))


def _write_hand_on(f: Function) -> None:
    """What the kernel for these sizes gives: a function of those that are bound to the same things."""
    least, (size, length) = f.call("PyLong_AsLongLong", I64, item(f, _LEAST)), _reach(f)
    # NumPy begins anew with each row: many short ones take it as long as a large array.
    short = (length > 1) & (length <= _SHORT) & (size > length)
    felt = (size * _FELT >= length * least) | (size * _TWICE >= least)
    large = (short & felt) | (size >= least)
    chosen = f.variable(f.select(large, item(f, _LARGE), item(f, _SMALL)))
    with f.when(size >= _LEAST_PLAIN), f.forever() as otherwise:
        _call_plain(f, size, chosen, otherwise)
        f.leave(otherwise)
    f.give(f.call("PyObject_Vectorcall", PTR, chosen.get(), f["args"], f["count"], f.value(0, PTR)))


def _call_plain(f: Function, size: Value, chosen: Variable, otherwise: str) -> None:
    """Return what the kernel for large arrays gives, if the operands are of one shape, or single numbers; if
    there is none yet for such ones, what makes it is chosen. size: the elements of what they broadcast to."""
    n, given = f["count"], f.room(PTR, 5 + 4 * _MOST_OPERANDS)
    places = f.emit(f"shl i64 {PLAIN_KINDS}, {n.name}", I64)
    f.leave(otherwise, (n < 1) | (n > _MOST_OPERANDS) | size.eq(0))
    f.leave(otherwise, f.load(item(f, _PLAIN).at(_LIST_SIZE, I64), I64).ne(places))
    like, place = _plain(f, given, size, otherwise)
    entry = f.load(f.load(item(f, _PLAIN).at(_LIST_ITEMS, PTR), PTR).at(place, PTR), PTR)
    f.leave(otherwise, same(f, entry, item(f, _NEVER)))
    with f.when(same(f, entry, item(f, _NONE))):
        chosen.set(item(f, _LARGE))
        f.leave(otherwise)
    kernel, kind, *numbers = (f.load(entry.at(_TUPLE + k, PTR), PTR) for k in range(6))
    shape = f.load(like.at(call.DIMENSIONS // 8, I64), PTR)
    memory = item(f, _HANDLER), item(f, _ARRAY)
    out = f.call("tapegrad_empty", PTR, *memory, kind, ndim_of(f, like), shape)
    f.give_if(f.convert(out, I64).eq(0), 0)
    f.store(given, out)
    rows = f.call("PyLong_FromLongLong", PTR, (size + (BLOCK - 1)) // BLOCK)
    whole = f.call("PyLong_FromLongLong", PTR, size)
    grain, columns, one, zero = numbers
    for k, x in enumerate((rows, grain, whole, columns)):
        f.store(given.at(n + (k + 1), PTR), x)
    with f.loop(0, n) as i:
        for k, x in enumerate((one, one, zero)):
            f.store(given.at(n + i * 3 + (k + 5), PTR), x)
    none = f.call("PyObject_Vectorcall", PTR, kernel, given, n * 4 + 5, f.value(0, PTR))
    failed = f.convert(none, I64).eq(0)
    for x in (rows, whole, f.select(failed, out, none)):
        f.call("Py_DecRef", VOID, x)
    f.give(f.select(failed, f.value(0, PTR), out))


def _plain(f: Function, given: Value, size: Value, otherwise: str) -> tuple[Value, Value]:
    """(the first argument with axes, its kernel's place in the list) of arguments that are plain; they become
    the `given` ones behind the first."""
    n = f["count"]
    like, place = f.variable(f.load(f["args"], PTR)), f.variable(f.value(0, I64))
    f.leave(otherwise, ~_is_array(f, like.get()))
    kind = f.load(like.get().at(call.DESCR // 8, I64), PTR)
    with f.loop(0, n) as k:
        x = f.load(f["args"].at(k, PTR), PTR)
        f.leave(otherwise, ~_is_array(f, x))
        f.leave(otherwise, (f.load(x.at(call.FLAGS // 4, I32), I32) & DENSE).ne(DENSE))
        f.leave(otherwise, ~same(f, f.load(x.at(call.DESCR // 8, I64), PTR), kind))
        f.store(given.at(k + 1, PTR), x)
        with f.when(ndim_of(f, x).eq(0)):
            place.set(place.get() + f.emit(f"shl i64 1, {k.name}", I64))
        with f.when(ndim_of(f, x) > 0):  # as many axes and elements as the result has: its shape
            like.set(f.select(ndim_of(f, like.get()).eq(0), x, like.get()))
            same_axes = ndim_of(f, x).eq(ndim_of(f, like.get()))
            f.leave(otherwise, ~same_axes | elements(f, x).ne(size))
    number, bytes = f.variable(f.value(-1, I64)), f.variable(f.value(0, I64))
    for which, known in enumerate(_KINDS):
        with f.when(same(f, kind, item(f, _FLOAT + which))):
            number.set(which)
            bytes.set(known.itemsize)
    f.leave(otherwise, (number.get() < 0) | (size * bytes.get() >= STREAM))
    return like.get(), place.get() + f.emit(f"shl {number.get()}, {n.name}", I64)


def _reach(f: Function) -> tuple[Value, Value]:
    """The elements of what the arguments broadcast to, if they do, and of its rows: along each axis, counted
    from the last, as many as the longest array has."""
    axes = f.variable(f.value(0, I64))
    with f.loop(0, f["count"]) as k, _array(f, k) as x:
        axes.set(f.larger(axes.get(), ndim_of(f, x)))
    size, most, length = (f.variable(f.value(1, I64)) for _ in range(3))
    with f.loop(0, axes.get()) as axis:
        most.set(1)
        with f.loop(0, f["count"]) as k, _array(f, k) as x:
            left = ndim_of(f, x) - axis
            with f.when(left > 0):
                shape = f.load(x.at(call.DIMENSIONS // 8, I64), PTR)
                most.set(f.larger(most.get(), f.load(shape.at(left - 1, I64), I64)))
        size.set(size.get() * most.get())
        length.set(f.select(axis.eq(0), most.get(), length.get()))
    return size.get(), length.get()


@contextmanager
def _array(f: Function, k: Value) -> Iterator[Value]:
    """Argument k, if it is an array."""
    x = f.load(f["args"].at(k, PTR), PTR)
    with f.when(_is_array(f, x)):
        yield x


def _is_array(f: Function, x: Value) -> Value:
    return same(f, f.load(x.at(call.TYPE // 8, I64), PTR), item(f, _ARRAY))


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
    f.give(f.call("tapegrad_hand_on", PTR, f["self"], f["args"], f["count"]))
    return target.compile(name, module, [name], call.symbols(module))[0]


def _checked(f: Function, xs: list[Value], otherwise: str) -> tuple[Value, Value]:
    """(the dtype, the operand with the result's shape) of operands that need no thought."""
    f.leave(otherwise, ~_is_array(f, xs[0]))
    kind = f.load(xs[0].at(call.DESCR // 8, I64), PTR)
    f.leave(otherwise, ~(same(f, kind, item(f, _FLOAT)) | same(f, kind, item(f, _DOUBLE))))
    source = xs[0]
    for k, x in enumerate(xs):
        if k:
            f.leave(otherwise, ~_is_array(f, x))
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
