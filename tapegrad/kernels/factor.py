"""What NumPy's LAPACK lacks: LU factors with their pivots, triangular systems, the exponential of a matrix.

All of it runs on whole batches at once; leading axes broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

from tapegrad.kernels.arrange import tril, triu
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import shared

_solve: Any = getattr(import_module("numpy.linalg._umath_linalg"), "solve", None) or np.linalg.solve
_BLOCK = 32  # columns of a panel; the rest of the work is products of matrices


@shared
def eye(n: int, dtype: Any) -> Any:
    """The identity."""
    return np.eye(n, dtype=dtype)


@shared
def off_diagonal(n: int, dtype: Any) -> Any:
    """1 off the diagonal, 0 on it."""
    return np.asarray(1 - np.eye(n), dtype)


def triangle(x: Any, upper: bool, k: int = 0) -> Any:
    """x on and above diagonal k, or on and below it; 0 elsewhere (also where x is nan)."""
    return triu(x, k) if upper else tril(x, k)


# ---- several arrays as one: how an op with several results is recorded


def pack(arrays: Sequence[Any], core: Sequence[int]) -> Any:
    """Arrays of one batch, each with so many core axes, side by side along one axis."""
    lead = arrays[0].shape[: arrays[0].ndim - core[0]]
    dtype = np.result_type(*[a.dtype for a in arrays if a.dtype.kind in "fc"])
    flat = [a.reshape(*lead, prod(a.shape[len(lead) :])) for a in arrays]
    return np.concatenate([f.astype(dtype, copy=False) for f in flat], -1)


# ---- triangular systems


def solve_triangular(a: Any, b: Any, upper: bool, unit: bool) -> Any:
    """x with a x = b, of which only the triangle of a is read; unit: its diagonal is taken as 1.

    A zero on the diagonal gives inf and nan.
    """
    if not upper:  # turned by half a circle, the lower triangle is the upper one
        return solve_triangular(a[..., ::-1, ::-1], b[..., ::-1, :], True, unit)[..., ::-1, :]
    n = a.shape[-1]
    if n <= 2 * _BLOCK:
        return _solve_small(a, b, unit)
    h = n // 2
    low = solve_triangular(a[..., h:, h:], b[..., h:, :], True, unit)
    high = solve_triangular(a[..., :h, :h], b[..., :h, :] - np.matmul(a[..., :h, h:], low), True, unit)
    return np.concatenate([high, low], -2)


def _solve_small(a: Any, b: Any, unit: bool) -> Any:
    # LAPACK's LU of an upper triangle is that triangle, so that solving is back substitution.
    t = triangle(a, True)
    if unit:
        t = np.where(eye(t.shape[-1], np.dtype(bool)), t.dtype.type(1), t)
    y = _solve(t, b)
    return _substitute(t, b) if y.size and np.isnan(y).any() else y


def _substitute(t: Any, b: Any) -> Any:
    """Back substitution, which goes on after a zero on the diagonal."""
    n = t.shape[-1]
    lead = np.broadcast_shapes(t.shape[:-2], b.shape[:-2])
    y = np.array(np.broadcast_to(b, lead + b.shape[-2:]))
    for i in range(n - 1, -1, -1):
        y[..., i, :] /= t[..., i, i, None]
        y[..., :i, :] -= t[..., :i, i, None] * y[..., i, None, :]
    return y


# ---- LU


def lu(a: Any) -> tuple[Any, Any, Any]:
    """L below U in one matrix, the rows that were swapped (from 1, as LAPACK counts), and the permutation p
    with a[p] = L U."""
    *lead, m, n = a.shape
    k = min(m, n)
    x = a.reshape(prod(lead), m, n).copy()
    b = len(x)
    swaps = np.empty((b, k), np.int32)
    p = np.empty((b, m), np.intp)
    p[:] = np.arange(m)
    entries = np.arange(b)
    for start in range(0, k, _BLOCK):
        stop = min(start + _BLOCK, k)
        for j in range(start, stop):
            if b == 1:
                _eliminate_one(x[0], swaps[0], p[0], j, stop)
            else:
                _eliminate(x, swaps, p, entries, j, stop)
        if stop < n:
            top = x[:, start:stop, stop:] = solve_triangular(
                x[:, start:stop, start:stop], x[:, start:stop, stop:], False, True
            )
            x[:, stop:, stop:] -= np.matmul(x[:, stop:, start:stop], top)
    return x.reshape(a.shape), swaps.reshape(*lead, k), p.reshape(*lead, m)


def _eliminate(x: Any, swaps: Any, p: Any, entries: Any, j: int, stop: int) -> None:
    """Column j of a panel that ends before `stop`."""
    column = x[:, j:, j]
    size = np.abs(column.real) + np.abs(column.imag) if x.dtype.kind == "c" else np.abs(column)
    best = size.argmax(1) + j
    swaps[:, j] = best + 1
    if (best != j).any():
        row, at = x[entries, best], p[entries, best]
        x[entries, best], p[entries, best] = x[:, j], p[:, j]
        x[:, j], p[:, j] = row, at
    below = x[:, j + 1 :, j]
    if below.size:
        d = x[:, j, j, None]
        below /= np.where(d == 0, d.dtype.type(1), d)
        if j + 1 < stop:
            x[:, j + 1 :, j + 1 : stop] -= below[:, :, None] * x[:, j, None, j + 1 : stop]


def _eliminate_one(x: Any, swaps: Any, p: Any, j: int, stop: int) -> None:
    """The same for one matrix, with a third of the calls."""
    column = x[j:, j]
    size = np.abs(column.real) + np.abs(column.imag) if x.dtype.kind == "c" else np.abs(column)
    best = int(size.argmax()) + j
    swaps[j] = best + 1
    if best != j:
        row, at = x[best].copy(), p[best]
        x[best], p[best] = x[j], p[j]
        x[j], p[j] = row, at
    below, d = x[j + 1 :, j], x[j, j]
    if below.size and d != 0:
        below /= d
        if j + 1 < stop:
            x[j + 1 :, j + 1 : stop] -= np.multiply(below[:, None], x[j, j + 1 : stop])


def first_zero(lu: Any) -> Any:
    """Per entry the number of the first diagonal element of U that is 0, or 0."""
    d = lu.diagonal(0, -2, -1) == 0
    if not d.any():
        return np.zeros(d.shape[:-1], np.int32)
    return np.where(d.any(-1), d.argmax(-1) + 1, 0).astype(np.int32)


def permutation(swaps: Any, m: int) -> Any:
    """The permutation p with a[p] = L U, from the rows that were swapped."""
    k = swaps.shape[-1]
    flat = swaps.reshape(prod(swaps.shape[:-1]), k).astype(np.intp) - 1
    p = np.empty((len(flat), m), np.intp)
    p[:] = np.arange(m)
    entries = np.arange(len(flat))
    for j in range(k):
        other = p[entries, flat[:, j]]
        p[entries, flat[:, j]] = p[:, j]
        p[:, j] = other
    return p.reshape(*swaps.shape[:-1], m)


def permutation_matrix(p: Any, dtype: Any) -> Any:
    """P with a = P (a[p]): column i has its 1 in row p[i]."""
    return (np.arange(p.shape[-1])[:, None] == p[..., None, :]).astype(dtype)


# ---- the exponential


_PADE = (
    *(64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0),
    *(
        10559470521600.0,
        670442572800.0,
        33522128640.0,
        1323241920.0,
        40840800.0,
        960960.0,
        16380.0,
        182.0,
        1.0,
    ),
)
_REACH = 5.4  # the norm up to which the approximant of degree 13 is exact to rounding


def matrix_exp(a: Any) -> Any:
    """The exponential of square matrices. Source: Higham, The scaling and squaring method revisited
    (2005)."""
    if not a.size:
        return a.copy()
    if a.dtype.char == "e":
        return matrix_exp(a.astype(np.float32)).astype(a.dtype)
    norm = np.abs(a).sum(-2).max(-1)
    times = np.ceil(np.log2(np.where(np.isfinite(norm) & (norm > _REACH), norm / _REACH, 1)))
    x = a * np.exp2(-times)[..., None, None].astype(norm.dtype)
    c, one = _PADE, eye(a.shape[-1], a.dtype)
    x2 = np.matmul(x, x)
    x4 = np.matmul(x2, x2)
    x6 = np.matmul(x2, x4)
    odd = np.matmul(x6, c[13] * x6 + c[11] * x4 + c[9] * x2) + c[7] * x6 + c[5] * x4 + c[3] * x2 + c[1] * one
    u = np.matmul(x, odd)
    v = np.matmul(x6, c[12] * x6 + c[10] * x4 + c[8] * x2) + c[6] * x6 + c[4] * x4 + c[2] * x2 + c[0] * one
    y = _solve(v - u, v + u)
    for i in range(int(times.max())):
        y = np.where((times > i)[..., None, None], np.matmul(y, y), y)
    return y


nameless(globals())
