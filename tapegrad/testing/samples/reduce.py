"""Reductions."""

from __future__ import annotations

from tapegrad.testing.samples.base import Call, Name, Row, call, kink, x
from tapegrad.testing.samples.kinds import DTYPES, FLOATS, edge, laid_out, one

_NANS = [[1.0, float("nan"), 3.0], [float("inf"), 2.0, -float("inf")], [-0.0, 0.0, -0.0]]
_TIES = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0], [-1.0, -1.0, -2.0]]
_ZEROS = [[0.0, 2.0, 3.0], [0.0, 4.0, 0.0], [1.0, 5.0, 6.0]]


def special() -> list[Call]:
    grids = [x(3, 3, dtype=dtype, values=v) for v in (_NANS, _TIES, _ZEROS) for dtype in FLOATS]
    return [kink(g, **k) for g in grids for k in ({}, {"dim": 0}, {"dim": 1, "keepdim": True})]


def over(
    dims: tuple[object, ...], *, low: int = -2, high: int = 2, dtypes: tuple[str, ...] = DTYPES
) -> list[Call]:
    """Calls over axes: positions and names of dim, keepdim and NumPy's aliases; layouts; empty axes."""
    cube = x(2, 3, 4, low=low, high=high)
    calls = [call(x(*s, low=low, high=high)) for s in ((), (1,), (3,), (4, 5), (2, 3, 4))]
    for d in dims:
        calls += [call(cube, d), call(cube, dim=d), call(cube, d, True), call(cube, dim=d, keepdim=True)]
        calls += [call(cube, axis=d), call(cube, axis=d, keepdims=True)]
    calls += [call(x(low=low, high=high), 0), call(x(low=low, high=high), -1, True)]
    calls += [call(x(2, 3, low=low, high=high), 0), call(x(5, 4, low=low, high=high), 0)]
    for a in laid_out(low=low, high=high):
        calls += [call(a), call(a, 0), call(a, dim=-1, keepdim=True)]
    for dtype in dtypes:
        calls += [
            call(x(4, 5, dtype=dtype, low=low, high=high)),
            call(x(4, 5, dtype=dtype, low=low, high=high), 1),
            call(x(dtype=dtype, low=low, high=high)),
        ]
    return calls


INTS = (0, 1, -1)
MANY = (*INTS, (0, 1), [0, -1], (2,), (), (0, 1, 2))
EMPTY = (call(x(0)), call(x(2, 0)), call(x(2, 0), 1), call(x(2, 0), 0), call(x(2, 0), -1, True))
BAD_DIM = (
    call(x(3), 1),
    call(x(3), -2),
    call(x(2, 3), dim=2),
    call(x(), 1),
    call(x(3), "x"),
    call(x(3), 0.0),
)
TWICE = (call(x(2, 3), (0, 0)), call(x(2, 3), (0, -2)), call(x(2, 3), (0, 2)))
_INTEGERS = tuple([call(x(3, dtype=dtype), **k) for dtype in ("int64", "bool") for k in ({}, {"dim": 0})])
_TO = tuple(
    [
        call(x(4, 5, dtype=d, low=1, high=4, grad=t.startswith("float")), dtype=Name(t))
        for d, t in (
            ("float32", "float64"),
            ("int64", "float32"),
            ("float64", "int32"),
            ("bool", "float64"),
            ("float32", "float16"),
        )
    ]
)
_TO_DIM = tuple(
    [
        call(x(4, 5, dtype=d, low=1, high=4), 0, dtype=Name(t))
        for d, t in (("float32", "float64"), ("int64", "float32"), ("uint8", "uint8"))
    ]
)
_LARGE = tuple(
    [
        call(x(*s, dtype=d, layout=at))
        for s in ((1030,), (70, 30))
        for d in FLOATS
        for at in ("plain", "transposed", "strided")
    ]
)


_CONSTANT_AND_HUGE = tuple([kink(x(20, values=v, grad=False)) for v in ([-0.15] * 20, [1e30] + [1.0] * 19)])


