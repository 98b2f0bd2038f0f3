"""Arithmetic that rounds as torch's compiled kernels do: fused multiply-adds, the C library's functions.

A value that torch draws is a chain of roundings, and one rounding more or less is another value. Its compiler
fused `a * b + c` where it could, which rounds once; NumPy rounds twice. And for float64 torch calls the C
library, where NumPy has vector code of its own on some processors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tapegrad.kernels.errstate import again, nameless

Array = npt.NDArray[Any]

_SPLITTER = 134217729.0  # 2**27 + 1 cuts a float64 into two halves of 26 bits (Veltkamp)
_SPLITTABLE = 2.0**900  # beyond this the splitting overflows

_BELOW_FLOAT32 = 0x1FFFFFFF  # the bits of a float64 that a float32 has no room for
_HALFWAY = 0x10000000  # their value exactly between two float32


def fma32(a: Array, b: float, c: float) -> Array:
    """a * b + c with a single float32 rounding.

    Shapes: any float32 array a; b and c are float32 values.
    Source: the C function fmaf. In float64 the product is exact, but the sum is rounded, and may lie halfway
    between two float32 only because of that. Then its error decides.
    """
    with np.errstate(all="ignore"):
        product = a.astype(np.float64)
        product *= b
        total = product + c
        halfway = (total.view(np.int64) & _BELOW_FLOAT32) == _HALFWAY
        if halfway.any():
            total[halfway] = _nudged(total[halfway], _sum_error(product[halfway], c, total[halfway]))
        return total.astype(np.float32)


def fma64(a: Array, b: float, c: float) -> Array:
    """a * b + c with a single float64 rounding, if |b| and |c| lie below 2**900 and nothing underflows.

    Shapes: any float64 array a.
    Source: the C function fma, after Boldo and Melquiond 2008: the product and the sum each leave an error;
    add the two with rounding to odd, which keeps the last addition from rounding twice.
    """
    with np.errstate(all="ignore"):
        product = a * b
        total = product + c
        if not (abs(b) < _SPLITTABLE and abs(c) < _SPLITTABLE):
            return total
        low, high = _product_error(a, b, product), _sum_error(product, c, total)
        error = low + high
        _round_to_odd(error, _sum_error(low, high, error))
        total += error
        return total


def _round_to_odd(x: Array, lost: Array) -> None:
    """Where x was rounded and its last bit is 0: move it to its neighbour on the side of what it lost."""
    bits = x.view(np.int64)
    away = np.sign(x)  # a float64 is a sign and a magnitude: adding 1 to its bits moves it away from 0
    away *= np.sign(lost)
    bits += away.astype(np.int64) & -(~bits & 1)


def scale32(x: Array, std: float, mean: float) -> Array:
    """x * std + mean, rounded once to float32; x may be overwritten.

    Shapes: a float32 array of normals. Units: std and mean are rounded to float32 first.
    """
    with np.errstate(all="ignore"):
        return _scale(x, float(np.float32(std)), float(np.float32(mean)), fma32)


def scale64(x: Array, std: float, mean: float) -> Array:
    """x * std + mean, rounded once to float64; x may be overwritten. Shapes: a float64 array of normals."""
    return _scale(x, std, mean, fma64)


def _scale(x: Array, std: float, mean: float, fma: Callable[[Array, float, float], Array]) -> Array:
    """A step that is exact needs no fusing: the product by 1, and the sum with 0."""
    if mean == 0 and (std == 0 or 2.0**-100 < std < 2.0**100):
        if std != 1:
            x *= std
        x += mean  # makes -0 to 0, as the fused step does
        return x
    return fma(x, std, mean)


def _nudged(x: Array, error: Array) -> Array:
    """The neighbour of x on the side of `error`, or x where that is 0."""
    return np.where(error == 0, x, np.nextafter(x, np.copysign(np.inf, error)))


def _sum_error(x: Array, y: Any, total: Array) -> Array:
    """What x + y lost when it was rounded to `total` (Knuth's TwoSum)."""
    part = total - x
    error: Array = (x - (total - part)) + (y - part)
    return error


def _product_error(x: Array, y: float, product: Array) -> Array:
    """What x * y lost when it was rounded to `product` (Dekker's product)."""
    shifted = x * _SPLITTER
    x_high = shifted - (shifted - x)
    x_low = x - x_high
    y_high = y * _SPLITTER - (y * _SPLITTER - y)
    y_low = y - y_high
    error: Array = ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low
    return error


# The C library's float64 functions. Python's `math` calls them, at some 50 ns an element. NumPy calls them
# too, and is 5 times as fast, except where it has vector code for the processor (AVX-512) whose last bits
# differ.

_FEW = 64  # so few elements are done by `math` before NumPy is even asked
_PROBES = 4096  # arguments on which NumPy and `math` are compared, once per process and function


@cache
def _numpy_agrees(of_array: Any, of_number: Callable[[float], float], low: float, high: float) -> bool:
    """Whether NumPy gives the C library's bits, on arguments spread over (low, high) by the golden ratio."""
    x = low + (high - low) * (np.arange(1, _PROBES + 1) * 0.6180339887498949 % 1.0)
    return bool((of_array(x) == np.fromiter(map(of_number, x.tolist()), np.float64, x.size)).all())


def _apply(x: Array, of_array: Any, of_number: Callable[[float], float], low: float, high: float) -> Array:
    if x.size >= _FEW and _numpy_agrees(of_array, of_number, low, high):
        try:
            return np.asarray(of_array(x))
        except FloatingPointError:  # NumPy is set to raise
            return np.asarray(again(of_array, x))
    return np.fromiter(map(of_number, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def log(x: Array) -> Array:
    """log(x) to the C library's last bit. Shapes: any float64 array. Range: x >= 0."""
    return _apply(x, np.log, _log, 0.0, 1.0)


def log1p(x: Array) -> Array:
    """log(1 + x) to the C library's last bit. Shapes: any float64 array. Range: x > -1."""
    return _apply(x, np.log1p, math.log1p, -1.0, 0.0)


def exp(x: Array) -> Array:
    """e**x to the C library's last bit. Shapes: any float64 array."""
    return _apply(x, np.exp, _exp, -8.0, 8.0)


def sin(x: Array) -> Array:
    """sin(x) to the C library's last bit. Shapes: any float64 array. Units: radians. Range: finite."""
    return _apply(x, np.sin, math.sin, 0.0, 2 * math.pi)


def cos(x: Array) -> Array:
    """cos(x) to the C library's last bit. Shapes: any float64 array. Units: radians. Range: finite."""
    return _apply(x, np.cos, math.cos, 0.0, 2 * math.pi)


def tan(x: Array) -> Array:
    """tan(x) to the C library's last bit. Shapes: any float64 array. Units: radians. Range: finite."""
    return _apply(x, np.tan, math.tan, -math.pi / 2, math.pi / 2)


nameless(globals())
