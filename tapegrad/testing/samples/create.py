"""Making tensors, and turning them into others: dtypes, copies, Python's numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tapegrad.testing.samples.base import Call, Name, Row, call, kink, x
from tapegrad.testing.samples.kinds import DTYPES, edge, one

_NAMES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
_SIZES: tuple[tuple[Any, ...], ...] = ((), (3,), (2, 3), ((2, 3),), ([2, 0],), (0,), ((),))
_BAD_SIZES: tuple[tuple[Any, ...], ...] = ((-1,), ((2, -1),), (2.0,), ("x",), ((2.0, 1),), (None,))


def _filled(name: str) -> Row:
    calls = [call(*s) for s in _SIZES] + [call(2, dtype=Name(d)) for d in _NAMES]
    calls += [
        call(2, requires_grad=True),
        call(2, device="cpu"),
        call(2, dtype=Name("float64"), requires_grad=True),
    ]
    bad = [
        *[call(*s) for s in _BAD_SIZES],
        call(2, dtype=Name("int64"), requires_grad=True),
        call(2, dtype="float32"),
    ]
    return Row(name, tuple(calls), errors=tuple(bad), method=False, numbers=True)


def _like(name: str, *value: Any) -> Row:
    calls = [call(a, *value) for c in one(half=True) for a in c.args]
    calls += [call(x(2, 3), *value, dtype=Name(d)) for d in _NAMES] + [call(x(3), *value, requires_grad=True)]
    return Row(
        name,
        tuple([Call(c.args, c.kwargs, smooth=False) for c in calls]),
        errors=(call(2, *value), call([1.0], *value)),
        method=False,
    )


def _shapes(name: str) -> Callable[..., Any]:
    """The shape, dtype and strides of what name(...) makes: its values are whatever the memory held."""
    return lambda torch, *args, **kwargs: getattr(torch, name)(*args, **kwargs).zero_()


_DATA: tuple[Any, ...] = (
    1,
    2.5,
    True,
    -0.0,
    [],
    [1, 2],
    [1.0, 2],
    [True, False],
    [True, 2],
    [[1, 2], [3, 4]],
    (1.0, 2.0),
    [[]],
    [[], []],
    ((1,), [2]),
    range(3),
    np.float32(1.5),
    np.int32(3),
    np.bool_(True),
    np.arange(3),
    np.arange(3, dtype="int32"),
    np.ones((2, 3), "float32"),
    np.zeros((2, 0)),
    np.array(2.0),
    np.array([True]),
    [np.float32(1.0), 2.0],
    [np.arange(2), np.arange(2)],
    [np.float64(1.0)],
    float("nan"),
    [float("inf"), -0.0],
    2**40,
    -(2**63),
    np.array([1.5], "float16"),
    np.arange(6).reshape(2, 3).T,
    np.arange(3, dtype="uint8"),
)
_BAD_DATA: tuple[Any, ...] = (
    [[1], [2, 3]],
    [1, [2]],
    "x",
    ["x"],
    None,
    [None],
    {},
    2**64,
    [2**70],
    np.array(["x"]),
    [[1, 2], 3],
    {1},
    np.arange(3, dtype="uint8").view("V1"),
)
_RANGES: tuple[tuple[Any, ...], ...] = (
    (5,),
    (0,),
    (2.5,),
    (1, 5),
    (1, 5, 2),
    (5, 1, -2),
    (0.0, 1.0, 0.1),
    (1, 2, 0.25),
    (0, 5, 1.0),
    (-3,),
    (3, 3),
    (1.0, 2.0),
    (0, 1, 0.3),
    (True,),
    (2**40, 2**40 + 3),
)
_BAD_RANGES: tuple[tuple[Any, ...], ...] = (
    (0, 5, 0),
    (0, 5, -1),
    (5, 0),
    (0.0, float("inf")),
    (float("nan"),),
    ("x",),
    (0, 5, 0.0),
)
_SPACES: tuple[tuple[Any, ...], ...] = (
    (0, 1, 5),
    (0.0, 1.0, 1),
    (1, -1, 4),
    (0, 1, 0),
    (0.1, 0.7, 7),
    (3, 3, 3),
    (0, 10, 11),
    (-5.5, 3.25, 100),
    (0, 1, 2),
)

_CASTS = {
    "byte": "uint8",
    "char": "int8",
    "double": "float64",
    "float": "float32",
    "half": "float16",
    "int": "int32",
    "long": "int64",
    "short": "int16",
    "bool": "bool",
}


def _every_kind(*args: Any, **kwargs: Any) -> tuple[Call, ...]:
    return tuple(
        [call(x(*s, dtype=d), *args, **kwargs) for d in (*DTYPES, "float16") for s in ((), (3,), (4, 5))]
    )


def _converted(*args: Any, **kwargs: Any) -> Call:
    return call(x(2, 3), *args, **kwargs)


ROWS = (
    _filled("zeros"),
    _filled("ones"),
    Row(
        "empty",
        (*[call(*s) for s in _SIZES], *[call(2, dtype=Name(d)) for d in _NAMES]),
        errors=tuple([call(*s) for s in _BAD_SIZES]),
        how=_shapes("empty"),
    ),
    Row(
        "full",
        (
            *[call(s, v) for s in ((), (3,), [2, 3], (2, 0)) for v in (2, 2.5, True, -0.0)],
            *[call((2,), 2.5, dtype=Name(d)) for d in _NAMES],
            call((2,), float("nan")),
            call((2,), 1, requires_grad=True, dtype=Name("float32")),
        ),
        errors=(
            call((-1,), 2),
            call((2,), "x"),
            call((2,), None),
            call((2,), x(1)),
            call((2,), x()),
            call(2, 3),
            call((2,), 1, requires_grad=True),
        ),
        method=False,
        numbers=True,
    ),
    Row(
        "eye",
        (
            call(3),
            call(2, 3),
            call(3, 2),
            call(0),
            call(2, dtype=Name("int64")),
            call(3, requires_grad=True),
            call(1),
        ),
        errors=(call(-1), call(2, -1), call(2.0), call("x")),
        method=False,
        numbers=True,
    ),
    _like("zeros_like"),
    _like("ones_like"),
    _like("full_like", 2.5),
    Row(
        "empty_like",
        tuple([call(a) for c in one() for a in c.args]),
        errors=(call(2),),
        how=_shapes("empty_like"),
    ),
    Row(
        "arange",
        (
            *[call(*r) for r in _RANGES],
            *[call(5, dtype=Name(d)) for d in _NAMES[:-1]],
            *[call(0.0, 3.0, 0.5, dtype=Name(d)) for d in ("float32", "float64")],
            call(3, requires_grad=True, dtype=Name("float64")),
            call(start=1, end=3),
            call(end=3),
            call(0, 3, step=2),
            call(x(values=3.0, grad=False)),
            call(x(dtype="int64", values=3)),
        ),
        errors=(*[call(*r) for r in _BAD_RANGES], call(x(1, grad=False)), call(x(values=3.0))),
        method=False,
        numbers=True,
    ),
    Row(
        "linspace",
        (
            *[call(*r) for r in _SPACES],
            *[call(*r, dtype=Name("float64")) for r in _SPACES],
            *[call(0, 10, 5, dtype=Name(d)) for d in _NAMES[:-1]],
            call(0, 1, steps=3, requires_grad=True),
            call(x(values=0.0, grad=False), 1, 3),
        ),
        errors=(call(0, 1, -1), call(0, 1, 2.0), call("x", 1, 2), call(0, 1), call(x(2), 1, 3)),
        method=False,
        numbers=True,
        ulps=2,
        whole=True,
    ),
    Row(
        "tensor",
        (
            *[call(d) for d in _DATA],
            *[call([1, 0, 2], dtype=Name(d)) for d in _NAMES],
            *[call([1.7, -1.2], dtype=Name(d)) for d in _NAMES if d != "uint8"],
            call([1.0], requires_grad=True),
            call([x(1, grad=False), 2.0]),
            call([[x(1, 1, dtype="int64")], [x(dtype="int64")]]),
            call(2.5, dtype=Name("int64")),
            call(300, dtype=Name("float16")),
        ),
        errors=(
            *[call(d) for d in _BAD_DATA],
            call([1], requires_grad=True),
            call([x(2, grad=False)]),
            call([x(2, dtype="int64")]),
            call([1.0], dtype="float32"),
            call([1.0], device="nope"),
        ),
        method=False,
        numbers=True,
    ),
    *[
        Row(
            n,
            (
                *[call(d) for d in _DATA],
                *[call([1, 2], dtype=Name(d)) for d in _NAMES],
                call(x(3)),
                call(x(3), dtype=Name("float64")),
                call(np.ones(3), dtype=Name("float32")),
            ),
            errors=tuple([call(d) for d in _BAD_DATA]),
            method=False,
            numbers=True,
        )
        for n in ("as_tensor", "asarray")
    ],
    Row(
        "from_numpy",
        tuple([call(d) for d in _DATA if type(d) is np.ndarray]),
        errors=(call([1, 2]), call(2.0), call(np.array(["x"]))),
        method=False,
    ),
    # ---- from one dtype to another
    *[
        Row(
            n,
            (*_every_kind(), kink(edge("float64"))) if d.startswith(("float", "bool")) else _every_kind(),
            function=False,
        )
        for n, d in _CASTS.items()
    ],
    Row(
        "to",
        (
            *[_converted(Name(d)) for d in _NAMES],
            _converted("cpu"),
            _converted("cpu", Name("float64")),
            _converted(dtype=Name("float64")),
            _converted(x(1, dtype="float64")),
            _converted(Name("float32"), copy=True),
            _converted(Name("float64"), False, True),
            _converted(device="cpu"),
            _converted(copy=True),
        ),
        errors=(_converted("nope"), _converted(dtype="float64")),
        function=False,
    ),
    Row(
        "type",
        (
            *[_converted(Name(d)) for d in _NAMES],
            _converted("torch.DoubleTensor"),
            _converted("torch.LongTensor"),
            *_every_kind(),
        ),
        errors=(_converted("nope"), _converted(2)),
        function=False,
    ),
    Row(
        "type_as",
        (_converted(x(1, dtype="float64")), _converted(x(1, dtype="int64")), _converted(x(1))),
        errors=(_converted(2),),
        function=False,
    ),
    Row("cpu", _every_kind(), function=False),
    Row("detach", _every_kind(), function=False),
    Row(
        "fill",
        (
            *[call(x(*s, dtype=d), v) for s in ((), (3,), (4, 5)) for d in DTYPES for v in (2, 2.5, True)],
            call(x(3), x(values=2.0)),
            call(x(3), x(dtype="int64", values=2)),
        ),
        errors=(call(x(3), x(2)), call(x(3), "x")),
        function=False,
        method=False,
        inplace=True,
    ),
    Row(
        "zero",
        _every_kind(),
        function=False,
        method=False,
        inplace=True,
    ),
    # ---- to Python
    *[
        Row(n, _every_kind(), how=f)
        for n, f in {
            "tolist": lambda torch, a: a.tolist(),
            "size": lambda torch, a: tuple(a.size()),
            "stride": lambda torch, a: a.stride(),
            "numel": lambda torch, a: torch.numel(a),
            "is_floating_point": lambda torch, a: torch.is_floating_point(a),
            "is_contiguous": lambda torch, a: a.is_contiguous(),
        }.items()
    ],
    *[
        Row(
            n,
            (*[call(x(*s, dtype=d)) for d in (*DTYPES, "float16") for s in ((), (1,), (1, 1))],),
            errors=(call(x(3)), call(x(0)), call(x(2, 1))),
            how=f,
        )
        for n, f in {
            "item": lambda torch, a: a.item(),
            "float ": lambda torch, a: float(a),
            "int ": lambda torch, a: int(a),
            "bool ": lambda torch, a: bool(a),
        }.items()
    ],
    Row(
        "index",
        (
            call(x(dtype="int64", values=2)),
            call(x(1, dtype="int32", values=[2])),
            call(x(dtype="bool", values=True)),
        ),
        errors=(call(x()), call(x(2, dtype="int64"))),
        how=lambda torch, a: list(range(5))[a],
    ),
    Row("len", (call(x(3)), call(x(0, 2))), errors=(call(x()),), how=lambda torch, a: len(a)),
    Row(
        "numpy",
        (call(x(3, grad=False)), call(x(2, 3, dtype="int64"))),
        errors=(call(x(3)),),
        how=lambda torch, a: a.numpy().tolist(),
    ),
    *[
        Row(
            n,
            (
                call(x(3), x(3)),
                call(x(3), x(3, layout="strided")),
                call(x(3, values=[1, 2, 3]), x(3, values=[1, 2, 3])),
                call(x(0), x(0)),
                call(x(3, values=[1, 2, float("nan")]), x(3, values=[1, 2, float("nan")])),
                *more,
            ),
            errors=bad,
        )
        for n, more, bad in (
            ("equal", (call(x(3), x(4)), call(x(3), x(1))), (call(x(3), 2.0),)),
            (
                "isclose",
                (
                    call(x(3, values=[1, 2, 3]), x(3, values=[1, 2.0001, 3])),
                    call(x(3), x(3), rtol=1, atol=1),
                    call(x(2, 3), x(3)),
                    call(
                        x(3, values=[1, 2, float("nan")]), x(3, values=[1, 2, float("nan")]), equal_nan=True
                    ),
                    call(edge(), edge()),
                    call(x(3, dtype="int64"), x(3, dtype="int64")),
                ),
                (call(x(3), x(4)), call(x(3), x(3, dtype="float64")), call(x(3), x(3), rtol=-1.0)),
            ),
            (
                "allclose",
                (
                    call(x(3, values=[1, 2, 3]), x(3, values=[1, 2.00001, 3])),
                    call(x(3), x(3), 1, 1),
                    call(
                        x(3, values=[1, 2, float("nan")]), x(3, values=[1, 2, float("nan")]), equal_nan=True
                    ),
                ),
                (call(x(3), x(4)), call(x(3), x(3, dtype="float64"))),
            ),
        )
    ],
)
