"""Numbers in sequence: counted, equally spaced, on a logarithmic scale."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tapegrad.kernels.arrange as A
from tapegrad._errors import describe
from tapegrad.define import offer
from tapegrad.dtypes import F8, I8, INEXACT, NARROW, number_dtype, of
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
    a = np.arange(n, dtype=I8 if whole else F8)
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
    return finished("linspace", values.astype(kind, copy=False), device, requires_grad, out)


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
    if isinstance(steps, (bool, float)) or not hasattr(steps, "__index__"):
        raise TypeError(f"{op}: steps is {steps!r}; an integer is needed.")
    if steps < 0:
        raise RuntimeError(f"{op}: steps is {steps}; 0 or more is needed.")
    first, last = _end(op, "start", start), _end(op, "end", end)
    wide = number_dtype(0.0 + first + last)
    kind = kind_of(dtype, op, wide)
    if wide.kind == "c" != kind.kind:
        raise RuntimeError(
            f"{op}: {first} to {last} is complex and dtype {of(kind)}; a complex one is needed."
        )
    narrow = kind.char in NARROW and op != "linspace"  # which torch rounds at every step
    exact = kind if kind.kind in INEXACT and not narrow else np.dtype("f4")
    a, b = exact.type(first), exact.type(last)
    by = (b - a) / exact.type(max(steps - 1, 1))
    if steps == 1:
        return np.full(1, a), kind
    return A.spaced(a, b, by, steps, exact), kind


def _end(op: str, what: str, x: Any) -> Any:
    """A number, or what a 0-d tensor holds."""
    if isinstance(x, Tensor):
        if x._a.ndim:
            raise RuntimeError(f"{op}: a tensor {describe(x)} is given; a number, or a 0-d one, is needed.")
        x = x.detach()
    return plain_number(x, op, what)


offer(globals(), functions="arange linspace logspace")
nameless(globals())
