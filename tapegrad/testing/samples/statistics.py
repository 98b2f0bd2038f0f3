"""Sums without nan, moments, covariances, histograms, distinct elements, places in sorted rows."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Array, Call, Name, Row, call, kink, x
from tapegrad.testing.samples.kinds import FLOATS, edge
from tapegrad.testing.samples.reduce import BAD_DIM, EMPTY, INTS, MANY, TWICE, over, special

_NAN, _INF = float("nan"), float("inf")
_HOLES = [[1.0, _NAN, 3.0], [_INF, 2.0, _NAN], [-0.0, 0.5, -0.0], [_NAN] * 3]
_TO = tuple(
    [
        call(x(4, 5, dtype=d, low=1, high=4, grad=t.startswith("float")), dtype=Name(t))
        for d, t in (("float32", "float64"), ("float64", "int32"), ("float32", "int64"))
    ]
)


def _holes() -> list[Call]:
    grids = [x(4, 3, dtype=d, values=_HOLES) for d in FLOATS]
    return [kink(g, **k) for g in grids for k in ({}, {"dim": 0}, {"dim": 1, "keepdim": True})]


def _flat(values: Any, dtype: str = "int64", **facts: Any) -> Array:
    return x(len(values), dtype=dtype, values=values, **facts)


def _still(values: Any, dtype: str = "float32") -> Array:
    """A 1-d argument that asks for no gradient."""
    return _flat(values, dtype, grad=False)


_IMPORTANCE = _flat([0.1, 2.0, 1.0], "float32")


def _both_moments(name: str) -> Row:
    forms: tuple[dict[str, Any], ...] = (
        {"correction": 0},
        {"correction": 2},
        {"unbiased": False},
        {"dim": 0, "unbiased": False},
        {"dim": 1, "correction": 0, "keepdim": True},
        {"dim": (0, 1)},
        {"axis": 0, "keepdims": True},
    )
    calls = [c for c in over(MANY, dtypes=FLOATS) if c.arrays()[0].shape not in ((), (1,))]
    calls = [c for c in calls if () not in (*c.args, c.kwargs.get("dim"), c.kwargs.get("axis"))]
    calls += [call(x(4, 5), **k) for k in forms] + [call(x(4, 5), False), call(x(4, 5), 0, False, True)]
    calls += [kink(x(1)), kink(x()), kink(x(1), correction=0), kink(x(2, 0), 1)]
    errors = (call(x(3, dtype="int64")), call(x(3, dtype="bool"), 0), *BAD_DIM, *TWICE)
    return Row(name, tuple(calls), errors=errors, method=False, ulps=4, whole=True)


_DISTINCT = (
    *[call(x(*s, dtype="int64")) for s in ((), (1,), (0,), (30,), (4, 5), (2, 3, 4))],
    *[call(x(20, dtype=d)) for d in ("bool", "uint8", "int32")],
    call(_flat([0.5, -0.0, 0.0, 1.5, 0.5, _NAN, _NAN], "float32")),
    call(_flat([2.0, 2.0, -1.0, -1.0, 2.0], "float64"), return_inverse=True),
    call(_still([2.0, 2.0, -1.0, -1.0, 2.0], "float64"), return_counts=True),
    *[
        call(x(4, 6, dtype="int64"), return_inverse=i, return_counts=c)
        for i in (True, False)
        for c in (True, False)
    ],
    call(x(0), return_inverse=True, return_counts=True),
    call(x(dtype="int64"), return_inverse=True, return_counts=True),
    *[
        call(x(12, 2, dtype=d, low=0), return_inverse=True, return_counts=True, dim=0)
        for d in ("int64", "bool")
    ],
    call(x(2, 14, dtype="int64"), dim=1, return_counts=True),
    call(x(2, 14, dtype="int64"), dim=-1),
    call(x(2, 2, 9, dtype="int64", low=0), dim=2, return_inverse=True),
    call(_flat([1.5, 2.5, 1.5], "float32"), dim=0),
    call(x(5, 4, dtype="int64", layout="transposed"), dim=0, return_inverse=True),
    call(x(0, 2), dim=0),
    call(x(2, 0), dim=1),
)
_NO_SLICES = (call(x(dtype="int64"), dim=0), call(x(3), dim=1), call(x(2, 0), dim=0), call([1]))
_ROWS = x(2, 5, dtype="int64", values=[[0, 2, 2, 5, 9], [-3, -1, 0, 0, 4]])
_EDGES = _still([-1.0, 0.5, 0.5, 2.0])
_LOOKED = (
    *[call(_EDGES, x(*s, grad=False), **k) for s in ((), (3,), (4, 5), (0,)) for k in ({}, {"right": True})],
    call(_EDGES, _still([-1.0, 0.5, 2.0, 3.0, _INF, -_INF, _NAN])),
    call(_EDGES, _still([-1.0, 0.5, 2.0, _NAN]), right=True),
    call(_EDGES, 0.5),
    call(_EDGES, 1, right=True, out_int32=True),
    call(_flat([1, 3, 5]), _still([2.5, 3.0])),
    call(_still([1.0, 2.0, _NAN]), _still([_NAN, 3.0, 1.0])),
    call(_still([1.0, 2.0, _NAN], "float64"), _still([_NAN, 1.0], "float64"), right=True),
    call(x(0, grad=False), x(3, grad=False)),
)


def _swapped(c: Call) -> Call:
    return Call((c.args[1], c.args[0]), c.kwargs)


_POINTS = x(9, 2, grad=False)
_IN_BINS = (
    *[call(x(*s, dtype=d, grad=False), 5) for s in ((30,), (4, 5), (), (1,)) for d in FLOATS],
    call(_still([1.0, 1.0, 1.0]), 3),
    call(x(0, grad=False), 3),
    call(x(4, 5, layout="transposed", grad=False), 4),
)

ROWS = (
    Row(
        "nansum",
        (*over(MANY), *special(), *_holes(), *EMPTY, *_TO),
        errors=(*BAD_DIM, *TWICE),
        out=True,
        ulps=4,
        whole=True,
    ),
    Row(
        "nanmean",
        (*over(MANY, dtypes=FLOATS), *_holes(), *EMPTY, *_TO[:1]),
        errors=(*BAD_DIM, *TWICE, call(x(3, dtype="int64")), call(x(3, dtype="bool"), 0)),
        out=True,
        ulps=4,
        whole=True,
    ),
    Row(
        "logsumexp",
        (
            *[
                c
                for c in over(MANY)
                if (len(c.args) > 1 or c.kwargs) and () not in (*c.args, *c.kwargs.values())
            ],
            *[c for c in _holes() if c.kwargs],
            *[c for c in EMPTY if len(c.args) > 1],
            kink(_flat([_INF, 1.0], "float32"), 0),
            kink(_still([-_INF, -_INF]), 0),
            kink(_flat([_INF, -_INF], "float32"), 0),
            kink(x(2, values=[1000.0, 999.5]), 0),
            kink(edge(), 0),
        ),
        errors=(*TWICE, *[c for c in BAD_DIM if len(c.args) > 1 or c.kwargs], call(x(3))),
        out=True,
        ulps=4,
        whole=True,
    ),
    Row(
        "count_nonzero",
        (
            *[call(x(*s, dtype=d)) for s in ((), (3,), (4, 5), (0,)) for d in ("float32", "int64", "bool")],
            *[call(x(2, 3, 4, dtype="int64"), d) for d in MANY],
            call(x(4, 3, values=_HOLES), dim=0),
            call(x(2, 0), 0),
            call(x(2, 0), dim=1),
        ),
        errors=(*BAD_DIM, *TWICE),
        derivative=False,
    ),
    Row(
        "aminmax",
        (
            *[call(x(*s)) for s in ((), (1,), (3,), (4, 5))],
            *[call(x(2, 3, 4), dim=d, keepdim=k) for d in INTS for k in (True, False)],
            *[c for c in special() if not c.args[1:]],
            *[call(x(4, 5, dtype=d), dim=0) for d in ("int64", "bool", "uint8", "float64")],
            call(x(4, 5), keepdim=True),
            call(x(), dim=0, keepdim=True),
            call(x(2, 0), dim=0),
        ),
        errors=(
            call(x(0)),
            call(x(2, 0), dim=1),
            call(x(3), dim=1),
            call(x(3), 0),
            call(x(2, 3), dim=(0, 1)),
        ),
    ),
    _both_moments("var_mean"),
    _both_moments("std_mean"),
    Row(
        "cov",
        (
            *[call(x(*s)) for s in ((4,), (3, 5), (1, 6), (20, 3))],
            *[call(x(3, 5, dtype=d)) for d in ("float64", "int64", "int32")],
            call(x(3, 5), correction=0),
            call(x(3, 5, layout="transposed")),
            kink(x()),
            kink(x(1)),
            kink(x(2, 0, grad=False)),
            call(x(2, 3), fweights=_flat([1, 2, 1])),
            call(x(3), aweights=_IMPORTANCE),
            call(x(2, 3), fweights=_flat([1, 2, 1]), aweights=_IMPORTANCE, correction=0),
            call(x(2, 3), fweights=_flat([1, 2, 1]), aweights=_IMPORTANCE),
        ),
        errors=(
            call(x(2, 2, 2)),
            call(x(3, dtype="bool")),
            call(x(3), fweights=x(3)),
            call(x(3), fweights=_flat([1, 2])),
            call(x(3), fweights=_flat([1, -2, 1])),
            call(x(3), fweights=_flat([0, 0, 0])),
            call(x(3), aweights=_flat([1, 2, 1])),
            call(x(3), aweights=x(1, 3)),
        ),
        ulps=16,
        whole=True,
    ),
    Row(
        "corrcoef",
        (
            *[call(x(*s)) for s in ((3, 5), (2, 6), (10, 4))],
            call(x(3, 5, dtype="float64")),
            call(x(3, 5, dtype="int64", values=[[1, 2, 5, 3, 0], [0, 4, 1, 1, 1], [2, 2, 9, 7, 1]])),
            kink(x(4)),
            kink(x(grad=False)),
            kink(x(2, 3, values=[[0.0] * 3] * 2, grad=False)),
        ),
        errors=(call(x(2, 2, 2)),),
        ulps=16,
        whole=True,
    ),
    Row("unique", _DISTINCT, errors=_NO_SLICES, derivative=False),
    Row("unique_consecutive", _DISTINCT, errors=_NO_SLICES, derivative=False),
    Row(
        "searchsorted",
        (
            *_LOOKED,
            call(_ROWS, x(2, 4, dtype="int64")),
            call(_ROWS, x(2, 4, dtype="int64"), side="right"),
            call(_ROWS, x(2, 1, grad=False), side="left"),
            call(_flat([3, 1, 2]), x(4, dtype="int64"), sorter=_flat([1, 2, 0])),
        ),
        errors=(
            call(_ROWS, x(3, dtype="int64")),
            call(_ROWS, 3),
            call(x(dtype="int64"), 3),
            call(_EDGES, 1.0, side="left", right=True),
            call(_EDGES, 1.0, side="up"),
            call(_flat([3, 1]), x(1, dtype="int64"), sorter=_flat([1.0, 0.0], "float32")),
            call(_flat([3, 1]), x(1, dtype="int64"), sorter=_flat([1, 0, 0])),
            call(_flat([3, 1]), x(1, dtype="int64"), sorter=_flat([1, 5])),
        ),
        method=False,
        out=True,
        derivative=False,
    ),
    Row(
        "bucketize",
        tuple([_swapped(c) for c in _LOOKED]),
        errors=(call(x(3), x(2, 2)), call(x(3), [1.0])),
        method=False,
        numbers=True,
        out=True,
        derivative=False,
    ),
    Row(
        "isin",
        (
            *[
                call(x(*s, dtype=d), x(7, dtype=d))
                for s in ((), (9,), (4, 5), (0,))
                for d in ("int64", "float32")
            ],
            call(x(200, dtype="int64", low=-40, high=40), x(50, dtype="int64", low=-40, high=40)),
            call(
                x(200, dtype="int64", low=-40, high=40), x(50, dtype="int64", low=-40, high=40), invert=True
            ),
            call(x(4, 5, dtype="int64"), x(2, 2, dtype="int64"), assume_unique=True, invert=True),
            call(x(4, dtype="int64"), 1),
            call(1, x(4, dtype="int64")),
            call(x(4, dtype="int64"), x(0, dtype="int64")),
            call(_flat([1.0, _NAN], "float32"), _flat([_NAN, 1.0], "float32")),
            call(x(4, dtype="int64"), _flat([1.0, 1.5], "float32")),
            call(x(4, dtype="int32"), x(4, dtype="int64")),
        ),
        errors=(call(1, 2), call(x(3, dtype="bool"), x(3, dtype="bool")), call([1], [2])),
        method=False,
        numbers=True,
        out=True,
        derivative=False,
    ),
    Row(
        "histc",
        (
            *_IN_BINS,
            *[call(x(40, dtype=d), 7, -1, 1) for d in FLOATS],
            call(_flat([1.0, _NAN, 2.0], "float32"), 4, min=0, max=2),
            call(x(9), bins=4, min=0.5, max=0.5),
            call(x(9)),
            call(x(9, dtype="float16"), 4),
        ),
        errors=(
            call(x(3, dtype="int64")),
            call(_flat([1.0, _NAN], "float32"), 4),
            call(x(3), 0),
            call(x(3), 4, 3, 1),
            call(x(3), 4, 0, _INF),
        ),
        out=True,
        derivative=False,
    ),
    Row(
        "histogram",
        (
            *_IN_BINS,
            call(x(30, grad=False), 4, range=(-1.0, 1.0)),
            call(x(30, grad=False), 4, range=(-1.0, 1.0), density=True),
            call(x(30, grad=False), 4, weight=x(30, grad=False)),
            call(x(4, 5, grad=False), 4, weight=x(4, 5, grad=False), density=True),
            call(x(30, grad=False), _still([-2.0, -0.5, 0.0, 2.0])),
            call(
                _still([0.0, 1.0, 2.0, 3.0, _NAN]),
                _still([0.0, 1.0, 2.0]),
            ),
        ),
        errors=(
            call(x(3, dtype="int64"), 3),
            call(x(3, grad=False), 0),
            call(x(3, grad=False), x(1, grad=False)),
            call(x(3, grad=False), x(1, 2, grad=False)),
            call(x(3, grad=False), x(3, dtype="int64")),
            call(x(3, grad=False), 3, range=(2.0, 1.0)),
            call(x(3, grad=False), 3, weight=x(2, grad=False)),
            call(x(3, grad=False), 3, weight=x(3, dtype="float64", grad=False)),
            call(_still([1.0, _NAN]), 3),
        ),
        ulps=2,
        derivative=False,
    ),
    Row(
        "histogramdd",
        (
            call(_POINTS, [2, 3]),
            call(_POINTS, 4),
            call(x(3, 4, 2, dtype="float64", grad=False), [2, 2]),
            call(_POINTS, [2, 3], range=[-1.0, 1.0, -2.0, 2.0], weight=x(9, grad=False), density=True),
            call(_POINTS, [_EDGES, _still([-2.0, 2.0])]),
        ),
        errors=(
            call(_POINTS, [2]),
            call(x(3, grad=False), [2]),
            call(x(2, 2, dtype="int64"), [2, 2]),
            call(_POINTS, [2, 3], weight=x(4, grad=False)),
        ),
        method=False,
        ulps=2,
        derivative=False,
    ),
    Row(
        "bincount",
        (
            *[call(x(n, dtype=d, low=0, high=6)) for n in (0, 1, 20) for d in ("int64", "uint8", "int32")],
            call(x(5, dtype="int64", low=0), minlength=9),
            call(x(5, dtype="int64", low=0), None, 9),
            *[
                call(x(5, dtype="int64", low=0), x(5, dtype=d, grad=False))
                for d in (*FLOATS, "int64", "bool", "float16")
            ],
            call(x(0, dtype="int64"), minlength=3),
            call(x(0, dtype="int64"), x(2, grad=False), 3),
        ),
        errors=(
            call(x(3)),
            call(x(3, dtype="bool")),
            call(_flat([1, -1])),
            call(x(2, 2, dtype="int64", low=0)),
            call(x(dtype="int64", low=0)),
            call(x(3, dtype="int64", low=0), minlength=-1),
            call(x(3, dtype="int64", low=0), x(2, grad=False)),
        ),
        derivative=False,
    ),
)
