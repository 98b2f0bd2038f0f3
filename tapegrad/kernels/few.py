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
from tapegrad.kernels.pointwise import constant, zero

_F8 = np.dtype("f8")
_ONE = constant(1.0, _F8)  # shared, and read-only
_POINTS = 9  # enough for |x| < 4
_ANGLES = (np.arange(_POINTS) + 0.5) * (np.pi / _POINTS)


def _bessel(order: int, scaled: bool) -> Any:
    """i0, i1, i0e or i1e: the mean of exp(x cos) over the circle; for order 1 with sin^2, and times x."""
    rates = (np.cos(_ANGLES)[None] - scaled).astype("f4")
    weights = (np.sin(_ANGLES) ** (2 * order) / _POINTS).astype("f4")
    # The mean grows or falls with |x|: one of them tells whether all are of |x| below 4.
    edge = float(np.exp(4 * rates).dot(weights)[0])

    def call(x: Any) -> Any:
        y = (np.abs(x) if scaled else x).reshape(-1, 1).dot(rates)
        y = np.exp(y, y).dot(weights)
        if not (edge < y.item(y.argmin()) if scaled else y.item(y.argmax()) < edge):  # so for nan
            raise ValueError
        return y * x + zero(x.dtype) if order else y  # no -0

    return call


i0, i1, i0e, i1e = _bessel(0, False), _bessel(1, False), _bessel(0, True), _bessel(1, True)

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
    return np.log(x) * -x


nameless(globals())
