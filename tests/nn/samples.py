"""One row per module: how it is made, and with what it is called. test_modules.py compares all with torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tapegrad.testing.samples import Array
from tapegrad.testing.samples.base import x
from tests.nn import sequences
from tests.nn.rows import Sample
from tests.nn.rows import of as _of


def _numbers(values: Any) -> Array:
    shape: tuple[int, ...] = ()
    v = values
    while isinstance(v, list):
        shape, v = (*shape, len(v)), v[0]
    return x(*shape, dtype="int64", values=values)


_PLAIN = (
    *("Identity", "ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Softplus"),
    *("Softsign", "Hardtanh", "Hardswish", "Hardsigmoid", "Hardshrink", "Softshrink", "Tanhshrink", "Tanh"),
    *("LogSigmoid", "Sigmoid", "PReLU", "RReLU", "GLU", "Flatten", "Dropout", "AlphaDropout", "Dropout1d"),
)
_IN_PLACE = (
    *("ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "SiLU", "Mish", "Hardtanh", "Hardswish"),
    *("Hardsigmoid", "RReLU", "Dropout"),
)
_IMAGES = x(2, 4, 3, 3)
_NUMBERS = _numbers([[0, 1, 1], [4, 0, 2]])

ACTIVATIONS = (
    *[_of(name) for name in _PLAIN],
    *[_of(name, inplace=True, inputs=(x(3, 4, grad=False),)) for name in _IN_PLACE],
    _of("LeakyReLU", 0.3, True, inputs=(x(3, 4, grad=False),)),
    _of("ELU", 2.0),
    _of("CELU", alpha=0.5),
    _of("GELU", "tanh"),
    _of("GELU", approximate="tanh"),
    _of("Softplus", 2, 1.5),
    _of("Threshold", 0.1, 20.0),
    _of("Threshold", 0.1, 20.0, True, inputs=(x(3, 4, grad=False),)),
    _of("Hardtanh", -0.5, 0.75),
    _of("Hardshrink", 1.0),
    _of("Softshrink", 1.0),
    _of("RReLU", 0.1, 0.2),
    _of("PReLU", 4),
    _of("PReLU", 4, 0.5, dtype=None, inputs=(_IMAGES,)),
    _of("GLU", 0, inputs=(x(4, 3),)),
    *[_of(name, dim) for name in ("Softmax", "Softmin", "LogSoftmax") for dim in (0, 1)],
    _of("Softmax2d", inputs=(_IMAGES,)),
    _of("Softmax2d", inputs=(x(4, 2, 3),)),
    _of("Flatten", 0, 1, inputs=(_IMAGES,)),
    _of("Flatten", inputs=(_IMAGES,)),
    _of("Unflatten", 1, (2, 2)),
)
DROPOUTS = (
    *[_of("Dropout", p) for p in (0.0, 0.1, 0.5, 1.0)],
    _of("Dropout", 0.3, inputs=(x(40, 30),)),
    _of("Dropout1d", 0.4, inputs=(x(2, 4, 3),)),
    _of("Dropout2d", 0.4, inputs=(_IMAGES,)),
    _of("Dropout3d", 0.4, inputs=(x(2, 4, 2, 2, 2),)),
    _of("Dropout3d", 0.4, inputs=(x(4, 2, 2, 2),)),
    _of("AlphaDropout", 0.3),
    _of("FeatureAlphaDropout", 0.3, inputs=(x(2, 4, 3),)),
)
TABLES = (
    _of("Embedding", 5, 3, inputs=(_NUMBERS,)),
    _of("Embedding", 5, 3, 1, inputs=(_NUMBERS,)),
    _of("Embedding", 5, 3, padding_idx=-1, inputs=(_NUMBERS,)),
    _of("Embedding", 5, 3, max_norm=1.0, inputs=(_NUMBERS,)),
    _of("Embedding", 5, 3, max_norm=1.0, norm_type=1.0, inputs=(_NUMBERS,)),
    Sample("Embedding", (5, 3), {"scale_grad_by_freq": True, "padding_idx": 4}, (_NUMBERS,), second=False),
    _of("Embedding", 50, 8, inputs=(_numbers([[[0, 49], [49, 7]], [[1, 1], [1, 2]]]),)),
    *[_of("EmbeddingBag", 5, 3, mode=mode, inputs=(_NUMBERS,)) for mode in ("sum", "mean", "max")],
    *[
        _of("EmbeddingBag", 5, 3, mode=mode, padding_idx=1, inputs=(_NUMBERS,))
        for mode in ("sum", "mean", "max")
    ],
    *[
        _of("EmbeddingBag", 5, 3, mode=mode, inputs=(_numbers([0, 1, 1, 4]), _numbers([0, 1, 1])))
        for mode in ("sum", "mean", "max")
    ],
    _of(
        "EmbeddingBag",
        *(5, 3),
        mode="sum",
        include_last_offset=True,
        inputs=(_numbers([0, 1, 1, 4]), _numbers([0, 1, 4])),
    ),
    _of("EmbeddingBag", 5, 3, mode="sum", inputs=(_NUMBERS, None, x(2, 3))),
    _of("EmbeddingBag", 5, 3, max_norm=1.0, inputs=(_NUMBERS,)),
)
NORMS = (
    *[_of("LayerNorm", 4, **kw) for kw in ({}, {"eps": 0.1}, {"bias": False}, {"elementwise_affine": False})],
    _of("LayerNorm", (3, 4), inputs=(x(2, 3, 4),)),
    _of("LayerNorm", [4], inputs=(x(4),)),
    *[_of("RMSNorm", 4, **kw) for kw in ({}, {"eps": 0.1}, {"elementwise_affine": False})],
    _of("RMSNorm", (3, 4), inputs=(x(2, 3, 4),)),
    *[_of("GroupNorm", 2, 4, inputs=(x(*s),)) for s in ((2, 4, 3), (2, 4, 2, 3))],
    _of("GroupNorm", 2, 12, inputs=(x(3, 12),)),
    _of("GroupNorm", 1, 4, affine=False, inputs=(x(2, 4, 3),)),
    _of("GroupNorm", 4, 4, bias=False, eps=0.1, inputs=(x(2, 4, 3),)),
    *[
        _of("BatchNorm1d", 4, **kw)
        for kw in (
            *({}, {"momentum": None}, {"momentum": 0.7, "eps": 0.1}, {"affine": False}, {"bias": False}),
            {"track_running_stats": False},
        )
    ],
    _of("BatchNorm1d", 4, inputs=(x(2, 4, 3),)),
    _of("BatchNorm2d", 4, inputs=(_IMAGES,)),
    _of("BatchNorm3d", 4, inputs=(x(2, 4, 2, 1, 2),)),
    *[
        _of("InstanceNorm1d", 4, inputs=(x(2, 4, 3),), **kw)
        for kw in ({}, {"affine": True}, {"track_running_stats": True, "momentum": 0.4})
    ],
    _of("InstanceNorm1d", 4, inputs=(x(4, 3),)),
    _of("InstanceNorm2d", 4, affine=True, track_running_stats=True, inputs=(_IMAGES,)),
    _of("InstanceNorm2d", 4, inputs=(x(4, 2, 3),)),
    # a channel's mean is 9 deviations from 0: what cancels is an ulp of the mean
    replace(_of("InstanceNorm3d", 4, affine=True, bias=False, inputs=(x(2, 4, 2, 1, 2),)), ulps=64),
    _of("LocalResponseNorm", 2, inputs=(_IMAGES,)),
    *[_of("CrossMapLRN2d", n, 0.5, inputs=(x(2, 9, 2, 2, grad=False),)) for n in (1, 2, 3, 4, 5, 7, 12)],
    _of("CrossMapLRN2d", 5, 0.5, 0.5, 2, inputs=(x(2, 2, 3, 2, grad=False),)),
    _of("LocalResponseNorm", 3, 0.1, 0.5, 2.0, inputs=(x(2, 4, 3),)),
)
LINEAR = (
    _of("Linear", 4, 2),
    _of("Linear", 4, 2, bias=False),
    _of("Linear", 4, 2, inputs=(x(2, 3, 4),)),
    _of("Identity", 54, unused=0.1),
    _of("Bilinear", 4, 3, 2, inputs=(x(5, 4), x(5, 3))),
    _of("Bilinear", 4, 3, 2, bias=False, inputs=(x(2, 5, 4), x(2, 5, 3))),
    _of("Bilinear", 4, 3, 1, inputs=(x(4), x(3))),
)

_PAIR = (x(4, 5), x(4, 5))
_CHANCES = (x(4, 5, low=0, high=1), x(4, 5, low=0, high=1, grad=False))
_LABELS = (x(4, 5), x(4, 5, low=0, high=1, grad=False))
_WEIGHT = x(5, low=1, high=3, grad=False)
_SIGNS = x(4, values=[1.0, -1.0, -1.0, 1.0], grad=False)
_RANKED = (x(4), x(4), _SIGNS)
_ANGLES = (x(4, 5), x(4, 5), _SIGNS)
_LOGS = x(6, 2, 5, low=-3, high=-1)
_CLASSES = (x(3, 4), _numbers([1, 3, 0]))
LOSSES = (
    *[_of(n, inputs=_PAIR) for n in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss", "KLDivLoss")],
    *[_of(n, reduction="sum", inputs=_PAIR) for n in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")],
    _of("SmoothL1Loss", beta=0.3, inputs=_PAIR),
    _of("HuberLoss", "none", 0.3, inputs=_PAIR),
    *[_of("KLDivLoss", reduction=r, log_target=True, inputs=_PAIR) for r in ("batchmean", "none")],
    *[_of("BCELoss", w, inputs=_CHANCES) for w in (None, _WEIGHT)],
    *[
        _of("BCEWithLogitsLoss", w, pos_weight=p, inputs=_LABELS)
        for w in (None, _WEIGHT)
        for p in (None, _WEIGHT)
    ],
    *[_of("MultiLabelSoftMarginLoss", w, reduction="sum", inputs=_LABELS) for w in (None, _WEIGHT)],
    *[
        _of("PoissonNLLLoss", full=f, inputs=(x(4, 5), x(4, 5, low=0, high=3, grad=False)))
        for f in (True, False)
    ],
    *[_of("GaussianNLLLoss", full=f, inputs=(*_PAIR, x(4, 5, low=1, high=3))) for f in (True, False)],
    _of("SoftMarginLoss", inputs=(x(4), _SIGNS)),
    *[_of("HingeEmbeddingLoss", m, inputs=(x(4), _SIGNS)) for m in (1.0, 0.3)],
    *[_of("MarginRankingLoss", margin=m, inputs=_RANKED) for m in (0.0, 0.3)],
    *[_of("CosineEmbeddingLoss", margin=m, inputs=_ANGLES) for m in (0.0, 0.3)],
    *[_of("TripletMarginLoss", 2.0, p=p, swap=p == 1, inputs=(*_PAIR, x(4, 5))) for p in (1, 2)],
    _of("TripletMarginWithDistanceLoss", margin=2.0, swap=True, inputs=(*_PAIR, x(4, 5))),
    *[_of("NLLLoss", ignore_index=i, reduction="sum", inputs=_CLASSES) for i in (-100, 3)],
    _of("CrossEntropyLoss", x(4, low=1, high=3, grad=False), label_smoothing=0.1, inputs=_CLASSES),
    *[_of("MultiMarginLoss", p, reduction=r, inputs=_CLASSES) for p in (1, 2) for r in ("mean", "none")],
    _of("MultiMarginLoss", margin=0.3, weight=x(4, low=1, high=3, grad=False), inputs=_CLASSES),
    _of("MultiLabelMarginLoss", inputs=(x(2, 3), _numbers([[0, 2, -1], [1, -1, 0]]))),
    _of("NLLLoss2d", inputs=(x(2, 3, 1, 2), _numbers([[[0, 1]], [[2, 2]]]))),
    *[
        _of("LinearCrossEntropyLoss", 4, 5, out_features=s, bias=bool(s), inputs=(x(2, 4), _numbers(t)))
        for s, t in (((), [4, 0]), ((2,), [[1, 0], [4, 2]]))
    ],
    *[
        _of("CTCLoss", 0, r, zero, inputs=(_LOGS, _numbers([[1, 2], [3, 3]]), (6, n), (2, 2)))
        for r, zero, n in (("mean", False, 6), ("sum", False, 4), ("none", True, 1))
    ],
    *[_of("CosineSimilarity", dim, 1e-6, inputs=_PAIR) for dim in (0, 1)],
    *[_of("PairwiseDistance", p, 1e-3, True, inputs=_PAIR) for p in (1.0, 2.0)],
)
SAMPLES = (
    *ACTIVATIONS,
    *DROPOUTS,
    *TABLES,
    *LINEAR,
    *LOSSES,
    *NORMS,
    *sequences.ATTENTION,
    *sequences.SAMPLES,
)
ERRORS: tuple[Sample, ...] = (
    _of("Dropout", 1.5),
    _of("AlphaDropout", -0.5),
    _of("Dropout1d", inputs=(x(3),)),
    _of("FeatureAlphaDropout", inputs=(x(3),)),
    _of("Hardtanh", 1.0, -1.0),
    _of("Softmax2d"),
    _of("GLU", inputs=(x(3),)),
    _of("GELU", "no"),
    _of("PReLU", 3),
    _of("Unflatten", 1, 3),
    _of("Unflatten", 1, (3, 3)),
    _of("Embedding", 5, 3, 5, inputs=(_NUMBERS,)),
    _of("Embedding", 3, 3, inputs=(_NUMBERS,)),
    _of("Embedding", 5, 3, inputs=(x(2),)),
    _of("EmbeddingBag", 5, 3, inputs=(_numbers([0, 1]),)),
    _of("EmbeddingBag", 5, 3, inputs=(_NUMBERS, _numbers([0, 1]))),
    _of("EmbeddingBag", 5, 3, mode="no", inputs=(_NUMBERS,)),
    _of("EmbeddingBag", 5, 3, mode="max", scale_grad_by_freq=True, inputs=(_NUMBERS,)),
    _of("EmbeddingBag", 5, 3, inputs=(_NUMBERS, None, x(2, 3))),
    _of("EmbeddingBag", 5, 3, inputs=(_numbers([0, 1, 2]), _numbers([1, 2]))),
    _of("Linear", 3, 2),
    _of("LayerNorm", 3),
    _of("RMSNorm", 3),
    _of("GroupNorm", 3, 4),
    _of("GroupNorm", 2, 4, inputs=(x(3, 5, 2),)),
    _of("BatchNorm1d", 4, inputs=(x(1, 4),)),
    _of("BatchNorm1d", 3),
    _of("BatchNorm1d", 4, inputs=(_IMAGES,)),
    _of("BatchNorm2d", 4),
    _of("BatchNorm3d", 4),
    _of("BatchNorm1d", 4, 0.0),
    _of("InstanceNorm1d", 4, inputs=(x(2, 4, 1),)),
    _of("InstanceNorm1d", 3, affine=True, inputs=(x(2, 4, 3),)),
    _of("InstanceNorm2d", 4),
    _of("LocalResponseNorm", 2),
    _of("Bilinear", 0, 3, 2),
    _of("MultiMarginLoss", 3),
    _of("MultiMarginLoss", weight=x(2, 2, grad=False)),
    _of("LinearCrossEntropyLoss", 4, 5, label_smoothing=1.5),
    _of("LinearCrossEntropyLoss", 4, 5, weight=x(4, grad=False)),
    _of("CTCLoss", 5, inputs=(_LOGS, _numbers([[1, 2], [3, 3]]), (6, 6), (2, 2))),
    _of("Bilinear", 4, 3, 2, inputs=(x(3, 4), x(3, 4))),
    _of("Bilinear", 4, 3, 2, inputs=(x(3, 4), x(2, 3))),
    *sequences.ERRORS,
)
