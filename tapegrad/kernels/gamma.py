"""Gamma and Dirichlet numbers as torch draws them, and how they move with their parameters.

A sample is a smooth function of its parameters if the uniform number behind it is held still: implicit
reparameterisation (Figurnov, Mohamed and Mnih 2018), -(d cdf / d parameter) / density. Neither has a closed
form. What follows are the approximations that torch evaluates, so that gradients are torch's: series for
small values, a saddle point expansion for large parameters, and a fitted rational function between them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tapegrad.kernels.counting import Reader
from tapegrad.kernels.drawing import need_dtype
from tapegrad.kernels.generator import Stream
from tapegrad.kernels.special import digamma

Array = npt.NDArray[Any]

_SQUEEZE = float(np.float32(0.0331))  # torch writes both as float32
_THIRD = np.float32(1) / np.float32(3)


def standard_gamma(stream: Stream, shapes: Array) -> Array:
    """A number of the gamma distribution with rate 1 for every shape parameter (concentration).

    As in torch at least the smallest normal number; nan where the parameter is negative or nan.
    Raises: NotImplementedError unless float32 or float64.
    Source: torch._standard_gamma; Marsaglia and Tsang 2000.
    """
    need_dtype("standard_gamma", shapes.dtype, "fd")
    drawn = _gammas(stream, shapes).astype(shapes.dtype)
    return np.maximum(drawn, np.finfo(shapes.dtype).tiny)  # type: ignore[no-any-return] # an array


def dirichlet(stream: Stream, shapes: Array) -> Array:
    """A point of the simplex, along the last axis, for every vector of concentrations.

    Raises: NotImplementedError unless float32 or float64. Source: torch._sample_dirichlet.
    """
    need_dtype("dirichlet", shapes.dtype, "fd")
    gammas = np.maximum(_gammas(stream, shapes.astype(np.float64)), np.finfo(np.float64).tiny)
    shares = (gammas / gammas.sum(-1, keepdims=True)).astype(shapes.dtype)
    one = shapes.dtype.type(1)
    return np.clip(shares, np.finfo(shapes.dtype).tiny, np.nextafter(one, one - one))  # type: ignore[no-any-return] # an array


def _gammas(stream: Stream, shapes: Array) -> Array:
    """Gamma numbers in float64, for parameters whose dtype says how exactly they count."""
    kind = shapes.dtype.type
    with np.errstate(all="ignore"):
        small = shapes < 1
        raised = np.where(small, shapes + kind(1), shapes)
        width = (raised - kind(_THIRD)).astype(np.float64)
        power = np.where(small, kind(1) / shapes, kind(0)).astype(np.float64)
        power = np.where(shapes < 0, np.nan, power)
    out = np.empty(shapes.size)
    with stream.lock:
        reader = Reader(stream)
        for i, (d, p) in enumerate(zip(width.ravel().tolist(), power.ravel().tolist(), strict=True)):
            out[i] = _gamma(d, p, reader)
        reader.finish()
    return out.reshape(shapes.shape)


def _gamma(d: float, power: float, reader: Reader) -> float:
    """One number of parameter d + 1/3, times a uniform number to `power`, which makes it one of 1 / power."""
    if math.isnan(power) or math.isnan(d):
        return math.nan
    if power == math.inf:
        return 0
    scale: float = (1 - reader.next()) ** power if power else 1.0
    c = 1 / math.sqrt(9 * d)
    while True:
        x = reader.normal()
        y = 1 + c * x
        if y <= 0:
            continue
        v = y * y * y
        u = 1 - reader.next()
        square = x * x
        if u < 1 - _SQUEEZE * square * square:
            return scale * d * v
        if math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


# ---- how a gamma number moves with its shape parameter


def standard_gamma_grad(a: Array, y: Array) -> Array:
    """The derivative of a gamma number y with respect to its shape parameter a, element by element.

    Source: torch._standard_gamma_grad.
    """
    shape, alpha, x = y.shape, np.broadcast_to(a, y.shape).astype(np.float64), y.astype(np.float64)
    large = alpha > 8
    near = (0.9 * alpha <= x) & (x <= 1.1 * alpha)
    cases = [(x < 0.8, _gamma_small), (large & near, _gamma_near), (large, _gamma_large)]
    return _by_case(cases, _gamma_fitted, alpha, x).reshape(shape).astype(y.dtype)  # type: ignore[no-any-return] # an array


def _by_case(cases: Any, otherwise: Any, *args: Array) -> Any:
    """Each element by the first case (where, function) that holds for it."""
    out = np.empty(args[0].shape)
    rest = np.ones(args[0].shape, bool)
    with np.errstate(all="ignore"):
        for where, f in [*cases, (rest.copy(), otherwise)]:
            chosen = rest & where
            if chosen.any():
                out[chosen] = f(*[x[chosen] for x in args])
                rest &= ~chosen
    return out


def _gamma_small(a: Array, x: Array) -> Any:
    """By the series of the distribution function in x."""
    term, below = np.ones_like(x), a.copy()
    series, slopes = 1 / below, 1 / below**2
    for i in range(1, 6):
        term = term * (-x / i)
        below = below + 1
        series = series + term / below
        slopes = slopes + term / below**2
    power = x**a
    moved = (np.log(x) - digamma(a)) * (power * series) - power * slopes
    found = -moved / (x ** (a - 1) * np.exp(-x))
    return np.where(np.isnan(found), 0, found)


def _gamma_near(a: Array, x: Array) -> Any:
    """By the saddle point expansion, where it is 0 / 0: close to x = a."""
    first = 1 + 24 * a * (1 + 12 * a)
    second = 1440 * a**2 + 6 * x * (53 - 120 * x) - 65 * x * x / a + a * (107 + 3600 * x)
    return first * second / (1244160 * a**4)


def _gamma_large(a: Array, x: Array) -> Any:
    """By the saddle point expansion."""
    root, apart = np.sqrt(8 * a), a - x
    tail = (x - a - a * np.log(x / a)) ** -1.5
    both = root / apart + np.where(x < a, -tail, tail)
    inner = np.log(x / a) * both - np.sqrt(2 / a) * (a + x) / apart**2
    return -(1 + 1 / (12 * a) * (1 + 1 / (24 * a))) * x * inner / root


# Polynomials in log(x / a), one row per power, and in log(a): the numerator's columns, the denominator's.
_GAMMA_FIT = np.array(
    [
        [0.16009398, -0.094634809, 0.025146376, -0.0030648343, 1, 0.32668115, 0.10406089, 0.0014179084],
        [
            0.53487893,
            0.1298071,
            0.065735949,
            -0.0015649758,
            0.16639465,
            0.020070113,
            -0.0035938915,
            -0.00058392623,
        ],
        [
            0.040121004,
            -0.0065914022,
            -0.0026286047,
            -0.0013441777,
            0.017050642,
            -0.0021309326,
            0.00085092367,
            -1.5247877e-07,
        ],
    ]
)


def _gamma_fitted(a: Array, x: Array) -> Any:
    u, v = np.log(x / a), np.log(a)
    by_u = (_GAMMA_FIT[0] + u[:, None] * (_GAMMA_FIT[1] + u[:, None] * _GAMMA_FIT[2])).reshape(-1, 2, 4)
    p, q = (by_u * (v[:, None] ** np.arange(4))[:, None]).sum(-1).T
    return np.exp(p / q)


# ---- how a share of a Dirichlet point moves with its concentration


def dirichlet_grad(x: Array, alpha: Array, total: Array) -> Array:
    """-(d cdf / d alpha) / density / (1 - x) of a beta number x with concentrations alpha and total - alpha.

    Source: torch._dirichlet_grad.
    """
    kind = x.dtype
    x, a, t = (np.broadcast_to(v, x.shape).astype(np.float64) for v in (x, alpha, total))
    b, edge = t - a, t * x * (1 - x)
    cases = [
        ((x <= 0.5) & (edge < 2.5), lambda x, a, b: _alpha_small(x, a, b)),
        ((x >= 0.5) & (edge < 0.75), lambda x, a, b: -_beta_small(1 - x, b, a)),
        ((a > 6) & (b > 6), _alpha_large),
    ]
    return _by_case(cases, _alpha_fitted, x, a, b).astype(kind)  # type: ignore[no-any-return] # an array


def _alpha_small(x: Array, a: Array, b: Array) -> Any:
    """By alpha, as a series in x."""
    factor = digamma(a) - digamma(a + b) - np.log(x)
    term = np.ones_like(x)
    series = term / a * (factor + 1 / a)
    for i in range(1, 11):
        term = term * (i - b) * x / i
        series = series + term / (a + i) * (factor + 1 / (a + i))
    found = x * (1 - x) ** -b * series
    return np.where(np.isnan(found), 0, found)


def _beta_small(x: Array, a: Array, b: Array) -> Any:
    """By beta, as a series in x."""
    factor = digamma(a + b) - digamma(b)
    term, product, slope = np.ones_like(x), np.ones_like(x), np.zeros_like(x)
    series = factor / a
    for i in range(1, 9):
        term = term * (-x / i)
        slope = slope * (b - i) + product
        product = product * (b - i)
        series = series + term / (a + i) * (slope + factor * product)
    found = -((1 - x) ** (1 - b)) * series
    return np.where(np.isnan(found), 0, found)


def _alpha_large(x: Array, a: Array, b: Array) -> Any:
    """By alpha, by the saddle point expansion."""
    mean = a / (a + b)
    spread = 0.1 * np.sqrt(a * b / (a + b + 1)) / (a + b)
    near = (mean - spread <= x) & (x <= mean + spread)
    return _by_case([(near, _alpha_at_mean)], _alpha_off_mean, x, a, b)


def _alpha_at_mean(x: Array, a: Array, b: Array) -> Any:
    t = a + b
    inner = (453 + 1620 * b * (1 - x) - 455 * x) * b + a * (8 * (1 - x) * (135 * b - 11))
    inner = 3 * (59 + 180 * b - 90 * x) * b**2 + a * inner
    inner = (43 + 20 * (16 + 27 * b) * x) * b**3 + a * inner
    above = (1 + 12 * a) * (1 + 12 * b) / t**2 / (1 - x) * (47 * x * b**4 + a * inner)
    return above / (12960 * a**3 * b**2 * (1 + 12 * t))


def _alpha_off_mean(x: Array, a: Array, b: Array) -> Any:
    t = a + b
    apart = a * (x - 1) + b * x
    first = 2 * a**2 * (x - 1) + a * b * (x - 1) - x * b**2
    first /= np.sqrt(2 * a / b) * t**1.5 * apart**2
    tail = (b * np.log(b / (t * (1 - x))) + a * np.log(a / (t * x))) ** -1.5
    both = np.sqrt(8 * a * b / t) / apart + np.where(x < a / t, tail, -tail)
    second = 0.5 * np.log(a / (t * x)) * both
    stirling = _stirling(a) * _stirling(b) / _stirling(t)
    return stirling * -x / np.sqrt(2 * a * b / t) * (first + second)


def _stirling(a: Array) -> Any:
    return 1 + 1 / (12 * a) + 1 / (288 * a * a)


# Polynomials in log(x), log(alpha / x) and log(total) - log(alpha / x): of the numerator and the denominator.
_ALPHA_FIT = np.array(
    [
        [1.003668233, -0.01061107488, -0.0657888334, 0.01201642863],
        [0.6336835991, -0.3557432599, 0.05486251648, -0.001465281033],
        [-0.03276231906, 0.004474107445, 0.002429354597, -0.0001557569013],
        [0.221950385, -0.3187676331, 0.01799915743, 0.01074823814],
        [-0.2951249643, 0.06219954479, 0.01535556598, 0.001550077057],
        [0.02155310298, 0.004170831599, 0.001292462449, 6.976601077e-05],
        [-0.05980841433, 0.008441916499, 0.01085618172, 0.002319392565],
        [0.02911413504, 0.01400243777, -0.002721828457, 0.000751041181],
        [0.005900514878, -0.001936558688, -9.495446725e-06, 5.385558597e-05],
        [1, -0.02924021934, -0.04438342661, 0.007285809825],
        [0.6357567472, -0.3473456711, 0.05454656494, -0.002407477521],
        [-0.03301322327, 0.004845219414, 0.00231480583, -0.0002307248149],
        [0.5925320577, -0.1757678135, 0.01505928619, 0.000564515273],
        [0.1014815858, -0.06589186703, 0.01272886114, -0.0007316646956],
        [-0.007258481865, 0.001096195486, 0.0003934994223, -4.12701925e-05],
        [0.06469649321, -0.0236701437, 0.002902096474, -5.896963079e-05],
        [0.001925008108, -0.002869809258, 0.0008000589141, -6.063713228e-05],
        [-0.0003477407336, 6.959756487e-05, 1.097287507e-05, -1.650964693e-06],
    ]
).reshape(2, 3, 3, 4)


def _alpha_fitted(x: Array, a: Array, b: Array) -> Any:
    u = np.log(x)
    v = np.log(a) - u
    w = np.log(a + b) - v
    powers = [z[:, None] ** np.arange(n) for z, n in ((u, 3), (v, 3), (w, 4))]
    p, q = np.einsum("fijk,ni,nj,nk->fn", _ALPHA_FIT, *powers)
    return p / q * x * (digamma(a + b) - digamma(a)) / b
