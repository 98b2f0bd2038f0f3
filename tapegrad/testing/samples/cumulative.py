"""Running totals, differences, the trapezoidal rule."""

from __future__ import annotations

from dataclasses import replace

from tapegrad.testing.samples.base import Array, Call, Name, Row, call, kink, x
from tapegrad.testing.samples.kinds import DTYPES, FLOATS, edge, laid_out

_NANS = [[1.0, float("nan"), 3.0], [float("inf"), 2.0, -float("inf")], [-0.0, 0.0, -0.0]]
_TIES = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [-1.0, -1.0, -2.0]]
_ZEROS = [[0.0, 2.0, 3.0], [0.5, 0.0, 4.0], [1.5, 5.0, 6.0], [0.0, 0.0, 2.0]]


def _along(*, dtypes: tuple[str, ...] = DTYPES, low: int = -2, high: int = 2) -> list[Call]:
    """Calls along a dimension: positions, names, layouts, dtypes, empty ones."""
    calls = [
        call(x(*s, low=low, high=high), 0) for s in ((), (1,), (3,), (4, 5), (2, 3, 4), (0,), (2, 0), (0, 2))
    ]
    calls += [call(x(2, 3, 4, low=low, high=high), d) for d in (1, 2, -1, -3)]
    calls += [call(x(low=low, high=high), -1), call(x(4, 5, low=low, high=high), dim=1), call(x(2, 0), 1)]
    calls += [call(a, 1) for a in laid_out(low=low, high=high) if a.shape]
    calls += [call(x(40, low=low, high=high), 0), call(x(3, 20, dtype="float64", low=low, high=high), 1)]
    for dtype in dtypes:
        calls += [
            call(x(4, 5, dtype=dtype, low=low, high=high), 1),
            call(x(dtype=dtype, low=low, high=high), 0),
        ]
    return calls


_BAD_DIM = (
    call(x(3), 1),
    call(x(3), -2),
    call(x(2, 3), dim=2),
    call(x(), 1),
    call(x(3), "x"),
    call(x(3), 0.5),
)
_SPECIAL = tuple(
    [kink(x(3, 3, dtype=d, values=v), i) for v in (_NANS, _TIES) for d in FLOATS for i in (0, 1)]
)
# torch's own gradients there depend on whether they are recorded.
_WITHOUT_GRADIENT = tuple([c.map(Array, lambda a: replace(a, grad=False)) for c in _SPECIAL])
_TO = tuple(
    [
        call(x(4, 5, dtype=d, low=1, high=4, grad=t.startswith("float")), 0, dtype=Name(t))
        for d, t in (("float32", "float64"), ("int64", "float32"), ("float64", "int32"), ("bool", "float64"))
    ]
)

_PLACES = x(4, values=[-1.0, 0.5, 1.0, 3.5], grad=False)

