"""Special functions of few float32 numbers: by sums over exponentials or fractions, one matrix product each.

A polynomial takes a NumPy call per coefficient, or a step in Python per coefficient and number; these take
five calls. They map a 1-d float32 array, with the errors of a few units in the last place that torch has, too
(digamma: of half a unit), and raise ValueError where they do not know the value.

The Bessel functions are mean values over a circle, which so many points on it give exactly but for terms of
their order (the trapezoidal rule); digamma is what its first poles and a few points in place of all others
make of it (tools/special_fits.py).
Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 6.3.16, 9.6.18.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.fits import DIGAMMA_PARTS, DIGAMMA_POLES
from tapegrad.kernels.pointwise import constant

_F8 = np.dtype("f8")
_ONE = constant(1.0, _F8)  # shared, and read-only
_POINTS = 9  # enough for |x| < 4
_ANGLES = (np.arange(_POINTS) + 0.5) * (np.pi / _POINTS)
_COS, _COS_LESS_1 = np.cos(_ANGLES)[None].astype("f4"), (np.cos(_ANGLES)[None] - 1).astype("f4")
_MEAN, _MEAN_OF_SQUARES = np.full(_POINTS, 1 / _POINTS, "f4"), (np.sin(_ANGLES) ** 2 / _POINTS).astype("f4")


def _mean(x: Any, rates: Any, weights: Any) -> Any:
    """The weighted sum of exp(rate x)."""
    y = x.reshape(-1, 1).dot(rates)
    return np.exp(y, y).dot(weights)


# These means grow or fall with |x|, so that one of them tells whether all of |x| are below 4.
_AT_4 = np.array([4], "f4")
_I0_AT_4, _I1_AT_4 = _mean(_AT_4, _COS, _MEAN)[0], _mean(_AT_4, _COS, _MEAN_OF_SQUARES)[0]
_I0E_AT_4, _I1E_AT_4 = _mean(_AT_4, _COS_LESS_1, _MEAN)[0], _mean(_AT_4, _COS_LESS_1, _MEAN_OF_SQUARES)[0]


def i0(x: Any) -> Any:
    """The modified Bessel function of order 0."""
    y = _mean(x, _COS, _MEAN)
    if not y.item(y.argmax()) < _I0_AT_4:  # of nan it is the place of that
        raise ValueError
    return y


def i1(x: Any) -> Any:
    """The modified Bessel function of order 1."""
    y = _mean(x, _COS, _MEAN_OF_SQUARES)
    if not y.item(y.argmax()) < _I1_AT_4:
        raise ValueError
    y *= x
    return y


def i0e(x: Any) -> Any:
    """exp(-|x|) i0(x)."""
    y = _mean(np.abs(x), _COS_LESS_1, _MEAN)
    if not y.item(y.argmin()) > _I0E_AT_4:
        raise ValueError
    return y


def i1e(x: Any) -> Any:
    """exp(-|x|) i1(x)."""
    y = _mean(np.abs(x), _COS_LESS_1, _MEAN_OF_SQUARES)
    if not y.item(y.argmin()) > _I1E_AT_4:
        raise ValueError
    y *= x
    return y


# digamma(x) = digamma(1 + x) - 1 / x; the latter as one more fraction, with a pole that is nearly 0.
_NEAR_0 = 1e-30
_STEPS = 1 / np.array([[_NEAR_0, *DIGAMMA_POLES]])
_PARTS = np.array([-1 / _NEAR_0, *DIGAMMA_PARTS])


def digamma(x: Any) -> Any:
    """The logarithmic derivative of the gamma function."""
    if not (x.item(x.argmin()) > 1e-20 and x.item(x.argmax()) < 10):
        raise ValueError
    y = x.astype(_F8).reshape(-1, 1).dot(_STEPS)
    y += _ONE
    return np.reciprocal(y, y).dot(_PARTS).astype(x.dtype)


def entr(x: Any) -> Any:
    """-x log(x)."""
    if not x.item(x.argmin()) > 0:
        raise ValueError
    y = np.log(x)
    y *= x
    return np.negative(y, y)


nameless(globals())
