"""Stand-ins that are machine code themselves: for kernels that look at no element, whose time would all be
Python's.

    @direct(kernels.shape.broadcast, lambda: (ndarray, tuple))
    def broadcast(f, otherwise):
        f.leave(otherwise, ~is_a(f, argument(f, 0), 0))
        ...
        f.give(y)

Who writes one gets arguments of any type, and has to look. What it leaves is the body's, mistakes too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad.native import call, target
from tapegrad.native.choice import Later, over
from tapegrad.native.ir import I64, PTR, Function, Module, Value
from tapegrad.native.small import begin, item, same

Writer = Callable[[Function, str], None]


def direct(body: Any, bound: Callable[[], tuple[Any, ...]]) -> Callable[[Writer], Any]:
    """Decorate what writes the machine code that stands in for a body: it leaves the block, or gives a new
    reference. bound() are types and other objects, which the code finds as items (see `is_a`, `small.item`).
    It is compiled when the stand-in takes its place."""

    def take(write: Writer) -> Any:
        return over(body)(Later(lambda: _made(body, write, bound()), write.__module__))

    return take


def _made(body: Any, write: Writer, bound: tuple[Any, ...]) -> Any:
    module, name = Module(), f"{body.__name__}_py"
    f = begin(module, name)
    with f.forever() as otherwise:
        f.leave(otherwise, f["count"].ne(body.__code__.co_argcount + 1))
        write(f, otherwise)
    rest = f["args"].at(1, PTR), f["count"] - 1
    f.give(f.call("PyObject_Vectorcall", PTR, f.load(f["args"], PTR), *rest, f.value(0, PTR)))
    (address,) = target.compile(name, module, [name], call.symbols(module))
    return call.builtin(address, body.__name__, bound)


def argument(f: Function, k: int) -> Value:
    """An argument of the body; the body itself is the one before."""
    return f.load(f["args"].at(k + 1, PTR), PTR)


def is_a(f: Function, x: Value, k: int) -> Value:
    """Whether x is of the type that is item k, and no subclass of it."""
    return same(f, f.load(x.at(call.TYPE // 8, I64), PTR), item(f, k))
