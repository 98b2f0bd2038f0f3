"""Memory for large results that is used again.

A large array that the platform gives is new each time: the kernel of the operating system clears its pages
one fault after another, which takes as long as computing what is put there. So blocks that are given back are
kept in lists by size, up to a limit, and the next result of that size takes one. NumPy calls this through its
handlers of data (NEP 49), which each array remembers, so only arrays that were made by `empty` come here;
what users make is theirs.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from tapegrad.native import call, target
from tapegrad.native.ir import I8, I32, I64, PTR, VOID, Function, Module, Value

LEAST = 1 << 14  # elements from which an array may take a block that was used before
# Linux gives memory by 2 MiB at once where that is asked for (madvise, MADV_HUGEPAGE): large arrays are there
# in half the time, and a processor finds their elements without many tables of pages (an LSTM's step: 0.85).
_PAGE = 1 << 21
_ADVICE = 14
# Such blocks begin at different places in their pages. Where all begin at one, a processor takes what it
# reads of one array for what it has just written to another: roll(x, 3) took ten times as long.
_SHIFT, _SHIFTS = 4096 + 5 * 64, 16
_HEAD = 64  # bytes before an array: its block's class, and where that was allocated
_CLASSES = 512
_KEPT, _LIMIT, _USED, _PEAK, _HITS, _MISSES = range(6)
NAMES = ("reserved_bytes", "limit_bytes", "allocated_bytes", "peak_bytes", "hits", "misses")

_EXPORTS = (
    "tapegrad_allocate",
    "tapegrad_zeros",
    "tapegrad_resize",
    "tapegrad_release",
    "tapegrad_trim",
    "tapegrad_empty",
    "empty_py",
)


def _module() -> Module:
    """The handler's functions, tapegrad_trim(bytes), which keeps no more than that, and the switches."""
    module = Module()
    module.globals += [
        f"@lists = internal global [{_CLASSES} x ptr] zeroinitializer",
        "@memory = global [8 x i64] zeroinitializer",
    ]
    for f in (_class(), _bytes()):
        module.add(f)
    kind, size = module.functions[-2:]
    allocate = module.add(_allocate(kind, size))
    release = module.add(_release(size))
    module.add(_zeros(allocate))
    module.add(_resize(allocate, release, size))
    module.add(_trim(size))
    _write_empty(module, module.add(_new()))
    return module


def _class() -> Function:
    """The class of a size: eight per power of two."""
    f = Function("class_of", [("size", I64)], I64)
    last = f.larger(f["size"] + _HEAD, 4096) - 1
    high = 63 - _zeros_before(f, last)
    f.give((high << 3) + _shift(f, last, high - 3) - 7)
    return f


def _bytes() -> Function:
    """The bytes of a class's blocks."""
    f = Function("bytes_of", [("kind", I64)], I64)
    high = f.shifted(f["kind"], 3)
    f.give(_left(f, (f["kind"] & 7) + 8, high - 3))
    return f


def _zeros_before(f: Function, x: Value) -> Value:
    f.declared.add("declare i64 @llvm.ctlz.i64(i64, i1)")
    return f.emit(f"call i64 @llvm.ctlz.i64({x}, i1 true)", I64)


def _shift(f: Function, x: Value, n: Value) -> Value:
    return f.emit(f"lshr {x}, {n.name}", I64)


def _left(f: Function, x: Value, n: Value) -> Value:
    return f.emit(f"shl {x}, {n.name}", I64)


def _add(f: Function, what: int, x: Value | int) -> Value:
    place = f.shared("memory").at(what, I64)
    now: Value = f.load(place, I64) + x
    f.store(place, now)
    return now


