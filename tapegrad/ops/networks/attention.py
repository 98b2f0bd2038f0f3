"""Attention: values that are mixed by how well queries and keys agree."""

from __future__ import annotations

from math import inf, prod, sqrt
from typing import Any

import numpy as np

import tapegrad.kernels as K
import tapegrad.kernels.attention as A
from tapegrad._errors import describe, sizes
from tapegrad.define import OUT, cast, composite, offer, opaque
from tapegrad.dtypes import B1, F4, F8, FLOATING
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.arrange import repeat_interleave
from tapegrad.ops.linalg import matmul
from tapegrad.ops.networks.dropout import dropout
from tapegrad.ops.pointwise import where
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap

_SDPA = "scaled_dot_product_attention"


def _body(F: Any, q: Any, k: Any, mask: Any, scale: float, safe: bool) -> Any:
    s = F.matmul(q * scale, F.mT(k))
    s = s if mask is None else s + mask
    if not safe or mask is None or not s.shape[-1]:
        return F.softmax(s, -1)
    gone = F.amax(s, (-1,), True) == -inf
    return F.where(gone, 0.0, F.softmax(F.where(gone, 0.0, s), -1))


def _vjp(F: Any, g: Any, saved: Any, meta: Any, need: Any) -> Any:
    """The cotangents of queries, keys and mask."""
    y, q, k, _ = saved
    shapes, scale, _ = meta
    d = A.weights_back(g, y) if F is K else y * (g - F.sum(g * y, (-1,), True))
    gq = None if need[0] is None else F.sum_to(F.matmul(d, k * scale), shapes[0])
    gk = None if need[1] is None else F.sum_to(F.matmul(F.mT(d), q * scale), shapes[1])
    return gq, gk, None if need[2] is None else F.sum_to(d, shapes[2])


_weights = opaque(
    "attention_weights",
    A.weights,
    d=(None, None, None),
    saves=((OUT, 1), (OUT, 0), (OUT,)),
    optional=(2,),
    body=_body,
    vjp=_vjp,
    title="SoftmaxBackward0",
)


def attention_weights(
    query: Tensor, key: Tensor, mask: Tensor | None, scale: float, safe: bool = False
) -> Tensor:
    """softmax(scale * query key^T + mask) over the keys: how much each query takes of each value.

    Shapes: query [..., L, E], key [..., S, E], mask broadcasts to the result [..., L, S]. safe: a query that
    the mask leaves no key takes nothing, instead of nan.
    """
    result: Tensor = _weights(query, key, mask, scale, safe)
    return result


@composite(_SDPA, 3, (A.attention, A.attention_vjp), "ScaledDotProductFlashAttentionForCpuBackward0")
def _attention(F: Any, q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float) -> Any:
    if causal:
        mask = A.above(q.shape[-2], k.shape[-2], q._a.dtype)
    return F.matmul(_weights(q, k, None if mask is None else wrap(mask), scale, True), v)


_MANY = 1 << 14  # weights from which one node that keeps none of them is worth its code


def _fused(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, scale: float) -> Tensor | None:
    """Attention with many weights in one step, which keeps none of them; None for others."""
    a, b, c = q._a, k._a, v._a
    if not type(a) is type(b) is type(c) is np.ndarray or (q._kind is not F4 and q._kind is not F8):
        return None
    lead = a.shape[:-2]
    if lead != b.shape[:-2] or lead != c.shape[:-2] or prod(a.shape[:-1]) * b.shape[-2] < _MANY:
        return None
    if mask is None:
        return _attention(q, k, v, None, causal, scale)
    m, shape = mask._a, (*lead, a.shape[-2], b.shape[-2])
    if mask.requires_grad or type(m) is not np.ndarray or np.broadcast_shapes(m.shape, shape) != shape:
        return None
    return _attention(q, k, v, m, False, scale)


def additive(mask: Tensor, dtype: Any, keep: bool = True) -> Tensor:
    """A mask as numbers to add: a bool one is 0 where it is `keep` and -inf elsewhere; others as they are."""
    if mask._kind is not B1:
        return mask
    zero, low = wrap(dtype.type(0)), wrap(dtype.type(-inf))
    added: Tensor = where(mask, zero, low) if keep else where(mask, low, zero)
    return added


