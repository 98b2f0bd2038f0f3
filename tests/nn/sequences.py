"""Rows of modules for sequences: attention, transformers, recurrent networks."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples import Array
from tapegrad.testing.samples.base import x
from tests.nn.rows import Sample, in_doubles, of


def _bools(*values: Any) -> Array:
    shape: tuple[int, ...] = ()
    v: Any = list(values)
    while isinstance(v, list):
        shape, v = (*shape, len(v)), v[0]
    return x(*shape, dtype="bool", values=list(values))


_L, _N, _E = 3, 2, 4
_Q, _K = x(_L, _N, _E), x(5, _N, _E)
_ALONE = (x(_L, _E), x(5, _E), x(5, _E))
_PADDING = _bools([False] * 4 + [True], [False, False, True, False, True])
_SEEN = _bools(*[[j > i + 2 for j in range(5)] for i in range(_L)])
_BIAS = x(_L, 5)
_PER_HEAD = x(_N * 2, _L, 5)
_LOW = float("-inf")
_CAUSAL = x(3, 3, values=[[0.0, _LOW, _LOW], [0.0, 0.0, _LOW], [0.0] * 3], grad=False)

ATTENTION = (
    *[of("MultiheadAttention", _E, heads, inputs=(_Q, _K, _K)) for heads in (1, 2)],
    *[
        of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K), **kw)
        for kw in (
            *({"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"dropout": 0.3}),
            {"add_bias_kv": True, "add_zero_attn": True},
        )
    ],
    of("MultiheadAttention", _E, 2, kdim=3, vdim=2, inputs=(_Q, x(5, _N, 3), x(5, _N, 2))),
    of("MultiheadAttention", _E, 2, kdim=3, bias=False, inputs=(_Q, x(5, _N, 3), _K)),
    of("MultiheadAttention", _E, 2, batch_first=True, inputs=(x(_N, _L, _E), x(_N, 5, _E), x(_N, 5, _E))),
    of("MultiheadAttention", _E, 2, inputs=_ALONE),
    of(
        "MultiheadAttention",
        _E,
        2,
        inputs=(x(_L, _E), x(5, _E), x(5, _E), _bools(*[False] * 4, True), True, _SEEN),
    ),
    *[
        of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K, padding, weights, mask, average), **kw)
        for padding in (None, _PADDING)
        for weights, average in ((True, True), (True, False), (False, True))
        for mask in (None, _SEEN)
        for kw in ({}, {"add_bias_kv": True, "add_zero_attn": True})
    ],
    *[
        of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K, None, weights, mask))
        for weights in (True, False)
        for mask in (_BIAS, _PER_HEAD)
    ],
    *[
        of(
            "MultiheadAttention",
            _E,
            2,
            inputs=(_Q, x(3, _N, _E), x(3, _N, _E), None, weights, _CAUSAL, True, True),
        )
        for weights in (True, False)
    ],
    of("MultiheadAttention", _E, 2, dropout=0.3, inputs=(_Q, _K, _K, None, False)),
)
ATTENTION_ERRORS = (
    of("MultiheadAttention", 0, 2),
    of("MultiheadAttention", 5, 2),
    of("MultiheadAttention", _E, 2, inputs=(x(_L, _N, 3), _K, _K)),
    of("MultiheadAttention", _E, 2, inputs=(x(_L), _K, _K)),
    of("MultiheadAttention", _E, 2, inputs=(_Q, x(5, _E), x(5, _E))),
    of("MultiheadAttention", _E, 2, inputs=(_Q, _K, x(4, _N, _E))),
    of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K, _bools([False] * 5))),
    of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K, _bools(*[False] * 5))),
    of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K, x(_N, 5, dtype="int64"))),
    of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K, None, True, x(_L, 4))),
    of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K, None, True, x(3, _L, 5))),
    of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K, None, True, x(5))),
    of("MultiheadAttention", _E, 2, inputs=(_Q, _K, _K, None, True, None, True, True)),
    of("MultiheadAttention", _E, 2, kdim=3, inputs=(_Q, _K, _K)),
)

_SRC, _TGT = x(3, _N, _E), x(2, _N, _E)
_SHORT = _bools([False] * 3, [False, False, True])
_LAYER = (_E, 2, 6)
TRANSFORMERS = (
    *[
        of("TransformerEncoderLayer", *_LAYER, inputs=(_SRC,), **kw)
        for kw in (
            *({}, {"dropout": 0.0}, {"norm_first": True}, {"activation": "gelu"}, {"bias": False}),
            {"layer_norm_eps": 0.1, "dropout": 0.0},
        )
    ],
    *[
        of("TransformerEncoderLayer", *_LAYER, 0.0, batch_first=True, inputs=(x(_N, 3, _E), *masks))
        for masks in ((), (_CAUSAL,), (None, _SHORT), (_CAUSAL, None, True))
    ],
    of("TransformerEncoderLayer", *_LAYER, inputs=(x(3, _E),)),
    *[
        of("TransformerDecoderLayer", *_LAYER, inputs=(_TGT, _SRC), **kw)
        for kw in ({}, {"norm_first": True, "activation": "gelu"}, {"bias": False, "batch_first": False})
    ],
    of("TransformerDecoderLayer", *_LAYER, inputs=(_SRC, _TGT, _CAUSAL, None, _SHORT, None, True)),
    *[
        of("Transformer", *_LAYER[:2], 2, 1, 6, inputs=(_SRC, _TGT), **kw)
        for kw in ({}, {"norm_first": True})
    ],
    of("Transformer", *_LAYER[:2], 1, 1, 6, 0.0, batch_first=True, inputs=(x(_N, 3, _E), x(_N, 2, _E))),
    of("Transformer", *_LAYER[:2], 1, 2, 6, bias=False, inputs=(_TGT, _SRC, None, _CAUSAL)),
    of("Transformer", *_LAYER[:2], 1, 1, 6, inputs=(x(3, _E), x(2, _E))),
)
TRANSFORMER_ERRORS = (
    of("TransformerEncoderLayer", *_LAYER, activation="no", inputs=(_SRC,)),
    of("Transformer", *_LAYER[:2], 1, 1, 6, inputs=(_SRC, x(2, 3, _E))),
    of("Transformer", *_LAYER[:2], 1, 1, 6, inputs=(_SRC, x(2, _N, 3))),
)

SAMPLES: tuple[Sample, ...] = tuple([in_doubles(s, 1000) for s in TRANSFORMERS])
ERRORS: tuple[Sample, ...] = (*ATTENTION_ERRORS, *TRANSFORMER_ERRORS)
