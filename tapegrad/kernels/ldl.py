"""LDL factors of symmetric and Hermitian matrices, in LAPACK's form: below its diagonal the multipliers of
each step, whose rows later steps do not swap. A pivot below 0 is one of a pair, whose block of D is 2 x 2.

Source: LAPACK's sytf2 and sytrs, of Bunch and Kaufman.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless

_ALPHA = (1 + sqrt(17)) / 8


def factor(a: Any, hermitian: bool) -> tuple[Any, Any]:
    """The factors in one matrix, and the pivots."""
    x = np.tril(a)
    pivots = np.zeros(a.shape[:-1], np.int32)
    bar = np.conj if hermitian else np.asarray
    for at in np.ndindex(a.shape[:-2]):
        _factor_one(x[at], pivots[at], bar)
    return x, pivots


def _factor_one(x: Any, pivots: Any, bar: Any) -> None:
    k, n = 0, len(x)
    diagonal = np.einsum("ii->i", x)  # a view
    while k < n:
        if bar is np.conj and x.dtype.kind == "c":
            diagonal.imag[k:] = 0  # rounding errors there would grow
        p, width = _choose(x, k)
        last = k + width - 1
        if p != last:
            _swap(x, k, last, p, width, bar)
        (_step_of_one if width == 1 else _step_of_two)(x, k, bar)
        pivots[k : k + width] = p + 1 if width == 1 else -(p + 1)
        k += width


def _choose(x: Any, k: int) -> tuple[int, int]:
    """The row to swap with, and whether one or two columns are done at once."""
    here, below = _size(x[k, k]), _size(x[k + 1 :, k])
    most = below.max(initial=0)
    if not max(here, most) > 0 or here >= _ALPHA * most:
        return k, 1
    best = k + 1 + int(below.argmax())
    row = max(_size(x[best, k:best]).max(), _size(x[best + 1 :, best]).max(initial=0))
    if here >= _ALPHA * most * (most / row):
        return k, 1
    return best, 1 if _size(x[best, best]) >= _ALPHA * row else 2


def _size(x: Any) -> Any:
    """The magnitude by which LAPACK chooses: of complex numbers the sum of both parts'."""
    return np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)


def _swap(x: Any, k: int, i: int, p: int, width: int, bar: Any) -> None:
    """Rows and columns i and p of the lower triangle that is left."""
    x[p + 1 :, [i, p]] = x[p + 1 :, [p, i]]
    middle = bar(x[i + 1 : p, i]).copy()
    x[i + 1 : p, i] = bar(x[p, i + 1 : p])
    x[p, i + 1 : p] = middle
    x[p, i] = bar(x[p, i])
    x[[i, p], [i, p]] = x[[p, i], [p, i]]
    if width == 2:
        x[[k + 1, p], k] = x[[p, k + 1], k]


def _step_of_one(x: Any, k: int, bar: Any) -> None:
    d = x[k, k]
    if d == 0:
        return
    v = x[k + 1 :, k].copy()
    x[k + 1 :, k] /= d
    x[k + 1 :, k + 1 :] -= np.tril(np.outer(x[k + 1 :, k], bar(v)))


def _block(x: Any, k: int, bar: Any) -> Any:
    d = x[k + 1, k]
    return np.array([[x[k, k], bar(d)], [d, x[k + 1, k + 1]]])


def _step_of_two(x: Any, k: int, bar: Any) -> None:
    v = x[k + 2 :, k : k + 2].copy()
    if v.size:
        w = np.linalg.solve(_block(x, k, bar).T, v.T).T
        x[k + 2 :, k + 2 :] -= np.tril(w.dot(bar(v).T))
        x[k + 2 :, k : k + 2] = w


def first_zero(x: Any, pivots: Any) -> Any:
    """Per entry the number of the first 1 x 1 block of D that is 0, or 0."""
    zero = (np.diagonal(x, axis1=-2, axis2=-1) == 0) & (pivots > 0)
    if not zero.shape[-1]:
        return np.zeros(zero.shape[:-1], np.int32)
    return np.where(zero.any(-1), zero.argmax(-1) + 1, 0).astype(np.int32)


def solve(x: Any, pivots: Any, b: Any, hermitian: bool) -> Any:
    """y with a y = b, from the factors of a."""
    lead = np.broadcast_shapes(x.shape[:-2], b.shape[:-2])
    y = np.array(np.broadcast_to(b, lead + b.shape[-2:]))
    x, pivots = np.broadcast_to(x, lead + x.shape[-2:]), np.broadcast_to(pivots, lead + pivots.shape[-1:])
    bar = np.conj if hermitian else np.asarray
    for at in np.ndindex(lead):
        _solve_one(x[at], pivots[at].tolist(), y[at], bar)
    return y


def _solve_one(x: Any, pivots: list[int], y: Any, bar: Any) -> None:
    steps, k = [], 0
    while k < len(pivots):
        width = 1 if pivots[k] > 0 else 2
        steps.append((k, k + width, abs(pivots[k]) - 1))
        k += width
    for k, end, p in steps:
        y[[end - 1, p]] = y[[p, end - 1]]
        y[end:] -= x[end:, k:end].dot(y[k:end])
        if end - k == 1:
            y[k] /= x[k, k]
        else:
            y[k:end] = np.linalg.solve(_block(x, k, bar), y[k:end])
    for k, end, p in reversed(steps):
        y[k:end] -= bar(x[end:, k:end]).T.dot(y[end:])
        y[[end - 1, p]] = y[[p, end - 1]]


nameless(globals())
