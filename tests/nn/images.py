"""Rows of modules for images and other samples with channels, as in samples.py."""

from __future__ import annotations

from dataclasses import replace

from tapegrad.testing.samples.base import x
from tests.nn.samples import Sample, _of

_LINE, _IMAGE, _BLOCK = x(2, 4, 6), x(2, 4, 6, 5), x(2, 4, 3, 4, 3)
_ONE = x(4, 6, 5)
_ODD, _PLANE = x(2, 3, 5), x(1, 2, 4, 3)

CONVOLUTIONS = (
    *[_of("Conv1d", 4, 6, 3, inputs=(_LINE,), **kw) for kw in ({}, {"padding": "same", "dilation": 2})],
    *[
        _of("Conv2d", 4, 6, 3, inputs=(_IMAGE,), **kw)
        for kw in (
            *({}, {"bias": False}, {"stride": 2, "padding": 1}, {"padding": "same"}, {"padding": "valid"}),
            *({"padding": (1, 2), "padding_mode": mode} for mode in ("zeros", "reflect", "replicate")),
            *({"padding": "same", "padding_mode": "circular"}, {"groups": 2}),
        )
    ],
    _of("Conv2d", 4, 8, (3, 2), (1, 2), (0, 1), groups=4, inputs=(_ONE,)),
    _of("Conv3d", 4, 2, (1, 3, 2), inputs=(_BLOCK,)),
    _of("Conv3d", 4, 2, 2, padding=1, padding_mode="replicate", inputs=(_BLOCK,)),
    _of("ConvTranspose1d", 4, 3, 3, 2, output_padding=1, inputs=(_LINE,)),
    *[
        _of("ConvTranspose2d", 4, 6, 3, inputs=(_IMAGE,), **kw)
        for kw in ({}, {"bias": False}, {"stride": 2, "padding": 1, "output_padding": 1}, {"groups": 2})
    ],
    _of("ConvTranspose2d", 4, 3, (3, 2), 3, dilation=(1, 2), inputs=(_ONE, [19, 15])),
    _of("ConvTranspose2d", 4, 3, 2, 2, inputs=(_IMAGE, (2, 3, 13, 11))),
    _of("ConvTranspose3d", 4, 2, (1, 2, 2), 2, inputs=(_BLOCK,)),
)
_SIDES = (1, 2, 0, 1, 1, 2)
PADDINGS = (
    *[
        _of(f"{name}Pad{n}d", 1, inputs=(at,))
        for name in ("Zero", "Replication", "Circular", "Reflection")
        for n, at in ((1, _LINE), (2, _IMAGE), (3, _BLOCK))
    ],
    *[_of(f"{name}Pad1d", (1, 2), inputs=(_ODD,)) for name in ("Zero", "Replication", "Circular")],
    _of("ReflectionPad2d", (1, 2, 3, 0), inputs=(_ONE,)),
    *[
        _of(f"ConstantPad{n}d", _SIDES[: 2 * n], 3.5, inputs=(at,))
        for n, at in ((1, _LINE), (2, _ONE), (3, _BLOCK))
    ],
    _of("ConstantPad2d", -1, 0.5, inputs=(_IMAGE,)),
)
_SHARES = x(2, 4, 2, low=0, high=1)
_WIDE = ({}, {"stride": 1, "padding": 1}, {"ceil_mode": True})
POOLS = (
    *[
        _of(f"{name}Pool{n}d", 2, inputs=(at,), **kw)
        for name in ("Max", "Avg")
        for n, at in ((1, _LINE), (2, _IMAGE), (3, _BLOCK))
        for kw in _WIDE
    ],
    _of("MaxPool2d", (3, 2), (2, 1), dilation=(1, 2), inputs=(_ONE,)),
    _of("MaxPool2d", 3, return_indices=True, inputs=(_IMAGE,)),
    _of("AvgPool2d", 3, 2, 1, count_include_pad=False, inputs=(_IMAGE,)),
    _of("AvgPool2d", 3, divisor_override=4, inputs=(_IMAGE,)),
    *[_of(f"LPPool{n}d", 2, 2, inputs=(at,)) for n, at in ((1, _LINE), (2, _IMAGE), (3, _BLOCK))],
    *[
        _of(f"Adaptive{name}Pool{n}d", size, inputs=(at,))
        for name in ("Max", "Avg")
        for n, at in ((1, _LINE), (2, _IMAGE), (3, _BLOCK))
        for size in (1, 2)
    ],
    *[_of(f"Adaptive{name}Pool2d", (None, 3), inputs=(_IMAGE,)) for name in ("Max", "Avg")],
    _of("MaxUnpool1d", 2, inputs=(x(1, 3), x(1, 3, dtype="int64", values=[[0, 3, 4]]))),
    _of("MaxUnpool2d", 2, inputs=(x(1, 1, 2), x(1, 1, 2, dtype="int64", values=[[[3, 6]]]), (3, 4))),
    _of("MaxUnpool3d", 2, inputs=(x(1, 1, 1, 2), x(1, 1, 1, 2, dtype="int64", values=[[[[3, 6]]]]))),
    _of("FractionalMaxPool2d", 2, 3, inputs=(_IMAGE,)),
    _of("FractionalMaxPool2d", 2, output_ratio=0.6, _random_samples=_SHARES, inputs=(_IMAGE,)),
    _of("FractionalMaxPool3d", 2, (1, 2, 1), return_indices=True, inputs=(_BLOCK,)),
    _of("FractionalMaxPool3d", 2, 1, _random_samples=x(2, 4, 3, low=0, high=1), inputs=(_BLOCK,)),
    _of("Unfold", 3, inputs=(_IMAGE,)),
    _of("Unfold", (2, 3), 1, (1, 0), 2, inputs=(_ONE,)),
    _of("Fold", (4, 4), 2, inputs=(x(2, 12, 9),)),
    _of("Fold", (5, 4), 2, padding=1, stride=(1, 2), inputs=(x(4, 18),)),
)
SIZES = (
    *[_of("Upsample", scale_factor=2, inputs=(at,)) for at in (_LINE, _IMAGE, _BLOCK)],
    *[
        _of("Upsample", size, mode="bilinear", align_corners=aligned, inputs=(_IMAGE,))
        for size in (3, (7, 9))
        for aligned in (None, True)
    ],
    _of("Upsample", scale_factor=(1.5, 0.7), mode="bicubic", recompute_scale_factor=True, inputs=(_IMAGE,)),
    _of("UpsamplingNearest2d", scale_factor=3, inputs=(_IMAGE,)),
    _of("UpsamplingBilinear2d", (3, 8), inputs=(_IMAGE,)),
    _of("PixelShuffle", 2, inputs=(_IMAGE,)),
    _of("PixelUnshuffle", 2, inputs=(x(4, 6, 4),)),
    _of("ChannelShuffle", 2, inputs=(_IMAGE,)),
)
SAMPLES: tuple[Sample, ...] = (
    *(*CONVOLUTIONS, *PADDINGS, *SIZES),
    *[replace(s, second=not s.name.startswith("Frac")) for s in POOLS],  # torch has none of these
)
ERRORS: tuple[Sample, ...] = (
    _of("Conv2d", 4, 6, 3, groups=3),
    _of("Conv2d", 4, 6, 3, groups=0),
    _of("Conv2d", 4, 6, 3, padding="no"),
    _of("Conv2d", 4, 6, 3, 2, "same"),
    _of("Conv2d", 4, 6, 3, padding_mode="no"),
    _of("Conv2d", 3, 6, 3, inputs=(_IMAGE,)),
    _of("Conv2d", 4, 6, 7, inputs=(_IMAGE,)),
    _of("Conv2d", 4, 6, 3, inputs=(x(4, 6),)),
    _of("ConvTranspose2d", 4, 6, 3, padding_mode="reflect"),
    _of("ConvTranspose2d", 4, 6, 3, 2, inputs=(_IMAGE, (9, 20))),
    _of("ConvTranspose2d", 4, 6, 3, 2, inputs=(_IMAGE, (9, 9, 9))),
    _of("CircularPad2d", 1),
    _of("ReflectionPad2d", 7, inputs=(_IMAGE,)),
    _of("MaxPool2d", 0, inputs=(_IMAGE,)),
    _of("MaxPool2d", 2, padding=2, inputs=(_IMAGE,)),
    _of("AvgPool3d", 9, inputs=(_BLOCK,)),
    _of("Upsample", inputs=(_IMAGE,)),
    _of("Upsample", 2, mode="linear", inputs=(_IMAGE,)),
    _of("PixelShuffle", 3, inputs=(_IMAGE,)),
    _of("AdaptiveAvgPool2d", (1, 2, 3), inputs=(_IMAGE,)),
    _of("FractionalMaxPool2d", 2, inputs=(_IMAGE,)),
    _of("FractionalMaxPool2d", 2, 2, 0.5, inputs=(_IMAGE,)),
    _of("FractionalMaxPool3d", 2, output_ratio=1.5, inputs=(_BLOCK,)),
    _of("FractionalMaxPool2d", 2, 6, inputs=(_IMAGE,)),
    _of("MaxUnpool2d", 2, inputs=(_IMAGE, x(2, 4, 6, 5))),
    _of("Fold", (4, 4), 2, inputs=(x(2, 12, 8),)),
    _of("ReplicationPad1d", (1, 2, 3), inputs=(_LINE,)),
)
