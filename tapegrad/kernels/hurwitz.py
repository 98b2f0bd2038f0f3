"""Hurwitz's zeta function and what it gives: the derivatives of digamma.

Source: the Euler-Maclaurin formula (Abramowitz and Stegun, 23.2), with the terms and the order of torch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.special import BERNOULLI, digamma, kernel, lgamma

TERMS = 10  # that are added one by one, at least; then the rest is an integral with corrections
MOST = 100_000  # from further left the sum would take forever, and nothing of it is left in a float


def zeta(x: Any, q: Any) -> Any:
    """The sum of (q + k) ** -x over k = 0, 1, ...: inf at x = 1 and at whole q <= 0, nan for x < 1."""
    dtype = np.result_type(x, q)
    s, a = np.broadcast_arrays(np.asarray(x, "f8"), np.asarray(q, "f8"))
    y = np.where(s == 1, np.inf, np.full(s.shape, np.nan))
    whole = a == np.floor(a)
    pole = (s > 1) & (a <= 0) & whole
    inside = (s > 1) & ((a > 0) | (~whole & (s == np.floor(s)) & (a > -MOST)))
    y = np.where(pole, np.inf, y)
    if inside.any():
        y[inside] = _sum(s[inside], a[inside])
    return y.astype(dtype)[()]


def _sum(s: Any, a: Any) -> Any:
    total = np.power(a, -s)
    for k in range(1, TERMS + max(0, math.ceil(-float(a.min())))):
        # what lies left of 0 needs more terms; the others have done
        more = a + k if k < TERMS else np.where(a + k <= TERMS, a + k, np.inf)
        total += np.power(more, -s)
    w = a + np.where(a < 0, np.floor(TERMS - a), TERMS - 1)
    b = np.power(w, -s)
    total += b * w / (s - 1) - 0.5 * b
    factor, scale = s, 1.0
    for k, bernoulli in enumerate(BERNOULLI):
        scale *= (2 * k + 1) * (2 * k + 2)
        b = b / w
        total += np.where(b == 0, 0, bernoulli / scale * factor * b)
        factor = factor * (s + 2 * k + 1) * (s + 2 * k + 2)
        b = b / w
    return total


def _trigamma(x: Any) -> Any:
    """The derivative of digamma; below 1/2 by reflection."""
    left = x < 0.5
    right = np.where(left, 1 - x, x)
    y = np.where(right == np.inf, 0, zeta(2.0, right))
    return np.where(left, (math.pi / np.sin(math.pi * (x - np.rint(x)))) ** 2 - y, y)


trigamma = kernel(_trigamma)


def polygamma(x: Any, n: int) -> Any:
    """The derivative of digamma of order n."""
    if n < 2:
        return trigamma(x) if n else digamma(x)
    a = np.asarray(x, "f8")
    scale = np.exp(lgamma(np.array(n + 1.0))) * (1 if n % 2 else -1)
    return (scale * zeta(n + 1.0, a)).astype(x.dtype)[()]


nameless(globals())