def _allocate(kind: Function, size: Function) -> Function:
    f = Function("tapegrad_allocate", [("context", PTR), ("size", I64)], PTR, internal=False)
    what = f.run(kind, f["size"])
    block = f.variable(f.load(f.shared("lists").at(what, PTR), PTR))
    bytes = f.run(size, what)
    found = f.convert(block.get(), I64).ne(0)
    with f.when(found):
        f.store(f.shared("lists").at(what, PTR), f.load(block.get(), PTR))
        _add(f, _KEPT, -bytes)
        _add(f, _HITS, 1)
    with f.when(~found):
        _add(f, _MISSES, 1)
        large = bytes >= (_PAGE if sys.platform == "linux" else 1 << 62)
        align = f.select(large, f.value(_PAGE, I64), f.value(64, I64))
        count = f.load(f.shared("memory").at(_MISSES, I64), I64)
        shift = f.select(large, count % _SHIFTS * _SHIFT, f.value(0, I64))
        whole = (bytes + shift + align - 1) & -align
        start = f.call("aligned_alloc", PTR, align, whole)
        f.give_if(f.convert(start, I64).eq(0), 0)
        with f.when(large):
            full = (bytes + shift) & -_PAGE  # of a last page that is not full, little pages take less
            f.call("madvise", I32, start, full, f.value(_ADVICE, I32))
        block.set(start.at(shift, I8))
        f.store(block.get().at(1, I64), start)
    used = _add(f, _USED, bytes)
    with f.when(used > f.load(f.shared("memory").at(_PEAK, I64), I64)):
        f.store(f.shared("memory").at(_PEAK, I64), used)
    f.store(block.get(), what)
    f.give(block.get().at(_HEAD // 8, I64))
    return f


def _release(size: Function) -> Function:
    f = Function("tapegrad_release", [("context", PTR), ("data", PTR), ("size", I64)], internal=False)
    with f.when(f.convert(f["data"], I64).ne(0)):
        block = f["data"].at(-(_HEAD // 8), I64)
        what = f.load(block, I64)
        bytes = f.run(size, what)
        _add(f, _USED, -bytes)
        room = f.load(f.shared("memory").at(_KEPT, I64), I64) + bytes <= f.load(
            f.shared("memory").at(_LIMIT, I64), I64
        )
        with f.when(room):
            place = f.shared("lists").at(what, PTR)
            f.store(block, f.load(place, PTR))
            f.store(place, block)
            _add(f, _KEPT, bytes)
        with f.when(~room):
            f.call("free", VOID, f.load(block.at(1, I64), PTR))
    f.give()
    return f


def _zeros(allocate: Function) -> Function:
    parameters = [("context", PTR), ("n", I64), ("size", I64)]
    f = Function("tapegrad_zeros", parameters, PTR, internal=False)
    bytes = f["n"] * f["size"]
    data = f.run(allocate, f["context"], bytes)
    f.give_if(f.convert(data, I64).eq(0), 0)
    f.clear(data, bytes)
    f.give(data)
    return f


def _resize(allocate: Function, release: Function, size: Function) -> Function:
    parameters = [("context", PTR), ("data", PTR), ("size", I64)]
    f = Function("tapegrad_resize", parameters, PTR, internal=False)
    new = f.run(allocate, f["context"], f["size"])
    f.give_if(f.convert(new, I64).eq(0), 0)
    with f.when(f.convert(f["data"], I64).ne(0)):
        block = f["data"].at(-(_HEAD // 8), I64)
        held = f.run(size, f.load(block, I64)) - _HEAD
        f.copy(new, f["data"], f.smaller(held, f["size"]))
        f.run(release, f["context"], f["data"], held)
    f.give(new)
    return f


def _trim(size: Function) -> Function:
    """Set the limit, and give back what is kept beyond it; `memory`'s address."""
    f = Function("tapegrad_trim", [("limit", I64)], PTR, internal=False)
    f.store(f.shared("memory").at(_LIMIT, I64), f["limit"])
    with f.loop(0, _CLASSES) as what:
        place = f.shared("lists").at(what, PTR)
        with f.forever() as done:
            block = f.load(place, PTR)
            f.leave(done, f.convert(block, I64).eq(0))
            f.leave(done, f.load(f.shared("memory").at(_KEPT, I64), I64) <= f["limit"])
            f.store(place, f.load(block, PTR))
            _add(f, _KEPT, -f.run(size, what))
            f.call("free", VOID, f.load(block.at(1, I64), PTR))
    f.give(f.shared("memory"))
    return f


# ---- NumPy's side


class _Allocator(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free"))


class _Handler(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("allocator", _Allocator))


_SET_HANDLER = 304  # sets a thread's handler: its place in NumPy's table of functions
_state: dict[str, Any] = {}
allot: Any = (
    np.empty
)  # (shape, dtype): `empty` in machine code, once the tier is awake; ask for it by `memory.`


# What empty_py is bound to, a tuple: the function for all that it does not take, the handler, the types of
# arrays, tuples and whole numbers; and behind them the dtypes that it takes.
_OTHERWISE, _HANDLER, _ARRAY, _TUPLE, _INT, _KINDS = range(6)
PLAIN = [np.dtype(c) for c in "?bBhHiIlLefdFD"]
_AXES = 32  # at most
_ITEMS = tuple.__basicsize__ // 8  # words before a tuple's items


def _new() -> Function:
    """A new array of a dtype, with our memory if it is large; null with an error set if there is none."""
    parameters = [("handler", PTR), ("array", PTR), ("kind", PTR), ("axes", I64), ("sizes", PTR)]
    f = Function("tapegrad_empty", parameters, PTR, internal=False)
    size, null, zero = f.variable(f.value(1, I64)), f.value(0, PTR), f.value(0, I32)
    with f.loop(0, f["axes"]) as k:
        size.set(size.get() * f.load(f["sizes"].at(k, I64), I64))
    f.call("Py_IncRef", VOID, f["kind"])
    given = (f["array"], f["kind"], f.convert(f["axes"], I32), f["sizes"], null, null, zero, null)
    with f.when(size.get() < LEAST):
        f.give(f.call("tapegrad_new_array", PTR, *given))
    before = f.call("tapegrad_set_handler", PTR, f["handler"])
    new = f.call("tapegrad_new_array", PTR, *given)
    for handler in (f.call("tapegrad_set_handler", PTR, before), before):
        f.call("Py_DecRef", VOID, handler)
    f.give(new)
    return f


def _write_empty(module: Module, new: Function) -> None:
    """Add empty_py, which is NumPy's function with our memory for what is large."""
    f = Function("empty_py", [("self", PTR), ("args", PTR), ("count", I64)], PTR, internal=False)
    module.add(f)
    sizes = f.room(I64, _AXES)
    with f.forever() as otherwise:
        f.leave(otherwise, f["count"].ne(2))
        shape, kind = (f.load(f["args"].at(k, PTR), PTR) for k in (0, 1))
        known = f.variable(f.value(0, I64))
        with f.loop(0, len(PLAIN)) as k:
            known.set(known.get() | f.convert(_is(f, kind, _bound(f, k + _KINDS)), I64))
        f.leave(otherwise, known.get().eq(0))
        whole = _is(f, f.load(shape.at(call.TYPE // 8, I64), PTR), _bound(f, _INT))
        with f.when(~whole):
            f.leave(otherwise, ~_is(f, f.load(shape.at(call.TYPE // 8, I64), PTR), _bound(f, _TUPLE)))
        axes = f.variable(f.value(1, I64))
        with f.when(~whole):
            axes.set(f.load(shape.at(_ITEMS - 1, I64), I64))
        f.leave(otherwise, axes.get() > _AXES)
        items = f.select(whole, f["args"], shape.at(_ITEMS, PTR))
        with f.loop(0, axes.get()) as k:
            item = f.load(items.at(k, PTR), PTR)
            f.leave(otherwise, ~_is(f, f.load(item.at(call.TYPE // 8, I64), PTR), _bound(f, _INT)))
            n = f.call("PyLong_AsLongLong", I64, item)
            with f.when(n < 0):  # or too large, with an error set
                f.call("PyErr_Clear", VOID)
            f.leave(otherwise, n < 0)
            f.store(sizes.at(k, I64), n)
        f.give(f.run(new, _bound(f, _HANDLER), _bound(f, _ARRAY), kind, axes.get(), sizes))
    f.give(f.call("PyObject_Vectorcall", PTR, _bound(f, _OTHERWISE), f["args"], f["count"], f.value(0, PTR)))


def _bound(f: Function, k: Any) -> Value:
    """Item k of what the function is bound to."""
    return f.load(f["self"].at(_ITEMS, PTR).at(k, PTR), PTR)


def _is(f: Function, a: Value, b: Value) -> Value:
    return f.convert(a, I64).eq(f.convert(b, I64))


def start() -> None:
    """Make the handler. It keeps up to a quarter of the machine's memory, at most a GiB."""
    call.provide({"tapegrad_set_handler": call.numpy_function(_SET_HANDLER)})
    module = _module()
    found = target.compile("memory", module, _EXPORTS, call.symbols(module))
    addresses = dict(zip(_EXPORTS, found, strict=True))
    allocator = _Allocator(None, *[addresses[k] for k in _EXPORTS[:4]])
    handler = _Handler(b"tapegrad", 1, allocator)
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    capsule = new(ctypes.addressof(handler), b"mem_handler", None)
    for kept in (handler, capsule):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))  # arrays point at them for as long as they live
    _state["trim"] = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_int64)(addresses["tapegrad_trim"])
    bound = (_empty_as_asked, capsule, np.ndarray, tuple, int, *PLAIN)
    global allot
    allot = call.builtin(addresses["empty_py"], "empty", bound)
    _state["handler"] = capsule
    call.provide({"tapegrad_empty": addresses["tapegrad_empty"]})
    _state["limit"] = min(1 << 30, _machine_bytes() // 4)
    _state["words"] = _state["trim"](_state["limit"])


def _machine_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 32


def empty(shape: int | Sequence[int], dtype: Any) -> Any:
    """An array whose values are not set, in memory that is used again if it is large."""
    return allot(shape, dtype)


def handler() -> Any:
    """What tells NumPy to take our memory."""
    return _state["handler"]


_KNOWN = {kind: kind for kind in PLAIN}


def _empty_as_asked(shape: Any, dtype: Any) -> Any:
    """What empty_py does not take: numbers and dtypes in other words become those that it does, the rest is
    NumPy's, mistakes too."""
    try:
        sizes = tuple(map(index, shape)) if isinstance(shape, Sequence) else (index(shape),)
    except TypeError:
        sizes = (-1,)
    kind = _KNOWN.get(np.dtype(dtype))
    if kind is None or len(sizes) > _AXES or not all(0 <= n < 1 << 62 for n in sizes):
        return np.empty(shape, dtype)
    return empty(sizes, kind)


def stats() -> dict[str, int]:
    """Bytes that are kept for reuse, the limit, bytes in use and their peak; how often a block was found."""
    if "words" not in _state:
        return dict.fromkeys(NAMES, 0)
    return {name: ctypes.c_int64.from_address(_state["words"] + 8 * k).value for k, name in enumerate(NAMES)}


def release() -> None:
    """Give back what is kept."""
    if "trim" in _state:
        _state["trim"](0)
        _state["trim"](_state["limit"])