ROWS = (
    Row(
        "cumsum",
        (*_along(), *_SPECIAL, *_TO, call(x(2, 3), axis=1), call(x(2000), 0)),
        errors=(*_BAD_DIM, call(x(3))),
        inplace=True,
        out=True,
        ulps=2,
        whole=True,
    ),
    Row(
        "cumprod",
        (
            *_along(low=1, high=3),
            *_WITHOUT_GRADIENT,
            *_TO,
            call(x(2, 3), axis=1),
            *[call(x(4, 3, dtype=d, values=_ZEROS), i) for d in FLOATS for i in (0, 1, -1)],
        ),
        errors=(*_BAD_DIM, call(x(3))),
        inplace=True,
        out=True,
        ulps=8,
        whole=True,
    ),
    Row(
        "logcumsumexp",
        (
            *_along(dtypes=FLOATS),
            *[kink(x(3, 3, dtype=d, values=_TIES), i) for d in FLOATS for i in (0, 1)],
            kink(x(4, values=[-float("inf"), 1.0, 2.0, -1.0], grad=False), 0),
            kink(edge(), 0),
            kink(x(3, values=[-500.0, 0.5, 900.0]), 0),
            *[call(x(3, 4, dtype=d), i) for d in ("complex64", "complex128") for i in (0, -1)],
            call(x(dtype="complex64"), 0),
            kink(x(3, dtype="complex64", values=[-float("inf"), 1.0 + 2j, 0.5 - 1j], grad=False), 0),
            kink(x(3, dtype="complex64", values=[500 + 3j, -800 + 1j, 900 - 3j], grad=False), 0),
        ),
        errors=(*_BAD_DIM, call(x(3, dtype="int64"), 0), call(x(3, dtype="bool"), 0)),
        out=True,
        ulps=8,
    ),
    *[
        Row(
            name,
            (*_along(), *_SPECIAL, kink(edge(), 0)),
            errors=(*_BAD_DIM, call(x(3))),
        )
        for name in ("cummax", "cummin")
    ],
    Row(
        "diff",
        (
            *[call(x(*s)) for s in ((1,), (2,), (5,), (4, 5), (2, 3, 4), (0,), (2, 0))],
            *[call(x(6), n=n) for n in (0, 1, 2, 3, 7)],
            *[call(x(2, 3, 4), 1, d) for d in (0, 1, -1)],
            *[call(x(4, 5, dtype=d), n=n) for d in DTYPES for n in (1, 2)],
            *[call(a, dim=0) for a in laid_out() if a.shape],
            call(x(2, 3), prepend=x(2, 1), append=x(2, 2)),
            call(x(2, 3), dim=0, append=x(1, 3)),
            call(x(3), prepend=x(2, dtype="int64")),
            kink(edge()),
        ),
        errors=(
            call(x()),
            call(x(3), dim=1),
            call(x(3), n=-1),
            call(x(2, 3), prepend=x(1)),
            call(x(2, 3), append=x(1, 1)),
            call(x(3), append=x()),
        ),
        out=True,
    ),
    Row(
        "gradient",
        (
            *[call(x(*s)) for s in ((2,), (5,), (3, 4), (2, 3, 4))],
            *[call(x(*s), edge_order=2) for s in ((3,), (5,), (3, 4))],
            *[call(x(4, dtype=d)) for d in ("float64", "int64")],
            call(x(5), spacing=2.5),
            call(x(5), spacing=x(values=2.0, grad=False)),
            call(x(3, 4), spacing=[1, 2.0]),
            call(x(3, 4), spacing=2, dim=1),
            call(x(3, 4), dim=(0, -1)),
            *[call(x(4), spacing=(_PLACES,), edge_order=k) for k in (1, 2)],
            *[call(x(3, 4), spacing=(_PLACES,), dim=1, edge_order=k) for k in (1, 2)],
            *[call(x(4, 3), spacing=(_PLACES,), dim=0, edge_order=k) for k in (1, 2)],
            call(x()),
        ),
        errors=(
            call(x(1)),
            call(x(2), edge_order=2),
            call(x(3), edge_order=3),
            call(x(3, 3), spacing=[1, 2], dim=0),
            call(x(3, 3), dim=(0, 0)),
            call(x(3, 3), dim=4),
            call(x(3), spacing=x(3)),
            call(x(3, 3), spacing=(x(), x())),
            call(x(3, dtype="uint8")),
        ),
        method=False,
        ulps=8,
        whole=True,
    ),
    *[
        Row(
            name,
            (
                *[call(x(*s)) for s in ((1,), (2,), (5,), (4, 5), (2, 3, 4))],
                *[call(x(*s, grad=False)) for s in ((0,), (3, 0))],
                *[call(x(4, 5), **k) for k in ({"dx": 0.5}, {"dx": 2}, {"dim": 0}, {"dim": 0, "dx": 3.0})],
                *[call(x(4, 5, dtype=d)) for d in ("float64", "int64", "uint8")],
                *[call(a, dim=0) for a in laid_out() if a.shape],
                call(x(4), _PLACES),
                call(x(3, 4), _PLACES),
                call(x(4, 3), _PLACES, dim=0),
                call(x(3, 4), x(3, 4)),
                call(x(3, 4), x(1, 4)),
                call(x(4, dtype="int64"), x(4, dtype="int64")),
                call(x(1), x(1)),
                call(x(3, 1), x()),
                call(x(2, 3), x(), dim=0),
            ),
            errors=(
                call(x()),
                call(x(3), dim=1),
                call(x(2, 3), x(2)),
                call(x(3), x()),
                call(x(3, dtype="bool")),
                call(x(3), x(3, dtype="bool")),
                call(x(3), x(3), dx=2),
            ),
            method=False,
            ulps=4,
            whole=True,
        )
        for name in ("trapezoid", "trapz", "cumulative_trapezoid")
    ],
)
