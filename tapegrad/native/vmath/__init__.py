"""Functions of vectors: exp, log, tanh, erf, sin ... as polynomials, for float32 and float64.

Each is written for any number of lanes, handles inf, nan and -0. as C's does, and is tested to be within the
units in the last place that its first line says. Most compute float32 in float64 (`widened`), so their bound
is that of float64, and half a unit in float32. Coefficients: exp, expm1: Taylor's, which these intervals
need no better than; float64's log, asin: FreeBSD's msun; float64's tanh, erf and atan: S. Moshier's Cephes;
erfc, erfinv, Bessel's functions and gamma's: those of `kernels.fits`; float32's: least maximum fits of ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad.native.vmath import angles, basic, division, errors, gamma, hyperbolic, whole
from tapegrad.native.vmath.basic import exp, log, log1p, maximum, minimum, sigmoid, tanh

__all__ = ["EXACT", "FUNCTIONS", "exp", "log", "log1p", "maximum", "minimum", "sigmoid", "tanh"]

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(module, name)
    for module, names in (
        (basic, "exp exp2 expm1 log log2 log10 log1p pow logaddexp logaddexp2 sigmoid tanh"),
        (angles, "sin cos sinc tan asin acos atan atan2"),
        (hyperbolic, "sinh cosh asinh acosh atanh hypot"),
        (errors, "erf erfc erfcx erfinv gelu gelu_slope ndtr ndtri log_ndtr i0 i0e i1 i1e"),
        (gamma, "lgamma digamma trigamma"),
        (whole, "whole_quotient whole_remainder gcd lcm"),
        (division, "fmod remainder floor_quotient trunc_quotient nextafter xlogy xlog1py"),
    )
    for name in names.split()
}
FUNCTIONS |= {
    f"special_{name}": FUNCTIONS[name] for name in ("i0e", "i1", "i1e", "xlog1py")
}  # as rules call them
FUNCTIONS |= {
    "max": maximum,
    "min": minimum,
    "clamp_min": lambda f, x, low: maximum(f, low, x),
    "sqrt": lambda f, x: f.intrinsic("sqrt", x),
    "abs": lambda f, x: f.intrinsic("fabs", x),
    "floor": lambda f, x: f.intrinsic("floor", x),
    "ceil": lambda f, x: f.intrinsic("ceil", x),
    "trunc": lambda f, x: f.intrinsic("trunc", x),
    "rint": lambda f, x: f.intrinsic("rint", x),
}

# What gives the same bits as NumPy; and the part of it that takes few instructions.
EXACT = frozenset(("max", "min", "sqrt", "abs", "floor", "ceil", "trunc", "rint"))
BITS = EXACT | {"fmod", "remainder", "floor_quotient", "trunc_quotient", "nextafter"}
