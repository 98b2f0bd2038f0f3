"""Transformers: layers of attention and of two linear maps, and stacks of them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from math import inf
from typing import Any

from tapegrad._errors import choices, sizes
from tapegrad._state import grad_enabled
from tapegrad.nn import init
from tapegrad.nn.modules.activation import GELU, MultiheadAttention, ReLU
from tapegrad.nn.modules.container import ModuleList
from tapegrad.nn.modules.dropout import Dropout
from tapegrad.nn.modules.linear import Linear
from tapegrad.nn.modules.module import Module
from tapegrad.nn.modules.normalization import LayerNorm
from tapegrad.ops.arrange import triu
from tapegrad.ops.create import full
from tapegrad.ops.networks.activations import gelu, relu
from tapegrad.ops.networks.multihead import numbers
from tapegrad.ops.pointwise import where
from tapegrad.tensor import Tensor

__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

Activation = str | Callable[[Tensor], Tensor]


def _square_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
    return triu(full((sz, sz), -inf, dtype=dtype, device=device), 1)


def _is_causal(mask: Tensor | None, hint: bool | None, x: Tensor, batch_first: bool) -> bool:
    """The hint, or whether the mask is the causal one."""
    if hint is not None or mask is None:
        return bool(hint)
    n = x.shape[1 if batch_first and x.dim() == 3 else 0]
    causal = _square_mask(n, dtype=mask.dtype)
    return mask.shape == causal.shape and bool((mask == causal).all())


def _activation(given: Activation) -> Callable[[Tensor], Tensor]:
    """The function of a name. Raises: RuntimeError for an unknown one."""
    if not isinstance(given, str):
        return given
    known: dict[str, Callable[[Tensor], Tensor]] = {"relu": relu, "gelu": gelu}
    if given not in known:
        raise RuntimeError(f"Transformer: activation is {given!r}; {choices(known)} is needed.")
    return known[given]


class _Layer(Module):
    """What both kinds of layers share: self-attention, two linear maps, normalisations, dropout."""

    activation: Callable[[Tensor], Tensor]

    def _make(
        self, names: tuple[str, ...], sizes_: tuple[int, int, int], p: float, flags: Any, kinds: Any
    ) -> None:
        """names: of the attentions; each of them, and the linear maps, have a norm and a dropout."""
        (d, heads, width), (eps, batch_first, norm_first, bias) = sizes_, flags
        for name in names:
            attention = MultiheadAttention(d, heads, p, bias, batch_first=batch_first, **kinds)
            setattr(self, name, attention)
        self.linear1 = Linear(d, width, bias, **kinds)
        self.dropout = Dropout(p)
        self.linear2 = Linear(width, d, bias, **kinds)
        self.norm_first = norm_first
        for i in range(len(names) + 1):
            setattr(self, f"norm{i + 1}", LayerNorm(d, eps, bias=bias, **kinds))
        for i in range(len(names) + 1):
            setattr(self, f"dropout{i + 1}", Dropout(p))

    def _sa_block(
        self, x: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, is_causal: bool = False
    ) -> Tensor:
        y = self.self_attn(
            *(x, x, x, key_padding_mask, False, attn_mask),
            is_causal=is_causal,
        )[0]
        return self.dropout1(y)  # type: ignore[no-any-return] # a Module's result

    def _linears(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))  # type: ignore[no-any-return] # as above


class TransformerEncoderLayer(_Layer):
    """Self-attention, then two linear maps with an activation between; each is added to what it is given.

    Shapes: [L, N, d_model], [N, L, d_model] with batch_first, or [L, d_model].
    norm_first: normalise before each part instead of behind the sum.
    Source: torch.nn.TransformerEncoderLayer.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        flags, kinds = (layer_norm_eps, batch_first, norm_first, bias), {"device": device, "dtype": dtype}
        self._make(("self_attn",), (d_model, nhead, dim_feedforward), dropout, flags, kinds)
        f = _activation(activation)
        self.activation_relu_or_gelu = (
            1 if f is relu or isinstance(f, ReLU) else 2 if f is gelu or isinstance(f, GELU) else 0
        )
        self.activation = f

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """The layer's output; True in a bool mask is what may not be seen."""
        masks = src_mask, src_key_padding_mask, is_causal
        if self.norm_first:
            x = src + self._sa_block(self.norm1(src), *masks)
            return x + self._ff_block(self.norm2(x))
        x = self.norm1(src + self._sa_block(src, *masks))
        return self.norm2(x + self._ff_block(x))  # type: ignore[no-any-return] # a Module's result

    def _ff_block(self, x: Tensor) -> Tensor:
        return self.dropout2(self._linears(x))  # type: ignore[no-any-return] # a Module's result


