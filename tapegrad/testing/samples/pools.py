"""Windows that move over images: pools of all kinds, and images as columns."""

from __future__ import annotations

from math import prod
from typing import Any

from tapegrad.testing.samples.base import Array, Row, call, kink, x
from tapegrad.testing.samples.kinds import FLOATS

FORM: dict[str, Any] = {"function": False, "method": False, "functional": True, "ulps": 8, "whole": True}
_SIZES = ((2, 3, 7), (2, 2, 7, 6), (1, 2, 5, 4, 3))
_INTEGERS = ("int64", "uint8", "bool", "complex64")
_TIES = ((1.0, 1.0, 0.0, 0.0, 2.0, 2.0),) * 2
_ODD = ((1.0, float("nan"), 0.0, float("inf"), 2.0, -float("inf")),) * 2
_WINDOWS: tuple[dict[str, Any], ...] = (
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 2, "stride": 1},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
)
_BAD: tuple[dict[str, Any], ...] = (
    *(
        {"kernel_size": 0},
        {"kernel_size": -1},
        {"kernel_size": 9},
        {"kernel_size": 2.0},
        {"kernel_size": (2,) * 4},
    ),
    *({"kernel_size": 2, "stride": 0}, {"kernel_size": 2, "padding": 2}, {"kernel_size": 2, "padding": -1}),
)


def _apart(*shape: int, **facts: Any) -> Array:
    """A tensor argument of values that are far from one another."""
    n = prod(shape)
    values = [((k * 7919) % n) / 8 - n / 16 for k in range(n)]
    return x(*shape, values=tuple(values), **facts)


def _pool(name: str, n: int, *more: dict[str, Any]) -> Row:
    """A pool of windows; more: further arguments."""
    size, at = _SIZES[n - 1], _apart if name == "max" else x
    calls = [call(at(*size), **kw) for kw in (*_WINDOWS, *more)]
    calls += [call(at(*size[1:]), **kw) for kw in (*_WINDOWS[:2], *more[:1])]
    calls += [call(x(*size, dtype=d), 2) for d in FLOATS[1:]]
    calls += [call(x(*size, layout=at), 2) for at in ("transposed", "strided", "expanded")]
    calls += [call(x(0, *size[1:]), 2), call(x(*size), 2, None), call(x(*size), [2], (1,))]
    if n == 1:
        calls += [kink(x(2, 6, values=values), k, 1) for values in (_TIES, _ODD) for k in (2, 3)]
    calls += [call(x(*size, dtype=d), 2) for d in _INTEGERS]
    bad = [call(x(*size), **kw) for kw in _BAD]
    bad += [
        call(x(size[-1]), 2),
        call(x(size[0], 0, *size[2:]), 2),
        call(x(*size[:2], 0, *size[3:]), 2),
        call(3, 2),
    ]
    return Row(f"{name}_pool{n}d", tuple(calls), tuple(bad), **FORM)


_MAX = ({"kernel_size": 2, "dilation": 2}, {"kernel_size": 2, "return_indices": True})
_AVG = ({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},)
_OVER = ({"kernel_size": 2, "divisor_override": 3}, {"kernel_size": 2, "divisor_override": -2})


def _norms(n: int) -> Row:
    size = _SIZES[n - 1]
    return Row(
        f"lp_pool{n}d",
        (
            *[call(x(*size, low=1, high=3), p, 2) for p in (1.0, 2.0, 3.0)],
            call(x(*size), 2, 2, 1),
            call(x(*size[1:], low=1, high=3), 1.5, 3, 2, True),
            call(x(*size), float("inf"), 2),
        ),
        (call(x(*size), 2, 9), call(x(size[-1]), 2, 2)),
        **{**FORM, "ulps": 64},
    )


def _adaptive(name: str, n: int) -> Row:
    size = _SIZES[n - 1]
    at = _apart if name == "max" else x
    calls = [call(at(*size), k) for k in (1, 2, 3, 5)]
    calls += [call(at(*size[1:]), k) for k in (1, 4)]
    calls += [call(x(*size, dtype=d), 2) for d in FLOATS[1:]]
    calls += [
        call(x(*size, dtype="int64"), 2),
        call(x(0, *size[1:]), 2),
        call(at(*size, layout="strided"), 2),
    ]
    if n > 1:
        calls += [call(at(*size), (None, 2, 3)[:n]), call(at(*size), (3, 1, 2)[:n])]
    if name == "max":
        calls += [call(at(*size), 3, True), call(at(*size), 2, return_indices=True)]
    bad = [call(x(*size), -1), call(x(*size), 2.5), call(x(*size[:2], 0, *size[3:]), 2), call(x(size[-1]), 2)]
    bad += [call(x(*size), (1,) * 4)]
    return Row(f"adaptive_{name}_pool{n}d", tuple(calls), tuple(bad), **FORM)


