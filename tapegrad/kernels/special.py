"""Special functions as NumPy has none: by polynomials in float64, for every float dtype.

Each function is split where its character changes; on each part a polynomial is fitted to what is left once
its exponential, its zeros and its poles are taken out (the coefficients are in fits.py, their derivation in
tools/special_fits.py). The results are good to a few units in the last place of a float64, and hence nearly
always the nearest float32.

Sources of the methods: M. Shepherd and J. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x",
Math. Comp. 36 (1981), for erfc; M. Giles, "Approximating the erfinv function" (2011), for the variable
-log(1 - x^2); Abramowitz and Stegun, "Handbook of Mathematical Functions", 6.1 and 6.3 (Stirling's series,
recurrences, reflections), 9.7 (Bessel functions at infinity).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.fits as T
from tapegrad.kernels.errstate import nameless

BLOCK = 8192  # elements computed at a time, so that they stay in the cache through all steps
SMALL = 64  # up to so many elements, Python's math is faster

PI = math.pi
Kernel = Callable[[Any], Any]


def kernel(body: Kernel, scalar: Callable[[float], float] | None = None) -> Kernel:
    """body, which maps a 1-d float64 array, as a kernel on any float array. scalar: the same for one
    number."""

    def call(x: Any) -> Any:
        if x.dtype.kind != "f":
            raise TypeError(body.__name__)
        if type(x) is not ndarray or not x.ndim:
            return x.dtype.type(call(np.array([x]))[0])
        if scalar is not None and x.size <= SMALL:
            try:
                found = np.array([*map(scalar, x.ravel().tolist())], x.dtype)
            except (OverflowError, ValueError):  # a pole
                pass
            else:
                return found.reshape(x.shape)
        a = x.astype("f8", order="K")
        flat = a.ravel(order="K")  # a view: a has no gaps
        for i in range(0, flat.size, BLOCK):
            part = flat[i : i + BLOCK]
            part[:] = body(part)
        return a.astype(x.dtype, copy=False)

    call.__name__ = call.__qualname__ = body.__name__.strip("_")
    call.__doc__ = body.__doc__
    return call


def horner(t: Any, cs: Sequence[float]) -> Any:
    """The polynomial with coefficients cs, lowest power first."""
    y = t * cs[-1]
    for c in cs[-2:0:-1]:
        y += c
        y *= t
    y += cs[0]
    return y


def by_parts(x: Any, *parts: tuple[Any, Kernel]) -> Any:
    """f(x) where its condition holds, for each (condition, f); nan where none does."""
    y = np.full_like(x, np.nan)
    for where, f in parts:
        if where.all():
            return f(x)
        if where.any():
            y[where] = f(x[where])
    return y


def scaled_to(x: Any, low: float, high: float) -> Any:
    """x in [low, high] as t in [-1, 1]."""
    return (x * 2 - (low + high)) / (high - low)


# ---- the error function and its kin


def _erfcx_right(x: Any) -> Any:
    """erfcx for x >= 0."""
    t = 1 - 7.5 / (x + 3.75)  # = (x - 3.75) / (x + 3.75), and 1 at infinity
    return horner(t, T.ERFCX) / 2 / (x + 0.5)  # 1 + 2 x, where 2 x might overflow


def _exp_of_square(x: Any, sign: float) -> Any:
    """exp(sign x^2): with the part of the square that a float64 cannot hold."""
    high = np.rint(x * 1024) / 1024  # its square is exact wherever the result is not 0 or inf
    return np.exp(sign * high * high) * np.exp(sign * (x - high) * (x + high))


def _erfc_right(x: Any) -> Any:
    """erfc for x >= 0."""
    x = np.minimum(x, 40)  # 0 from 27 on; inf * 0 is nan
    return _exp_of_square(x, -1) * _erfcx_right(x)


def _erf_near(x: Any) -> Any:
    return x * horner(scaled_to(x * x, 0, 1), T.ERF)


def _erf(x: Any) -> Any:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    r = np.abs(x)
    return by_parts(x, (r < 1, _erf_near), (r >= 1, lambda x: np.copysign(1 - _erfc_right(np.abs(x)), x)))


def _erfc(x: Any) -> Any:
    """1 - erf(x)."""
    return by_parts(
        x,
        (np.abs(x) < 0.5, lambda x: 1 - _erf_near(x)),
        (x >= 0.5, _erfc_right),
        (x <= -0.5, lambda x: 2 - _erfc_right(-x)),
    )


def _erfcx(x: Any) -> Any:
    """exp(x^2) erfc(x)."""
    return by_parts(
        x,
        (x >= 0, _erfcx_right),
        (x < 0, lambda x: 2 * _exp_of_square(np.maximum(x, -40), 1) - _erfcx_right(-x)),
    )


erf = kernel(_erf, math.erf)
erfc = kernel(_erfc, math.erfc)
erfcx = kernel(_erfcx)


def _of_tail(w: Any) -> Any:
    """z with erf(z)^2 = 1 - exp(-w), for w >= 5."""
    s = np.sqrt(w)
    low, high = 1 / 28, 1 / 6.2
    return s * by_parts(
        s,
        (s < 6.2, lambda s: horner(scaled_to(s, 2.2, 6.2), T.ERFINV_TAIL)),
        (s >= 6.2, lambda s: horner(scaled_to(1 / s, low, high), T.ERFINV_FAR)),
    )


def _inverse(x: Any, left: Any) -> Any:
    """erfinv(x) for 0 <= x <= 1, with left = 1 - x, exact also where x is near 1."""
    w = np.where(x < 0.7, -np.log1p(-x * x), -np.log(left * (1 + x)))
    return np.where(
        left == 0,
        np.inf,
        np.where(
            w < 5,
            x * horner(scaled_to(np.minimum(w, 5), 0, 5), T.ERFINV),
            _of_tail(np.clip(w, 5, 784)),
        ),
    )


def _erfinv(x: Any) -> Any:
    """The x whose error function this is."""
    r = np.abs(x)
    return by_parts(x, (r <= 1, lambda x: np.copysign(_inverse(np.abs(x), 1 - np.abs(x)), x)))


def _ndtri(p: Any) -> Any:
    """The x below which a share p of the normal distribution lies."""

    def inside(p: Any) -> Any:
        tail = np.minimum(p, 1 - p)
        return np.copysign(math.sqrt(2) * _inverse(1 - 2 * tail, 2 * tail), p - 0.5)

    return by_parts(p, ((p >= 0) & (p <= 1), inside))


def _ndtr(x: Any) -> Any:
    """The share of the normal distribution below x: as torch has it, which loses the digits of the far
    left."""
    return (1 + _erf(x * math.sqrt(0.5))) * 0.5


def _entr(x: Any) -> Any:
    """-x log(x), 0 at 0, -inf below."""
    return by_parts(
        x, (x > 0, lambda x: -x * np.log(x)), (x == 0, np.zeros_like), (x < 0, lambda x: x - np.inf)
    )


def _log_ndtr(x: Any) -> Any:
    """The logarithm of the share of the normal distribution below x."""
    t = x * math.sqrt(0.5)
    return by_parts(
        t,
        (x < -1, lambda t: np.log(_erfcx_right(-t) / 2) - t * t),
        (x >= -1, lambda t: np.log1p(-_erfc(t) / 2)),
    )


erfinv = kernel(_erfinv)
ndtri = kernel(_ndtri)
log_ndtr = kernel(_log_ndtr)
ndtr = kernel(_ndtr)
entr = kernel(_entr)


# ---- the gamma function and its kin

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
_STIRLING = tuple([b / ((2 * k + 2) * (2 * k + 1)) for k, b in enumerate(BERNOULLI)])
_PSI = tuple([b / (2 * k + 2) for k, b in enumerate(BERNOULLI)])


def _log_gamma_near(x: Any) -> Any:
    """lgamma on [1, 2]."""
    return (x - 1) * (x - 2) * horner(scaled_to(x, 1, 2), T.LGAMMA) + 0.0  # no -0


def _log_gamma_next(x: Any) -> Any:
    """lgamma(1 + x) on [0, 1], from x, which has digits that 1 + x lacks."""
    return x * (x - 1) * horner(scaled_to(x, 0, 1), T.LGAMMA)


def _log_gamma_between(x: Any) -> Any:
    """lgamma on [2, 8): gamma(x) = (x - 1) (x - 2) ... gamma(what is left in [1, 2))."""
    steps = np.floor(x) - 1
    product = x - 1
    for k in range(2, 7):
        product = np.where(k <= steps, product * (x - k), product)
    return np.log(product) + _log_gamma_near(x - steps)


def _log_gamma_far(x: Any) -> Any:
    """lgamma from 8 on, by Stirling's series."""
    series = horner(1 / (x * x), _STIRLING) / x
    y = (x - 0.5) * (np.log(x) - 1) + ((math.log(2 * PI) - 1) / 2 + series)
    return np.where(x < 1e306, y, x * (np.log(np.minimum(x, 1.7e308)) - 1))