class TransformerDecoderLayer(_Layer):
    """TransformerEncoderLayer with attention to an encoder's output between its two parts.

    Source: torch.nn.TransformerDecoderLayer.
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        flags, kinds = (layer_norm_eps, batch_first, norm_first, bias), {"device": device, "dtype": dtype}
        names = ("self_attn", "multihead_attn")
        self._make(names, (d_model, nhead, dim_feedforward), dropout, flags, kinds)
        self.activation = _activation(activation)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The layer's output; memory: what the encoder gave."""
        own = tgt_mask, tgt_key_padding_mask, tgt_is_causal
        others = memory_mask, memory_key_padding_mask, memory_is_causal
        if self.norm_first:
            x = tgt + self._sa_block(self.norm1(tgt), *own)
            x = x + self._mha_block(self.norm2(x), memory, *others)
            return x + self._ff_block(self.norm3(x))
        x = self.norm1(tgt + self._sa_block(tgt, *own))
        x = self.norm2(x + self._mha_block(x, memory, *others))
        return self.norm3(x + self._ff_block(x))  # type: ignore[no-any-return] # a Module's result

    def _mha_block(
        self,
        x: Tensor,
        mem: Tensor,
        attn_mask: Tensor | None,
        key_padding_mask: Tensor | None,
        is_causal: bool = False,
    ) -> Tensor:
        y = self.multihead_attn(
            *(x, mem, mem, key_padding_mask, False, attn_mask),
            is_causal=is_causal,
        )[0]
        return self.dropout2(y)  # type: ignore[no-any-return] # a Module's result

    def _ff_block(self, x: Tensor) -> Tensor:
        return self.dropout3(self._linears(x))  # type: ignore[no-any-return] # a Module's result


class TransformerEncoder(Module):
    """Copies of a TransformerEncoderLayer, one behind the other. Source: torch.nn.TransformerEncoder."""

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = ModuleList([deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm
        self.enable_nested_tensor, self.mask_check = enable_nested_tensor, mask_check
        self.use_nested_tensor = enable_nested_tensor and _packs(encoder_layer)

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """The last layer's output. In evaluation and without a graph, torch leaves out what
        src_key_padding_mask pads the ends of entries with, if it can; their output is 0 then, also here."""
        padding = numbers(src_key_padding_mask, "src_key_padding_mask", mask, src._kind)
        mask = numbers(mask, "mask", None, src._kind)
        first: Any = self.layers[0]
        causal = _is_causal(mask, is_causal, src, first.self_attn.batch_first)
        x = src
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        if padding is not None and mask is None and self.use_nested_tensor and self._leaves_out(src, padding):
            x = where((padding != 0).unsqueeze(-1), 0.0, x)
        return x if self.norm is None else self.norm(x)

    def _leaves_out(self, src: Tensor, padding: Tensor) -> bool:
        first: Any = self.layers[0]
        if first.training or src.dim() != 3:
            return False
        if grad_enabled() and (src.requires_grad or any(p.requires_grad for p in first.parameters())):
            return False
        hidden = padding != 0
        return not self.mask_check or not bool((hidden[:, :-1] & ~hidden[:, 1:]).any())


def _packs(layer: Module) -> bool:
    """Whether torch leaves padding out for a layer: a look at attributes that users may change."""
    if not isinstance(layer, TransformerEncoderLayer):
        return False
    attention, norms = layer.self_attn, (layer.norm1, layer.norm2)
    return bool(
        not layer.norm_first
        and attention.batch_first
        and attention._qkv_same_embed_dim
        and attention.in_proj_bias is not None
        and layer.activation_relu_or_gelu
        and norms[0].eps == norms[1].eps
        and attention.num_heads % 2 == 0
    )


class TransformerDecoder(Module):
    """Copies of a TransformerDecoderLayer, one behind the other. Source: torch.nn.TransformerDecoder."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = ModuleList([deepcopy(decoder_layer) for _ in range(num_layers)])
        self.num_layers, self.norm = num_layers, norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The last layer's output."""
        first: Any = self.layers[0]
        causal = _is_causal(tgt_mask, tgt_is_causal, tgt, first.self_attn.batch_first)
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        x = tgt
        for layer in self.layers:
            x = layer(x, memory, *masks, tgt_is_causal=causal, memory_is_causal=memory_is_causal)
        return x if self.norm is None else self.norm(x)


class Transformer(Module):
    """An encoder and a decoder that attends to what it gives.

    Shapes: src [S, N, d_model], tgt [T, N, d_model] (N first with batch_first, or no N) -> as tgt.
    Source: A. Vaswani et al., "Attention Is All You Need" (2017); torch.nn.Transformer.
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        kinds = {"device": device, "dtype": dtype}
        how = (d_model, nhead, dim_feedforward, dropout, activation)
        flags = (layer_norm_eps, batch_first, norm_first, bias)
        if custom_encoder is None:
            layer: Module = TransformerEncoderLayer(*how, *flags, **kinds)
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, **kinds)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm)
        self.encoder = custom_encoder
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*how, *flags, **kinds)
            norm = LayerNorm(d_model, layer_norm_eps, bias=bias, **kinds)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm)
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model, self.nhead, self.batch_first = d_model, nhead, batch_first

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
        """-inf above the diagonal, else 0: each place sees itself and those before."""
        return _square_mask(sz, device, dtype)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The decoder's output. Raises: RuntimeError for batches or widths that differ."""
        at = 0 if self.batch_first else 1
        if src.dim() == 3 and src.shape[at] != tgt.shape[at]:
            raise RuntimeError(
                f"Transformer: src is {sizes(src.shape)} and tgt {sizes(tgt.shape)}; their batches must be "
                "equal."
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(
                f"Transformer: src is {sizes(src.shape)} and tgt {sizes(tgt.shape)}; their last size must be "
                f"d_model, {self.d_model}."
            )
        memory = self.encoder(src, src_mask, src_key_padding_mask, src_is_causal)
        masks = tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask
        return self.decoder(  # type: ignore[no-any-return] # a Module's result
            tgt, memory, *masks, tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal
        )
