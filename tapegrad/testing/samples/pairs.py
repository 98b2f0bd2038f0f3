"""Functions of two numbers or more."""

from __future__ import annotations

from itertools import product
from typing import Any

from tapegrad.testing.samples.base import Call, Row, call, kink, x
from tapegrad.testing.samples.kinds import DTYPES, INTEGERS, PAIRS, laid_out, two
from tapegrad.testing.samples.pointwise import CLASH, unsmooth_at_bool

_ALL = (*DTYPES, "float16")


def _dtypes_of(c: Call) -> list[str]:
    return [a.dtype for a in c.arrays()]


def _no_floats(c: Call) -> bool:
    return not any(d.startswith("float") for d in _dtypes_of(c))


def _of_tensors(
    name: str, low: int = -2, high: int = 2, *, floats: bool = False, extremes: bool = True, **facts: Any
) -> Row:
    """An op of two tensors, without numbers. floats: torch refuses it for integers alone."""
    calls = two(low, high, numbers=(), extremes=extremes)
    refused = [c for c in calls if floats and _no_floats(c)]
    of_one_dtype = [c for c in refused if len(set(_dtypes_of(c))) == 1]
    errors = (*CLASH, call(x(3), 2), call(x(3), 2.5), call(2.0, x(3)), *of_one_dtype)
    facts = {"inplace": True, "out": True, "errors": errors, **facts}
    return Row(name, tuple([c for c in calls if c not in refused]), **facts)


def _of_numbers(
    name: str, low: int = -2, high: int = 2, *, first: bool = False, more: tuple[Call, ...] = (), **facts: Any
) -> Row:
    """An op whose second operand may be a number; `first`: and its first."""
    calls = two(low, high, numbers=(), extremes=facts.pop("extremes", True))
    calls += [
        call(x(*s, dtype=d, low=low, high=high), n)
        for s in ((3,), (4, 5), ())
        for d in _ALL
        for n in (2, 2.5)
    ]
    turned = [call(n, x(3, dtype=d, low=low, high=high)) for d in _ALL for n in (2, 2.5)]
    errors = (*CLASH, *([] if first else turned))
    facts = {"inplace": True, "out": True, "errors": errors, "numbers": True, **facts}
    return unsmooth_at_bool(Row(name, (*calls, *(turned if first else []), *more), **facts))


def _integers(name: str) -> Row:
    plain = two(dtypes=(*INTEGERS, "bool"), numbers=(), half=False)
    bools = [c for c in plain if set(_dtypes_of(c)) == {"bool"}]
    errors = (
        *CLASH[:2],
        call(x(3, dtype="int64"), 2),
        call(x(3), x(3)),
        call(x(3), x(3, dtype="int64")),
        *bools,
    )
    zeros = call(x(5, dtype="int64", values=[0, 0, -4, 6, 12]), x(5, dtype="int64", values=[0, 5, 6, -4, 18]))
    return Row(
        name,
        (*[c for c in plain if c not in bools], zeros),
        errors=errors,
        inplace=True,
        writer=True,
        out=True,
        derivative=False,
    )


_THREE = (
    ((3,), (3,), (3,)),
    ((4, 5), (5,), (4, 1)),
    ((), (3,), ()),
    ((2, 3), (), (3,)),
    ((0,), (1,), (0,)),
    ((), (), ()),
)


def _three(*, low: int = 1, values: tuple[float, ...] = (2, -0.5)) -> tuple[Call, ...]:
    calls = [call(*[x(*s, low=low, high=4) for s in shapes]) for shapes in _THREE]
    calls += [call(*[x(*s, low=low, high=4) for s in _THREE[1]], value=v) for v in values]
    calls += [call(a, x(*a.shape, low=low, high=4), x(low=low, high=4)) for a in laid_out()]
    return tuple(calls)


def _with_dtypes(names: tuple[str, ...]) -> tuple[Call, ...]:
    return tuple(
        [call(*[x(3, dtype=d, low=1, high=4) for d in ds], value=2) for ds in product(names, repeat=3)]
    )


def _whole(c: Call) -> bool:
    """Whether the two that are divided are integers."""
    return "float" not in "".join(_dtypes_of(c)[1:])


_BAD_THREE = (call(x(3), x(3), 2.0), call(x(3), x(4), x(3)), call(2.0, x(3), x(3)))
_SOME = ("float32", "float64", "int64")

_ENDS = [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.0]

