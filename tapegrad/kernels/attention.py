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


def _mask(q: Any, k: Any, mask: Any, causal: bool) -> Any:
    return above(q.shape[-2], k.shape[-2], q.dtype) if causal else mask


def attention(q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float) -> Any:
    """The values mixed by `weights`. causal: in place of a mask, query i sees keys 0 to i."""
    return np.matmul(weights(q, k, _mask(q, k, mask, causal), scale, True), v)


def attention_vjp(
    need: Any, g: Any, q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float
) -> tuple[Any, Any, Any]:
    """The cotangents of queries, keys and values; the weights are made again."""
    y = weights(q, k, _mask(q, k, mask, causal), scale, True)
    d = weights_back(np.matmul(g, v.swapaxes(-1, -2)), y) * q.dtype.type(scale)
    return np.matmul(d, k), np.matmul(d.swapaxes(-1, -2), q), np.matmul(y.swapaxes(-1, -2), g)


nameless(globals())
