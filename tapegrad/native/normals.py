"""Uniform numbers to normal ones on vectors: `kernels.gaussian` in machine code, with its roundings."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

from tapegrad.kernels import gaussian as G
from tapegrad.native.ir import Function, Type, Value, integers

_SQRT_HALF = struct.unpack("i", struct.pack("f", math.sqrt(0.5)))[0]


def box_muller(f: Function, radius: Value, turn: Value, t: Type) -> tuple[Value, Value]:
    """Two normals of two uniform numbers, multiples of 2**-24 in [0, 1)."""
    length = f.intrinsic("sqrt", _log(f, 1.0 - radius, t) * -2.0)
    cos, sin = _cos_sin(f, turn * (2 * math.pi), t)
    return cos * length, sin * length


def _horner(f: Function, coefficients: Sequence[float], x: Value) -> Value:
    y = f.value(coefficients[0], x.type)
    for c in coefficients[1:]:
        y = f.fma(y, x, f.value(c, x.type))
    return y


def _log(f: Function, x: Value, t: Type) -> Value:
    """The natural logarithm of multiples of 2**-24 in (0, 1]."""
    ints = integers(t)
    bits = f.bits(x, ints)
    power = (bits - _SQRT_HALF) >> 23
    x = f.bits(bits - (power << 23), t) - 1.0
    powers = f.convert(power, t)
    square = x * x
    y = _horner(f, [float(c) for c in G.LOG_POLYNOMIAL], x) * x
    y = f.fma(y, square, powers * float(G.LOG2_LOW))
    return (y - square * 0.5 + x) + powers * float(G.LOG2_HIGH)


def _cos_sin(f: Function, angle: Value, t: Type) -> tuple[Value, Value]:
    """Cosine and sine of an angle in [0, 2 pi)."""
    ints = integers(t)
    quarter = (f.convert(angle * (4 / math.pi), ints) + 1) >> 1
    turned = f.convert(quarter, t)
    first, second, third = (float(c) for c in G.HALF_PI)
    x = f.fma(turned, -third, angle - turned * first - turned * second)
    square = x * x
    cos, sin = (_horner(f, [row[k].item() for row in G.COS_SIN_POLYNOMIALS], square) for k in (0, 1))
    cos = f.fma(cos * square, square, square * -0.5) + 1.0
    sin = f.fma(sin * square, x, x)
    odd = (quarter & 1).ne(0)
    cos, sin = f.select(odd, sin, cos), f.select(odd, cos, sin)
    cos = f.bits(f.bits(cos, ints) ^ (((quarter + 1) & 2) << 30), t)
    sin = f.bits(f.bits(sin, ints) ^ ((quarter & 2) << 30), t)
    return cos, sin
