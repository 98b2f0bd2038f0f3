"""Bodies of functions that take a number apart, scale it, or put two together."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.dtypes import INEXACT
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import clamp, constant, where, zero
from tapegrad.kernels.standing import at_once


def scale(factor: float) -> Any:
    """The kernel that multiplies with a number."""

    def kernel(x: Any) -> Any:
        return x * constant(factor, x.dtype)

    return kernel


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x)."""
    y = np.sqrt(x)
    return np.divide(constant(1.0, y.dtype), y)


@at_once
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), 1 at 0."""
    p = x * constant(np.pi, x.dtype)
    y = np.sin(p)
    y /= p
    return y if np.count_nonzero(x) == x.size else where(x == 0, 1, y)


def logit(x: Any, eps: float | None) -> Any:
    """log(x / (1 - x)) of x limited to [eps, 1 - eps]."""
    z = x if eps is None else clamp(x, x.dtype.type(eps), x.dtype.type(1 - eps))
    return np.log(z / (constant(1.0, z.dtype) - z))


def frac(x: Any) -> Any:
    """x - trunc(x). Raises: TypeError unless x has a floating point dtype."""
    if x.dtype.kind not in "fc":
        raise TypeError("frac")
    return x - np.trunc(x)


def signbit(x: Any) -> Any:
    """Whether the sign bit is set."""
    return np.signbit(x) if x.dtype.kind == "f" else x < zero(x.dtype)


def isposinf(x: Any) -> Any:
    """Whether x is +inf."""
    return x == np.inf


def isneginf(x: Any) -> Any:
    """Whether x is -inf."""
    return x == -np.inf


def nan_to_num(x: Any, nan: float | None, posinf: float | None, neginf: float | None) -> Any:
    """x with numbers for what is not finite."""
    if x.dtype.kind not in "fc":
        return x.copy()
    if np.count_nonzero(np.isfinite(x)) == x.size:
        return x.copy()
    info = np.finfo(x.dtype)
    kind = x.dtype.type
    most = info.max if posinf is None else kind(posinf)
    least = info.min if neginf is None else kind(neginf)
    y = np.where(np.isnan(x), kind(0 if nan is None else nan), x)
    return np.where(y == np.inf, most, np.where(y == -np.inf, least, y))[()]


# ---- two numbers


def gcd(x: Any, y: Any) -> Any:
    """The greatest common divisor. Raises: TypeError for floats."""
    return np.gcd(x, y)


def lcm(x: Any, y: Any) -> Any:
    """The least common multiple. Raises: TypeError for floats."""
    return np.lcm(x, y)


def floats(ufunc: Any) -> Any:
    """The ufunc for floats alone. NumPy takes integers for float64, torch refuses them."""

    def kernel(x: Any, y: Any) -> Any:
        if x.dtype.kind not in INEXACT:
            raise TypeError(ufunc.__name__)
        return ufunc(x, y)

    kernel.__name__ = kernel.__qualname__ = ufunc.__name__
    return kernel


def _real(x: Any) -> None:
    if x.dtype.kind == "c":
        raise TypeError("complex")


def logaddexp(x: Any, y: Any) -> Any:
    """log(exp(x) + exp(y)). Raises: TypeError for integers."""
    if x.dtype.kind != "c":
        return _logaddexp(x, y)
    first = np.real(x) >= np.real(y)
    larger, smaller = np.where(first, x, y), np.where(first, y, x)
    return (larger + np.log1p(np.exp(smaller - larger)))[()]


def fmax(x: Any, y: Any) -> Any:
    """The larger, or what is no nan; of two zeros y. Raises: TypeError for complex."""
    _real(x)
    return np.fmax(y, x)


def fmin(x: Any, y: Any) -> Any:
    """The smaller, or what is no nan; of two zeros y. Raises: TypeError for complex."""
    _real(x)
    return np.fmin(y, x)


_logaddexp = floats(np.logaddexp)


def fmod(x: Any, y: Any) -> Any:
    """The remainder of a division rounded towards zero: the sign of x.

    Raises: RuntimeError for an integer modulo by zero, TypeError for bool.
    """
    kind = np.result_type(x, y).kind
    if kind == "b":
        raise TypeError("bool")
    if kind in "iu" and np.size(x) and np.any(np.equal(y, 0)):
        raise RuntimeError("fmod: integers are divided by zero; use floats for nan.")
    return np.fmod(x, y)


def heaviside(x: Any, values: Any) -> Any:
    """0 below 0, 1 above, values at 0. Raises: TypeError for complex."""
    _real(x)
    return np.where(x == 0, values, (x > 0).astype(x.dtype))[()]


@at_once
def xlogy(x: Any, y: Any) -> Any:
    """x log(y), 0 where x is 0 and y is no nan."""
    y = y if hasattr(y, "dtype") else x.dtype.type(y)
    return _nothing_at_zero(x, y, x * np.log(y))


def _nothing_at_zero(x: Any, y: Any, z: Any) -> Any:
    """z, 0 where x is 0 and y is no nan."""
    if np.count_nonzero(x) == z.size:
        return z
    return np.where((x == 0) & ~np.isnan(y), zero(z.dtype), z)[()]


@at_once
def xlog1py(x: Any, y: Any) -> Any:
    """x log(1 + y), 0 where x is 0 and y is no nan."""
    y = y if hasattr(y, "dtype") else x.dtype.type(y)
    return _nothing_at_zero(x, y, x * np.log1p(y))


def ldexp(x: Any, n: Any) -> Any:
    """x times 2 to the power n."""
    return x * np.exp2(n)


def ldexp_by_integers(x: Any, n: Any) -> Any:
    """x times 2 to the power n, exactly: n are integers of x's dtype."""
    # Beyond 5,000 every number is infinite or 0, and int32 holds it.
    return np.ldexp(x, np.clip(n, -5000, 5000).astype("i4"))


