"""Attention in several heads, with the projections before and behind it."""

from __future__ import annotations

from math import sqrt
from typing import Any

from tapegrad._errors import describe, say_once, sizes
from tapegrad.define import offer
from tapegrad.dtypes import B1, FLOATING
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.create import zeros
from tapegrad.ops.linalg import matmul
from tapegrad.ops.networks.attention import additive, attention_weights, scaled_dot_product_attention
from tapegrad.ops.networks.dropout import dropout
from tapegrad.ops.nn import linear
from tapegrad.ops.parts import chunk, split, unbind
from tapegrad.ops.shape import cat, expand, permute, reshape, squeeze, unsqueeze
from tapegrad.ops.shuffle import constant_pad_nd
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

_MHA = "multi_head_attention_forward"


def numbers(mask: Tensor | None, name: str, other: Tensor | None, dtype: Any) -> Tensor | None:
    """A mask as numbers to add; True in a bool one is what may not be seen.

    Raises: AssertionError for another dtype.
    """
    if mask is None:
        return None
    if mask._kind is not B1 and mask._kind.kind not in FLOATING:
        raise AssertionError(f"{_MHA}: {name} is {describe(mask)}; bool or a floating point dtype is needed.")
    if other is not None and other._kind is not mask._kind:
        say_once(f"{_MHA}: {name} is {mask.dtype} and the other mask {other.dtype}; make both of one dtype.")
    return additive(mask, dtype, keep=False)


def _batched(q: Tensor, k: Tensor, v: Tensor, padding: Any, mask: Any, heads: int, causal: bool) -> bool:
    """Whether there is a batch. Raises: AssertionError for other numbers of dimensions."""
    if causal and mask is None:
        raise RuntimeError(f"{_MHA}: is_causal is a hint and attn_mask is None; give the mask, too.")
    n = need_tensor(q, _MHA, "query")._a.ndim
    dims = {need_tensor(k, _MHA, "key")._a.ndim, need_tensor(v, _MHA, "value")._a.ndim, n}
    if n not in (2, 3) or len(dims) > 1:
        raise AssertionError(
            f"{_MHA}: query is {sizes(q._a.shape)}, key {sizes(k._a.shape)} and value {sizes(v._a.shape)}; "
            "[L, N, E] for all, or [L, E] for all, is needed."
        )
    if padding is not None and padding._a.ndim != n - 1:
        needed = "[N, S]" if n == 3 else "[S]"
        raise AssertionError(f"{_MHA}: key_padding_mask is {sizes(padding._a.shape)}; {needed} is needed.")
    if mask is not None and mask._a.ndim not in (2, 3):
        raise AssertionError(
            f"{_MHA}: attn_mask is {sizes(mask._a.shape)}; [L, S] or [N * heads, L, S] is needed."
        )
    own = (heads, q._a.shape[0], k._a.shape[0])
    if n == 2 and mask is not None and mask._a.ndim == 3 and mask._a.shape != own:
        raise AssertionError(f"{_MHA}: attn_mask is {sizes(mask._a.shape)}; {sizes(own)} is needed.")
    return bool(n == 3)


def _check_widths(q: Tensor, k: Tensor, v: Tensor, width: int, heads: int, separate: bool) -> None:
    if q._a.shape[-1] != width or width % heads:
        raise AssertionError(
            f"{_MHA}: query is {sizes(q._a.shape)}, embed_dim {width} and num_heads {heads}; query's last "
            "size must be embed_dim, and num_heads must divide it."
        )
    if k._a.shape[:2] != v._a.shape[:2] or (not separate and k._a.shape != v._a.shape):
        raise AssertionError(
            f"{_MHA}: key is {sizes(k._a.shape)} and value {sizes(v._a.shape)}; they must be equal."
        )


# ---- [L, N, E] to heads [N, heads, L, E / heads]


