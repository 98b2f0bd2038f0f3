"""Bodies of the activations of networks. Raises: TypeError for a dtype that torch lacks there."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import sigmoid, where, zero
from tapegrad.kernels.special import erf

ROOT_HALF = 0.7071067811865476
ROOT_2_OVER_PI = 0.7978845608028654


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
    return x * 0.5 * (1 + erf(x * ROOT_HALF))


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
