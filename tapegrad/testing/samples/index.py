"""Indexing: x[...], x[...] = y, and the ops around it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.testing.samples.base import Array, Call, Row, call, x
from tapegrad.testing.samples.kinds import DTYPES

_S = slice


def at(*values: Any, dtype: str = "int64") -> Array:
    """An index tensor of these values."""
    a = np.array(values, dtype)
    return Array(a.shape, dtype, values=a)


def mask(*values: Any) -> Array:
    """A bool index tensor."""
    return at(*values, dtype="bool")


_ROW = mask(True, False, True, True)
_TWO = mask(*[[j % (i + 2) == 0 for j in range(5)] for i in range(4)])

# Indices of a [4, 5] tensor: basic ones (views), then those with arrays (copies).
BASIC: tuple[Any, ...] = (
    0,
    -1,
    (1, 2),
    _S(None),
    _S(1, 3),
    _S(None, None, 2),
    (_S(None), 1),
    (_S(1, None), _S(None, -1)),
    (_S(3, 1), 0),
    None,
    (None, 0),
    (0, None),
    ...,
    (..., 0),
    (0, ...),
    (..., None),
    (None, _S(None), None, 1),
    (),
    (_S(-100, 100), _S(2, 2)),
    at(2).values[0],
    Array((), "int64", values=2),
    True,
    False,
)
FANCY: tuple[Any, ...] = (
    at(0, 2),
    at(0, 0, 3),
    at([0, 1], [2, 3]),
    at(-1),
    (_S(None), at(1, 1, 4)),
    (at(0, 1), at(2, 3)),
    (at([0], [1]), at(2, 3)),
    (at(0, 1), 2),
    (2, at(0, 1)),
    (at(1, 3), _S(1, 3)),
    (_S(1, 3), at(1, 3)),
    (None, at(1, 3)),
    (at(1, 3), None),
    (..., at(1, 3)),
    _ROW,
    _TWO,
    (_ROW, 1),
    (_ROW, at(0, 1, 2)),
    (_S(None), mask(True, False, True, False, True)),
    [0, 2],
    [0, 0, 3],
    [True, False, True, True],
    ([0, 1], [2, 3]),
    (_S(None), [1, 2]),
    x(0, dtype="int64"),
    x(0, dtype="int32"),
    at(1, 2, dtype="int32"),
    mask(False, False, False, False),
    np.array([1, 2]),
    np.array([True, False, True, False]),
    range(2),
)
BAD: tuple[Any, ...] = (
    4,
    -5,
    (0, 5),
    (0, 0, 0),
    1.0,
    "x",
    at(4),
    at(0, -5),
    (at(0, 1), at(0, 1, 2)),
    mask(True, False),
    mask(*[[True] * 4] * 4),
    at(0.0, 1.0, dtype="float32"),
    at(0, 1, dtype="int8"),
    at(0, 1, dtype="int16"),
    _S(None, None, -1),
    _S(None, None, 0),
    _S(1.0, 2),
    {},
)


def _getitem(torch: Any, a: Any, index: Any) -> Any:
    return a[index]


def _setitem(torch: Any, a: Any, index: Any, value: Any) -> Any:
    a[index] = value
    return a


def _deep(*indices: Any) -> list[Call]:
    return [call(x(2, 3, 4), i) for i in indices]


_CUBE = _deep(
    (0, _S(None), at(0, 2)),
    (at(0, 1), _S(None), at(0, 2)),
    (at(0, 1), at(0, 2)),
    (_S(None), at(0, 2), 1),
    (..., at(0, 3)),
    (0, ..., at(0, 3)),
    (1, at(0, 2), _S(1, 3)),
    mask(*[[True, False, True]] * 2),
    (mask(*[[True, False, True]] * 2), at(0, 1, 2, 3)),
    (_S(None), None, at([0, 1], [1, 2])),
    (1, 2, 3),
    (1, ..., 3),
)
_SMALL = [call(x(), i) for i in ((), ..., None, True)] + [
    call(x(3), i) for i in (0, at(0, 2), _S(1, None), Array((), "bool", values=True))
]
_VALUES: tuple[Any, ...] = (2, 2.5, True, x(), x(dtype="float64"), x(dtype="int64"), np.float64(3.0))
_SHAPED = (
    (0, x(5)),
    (_S(1, 3), x(2, 5)),
    (_S(1, 3), x(5)),
    (_S(1, 3), x(1, 2, 5)),
    ((_S(None), 1), x(4)),
    (at(0, 2), x(2, 5)),
    (at(0, 2), x(5)),
    (at(0, 2), x(2, 1)),
    ((at(0, 1), at(2, 3)), x(2)),
    (_TWO, x()),
    (_TWO, x(1, 1, 1)),
    (_ROW, x(3, 5)),
    ((_S(1, 3), at(1, 3)), x(2, 2)),
    ((0, at(1, 3)), x(2)),
    (..., x(4, 5)),
    (None, x(1, 4, 5)),
    (_S(2, 2), x(0, 5)),
    (0, x(5, layout="strided")),
    (_S(None), x(4, 5, layout="transposed")),
    (0, x(5, dtype="float64")),
    (0, x(5, dtype="int64")),
)
_PUT = (
    call(x(4, 5), (at(0, 2),), x(2, 5)),
    call(x(4, 5), (at(0, 2),), x(5)),
    call(x(4, 5), (at(0, 1), at(2, 3)), x(2)),
    call(x(4, 5), [at(0, 1), at(2, 3)], x()),
    call(x(4, 5), (at(0, 0, 1),), x(3, 5), accumulate=True),
    call(x(4, 5), (at(1, 1), at(2, 2)), x(2), True),
    call(x(4, 5), (_TWO,), x()),
    call(x(3), (at(0, 2),), x(2)),
    call(x(4, 5, dtype="float64"), (_TWO,), x()),
    call(x(4, 5), (_TWO,), x(1, 1, grad=False)),
    call(x(4, 5), (at(1, 1), Array((), "int64", values=-1)), x(2), True),
    call(x(4, 5), (Array((), "int64", values=2), at(1, 3)), x(2)),
    call(x(4, 5, dtype="int64"), (at(0, 0),), x(5, dtype="int64"), accumulate=True),
)

ROWS = (
    Row(
        "getitem",
        (
            *[call(x(4, 5), i) for i in (*BASIC, *FANCY)],
            *_CUBE,
            *_SMALL,
            *[call(x(4, 5, dtype=d), i) for d in DTYPES for i in (0, at(0, 2), _TWO)],
            *[
                call(x(4, 5, layout=k), i)
                for k in ("transposed", "strided", "expanded", "offset")
                for i in (0, _S(1, 3), (_S(None), 1), at(0, 2), _TWO)
            ],
        ),
        errors=(*[call(x(4, 5), i) for i in BAD], call(x(), 0), call(x(0), 0), call(x(), _S(None))),
        how=_getitem,
    ),
    Row(
        "setitem",
        (
            *[call(x(4, 5), i, 2.5) for i in (*BASIC, *FANCY) if i is not False],
            *[call(x(4, 5), 1, v) for v in _VALUES],
            *[
                call(x(4, 5), at(0, 2), v)
                for v in _VALUES
                if not isinstance(v, Array) or v.dtype == "float32"
            ],
            *[call(x(4, 5), _TWO, v) for v in _VALUES],
            *[call(x(4, 5), i, v) for i, v in _SHAPED],
            *[call(x(4, 5, dtype=d), i, v) for d in DTYPES for i in (0, at(0, 2)) for v in (1, 2.5, True)],
            call(x(), (), 2.0),
            call(x(), ..., x()),
            call(x(), None, 1.0),
            call(x(3), 0, x(1)),
        ),
        errors=(
            *[call(x(4, 5), i, 1.0) for i in BAD],
            call(x(4, 5), 0, x(4)),
            call(x(4, 5), at(0, 1), x(3, 5)),
            call(x(4, 5), 0, "x"),
            call(x(4, 5), 0, None),
            call(x(4, 5), 0, [1.0] * 5),
            call(x(4, 5), 0, x(2, 5)),
            call(x(4, 5), 0, 1j),
            call(x(4, 5), at(0, 2), x(dtype="int64")),
            call(x(4, 5), _ROW, x(3, 5, dtype="float64")),
        ),
        how=_setitem,
        writes=True,
    ),
    Row(
        "copy",
        (
            *[
                call(x(4, 5), v)
                for v in (
                    x(4, 5),
                    x(5),
                    x(),
                    x(4, 1),
                    x(1, 4, 5),
                    x(4, 5, dtype="float64"),
                    x(4, 5, dtype="int64"),
                    x(4, 5, layout="transposed"),
                )
            ],
            call(x(3, dtype="int64"), x(3)),
            call(x(), x()),
            call(x(), x(1)),
            call(x(4, 5, layout="transposed"), x(4, 5)),
        ),
        errors=(
            call(x(3), x(4)),
            call(x(3), x(2, 3)),
            call(x(3), 2.0),
            call(x(4, 5, layout="expanded"), x(5)),
        ),
        function=False,
        method=False,
        inplace=True,
    ),
    Row(
        "index_put",
        _PUT,
        errors=(
            call(x(4, 5), (at(4),), x(5)),
            call(x(4, 5), (at(0, 1),), x(3, 5)),
            call(x(4, 5), (at(0),), x(5, dtype="float64")),
            call(x(4, 5), (at(0),), 2.0),
            call(x(4, 5), at(0), x(5)),
            call(x(4, 5), (at(1, 1), Array((), "int64", values=-1)), x(2, 3), True),
        ),
        inplace=True,
    ),
    Row(
        "iter",
        (call(x(3)), call(x(4, 5)), call(x(0, 2)), call(x(2, 3, 4))),
        errors=(call(x()),),
        how=lambda torch, a: tuple(a),
    ),
    Row(
        "contains",
        (
            call(x(3, values=[1, 2, 3]), 2.0),
            call(x(3), 7),
            call(x(3, values=[1, 2, 3]), x(values=2.0)),
            call(x(2, 0), 1.0),
        ),
        errors=(),
        how=lambda torch, a, b: b in a,
    ),
)
