"""Numbers in sequence: counted, equally spaced, on a logarithmic scale."""

from __future__ import annotations

import math
from functools import lru_cache
from operator import index
from typing import Any

import numpy as np

import tapegrad.kernels.arrange as A
from tapegrad._errors import describe
from tapegrad._state import default
from tapegrad.define import offer
from tapegrad.dtypes import F4, F8, I8, INEXACT, NARROW, as_numpy, number_dtype, of
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.create import finished, kind_of, plain_number
from tapegrad.tensor import Tensor


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """start, start + step, ... below end; arange(n) counts from 0. Integers give int64, floats the default
    dtype.

    Raises: RuntimeError for a step of 0, or one that leads away from end; TypeError without an end.
    """
    if end is None:
        start, end = None, start
    if start is None:
        start = 0
    first, last = plain_number(start, "arange", "start"), plain_number(end, "arange", "end")
    by = plain_number(step, "arange", "step")
    if by == 0:
        raise RuntimeError("arange: step is 0; it must not be.")
    if (last - first) * by < 0:
        raise RuntimeError(
            f"arange: start is {first}, end is {last} and step is {by}; step must lead from start to end."
        )
    whole = isinstance(first, int) and isinstance(last, int) and isinstance(by, int)
    if not whole and not all(math.isfinite(x) for x in (first, last, by)):
        raise RuntimeError(f"arange: start is {first}, end is {last} and step is {by}; they must be finite.")
    n = -((first - last) // by) if whole else math.ceil((last - first) / by)
    kind = kind_of(dtype, "arange", I8 if whole else None)
    if kind.kind == "c":
        raise NotImplementedError("arange: dtype is complex; count in a real dtype and convert it.")
    if whole:
        a = A.counted(int(first), int(by), n)
    else:
        a = np.arange(n, dtype=F8)
        if by != 1 or first:
            a = a * by + first
    return finished("arange", a.astype(kind, copy=False), device, requires_grad, out)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` numbers from start to end, both included, equally spaced; counted from both ends, so that it is
    exact at both.

    Raises: RuntimeError for negative steps, TypeError for what is no number.
    """
    values, kind = _spaced("linspace", start, end, steps, dtype)
    if values.dtype is not kind:
        values = values.astype(kind, copy=False)
    return finished("linspace", values, device, requires_grad, out)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """base to the power of `steps` equally spaced numbers from start to end, both included.

    Raises: RuntimeError for negative steps, TypeError for what is no number.
    """
    powers, kind = _spaced("logspace", start, end, steps, dtype)
    values = powers.dtype.type(base) ** powers
    return finished("logspace", values.astype(kind, copy=False), device, requires_grad, out)


def _spaced(op: str, start: Any, end: Any, steps: int, dtype: Any) -> tuple[Any, Any]:
    """Equally spaced numbers in a dtype that is exact enough, and the dtype that is wanted."""
    if type(steps) is not int:
        if isinstance(steps, (bool, float)) or not hasattr(steps, "__index__"):
            raise TypeError(f"{op}: steps is {steps!r}; an integer is needed.")
        steps = index(steps)
    if steps < 0:
        raise RuntimeError(f"{op}: steps is {steps}; 0 or more is needed.")
    first, last = _end(op, "start", start), _end(op, "end", end)
    wanted = None if dtype is None else as_numpy(dtype, op)
    known = (type(first) is int or (first and type(first) is float)) and (
        type(last) is int or (last and type(last) is float)
    )
    plan = _plan if known else _plan.__wrapped__
    a, b, by, exact, kind = plan(op, first, last, steps, wanted, default.dtype)
    if steps == 1:
        return np.full(1, a, exact), kind
    return A.spaced(a, b, by, steps, exact), kind


@lru_cache(256)
def _plan(op: str, first: Any, last: Any, steps: int, wanted: Any, _usual: Any) -> tuple[Any, ...]:
    """The ends in a dtype that is exact enough, the distance of so many numbers from one to the other, that
    dtype, and the one that is wanted. Not to be kept of floats that are 0: their signs are not compared."""
    wide = number_dtype(0.0 + first + last)
    kind = wide if wanted is None else wanted
    if wide.kind == "c" != kind.kind:
        raise RuntimeError(
            f"{op}: {first} to {last} is complex and dtype {of(kind)}; a complex one is needed."
        )
    narrow = kind.char in NARROW and op != "linspace"  # which torch rounds at every step
    exact = kind if kind.kind in INEXACT and not narrow else F4
    a, b = exact.type(first), exact.type(last)
    by = (b - a) / exact.type(max(steps - 1, 1))
    if exact.kind != "V":  # with a Python number bfloat16 would become float32
        by = by.item()
    return a.item(), b.item(), by, exact, kind


def _end(op: str, what: str, x: Any) -> Any:
    """A number, or what a 0-d tensor holds."""
    if type(x) is float:
        return x or (x if math.copysign(1.0, x) < 0 else 0)  # which has no sign
    if type(x) is int:
        return x
    if isinstance(x, Tensor):
        if x._a.ndim:
            raise RuntimeError(f"{op}: a tensor {describe(x)} is given; a number, or a 0-d one, is needed.")
        x = x.detach()
    return plain_number(x, op, what)


offer(globals(), functions="arange linspace logspace")
nameless(globals())