def exponent(x: Any) -> Any:
    """The exponent of x as an int32: x is a mantissa in [1/2, 1) times 2 to that power."""
    return np.frexp(x)[1]


def mantissa(x: Any, n: Any) -> Any:
    """x over 2 to the power n, exactly."""
    return np.ldexp(x, -n.astype("i4"))


def lerp(x: Any, end: Any, weight: Any) -> Any:
    """x + weight (end - x), from the nearer side."""
    between = end - x
    one = constant(1.0, between.dtype)
    if not hasattr(weight, "dtype"):
        w = constant(weight, between.dtype)
        return x + w * between if abs(weight) < 0.5 else end - between * (one - w)
    return np.where(np.abs(weight) < 0.5, x + weight * between, end - between * (one - weight))[()]


def addcmul(x: Any, a: Any, b: Any, value: Any) -> Any:
    """x + value a b. Raises: TypeError for bool."""
    if x.dtype.kind == "b":
        raise TypeError("bool")
    return x + a * b if value == 1 else x + x.dtype.type(value) * a * b


def addcdiv(x: Any, a: Any, b: Any, value: Any) -> Any:
    """x + value a / b."""
    return x + a / b if value == 1 else x + x.dtype.type(value) * a / b


# ---- activations


def elu(x: Any, alpha: float, scale: float, slope: float) -> Any:
    """scale x above 0, below scale alpha (exp(slope x) - 1). Raises: TypeError for integers."""
    if x.dtype.kind != "f":
        raise TypeError("elu")
    below = np.expm1(_times(slope, x))
    return np.where(x <= zero(x.dtype), _times(alpha * scale, below), _times(scale, x))[()]


def _times(factor: float, x: Any) -> Any:
    return x if factor == 1 else constant(factor, x.dtype) * x


def threshold(x: Any, limit: float, value: float) -> Any:
    """x above limit, else value. Raises: TypeError for bool and complex."""
    if x.dtype.kind in "bc":
        raise TypeError("threshold")
    return np.where(x <= constant(limit, x.dtype), constant(value, x.dtype), x)[()]


def hardshrink(x: Any, limit: float) -> Any:
    """0 within [-limit, limit], else x. Raises: TypeError for integers."""
    if x.dtype.kind != "f":
        raise TypeError("hardshrink")
    return np.where(np.abs(x) <= constant(limit, x.dtype), zero(x.dtype), x)[()]


def product(x: Any, y: Any) -> Any:
    """x y. Raises: TypeError for integers."""
    if x.dtype.kind != "f":
        raise TypeError("rrelu")
    return x * y


def leaky(x: Any, slope: float) -> Any:
    """x above 0, else slope x. Raises: TypeError for integers."""
    if x.dtype.kind != "f":
        raise TypeError("leaky")
    return np.where(x > 0, x, x * constant(slope, x.dtype))[()]


def prelu(x: Any, weight: Any) -> Any:
    """x above 0, else weight x. Raises: TypeError for integers."""
    if x.dtype.kind != "f":
        raise TypeError("prelu")
    return np.where(x > 0, x, weight * x)[()]


nameless(globals())