def _log_gamma_right(x: Any) -> Any:
    return by_parts(
        x,
        (x < 0.5, lambda x: _log_gamma_next(x) - np.log(x)),
        ((x >= 0.5) & (x < 1), lambda x: _log_gamma_next(x) - np.log1p(x - 1)),
        ((x >= 1) & (x < 2), _log_gamma_near),
        ((x >= 2) & (x < 8), _log_gamma_between),
        (x >= 8, _log_gamma_far),
    )


def _log_gamma_left(x: Any) -> Any:
    """lgamma below 0, by reflection; inf at whole numbers."""
    distance = np.abs(x - np.rint(x))
    y = np.log(PI / (np.sin(PI * distance) * -x)) - _log_gamma_right(-x)
    y = np.where(x > -1e-17, -np.log(-x), y)  # there the product would be too small for a float
    return np.where((distance == 0) | np.isinf(x), np.inf, y)


def _lgamma(x: Any) -> Any:
    """The logarithm of the gamma function's magnitude."""
    return by_parts(x, (x > 0, _log_gamma_right), (x < 0, _log_gamma_left), (x == 0, lambda x: x + np.inf))


def _digamma_near(x: Any) -> Any:
    """digamma on [1, 2]; exact about its zero, of which two floats hold the digits."""
    root, rest = T.DIGAMMA_ROOT
    return ((x - root) - rest) * horner(scaled_to(x, 1, 2), T.DIGAMMA)


