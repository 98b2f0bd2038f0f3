"""Rows of modules for images and other samples with channels, as in samples.py."""

from __future__ import annotations

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
SAMPLES: tuple[Sample, ...] = (*CONVOLUTIONS, *PADDINGS)
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
    _of("ReplicationPad1d", (1, 2, 3), inputs=(_LINE,)),
)
