"""Pointwise ops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tapegrad.testing.samples.base import Array, Call, Row, call, kink, x
from tapegrad.testing.samples.kinds import DTYPES, FLOATS, INTEGERS, PAIRS, edge, laid_out, one, two

_NAN = float("nan")
_BITS = (*INTEGERS, "bool")
CLASH = (call(x(2, 3), x(4)), call(x(20), x(21)), call(x(3), "2"), call(x(3), None))


def unary(
    name: str, *, more: tuple[Call, ...] = (), samples: Any = (), low: int = -2, high: int = 2, **facts: Any
) -> Row:
    """An op of one tensor. samples: instead of those that all have."""
    facts = {"inplace": True, "out": True, "errors": (call(2.0), call("x"), call([1.0])), **facts}
    return Row(name, (*(samples or one(low, high)), *more), **facts)


def binary(name: str, *more: Call, low: int = -2, high: int = 2, extremes: bool = True, **facts: Any) -> Row:
    """An op of two tensors, or a tensor and a number on either side."""
    numbers = (
        call(x(3, dtype="float64"), 2.5),
        call(x(dtype="float64"), 3),
        call(2.5, x(4, 5, dtype="float64")),
    )
    facts = {"errors": CLASH, "inplace": True, "out": True, "numbers": True, **facts}
    return Row(name, (*two(low, high, extremes=extremes), *numbers, *more), **facts)


def _comparison(name: str, *aliases: str) -> Row:
    return Row(name, tuple(two()), errors=CLASH, operator=name, aliases=aliases, inplace=True, out=True)


def _bitwise(name: str, operator: str) -> Row:
    facts: dict[str, Any] = {"operator": operator, "numbers": True, "inplace": True, "out": True}
    errors = (*CLASH, call(x(3), x(3)), call(x(3), 1))
    return Row(
        f"bitwise_{name}", tuple(two(dtypes=_BITS, numbers=(2, -3, True), half=False)), errors=errors, **facts
    )


def _shift(side: str, operator: str) -> Row:
    calls = two(0, 4, dtypes=INTEGERS, numbers=(2, 0), half=False)
    far = x(6, dtype="int64", values=[1, -2, 3, -4, 5, -6])
    by = x(6, dtype="int64", values=[64, -1, 70, 63, 64, 100])
    bytes_ = x(4, dtype="uint8", values=[255, 3, 128, 1]), x(4, dtype="uint8", values=[8, 7, 9, 200])
    errors = (*CLASH, call(x(3), x(3)), call(x(3), 1), call(*[x(3, dtype="bool")] * 2))
    facts: dict[str, Any] = {"operator": operator, "numbers": True, "inplace": True, "out": True}
    return Row(f"bitwise_{side}_shift", (*calls, call(far, by), call(*bytes_)), errors=errors, **facts)


def _logical(name: str) -> Row:
    return Row(f"logical_{name}", tuple(two(numbers=())), errors=CLASH[:2], inplace=True, out=True)


_ALPHA = (
    call(x(4, 5), x(5), alpha=2),
    call(x(3), x(3), alpha=-0.5),
    call(x(3), 2, alpha=3),
    call(x(3, dtype="int64"), x(3, dtype="int64"), alpha=2),
    call(x(3, dtype="uint8"), x(3, dtype="int32"), alpha=2),
    call(x(dtype="float64"), x(3), alpha=2),
    call(x(3, dtype="float64"), x(3, dtype="int64"), alpha=0.1),
)
_BAD_ALPHA = (
    call(x(3, dtype="int64"), x(3, dtype="int64"), alpha=0.5),
    call(x(3, dtype="int64"), 2, alpha=0.5),
    call(x(3), x(4), alpha=2),
)


def _has_bool(c: Call) -> bool:
    return any(a.dtype == "bool" for a in c.arrays()) or any(type(a) is bool for a in c.args)


def unsmooth_at_bool(row: Row) -> Row:
    """The row, whose samples with False are where it has no derivative."""
    samples = [replace(c, smooth=c.smooth and not _has_bool(c)) for c in row.samples]
    return replace(row, samples=tuple(samples))


_MODES = tuple(
    [
        call(x(*a, dtype=d), x(*b, dtype=e, low=1, high=4), rounding_mode=mode)
        for mode in ("floor", "trunc")
        for a, b in PAIRS[:7]
        for d, e in (("float32", "float32"), ("int64", "int64"), ("int32", "float64"), ("uint8", "int64"))
    ]
)
_TIES = (
    kink(x(3), x(3, values=[1.0, 1, 1])),
    *[kink(x(3, values=[1.0, 2, 3]), x(3, values=[1.0, 2, 4]))] * 2,
)


def _extremes(name: str) -> Row:
    return Row(name, (*two(numbers=()), *_TIES), errors=CLASH[:2], out=True)


_BOUNDS = x(3, values=[0.5, 2.0, -0.5])
_LIMITED = (
    *[call(a, -0.55, 0.55) for a in (x(), x(3), x(4, 5), x(0), *laid_out())],
    *[call(x(*s), *b) for s in ((3,), (4, 5)) for b in ((None, 0.55), (0.55,), (0.55, -0.55), (-1, 1))],
    *[kink(x(3, dtype=d), *b) for d in DTYPES for b in ((0, 1), (0.5, 1.5), (True, 2))],
    call(x(3), min=0.55),
    call(x(3), max=0.55),
    call(x(4, 5), min=-0.55, max=0.55),
    call(x(3), x(3)),
    call(x(3), x(3), x(3)),
    call(x(3), x(3, low=-3, high=-2), x(3, low=2, high=3)),
    call(x(3), max=x(3)),
    call(x(4, 5), x(5), x(4, 1)),
    call(x(3), x(4, 3)),
    call(x(3), x(3, dtype="float64")),
    call(x(3, dtype="int64"), x(3)),
    *[kink(edge(d), *b) for d in FLOATS for b in ((-1.0, 1.0), (None, 0.0), (_NAN,), (-0.0, 2.5))],
    kink(x(3, values=[0.5, 1.0, _NAN]), 0.5, 1.0),
    kink(x(3, values=[0.5, 1.0, -0.5]), _BOUNDS, x(3, values=[0.5, 1.0, -0.5])),
)


def _clamp(name: str, samples: tuple[Call, ...], **facts: Any) -> Row:
    return Row(name, samples, errors=(call(2.0, 1, 2), call(x(3), "x")), inplace=True, **facts)


def _conditions(*shape: int, dtype: str = "bool") -> Array:
    return x(*shape, dtype=dtype)


_CHOICES = (
    *[call(_conditions(*s), x(*s), x(*s)) for s in ((), (3,), (4, 5), (0,))],
    *[call(_conditions(*a), x(*b), x(*b)) for a, b in PAIRS],
    call(_conditions(4, 5), x(5), x(4, 1)),
    call(_conditions(4, 1), x(4, 5), x()),
    *[call(_conditions(4, 5), a, x(4, 5)) for a in laid_out() if a.shape == (4, 5)],
    *[call(_conditions(3), x(3, dtype=d), x(3, dtype=e)) for d in DTYPES for e in DTYPES],
    *[call(_conditions(3), x(3, dtype=d), n) for d in DTYPES for n in (2, 2.5, True)],
    *[call(_conditions(3), n, x(3, dtype=d)) for d in DTYPES for n in (2, 2.5, True)],
    call(_conditions(3), 1, 2),
    call(_conditions(3), 1.0, 2),
    call(_conditions(3, dtype="uint8"), x(3), x(3)),
    call(_conditions(3)),
    call(x(4, 5, dtype="int64")),
    call(x()),
    kink(_conditions(21), edge(), 0.0),
)

ROWS = (
    # ---- arithmetic
    binary("add", *_ALPHA, operator="add", errors=(*CLASH, *_BAD_ALPHA)),
    Row(
        "sub",
        (*[c for c in two() if not _has_bool(c)], *_ALPHA),
        errors=(*CLASH, *_BAD_ALPHA, *[c for c in two() if _has_bool(c)]),
        operator="sub",
        aliases=("subtract",),
        numbers=True,
        inplace=True,
        out=True,
    ),
    binary("mul", operator="mul", aliases=("multiply",)),
    binary("div", *_MODES, operator="truediv", aliases=("divide", "true_divide")),
    binary("floor_divide", operator="floordiv", low=1, high=4, derivative=False),
    # torch's remainder of quotients beyond 2**24 is nan on processors with vectors
    binary("remainder", operator="mod", low=1, high=4, extremes=False),
    unsmooth_at_bool(  # 0 ** y is not smooth
        binary("pow", *[kink(edge(d), -0.5) for d in FLOATS], operator="pow", low=1, high=4, ulps=2)
    ),
    _extremes("maximum"),
    _extremes("minimum"),
    # ---- functions of one number
    unary("neg", aliases=("negative",), operator="neg"),
    unary("exp", ulps=2),
    unary("log", low=1, high=4, ulps=2),
    unary("sqrt", low=1, high=4, ulps=1),  # torch's is not always the nearest float
    unary("sin", ulps=2),
    unary("cos", ulps=2),
    unary("tanh", ulps=2, functional=True),
    unary("sigmoid", ulps=2, functional=True, special="expit", writer=True),
    unary("reciprocal", low=1, high=4),
    unary("relu", functional=True, out=False),
    unary("abs", aliases=("absolute",), operator="abs"),
    unary("sign"),
    unary("floor", writer=True),
    unary("ceil", writer=True),
    unary("trunc", aliases=("fix",), writer=True),
    unary(
        "round",
        more=tuple([kink(x(4, 5, dtype=d), decimals=n) for d in FLOATS for n in (1, 3, -1)]),
        special="round",
        writer=True,
    ),
    # ---- limits and choices
    _clamp("clamp", _LIMITED, aliases=("clip",), out=True),
    _clamp("clamp_min", tuple([c for c in _LIMITED if len(c.args) == 2 and not c.kwargs])),
    _clamp("clamp_max", tuple([c for c in _LIMITED if len(c.args) == 2 and not c.kwargs])),
    Row(
        "where",
        _CHOICES,
        errors=(
            call(_conditions(3), x(4), x(3)),
            call(_conditions(2, 3), x(2), x(3)),
            call(_conditions(3), x(4, 5), 2.0),
            call(x(3), x(3), x(3)),
            call(x(3, dtype="int64"), x(3), x(3)),
            call(_conditions(3), "x", x(3)),
            call(2, x(3), x(3)),
            call(_conditions(3), x(3, dtype="int8"), 300),
        ),
        method=False,
        out=True,
    ),
    # ---- comparisons and logic
    _comparison("eq"),
    _comparison("ne", "not_equal"),
    _comparison("lt", "less"),
    _comparison("le", "less_equal"),
    _comparison("gt", "greater"),
    _comparison("ge", "greater_equal"),
    unary("logical_not"),
    _logical("and"),
    _logical("or"),
    _logical("xor"),
    Row(
        "bitwise_not",
        tuple([call(x(*s, dtype=d)) for d in _BITS for s in ((), (3,), (4, 5), (0,))]),
        errors=(call(x(3)), call(2)),
        operator="invert",
        inplace=True,
        out=True,
    ),
    _bitwise("and", "and_"),
    _bitwise("or", "or_"),
    _bitwise("xor", "xor"),
    _shift("left", "lshift"),
    _shift("right", "rshift"),
    *[Row(name, tuple(one())) for name in ("isnan", "isinf", "isfinite")],
)
