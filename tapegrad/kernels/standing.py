"""How other functions come to stand in for kernels: machine code, once the native tier is awake.

A kernel's function gets other code, which calls the stand-in: everybody who has imported the function calls
that from then on, and before it costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from threading import Lock
from types import CodeType, FunctionType
from typing import Any, TypeVar

from tapegrad._state import tier

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def place(body: FunctionType, f: Callable[..., Any]) -> None:
    """Let f(original, *arguments) be called for a body. It stands before anything else."""
    code = body.__code__
    original = FunctionType(code, body.__globals__, body.__name__, body.__defaults__)
    original.__kwdefaults__ = body.__kwdefaults__
    original.__doc__ = body.__doc__
    body.__kwdefaults__ = {"_fast": f, "_body": original}
    parameters = code.co_varnames[: code.co_argcount]
    body.__code__ = _behind(len(parameters)).replace(co_varnames=(*parameters, "_fast", "_body"))


@cache
def _behind(many: int) -> CodeType:
    """The code of a function of so many parameters that calls the stand-in. (A general one, of *args and
    **kwargs, takes 0.1 us more.)"""
    names = ", ".join(f"p{k}" for k in range(many))
    scratch: dict[str, Any] = {}
    exec(f"def behind({names}, *, _fast, _body): return _fast(_body, {names})", scratch)
    code: CodeType = scratch["behind"].__code__
    return code


def remove(body: FunctionType) -> None:
    """Take away what stands before a body."""
    before: FunctionType = (body.__kwdefaults__ or {})["_body"]
    body.__code__, body.__kwdefaults__ = before.__code__, before.__kwdefaults__


def stand_in(body: Any) -> Any:
    """What stands before everything else; None if nothing does."""
    return (body.__kwdefaults__ or {}).get("_fast")


def behind(body: Any) -> Any:
    """What a stand-in calls: a function with the body's former code; None if nothing stands before it."""
    return (body.__kwdefaults__ or {}).get("_body")


# ---- machine code from the first call on

# NumPy is slow there, as it takes many calls; and machine code rounds otherwise. So that a number does not
# change from one call to the next, the first call wakes the native tier.
_waiting: list[FunctionType] = []
_lock = Lock()


def at_once(kernel: Kernel) -> Kernel:
    """Mark the kernel of an elementwise op, which waits for its first call (see `define.base`)."""
    kernel.at_once = True  # type: ignore[attr-defined] # of a function
    return kernel


def awaited(body: Kernel) -> Kernel:
    """Decorate a kernel for which machine code has a stand-in."""
    place(body, partial(_first, body))  # type: ignore[arg-type] # a function
    _waiting.append(body)  # type: ignore[arg-type] # the same
    return body


def _first(body: Any, _original: Any, *args: Any) -> Any:
    tier.wake(large=False)
    settle()
    return body(*args)


def settle() -> None:
    """Nobody waits any more: the native tier is awake, or it cannot be."""
    with _lock:
        while _waiting:
            remove(_waiting.pop())
