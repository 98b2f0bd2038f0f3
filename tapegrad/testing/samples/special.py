"""Special functions."""

from __future__ import annotations

from typing import Any

from tapegrad.testing.samples.base import Call, Row, call, kink, x
from tapegrad.testing.samples.kinds import DTYPES, FLOATS, PAIRS, laid_out, one
from tapegrad.testing.samples.pointwise import CLASH, unary

_HALF = (call(x(3, dtype="float16")),)


def _special(
    name: str, *, low: int = -2, high: int = 2, half: bool = False, ulps: float = 8, **facts: Any
) -> Row:
    """A function of torch.special alone."""
    errors = (call(2.0), call("x"), *(() if half else _HALF))
    facts = {"function": False, "method": False, "special": name, "out": True, "errors": errors, **facts}
    more = facts.pop("more", ())
    return Row(name, (*one(low, high, half=half), *more), ulps=ulps, **facts)


def _flat(name: str, low: int = 0, high: int = 4, *, edges: bool = True, **facts: Any) -> Row:
    """A function without a gradient. edges: whether torch's values at the edges are the limits."""
    row = _special(name, low=low, high=high, derivative=False, **facts)
    samples = tuple([c for c in row.samples if c.smooth or edges])
    return Row(**{**vars(row), "samples": samples})


def _two(low: int, high: int, *, integers: bool, half: bool, numbers: bool) -> list[Call]:
    """Calls of a function of two tensors."""
    draw: dict[str, Any] = {"low": low, "high": high}
    calls = [call(x(*a, **draw), x(*b, **draw)) for a, b in PAIRS]
    calls += [call(a, x(*a.shape, **draw)) for a in laid_out(**draw)]
    dtypes = (*DTYPES, "float16") if half else DTYPES
    for d in dtypes:
        for e in dtypes:
            if integers or "float" in d + e:
                calls.append(call(x(3, dtype=d, **draw), x(3, dtype=e, **draw)))
    if numbers:
        calls += [call(x(*s, dtype=d, **draw), n) for s in ((3,), ()) for d in DTYPES for n in (2, 2.5)]
        calls += [call(n, x(3, dtype=d, **draw)) for d in DTYPES for n in (2, 2.5)]
    return calls


def _polynomial(name: str) -> Row:
    draw = [x(*s, dtype=d) for s in ((3,), (4, 5), ()) for d in FLOATS]
    degrees = x(9, 1, 1, dtype="int64", values=range(-1, 8))
    calls = [
        *[call(a, n) for a in draw for n in (0, 1, 2, 3.7, 5, -1)],
        *[call(a, degrees) for a in draw],
        *[call(x(4, 5, dtype=d, low=-1, high=1), n) for d in FLOATS for n in (9, 12)],
        *[call(x(*a), x(*b, low=0, high=5)) for a, b in PAIRS],
        *[call(x(3, dtype=d), x(3, dtype=e)) for d in DTYPES for e in DTYPES],
        *[call(2, x(3, dtype=d, low=0, high=5)) for d in DTYPES],
        *[call(a, 4) for a in laid_out()],
        *[kink(x(8, dtype=d, values=[0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 30.0, 1e30]), degrees) for d in FLOATS],
        call(x(3), n=3),
    ]
    errors = (*CLASH, *[call(x(3, dtype="float16"), 2)])
    facts: dict[str, Any] = {"ulps": 64, "whole": True, "out": True, "derivative": False}
    return Row(name, tuple(calls), errors, function=False, method=False, special=name, **facts)


_KINDS = ("t", "u", "v", "w")
_POLYNOMIALS = (
    *[f"chebyshev_polynomial_{kind}" for kind in _KINDS],
    *[f"shifted_chebyshev_polynomial_{kind}" for kind in _KINDS],
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
)
_SHARES = tuple([kink(x(6, dtype=d, values=[0.0, 1.0, -0.5, 1.5, float("nan"), 0.5])) for d in FLOATS])
_ORDERS = tuple(
    [
        call(n, x(*s, dtype=d, low=1, high=5))
        for n in (0, 1, 2, 4)
        for s in ((), (3,), (4, 5), (0,))
        for d in FLOATS
    ]
)
_IGAMMA = tuple(_two(1, 5, integers=False, half=True, numbers=False))
_BAD_IGAMMA = (*CLASH, call(x(3), 2.0), call(*[x(3, dtype="int64")] * 2))


