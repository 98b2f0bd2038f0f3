"""Matrix products. For two matrices `dot` is BLAS at once, where `matmul` first spends 1 us on its loop
dimensions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless


def mm(a: Any, b: Any) -> Any:
    """Matrix times matrix."""
    return a.dot(b)


def mv(a: Any, x: Any) -> Any:
    """Matrix times vector."""
    return a.dot(x)


def dot(x: Any, y: Any) -> Any:
    """The inner product of two vectors."""
    return x.dot(y)


def outer(x: Any, y: Any) -> Any:
    """Column times row."""
    return np.multiply(x.reshape(-1, 1), y)


def matmul(a: Any, b: Any) -> Any:
    """Matrix times matrix, for each entry of the leading axes."""
    if a.ndim <= 2 and b.ndim <= 2:
        return a.dot(b)
    if a.shape[-1] == 1 == b.shape[-2]:  # outer products: NumPy's matmul takes four times as long
        return np.multiply(a, b)
    return np.matmul(a, b)


def linear(x: Any, w: Any, b: Any = None) -> Any:
    """x w^T + b over the last axis of x."""
    if x.ndim <= 2:
        y = x.dot(w.T)
    else:  # NumPy's dot reaches BLAS only with matrices
        y = x.reshape(-1, x.shape[-1]).dot(w.T).reshape(x.shape[:-1] + w.shape[:-1])
    if b is not None:
        y += b
    return y


def product_into(y: Any, a: Any, b: Any, c: Any = None) -> None:
    """y = a b + c, of matrices and a row."""
    np.matmul(a, b, y)
    if c is not None:
        y += c


def addmm(c: Any, a: Any, b: Any, beta: float, alpha: float) -> Any:
    """beta c + alpha a b; what has the factor 0 is not read (a nan there must not spread)."""
    y = mm(a, b) if alpha else np.zeros((a.shape[0], b.shape[1]), a.dtype)
    if alpha != 1:
        y *= y.dtype.type(alpha)
    if beta == 0:
        return y
    y += c if beta == 1 else c * y.dtype.type(beta)
    return y


def kron(x: Any, y: Any) -> Any:
    """The Kronecker product."""
    a, b, whole = kron_shapes(x.shape, y.shape)
    return (x.reshape(a) * y.reshape(b)).reshape(whole)


@lru_cache(1000)
def kron_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The shapes in which the product of two arrays has all products of their elements, and that of the
    Kronecker product. Missing leading axes are 1."""
    n = max(len(a), len(b))
    pairs = list(zip((1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b, strict=True))
    first, second = tuple([k for p, _ in pairs for k in (p, 1)]), tuple([k for _, q in pairs for k in (1, q)])
    return first, second, tuple([p * q for p, q in pairs])


nameless(globals())
