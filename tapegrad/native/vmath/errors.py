"""The error function and its kin, and Bessel's functions. Without a note they are the methods of
kernels.special, from the same coefficients, and as exact as these. float32's erf, erfc, erfinv and ndtr are
computed in float32: in half the time of the others'."""

from __future__ import annotations

import math

import tapegrad.kernels.fits as T
from tapegrad.native.ir import Function, Value, integers
from tapegrad.native.vmath.basic import (
    exp,
    fitted,
    log,
    minimum,
    polynomial,
    rarely,
    series,
    shortened,
    single,
    usual_exp,
    widened,
)


def erf(f: Function, x: Value) -> Value:
    """The error function; 1 ulp in float32, 3 in float64."""
    return (_erf_single if single(x) else _erf_double)(f, x)


def _erf_single(f: Function, x: Value) -> Value:
    t = f.intrinsic("fabs", x)
    t = f.select(t > 4.0, 4.0, t)
    q = t * t
    r = f.fma(t, -1.72853470e-5, 3.83197126e-4)
    u = f.fma(t, -3.88396438e-3, 2.42546219e-2)
    r = f.fma(r, q, u)
    for c in (-1.06777877e-1, -6.34846687e-1, -1.28717512e-1):
        r = f.fma(r, t, c)
    far = 1.0 - usual_exp(f, f.fma(r, t, -t))
    fit = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1]
    near = f.fma(polynomial(f, q, fit), x, x)
    return f.select(t > 0.927734375, f.intrinsic("copysign", far, x), near)


_ERF_T: tuple[float, ...] = (9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3)
_ERF_T += (7.00332514112805075473e3, 5.55923013010394962768e4)
_ERF_U: tuple[float, ...] = (
    1.0,
    3.35617141647503099647e1,
    5.21357949780152679795e2,
    4.59432382970980127987e3,
)
_ERF_U += (2.26290000613890934246e4, 4.92673942608635921086e4)
_ERFC_P: tuple[float, ...] = (2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0)
_ERFC_P += (4.86371970985681366614e1, 1.96520832956077098242e2, 5.26445194995477358631e2)
_ERFC_P += (9.34528527171957607540e2, 1.02755188689515710272e3, 5.57535335369399327526e2)
_ERFC_Q: tuple[float, ...] = (
    1.0,
    1.32281951154744992508e1,
    8.67072140885989742329e1,
    3.54937778887819891062e2,
)
_ERFC_Q += (9.75708501743205489753e2, 1.82390916687909736289e3, 2.24633760818710981792e3)
_ERFC_Q += (1.65666309194161350182e3, 5.57535340817727675546e2)


def _erf_double(f: Function, x: Value) -> Value:
    t, q = f.intrinsic("fabs", x), x * x
    near = x * (polynomial(f, q, _ERF_T) / polynomial(f, q, _ERF_U))
    c = f.select(t > 6.0, 6.0, t)
    far = 1.0 - exp(f, -(c * c)) * (polynomial(f, c, _ERFC_P) / polynomial(f, c, _ERFC_Q))
    return f.select(t > 1.0, f.intrinsic("copysign", far, x), near)


def _erfcx_right(f: Function, x: Value) -> Value:
    """erfcx for x >= 0."""
    if single(x):  # x - 3.75 has no error where it matters
        x = f.select(x > 1e18, 1e18, x)
        return series(f, (x - 3.75) / (x + 3.75), T.ERFCX) * 0.5 / (x + 0.5)
    if f.rough:  # one division for two
        x = f.select(x > 1e60, 1e60, x)
        over = 1.0 / ((x + 3.75) * (x + 0.5))
        t = 1.0 - (x + 0.5) * over * 7.5
        return series(f, t, T.ERFCX) * ((x + 3.75) * over * 0.5)
    return series(f, 1.0 - 7.5 / (x + 3.75), T.ERFCX) * 0.5 / (x + 0.5)


def _exp_of_square(f: Function, x: Value, by: float) -> Value:
    """e ** (by x x), with the part of the square that a float64 cannot hold."""
    a = f.intrinsic("fabs", x)
    a = f.select(a > 60.0, 60.0, a)
    q = a * a
    y = exp(f, q * by)
    return y if f.rough and not single(x) else y * (f.fma(a, a, -q) * by + 1.0)


def _erfc_from(f: Function, x: Value, right: Value, fall: Value) -> Value:
    """erfc(x), given erfcx(|x|) and e ** (-x x)."""
    far = fall * right
    near = 1.0 - x * fitted(f, x * x, 0, 1, T.ERF)
    return f.select(f.intrinsic("fabs", x) < 0.5, near, f.select(x < 0.0, 2.0 - far, far))


@shortened
def erfc(f: Function, x: Value) -> Value:
    """1 - erf(x); 5 ulp in float32, 4 in float64."""
    return _erfc_from(f, x, _erfcx_right(f, f.intrinsic("fabs", x)), _exp_of_square(f, x, -1.0))


@widened
def erfcx(f: Function, x: Value) -> Value:
    """e ** (x * x) erfc(x); 7 ulp."""
    right = _erfcx_right(f, f.intrinsic("fabs", x))
    return f.select(x < 0.0, _exp_of_square(f, x, 1.0) * 2.0 - right, right)


