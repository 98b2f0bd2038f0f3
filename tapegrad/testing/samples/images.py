"""Images in other sizes, and read at any place."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Array, Row, call, kink, x
from tapegrad.testing.samples.kinds import FLOATS

_FORM: dict[str, Any] = {"function": False, "method": False, "functional": True, "ulps": 32, "whole": True}
_LINE, _IMAGE, _BLOCK = x(2, 1, 5), x(1, 2, 5, 4), x(1, 2, 3, 4, 2)
_TARGETS: tuple[dict[str, Any], ...] = ({"size": 3}, {"scale_factor": 2}, {"scale_factor": 1.6}, {"size": 1})
_ALIGNED: tuple[dict[str, Any], ...] = ({}, {"align_corners": True})

_INTERPOLATE = Row(
    "interpolate",
    (
        *[
            call(at, mode=mode, **kw)
            for mode in ("nearest", "nearest-exact", "area")
            for at in (_LINE, _IMAGE, _BLOCK)
            for kw in _TARGETS
        ],
        *[
            call(at, mode=mode, **kw, **more)
            for mode, at in (
                ("linear", _LINE),
                ("bilinear", _IMAGE),
                ("bicubic", _IMAGE),
                ("trilinear", _BLOCK),
            )
            for kw in _TARGETS
            for more in _ALIGNED
        ],
        *[
            call(_IMAGE, mode=mode, antialias=True, **kw)
            for mode in ("bilinear", "bicubic")
            for kw in _TARGETS
        ],
        *[call(_IMAGE, (2, 7), mode="lanczos", antialias=True), call(_IMAGE, (2, 7), mode="bilinear")],
        call(_IMAGE, scale_factor=(0.6, 2.5), mode="bilinear", recompute_scale_factor=True),
        *[
            call(x(1, 2, 4, 4, dtype=d), 3, mode=m)
            for d in FLOATS[1:]
            for m in ("nearest", "bilinear", "area")
        ],
        *[call(x(1, 2, 4, 4, dtype=d), 3) for d in ("uint8", "int64", "bool", "complex64")],
        call(x(0, 2, 4, 4), 2),
        call(x(1, 2, 4, 4, layout="transposed"), 3, mode="bilinear"),
    ),
    (
        call(_IMAGE),
        call(_IMAGE, 2, 2),
        call(_IMAGE, (2, 2, 2)),
        call(_IMAGE, scale_factor=(2, 2, 2)),
        call(_IMAGE, 2.5),
        call(x(3, 4), 2),
        call(_IMAGE, 2, mode="linear"),
        call(_IMAGE, 2, mode="no"),
        call(_IMAGE, 2, align_corners=True),
        *[call(_IMAGE, k) for k in (0, -1)],
        call(_IMAGE, scale_factor=0.1),
        call(x(2, 3, 0, 4), 2),
        call(_IMAGE, 2, recompute_scale_factor=True),
        call(_IMAGE, 2, antialias=True),
        call(_IMAGE, 2, mode="lanczos"),
        call(_IMAGE, 2, mode="lanczos", antialias=True, align_corners=True),
        call(_LINE, 2, mode="bilinear"),
    ),
    **_FORM,
)


def _grid(*shape: int, **facts: Any) -> Array:
    return x(*shape, low=-1, high=1, **facts)


_SHAPES = ((x(1, 2, 4, 3), (1, 2, 3, 2)), (x(2, 1, 3, 4, 2), (2, 2, 1, 3, 3)))
_GRID_SAMPLE = Row(
    "grid_sample",
    (
        *[
            call(at, _grid(*grid), "bilinear", border, aligned)
            for at, grid in _SHAPES
            for border in ("zeros", "border", "reflection")
            for aligned in (False, True)
        ],
        *[
            call(_SHAPES[0][0], x(1, 3, 2, 2), "bicubic", border, aligned)
            for border in ("zeros", "border", "reflection")
            for aligned in (False, True)
        ],
        *[call(at, _grid(*grid), "nearest", align_corners=True) for at, grid in _SHAPES],
        call(x(1, 2, 4, 3, dtype="float64"), _grid(1, 2, 2, 2, dtype="float64"), align_corners=False),
        call(x(0, 3, 4, 4), _grid(0, 5, 5, 2), align_corners=False),
        kink(x(1, 2, 1, 1), _grid(1, 2, 2, 2), padding_mode="reflection", align_corners=True),
    ),
    (
        call(x(2, 3, 4, 4), x(2, 5, 5, 3), align_corners=False),
        call(x(2, 3, 4, 4), x(3, 5, 5, 2), align_corners=False),
        call(x(2, 3, 4, 4), x(2, 5, 5, 2), "no", align_corners=False),
        call(x(2, 3, 4, 4), x(2, 5, 5, 2), "nearest", "no", align_corners=False),
        call(x(2, 3, 4, 4, 4), x(2, 5, 5, 5, 3), "bicubic", align_corners=False),
        call(x(2, 3, 0, 4), x(2, 5, 5, 2), align_corners=False),
        call(x(2, 3, 4), x(2, 5, 2), align_corners=False),
        call(x(2, 3, 4, 4), x(2, 5, 5, 2, dtype="float64"), align_corners=False),
        call(x(2, 3, 4, 4, dtype="int64"), x(2, 5, 5, 2, dtype="int64"), align_corners=False),
    ),
    **_FORM,
)
_AFFINE_GRID = Row(
    "affine_grid",
    (
        *[call(x(2, 2, 3), (2, 1, 4, 5), aligned) for aligned in (True, False)],
        *[call(x(1, 3, 4), [1, 2, 2, 1, 3], aligned) for aligned in (True, False)],
        call(x(1, 2, 3, dtype="float64"), (1, 1, 1, 2), True),
    ),
    (
        call(x(2, 3, 3), (2, 1, 4, 5), False),
        call(x(2, 2, 3), (2, 1, 4), False),
        call(x(2, 2, 3), (3, 1, 4, 5), False),
        call(x(2, 2, 3, dtype="int64"), (2, 1, 4, 5), False),
        call(x(2, 2, 3), (2, 1, 0, 5), False),
    ),
    **_FORM,
)

ROWS = (_INTERPOLATE, _GRID_SAMPLE, _AFFINE_GRID)
