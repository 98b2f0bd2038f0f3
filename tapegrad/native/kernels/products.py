"""Products of matrices: BLAS's, into memory that was used before. The pages of a new large array cost a tenth
of what computing it does."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.kernels.linalg as bodies
from tapegrad.kernels.errstate import nameless
from tapegrad.native.choice import TYPES, over
from tapegrad.native.memory import empty

LEAST = 1 << 15  # elements of a result; NumPy's own memory serves fewer from its lists


def _into(a: Any, b: Any) -> Any:
    """a b of two matrices, or None if it is not for here."""
    if type(a) is not np.ndarray or type(b) is not np.ndarray or a.ndim != 2 or b.ndim != 2:
        return None
    n, m = a.shape[0], b.shape[1]
    if n * m < LEAST or a.dtype is not b.dtype or a.dtype not in TYPES or a.shape[1] != b.shape[0]:
        return None
    return a.dot(b, empty((n, m), a.dtype))


@over(bodies.mm)
def mm(body: Any, a: Any, b: Any) -> Any:
    """Matrix times matrix."""
    y = _into(a, b)
    return body(a, b) if y is None else y


@over(bodies.matmul)
def matmul(body: Any, a: Any, b: Any) -> Any:
    """Matrix times matrix, for each entry of the leading axes."""
    if a.ndim == 2 == b.ndim:
        y = _into(a, b)
        return body(a, b) if y is None else y
    if a.ndim < 2 or b.ndim < 2 or a.size < LEAST or a.dtype is not b.dtype or a.dtype not in TYPES:
        return body(a, b)
    if a.shape[-1] == 1 or a.shape[-1] != b.shape[-2]:
        return body(a, b)
    shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    return np.matmul(a, b, empty(shape, a.dtype))


@over(bodies.linear)
def linear(body: Any, x: Any, w: Any, b: Any = None) -> Any:
    """x w^T + b over the last axis of x."""
    if w.ndim != 2 or x.ndim < 2 or x.dtype is not w.dtype or x.dtype not in TYPES:
        return body(x, w, b)
    m, k = w.shape
    if x.size // max(1, k) * m < LEAST or x.shape[-1] != k or type(x) is not np.ndarray:
        return body(x, w, b)
    y = empty((*x.shape[:-1], m), x.dtype)
    x.reshape(-1, k).dot(w.T, y.reshape(-1, m))
    if b is not None:
        y += b
    return y


nameless(globals())