def _digamma_between(x: Any) -> Any:
    """digamma on [2, 10): digamma(x) = 1 / (x - 1) + 1 / (x - 2) + ... + digamma(what is left)."""
    steps = np.floor(x) - 1
    total = 1 / (x - 1)
    for k in range(2, 9):
        total += np.where(k <= steps, 1 / (x - k), 0)
    return total + _digamma_near(x - steps)


def _digamma_far(x: Any) -> Any:
    z = 1 / (x * x)
    return np.log(x) - 0.5 / x - z * horner(z, _PSI)


def _digamma_right(x: Any) -> Any:
    return by_parts(
        x,
        (x < 1, lambda x: _digamma_near(1 + x) - 1 / x),
        ((x >= 1) & (x < 2), _digamma_near),
        ((x >= 2) & (x < 10), _digamma_between),
        (x >= 10, _digamma_far),
    )


def _digamma_left(x: Any) -> Any:
    """digamma below 0, by reflection; nan at whole numbers."""
    rest = np.fmod(x, 1)
    y = _digamma_right(1 - x) - PI / np.tan(PI * rest)
    return np.where(rest == 0, np.nan, y)


def _digamma(x: Any) -> Any:
    """The logarithmic derivative of the gamma function."""
    return by_parts(
        x, (x > 0, _digamma_right), (x < 0, _digamma_left), (x == 0, lambda x: np.copysign(np.inf, -x))
    )


lgamma = kernel(_lgamma)
digamma = kernel(_digamma)


# ---- modified Bessel functions of the first kind


def _scaled_bessel(x: Any, near: Sequence[float], far: Sequence[float], odd: bool) -> Any:
    """exp(-|x|) I(x)."""
    r = np.abs(x)
    y = by_parts(
        r,
        (r <= 8, lambda r: horner(scaled_to(r, 0, 8), near) * (r if odd else 1)),
        (r > 8, lambda r: horner(scaled_to(1 / r, 0, 0.125), far) / np.sqrt(r)),
    )
    return np.where(x < 0, -y, y) if odd else y


def _i0e(x: Any) -> Any:
    """exp(-|x|) i0(x)."""
    return _scaled_bessel(x, T.I0E, T.I0E_FAR, False)


def _i1e(x: Any) -> Any:
    """exp(-|x|) i1(x)."""
    return _scaled_bessel(x, T.I1E, T.I1E_FAR, True)


def _i0(x: Any) -> Any:
    """The modified Bessel function of order 0."""
    return np.exp(np.abs(x)) * _i0e(x)


def _i1(x: Any) -> Any:
    """The modified Bessel function of order 1."""
    return np.exp(np.abs(x)) * _i1e(x)


def _spherical_bessel_j0(x: Any) -> Any:
    """sin(x) / x, 1 at 0 and 0 at infinity."""
    y = np.sin(x) / np.where(x == 0, 1, x)
    return np.where(x == 0, 1, np.where(np.isinf(x), 0, y))


spherical_bessel_j0 = kernel(_spherical_bessel_j0)
i0, i0e, i1, i1e = kernel(_i0), kernel(_i0e), kernel(_i1), kernel(_i1e)


nameless(globals())
