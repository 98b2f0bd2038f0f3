"""The logarithm of the gamma function and its derivatives, by the methods and coefficients of
kernels.special and kernels.hurwitz."""

from __future__ import annotations

import math

import tapegrad.kernels.fits as T
from tapegrad.kernels.special import BERNOULLI
from tapegrad.native.ir import Function, Value
from tapegrad.native.vmath.angles import sin, tan
from tapegrad.native.vmath.basic import fitted, log, polynomial, rarely, widened

_STIRLING = tuple([b / ((2 * k + 2) * (2 * k + 1)) for k, b in enumerate(BERNOULLI)])
_PSI = tuple([b / (2 * k + 2) for k, b in enumerate(BERNOULLI)])


def _in_inverse_squares(f: Function, x: Value, terms: tuple[float, ...]) -> Value:
    """terms[0] + terms[1] / x**2 + terms[2] / x**4 + ..."""
    return polynomial(f, 1.0 / (x * x), (terms[:5] if f.rough else terms)[::-1])


def _distance(f: Function, x: Value) -> Value:
    return f.intrinsic("fabs", x - f.intrinsic("rint", x))


@widened
def lgamma(f: Function, x: Value) -> Value:
    """The logarithm of the gamma function's magnitude; 6 ulp of the larger of the result and 1."""
    a = f.intrinsic("fabs", x)
    y = _lgamma_right(f, a)

    def left() -> Value:
        d = _distance(f, x)
        z = log(f, math.pi / (sin(f, d * math.pi) * a)) - y
        z = f.select(a < 1e-17, y, z)  # there the product would be too small for a float
        return f.select(d.eq(0.0) | a.eq(math.inf), math.inf, z)

    return f.select(x.eq(0.0), math.inf, rarely(f, x < 0.0, y, left))


def _lgamma_right(f: Function, x: Value) -> Value:
    """lgamma for x > 0: gamma(x) = (x - 1) (x - 2) ... gamma(what is left in [1, 2))."""
    first, far = x < 1.0, x >= 8.0
    steps = f.intrinsic("floor", x) - 1.0
    product = f.value(1.0, x.type)
    for k in range(1, 7):
        product = f.select(steps >= float(k), product * (x - float(k)), product)
    z = f.select(first, x, x - steps - 1.0)  # from 1 on
    near = f.select(first, z * (z - 1.0), (x - steps - 1.0) * (x - steps - 2.0)) * fitted(
        f, z, 0, 1, T.LGAMMA
    )
    size = log(f, f.select(first | far, x, product))
    y = f.select(first, near - size, near + size)

    def beyond() -> Value:
        more = _in_inverse_squares(f, x, _STIRLING) / x
        z = f.fma(x - 0.5, size - 1.0, more + (math.log(2 * math.pi) - 1) / 2)
        return f.select(x < 1e306, z, x * (size - 1.0))

    return rarely(f, far, y, beyond)


@widened
def digamma(f: Function, x: Value) -> Value:
    """The derivative of lgamma; 8 ulp of the larger of the result and 1."""
    below = x < 0.0
    y = _digamma_right(f, f.select(below, 1.0 - x, x))

    def left() -> Value:
        rest = x - f.intrinsic("rint", x)
        return f.select(rest.eq(0.0), math.nan, y - math.pi / tan(f, rest * math.pi))

    pole = f.intrinsic("copysign", f.value(math.inf, x.type), -x)
    return f.select(x.eq(0.0), pole, rarely(f, below, y, left))


def _digamma_right(f: Function, x: Value) -> Value:
    """digamma for x > 0: digamma(x) = 1 / (x - 1) + 1 / (x - 2) + ... + digamma(what is left in [1, 2))."""
    first = x < 1.0
    steps = f.intrinsic("floor", x) - 1.0
    above = f.select(first, -1.0, f.value(0.0, x.type))  # a fraction
    below = f.select(first, x, 1.0)
    for k in range(1, 9):
        more, q = steps >= float(k), x - float(k)
        above = f.select(more, f.fma(above, q, below), above)
        below = f.select(more, below * q, below)
    z = x - steps
    root, rest = T.DIGAMMA_ROOT
    near = ((z - root) - rest) * fitted(f, z, 1, 2, T.DIGAMMA)

    def beyond() -> Value:
        return log(f, x) - 0.5 / x - _in_inverse_squares(f, x, _PSI) / (x * x)

    return rarely(f, x >= 10.0, near + above / below, beyond)


@widened
def trigamma(f: Function, x: Value) -> Value:
    """The derivative of digamma; 8 ulp."""
    left = x < 0.5
    right = f.select(left, 1.0 - x, x)
    far = right >= 10.0
    above, below = f.value(0.0, x.type), f.value(1.0, x.type)  # the first ten terms as a fraction
    for k in range(10):
        q = right + float(k)
        q = q * q
        above, below = f.fma(above, q, below), below * q
    w = f.select(far, right, right + 10.0)
    r = 1.0 / w
    y = f.fma(_in_inverse_squares(f, w, BERNOULLI), r * r, r * 0.5 + 1.0) * r
    y = y + f.select(far, 0.0, above / below)

    def mirrored() -> Value:
        s = math.pi / sin(f, (x - f.intrinsic("rint", x)) * math.pi)
        return s * s - y

    return rarely(f, left, y, mirrored)