def _heads(t: Tensor, heads: int) -> Tensor:
    n, batch, width = t._a.shape
    return permute(reshape(t, (n, batch, heads, width // heads)), (1, 2, 0, 3))


def _joined(t: Tensor) -> Tensor:
    n, heads, rows, width = t._a.shape
    return reshape(permute(t, (2, 0, 1, 3)), (rows, n, heads * width))


def _several_heads(t: Tensor, several: int, heads: int) -> Any:
    """Projections that were made in one product."""
    n, batch, width = t._a.shape
    wide = reshape(t, (n, batch, several, heads, width // several // heads))
    return unbind(permute(wide, (2, 1, 3, 0, 4)))


def _packed(q: Tensor, k: Tensor, v: Tensor, w: Any, b: Any, heads: int) -> Any:
    """Queries, keys and values by one matrix [3 E, E], in as few products as there are different inputs."""
    if w is None:
        raise AssertionError(f"{_MHA}: in_proj_weight is None and use_separate_proj_weight False.")
    width = q._a.shape[-1]
    if k is v and q is k:
        return _several_heads(linear(q, w, b), 3, heads)
    if k is v:
        wq, wk = split(w, [width, 2 * width])
        bq, bk = (None, None) if b is None else split(b, [width, 2 * width])
        return _heads(linear(q, wq, bq), heads), *_several_heads(linear(k, wk, bk), 2, heads)
    return _separate(q, k, v, chunk(w, 3), b, heads)


def _projected(q: Tensor, k: Tensor, v: Tensor, three: Any, w: Any, b: Any, heads: int) -> Any:
    """Queries, keys and values in heads; an input without a batch is a batch of one."""
    if q._a.ndim == 2:
        q, k, v = _with_batch(q, k, v)
    return _packed(q, k, v, w, b, heads) if three is None else _separate(q, k, v, three, b, heads)


def _separate(q: Tensor, k: Tensor, v: Tensor, ws: Any, b: Any, heads: int) -> Any:
    bs = (None,) * 3 if b is None else chunk(b, 3)
    width = q._a.shape[-1]
    for name, t, w in zip(("q", "k", "v"), (q, k, v), ws, strict=True):
        if w is None or w._a.shape != (width, t._a.shape[-1]):
            raise AssertionError(
                f"{_MHA}: {name}_proj_weight is {'None' if w is None else sizes(w._a.shape)}; "
                f"{sizes((width, t._a.shape[-1]))} is needed."
            )
    return [_heads(linear(t, w, c), heads) for t, w, c in zip((q, k, v), ws, bs, strict=True)]


def _given(t: Tensor, name: str, like: Tensor) -> Tensor:
    """static_k or static_v in heads."""
    n, heads, _, width = like._a.shape
    if t._a.shape[0] != n * heads or t._a.shape[2] != width:
        raise AssertionError(f"{_MHA}: {name} is {sizes(t._a.shape)}; [{n * heads}, S, {width}] is needed.")
    return reshape(t, (n, heads, t._a.shape[1], width))


def _longer(t: Tensor, by: Any) -> Tensor:
    """Keys or values with one more: a learned one, or zeros."""
    n, heads, _, width = t._a.shape
    if by is None:
        return cat([t, zeros(n, heads, 1, width, dtype=t.dtype)], 2)
    return cat([t, expand(reshape(by, (1, heads, 1, width)), (n, heads, 1, width))], 2)


# ---- masks


def _sized(mask: Tensor | None, n: int, heads: int, rows: int, columns: int) -> Tensor | None:
    """The mask, to be added to [N, heads, L, S]. Raises: RuntimeError for another shape."""
    if mask is None or mask._a.shape == (rows, columns):
        return mask
    if mask._a.shape == (n * heads, rows, columns):
        return reshape(mask, (n, heads, rows, columns))
    raise RuntimeError(
        f"{_MHA}: attn_mask is {sizes(mask._a.shape)}; [{rows}, {columns}] or "
        f"[{n * heads}, {rows}, {columns}] is needed."
    )


def _merged(mask: Tensor | None, padding: Tensor | None, shape: tuple[int, int], more: int) -> Tensor | None:
    """Both masks as one, for some keys more than they know, which all may see; shape: [N, S] with these."""
    if more:
        mask = None if mask is None else constant_pad_nd(mask, [0, more])
        padding = None if padding is None else constant_pad_nd(padding, [0, more])
    if padding is None:
        return mask
    if padding._a.shape != shape:
        raise AssertionError(
            f"{_MHA}: key_padding_mask is {sizes((padding._a.shape[0], padding._a.shape[1] - more))}; "
            f"{sizes((shape[0], shape[1] - more))} is needed."
        )
    wide = reshape(padding, (shape[0], 1, 1, shape[1]))
    return wide if mask is None else mask + wide


# ---- the whole


def _mixed(
    qkv: Any, mask: Tensor | None, p: float, causal: bool, need_weights: bool
) -> tuple[Tensor, Tensor | None]:
    """The values' means [N, heads, L, E / heads], and the weights if they are asked for."""
    q, k, v = qkv
    if not need_weights:
        return scaled_dot_product_attention(q, k, v, mask, p, causal and mask is None), None
    weights = attention_weights(q, k, mask, 1 / sqrt(q._a.shape[-1]))
    weights = dropout(weights, p) if p > 0 else weights
    return matmul(weights, v), weights


def _extended(k: Tensor, v: Tensor, biases: Any, statics: Any, zero: bool) -> tuple[Tensor, Tensor]:
    """Keys and values with the learned ones and zeros that were asked for, or those given instead."""
    (bias_k, bias_v), (static_k, static_v) = biases, statics
    if (bias_k is None) != (bias_v is None):
        raise AssertionError(f"{_MHA}: one of bias_k and bias_v is given; both or none are needed.")
    if bias_k is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError(f"{_MHA}: bias_k and static_k or static_v are given; leave one out.")
        k, v = _longer(k, bias_k), _longer(v, bias_v)
    k = k if static_k is None else _given(static_k, "static_k", k)
    v = v if static_v is None else _given(static_v, "static_v", v)
    return (_longer(k, None), _longer(v, None)) if zero else (k, v)


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What nn.MultiheadAttention computes: (the output, the weights or None).

    Shapes: query [L, N, E], key [S, N, Ek], value [S, N, Ev], or all without N; in_proj_weight [3 E, E], or
    the three of use_separate_proj_weight; key_padding_mask [N, S], attn_mask [L, S] or [N * heads, L, S] ->
    [L, N, E] and [N, L, S], or [N, heads, L, S] without average_attn_weights.
    is_causal: a hint that attn_mask is the causal one.
    Raises: AssertionError, or RuntimeError for attn_mask, for what does not fit together.
    """
    masks = key_padding_mask, attn_mask
    batched = _batched(query, key, value, *masks, num_heads, is_causal)
    _check_widths(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    three = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _projected(query, key, value, three, in_proj_weight, in_proj_bias, num_heads)
    k, v = _extended(k, v, (bias_k, bias_v), (static_k, static_v), add_zero_attn)
    causal = is_causal and key_padding_mask is None and not need_weights
    mask = None if causal else _mask(masks, q, k, key._a.shape[0], batched)
    y, weights = _mixed((q, k, v), mask, dropout_p if training else 0.0, causal, need_weights)
    y = linear(_joined(y), out_proj_weight, out_proj_bias)
    weights = weights.mean(1) if weights is not None and average_attn_weights else weights
    return (y, weights) if batched else (squeeze(y, 1), None if weights is None else squeeze(weights, 0))


def _with_batch(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The three with a batch of one; which of them are one tensor stays as it is."""
    query = unsqueeze(q, 1)
    key = query if k is q else unsqueeze(k, 1)
    return query, key, key if v is k else unsqueeze(v, 1)


def _mask(masks: Any, q: Tensor, k: Tensor, known: int, batched: bool) -> Tensor | None:
    """Both masks as one to add to [N, heads, L, S]; known: how many keys they speak of."""
    padding = numbers(masks[0], "key_padding_mask", masks[1], q._kind)
    mask = numbers(masks[1], "attn_mask", None, q._kind)
    n, heads, rows, _ = q._a.shape
    if padding is not None and not batched:
        padding = unsqueeze(padding, 0)
    columns = k._a.shape[2]
    return _merged(_sized(mask, n, heads, rows, known), padding, (n, columns), columns - known)


offer(globals(), functions=_MHA, namespace="nn")
nameless(globals())
