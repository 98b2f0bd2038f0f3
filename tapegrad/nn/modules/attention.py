"""Attention in several heads as a module."""

from __future__ import annotations

from typing import Any

from tapegrad.nn import init
from tapegrad.nn.modules.linear import NonDynamicallyQuantizableLinear
from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import Parameter
from tapegrad.ops.create import empty
from tapegrad.ops.networks.multihead import multi_head_attention_forward
from tapegrad.ops.shape import transpose
from tapegrad.tensor import Tensor

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Means of values, weighted by how well their keys agree with each query, in several heads at once.

    Shapes: query [L, N, embed_dim], key [S, N, kdim], value [S, N, vdim] (N first with batch_first, or no N)
    -> [L, N, embed_dim] and weights [N, L, S].
    Source: torch.nn.MultiheadAttention.
    """

    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._check(embed_dim, num_heads)
        super().__init__()
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.batch_first, self.head_dim = batch_first, embed_dim // num_heads

        def parameter(*shape: int) -> Parameter:
            return Parameter(empty(shape, device=device, dtype=dtype))

        if self._qkv_same_embed_dim:
            self.in_proj_weight = parameter(3 * embed_dim, embed_dim)
        for name, n in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim)):
            weight = None if self._qkv_same_embed_dim else parameter(embed_dim, n)
            self.register_parameter(f"{name}_proj_weight", weight)
        if not self._qkv_same_embed_dim:
            self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", parameter(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, device=device, dtype=dtype
        )
        self.bias_k = parameter(1, 1, embed_dim) if add_bias_kv else None
        self.bias_v = parameter(1, 1, embed_dim) if add_bias_kv else None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _check(self, embed_dim: int, num_heads: int) -> None:
        given = f"MultiheadAttention: embed_dim is {embed_dim} and num_heads {num_heads}"
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(f"{given}; they must be positive.")
        if embed_dim % num_heads:
            raise AssertionError(f"{given}, which must divide it.")

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(the output, the weights or None); True in a bool mask is what may not be seen."""
        turned = self.batch_first and query.dim() == 3
        if turned:
            query, key, value = _turned(query, key, value)
        y, weights = multi_head_attention_forward(
            *(query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias),
            *(self.bias_k, self.bias_v, self.add_zero_attn, self.dropout),
            *(self.out_proj.weight, self.out_proj.bias, self.training),
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (transpose(y, 0, 1) if turned else y), weights


def _turned(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The three with the sequence first; which of them are one tensor stays as it is."""
    query = transpose(q, 0, 1)
    key = query if k is q else transpose(k, 0, 1)
    return query, key, key if v is k else transpose(v, 0, 1)
