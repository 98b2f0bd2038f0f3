"""Ops of complex numbers; and complex samples for all other rows, derived from their float32 ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tapegrad.testing.samples.base import Array, Name, Row, call, in_dtype, kink, plain_samples, x
from tapegrad.testing.samples.kinds import LAYOUTS

_FEW = 14  # derived samples per row
_NAN, _INF = float("nan"), float("inf")


def in_complex(row: Row) -> Row:
    """The row with complex samples: some of its float32 ones with other dtypes, also one operand of two.
    Where torch refuses complex numbers, they are samples of errors."""
    chosen = plain_samples(row, _FEW)
    made = [in_dtype(c, "complex64") for c in chosen]
    mixed = [in_dtype(c, "complex64", only_first=True) for c in chosen if len(c.arrays()) > 1][:4]
    return replace(row, samples=(*row.samples, *made, *mixed))


_SHAPES: Sequence[tuple[int, ...]] = ((), (3,), (4, 5), (2, 3, 4), (0,), (2, 0))
_KINDS = ("complex64", "complex128")
_ALL = (
    *[call(x(*s, dtype=d)) for s in _SHAPES for d in _KINDS],
    *[call(x(4, 5, dtype="complex64", layout=layout)) for layout in LAYOUTS],
)
_REAL = tuple([call(x(*s, dtype=d)) for s in ((), (4, 5), (0,)) for d in ("float32", "float64")])
_OTHERS = tuple([call(x(3, dtype=d)) for d in ("int64", "uint8", "bool")])
_ZEROS = (kink(x(4, dtype="complex64", values=[0, 1j, -1, 2])),)
_WRONG = (call(2.0), call("x"), call([1j]))
_PAIRS = tuple(
    [
        call(x(*s, dtype=d), x(*t, dtype=d))
        for d in ("float32", "float64")
        for s, t in (((), ()), ((3,), (3,)), ((4, 5), (4, 5)), ((4, 1), (5,)), ((3,), ()), ((0,), (0,)))
    ]
)
_NOT_A_PAIR = (
    call(x(3), x(3, dtype="float64")),
    call(x(3, dtype="int64"), x(3, dtype="int64")),
    call(x(3, dtype="complex64"), x(3, dtype="complex64")),
    call(x(3), 2.0),
    call(2.0, x(3)),
)
_NUMBERS = tuple([call(x(3, dtype="complex64"), n) for n in (2, -0.5, 1j, 2 - 1j, True)])


def _with_parts(z: Any, a: Any) -> Any:
    z.real = a * 2
    z.imag.mul_(a)
    return z


def _with_pairs(torch: Any, a: Any) -> Any:
    torch.view_as_complex(a).mul_(2 - 1j)
    return a


ROWS = (
    Row("conj", (*_ALL, *_REAL, *_OTHERS), errors=_WRONG),
    Row("conj_physical", (*_ALL, *_REAL, *_OTHERS), errors=_WRONG, out=True),
    Row("resolve_conj", (*_ALL[:4], *_REAL), errors=_WRONG),
    Row("resolve_neg", (*_ALL[:4], *_REAL), errors=_WRONG),
    Row("is_neg", (*_ALL[:4], *_REAL), errors=_WRONG, derivative=False),
    Row("is_conj", (*_ALL[:4], *_REAL), errors=_WRONG, derivative=False),
    Row("is_complex", (*_ALL[:4], *_REAL, *_OTHERS), errors=_WRONG, derivative=False),
    Row("isreal", (*_ALL[:6], *_ZEROS, *_REAL, *_OTHERS), errors=_WRONG, derivative=False),
    Row(
        "angle",
        (*_ALL, *_ZEROS, *_REAL, *_OTHERS, kink(x(6, values=[0.0, -0.0, _NAN, _INF, -_INF, -1.0]))),
        errors=_WRONG,
        out=True,
        ulps=2,
    ),
    Row("sgn", (*_ALL, *_ZEROS, *_REAL, *_OTHERS), errors=_WRONG, inplace=True, out=True, ulps=2),
    Row("real", (*_ALL, *_REAL), errors=_WRONG, method=False),
    Row("imag", _ALL, errors=(*_WRONG, *_REAL), method=False),
    Row("view_as_real", _ALL, errors=(*_WRONG, *_REAL), method=False),
    Row(
        "view_as_complex",
        (
            *[call(x(*s, 2, dtype=d)) for s in _SHAPES if 0 not in s for d in ("float32", "float64")],
            call(x(3, 4, 2, layout="computed")),
        ),
        errors=(
            *_WRONG,
            call(x()),
            call(x(3)),
            call(x(2, 3)),
            call(x(4, 2, layout="offset")),
            call(x(2, 2, layout="transposed")),
            call(x(3, 2, layout="strided")),
            call(x(3, 2, dtype="int64")),
            call(x(3, 2, dtype="complex64")),
        ),
        method=False,
    ),
    Row("complex", _PAIRS, errors=_NOT_A_PAIR, method=False, out=True),
    Row(
        "polar",
        tuple([c.map(Array, lambda a: replace(a, low=1, high=4)) for c in _PAIRS]),
        errors=_NOT_A_PAIR,
        method=False,
        out=True,
        ulps=4,
    ),
    Row(
        "vdot",
        tuple([call(x(n, dtype=d), x(n, dtype=d)) for n in (3, 20, 0) for d in ("float64", *_KINDS)]),
        errors=(
            call(x(3), x(2)),
            call(x(2, 3), x(3)),
            call(x(3, dtype="complex64"), x(3)),
            call(x(3, dtype="complex64"), x(2, dtype="complex64")),
        ),
        out=True,
        ulps=8,
        whole=True,
    ),
    Row("real and imag", (*_ALL, *_ZEROS), errors=_REAL, how=lambda torch, z: (z.real, z.imag)),
    Row(
        "H",
        tuple([call(x(*s, dtype=d)) for s in ((3, 4), (0, 2)) for d in (*_KINDS, "float32")]),
        errors=(call(x(3)), call(x(2, 3, 4, dtype="complex64"))),
        how=lambda torch, z: z.H,
    ),
    Row(
        "mH",
        tuple([call(x(*s, dtype=d)) for s in ((3, 4), (2, 3, 4)) for d in (*_KINDS, "float32")]),
        errors=(call(x(3, dtype="complex64")),),
        how=lambda torch, z: z.mH,
    ),
    Row("cfloat", (*_ALL[:4], *_REAL, *_OTHERS), errors=(), function=False),
    Row("cdouble", (*_ALL[:4], *_REAL, *_OTHERS), errors=(), function=False),
    Row(
        "to a complex dtype and back",
        (*_ALL[:6], *_REAL, *_OTHERS),
        how=lambda torch, a: (
            a.to(torch.complex128),
            a.to(torch.complex64).to(torch.float32),
            a.to(torch.bool),
        ),
    ),
    Row("times a number", _NUMBERS, how=lambda torch, z, n: (z * n, n - z, z / n, n / z, z == n)),
    Row("powers of numbers", _NUMBERS, how=lambda torch, z, n: (z**n, n**z), ulps=8),
    Row(
        "a real tensor and a complex number",
        tuple(
            [call(x(3, dtype=d), n) for d in ("float32", "float64", "int64", "bool") for n in (1j, 2 - 1j)]
        ),
        how=lambda torch, a, n: (a * n, n - a, a / n, a != n),
    ),
    Row(
        "written parts",
        tuple([call(x(*s, dtype="complex64"), x(*s)) for s in ((), (3,), (4, 5))]),
        how=lambda torch, z, a: _with_parts(z * z, a),
    ),
    Row(
        "written pairs",
        tuple([call(x(*s, 2)) for s in ((), (3,), (4, 5))]),
        how=lambda torch, a: _with_pairs(torch, a * 2),
    ),
    Row(
        "complex eye and linspace",
        (call(Name("complex64")), call(Name("complex128"))),
        derivative=False,
        how=lambda torch, d: (
            torch.eye(3, dtype=d),
            torch.linspace(0, 1j, 5, dtype=d),
            torch.full((2,), 1j),
            torch.zeros(3, dtype=d),
            torch.ones(2, dtype=d),
            torch.tensor([1, 2j], dtype=d),
        ),
    ),
    Row(
        "as a number",
        (call(x(dtype="complex64")), call(x(1, dtype="complex128"))),
        errors=(call(x(3, dtype="complex64")),),
        derivative=False,
        how=lambda torch, z: (complex(z.detach()), z.detach().item(), z.detach().tolist(), repr(z)),
    ),
    Row(
        "as a real number",
        (call(x(dtype="complex64", values=2)),),
        errors=(call(x(dtype="complex64")),),
        derivative=False,
        how=lambda torch, z: (float(z.detach()), int(z.detach())),
    ),
)
