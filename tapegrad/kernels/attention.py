"""Attention: how much each query takes of each value."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless


@lru_cache(maxsize=4)
def above(rows: int, columns: int, dtype: Any) -> Any:
    """-inf above the diagonal, else 0: what keeps a query from keys that come later."""
    y = np.triu(np.full((rows, columns), -np.inf, "f4"), 1).astype(dtype)
    y.flags.writeable = False
    return y


def weights(q: Any, k: Any, mask: Any, scale: float, safe: bool) -> Any:
    """softmax(scale q k^T + mask) over the keys. safe: a query that no key is left for takes nothing, instead
    of nan."""
    y = np.matmul(q * q.dtype.type(scale), k.swapaxes(-1, -2))
    if mask is not None:
        y = np.add(y, mask, out=y if np.broadcast_shapes(y.shape, mask.shape) == y.shape else None)
    if not y.size:
        return y
    top = np.maximum.reduce(y, axis=-1, keepdims=True)
    if safe:
        np.maximum(top, np.finfo(y.dtype).min, out=top)
    y -= top
    np.exp(y, y)
    total = np.add.reduce(y, axis=-1, keepdims=True)
    if safe:
        np.maximum(total, np.finfo(y.dtype).tiny, out=total)
    y *= 1 / total
    return y


def weights_back(g: Any, y: Any) -> Any:
    """The cotangent of what softmax is taken of."""
    d = g - np.einsum("...i,...i->...", g, y)[..., None]
    d *= y
    return d


nameless(globals())
