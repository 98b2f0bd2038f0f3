"""Sorting, and what sorting finds."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.testing.samples.base import Array, Call, Row, call, kink, x
from tapegrad.testing.samples.kinds import FLOATS, edge

_NAN, _INF = float("nan"), float("inf")
_NANS = [[1.0, _NAN, 3.0], [_INF, 2.0, -_INF], [_NAN, 0.5, _NAN], [_NAN, _NAN, _NAN]]
_TIES = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [-1.0, -1.0, -2.0]]
_LAYOUTS = ("transposed", "strided", "offset", "computed")


def _apart(*shape: int, dtype: str = "float32", **facts: Any) -> Array:
    """An argument whose elements all differ."""
    n = int(np.prod(shape))
    values = np.arange(n) * 7 % max(n, 1) if n % 7 else np.arange(n) * 5 % max(n, 1)
    return Array(shape, dtype, values=values * 0.37 - n / 9 if dtype in FLOATS else values, **facts)


def _along(*more: Any) -> list[Call]:
    """Calls along dimensions, of elements that differ; `more` are arguments behind the input."""
    shapes = ((), (1,), (3,), (4, 5), (2, 3, 4), (0, 3), (3, 0, 2), (22,), (3, 40))
    calls = [call(_apart(*s), *more) for s in shapes]
    calls += [call(_apart(2, 3, 4), *more, dim=d) for d in (0, 1, 2, -1, -2)]
    calls += [call(_apart(4, 5), *more, axis=0), call(_apart(), *more, dim=-1)]
    calls += [call(_apart(4, 5, layout=at), *more, dim=0) for at in _LAYOUTS]
    return calls + [call(_apart(4, 3, dtype=d), *more) for d in ("float64", "int64", "int32", "uint8")]


def _reducing(*more: Any) -> list[Call]:
    """The same of functions with keepdim."""
    calls = _along(*more)
    calls += [call(_apart(4, 5), *more, 0, True), call(_apart(4, 5), *more, dim=1, keepdim=True)]
    return [*calls, call(_apart(4, 5), *more, axis=1, keepdims=True), call(_apart(), *more, 0, True)]


def _bad_dims(*more: Any) -> tuple[Call, ...]:
    dims: tuple[Any, ...] = (1, -2, "x")
    return (*[call(x(3), *more, dim=d) for d in dims], call(x(2, 3), *more, dim=2), call(x(), *more, dim=1))


def _grids(values: Any, *more: Any, dtypes: tuple[str, ...] = FLOATS) -> list[Call]:
    shape = np.shape(values)
    return [kink(x(*shape, dtype=d, values=values), *more, dim=i) for d in dtypes for i in (0, 1)]


_ORDERS: tuple[dict[str, Any], ...] = (
    {},
    {"descending": True},
    {"stable": True},
    {"stable": False, "dim": 0},
)
_MANY_EQUAL = tuple([kink(x(5, 40, dtype=d, low=-1, high=2), dim=1) for d in ("int64", "bool", "uint8")])
_SORTED = (
    *_along(),
    *[call(_apart(4, 5), **k) for k in _ORDERS],
    *[kink(x(40, values=[float(i % 3) for i in range(40)]), **k) for k in _ORDERS],
    *[kink(edge(d), **k) for d in FLOATS for k in _ORDERS],
    *_grids(_NANS),
    *_grids(_TIES),
    *_MANY_EQUAL,
    call(_apart(4, 5), 0, True),
)
_QUANTILES: tuple[Any, ...] = (
    0.3,
    0,
    1,
    0.5,
    x(values=0.4, grad=False),
    x(3, values=[0.2, 0.9, 0.2], grad=False),
)


def _quantile(name: str, *extra: Call) -> Row:
    calls = [call(_apart(*s), q) for s in ((), (1,), (3,), (4, 5), (2, 3, 4)) for q in _QUANTILES]
    calls += [call(_apart(2, 3, 4), q, d) for q in (0.3, _QUANTILES[-1]) for d in (0, 1, -1)]
    calls += [call(_apart(2, 3, 4), q, 1, True) for q in (0.3, _QUANTILES[-1])]
    calls += [call(_apart(2, 3), q, keepdim=True) for q in (0.3, _QUANTILES[-1])]
    calls += [call(_apart(4, 5, layout=at), 0.7, dim=0) for at in _LAYOUTS]
    calls += [call(_apart(3, 4, grad=False), 0.4, d) for d in (None, 0, 1)]
    for way in ("linear", "lower", "higher", "midpoint", "nearest"):
        calls += [call(_apart(7), q, interpolation=way) for q in (0.3, 0.45, 0.8, _QUANTILES[-1])]
        calls += [
            kink(x(3, 3, dtype="float32", values=v), 0.4, 1, interpolation=way) for v in (_NANS[:3], _TIES)
        ]
    calls += [call(_apart(7, dtype="float64"), x(2, dtype="float64", values=[0.3, 0.45]), 0)]
    calls += [call(_apart(3, 4), x(values=0.6), 1), call(_apart(), 0.5, 0), kink(_apart(101), 0.123)]
    errors = (
        *_bad_dims(0.5),
        call(x(3), 2.0),
        call(x(3), -0.1),
        call(x(3), _NAN),
        call(x(3, dtype="int64"), 0.5),
        call(x(3, dtype="float16"), 0.5),
        call(x(3), x(dtype="float64", values=0.5)),
        call(x(3), x(1, 1, values=0.5)),
        call(x(3), x(2, values=[0.5, 2.0])),
        call(x(3), x(2, values=[0.5, 2.0]), 1),
        call(x(0), 0.5),
        call(x(2, 0), 0.5, 0),
        call(x(3), 0.5, interpolation="cubic"),
        call(x(3), [0.5]),
    )
    return Row(name, (*calls, *extra), errors=errors, ulps=2, whole=True)


def _median(name: str) -> Row:
    calls = [call(_apart(*s)) for s in ((), (1,), (3,), (4, 5), (2, 3, 4), (0,), (2, 0), (22,), (1001,))]
    calls += [c for c in _reducing() if "dim" in c.kwargs or "axis" in c.kwargs or len(c.args) > 1]
    calls += [call(_apart(4, 3, dtype=d)) for d in ("float64", "int64", "int32", "uint8")]
    calls += [kink(x(*np.shape(v), dtype=d, values=v)) for v in (_NANS, _TIES, _NANS[2:]) for d in FLOATS]
    calls += [
        call(x(0, dtype="int64")),
        call(_apart(0, 3), 1),
        *_grids(_NANS),
        kink(x(2, 0, grad=False), dim=0),
    ]
    errors = (*_bad_dims(), call(x(2, 0), 1), call(x(3, dtype="bool")), call(x(3, dtype="bool"), 0))
    return Row(name, tuple(calls), errors=errors)


ROWS = (
    Row("sort", (*_SORTED, *_along(-1, True)[:9]), errors=_bad_dims()),
    Row("argsort", (*_SORTED, *_along(-1, True)[:9]), errors=_bad_dims(), derivative=False),
    Row(
        "msort",
        tuple([c for c in _SORTED if not c.kwargs and len(c.args) == 1]),
        errors=(call([1.0]),),
        out=True,
    ),
    Row(
        "topk",
        (
            *[c for c in _along(1) if 0 not in c.arrays()[0].shape],
            *[
                call(_apart(4, 5), k, **f)
                for k in (0, 2, 5)
                for f in ({}, {"largest": False}, {"dim": 0})
                if k < 5 or not f
            ],
            call(_apart(4, 5), 2, 0, True, False),
            call(_apart(2, 0), 0),
            *[call(_apart(2, 300, dtype=d), 7, largest=f) for d in (*FLOATS, "int64") for f in (True, False)],
            *[kink(x(3, 3, values=_NANS[:3]), 1, largest=f) for f in (True, False)],
            kink(
                x(200, values=[_NAN if i % 71 == 3 else i * 37 % 200 for i in range(200)], grad=False),
                3,
                largest=False,
            ),
        ),
        errors=(
            *_bad_dims(1),
            call(x(3), 4),
            call(x(3), -1),
            call(x(3), 1.0),
            call(x(), 2),
            call(x(3, dtype="bool"), 1),
        ),
    ),
    Row(
        "kthvalue",
        (
            *[c for c in _reducing(1) if c.arrays()[0].shape != (3, 0, 2)],
            *[call(_apart(4, 5), k) for k in (2, 5)],
            *[call(_apart(2, 300, dtype=d), 7) for d in (*FLOATS, "int64")],
            kink(x(5, values=[2.0, _NAN, 1.0, _INF, -_INF]), 5),
        ),
        errors=(
            *_bad_dims(1),
            *[call(x(3), k) for k in (0, 4, -1, 1.0)],
            call(x(2, 0), 1),
            call(x(3, dtype="bool"), 1),
            call(x(), 2),
        ),
    ),
    _median("median"),
    _median("nanmedian"),
    Row(
        "mode",
        (*_reducing(), *_grids(_NANS), *_grids(_TIES), *_MANY_EQUAL, kink(x(3, 12, low=0, dtype="int64"))),
        errors=(*_bad_dims(), call(x(2, 0), 1), call(x(0))),
    ),
    _quantile("quantile"),
    _quantile("nanquantile", *[kink(x(4, 3, values=_NANS), 0.4), kink(x(4, 3, values=_NANS), 0.6, 1)]),
)
