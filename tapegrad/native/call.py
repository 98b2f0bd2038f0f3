"""From Python into machine code: builtin functions that take arrays and numbers.

A call costs some tens of nanoseconds. The wrapper checks that what should be an array is one, aligned, and
writable if it is written to, and that numbers are numbers; a wrong argument raises. Dtypes, layouts and sizes
are the business of the Python function that calls it: a kernel believes them.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from tapegrad.native import target
from tapegrad.native.ir import F64, I8, I32, I64, PTR, VOID, Function, Module, Value

# Where things stand in objects of CPython and NumPy 2; `check_layout` compares them with what it finds.
TYPE, DATA, NDIM, DIMENSIONS, STRIDES, BASE, DESCR, FLAGS = 8, 16, 24, 32, 40, 48, 56, 64
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400
WRITE, INT, DOUBLE = "w", "i", "d"  # of a parameter; anything else is an array that is read
_KINDS = {INT: I64, DOUBLE: F64}
_FASTCALL = 0x80

Write = Callable[["Body"], None]


def check_layout() -> None:
    """Compare the places above with real arrays. Raises: Unavailable if anything is somewhere else."""
    if ctypes.sizeof(ctypes.c_void_p) != 8 or object.__basicsize__ != 16:
        raise target.Unavailable("the interpreter's objects are laid out in another way")
    pair, content = (check_layout, np), b"content"
    item = ctypes.c_int64.from_address(id(pair) + tuple.__basicsize__ + 8).value
    if item != id(np) or ctypes.string_at(id(content) + _BYTES, len(content)) != content:
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


def numpy_function(place: int) -> int:
    """The address of a function of NumPy's by its place in the table that NumPy has for C programs."""
    table = import_module("numpy._core._multiarray_umath")._ARRAY_API
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(ctypes.cast(pointer(table, None), ctypes.POINTER(ctypes.c_void_p))[place] or 0)


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
    exact = f.load(x.at(TYPE // 8, I64), I64).eq(f.convert(f.load(f.shared("arrays"), PTR), I64))
    with f.when(~exact):
        _fail(f, module, "TypeError", "an array is needed")
    flags = f.load(x.at(FLAGS // 4, I32), I32)
    with f.when((flags & f["flags"]).ne(f["flags"])):
        _fail(f, module, "ValueError", "an aligned array is needed, and a writable one to write to")
    f.give(f.load(x.at(DATA // 8, I64), PTR))
    module.add(f)
    module.globals.append("@calls = internal global i64 0")
    f = Function("tapegrad_count", [("n", I64)], I64, internal=False)
    f.store(f.shared("calls"), f.load(f.shared("calls"), I64) + f["n"])
    f.give(f.load(f.shared("calls"), I64))
    module.add(f)
    f = Function("tapegrad_array_type", [], PTR, internal=False)
    f.give(f.load(f.shared("arrays"), PTR))
    module.add(f)
    f = Function("tapegrad_none", [], PTR, internal=False)
    none = f.load(f.shared("arrays").at(1, PTR), PTR)
    f.call("Py_IncRef", VOID, none)
    f.give(none)
    module.add(f)


def _fail(f: Function, module: Module, error: str, text: str) -> None:
    """Set a Python error, and return null."""
    name = f"text_{len(module.globals)}"
    module.globals.append(f'@{name} = internal constant [{len(text) + 1} x i8] c"{text}\\00"')
    f.declared.add(f"@PyExc_{error} = external global ptr")
    f.call("PyErr_SetString", VOID, f.load(f.shared(f"PyExc_{error}"), PTR), f.shared(name))
    f.give(0)


class Body(Function):
    """A kernel: the parameters by name (`f["x"]`; numbers that are not integers are float64), and the part
    of the work it has to do: `low`, `high`, and `who` of the threads does it."""

    def __init__(self, name: str, parameters: list[tuple[str, str]]) -> None:
        given = [("context", PTR), ("low", I64), ("high", I64), ("who", I64)]
        super().__init__(f"{name}_body", given, internal=False)
        context = super().__getitem__("context")
        self.context = context
        self.low, self.high, self.who = (super(Body, self).__getitem__(k) for k in ("low", "high", "who"))
        self.given: dict[str, Value] = {}
        for k, (key, kind) in enumerate(parameters):
            t = _KINDS.get(kind, PTR)
            self.given[key] = self.load(context.at(k, I64), t)

    def __getitem__(self, name: str) -> Value:
        return self.given[name]

    def set(self, name: str, x: Value) -> None:
        """Change a parameter for the bodies that run from now on."""
        self.store(self.context.at(list(self.given).index(name), I64), x)

    def share(self, body: Body, n: Any, grain: Any) -> None:
        """Let the threads run another body with the same parameters, over 0 ... n."""
        values = (self.value(x, I64) for x in (n, grain))
        self.call("tapegrad_parallel", VOID, Value(self, f"@{body.name}", PTR), self.context, *values)


def named(parameters: str) -> list[tuple[str, str]]:
    """Names and kinds of "y:w x:r n:i c:d"."""
    return [(name, kind) for name, _, kind in (p.partition(":") for p in parameters.split())]


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
    `over`; threads share it in chunks of at least `grain` (a number, or the name of a parameter; ALONE: one
    thread does all of it, and may share parts of it out itself). Without `over` it is done from 0 to 1.
    module: what has functions that the body runs.
    """
    pairs = named(parameters)
    module = module or Module()
    body = Body(name, pairs)
    write(body)
    body.give()
    module.add(body)
    (address,) = target.compile(name, module, [body.name], symbols(module))
    places = {key: k for k, (key, _) in enumerate(pairs)}
    if len(pairs) > _MOST:
        raise ValueError(f"build: {name} has {len(pairs)} parameters; {_MOST} are possible.")
    facts = (
        address,
        len(pairs),
        places[over] if over else -1,
        places[grain] if isinstance(grain, str) else -1,
        0 if isinstance(grain, str) else grain,
    )
    kinds = "".join(kind for _, kind in pairs).encode()
    return builtin(_runtime["tapegrad_call"], name, struct.pack("<5q", *facts) + kinds)


class Step(NamedTuple):
    """A step of a kernel: its name, what writes it, the integer parameter that it goes over, and the grain (a
    number, or the name of a parameter)."""

    name: str
    write: Write
    over: str
    grain: int | str = 1


def build_steps(name: str, parameters: str, steps: Sequence[Step]) -> Any:
    """The builtin of a kernel of several steps, one after the other, each shared by all threads."""
    module, bodies = Module(), []
    for step in steps:
        body = Body(f"{name}_{step.name}", named(parameters))
        step.write(body)
        body.give()
        module.add(body)
        bodies.append((body, step))

    def all_of_it(f: Body) -> None:
        for body, step in bodies:
            f.share(body, f[step.over], f[step.grain] if isinstance(step.grain, str) else step.grain)

    return build(name, parameters, all_of_it, grain=ALONE, module=module)


def provided(name: str, parameters: str, write: Callable[[Function], None]) -> str:
    """The name of a function that kernels may call; it is compiled once for all of them. parameters: "to:w
    n:i c:d", addresses, integers and numbers."""
    kinds = [(key, _KINDS.get(kind, PTR)) for key, kind in named(parameters)]
    f = Function(name, kinds, internal=False)
    write(f)
    f.give()
    module = Module()
    module.add(f)
    (address,) = target.compile(name, module, [name], symbols(module))
    provide({name: address})
    return name


def run(f: Function, name: str, *args: Value | int) -> None:
    """A call of such a function."""
    f.call(name, VOID, *[f.value(x, I64) for x in args])


ALONE = -1  # a grain
_MOST = 64  # parameters of a kernel
_BYTES = bytes.__basicsize__ - 1  # where the content of a bytes object begins


def write_call(module: Module) -> None:
    """Add tapegrad_call(self, args, count), the function behind all kernels: the arguments' memory and
    numbers into a table, and the body, by the threads if it is long. `self` is a bytes object: what `build`
    knows of the kernel."""
    take = module.add(_take())
    f = Function("tapegrad_call", [("self", PTR), ("args", PTR), ("count", I64)], PTR, internal=False)
    context = f.room(I64, _MOST)
    facts = f["self"].at(_BYTES // 8, I64)
    code, count, over, share, grain = (f.load(facts.at(k, I64), PTR if k == 0 else I64) for k in range(5))
    with f.when(f["count"].ne(count)):
        _fail(f, module, "TypeError", "another number of arguments is needed")
    with f.loop(0, count) as k:
        kind = f.load(facts.at(5, I64).at(k, I8), I8)
        wrong = f.run(take, f.load(f["args"].at(k, PTR), PTR), kind, context.at(k, I64))
        f.give_if(wrong.ne(0), 0)
    n, part = f.variable(f.value(1, I64)), f.variable(grain)
    with f.when(over >= 0):
        n.set(f.load(context.at(over, I64), I64))
    with f.when(share >= 0):
        part.set(f.load(context.at(share, I64), I64))
    f.call("tapegrad_count", I64, f.value(1, I64))
    long = n.get() > part.get()
    with f.when(long):  # other threads may run Python meanwhile
        thread = f.call("PyEval_SaveThread", PTR)
        alone, zero = part.get() < 0, f.value(0, I64)
        with f.when(alone):
            f.invoke(code, VOID, context, zero, n.get(), zero)
        with f.when(~alone):
            f.call("tapegrad_parallel", VOID, code, context, n.get(), part.get())
        f.call("PyEval_RestoreThread", VOID, thread)
    with f.when(~long & (n.get() > 0)):
        zero = f.value(0, I64)
        f.invoke(code, VOID, context, zero, n.get(), zero)
    f.give(f.call("tapegrad_none", PTR))
    module.add(f)


def _take() -> Function:
    """Put an argument at `to` as a kernel takes it; 1 with an error set if it cannot be."""
    f = Function("take", [("given", PTR), ("kind", I8), ("to", PTR)], I64)
    for kind, convert, t in ((INT, "PyLong_AsLongLong", I64), (DOUBLE, "PyFloat_AsDouble", F64)):
        with f.when(f["kind"].eq(ord(kind))):
            x = f.call(convert, t, f["given"])
            f.store(f["to"], x)
            with f.when(x.eq(-1)):  # a number, or an error
                f.give_if(f.convert(f.call("PyErr_Occurred", PTR), I64).ne(0), 1)
            f.give(0)
    flags = f.select(f["kind"].eq(ord(WRITE)), f.value(ALIGNED | WRITEABLE, I32), f.value(ALIGNED, I32))
    data = f.call("tapegrad_data", PTR, f["given"], flags)
    f.store(f["to"], data)
    f.give(f.select(f.convert(data, I64).eq(0), f.value(1, I64), f.value(0, I64)))
    return f


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


def builtin(address: int, name: str, self: Any = None) -> Any:
    """A Python function of machine code (self, arguments, how many)."""
    return bound(address, name, self)[0]


def bound(address: int, name: str, self: Any) -> tuple[Any, Any]:
    """(the same, its definition, whose `function` may be changed)."""
    method = _Method(name.encode(), address, _FASTCALL, None)
    # Builtins point at it for as long as they live, which may be longer than this module at exit.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(method))
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return new(ctypes.addressof(method), self, None), method