def _igamma(name: str, special: str) -> Row:
    """Its first argument has no gradient in torch."""
    samples = tuple(
        [c.map(type(c.args[0]), _without_gradient(c)) if c.args[0].is_float else c for c in _IGAMMA]
    )
    return Row(name, samples, _BAD_IGAMMA, special=special, inplace=True, out=True, ulps=32)


def _without_gradient(c: Call) -> Any:
    first = c.args[0]
    return lambda a: a if a is not first else _held(a)


def _held(a: Any) -> Any:
    return type(a)(**{**vars(a), "grad": False})


ROWS = (
    # ---- the error function and its kin
    unary("erf", ulps=4, special="erf", writer=True),
    unary("erfc", ulps=4, special="erfc", writer=True),
    unary("erfinv", low=-1, high=1, ulps=4, special="erfinv"),
    _special("erfcx"),
    _special("ndtr", half=True, whole=True),
    _special("ndtri", low=0, high=1, more=_SHARES),
    _special("log_ndtr"),
    _special("entr", low=0, high=4, half=True),
    # ---- the gamma function and its kin
    unary("lgamma", low=0, high=8, ulps=8, special="gammaln"),
    unary("digamma", low=1, high=8, ulps=16, whole=True, special="digamma psi"),
    Row(
        "polygamma",
        (
            *_ORDERS,
            call(1, x(3, dtype="int64", low=1, high=5)),
            call(2, x(3, dtype="float16", low=1, high=3)),
        ),
        errors=(call(-1, x(3)), call(x(3), 1), call(1, 2.0)),
        method=False,
        numbers=True,
        special="polygamma",
        ulps=32,
    ),
    Row(
        "polygamma_",
        tuple([call(c.args[1], c.args[0]) for c in _ORDERS]),
        how=lambda torch, t, n: t.polygamma_(n),
        writes=True,
        ulps=32,
    ),
    Row(
        "polygamma of a tensor",
        tuple([call(c.args[1], c.args[0]) for c in _ORDERS]),
        how=lambda torch, t, n: t.polygamma(n),
        ulps=32,
    ),
    Row(
        "mvlgamma",
        (
            *[
                call(x(*s, dtype=d, low=3, high=8), p)
                for s in ((), (3,), (4, 5), (0,))
                for d in FLOATS
                for p in (1, 2, 5)
            ],
            *[call(a, 2) for a in laid_out(low=3, high=8)],
            call(x(3, dtype="int64", low=3, high=8), 3),
        ),
        errors=(call(x(3), 0), call(2.0, 2), call(x(3))),
        inplace=True,
        special="multigammaln",
        ulps=16,
    ),
    _igamma("igamma", "gammainc"),
    _igamma("igammac", "gammaincc"),
    Row(
        "zeta",
        tuple(
            [
                c.map(type(x()), _held)
                for c in _two(2, 6, integers=True, half=False, numbers=True)
                if not any(a.dtype == "bool" for a in c.arrays())
            ]
        ),
        errors=(*CLASH, call(*[x(3, dtype="float16")] * 2)),
        function=False,
        method=False,
        special="zeta",
        ulps=16,
    ),
    # ---- Bessel's functions
    unary("i0", ulps=8, special="i0", writer=True),
    _special("i0e", half=True),
    _special("i1", half=True),
    _special("i1e", half=True),
    _flat("modified_bessel_i0", -2, 4),
    _flat("modified_bessel_i1", -2, 4, ulps=16),
    _flat("modified_bessel_k0", 0, 4, edges=False, ulps=16),
    _flat("modified_bessel_k1", 0, 4, edges=False, ulps=16),
    _flat("scaled_modified_bessel_k0", 0, 4, edges=False, ulps=16),
    _flat("scaled_modified_bessel_k1", 0, 4, edges=False, ulps=16),
    _flat("bessel_j0", -2, 2, edges=False, ulps=16),
    _flat("bessel_j1", -2, 2, edges=False, ulps=16),
    _flat("bessel_y0", 1, 4, edges=False, ulps=64),
    _flat("bessel_y1", 1, 2, edges=False, ulps=64),
    _flat("spherical_bessel_j0", -4, 4),
    _flat("airy_ai", -1, 2, edges=False, ulps=32),
    # ---- orthogonal polynomials
    *[_polynomial(name) for name in _POLYNOMIALS],
)
