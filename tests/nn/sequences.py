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

_X = x(5, 2, 3)
_STATE, _TWO = x(1, 2, 4), x(4, 2, 4)
RECURRENT = (
    *[of(name, 3, 4, inputs=(_X,)) for name in ("RNN", "LSTM", "GRU")],
    *[of(name, 3, 4, bias=False, batch_first=True, inputs=(x(2, 5, 3),)) for name in ("RNN", "LSTM", "GRU")],
    *[of(name, 3, 4, 2, bidirectional=True, dropout=0.4, inputs=(_X,)) for name in ("RNN", "LSTM", "GRU")],
    *[of(name, 3, 4, inputs=(x(5, 3),)) for name in ("RNN", "LSTM", "GRU")],
    *[of(name, 3, 4, inputs=(_X, _STATE)) for name in ("RNN", "GRU")],
    of("LSTM", 3, 4, inputs=(_X, (_STATE, x(1, 2, 4)))),
    of("LSTM", 3, 4, inputs=(x(5, 3), (x(1, 4), x(1, 4)))),
    of("GRU", 3, 4, inputs=(x(5, 3), x(1, 4))),
    of("RNN", 3, 4, 1, "relu", inputs=(_X,)),
    of("RNN", 3, 4, 2, nonlinearity="relu", bidirectional=True, inputs=(_X, _TWO)),
    of("LSTM", 3, 4, proj_size=2, inputs=(_X,)),
    of("LSTM", 3, 4, 2, False, proj_size=2, bidirectional=True, inputs=(_X, (x(4, 2, 2), _TWO))),
    of("LSTM", 3, 4, inputs=(x(1, 1, 3),)),
    of("GRU", 3, 1, inputs=(x(3, 0, 3),)),
    *[
        of(name, 3, 4, *more, inputs=(shape,))
        for name, *more in (
            ("RNNCell",),
            ("RNNCell", False, "relu"),
            ("LSTMCell",),
            ("GRUCell", False),
            ("GRUCell",),
        )
        for shape in (x(2, 3), x(3))
    ],
    *[of(name, 3, 4, inputs=(x(2, 3), x(2, 4))) for name in ("RNNCell", "GRUCell")],
    of("LSTMCell", 3, 4, False, inputs=(x(2, 3), (x(2, 4), x(2, 4)))),
    of("LSTMCell", 3, 4, inputs=(x(3), (x(4), x(4)))),
)
RECURRENT_ERRORS = (
    *[of("LSTM", 3, 4, **kw) for kw in ({"dropout": 1.5}, {"num_layers": 0}, {"proj_size": 4}, {"bias": 1})],
    *[of("LSTM", 3, 4, **kw) for kw in ({"batch_first": 0}, {"proj_size": -1}, {"dropout": True})],
    *[of("GRU", *n) for n in ((0, 4), (3, 0), (3.0, 4), (3, 4.0))],
    *[of(name, 3, 4, proj_size=2) for name in ("GRU", "RNN")],
    of("RNN", 3, 4, nonlinearity="no"),
    *[of(name, 3, 4, inputs=(given,)) for name in ("RNN", "LSTM", "GRU") for given in (x(3), x(5, 2, 4))],
    *[of(name, 3, 4, inputs=(x(5, 2, 3, dtype="float64"),)) for name in ("LSTM", "GRU")],
    *[of("LSTM", 3, 4, inputs=(x(0, 2, 3),)), of("GRU", 3, 4, inputs=(_X, x(1, 3, 4)))],
    of("GRU", 3, 4, inputs=(_X, x(1, 4))),
    of("LSTM", 3, 4, inputs=(_X, (_STATE, x(1, 3, 4)))),
    of("LSTM", 3, 4, inputs=(_X, (_STATE, x(1, 4)))),
    *[of(name, 3, 4, inputs=(given,)) for name in ("RNNCell", "LSTMCell") for given in (x(2, 4), x(2, 2, 3))],
    of("RNNCell", 3, 4, nonlinearity="no", inputs=(x(2, 3),)),
    *[of("GRUCell", 3, 4, inputs=(x(2, 3), x(*s))) for s in ((2, 3), (3, 4), (1, 2, 4))],
    of("LSTMCell", 3, 4, inputs=(x(2, 3, dtype="float64"),)),
)

_WHOLE = ("RNN", "LSTM", "GRU")
SAMPLES: tuple[Sample, ...] = (
    *[in_doubles(s, 1000) for s in TRANSFORMERS],
    *RECURRENT,
    *[in_doubles(s, 64) for s in RECURRENT if s.name in _WHOLE],
)
ERRORS: tuple[Sample, ...] = (*ATTENTION_ERRORS, *TRANSFORMER_ERRORS, *RECURRENT_ERRORS)
