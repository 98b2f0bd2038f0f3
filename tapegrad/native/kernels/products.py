"""Which products of matrices are computed here: all that BLAS would share among threads of its own. Two pools
in one process wait for each other, and one of two cores that another process keeps busy stops BLAS, whose
threads have equal parts."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

import tapegrad.kernels.linalg as bodies
from tapegrad.kernels.errstate import nameless
from tapegrad.native.call import ALIGNED
from tapegrad.native.choice import DENSE, TYPES, over
from tapegrad.native.kernels.few import multiply_few
from tapegrad.native.kernels.gemm import multiply
from tapegrad.native.kernels.panels import LEAST_ROWS
from tapegrad.native.kernels.slim import is_slim, multiply_slim
from tapegrad.native.kernels.thin import LEAST as LEAST_THIN
from tapegrad.native.kernels.thin import is_thin, multiply_thin
from tapegrad.native.memory import empty

LEAST = 1 << 18  # multiplications; BLAS does fewer in one thread, and its call costs less
COLUMNS = 4  # with fewer, as with fewer rows, BLAS has kernels for what is nearly a vector


def _ready(x: Any) -> Any:
    """x itself if the rows or the columns of its matrices are contiguous, else a copy; None if it is not for
    here."""
    size, strides = x.itemsize, x.strides
    if type(x) is not np.ndarray or not x.flags.num & ALIGNED:
        return None
    for s in strides:
        if s % size:
            return None
    return x if strides[-1] == size or strides[-2] == size else np.ascontiguousarray(x)


@lru_cache(1000)
def _places(shape: tuple[int, ...], a: tuple[int, ...], b: tuple[int, ...]) -> Any:
    """How many elements behind the first each entry's matrices of a and b begin, given the steps."""
    found = np.zeros((*shape, 2), np.int64)
    for axis, n in enumerate(shape):
        steps = np.arange(n).reshape(-1, *(1,) * (len(shape) - axis))
        found += steps * np.array((a[axis], b[axis]))
    return found.reshape(-1)


def multiplied(a: Any, b: Any, c: Any = None, y: Any = None) -> Any:
    """a b + c, put into y if that is given, or None if it is not for here."""
    m, k = a.shape[-2:]
    n = b.shape[-1]
    t = TYPES.get(a.dtype)
    if t is None or a.dtype is not b.dtype:
        return None
    alone = a.ndim == 2 == b.ndim
    thin = alone and n > 1 and m * n >= LEAST_THIN and m >= LEAST_ROWS and is_thin(k, n, t)
    slim = alone and not thin and is_slim(m, k, n, t)
    tiles = m * n * k >= LEAST and n >= COLUMNS and m >= LEAST_ROWS
    if not (thin or slim or tiles) or b.shape[-2] != k:
        return None
    if c is not None and (c.dtype is not a.dtype or c.shape != (n,) or not c.flags.num & ALIGNED):
        return None
    a, b = _ready(a), _ready(b)
    if a is None or b is None:
        return None
    if alone:
        y = empty((m, n), a.dtype) if y is None else y
        if thin:
            multiply_thin(t, y, a, b, c)
        elif slim and multiply_slim(t, y, a, b, c):
            pass
        elif tiles:
            multiply(y, a, b, c)
        else:
            return None
        return y
    try:
        shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return None  # NumPy says what is wrong
    if not prod(shape):
        return None
    a, b = (np.broadcast_to(x, shape + x.shape[-2:]) for x in (a, b))
    steps = (tuple(s // x.itemsize for s in x.strides[:-2]) for x in (a, b))
    y, entry = empty((*shape, m, n), a.dtype), (0,) * len(shape)
    multiply(y, a[entry], b[entry], c, _places(shape, *steps))
    return y


@over(bodies.mm)
def mm(body: Any, a: Any, b: Any) -> Any:
    """Matrix times matrix."""
    y = multiplied(a, b) if a.ndim == 2 == b.ndim else None
    return body(a, b) if y is None else y


@over(bodies.matmul)
def matmul(body: Any, a: Any, b: Any) -> Any:
    """Matrix times matrix, for each entry of the leading axes."""
    y = None
    if a.ndim > 1 < b.ndim:
        y = multiplied(a, b)
        if y is None and (a.ndim > 2 or b.ndim > 2):
            y = multiply_few(a, b)
    return body(a, b) if y is None else y


@over(bodies.linear)
def linear(body: Any, x: Any, w: Any, b: Any = None) -> Any:
    """x w^T + b over the last axis of x."""
    if w.ndim != 2 or x.ndim < 2 or (b is not None and not b.flags.c_contiguous):
        return body(x, w, b)
    y = multiplied(x if x.ndim == 2 else x.reshape(-1, x.shape[-1]), w.T, b)
    if y is None:
        return body(x, w, b)
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], w.shape[0])


@over(bodies.product_into)
def product_into(body: Any, y: Any, a: Any, b: Any, c: Any = None) -> None:
    """y = a b + c, of matrices and a row."""
    fits = y.dtype is a.dtype and y.flags.num & DENSE == DENSE and (c is None or c.flags.c_contiguous)
    fits = fits and y.shape == (a.shape[0], b.shape[-1])
    if not fits or multiplied(a, b, c, y) is None:
        body(y, a, b, c)


@over(bodies.addmm)
def addmm(body: Any, c: Any, a: Any, b: Any, beta: float, alpha: float) -> Any:
    """c + a b, where c is a row."""
    if not (beta == 1 == alpha and c.ndim == 1 and c.flags.c_contiguous):
        return body(c, a, b, beta, alpha)
    y = multiplied(a, b, c)
    return body(c, a, b, beta, alpha) if y is None else y


nameless(globals())
