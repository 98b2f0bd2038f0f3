"""Elementary functions of one number, its parts, activations."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Call, Row, call, kink, x
from tapegrad.testing.samples.kinds import DTYPES, FLOATS, PAIRS, edge, laid_out, one
from tapegrad.testing.samples.pointwise import unary

_INTEGERS = tuple([call(x(3, dtype=d)) for d in ("int64", "uint8", "bool")])
_FEW = tuple([call(x(*s)) for s in ((), (3,), (4, 5), (0,))])


def _floats(*args: Any) -> tuple[Call, ...]:
    """Calls on floats of all shapes, layouts and edges, with more arguments."""
    arrays = [x(*s, dtype=d) for d in (*FLOATS, "float16") for s in ((), (3,), (4, 5), (0,))]
    return tuple([call(a, *args) for a in (*arrays, *laid_out())] + [kink(edge(d), *args) for d in FLOATS])


def _of_inside(name: str, **facts: Any) -> Row:
    """A function that is defined on (-1, 1), or (0, 1)."""
    return unary(name, low=0, high=1, writer=True, ulps=4, **facts)


_PRELU = (
    *[
        call(x(*a), x(*b))
        for a, b in (((3,), ()), ((3,), (1,)), ((), ()), ((), (1,)), ((0,), (1,)), ((4, 5), (5,)))
    ],
    *[
        call(x(*a), x(*b))
        for a, b in (((4, 5), (1,)), ((2, 3, 4), (3,)), ((2, 3, 4), (1,)), ((2, 3, 4, 2), (3,)))
    ],
    *[call(x(4, 5, dtype=d), x(5, dtype=d)) for d in ("float64", "float16")],
    kink(edge(), x(1)),
    *[call(a, x(5)) for a in laid_out() if a.shape == (4, 5)],
)
_BAD_DTYPES = tuple([call(x(3, dtype=d)) for d in ("int64", "bool")])

ROWS = (
    # ---- angles
    unary("acos", low=-1, high=1, writer=True, ulps=4, aliases=("arccos",)),
    unary("asin", low=-1, high=1, writer=True, ulps=4, aliases=("arcsin",)),
    unary("atan", writer=True, ulps=4, aliases=("arctan",)),
    unary("tan", low=-1, high=1, writer=True, ulps=4),
    unary("deg2rad", low=-90, high=90, writer=True),
    unary("rad2deg", writer=True),
    unary("sinc", writer=True, ulps=8, special="sinc"),
    # ---- hyperbolic
    unary("acosh", low=1, high=4, writer=True, ulps=4, aliases=("arccosh",)),
    unary("asinh", writer=True, ulps=4, aliases=("arcsinh",)),
    unary("atanh", low=-1, high=1, writer=True, ulps=4, aliases=("arctanh",)),
    unary("cosh", writer=True, ulps=4),
    unary("sinh", writer=True, ulps=4),
    # ---- exponentials and logarithms
    unary("exp2", writer=True, ulps=4, special="exp2"),
    unary("expm1", writer=True, ulps=4, special="expm1"),
    unary("log1p", low=0, high=4, writer=True, ulps=4, special="log1p"),
    unary("log2", low=1, high=4, writer=True, ulps=4),
    unary("log10", low=1, high=4, writer=True, ulps=4),
    unary("rsqrt", low=1, high=4, writer=True, ulps=4),
    unary("square", writer=True),
    _of_inside(
        "logit",
        more=(*_floats(0.1), call(x(3), eps=0.2), call(x(3, dtype="int64"), 0.1)),
        special="logit",
    ),
    Row(
        "float_power",
        (
            *[call(x(*a, low=1, high=4), x(*b)) for a, b in PAIRS],
            *[call(x(3, dtype=d, low=1, high=4), x(3, dtype=e)) for d in DTYPES for e in DTYPES],
            *[call(x(3, dtype=d, low=1, high=4), n) for d in DTYPES for n in (2, 2.5, True, -1)],
            *[call(n, x(3, dtype=d)) for d in DTYPES for n in (2, 2.5)],
            *[call(a, 2) for a in laid_out(dtype="float64", low=1, high=4)],
        ),
        errors=(call(2.0, 2.0), call(x(3), x(4)), call(x(3), "2")),
        numbers=True,
        inplace=True,
        ulps=4,
    ),
    # ---- parts
    unary("frac", writer=True, errors=(call(2.0), *_INTEGERS), samples=_floats()),
    unary("signbit", inplace=False),
    unary("isposinf", inplace=False),
    unary("isneginf", inplace=False),
    unary(
        "positive",
        inplace=False,
        out=False,
        samples=tuple([c for c in one() if c.arrays()[0].dtype != "bool"]),
        errors=(call(2.0), call(x(3, dtype="bool"))),
    ),
    unary("nan_to_num", more=(*_floats(1.5, 2.0, -3.0), call(x(3), posinf=1.0, nan=2.0)), writer=True),
    Row(
        "is_nonzero",
        tuple([call(x(*s, dtype=d)) for s in ((), (1,), (1, 1)) for d in DTYPES]),
        (call(x(3)), call(x(0)), call(2)),
    ),
    Row("is_signed", tuple([call(x(3, dtype=d)) for d in DTYPES])),
    Row("is_same_size", tuple([call(x(*a), x(*b)) for a, b in PAIRS])),
    Row(
        "frexp",
        tuple([c for c in one() if c.arrays()[0].is_float and c.smooth]),
        errors=(call(2.0), *_INTEGERS),
    ),
    # ---- activations
    Row(
        "celu",
        (*_floats(), *_floats(0.5), *_FEW, call(x(3), alpha=2.0)),
        errors=(call(2.0), call(x(3), 0.0), *_BAD_DTYPES),
        method=False,
        functional=True,
        writer=True,
        ulps=4,
    ),
    Row(
        "selu",
        _floats(),
        errors=(call(2.0), *_BAD_DTYPES),
        method=False,
        functional=True,
        writer=True,
        ulps=4,
    ),
    Row(
        "threshold",
        (*_floats(0.25, 20), call(x(3, dtype="int64"), 0, 5), call(x(3, dtype="uint8"), 1, 5)),
        errors=(call(2.0, 1, 2), call(x(3)), call(x(3, dtype="bool"), 1, 2)),
        method=False,
        functional=True,
        writer=True,
    ),
    Row(
        "hardshrink",
        (*_floats(), *_floats(0.75), call(x(3), lambd=1.25)),
        errors=(call(2.0), *_BAD_DTYPES),
        functional=True,
    ),
    Row(
        "prelu",
        _PRELU,
        functional=True,
        errors=(
            call(x(2, 3), x(2)),
            call(x(3), x(3)),
            call(x(), x(2)),
            call(x(2, 3), x(3, 1)),
            call(x(3), x(1, dtype="float64")),
            call(x(3, dtype="int64"), x(1, dtype="int64")),
            call(x(3), 0.5),
        ),
    ),
    Row(
        "rrelu",
        (*_floats(), *_floats(0.25, 0.5), call(x(3), upper=0.5)),
        errors=(call(2.0), call(x(3), 0.5, 0.25), *_BAD_DTYPES),
        method=False,
        functional=True,
        writer=True,
    ),
    Row(
        "fill",
        (
            *[call(x(*s, dtype=d), v) for s in ((), (3,), (4, 5), (0,)) for d in DTYPES for v in (2, True)],
            *[call(x(3), x(dtype=d)) for d in DTYPES],
            call(x(3, dtype="int64"), 2.5),
        ),
        errors=(call(x(3), x(1)), call(x(3), "x"), call(2.0, 2.0)),
        method=False,
        writer=True,
    ),
)
