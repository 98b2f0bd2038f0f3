"""Uniform numbers to normal ones, by Box and Muller's method, with the roundings of torch's three ways.

float32 in groups of 16 (the vector way), float64 in groups of 16, and pairs of float64 (the scalar way). In a
group the first 8 numbers give the radii and the last 8 the angles.

The vector way's log, sin and cos are Cephes' float32 polynomials, evaluated with fused multiply-adds. NumPy
has no such operation, so one is a float64 multiplication and addition, rounded to float32. That rounds twice,
which can differ from rounding once. Here it never does: each function sees only the 2**24 numbers k / 2**24,
and all of them have been compared with torch (tests/kernels/test_random.py samples them,
tools/record_random_streams.py --exhaustive repeats the whole comparison).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tapegrad.kernels import rounding

Array = npt.NDArray[Any]

GROUP = 16  # numbers that torch's vector way transforms together

_FLOAT32, _FLOAT64, _INT32 = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int32)


def _float32(*values: float) -> tuple[Array, ...]:
    """The values as float32 arrays without dimensions: NumPy takes such constants faster than numbers."""
    return tuple(np.array(value, _FLOAT32) for value in values)


def _float64(*values: float) -> tuple[Array, ...]:
    """The values rounded to float32, as float64 arrays without dimensions."""
    return tuple(value.astype(_FLOAT64) for value in _float32(*values))


# Cephes logf: log(1 + x) = x - x**2 / 2 + x**3 * P(x), and log 2 in two parts.
LOG_POLYNOMIAL = _float64(
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
LOG2_LOW, LOG2_HIGH = _float32(-2.12194440e-4, 0.693359375)
_HALF, _ONE, _MINUS_TWO = _float32(0.5, 1, -2)
_SQRT_HALF_BITS = np.array(math.sqrt(0.5), _FLOAT32).view(_INT32)

# Cephes sinf and cosf: pi / 2 in three parts, of which the first two have few bits; and with z = x**2
# cos x = 1 - z / 2 + z**2 * C(z), sin x = x + x * z * S(z) for |x| <= pi / 4. Row 0 is C, row 1 is S.
HALF_PI = (*_float32(2 * 0.78515625, 2 * 2.4187564849853515625e-4), *_float64(2 * 3.77489497744594108e-8))
_BIT, _TO_SIGN, _SIGN = (np.array(value, _INT32) for value in (1, 30, -(2**31)))
_TWO_PI_64, _MINUS_TWO_64 = np.array(2 * math.pi), np.array(-2.0)
_FOUR_OVER_PI, _TWO_PI = _float32(4 / math.pi, 2 * math.pi)
COS_SIN_POLYNOMIALS = tuple(
    np.array([_float64(c), _float64(s)])
    for c, s in (
        (2.443315711809948e-5, -1.9515295891e-4),
        (-1.388731625493765e-3, 8.3321608736e-3),
        (4.166664568298827e-2, -1.6666654611e-1),
    )
)


def box_muller32(uniform: Array, mean: float, std: float) -> None:
    """Turn float32 uniform numbers into normal ones, in place, in groups of 16.

    Shapes: float32[groups, 16], C-contiguous. Range: multiples of 2**-24 in [0, 1).
    Source: at::native normal_fill_AVX2, with log256_ps and sincos256_ps of its avx_mathfun.h.
    """
    radius = _log32((_ONE - uniform[:, :8]).ravel())
    radius *= _MINUS_TWO
    normal = _cos_sin32(uniform[:, 8:].ravel() * _TWO_PI)
    normal *= np.sqrt(radius)
    _store(uniform, rounding.scale32(normal, std, mean))


def box_muller64(uniform: Array, mean: float, std: float) -> None:
    """Turn float64 uniform numbers into normal ones, in place, in groups of 16.

    Shapes: float64[groups, 16], C-contiguous. Range: [0, 1).
    Source: at::native normal_fill<double>.
    """
    normal = _polar64(rounding.log((1 - uniform[:, :8]).ravel()), uniform[:, 8:].ravel())
    _store(uniform, rounding.scale64(normal, std, mean))


def box_muller_pairs(uniform: Array) -> Array:
    """Two standard normal numbers for every two uniform ones, in order.

    Shapes: float64[2 * pairs] to float64[2 * pairs]. Range: [0, 1).
    Source: at::normal_distribution<double>; it takes the angle first, and log1p where the groups take log.
    """
    radius = np.sqrt(rounding.log1p(-uniform[1::2]) * _MINUS_TWO_64)
    angle = uniform[0::2] * _TWO_PI_64
    normal = np.empty((radius.size, 2))
    np.multiply(rounding.cos(angle), radius, normal[:, 0])
    np.multiply(rounding.sin(angle), radius, normal[:, 1])
    return normal.reshape(-1)


def box_muller_pair(high1: int, low1: int, high2: int, low2: int) -> tuple[float, float]:
    """Two standard normal numbers from four 32-bit words: box_muller_pairs for a single pair.

    Source: at::normal_distribution<double>.
    """
    angle = 2.0 * math.pi * (((high1 & 0x1FFFFF) << 32 | low1) * 2.0**-53)
    radius = math.sqrt(-2.0 * math.log1p(((high2 & 0x1FFFFF) << 32 | low2) * -(2.0**-53)))
    return radius * math.cos(angle), radius * math.sin(angle)


def _polar64(logs: Array, turns: Array) -> Array:
    """Rows (cosine, sine) of the angles, times the radii that logs give. Shapes: float64[n] to [2, n]."""
    angle = turns * _TWO_PI_64
    normal = np.array((rounding.cos(angle), rounding.sin(angle)))
    normal *= np.sqrt(logs * _MINUS_TWO_64)
    return normal


def _store(groups: Array, normal: Array) -> None:
    """Put the cosine row into the first half of each group, and the sine row into the second."""
    groups[:, :8] = normal[0].reshape(-1, 8)
    groups[:, 8:] = normal[1].reshape(-1, 8)


def _fused(wide: Array, factor: Array, term: Any) -> Array:
    """float32(wide * factor + term); wide is overwritten. Shapes: float64 arrays that hold float32 values."""
    wide *= factor
    wide += term
    return wide.astype(_FLOAT32)


def _horner(coefficients: tuple[Any, ...], x: Array) -> Array:
    """A polynomial in x with fused steps. Shapes: float64 x that holds float32 values; a float32 result."""
    wide = x * coefficients[0]
    wide += coefficients[1]
    narrow: Array = wide.astype(_FLOAT32)
    for coefficient in coefficients[2:]:
        wide[...] = narrow
        wide *= x
        wide += coefficient
        narrow[...] = wide
    return narrow


def _log32(x: Array) -> Array:
    """The natural logarithm. Shapes: float32[n]. Range: multiples of 2**-24 in (0, 1]."""
    bits = x.view(_INT32)
    power = (bits - _SQRT_HALF_BITS) >> 23
    x = (bits - (power << 23)).view(_FLOAT32)  # x / 2**power, in [sqrt 1/2, sqrt 2)
    x -= _ONE
    powers = power.astype(_FLOAT32)
    square = x * x
    y = _horner(LOG_POLYNOMIAL, x.astype(_FLOAT64))
    y *= x
    y = _fused(y.astype(_FLOAT64), square.astype(_FLOAT64), (powers * LOG2_LOW).astype(_FLOAT64))
    square *= _HALF
    y -= square
    y += x
    powers *= LOG2_HIGH  # exact, so the next line rounds once
    y += powers
    return y


def _cos_sin32(angle: Array) -> Array:
    """Cosine (row 0) and sine (row 1). Shapes: float32[n] to float32[2, n]. Units: radians in [0, 2 pi)."""
    quarter = ((angle * _FOUR_OVER_PI).astype(_INT32) + _BIT) >> _BIT
    turned = quarter.astype(_FLOAT32)
    angle = angle - turned * HALF_PI[0]  # exact
    angle -= turned * HALF_PI[1]  # the product is exact
    wide = angle.astype(_FLOAT64)
    wide -= turned.astype(_FLOAT64) * HALF_PI[2]  # exact in float64
    x = wide.astype(_FLOAT32)
    square = x * x
    factors = np.empty((2, x.size))
    factors[0], factors[1] = square, x
    both = _horner(COS_SIN_POLYNOMIALS, factors[0])
    both *= square
    terms = factors.copy()
    terms[0] *= -0.5
    both = _fused(both.astype(_FLOAT64), factors, terms)
    both[0] += _ONE
    return _turn(both, quarter)


def _turn(cos_sin: Array, quarter: Array) -> Array:
    """Turn the points with these rows (cosine, sine) by that many right angles, in place, by their bits."""
    bits = cos_sin.view(_INT32)
    exchange = bits[0] ^ bits[1]
    exchange &= -(quarter & _BIT)  # after an odd number of them the two change places
    bits ^= exchange
    bits[0] ^= ((quarter + _BIT) << _TO_SIGN) & _SIGN
    bits[1] ^= (quarter << _TO_SIGN) & _SIGN
    return cos_sin
