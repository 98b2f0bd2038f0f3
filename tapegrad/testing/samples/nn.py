"""The functions of networks."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Array, Call, Name, Row, call, kink, x
from tapegrad.testing.samples.kinds import FLOATS, SHAPES

_BIG = [[1000.0, 0.0, -1000.0], [float("inf"), 1.0, 2.0], [float("nan"), 1.0, 2.0], [-float("inf")] * 3]
_REDUCTIONS = ("mean", "sum", "none")


def _classes(*values: Any, dtype: str = "int64") -> Array:
    shape: tuple[int, ...] = ()
    v: Any = values[0]
    while isinstance(v, list):
        shape, v = (*shape, len(v)), v[0]
    return x(*shape, dtype=dtype, values=values[0])


def _softmax(name: str) -> Row:
    calls = [call(x(*s), d) for s in SHAPES if s for d in (0, -1)]
    calls += [call(x(4, 5, dtype=d), 1) for d in ("float64", "float16")] + [
        call(x(4, 5, layout=at), 0) for at in ("transposed", "strided", "expanded")
    ]
    calls += [kink(x(4, 3, dtype=d, values=_BIG), k) for d in FLOATS for k in (0, 1)]
    calls += [
        call(x(), 0),
        call(x(layout="computed"), -1),
        call(x(2, 3), dim=1, dtype=Name("float64")),
        call(x(2, 3, dtype="int64"), 1, dtype=Name("float32")),
    ]
    bad = (call(x(2, 3), 2), call(x(2, 3, dtype="int64"), 0), call(x(3, dtype="bool"), 0), call(x(), 1))
    return Row(name, tuple(calls), errors=bad, functional=True, ulps=4, whole=True)


def _targets(**facts: Any) -> list[Call]:
    """Class targets: each reduction, weights, ignored classes, further dimensions."""
    calls = []
    for r in _REDUCTIONS:
        calls += [
            call(x(4, 3), _classes([0, 2, 1, 1]), reduction=r),
            call(x(3), _classes(2), reduction=r),
            call(x(2, 3, 2), _classes([[0, 1], [2, 0]]), reduction=r),
        ]
        calls += [
            call(x(4, 3), _classes([0, 2, 1, 1]), x(3, low=1, high=3, grad=False), reduction=r),
            call(x(4, 3), _classes([0, -100, 1, 1]), reduction=r),
            call(x(4, 3), _classes([0, 2, 1, 1]), ignore_index=1, reduction=r),
        ]
        calls += [
            call(
                x(4, 3), _classes([0, 2, 1, 2]), x(3, low=1, high=3, grad=False), ignore_index=2, reduction=r
            ),
            call(x(0, 3), x(0, dtype="int64"), reduction=r),
            kink(x(2, 3), _classes([-100, -100]), reduction=r),
        ]
        calls += [
            call(x(8, 3), _classes([0, 2, 1, 1, 0, 0, 2, 1]), reduction=r),
            call(x(4, 3, dtype="float64", layout="transposed"), _classes([0, 2, 1, 1]), reduction=r),
        ]
    return calls


_BAD_TARGETS = (
    call(x(4, 3), _classes([0, 3, 1, 1])),
    call(x(4, 3), _classes([0, -1, 1, 1])),
    call(x(4, 3), _classes([0, 2, 1])),
    call(x(4, 3), x(4)),
    call(x(4, 3), _classes([0, 2, 1, 1]), x(2, grad=False)),
    call(x(4, 3), _classes([0, 2, 1, 1]), reduction="no"),
    call(x(2, 3, 2), _classes([0, 1])),
    call(x(4, 3), _classes([0, 2, 1, 1], dtype="int32")),
    call(x(4, 3), _classes([0, 2, 1, 1]), x(3, dtype="float64", grad=False)),
)
_LIN = [
    ((2, 3), (4, 3), (4,)),
    ((4, 5), (6, 5), (6,)),
    ((5,), (6, 5), (6,)),
    ((2, 4, 5), (6, 5), (6,)),
    ((2, 3, 4, 5), (1, 5), (1,)),
    ((0, 3), (4, 3), (4,)),
    ((2, 0), (3, 0), (3,)),
    ((2, 3), (0, 3), (0,)),
    ((2, 3), (1, 3), (1,)),
]

ROWS = (
    Row(
        "linear",
        (
            *[call(x(*i), x(*w), x(*b)) for i, w, b in _LIN],
            *[call(x(*i), x(*w)) for i, w, _ in _LIN],
            *[call(x(*i), x(*w), None) for i, w, _ in _LIN[:2]],
            *[
                call(x(4, 5, layout=at), x(6, 5, layout=at), x(6, layout="strided"))
                for at in ("transposed", "strided", "expanded", "offset")
            ],
            call(x(2, 3, grad=False), x(4, 3), x(4)),
            call(x(2, 3), x(4, 3, grad=False), x(4)),
            call(x(2, 3), x(4, 3), x(4, grad=False)),
            call(x(2, 3, dtype="float64"), x(4, 3, dtype="float64"), x(4, dtype="float64")),
            call(x(2, 3, dtype="int64"), x(4, 3, dtype="int64"), x(4, dtype="int64")),
            *[call(x(*s, 3), x(3)) for s in ((), (2,), (4, 2))],
            *[call(x(*s, 3), x(3), x()) for s in ((), (4, 2))],
            *[call(x(2, 3), x(4, 3), x(*s)) for s in ((2, 4), (1, 4), (2, 1), (1, 1))],
            *[call(x(4, 2, 3), x(4, 3), x(*s)) for s in ((2, 4), (4, 2, 4))],
            call(x(3), x(4, 3), x(1, 4)),
            call(x(4, 2, 3), x(4, 3), x(4, 2, 4, dtype="float64")),
        ),
        errors=(
            call(x(2, 3), x(4, 2), x(4)),
            call(x(2, 3), x(4, 3), x(3)),
            call(x(2, 3), x(4, 3, dtype="float64")),
            call(x(2, 3), x(4, 3), x(4, dtype="float64")),
            call(x(), x(4, 3)),
            call(x(2, 3), x(3), x(2)),
            call(x(2, 3), x(3), x()),
            call(x(2, 4), x(3)),
            call(x(2, 3), x(4, 3), x(3, 4)),
            call(x(3), x(4, 3), x(2, 4)),
            call(x(2, 3), x(4, 3), x(1, 2, 4)),
            call(x(2, 3), x(1, 4, 3)),
            call(x(2, 3), 2),
        ),
        function=False,
        method=False,
        functional=True,
        ulps=8,
        whole=True,
    ),
    _softmax("softmax"),
    _softmax("log_softmax"),
    Row(
        "mse_loss",
        (
            *[kink(x(0, dtype=d), x(0, dtype=d), reduction=r) for r in _REDUCTIONS for d in FLOATS],
            *[
                call(x(*s, dtype=d), x(*s, dtype=d), reduction=r)
                for r in _REDUCTIONS
                for s in ((), (1,), (3,), (4, 5), (2, 3, 4))
                for d in FLOATS
            ],
            *[
                call(x(4, 5, layout=at), x(4, 5), reduction=r)
                for r in _REDUCTIONS
                for at in ("transposed", "strided", "expanded")
            ],
            call(x(3), x(3, grad=False)),
            call(x(3, grad=False), x(3)),
            call(x(3), x(3, dtype="float64")),
            call(x(3), x(3, dtype="int64")),
            call(x(4, 5), x(5)),
            call(x(), x(3)),
            *[
                call(x(4, 5), x(4, 5), weight=x(4, 5, low=1, high=3, grad=False), reduction=r)
                for r in _REDUCTIONS
            ],
            call(x(300, 300), x(300, 300)),
        ),
        errors=(
            call(x(3), x(4)),
            call(x(3), x(3), reduction="no"),
            call(x(3), x(3), weight=x(1, grad=False)),
            call(x(5), x(4, 5), weight=x(4, 5, grad=False)),
            call(x(3, dtype="int64"), x(3, dtype="int64")),
        ),
        function=False,
        method=False,
        functional=True,
        ulps=4,
        whole=True,
    ),
    Row(
        "nll_loss",
        (*_targets(), call(x(3), _classes([1]))),
        errors=(
            *_BAD_TARGETS,
            call(x(), _classes(0)),
            call(x(4, 3), _classes([0.0, 1.0, 1.0, 1.0], dtype="float32")),
            call(x(5), _classes([[0, 1], [2, 0]])),
            call(x(5), _classes([0, 1])),
            call(x(1, 3), x(4)),
            call(x(4, 3), _classes(1)),
            call(x(0, 3), _classes(1)),
            call(x(4, 3), _classes([0, 2, 1, 1]), x(3)),
            call(x(4, 3), _classes([0, 5, 1, 1]), x(4, grad=False)),
        ),
        function=False,
        method=False,
        functional=True,
        ulps=4,
        whole=True,
    ),
    Row(
        "cross_entropy",
        (
            *_targets(),
            *[Call(c.args, {**c.kwargs, "label_smoothing": 0.25}, c.smooth) for c in _targets()],
            *[call(x(4, 3), x(4, 3, low=0, high=1), reduction=r) for r in _REDUCTIONS],
            *[
                call(
                    x(4, 3),
                    x(4, 3, low=0, high=1),
                    x(3, low=1, high=3, grad=False),
                    reduction=r,
                    label_smoothing=0.1,
                )
                for r in _REDUCTIONS
            ],
            call(x(3), x(3, low=0, high=1)),
            kink(x(0), x(0), x(0, grad=False), label_smoothing=0.1),
            call(x(3), _classes([1])),
            call(x(2, 3, 2), x(2, 3, 2, low=0, high=1)),
            kink(x(4, 3, values=_BIG), _classes([0, 1, 2, 0])),
        ),
        errors=(
            *_BAD_TARGETS,
            call(x(4, 3), _classes([0, 2, 1, 1]), label_smoothing=1.5),
            call(x(3), _classes([0, 2, 1])),
            call(x(), _classes(2)),
        ),
        function=False,
        method=False,
        functional=True,
        ulps=4,
        whole=True,
    ),
)
