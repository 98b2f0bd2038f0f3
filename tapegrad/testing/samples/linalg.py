"""Matrix products."""

from __future__ import annotations

from tapegrad.testing.samples.base import Call, Row, call, kink, x
from tapegrad.testing.samples.kinds import INTEGERS

_KINDS = ("float64", "float16", *INTEGERS, "int32")


def _pairs(*shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> list[Call]:
    """Products of these shapes; the first one also in other layouts and dtypes."""
    calls = [call(x(*a), x(*b)) for a, b in shapes]
    a, b = shapes[0]
    for layout in ("transposed", "strided", "expanded", "offset"):
        calls += [
            call(x(*a, layout=layout), x(*b)),
            call(x(*a), x(*b, layout=layout)),
            call(x(*a, layout=layout), x(*b, layout=layout)),
        ]
    calls += [call(x(*a, dtype=d), x(*b, dtype=d)) for d in _KINDS]
    return [*calls, call(x(*a, grad=False), x(*b)), call(x(*a), x(*b, grad=False))]


_MM = (
    ((4, 5), (5, 6)),
    ((2, 3), (3, 2)),
    ((1, 3), (3, 1)),
    ((2, 0), (0, 3)),
    ((0, 3), (3, 2)),
    ((2, 3), (3, 0)),
)
_MV = (((4, 5), (5,)), ((2, 3), (3,)), ((2, 0), (0,)), ((0, 3), (3,)))
_DOT = (((20,), (20,)), ((3,), (3,)), ((0,), (0,)))
_BMM = (((3, 4, 5), (3, 5, 2)), ((1, 2, 3), (1, 3, 2)), ((0, 2, 3), (0, 3, 2)), ((2, 3, 0), (2, 0, 4)))
_MORE = (
    ((3,), (3, 4)),
    ((2, 4, 5), (5, 3)),
    ((2, 4, 5), (5,)),
    ((4, 5), (3, 5, 2)),
    ((5,), (3, 5, 2)),
    ((3, 1, 4, 5), (2, 5, 3)),
    ((2, 1, 3), (1, 3, 2)),
    ((2, 0, 3), (3, 2)),
)
_MIXED = (call(x(2, 3), x(3, 2, dtype="float64")), call(x(2, 3), x(3, 2, dtype="int64")))
_WRONG = (call(x(2, 3), x(2, 3)), call(x(2, 3), 2), call(x(2, 3), None))

ROWS = (
    Row(
        "mm",
        tuple(_pairs(*_MM)),
        errors=(*_MIXED, *_WRONG, call(x(3), x(3, 2)), call(x(2, 2, 3), x(3, 2))),
        out=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "mv",
        tuple(_pairs(*_MV)),
        errors=(
            call(x(2, 3), x(2)),
            call(x(3), x(3)),
            call(x(2, 3), x(3, 1)),
            call(x(2, 3), x(3, dtype="float64")),
        ),
        out=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "dot",
        tuple(_pairs(*_DOT)),
        errors=(call(x(3), x(2)), call(x(2, 3), x(3)), call(x(3), x(3, dtype="float64")), call(x(), x())),
        out=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "outer",
        (
            *_pairs(((4,), (6,)), ((3,), (2,)), ((0,), (3,)), ((3,), (0,))),
            call(x(3), x(2, dtype="float64")),
            call(x(3, dtype="int64"), x(2)),
        ),
        errors=(call(x(2, 3), x(3)), call(x(), x(3))),
        out=True,
    ),
    Row(
        "bmm",
        tuple(_pairs(*_BMM)),
        errors=(
            call(x(2, 3), x(3, 2)),
            call(x(2, 2, 3), x(3, 3, 2)),
            call(x(2, 2, 3), x(2, 2, 3)),
            call(x(1, 2, 3), x(1, 3, 2, dtype="float64")),
        ),
        out=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "matmul",
        tuple([c for s in (_MM, _MV, _DOT, _BMM, _MORE) for c in _pairs(*s)]),
        errors=(
            *_MIXED,
            *_WRONG[:2],
            call(x(), x(3)),
            call(x(3), x()),
            call(x(3), x(2)),
            call(x(3), x(2, 3)),
            call(x(2, 3, 4), x(3, 4, 2)),
            call(x(2, 3), x(2)),
            call(x(2, 3, 4), x(5)),
        ),
        operator="matmul",
        out=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "addmm",
        (
            *[
                call(x(*s), x(4, 5), x(5, 6), **k)
                for s in ((4, 6), (6,), (4, 1), (1, 6), (), (1,))
                for k in ({}, {"beta": 0.5, "alpha": 2})
            ],
            call(x(2, 2), x(2, 3), x(3, 2), beta=0),
            call(x(2, 2), x(2, 3), x(3, 2), alpha=0),
            kink(x(2, 2), x(2, 3, values=[[float("nan"), 0, 1], [1, 2, 3]], grad=False), x(3, 2), alpha=0),
            call(x(2, 2), x(2, 0), x(0, 2)),
            call(x(2, 2, dtype="int64"), x(2, 3, dtype="int64"), x(3, 2, dtype="int64"), beta=2, alpha=3),
            call(
                x(2, 2, dtype="float64"),
                x(2, 3, dtype="float64"),
                x(3, 2, dtype="float64", layout="transposed"),
            ),
            call(x(2, 2, values=[[float("nan")] * 2] * 2, grad=False), x(2, 3), x(3, 2), beta=0),
        ),
        errors=(
            call(x(3, 3), x(2, 3), x(3, 2)),
            call(x(2, 2), x(2, 3), x(2, 2)),
            call(x(2, 2), x(3), x(3, 2)),
            call(x(2, 2, dtype="float64"), x(2, 3), x(3, 2)),
            call(x(1, 2, 2), x(2, 3), x(3, 2)),
        ),
        inplace=True,
        out=True,
        ulps=8,
        whole=True,
    ),
)