def _index(*shape: int, count: int) -> Array:
    """Distinct places among `count`, in each line."""
    values: Any = [
        (k * 2 + 1) % count for k in range(shape[-1] if len(shape) == 2 else shape[-2] * shape[-1])
    ]
    for n in reversed(shape[:-1] if len(shape) == 2 else shape[:-2]):
        values = [values] * n
    return x(*shape, dtype="int64", values=values)


_UNPOOL = (
    Row(
        "max_unpool1d",
        (
            call(x(2, 3), _index(2, 3, count=6), 2),
            call(x(2, 3), _index(2, 3, count=7), 2, output_size=[7]),
        ),
        (
            call(x(2, 3), _index(2, 3, count=99), 1),
            call(x(2, 3), x(2, 3, dtype="int32", values=[[0, 1, 2]] * 2), 2),
            call(x(2, 3), _index(2, 2, count=6), 2),
            call(x(2, 3), _index(2, 3, count=6), 2, output_size=(9,)),
        ),
        **FORM,
    ),
    Row(
        "max_unpool2d",
        (
            call(x(2, 1, 2, 2), _index(2, 1, 2, 2, count=16), 2),
            call(x(2, 2, 2), _index(2, 2, 2, count=20), 2, output_size=(5, 4)),
            call(x(2, 1, 2, 2), _index(2, 1, 2, 2, count=9), (3, 3), 2, 1),
        ),
        (call(x(2, 2), _index(2, 2, count=4), 2),),
        **FORM,
    ),
    Row(
        "max_unpool3d",
        (call(x(2, 1, 1, 2, 2), x(2, 1, 1, 2, 2, dtype="int64", values=[[[[[1, 9], [11, 30]]]]] * 2), 2),),
        (call(x(1, 1, 1, 2, 2), x(1, 1, 1, 2, 2, dtype="int64", values=[[[[[1, 9], [11, 99]]]]]), 2),),
        **FORM,
    ),
)


def _fractional(n: int) -> Row:
    """With the shares that are drawn otherwise."""
    size = (1, 2, *(5, 6, 5)[:n])
    share = x(1, 2, n, low=0, high=1, grad=False)
    return Row(
        f"fractional_max_pool{n}d",
        (
            call(_apart(*size), 2, 3, _random_samples=share),
            call(_apart(*size), 2, (2, 4, 1)[:n], return_indices=True, _random_samples=share),
            call(_apart(*size[1:]), 3, output_ratio=(0.4,) * n, _random_samples=share),
        ),
        (
            call(x(*size), 2, _random_samples=share),
            call(x(*size), 2, 7, _random_samples=share),
            call(x(5), 2, 1, _random_samples=share),
        ),
        **FORM,
    )


_FOLDS = (
    Row(
        "unfold",
        (
            *[call(x(*s), 2) for s in ((2, 3, 4, 5), (3, 4, 5), (0, 3, 4, 5))],
            call(x(2, 3, 4, 5), (2, 3), 1, 1, 2),
            call(x(2, 3, 5, 5), (3, 2), (2, 1), (1, 0), (1, 2)),
            *[call(x(2, 3, 4, 5, dtype=d), 2) for d in (*FLOATS[1:], "bool", "int64", "complex64")],
            call(x(2, 3, 4, 5, layout="transposed"), 3),
        ),
        (
            *[call(x(2, 3, 4, 5), k) for k in (0, 6, -1, (1, 2, 3))],
            call(x(2, 3, 4, 5), 2, 0),
            call(x(2, 3, 4, 5), 2, stride=0),
            call(x(2, 3, 4, 5), 2, padding=-1),
            call(x(4, 5), 2),
            call(x(1, 2, 3, 4, 5), 2),
        ),
        **FORM,
    ),
    Row(
        "fold",
        (
            call(x(2, 12, 9), (4, 4), 2),
            call(x(12, 9), [5, 5], 2, 1, 1, 2),
            call(x(2, 6, 6), (3, 4), (1, 3), padding=(0, 1), stride=(1, 2)),
            *[call(x(2, 4, 9, dtype=d), 4, 2) for d in (*FLOATS[1:], "int64", "complex64")],
        ),
        (
            call(x(2, 12, 8), (4, 4), 2),
            call(x(2, 11, 9), (4, 4), 2),
            call(x(12), (4, 4), 2),
            call(x(2, 12, 9), (4, 4), 2, stride=0),
        ),
        **FORM,
    ),
)
ROWS = (
    *[_pool("max", n, *_MAX) for n in (1, 2, 3)],
    *[_pool("avg", n, *_AVG, *(_OVER if n > 1 else ())) for n in (1, 2, 3)],
    *[_norms(n) for n in (1, 2, 3)],
    *[_adaptive(name, n) for name in ("avg", "max") for n in (1, 2, 3)],
    *[_fractional(n) for n in (2, 3)],
    *_UNPOOL,
    *_FOLDS,
)
