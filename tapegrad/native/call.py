"""From Python into machine code: builtin functions that take arrays and numbers.

A call costs some tens of nanoseconds. The wrapper checks that what should be an array is one, aligned, and
writable if it is written to, and that numbers are numbers; a wrong argument raises. Dtypes, layouts and sizes
are the business of the Python function that calls it: a kernel believes them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from tapegrad.native import target
from tapegrad.native.ir import F64, I32, I64, PTR, VOID, Function, Module, Value

# Where things stand in objects of CPython and NumPy 2; `check_layout` compares them with what it finds.
TYPE, DATA, NDIM, DIMENSIONS, STRIDES, BASE, DESCR, FLAGS = 8, 16, 24, 32, 40, 48, 56, 64
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400
READ, WRITE, INT, DOUBLE = "r", "w", "i", "d"
_FASTCALL = 0x80

Write = Callable[["Body"], None]


def check_layout() -> None:
    """Compare the places above with real arrays. Raises: Unavailable if anything is somewhere else."""
    if ctypes.sizeof(ctypes.c_void_p) != 8 or object.__basicsize__ != 16:
        raise target.Unavailable("the interpreter's objects are laid out in another way")
    for a in (np.arange(24.0).reshape(2, 3, 4)[:, 1:], np.zeros((5, 3), np.float32), np.zeros(())):
        a.flags.writeable = a.ndim != 2
        place = id(a)

        def word(at: int, place: int = place) -> int:
            return int(ctypes.c_int64.from_address(place + at).value)

        dimensions = [ctypes.c_int64.from_address(word(DIMENSIONS) + 8 * k).value for k in range(a.ndim)]
        strides = [ctypes.c_int64.from_address(word(STRIDES) + 8 * k).value for k in range(a.ndim)]
        flags = ctypes.c_int32.from_address(place + FLAGS).value
        found = (
            word(TYPE) == id(np.ndarray),
            word(DATA) == a.__array_interface__["data"][0],
            ctypes.c_int32.from_address(place + NDIM).value == a.ndim,
            tuple(dimensions) == a.shape,
            tuple(strides) == a.strides,
            word(BASE) == (0 if a.base is None else id(a.base)),
            word(DESCR) == id(a.dtype),
            bool(flags & C_CONTIGUOUS) is a.flags.c_contiguous,
            bool(flags & ALIGNED) is a.flags.aligned,
            bool(flags & WRITEABLE) is a.flags.writeable,
        )
        if not all(found):
            raise target.Unavailable("NumPy's arrays are laid out in another way")


def write_data(module: Module) -> None:
    """Add tapegrad_data(object, flags): an array's memory, or null with an error set; and what it needs."""
    module.globals.append("@arrays = internal global [2 x ptr] zeroinitializer")
    f = Function("tapegrad_types", [("array", PTR), ("none", PTR)], internal=False)
    f.store(f.shared("arrays"), f["array"])
    f.store(f.shared("arrays").at(1, PTR), f["none"])
    f.give()
    module.add(f)
    f = Function("tapegrad_data", [("x", PTR), ("flags", I32)], PTR, internal=False)
    x = f["x"]
    for name, text in (("no_array", "an array is needed"), ("bad_array", "an aligned array is needed")):
        module.globals.append(f'@{name} = internal constant [{len(text) + 1} x i8] c"{text}\\00"')
    exact = f.load(x.at(TYPE // 8, I64), I64).eq(f.convert(f.load(f.shared("arrays"), PTR), I64))
    with f.when(~exact):
        error = f.load(Value(f, "@PyExc_TypeError", PTR), PTR)
        f.call("PyErr_SetString", VOID, error, f.shared("no_array"))
        f.give(0)
        f._start(f._label())
    flags = f.load(x.at(FLAGS // 4, I32), I32)
    with f.when((flags & f["flags"]).ne(f["flags"])):
        error = f.load(Value(f, "@PyExc_ValueError", PTR), PTR)
        f.call("PyErr_SetString", VOID, error, f.shared("bad_array"))
        f.give(0)
        f._start(f._label())
    f.give(f.load(x.at(DATA // 8, I64), PTR))
    module.add(f)
    f = Function("tapegrad_none", [], PTR, internal=False)
    none = f.load(f.shared("arrays").at(1, PTR), PTR)
    f.call("Py_IncRef", VOID, none)
    f.give(none)
    module.add(f)


class Body(Function):
    """A kernel: the parameters by name (`f["x"]`; numbers that are not integers are float64), and the part
    of the work it has to do: `low`, `high`, and `who` of the threads does it."""

    def __init__(self, name: str, parameters: list[tuple[str, str]]) -> None:
        given = [("context", PTR), ("low", I64), ("high", I64), ("who", I64)]
        super().__init__(f"{name}_body", given)
        context = super().__getitem__("context")
        self.low, self.high, self.who = (super(Body, self).__getitem__(k) for k in ("low", "high", "who"))
        self.given: dict[str, Value] = {}
        for k, (key, kind) in enumerate(parameters):
            t = {INT: I64, DOUBLE: F64}.get(kind, PTR)
            self.given[key] = self.load(context.at(k, I64), t)

    def __getitem__(self, name: str) -> Value:
        return self.given[name]


def build(
    name: str,
    parameters: str,
    write: Write,
    *,
    over: str = "",
    grain: int | str = 1,
    module: Module | None = None,
) -> Any:
    """The builtin function NAME(*arguments) of a kernel.

    parameters: "y:w x:r n:i c:d": arrays that are written, arrays that are read, integers, numbers.
    write(f) writes the kernel's body, which does the part from f.low to f.high of the integer parameter
    `over`; threads share it in chunks of at least `grain` (a number, or the name of a parameter). Without
    `over` one thread does all of it, from 0 to 1. module: what has functions that the body runs.
    """
    pairs = [(k, v) for k, _, v in (p.partition(":") for p in parameters.split())]
    module = module or Module()
    body = Body(name, pairs)
    write(body)
    body.give()
    module.add(body)
    module.add(_wrapper(name, pairs, over, grain, body))
    (address,) = target.compile(name, module, [f"{name}_py"], symbols(module))
    return builtin(address, name)


def _wrapper(
    name: str, parameters: list[tuple[str, str]], over: str, grain: int | str, body: Body
) -> Function:
    f = Function(f"{name}_py", [("self", PTR), ("args", PTR), ("count", I64)], PTR, internal=False)
    f.declared.add("@PyExc_TypeError = external global ptr")
    context = f.room(I64, len(parameters) + 1)
    with f.when(f["count"].ne(len(parameters))):
        error = f.load(Value(f, "@PyExc_TypeError", PTR), PTR)
        f.call("PyErr_SetNone", VOID, error)
        f.give(0)
        f._start(f._label())
    for k, (_, kind) in enumerate(parameters):
        _take(f, k, kind, context.at(k, I64))
    slots = {key: context.at(k, I64) for k, (key, _) in enumerate(parameters)}
    n = f.load(slots[over], I64) if over else f.value(1, I64)
    part = f.load(slots[grain], I64) if isinstance(grain, str) else f.value(grain, I64)
    code = Value(f, f"@{body.name}", PTR)
    long = n > part
    with f.when(long):  # other threads may run Python meanwhile
        thread = f.call("PyEval_SaveThread", PTR)
        f.call("tapegrad_parallel", VOID, code, context, n, part)
        f.call("PyEval_RestoreThread", VOID, thread)
    with f.when(~long), f.when(n > 0):
        zero = f.value(0, I64)
        f.invoke(code, VOID, context, zero, n, zero)
    f.give(f.call("tapegrad_none", PTR))
    return f


def _take(f: Function, k: int, kind: str, to: Value) -> None:
    """Put argument k at `to` as the kernel takes it, or return with an error."""
    given = f.load(f["args"].at(k, PTR), PTR)
    if kind == INT:
        x = f.call("PyLong_AsLongLong", I64, given)
        wrong = x.eq(-1)
    elif kind == DOUBLE:
        x = f.call("PyFloat_AsDouble", F64, given)
        wrong = x.eq(-1.0)
    else:
        flags = ALIGNED | (WRITEABLE if kind == WRITE else 0)
        x = f.call("tapegrad_data", PTR, given, f.value(flags, I32))
        wrong = f.convert(x, I64).eq(0)
    with f.when(wrong):
        failed = f.convert(f.call("PyErr_Occurred", PTR), I64).ne(0)
        f.give_if(failed, 0)
    f.store(to, x)


_runtime: dict[str, int] = {}


def symbols(module: Module) -> dict[str, int]:
    """The addresses of what a module declares and does not have: Python's functions and the runtime's."""
    found = {}
    for line in set().union(*(f.declared for f in module.functions)):
        name = line.partition("@")[2].partition("(")[0].partition(" ")[0]
        if name.startswith("Py"):
            found[name] = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
        elif name in _runtime:
            found[name] = _runtime[name]
    return found


def provide(addresses: dict[str, int]) -> None:
    """Functions that kernels may call by name."""
    _runtime.update(addresses)


class _Method(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_methods: list[_Method] = []  # builtins point at them for good


def builtin(address: int, name: str, self: Any = None) -> Any:
    """A Python function of machine code (self, arguments, how many)."""
    method = _Method(name.encode(), address, _FASTCALL, None)
    _methods.append(method)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return new(ctypes.addressof(method), self, None)
