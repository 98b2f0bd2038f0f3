"""Which kernel runs: machine code stands in for a NumPy body where it is faster.

    @over(kernels.loss.log_softmax)
    def log_softmax(body, x, dim):
        if not fits(x, LEAST): return body(x, dim)
        ...

Before the tier is awake this costs nothing (see `kernels.standing`). The file with a stand-in is imported
when its body is first called: until then something stands there that does it (`promise`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from threading import RLock
from types import FunctionType
from typing import Any

import numpy as np

from tapegrad.kernels import standing
from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import ALIGNED, C_CONTIGUOUS
from tapegrad.native.ir import F32, F64, Type

TYPES: dict[Any, Type] = {np.dtype(np.float32): F32, np.dtype(np.float64): F64}

DENSE = C_CONTIGUOUS | ALIGNED  # of an array's flags.num
_STARS = 0x0C  # of a code's flags: it takes *args or **kwargs
_stand_ins: list[tuple[FunctionType, Any]] = []
_promised: set[FunctionType] = set()
_few: set[Any] = set()  # the stand-ins for small arrays, which are asked first
_lock = RLock()


class Later:
    """A stand-in that is made when it takes its place: make() gives it."""

    def __init__(self, make: Callable[[], Callable[..., Any]], module: str) -> None:
        self.make, self.__module__ = make, module


def over(body: Any, few: bool = False) -> Callable[[Any], Any]:
    """Decorate f(body, *the body's arguments): it takes the place of a function of `tapegrad.kernels` once
    the tier is awake, and calls `body` for what it does not take itself. few: it is for small arrays."""

    def take(f: Any) -> Any:
        if type(body) is not FunctionType or body.__closure__ or body.__code__.co_flags & _STARS:
            raise TypeError(f"over: {body!r} is no plain function.")
        if few:
            _few.add(f)
        _stand_ins.append((body, f))
        return f

    return take


def install() -> None:
    """Let every stand-in take its place."""
    with _lock:
        while _stand_ins:
            body, f = _stand_ins.pop(0)
            _place(body, f.make() if isinstance(f, Later) else f)


def promise(bodies: Sequence[FunctionType], load: Callable[[], object]) -> None:
    """When one of these bodies is first called, call load(), which registers stand-ins for all of them."""

    def keep(body: FunctionType) -> None:
        with _lock:
            if body in _promised:
                load()
                install()
            if body in _promised:
                raise LookupError(f"promise: {load} has no stand-in for {body.__qualname__}.")

    for body in map(behind_few, bodies):
        standing.place(body, partial(_kept, keep, body))
        _promised.add(body)


def _kept(keep: Callable[[Any], None], body: Any, original: Any, *args: Any) -> Any:
    keep(body)
    return body(*args)


def behind_few(body: Any) -> Any:
    """The body as the stand-in for small arrays calls it, if there is one."""
    while standing.stand_in(body) in _few:
        body = standing.behind(body)
    return body


def _place(body: Any, f: Callable[..., Any]) -> None:
    """Let f be called for a body. It takes the place of a promise, and stands before anything else but what
    is for small arrays."""
    if f not in _few:
        body = behind_few(body)
        if body in _promised:
            _promised.remove(body)
            standing.remove(body)
    standing.place(body, f)


def original(kernel: Any) -> Any:
    """The NumPy body of a kernel, whether or not machine code stands in for it."""
    while body := standing.behind(kernel):  # several may stand before it
        kernel = body
    return kernel


def fits(*arrays: Any, least: int = 0) -> Type | None:
    """The type of arrays that machine code takes: float32 or float64, all the same, contiguous, the first
    with so many elements. None otherwise."""
    first = arrays[0]
    if type(first) is not np.ndarray or first.size < least:
        return None
    kind = first.dtype
    t = TYPES.get(kind)
    if t is None:
        return None
    for a in arrays:
        if type(a) is not np.ndarray or a.dtype is not kind or a.flags.num & DENSE != DENSE:
            return None
    return t


@lru_cache(1000)
def memory_order(strides: tuple[int, ...]) -> tuple[int, ...]:
    """The axes by their steps, the largest first: an array that is contiguous but for its axes' order is in
    row-major order then."""
    return tuple(sorted(range(len(strides)), key=lambda k: -strides[k]))


def whole(g: Any, x: Any) -> Any:
    """g in row-major order, if it is as large as x; else None, which does not fit."""
    return np.ascontiguousarray(g) if type(g) is np.ndarray and g.shape == x.shape else None


def rows(shape: Sequence[int], axis: int) -> tuple[int, int, int]:
    """(how many before the axis, along it, behind it) of a shape."""
    axis %= len(shape)
    before = behind = 1
    for k in shape[:axis]:
        before *= k
    for k in shape[axis + 1 :]:
        behind *= k
    return before, shape[axis], behind


nameless(globals())
