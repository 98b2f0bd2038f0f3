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
from collections.abc import Callable, Iterable
from functools import partial
from math import erf as number_erf
from math import erfc as number_erfc
from math import exp, log, log1p
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.fits as T
from tapegrad.kernels import few
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import constant
from tapegrad.kernels.standing import at_once

try:  # CPython's statistics.NormalDist().inv_cdf (Wichura's algorithm AS 241), without what that imports
    from _statistics import (  # type: ignore[import-not-found] # typeshed does not have it
        _normal_dist_inv_cdf as normal_inverse,
    )
except ImportError:
    normal_inverse = None

BLOCK = 8192  # elements computed at a time, so that they stay in the cache through all steps
SMALL = 64  # up to so many elements, Python's math is faster

PI = math.pi
TINY = 5e-324  # the smallest number above 0
_F8 = np.dtype("f8")
_MANY = np.arange(SMALL + 1)
Kernel = Callable[[Any], Any]
Numbers = Callable[[list[float]], Iterable[float]]


def kernel(
    body: Kernel, numbers: Numbers | None = None, rough: Numbers | None = None, few: Any = None
) -> Kernel:
    """body, which maps a 1-d float64 array, as a kernel on any float array.

    For small arrays: numbers, the same for a list of numbers; rough, such a function whose error is below
    that of a float32; few, the same for a 1-d array of that (see few.py). Where they do not know a value they
    raise ValueError or OverflowError.
    """
    rough = rough or numbers

    def call(x: Any) -> Any:
        if x.dtype.kind != "f":
            raise TypeError(body.__name__)
        if type(x) is not ndarray or not x.ndim:
            return x.dtype.type(call(np.array([x]))[0])
        f: Any = numbers if x.itemsize == 8 else few or rough
        if f is not None and 0 < x.size <= SMALL:
            flat: Any = x if x.ndim == 1 else x.ravel()
            try:
                found: Any = few(flat) if f is few else np.fromiter(f(flat.tolist()), x.dtype, x.size)
            except (OverflowError, ValueError):  # a pole
                pass
            else:
                return found if x.ndim == 1 else found.reshape(x.shape)
        a = x.astype(_F8, order="K")
        flat = a.ravel(order="K")  # a view: a has no gaps
        i, n = 0, flat.size
        while i < n:
            end = i + BLOCK if n - i > BLOCK + SMALL else n  # few at the end would be computed in another way
            part = flat[i:end]
            part[:] = body(part)
            i = end
        return a.astype(x.dtype, copy=False)

    call.__name__ = call.__qualname__ = body.__name__.strip("_")
    call.__doc__ = body.__doc__
    return at_once(call)


def horner(t: Any, cs: Any) -> Any:
    """The polynomial with coefficients cs (an array), lowest power first. Of few numbers all powers are made
    at once: in 5 us instead of 20."""
    if t.size <= SMALL:
        powers = np.empty((cs.size, t.size))
        powers[0] = 1
        powers[1:] = t
        powers = np.multiply.accumulate(powers, 0)
        powers *= cs[:, None]
        return np.add.accumulate(powers, 0)[-1]  # other sums' order depends on how many numbers there are
    y = t * cs[-1]
    for c in cs[-2:0:-1]:
        y += c
        y *= t
    y += cs[0]
    return y


def by_parts(x: Any, *parts: tuple[float, Kernel], of: Any = None) -> Any:
    """f(x) where x (or the array `of`) is from a number on and below that of the next part, for each (number,
    f); nan below the first, and of nan."""
    key = x if of is None else of
    low, high = key.item(key.argmin()), key.item(key.argmax())  # nan, if there is one
    ends = [start for start, _ in parts[1:]]
    for (start, f), end in zip(parts, [*ends, math.inf], strict=True):
        if start <= low and (high < end or high == math.inf == end):
            return f(x)
    y = np.empty(x.shape)
    y.fill(math.nan)
    for i, (start, f) in enumerate(parts):
        where = key >= start
        if ends[i:]:
            where &= key < ends[i]
        n = int(np.count_nonzero(where))
        if n > SMALL or 0 < n <= x.size <= SMALL:
            y[where] = f(x[where])
        elif n:  # few of many, which are to be computed as those
            y[where] = f(x[where].take(_MANY, mode="clip"))[:n]
    return y


def scaled_to(x: Any, low: float, high: float) -> Any:
    """x in [low, high] as t in [-1, 1]."""
    t = x * constant(2 / (high - low), _F8)
    t -= constant((low + high) / (high - low), _F8)
    return t


_ERF, _ERFCX, _ERFINV, _ERFINV_TAIL, _ERFINV_FAR, _LGAMMA, _DIGAMMA = map(
    np.array, (T.ERF, T.ERFCX, T.ERFINV, T.ERFINV_TAIL, T.ERFINV_FAR, T.LGAMMA, T.DIGAMMA)
)
_I0E, _I0E_FAR, _I1E, _I1E_FAR = map(np.array, (T.I0E, T.I0E_FAR, T.I1E, T.I1E_FAR))

