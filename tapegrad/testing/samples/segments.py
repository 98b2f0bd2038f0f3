"""Reductions of segments."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Call, Row, call, kink, x
from tapegrad.testing.samples.index import at

_HOW = ("sum", "mean", "prod", "max", "min")
_ROWS = at([2, 3, 1], [0, 6, 0])


def _calls(how: str) -> tuple[Call, ...]:
    def one(data: Any, **kwargs: Any) -> Call:
        kwargs = {k: v for k, v in kwargs.items() if v is not None}
        empty = how == "mean" and "initial" not in kwargs
        return kink(data, how, **kwargs) if empty else call(data, how, **kwargs)

    return (
        one(x(6), lengths=at(2, 0, 3, 1)),
        one(x(6), lengths=at(2, 0, 3, 1), initial=1.5),
        one(x(6), offsets=at(0, 2, 5, 6)),
        one(x(6), offsets=at(1, 2, 5)),
        one(x(6), lengths=at(2, 2), unsafe=True, initial=2),
        one(x(6, 3), lengths=at(4, 2), axis=0),
        one(x(6, 3, layout="transposed"), lengths=at(4, 2, dtype="int32")),
        one(x(2, 6), lengths=_ROWS, axis=1),
        one(x(2, 6, 2), lengths=_ROWS, axis=-2, initial=0.5),
        one(x(2, 6), offsets=at([0, 2, 4], [1, 1, 6]), axis=1),
        one(x(2, 6, layout="strided"), lengths=at([1, 2], [0, 5]), axis=1, unsafe=True),
        one(x(0), lengths=at(0)),
        one(x(0, 2), lengths=at(0, 0)),
        one(x(6), offsets=at(3)),
        one(x(6, dtype="float64"), lengths=at(2, 4)),
        one(x(6, dtype="float16"), lengths=at(2, 4)),
        kink(x(5, values=[0.0, 2.0, 0.0, 0.0, 3.0]), how, lengths=at(2, 3)),
        kink(x(5, values=[2.0, 2.0, -1.0, 4.0, 4.0]), how, lengths=at(2, 3), initial=2.0),
        *([kink(x(4, values=[1.0, float("nan"), 2.0, 3.0]), how, lengths=at(2, 2))] if how != "prod" else []),
    )


_BAD = (
    call(x(6), "sum"),
    call(x(6), "median", lengths=at(6)),
    call(x(6), "sum", indices=at(0, 1)),
    call(x(6), "sum", lengths=at(2, 3)),
    call(x(6), "sum", lengths=at(-1, 7)),
    call(x(6), "sum", lengths=x(2, dtype="float32", values=[2.0, 4.0], grad=False)),
    call(x(6), "sum", lengths=at(6), axis=2),
    call(x(6), "sum", offsets=at(0, 4, 2)),
    call(x(6), "sum", offsets=x(0, dtype="int64")),
    call(x(6), "sum", lengths=[6]),
    call(x(2, 6), "sum", lengths=at(6), axis=1),
    call(x(6, 2), "sum", lengths=_ROWS),
    call(x(6, dtype="int64"), "sum", lengths=at(6)),
    call(x(6, dtype="bool"), "sum", lengths=at(6)),
    call(x(6), "sum", at(6)),
    call(x(), "sum", lengths=at(1)),
    call(x(0), "sum", lengths=x(0, dtype="int64")),
    call(x(6), "sum", lengths=at(6), initial=1j),
)

ROWS = (
    Row(
        "segment_reduce",
        (
            *[c for how in _HOW for c in _calls(how)],
            call(x(6), "amax", lengths=at(6)),
            call(x(6), reduce="amin", lengths=at(6)),
        ),
        errors=_BAD,
        method=False,
        ulps=2,
        whole=True,
    ),
)
