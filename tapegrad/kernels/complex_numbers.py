"""Complex numbers: their parts, their conjugates, and memory seen as one or the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.lib.stride_tricks import as_strided

from tapegrad.dtypes import complex_of
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import sign


def is_complex(x: Any) -> bool:
    """Whether x is complex."""
    return bool(x.dtype.kind == "c")


def not_negative(x: Any) -> Any:
    """Whether x is a real number of 0 or more."""
    return (x.imag == 0) & (x.real >= 0) if x.dtype.kind == "c" else x >= 0


def conj(x: Any) -> Any:
    """The complex conjugate; a real x itself."""
    return x.conj() if x.dtype.kind == "c" else x


def real(x: Any) -> Any:
    """The real part, of which the memory is that of x; a real x itself."""
    return x.real


def imag(x: Any) -> Any:
    """The imaginary part, of which the memory is that of x."""
    return x.imag


def view_as_real(x: Any) -> Any:
    """x [...] as [..., 2]: the real and the imaginary part, in the same memory."""
    part = np.asarray(x).real
    return as_strided(part, (*part.shape, 2), (*part.strides, part.itemsize), writeable=part.flags.writeable)


def can_be_complex(x: Any) -> bool:
    """Whether x [..., 2] can be shown as complex numbers without a copy."""
    return x.strides[-1] == x.itemsize and all(s % (2 * x.itemsize) == 0 for s in x.strides[:-1])


def view_as_complex(x: Any) -> Any:
    """x [..., 2] as complex numbers [...], in the same memory if that can be."""
    if type(x) is ndarray and not can_be_complex(x):
        x = x.copy()
    return x.view(complex_of(x.dtype))[..., 0]


def complex(re: Any, im: Any) -> Any:
    """re + i im, both as they are: a product with i would make nan of inf."""
    z = np.empty(np.broadcast_shapes(re.shape, im.shape), complex_of(re.dtype))
    z.real, z.imag = re, im
    return z[()] if type(re) is not ndarray and type(im) is not ndarray else z


def polar(r: Any, angle: Any) -> Any:
    """r (cos angle + i sin angle)."""
    return complex(r * np.cos(angle), r * np.sin(angle))


def angle(x: Any) -> Any:
    """The angle to the positive real axis, in radians: 0 or pi for real numbers."""
    if x.dtype.kind == "c":
        return np.arctan2(x.imag, x.real)
    return np.where(x < 0, x.dtype.type(np.pi), np.where(np.isnan(x), x, x.dtype.type(0)))[()]


def sgn(x: Any) -> Any:
    """x / |x|, 0 at 0; the sign of real numbers."""
    if x.dtype.kind != "c":
        return sign(x)
    r = np.abs(x)
    return np.where(r == 0, 0, x / r).astype(x.dtype, copy=False)[()]


def slope_of_abs(x: Any) -> Any:
    """What abs multiplies its cotangent with: the sign; for complex numbers the conjugate of x / |x|."""
    return sgn(x).conj() if x.dtype.kind == "c" else sign(x)


def vdot(x: Any, y: Any) -> Any:
    """The inner product of two vectors, the first one conjugated."""
    return conj(x).dot(y)


nameless(globals())