def _check(q: Tensor, k: Tensor, v: Tensor, mask: Any, dropout_p: float, is_causal: bool) -> None:
    """Raises: RuntimeError for what does not fit together."""
    shapes = f"query is {describe(q)}, key {describe(k)} and value {describe(v)}"
    if min(t._a.ndim for t in (q, k, v)) < 2:
        raise RuntimeError(f"{_SDPA}: {shapes}; two dimensions or more are needed.")
    if not q._kind is k._kind is v._kind or q._kind.kind not in FLOATING:
        raise RuntimeError(f"{_SDPA}: {shapes}; they must be of one floating point dtype.")
    if q._a.shape[-1] != k._a.shape[-1] or k._a.shape[-2] != v._a.shape[-2]:
        raise RuntimeError(f"{_SDPA}: {shapes}; [..., L, E], [..., S, E] and [..., S, V] are needed.")
    if mask is not None and is_causal:
        raise RuntimeError(f"{_SDPA}: attn_mask and is_causal=True are given; give one of them.")
    if mask is not None and need_tensor(mask, _SDPA, "attn_mask")._kind not in (B1, F4, q._kind):
        raise RuntimeError(f"{_SDPA}: attn_mask is {describe(mask)}; bool, float32 or {q.dtype} is needed.")
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"{_SDPA}: dropout_p is {dropout_p}; 0 to 1 is needed.")


def _repeated(t: Tensor, heads: int) -> Tensor:
    """Keys or values for so many heads of queries, each of which serves several."""
    own = t._a.shape[-3]
    if heads % own:
        raise RuntimeError(f"{_SDPA}: query has {heads} heads and key or value {own}; they must divide them.")
    return t if own == heads else repeat_interleave(t, heads // own, -3)


def _of_several(op: str, *ts: Tensor) -> None:
    if min(t._a.ndim for t in ts) < 3:
        shown = ", ".join(sizes(t._a.shape) for t in ts)
        raise IndexError(f"{op}: {shown} are given; with enable_gqa three dimensions or more are needed.")


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(scale * query key^T + attn_mask) value: a mean of values, weighted by how well their keys agree
    with the query.

    Shapes: query [..., L, E], key [..., S, E], value [..., S, V] -> [..., L, V]; attn_mask broadcasts to
    [..., L, S]: True where a query may see a key, or a number to add. is_causal: query i sees keys 0 to i.
    scale: 1 / sqrt(E) unless given. dropout_p: the part of the weights that is dropped, whatever the mode.
    enable_gqa: a head (dimension -3) of keys and values may serve several of queries.
    Raises: RuntimeError for shapes or dtypes that do not fit, or a mask and is_causal.
    Source: A. Vaswani et al., "Attention Is All You Need" (2017).
    """
    given = {"query": query, "key": key, "value": value}
    q, k, v = [need_tensor(t, _SDPA, name) for name, t in given.items()]
    _check(q, k, v, attn_mask, dropout_p, is_causal)
    if enable_gqa:
        _of_several(_SDPA, q, k, v)
        k, v = _repeated(k, q._a.shape[-3]), _repeated(v, q._a.shape[-3])
    mask = None if attn_mask is None else additive(attn_mask, q._kind)
    if mask is not None and mask._kind is not q._kind:
        mask = cast(mask, q._kind)
    by = 1 / sqrt(q._a.shape[-1]) if scale is None and q._a.shape[-1] else (scale or 0.0)
    if not dropout_p:
        try:
            fused = _fused(q, k, v, mask, is_causal, float(by))
        except ValueError:  # shapes that do not fit, which are named below
            fused = None
        if fused is not None:
            return fused
    if is_causal:
        mask = wrap(A.above(q._a.shape[-2], k._a.shape[-2], q._kind))
    try:
        y = attention_weights(q, k, mask, float(by), True)
        return matmul(dropout(y, dropout_p) if dropout_p else y, v)
    except ValueError:
        masked = "" if attn_mask is None else f", attn_mask {sizes(attn_mask._a.shape)}"
        raise RuntimeError(
            f"{_SDPA}: query is {sizes(q._a.shape)}, key {sizes(k._a.shape)}, value {sizes(v._a.shape)}"
            f"{masked}; their leading dimensions, and [L, S] of the mask, must broadcast."
        ) from None


offer(globals(), functions=_SDPA, rules="attention_weights", namespace="nn")
nameless(globals())
