"""Attention, and what else combines vectors."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Array, Row, call, x

_FORM: dict[str, Any] = {"function": False, "method": False, "functional": True, "ulps": 16, "whole": True}
_LOW = float("-inf")


def _of(*shapes: tuple[int, ...], **facts: Any) -> list[Array]:
    return [x(*s, **facts) for s in shapes]


_THREE = ((2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 3))
_SQUARE = ((2, 3, 4),) * 3
_SOME = x(3, 5, dtype="bool", values=[[True, False, True, True, False]] * 2 + [[False] * 5])

ROWS = (
    Row(
        "scaled_dot_product_attention",
        (
            call(*_of(*_THREE)),
            call(*_of(*_SQUARE)),
            call(*_of((3, 4), (5, 4), (5, 2))),
            call(*_of((2, 0, 3), (2, 0, 3), (2, 0, 3))),
            *[call(*_of(*_THREE), x(*s)) for s in ((3, 5), (2, 1, 3, 5), (5,), (1, 5))],
            call(*_of(*_THREE), _SOME),
            call(*_of(*_THREE), x(3, 5, values=[[0.0] * 5, [_LOW] * 5, [1.0] * 4 + [_LOW]], grad=False)),
            call(*_of(*_THREE), is_causal=True),
            call(*_of(*_SQUARE), None, 0.0, True, scale=0.25),
            call(*_of((2, 4, 3, 4), (2, 2, 5, 4), (2, 1, 5, 4)), enable_gqa=True),
            call(*_of((2, 2, 3, 4), (1, 2, 5, 4), (2, 1, 5, 3))),
            *[call(*_of(*_SQUARE, dtype=d), x(3, 3, dtype=d)) for d in ("float64", "float16")],
            *[call(*_of(*_SQUARE, layout=at)) for at in ("transposed", "strided", "expanded")],
            *[call(x(3, 4, grad=i == 0), x(5, 4, grad=i == 1), x(5, 4, grad=i == 2)) for i in range(3)],
            call(x(3, 4, grad=False), x(5, 4, grad=False), x(5, 4, grad=False), x(3, 5)),
        ),
        (
            call(*_of((3,), (3,), (3,))),
            call(*_of((2, 3), (2, 4), (2, 3))),
            call(*_of((2, 3), (2, 3), (3, 3))),
            call(x(2, 3), x(2, 3, dtype="float64"), x(2, 3)),
            call(*_of((2, 3), (2, 3), (2, 3)), x(2, 2), is_causal=True),
            call(*_of((2, 3), (2, 3), (2, 3)), x(2, 2, dtype="float64")),
            call(*_of((2, 3), (2, 3), (2, 3)), x(2, 2, dtype="int64")),
            call(*_of((2, 3), (2, 3), (2, 3)), x(3, 3)),
            call(*_of((2, 3), (2, 3), (2, 3)), dropout_p=1.5),
            call(*_of((2, 6, 4, 8), (2, 3, 5, 8), (2, 3, 5, 8))),
            call(*_of((2, 6, 4, 8), (2, 4, 5, 8), (2, 4, 5, 8)), enable_gqa=True),
            call(*_of((4, 8), (5, 8), (5, 8)), enable_gqa=True),
            call(x(2, 3), x(2, 3), 3),
        ),
        **_FORM,
    ),
    Row(
        "normalize",
        (
            *[call(x(*s)) for s in ((3, 4), (2, 3, 4), (0, 3))],
            *[call(x(3, 4), p=p, dim=d) for p in (1.0, 3.0, float("inf")) for d in (0, -1)],
            call(x(3, 4), 2.0, 0, 0.5),
            call(x(3), dim=0),
            call(x(2, 3, 4), dim=(1, 2)),
            *[call(x(3, 4, dtype=d)) for d in ("float64", "float16", "complex64")],
            *[call(x(3, 4, layout=at)) for at in ("transposed", "strided")],
        ),
        (call(x(3)), call(x(3, 4), dim=2), call(x(3, 4, dtype="int64"))),
        **_FORM,
    ),
    Row(
        "bilinear",
        (
            call(x(5, 4), x(5, 3), x(2, 4, 3), x(2)),
            call(x(5, 4), x(5, 3), x(2, 4, 3)),
            call(x(4), x(3), x(2, 4, 3), x(2)),
            call(x(2, 5, 4), x(2, 5, 3), x(1, 4, 3), None),
            call(*[x(*s, dtype="float64") for s in ((5, 4), (5, 3), (2, 4, 3), (2,))]),
            *[call(x(5, 4, layout=at), x(5, 3, layout=at), x(2, 4, 3)) for at in ("transposed", "strided")],
        ),
        (
            call(x(5, 4), x(4, 3), x(2, 4, 3)),
            call(x(5, 4), x(5, 3), x(2, 3, 3)),
            call(x(5, 4), x(5, 3), x(2, 4, 3), x(3)),
            call(x(5, 4), x(5, 3), x(4, 3)),
            call(x(5, 4), x(5, 3, dtype="float64"), x(2, 4, 3)),
        ),
        **_FORM,
    ),
)