ROWS = (
    _of_numbers("fmod", 1, 4, extremes=False),
    Row(
        "rsub",
        (
            *[c for c in two(numbers=()) if "bool" not in _dtypes_of(c)],
            *[call(x(3, dtype=d), n) for d in _ALL if d != "bool" for n in (2, 2.5)],
            call(x(3), x(3), alpha=2),
            call(x(3), 3, alpha=0.5),
            call(x(3), 3, 2),
            call(x(3, dtype="int64"), x(3, dtype="int64"), alpha=2),
        ),
        errors=(
            *CLASH,
            call(2.0, x(3)),
            call(x(3, dtype="bool"), 2),
            call(x(3, dtype="int64"), 2, alpha=0.5),
        ),
        method=False,
    ),
    _of_tensors("fmax", inplace=False),
    _of_tensors("fmin", inplace=False),
    _of_tensors("atan2", ulps=4, aliases=("arctan2",)),
    _of_tensors("hypot", floats=True, ulps=4),
    _of_numbers("copysign", ulps=2),
    _of_tensors("nextafter", floats=True),
    Row(
        "heaviside",
        tuple([c for c in two(numbers=()) if len(set(_dtypes_of(c))) == 1]),
        errors=(
            *CLASH[:2],
            call(x(3), 2.0),
            *[c for c in two(numbers=(), extremes=False) if len(set(_dtypes_of(c))) == 2],
        ),
        inplace=True,
        out=True,
        derivative=False,
    ),
    _of_tensors("logaddexp", floats=True, ulps=4, whole=True, inplace=False),
    _of_tensors("logaddexp2", floats=True, ulps=4, whole=True, inplace=False),
    _of_numbers("xlogy", 1, 4, first=True, ulps=4, special="xlogy", writer=True),
    Row(
        "xlog1py",
        (
            *two(1, 4, numbers=(2, 2.5)),
            call(x(3, values=[0.0, 0, 1]), x(3, values=[-1.0, float("nan"), 2])),
        ),
        errors=CLASH,
        function=False,
        method=False,
        special="xlog1py",
        ulps=4,
    ),
    _of_tensors("ldexp", 0, 3, ulps=2, writer=True),
    # ---- three tensors
    Row(
        "lerp",
        (
            *[call(x(*a), x(*b), 0.3) for a, b in PAIRS],
            *[call(x(3), x(3), w) for w in (0, 1, 0.5, 0.75, -1, 3, True)],
            *[call(*[x(*s) for s in shapes]) for shapes in _THREE],
            *[call(a, x(*a.shape), 0.25) for a in laid_out()],
            *[call(x(3, dtype=d), x(3, dtype=d), w) for d in ("float64", "float16") for w in (0.3, 0.7)],
            *[call(*[x(3, dtype=d) for _ in range(3)]) for d in ("float64", "float16")],
            call(x(3), x(3), x(dtype="float64")),
            *[
                kink(x(6, values=_ENDS), x(6, 6, values=[_ENDS[i:] + _ENDS[:i] for i in range(6)]), w)
                for w in (0.25, 0.75)
            ],
        ),
        errors=(
            call(x(3), x(4), 0.5),
            call(x(3), x(3), "x"),
            call(x(3), 2.0, 0.5),
            call(x(3), x(3, dtype="float64"), 0.5),
            call(x(3), x(3), x(3, dtype="float64")),
            call(x(3, dtype="int64"), x(3, dtype="int64"), 0.5),
            call(x(3), x(3), x(4)),
        ),
        inplace=True,
        out=True,
        ulps=2,
        whole=True,
    ),
    Row(
        "addcmul",
        (*_three(low=-2), *_with_dtypes(_SOME), call(*[x(4, 5, dtype="float16")] * 3)),
        errors=(*_BAD_THREE, call(*[x(3, dtype="bool")] * 3)),
        inplace=True,
        out=True,
        ulps=2,
        whole=True,
    ),
    Row(
        "addcdiv",
        (
            *_three(),
            *[c for c in _with_dtypes(_SOME) if not _whole(c)],
            call(*[x(4, 5, dtype="float16", low=1, high=3)] * 3),
        ),
        errors=(*_BAD_THREE, *[c for c in _with_dtypes(_SOME) if _whole(c)]),
        inplace=True,
        out=True,
        ulps=4,
    ),
    # ---- integers
    _integers("gcd"),
    _integers("lcm"),
)
