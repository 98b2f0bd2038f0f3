"""Fourier transforms and windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad.testing.samples.base import Call, Name, Row, call, x
from tapegrad.testing.samples.kinds import LAYOUTS


def _function(name: str) -> Callable[..., Any]:
    return lambda torch, *args, **kwargs: getattr(torch.fft, name)(*args, **kwargs)


def _row(name: str, samples: tuple[Call, ...], errors: tuple[Call, ...]) -> Row:
    return Row(f"fft.{name}", samples, errors=errors, how=_function(name), ulps=16, whole=True)


_REAL = tuple([call(x(*s, dtype=d)) for s in ((4,), (5,), (3, 4), (2, 3, 5)) for d in ("float32", "float64")])
_COMPLEX = tuple(
    [call(x(*s, dtype=d)) for s in ((4,), (3, 4), (2, 3, 5)) for d in ("complex64", "complex128")]
)
_LAID = tuple([call(x(4, 5, dtype="float64", layout=layout)) for layout in LAYOUTS])
_OTHERS = (call(x(4, 4, dtype="int64")), call(x(4, 4, dtype="bool")), call(x(0, 4)))
_WRONG = (call(2.0), call("x"), call(x(3, 4, dtype="float16")), call(x(3, 4), norm="no"), call(x(4, 0)))
_ONE = (
    *[call(x(3, 4), n) for n in (2, 4, 7)],
    *[call(x(3, 4), dim=0), call(x(3, 4), 5, 0, "ortho"), call(x(3, 4), norm="forward"), call(x(3, 4), 1)],
)
_WRONG_ONE = (call(x()), call(x(3, 4), 0), call(x(3, 4), -1), call(x(3, 4), dim=2), call(x(3, 4), 2.5))
_MANY = (
    *[call(x(3, 4), (2, 5)), call(x(3, 4), norm="ortho"), call(x(2, 3, 4), (2, -1), (0, 2))],
    *[call(x(3, 4), dim=(1, 0)), call(x(2, 3, 4), dim=(-3, -1), norm="forward")],
)
_WRONG_MANY = (
    call(x(3, 4), (2,), (0, 1)),
    call(x(3, 4), dim=(0, 0)),
    call(x(3, 4), (0, 2)),
    call(x(3, 4), dim=(3,)),
)
_AXES = (call(x(3, 4), (3,)), call(x(3, 4), dim=0))

_WINDOWS = (
    *[call(n) for n in (0, 1, 2, 5, 16, 33)],
    *[call(9, False), call(9, periodic=False), call(9, dtype=Name("float64")), call(9, requires_grad=True)],
)
_WRONG_WINDOWS = (call(-1), call(5, dtype=Name("int64")), call("x"))


def _shift(name: str) -> Row:
    samples = (call(x(5)), call(x(2, 3, 4)), call(x(3, 4), 1), call(x(3, 4), (0, -1)), call(x(0)))
    return _row(name, samples, (call(x(3), 1), call(2.0), call(x()), call(x(3), ()), call(x(), 0)))


def _rows(name: str) -> tuple[Row, Row, Row]:
    from_real = name in ("rfft", "ihfft")
    each = (*_REAL, *_LAID, *_OTHERS, *(() if from_real else _COMPLEX))
    wrong = (*_WRONG, *(_COMPLEX[2:4] if from_real else ()))
    return (
        _row(name, (*each, *_ONE), (*wrong, *_WRONG_ONE)),
        _row(f"{name}2", (*each[2:], *_MANY), (*wrong, *_WRONG_MANY, call(x(3)))),
        _row(f"{name}n", (*each, *_MANY, *_AXES), (*wrong, *_WRONG_MANY)),
    )


ROWS = (
    *[row for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for row in _rows(name)],
    *[
        Row(
            f"fft.{name}",
            (call(5), call(4), call(1), call(5, 0.5), call(6, dtype=Name("float64")), call(5, d=2.0)),
            errors=(call("x"),),
            how=_function(name),
            ulps=1,
        )
        for name in ("fftfreq", "rfftfreq")
    ],
    *[_shift("fftshift"), _shift("ifftshift")],
    *[
        Row(f"{name}_window", _WINDOWS, errors=_WRONG_WINDOWS, method=False, ulps=4, whole=True)
        for name in ("bartlett", "blackman", "hann")
    ],
    Row(
        "hamming_window",
        (*_WINDOWS, call(9, True, 0.5, 0.4)),
        errors=_WRONG_WINDOWS,
        method=False,
        ulps=4,
        whole=True,
    ),
    Row(
        "kaiser_window",
        (*_WINDOWS, call(9, True, 3.0)),
        errors=_WRONG_WINDOWS,
        method=False,
        ulps=4,
        whole=True,
    ),
)
