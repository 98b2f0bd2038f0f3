"""Running totals along one axis. `back` runs from the last element to the first."""

from __future__ import annotations

import cmath
from math import exp, inf, isfinite, log, log1p, nan
from typing import Any

import numpy as np

from tapegrad.dtypes import INEXACT
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import zero
from tapegrad.kernels.reduce import FEW
from tapegrad.kernels.shape import places_up_to
from tapegrad.kernels.standing import awaited


def toward(dim: int) -> tuple[Any, ...]:
    """The index that turns the elements along `dim` around."""
    return (*(slice(None),) * dim, slice(None, None, -1))


# What torch adds up and multiplies these in.
_F8, _I8 = np.dtype("f8"), np.dtype("i8")
_WIDE = {"e": np.dtype("f4"), "f": _F8, "F": np.dtype("c16")}


def _run(ufunc: Any, x: Any, dim: int) -> Any:
    if not x.ndim:
        return x.copy()
    wide = x.astype(_WIDE.get(x.dtype.char, x.dtype))
    if ufunc is np.add and x.dtype.kind in INEXACT and not (x.ndim == 1 and x.size and x.item(0)):
        wide += zero(wide.dtype)  # -0 becomes 0: torch adds to a first 0
    y = ufunc.accumulate(wide, dim, wide.dtype, wide if wide.size > FEW else None)  # a new array is quicker
    return y if y.dtype is x.dtype else y.astype(x.dtype)


def cumsum(x: Any, dim: int, back: bool = False) -> Any:
    """Running sums."""
    if not back or not x.ndim:
        return _run(np.add, x, dim)
    i = toward(dim)
    return _run(np.add, x[i], dim)[i]


def cumprod(x: Any, dim: int) -> Any:
    """Running products."""
    return _run(np.multiply, x, dim)


@awaited
def logcumsumexp(x: Any, dim: int) -> Any:
    """The logarithm of running sums of exponentials. The imaginary part is that of the larger number, moved
    by less than a right angle at each step, as torch has it."""
    if not x.ndim:
        return x.copy()
    if x.dtype.kind == "c":
        y = _complex_logaddexp.accumulate(x.astype(object), axis=dim).astype(x.dtype)
        y.imag[y.real == -inf] = 0
        y[y != y] = complex(nan, nan)
        return y
    # in float64: a million steps in float32 lose a hundredth
    return np.logaddexp.accumulate(x.astype(_F8), dim).astype(x.dtype)


def _logaddexp(x: complex, y: complex) -> complex:
    """log(exp(x) + exp(y)) of Python's numbers: log(1 + exp(low - high)) + high."""
    low, high = (x, y) if x.real < y.real else (y, x)
    if low.real == -inf:
        return high
    turn = low.imag - high.imag
    if x != x or y != y or not isfinite(turn):
        return complex(nan, nan)
    z = cmath.rect(1.0 if low.real == inf else exp(low.real - high.real), turn)
    size = abs(1 + z)  # near 1, its logarithm is that of what z adds; near 0, log1p has no digits
    grown = log1p(2 * z.real + z.real * z.real + z.imag * z.imag) / 2 if size > 0.5 else log(size or 5e-324)
    return complex(high.real + grown, high.imag + cmath.phase(1 + z))


_complex_logaddexp = np.frompyfunc(_logaddexp, 2, 1)


def cummax_at(x: Any, dim: int) -> Any:
    """Where the running largest value is: the last of equals; nan counts as largest."""
    return _extreme_at(np.maximum, x, dim)


def cummin_at(x: Any, dim: int) -> Any:
    """Where the running smallest value is: the last of equals; nan counts as smallest."""
    return _extreme_at(np.minimum, x, dim)


_FEW = 32  # elements to go through in Python


def _extreme_at(ufunc: Any, x: Any, dim: int) -> Any:
    if not x.ndim:
        return np.int64(0)
    if x.ndim == 1 and 0 < x.size <= _FEW:
        return np.fromiter(_extreme_places(ufunc is np.maximum, x.tolist()), _I8, x.size)
    y = ufunc.accumulate(x, dim)
    hit = x == y
    if x.dtype.kind in INEXACT:
        hit |= x != x
    places = places_up_to(x.shape[dim])
    if dim < x.ndim - 1:
        places = places.reshape((-1, *(1,) * (x.ndim - 1 - dim)))
    return np.maximum.accumulate(hit * places, dim)


def _extreme_places(largest: bool, values: list[Any]) -> list[int]:
    """The same of a list."""
    at, best, places = 0, values[0], []
    for i, v in enumerate(values):
        if (v >= best if largest else v <= best) or v != v:
            at, best = i, v
        places.append(at)
    return places


def recur(a: Any, b: Any, dim: int, back: bool) -> Any:
    """y[i] = b[i] + a[i] y[i - 1] along `dim` (y[i + 1] if `back`), by doubling: log n passes.

    After k passes each element holds what its run of 2^k elements makes of it.
    """
    a, y = np.array(np.broadcast_to(a, b.shape)), np.array(b)
    lead, step = (slice(None),) * dim, 1
    while step < b.shape[dim]:
        late, early = (*lead, slice(step, None)), (*lead, slice(None, -step))
        here, there = (early, late) if back else (late, early)
        y[here] += a[here] * y[there]  # NumPy copies operands that overlap
        a[here] *= a[there]
        step *= 2
    return y


def shift(x: Any, dim: int, by: int) -> Any:
    """x moved along `dim` one place to the end (by=1) or to the start (by=-1), with a 0 in the gap."""
    y = np.zeros_like(x)
    late, early = ends(dim)
    to, of = (late, early) if by == 1 else (early, late)
    y[to] = x[of]
    return y


def ends(dim: int) -> tuple[Any, Any]:
    """The indices of all elements along `dim` but the first, and of all but the last."""
    lead = (slice(None),) * dim
    return (*lead, slice(1, None)), (*lead, slice(None, -1))


def diff(x: Any, dim: int) -> Any:
    """Each element less the one before; of bool whether they differ."""
    late, early = ends(dim)
    return x[late] - x[early] if x.dtype.kind != "b" else x[late] ^ x[early]


def undiff(g: Any, dim: int, size: int) -> Any:
    """The adjoint of `diff` of so many elements."""
    late, early = ends(dim)
    y = np.zeros((*g.shape[:dim], size, *g.shape[dim + 1 :]), g.dtype)
    if size < 2:
        return y
    y[late] = g
    y[early] -= g
    return y


def trapezoid(y: Any, dim: int, dx: float) -> Any:
    """The integral by the trapezoidal rule over points dx apart; 0 over nothing."""
    n = y.shape[dim]
    total = np.add.reduce(y, axis=dim)
    if not n:
        return total
    lead = (slice(None),) * dim
    return (total - (y[(*lead, 0)] + y[(*lead, n - 1)]) * y.dtype.type(0.5)) * y.dtype.type(dx)


def untrapezoid(g: Any, dim: int, dx: float, size: int) -> Any:
    """The adjoint of `trapezoid` over so many points."""
    y = np.empty((*g.shape[:dim], size, *g.shape[dim:]), g.dtype)
    y[...] = np.expand_dims(g * g.dtype.type(dx), dim)
    lead = (slice(None),) * dim
    y[(*lead, slice(1))] -= np.expand_dims(g * g.dtype.type(dx / 2), dim)
    y[(*lead, slice(-1, None))] -= np.expand_dims(g * g.dtype.type(dx / 2), dim)
    return y


nameless(globals())