def _normal(f: Function, x: Value) -> tuple[Value, Value]:
    """(the normal distribution below x, e ** (-x * x / 2))."""
    t = f.intrinsic("fabs", x)
    if not single(x):
        return (erf(f, x * _ROOT_HALF) + 1.0) * 0.5, exp(f, x * x * -0.5)
    t = f.select(t > _NO_TAIL, _NO_TAIL, t)
    fall = usual_exp(f, t * t * -0.5)
    tail = fall * (polynomial(f, t, _TAIL_P) / polynomial(f, t, _TAIL_Q))
    return f.select(f.bits(x, integers(x.type)) < 0, tail, 1.0 - tail), fall


_ROOT_HALF = math.sqrt(0.5)
_NO_TAIL = math.sqrt(176)  # here usual_exp gives 0
# The distribution below -t, over e ** (-t * t / 2), for 0 <= t < _NO_TAIL.
_TAIL_P = (4.020154941827059e-3, 3.998401015996933e-2, 1.81306391954422e-1, 4.3568599224090576e-1, 0.5)
_TAIL_Q: tuple[float, ...] = (1.0076891630887985e-2, 1.0023242980241776e-1, 4.6437931060791016e-1)
_TAIL_Q += (1.1944829225540161, 1.6692569255828857, 1.0)


def ndtr(f: Function, x: Value) -> Value:
    """The normal distribution below x; 3 ulp of 1 in float64, 1 in float32."""
    return _normal(f, x)[0]


def gelu(f: Function, x: Value) -> Value:
    """x times the normal distribution below x; 2 ulp of x in float32, 3 in float64."""
    return x * _normal(f, x)[0]


def gelu_slope(f: Function, x: Value) -> Value:
    """The derivative of gelu; 2 ulp of 1 in float32, 4 in float64."""
    below, fall = _normal(f, x)
    return f.fma(x * (1 / math.sqrt(2 * math.pi)), fall, below)


@widened
def log_ndtr(f: Function, x: Value) -> Value:
    """The logarithm of the normal distribution below x; 5 ulp."""
    t = x * math.sqrt(0.5)
    right = _erfcx_right(f, f.intrinsic("fabs", t))
    far = x < -1.0
    less = _erfc_from(f, t, right, _exp_of_square(f, x, -0.5)) * -0.5
    u = less + 1.0
    y = log(f, f.select(far, right * 0.5, u)) + f.select(far, x * x * -0.5, (less - (u - 1.0)) / u)
    return f.select(u.eq(1.0), less, y)


def _inverse(f: Function, x: Value, left: Value) -> Value:
    """erfinv(x) for 0 <= x <= 1, with left = 1 - x, exact also where x is near 1."""
    w = -log(f, left * (x + 1.0))
    y = x * fitted(f, f.select(w > 5.0, 5.0, w), 0, 5, T.ERFINV)

    def tail() -> Value:
        v = f.select(w > 784.0, 784.0, w)
        s = f.intrinsic("sqrt", v)
        far = fitted(f, 1.0 / s, 1 / 28, 1 / 6.2, T.ERFINV_FAR)
        return s * f.select(s < 6.2, fitted(f, s, 2.2, 6.2, T.ERFINV_TAIL), far)

    return f.select(left.eq(0.0), math.inf, rarely(f, w >= 5.0, y, tail))


@shortened
def erfinv(f: Function, x: Value) -> Value:
    """The inverse of erf; 3 ulp in float32, 4 in float64."""
    r = f.intrinsic("fabs", x)
    return f.select(r <= 1.0, f.intrinsic("copysign", _inverse(f, r, 1.0 - r), x), math.nan)


@widened
def ndtri(f: Function, p: Value) -> Value:
    """The inverse of ndtr; 4 ulp."""
    tail = minimum(f, p, 1.0 - p)
    y = _inverse(f, 1.0 - tail * 2.0, tail * 2.0) * math.sqrt(2)
    return f.select(tail >= 0.0, f.intrinsic("copysign", y, p - 0.5), math.nan)


def _scaled_bessel(
    f: Function, x: Value, near: tuple[float, ...], far: tuple[float, ...], odd: bool
) -> Value:
    """e ** -|x| I(x)."""
    r = f.intrinsic("fabs", x)
    y = fitted(f, f.select(r > 8.0, 8.0, r), 0, 8, near)

    def beyond() -> Value:
        return fitted(f, 1.0 / r, 0, 0.125, far) / f.intrinsic("sqrt", r)

    y = rarely(f, r >= 8.0, y * r if odd else y, beyond)
    return f.select(x < 0.0, -y, y) if odd else y


@widened
def i0e(f: Function, x: Value) -> Value:
    """e ** -|x| i0(x); 4 ulp."""
    return _scaled_bessel(f, x, T.I0E, T.I0E_FAR, False)


@widened
def i1e(f: Function, x: Value) -> Value:
    """e ** -|x| i1(x); 4 ulp."""
    return _scaled_bessel(f, x, T.I1E, T.I1E_FAR, True)


@widened
def i0(f: Function, x: Value) -> Value:
    """The modified Bessel function of order 0; 8 ulp."""
    return exp(f, f.intrinsic("fabs", x)) * i0e(f, x)


@widened
def i1(f: Function, x: Value) -> Value:
    """The modified Bessel function of order 1; 8 ulp."""
    return exp(f, f.intrinsic("fabs", x)) * i1e(f, x)