def _moment(name: str) -> Row:
    forms = (
        {"correction": 0},
        {"correction": 1},
        {"correction": 2},
        {"correction": 0.5},
        {"unbiased": False},
        {"dim": 0, "unbiased": False},
        {"dim": 1, "correction": 0, "keepdim": True},
        {"dim": (0, 1)},
        {"axis": 0, "keepdims": True},
    )
    lone = (
        kink(x(1)),
        kink(x()),
        kink(x(1), correction=0),
        kink(x(0)),
        kink(x(2, 1), 1),
        kink(x(2, 0), 1),
        kink(x(2, grad=False), correction=3),
    )
    equal = tuple([kink(x(4, 5, values=[[2.0] * 5] * 4), **k) for k in ({}, {"dim": 1})])
    calls = [c for c in over(MANY, dtypes=FLOATS) if c.arrays()[0].shape not in ((), (1,))]
    calls = [c for c in calls if () not in (*c.args, c.kwargs.get("dim"), c.kwargs.get("axis"))]
    return Row(
        name,
        (
            *calls,
            *special(),
            *[call(x(4, 5), **k) for k in forms],
            call(x(4, 5), False),
            call(x(4, 5), 0, False, True),
            *(*lone, *equal, *_CONSTANT_AND_HUGE),
        ),
        errors=(*_INTEGERS, *BAD_DIM, *TWICE),
        out=True,
        ulps=4,
        whole=True,
    )


def _extreme(name: str) -> Row:
    return Row(
        name,
        (
            *over(INTS),
            *special(),
            call(x(2, 0), 0),
            kink(x(4, 5), x(5)),
            kink(x(4, 5), other=x(5)),
            kink(x(3), x(3, values=[1.0, 1, 1])),
        ),
        errors=(*BAD_DIM[:-1], call(x(3), 0, other=x(3)), call(x(0)), call(x(2, 0), 1), call(x(0), 0)),
    )


ROWS = (
    Row(
        "sum",
        (*over(MANY), *special(), *EMPTY, *_TO, *_TO_DIM, *_LARGE, *one(half=True)),
        errors=(*BAD_DIM, *TWICE),
        out=True,
        ulps=4,
        whole=True,
    ),
    Row(
        "mean",
        (*over(MANY, dtypes=FLOATS), *special(), *EMPTY, *_TO[:2], *_TO_DIM[:2], *_LARGE),
        errors=(*_INTEGERS, *BAD_DIM, *TWICE),
        out=True,
        ulps=4,
        whole=True,
    ),
    Row(
        "prod",
        (*over(INTS, low=1, high=3), *special(), *EMPTY, *_TO, *_TO_DIM),
        errors=BAD_DIM,
        out=True,
        ulps=16,
        whole=True,
    ),
    _moment("var"),
    _moment("std"),
    Row(
        "norm",
        (
            kink(x(1, values=[1e30])),
            kink(x(2, 1, values=[[1e30], [1e-30]]), dim=1),
            *[c for c in over((), low=1, high=3, dtypes=FLOATS) if len(c.args) == 1],
            *[
                c
                for p in (2, 1, 0, 3, 0.5, -1, float("inf"), -float("inf"), "fro", 2.0)
                for c in (
                    call(x(4, 5), p),
                    call(x(4, 5), p, 0),
                    call(x(2, 3), p=p, dim=(0, 1), keepdim=True),
                    call(x(), p),
                )
            ],
            *[
                kink(x(3, 3, values=v), p)
                for v in (_NANS, _TIES, _ZEROS, [[0.0] * 3] * 3)
                for p in (2, 1, 0, 3, 0.5, float("inf"), -float("inf"))
            ],
            call(x(0)),
            call(x(2, 0), 2, 1),
            call(x(4, 5), dtype=Name("float64")),
            call(x(4, 5), 2, 0, dtype=Name("float64")),
            kink(edge()),
            kink(edge("float64")),
        ),
        errors=(
            call(x(3, dtype="int64")),
            call(x(3), "nope"),
            call(x(3), 2, 1),
            call(x(2, 0), float("inf"), 1),
        ),
        ulps=8,
        whole=True,
    ),
    _extreme("max"),
    _extreme("min"),
    *[
        Row(
            n,
            (*over(MANY), *special(), call(x(2, 0), 0)),
            errors=(*BAD_DIM, *TWICE, call(x(0)), call(x(2, 0), 1)),
            out=True,
        )
        for n in ("amax", "amin")
    ],
    *[
        Row(
            n,
            (
                *over((*INTS, None)),
                *special(),
                call(x(2, 0), 0),
                call(x(4, 5), keepdim=True),
                call(x(), keepdim=True),
            ),
            errors=(*BAD_DIM, call(x(0)), call(x(2, 0), 1)),
            out=True,
        )
        for n in ("argmax", "argmin")
    ],
    *[
        Row(
            n,
            (*over((*INTS, (0, 1))), *special(), *EMPTY, call(x(2, 3), ()), call(x(2, 3, dtype="uint8"), [])),
            errors=(*BAD_DIM, *TWICE),
            out=True,
        )
        for n in ("all", "any")
    ],
)