# ---- the error function and its kin


def _erfcx_right(x: Any) -> Any:
    """erfcx for x >= 0."""
    t = 1 - 7.5 / (x + 3.75)  # = (x - 3.75) / (x + 3.75), and 1 at infinity
    return horner(t, _ERFCX) / 2 / (x + 0.5)  # 1 + 2 x, where 2 x might overflow


_HALF_ROOT = math.sqrt(0.5)


def _exp_of_square(x: Any, sign: float) -> Any:
    """exp(sign x^2): with the part of the square that a float64 cannot hold."""
    high = np.rint(x * 1024) / 1024  # its square is exact wherever the result is not 0 or inf
    return np.exp(sign * high * high) * np.exp(sign * (x - high) * (x + high))


def _erfc_right(x: Any) -> Any:
    """erfc for x >= 0."""
    x = np.minimum(x, 40)  # 0 from 27 on; inf * 0 is nan
    return _exp_of_square(x, -1) * _erfcx_right(x)


def _erf_near(x: Any) -> Any:
    return x * horner(scaled_to(x * x, 0, 1), _ERF)


def _erf(x: Any) -> Any:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return by_parts(
        x, (0, _erf_near), (1, lambda x: np.copysign(1 - _erfc_right(np.abs(x)), x)), of=np.abs(x)
    )


def _erfc(x: Any) -> Any:
    """1 - erf(x)."""
    return by_parts(
        x, (-math.inf, lambda x: 2 - _erfc_right(-x)), (-0.5, lambda x: 1 - _erf_near(x)), (0.5, _erfc_right)
    )


def _erfcx(x: Any) -> Any:
    """exp(x^2) erfc(x)."""
    return by_parts(
        x,
        (-math.inf, lambda x: 2 * _exp_of_square(np.maximum(x, -40), 1) - _erfcx_right(-x)),
        (0, _erfcx_right),
    )


def _erfcx_numbers(xs: list[float]) -> list[float]:
    if not max(xs) <= 25:
        raise ValueError("erfc goes to 0, and exp(x * x) to inf")
    return [exp(x * x) * number_erfc(x) for x in xs]


erf = kernel(_erf, partial(map, number_erf))
erfc = kernel(_erfc, partial(map, number_erfc))
erfcx = kernel(_erfcx, rough=_erfcx_numbers)


def _of_tail(w: Any) -> Any:
    """z with erf(z)^2 = 1 - exp(-w), for w >= 5."""
    s = np.sqrt(w)
    low, high = 1 / 28, 1 / 6.2
    return s * by_parts(
        s,
        (0, lambda s: horner(scaled_to(s, 2.2, 6.2), _ERFINV_TAIL)),
        (6.2, lambda s: horner(scaled_to(1 / s, low, high), _ERFINV_FAR)),
    )


def _inverse(x: Any, left: Any) -> Any:
    """erfinv(x) for 0 <= x <= 1, with left = 1 - x, exact also where x is near 1."""
    w = np.where(x < 0.7, -np.log1p(-x * x), -np.log(left * (1 + x)))
    return np.where(
        left == 0,
        np.inf,
        np.where(
            w < 5,
            x * horner(scaled_to(np.minimum(w, 5), 0, 5), _ERFINV),
            _of_tail(np.clip(w, 5, 784)),
        ),
    )


def _erfinv(x: Any) -> Any:
    """The x whose error function this is."""
    r = np.abs(x)
    return np.where(r <= 1, np.copysign(_inverse(r, 1 - r), x), np.nan)


def _ndtri(p: Any) -> Any:
    """The x below which a share p of the normal distribution lies."""

    tail = np.minimum(p, 1 - p)
    y = np.copysign(math.sqrt(2) * _inverse(1 - 2 * tail, 2 * tail), p - 0.5)
    return np.where(tail >= 0, y, np.nan)


def _ndtri_numbers(ps: list[float]) -> list[float]:
    return [normal_inverse(p, 0.0, 1.0) for p in ps]


def _erfinv_numbers(xs: list[float]) -> list[float]:
    return [
        x * (0.886226925452758 + 0.232013666534655 * x * x)  # its series
        if -1e-4 < x < 1e-4
        else normal_inverse(0.5 + x / 2, 0.0, _HALF_ROOT)
        for x in xs
    ]


def _ndtr(x: Any) -> Any:
    """The share of the normal distribution below x: as torch has it, which loses the digits of the far
    left."""
    return (1 + _erf(x * _HALF_ROOT)) * 0.5


def _entr(x: Any) -> Any:
    """-x log(x), 0 at 0, -inf below."""
    return by_parts(
        x, (-math.inf, lambda x: x - np.inf), (0, np.zeros_like), (TINY, lambda x: -x * np.log(x))
    )


def _ndtr_numbers(xs: list[float]) -> list[float]:
    return [(1 + number_erf(x * _HALF_ROOT)) * 0.5 for x in xs]


