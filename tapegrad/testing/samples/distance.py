"""Distances, norms, and what is scaled by them."""

from __future__ import annotations

from tapegrad.testing.samples.base import Call, Row, call, kink, x
from tapegrad.testing.samples.kinds import FLOATS

_INF = float("inf")
_ORDERS = (2, 1, 3, 0, 1.5, _INF)
_NEAR = x(3, 3, values=[[0.0, 0.0, 1.0], [0.5, -1.0, 1.0], [0.0, 0.0, 1.0]])
_SHAPES = (((3,), (3,)), ((4, 5), (4, 5)), ((4, 5), (5,)), ((4, 1), (1, 5)), ((), ()))


def _pairs(**facts: object) -> list[Call]:
    return [call(x(*a), x(*b), **facts) for a, b in _SHAPES]


ROWS = (
    Row(
        "dist",
        (
            *_pairs(),
            *[call(x(4, 5), x(4, 5), p) for p in (*_ORDERS, -1, -_INF) if p],
            call(x(4, 5, grad=False), x(4, 5, grad=False), 0),
            call(x(3, dtype="float64"), x(3)),
            kink(x(3, values=[1.0, 2.0, 3.0]), x(3, values=[1.0, 2.0, 3.0])),
            call(x(0), x(0)),
        ),
        errors=(
            call(x(2), x(3)),
            call(x(3, dtype="int64"), x(3, dtype="int64")),
            call(x(3), x(3), "x"),
            call(x(3), 1.0),
        ),
        ulps=8,
        whole=True,
    ),
    Row(
        "pairwise_distance",
        (
            *_pairs(),
            *[call(x(4, 5), x(4, 5), p) for p in (1.0, 3.0, _INF)],
            call(x(4, 5), x(4, 5), 2.0, 1e-3, True),
            call(x(4, 5, dtype="int64"), x(4, 5, dtype="int64")),
            kink(x(2, 3, values=[[1.0] * 3] * 2), x(2, 3, values=[[1.0] * 3] * 2)),
        ),
        errors=(call(x(2, 3), x(2, 4)), call(x(2, 3), 1.0)),
        method=False,
        functional=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "cosine_similarity",
        (
            *[call(x(*a), x(*b), dim=d) for a, b in _SHAPES for d in (0, -1)],
            *[call(x(2, 3, 4), x(2, 3, 4)), call(x(2, 3, 4), x(4), 2), call(x(4, 5), x(4, 5), 1, 0.5)],
            call(x(4, 5, dtype="float64"), x(4, 5)),
            call(x(4, 5), x(5, dtype="int64")),
            kink(x(2, 3, values=[[0.0] * 3] * 2, grad=False), x(2, 3)),
            kink(x(2, 3, low=0), x(2, 3, low=0), eps=100.0),
        ),
        errors=(
            call(x(3, dtype="int64"), x(3, dtype="int64"), dim=0),
            call(x(2, 3), x(2, 4)),
            call(x(2, 3), x(2, 3), dim=3),
            call(x(), x()),
            call(x(2, 3), 1.0),
        ),
        method=False,
        functional=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "cdist",
        (
            *[call(x(3, 4), x(5, 4), p) for p in _ORDERS],
            *[call(x(2, 3, 4, dtype=d), x(2, 5, 4, dtype=d)) for d in FLOATS],
            call(x(2, 1, 3, 4), x(5, 4)),
            call(x(30, 3, dtype="float64"), x(4, 3, dtype="float64")),
            *[
                call(x(3, 4, dtype="float64"), x(5, 4, dtype="float64"), compute_mode=m)
                for m in ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
            ],
            *[kink(_NEAR, x(2, 3, values=[[0.0, 0.0, 1.0], [1.0, 2.0, 3.0]]), p) for p in (2, 1, 3, 0)],
            call(x(0, 3), x(4, 3)),
            call(x(2, 0, grad=False), x(4, 0, grad=False)),
            call(x(4, 3, layout="transposed"), x(2, 3, layout="strided"), 3),
        ),
        errors=(
            call(x(2, 3), x(4, 2)),
            call(x(3), x(4, 3)),
            call(x(2, 2, 3), x(3, 4, 3)),
            call(x(2, 3), x(4, 3, dtype="float64")),
            call(x(2, 3), x(4, 3), -1),
            call(x(2, 3, dtype="int64"), x(4, 3, dtype="int64")),
            call(x(2, 3, dtype="float16"), x(4, 3, dtype="float16")),
            call(x(2, 3), x(4, 3), compute_mode="x"),
        ),
        method=False,
        ulps=16,
        whole=True,
    ),
    Row(
        "pdist",
        (
            *[call(x(4, 3), p) for p in _ORDERS],
            call(x(4, 3)),
            call(x(4, 3, dtype="float64"), p=3.0),
            call(x(5, 2, layout="transposed")),
            kink(_NEAR),
            call(x(1, 3)),
            call(x(2, 3)),
        ),
        errors=(call(x(3)), call(x(2, 2), -1.0), call(x(2, 2, dtype="int64"))),
        method=False,
        functional=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "renorm",
        (
            *[call(x(4, 5), p, d, 1.5) for p in (1, 2, 3.5, _INF) for d in (0, 1, -1)],
            call(x(2, 3, 4), 2, 1, 2.0),
            call(x(4, 5, dtype="float64"), p=2, dim=0, maxnorm=100),
            call(x(4, 5, layout="transposed"), 2, 0, 0.5),
        ),
        errors=(
            call(x(3), 2, 0, 1.0),
            call(x(2, 3), 0, 0, 1.0),
            call(x(2, 3), 2, 5, 1.0),
            call(x(2, 3), 2, 0, -1.0),
            call(x(2, 3, dtype="int64"), 2, 0, 1.0),
        ),
        inplace=True,
        out=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "frobenius_norm",
        (
            *[call(x(2, 3, 4), d) for d in (0, 1, -1, (0, 2), [1], ())],
            call(x(4, 5), 1, True),
            call(x(4, 5, dtype="float64"), (0, 1)),
            kink(x(2, 2, values=[[0.0] * 2] * 2), 0),
        ),
        errors=(call(x(2, 3)), call(x(2, 3, 4), (0, 1, 2)), call(x(3, dtype="int64"), 0), call(x(3), 1)),
        method=False,
        ulps=8,
        whole=True,
    ),
    Row(
        "norm_except_dim",
        (
            *[call(x(2, 3, 4), 2, d) for d in (0, 1, 2, -1)],
            *[call(x(4, 5), p, 0) for p in (1, 3)],
            call(x(4, 5)),
            call(x(4, 5, layout="transposed"), 2, 1),
            call(x(3), 2, 0),
        ),
        errors=(call(x(2, 3), 2, 5), call(x(2, 3, dtype="int64"), 2, 0)),
        method=False,
        ulps=8,
        whole=True,
    ),
    Row(
        "trace",
        (
            *[call(x(*s)) for s in ((3, 3), (2, 4), (4, 2), (0, 3))],
            *[call(x(3, 3, dtype=d)) for d in ("float64", "int64", "int32", "uint8")],
            call(x(3, 4, layout="transposed")),
        ),
        errors=(call(x(3)), call(x()), call(x(2, 2, 2)), call(x(2, 2, dtype="bool"))),
        ulps=4,
        whole=True,
    ),
)
