"""Hyperbolic functions and their inverses, and the length of a vector of two."""

from __future__ import annotations

import math

from tapegrad.native.ir import Function, Value
from tapegrad.native.vmath.basic import exp, log, log1p, polynomial, single, widened

_FAR = 2.0**28  # from here on a * a + 1 is a * a


@widened
def sinh(f: Function, x: Value) -> Value:
    """The hyperbolic sine; 2 ulp."""
    a, q = f.intrinsic("fabs", x), x * x
    h = exp(f, a, half=True)
    far = f.intrinsic("copysign", h - 0.25 / h, x)
    near = polynomial(f, q, [1 / math.factorial(n) for n in range(13 if f.rough else 19, 1, -2)])
    return f.select(a > 1.0, far, f.select(x.eq(0.0), x, f.fma(near * q, x, x)))


@widened
def cosh(f: Function, x: Value) -> Value:
    """The hyperbolic cosine; 1.5 ulp."""
    h = exp(f, f.intrinsic("fabs", x), half=True)
    return h + 0.25 / h


@widened
def asinh(f: Function, x: Value) -> Value:
    """The inverse of sinh; 3 ulp."""
    a = f.intrinsic("fabs", x)
    far = a > _FAR
    q = a * a
    sum = f.select(far, a - 1.0, a + q / (1.0 + f.intrinsic("sqrt", q + 1.0)))
    y = log1p(f, sum) + f.select(far, math.log(2), f.value(0.0, x.type))
    return f.intrinsic("copysign", y, x)


@widened
def acosh(f: Function, x: Value) -> Value:
    """The inverse of cosh; 3 ulp."""
    far = x > _FAR
    t = x - 1.0
    sum = f.select(far, t, t + f.intrinsic("sqrt", f.fma(t, t, t + t)))
    y = log1p(f, sum) + f.select(far, math.log(2), f.value(0.0, x.type))
    return f.select(x < 1.0, math.nan, y)


@widened
def atanh(f: Function, x: Value) -> Value:
    """The inverse of tanh; 3 ulp."""
    a = f.intrinsic("fabs", x)
    if f.rough:
        y = f.select(a < 1e-4, f.fma(a * a * a, 1 / 3, a), log(f, (1.0 + a) / (1.0 - a)) * 0.5)
    else:
        t = a + a
        y = log1p(f, t + t * a / (1.0 - a)) * 0.5
    return f.intrinsic("copysign", f.select(a > 1.0, math.nan, y), x)


def hypot(f: Function, a: Value, b: Value) -> Value:
    """sqrt(a * a + b * b), which does not overflow on the way; 1 ulp."""
    return (_hypot_of_single if single(a) else _hypot)(f, a, b)


@widened
def _hypot_of_single(f: Function, a: Value, b: Value) -> Value:
    return _infinite(f, a, b, f.intrinsic("sqrt", f.fma(a, a, b * b)))


def _hypot(f: Function, a: Value, b: Value) -> Value:
    x, y = f.intrinsic("fabs", a), f.intrinsic("fabs", b)
    larger, smaller = f.select(x > y, x, y), f.select(x > y, y, x)
    one = f.value(1.0, a.type)
    up = f.select(larger < 2.0**-450, 2.0**600, one)
    up = f.select(larger > 2.0**500, 2.0**-600, up)
    down = f.select(larger < 2.0**-450, 2.0**-600, one)
    down = f.select(larger > 2.0**500, 2.0**600, down)
    x, y = larger * up, smaller * up  # the smaller square is the one that is rounded
    return _infinite(f, a, b, f.intrinsic("sqrt", f.fma(x, x, y * y)) * down)


def _infinite(f: Function, a: Value, b: Value, y: Value) -> Value:
    """y, and inf if one of a and b is infinite, whatever the other."""
    either = f.intrinsic("fabs", a).eq(math.inf) | f.intrinsic("fabs", b).eq(math.inf)
    return f.select(either, math.inf, y)