def _log_ndtr(x: Any) -> Any:
    """The logarithm of the share of the normal distribution below x."""
    t = x * _HALF_ROOT
    return by_parts(
        t,
        (-math.inf, lambda t: np.log(_erfcx_right(-t) / 2) - t * t),
        (-1, lambda t: np.log1p(-_erfc(t) / 2)),
        of=x,
    )


def _log_ndtr_numbers(xs: list[float]) -> list[float]:
    if not min(xs) > -35:
        raise ValueError("erfc goes to 0")
    return [
        log(number_erfc(x * -_HALF_ROOT) / 2) if x < -1 else log1p(number_erfc(x * _HALF_ROOT) / -2)
        for x in xs
    ]


erfinv = kernel(_erfinv, rough=normal_inverse and _erfinv_numbers)
ndtri = kernel(_ndtri, rough=normal_inverse and _ndtri_numbers)
log_ndtr = kernel(_log_ndtr, _log_ndtr_numbers)
ndtr = kernel(_ndtr, _ndtr_numbers)
entr = kernel(_entr, few=few.entr)


# ---- the gamma function and its kin

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
_STIRLING = np.array([b / ((2 * k + 2) * (2 * k + 1)) for k, b in enumerate(BERNOULLI)])
_PSI = np.array([b / (2 * k + 2) for k, b in enumerate(BERNOULLI)])


def _log_gamma_near(x: Any) -> Any:
    """lgamma on [1, 2]."""
    return (x - 1) * (x - 2) * horner(scaled_to(x, 1, 2), _LGAMMA) + 0.0  # no -0


def _log_gamma_next(x: Any) -> Any:
    """lgamma(1 + x) on [0, 1], from x, which has digits that 1 + x lacks."""
    return x * (x - 1) * horner(scaled_to(x, 0, 1), _LGAMMA)


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
        (0, lambda x: _log_gamma_next(x) - np.log(x)),
        (0.5, lambda x: _log_gamma_next(x) - np.log1p(x - 1)),
        (1, _log_gamma_near),
        (2, _log_gamma_between),
        (8, _log_gamma_far),
    )


def _log_gamma_left(x: Any) -> Any:
    """lgamma below 0, by reflection; inf at whole numbers."""
    distance = np.abs(x - np.rint(x))
    y = np.log(PI / (np.sin(PI * distance) * -x)) - _log_gamma_right(-x)
    y = np.where(x > -1e-17, -np.log(-x), y)  # there the product would be too small for a float
    return np.where((distance == 0) | np.isinf(x), np.inf, y)


def _lgamma(x: Any) -> Any:
    """The logarithm of the gamma function's magnitude."""
    return by_parts(x, (-math.inf, _log_gamma_left), (0, lambda x: x + np.inf), (TINY, _log_gamma_right))


def _digamma_near(x: Any) -> Any:
    """digamma on [1, 2]; exact about its zero, of which two floats hold the digits."""
    root, rest = T.DIGAMMA_ROOT
    return ((x - root) - rest) * horner(scaled_to(x, 1, 2), _DIGAMMA)


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
        (0, lambda x: _digamma_near(1 + x) - 1 / x),
        (1, _digamma_near),
        (2, _digamma_between),
        (10, _digamma_far),
    )


def _digamma_left(x: Any) -> Any:
    """digamma below 0, by reflection; nan at whole numbers."""
    rest = x - np.rint(x)
    y = _digamma_right(1 - x) - PI / np.tan(PI * rest)
    return np.where(rest == 0, np.nan, y)


def _digamma(x: Any) -> Any:
    """The logarithmic derivative of the gamma function."""
    return by_parts(
        x, (-math.inf, _digamma_left), (0, lambda x: np.copysign(np.inf, -x)), (TINY, _digamma_right)
    )


lgamma = kernel(_lgamma, rough=partial(map, math.lgamma))
digamma = kernel(_digamma, few=few.digamma)


# ---- modified Bessel functions of the first kind


def _scaled_bessel(x: Any, near: Any, far: Any, odd: bool) -> Any:
    """exp(-|x|) I(x)."""
    r = np.abs(x)

    def central(r: Any) -> Any:
        y = horner(scaled_to(r, 0, 8), near)
        return y * r if odd else y

    y = by_parts(r, (0, central), (8, lambda r: horner(scaled_to(1 / r, 0, 0.125), far) / np.sqrt(r)))
    return np.where(x < 0, -y, y) if odd else y


def _i0e(x: Any) -> Any:
    """exp(-|x|) i0(x)."""
    return _scaled_bessel(x, _I0E, _I0E_FAR, False)


def _i1e(x: Any) -> Any:
    """exp(-|x|) i1(x)."""
    return _scaled_bessel(x, _I1E, _I1E_FAR, True)


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
i0, i0e = kernel(_i0, few=few.i0), kernel(_i0e, few=few.i0e)
i1, i1e = kernel(_i1, few=few.i1), kernel(_i1e, few=few.i1e)


nameless(globals())
