"""Convolutions, transposed convolutions, and borders."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Row, call, x
from tapegrad.testing.samples.kinds import FLOATS

FORM: dict[str, Any] = {"function": False, "method": False, "functional": True, "ulps": 32, "whole": True}
_IN, _OUT = ((2, 4, 6), (2, 4, 6, 5), (2, 2, 4, 3, 5)), ((6, 4, 3), (6, 4, 3, 2), (4, 2, 3, 1, 2))
_BACK = ((4, 3, 3), (4, 3, 3, 2), (2, 4, 3, 1, 2))


def _convolution(n: int) -> Row:
    size, kernel = _IN[n - 1], _OUT[n - 1]
    o, per, *rest = kernel
    every = (2, 1, 3)[:n]
    calls = [
        call(x(*size), x(*kernel), x(o)),
        call(x(*size), x(*kernel)),
        call(x(*size[1:]), x(*kernel), x(o)),
        *[call(x(*size), x(*kernel), x(o), padding=p) for p in ("same", "valid", 1)],
        call(x(*size), x(*kernel), x(o), every, every, 1),
        call(x(*size), x(o, per // 2, *rest), x(o), 1, 1, 2, 2),
        call(x(*size), x(2 * per, 1, *rest), None, groups=per, stride=2, padding=1),
        call(x(*size), x(o, per, *(1,) * n), x(o)),
        call(x(*size), x(o, per, *(1,) * n), stride=2),
        call(x(0, *size[1:]), x(*kernel), x(o)),
        call(x(*size, grad=False), x(*kernel), x(o)),
        call(x(*size), x(*kernel, grad=False)),
        call(x(*size, layout="transposed"), x(*kernel, layout="strided"), x(o, layout="offset")),
        *[call(x(*size, dtype=d), x(*kernel, dtype=d), x(o, dtype=d)) for d in FLOATS],
    ]
    bad = [
        call(x(*size), x(o, per + 1, *rest)),
        call(x(*size), x(*kernel), x(o + 1)),
        call(x(*size), x(*kernel), stride=0),
        call(x(*size), x(*kernel), padding=-1),
        call(x(*size), x(*kernel), padding="no"),
        call(x(*size), x(*kernel), padding="same", stride=2),
        call(x(*size), x(*kernel), dilation=0),
        call(x(*size), x(*kernel), dilation=7),
        *[call(x(*size), x(*kernel), groups=g) for g in (0, 5)],
        call(x(*size), x(*kernel), stride=1.5),
        call(x(*size), x(*kernel), stride=(1,) * (n + 1)),
        call(x(*size), x(*kernel, dtype="float64")),
        call(x(*size), x(*kernel), x(o, dtype="float64")),
        call(x(*size, dtype="bool"), x(*kernel, dtype="bool")),
        call(x(*size), 3),
        call(x(*size), x(*kernel, 1, 1)),
        call(x(3), x(*kernel)),
    ]
    return Row(f"conv{n}d", tuple(calls), tuple(bad), **FORM)


def _transposed(n: int) -> Row:
    size, kernel = _IN[n - 1], _BACK[n - 1]
    c, per, *rest = kernel
    calls = [
        call(x(*size), x(*kernel), x(per)),
        call(x(*size[1:]), x(*kernel)),
        call(x(*size), x(*kernel), x(per), 2, 1, 1),
        call(x(*size), x(*kernel), x(2 * per), 1, 0, 0, 2, 2),
        call(x(*size), x(*kernel), None, (3, 2, 2)[:n], 1, (2, 1, 0)[:n]),
        call(x(*size), x(*kernel), x(per), 1, 0, 1, 1, 2),
        call(x(*size), x(c, 1, *rest), x(c), padding=(2, 0, 0)[:n], groups=c),
        call(x(0, *size[1:]), x(*kernel), x(per)),
        call(x(*size, layout="strided"), x(*kernel, layout="transposed"), x(per, grad=False), 2),
        *[call(x(*size, dtype=d), x(*kernel, dtype=d), x(per, dtype=d), 2) for d in FLOATS],
    ]
    bad = [
        call(x(*size), x(*kernel), stride=2, output_padding=2),
        call(x(*size), x(*kernel), padding=9),
        call(x(*size), x(c + 1, per, *rest)),
        call(x(*size), x(*kernel), x(per + 1)),
        call(x(*size), x(*kernel), groups=3),
        call(x(*size), x(*kernel), padding="same"),
        call(x(*size), x(*kernel, dtype="float64")),
        call(x(3), x(*kernel)),
    ]
    return Row(f"conv_transpose{n}d", tuple(calls), tuple(bad), **FORM)


_MODES = ("reflect", "replicate", "circular")
_PADS = (
    ((2, 3, 5), (1, 2)),
    ((3, 5), (4, -1)),
    ((2, 3, 5, 6), (1, 2, 3, 1)),
    ((3, 5, 6), (-1, 2, 0, -2)),
    ((1, 2, 3, 5, 4), (1, 2, 3, 1, 2, 0)),
    ((2, 3, 5, 4), (0, 0, 0, 1, 1, 1)),
)

_PAD = Row(
    "pad",
    (
        *[call(x(*s), p, mode) for s, p in _PADS for mode in _MODES],
        *[call(x(*s), p) for s, p in _PADS],
        *[call(x(2, 3, 5, dtype=d), (1, 1), mode) for d in (*FLOATS[1:], "int64", "bool") for mode in _MODES],
        *[call(x(2, 3, 5, layout=at), (1, 1), mode) for at in ("transposed", "expanded") for mode in _MODES],
        call(x(2, 3), (1, 1), value=2.5),
        call(x(2, 3), [1, 1, 0, 2], "constant", -1),
        call(x(0, 3, 5), (1, 1), "replicate"),
    ),
    (
        call(x(2, 3, 5), (1, 1, 1)),
        call(x(2, 3, 5), (1, 1, 1), "reflect"),
        call(x(2, 3, 5), (1,) * 8),
        call(x(2, 3, 5), (1, 1), "no"),
        call(x(2, 3, 5), (1, 1), "reflect", 2.0),
        call(x(2, 3, 5), (5, 1), "reflect"),
        call(x(2, 3, 5), (1, 6), "circular"),
        call(x(2, 3, 5), (-3, -3), "replicate"),
        call(x(5), (1, 1), "reflect"),
        call(x(2, 3, 5, 4), (1, 1), "replicate"),
        call(x(2, 3, 0), (1, 1), "replicate"),
    ),
    **{**FORM, "ulps": 0},
)

ROWS = (*[_convolution(n) for n in (1, 2, 3)], *[_transposed(n) for n in (1, 2, 3)], _PAD)
