"""Bodies of the activations of networks. Raises: TypeError for a dtype that torch lacks there."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import sigmoid, where, zero
from tapegrad.kernels.special import erf

ROOT_HALF = 0.7071067811865476
ROOT_2_OVER_PI = 0.7978845608028654
INV_ROOT_2_PI = 0.3989422804014327
_FEW, _BLOCK = 1024, 8192
_HALF = np.array([ROOT_HALF, 4, 0.5, INV_ROOT_2_PI], "f4")
_ERF_OVER = np.array(
    [
        *(-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05),
        *(-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02),
    ],
    "f4",
)
_ERF_UNDER = np.array(
    [
        *(-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03),
        *(-7.37332916720468e-03, -1.42647390514189e-02),
    ],
    "f4",
)


def _floats(x: Any) -> None:
    if x.dtype.kind != "f":
        raise TypeError("floats")


def leaky_relu(x: Any, slope: float) -> Any:
    """x above 0, else slope x."""
    _floats(x)
    return where(x > 0, x, x * slope)


def hardtanh(x: Any, low: float, high: float) -> Any:
    """x limited to [low, high]."""
    if x.dtype.kind == "b":
        raise TypeError("bool")
    kind = x.dtype.type
    y = where(x < low, kind(low), x)
    return where(y > high, kind(high), y)


def gelu(x: Any) -> Any:
    """x times the normal distribution's probability below x."""
    _floats(x)
    if _many(x):
        return _by_blocks(x, lambda part, y: np.multiply(_probability(part), part, y))
    return x * 0.5 * (1 + erf(x * ROOT_HALF))


def gelu_slope(x: Any) -> Any:
    """The derivative of gelu."""
    if _many(x):
        return _by_blocks(x, _slope)
    return (erf(x * ROOT_HALF) + 1) * 0.5 + x * (np.exp(x * x * -0.5) * INV_ROOT_2_PI)


def _many(x: Any) -> bool:
    """Whether x is so many float32s that their own arithmetic is worth it: six times as fast as float64's."""
    return type(x) is np.ndarray and x.dtype.char == "f" and x.size > _FEW


def _by_blocks(x: Any, body: Any) -> Any:
    """body(part, y's part) for parts that stay in the cache."""
    y = np.empty(x.shape, x.dtype)
    source, target = x.reshape(-1), y.reshape(-1)
    for i in range(0, source.size, _BLOCK):
        body(source[i : i + _BLOCK], target[i : i + _BLOCK])
    return y


def _polynomial(s: Any, cs: Any) -> Any:
    y = s * cs[0]
    for c in cs[1:-1]:
        y += c
        y *= s
    y += cs[-1]
    return y


def _probability(x: Any) -> Any:
    """The normal distribution's probability below x, of float32s: from a quotient of polynomials for erf,
    whose error is at most 4e-7 and which is 1 from 4 on. The coefficients are those of XLA and Eigen."""
    z = x * _HALF[0]
    np.clip(z, -_HALF[1], _HALF[1], out=z)
    s = z * z
    z *= _polynomial(s, _ERF_OVER)
    z /= _polynomial(s, _ERF_UNDER)
    z *= _HALF[2]
    z += _HALF[2]
    return z


def _slope(x: Any, y: Any) -> None:
    np.multiply(x, x, y)
    y *= -_HALF[2]
    np.exp(y, y)
    y *= _HALF[3]
    y *= x
    y += _probability(x)


def gelu_tanh(x: Any) -> Any:
    """The same with an approximation of the probability by tanh."""
    _floats(x)
    return x * 0.5 * (1 + np.tanh(ROOT_2_OVER_PI * (x + 0.044715 * (x * x * x))))


def silu(x: Any) -> Any:
    """x sigmoid(x)."""
    _floats(x)
    return x * sigmoid(x)


def softplus(x: Any, beta: float, threshold: float) -> Any:
    """log(1 + exp(beta x)) / beta, and x where beta x is above the threshold."""
    _floats(x)
    z = x * beta
    high = z > threshold
    return where(high, x, np.log1p(np.exp(where(high, 0, z))) / beta)


def mish(x: Any) -> Any:
    """x tanh(log(1 + exp(x)))."""
    _floats(x)
    return x * np.tanh(np.log1p(np.exp(x)))


def log_sigmoid(x: Any) -> Any:
    """-log(1 + exp(-x))."""
    _floats(x)
    return np.minimum(x, zero(x.dtype)) - np.log1p(np.exp(-np.abs(x)))


def _sixth(x: Any) -> Any:
    return np.minimum(np.maximum(x + 3, zero(x.dtype)), x.dtype.type(6)) / 6


def hardsigmoid(x: Any) -> Any:
    """x / 6 + 1 / 2, limited to [0, 1]."""
    _floats(x)
    return _sixth(x)


def hardswish(x: Any) -> Any:
    """x hardsigmoid(x)."""
    _floats(x)
    return x * np.minimum(np.maximum(x + 3, zero(x.dtype)), x.dtype.type(6)) / 6


def softshrink(x: Any, limit: float) -> Any:
    """x moved towards 0 by limit, which it does not pass."""
    _floats(x)
    return where(x > limit, x - limit, where(x < -limit, x + limit, x * 0))


def glu(x: Any, dim: int) -> Any:
    """The first half of x along an axis times the sigmoid of the second."""
    _floats(x)
    a, b = halves(x, dim)
    return a * sigmoid(b)


def halves(x: Any, dim: int) -> tuple[Any, Any]:
    """Both halves of x along an axis."""
    n = x.shape[dim] // 2
    before = (slice(None),) * dim
    return x[(*before, slice(None, n))], x[(*before, slice(n, None))]


nameless(globals())
