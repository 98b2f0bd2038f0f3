"""Orthogonal polynomials of degrees that may differ per element, by their recurrences, as torch has them.

kernel(x, n): n is cut to a whole number; below 0 the value is 0. Chebyshev's of a high degree within [-1, 1]
come from their closed forms in acos(x), which need no recurrence.
Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 22.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless

Kernel = Callable[[Any, Any], Any]
Step = Callable[[int, Any, Any, Any], Any]  # (k, x, degree k - 1, degree k - 2) -> degree k


def _degrees(n: Any) -> Any:
    """Whole numbers; nan and what int64 cannot hold are below every degree, as C casts them."""
    return np.where(np.abs(n) < 2.0**62, n, -1).astype("i8")


def _sequence(x: Any, n: Any, first: Callable[[Any], Any], step: Step, wanted: Any) -> Any:
    """The polynomials by their recurrence, where wanted."""
    one = np.ones_like(x)
    p, q = one, first(x)
    n = np.where(wanted, n, 0)
    y = np.where(n == 1, q, one)
    for k in range(2, int(np.max(n, initial=0)) + 1):
        p, q = q, step(k, x, q, p)
        np.copyto(y, q, where=n == k)
        if k % 16 == 0 and np.isnan(q).all():  # overflown: it stays so
            np.copyto(y, np.nan, where=n > k)
            break
    return y


def _named(name: str, doc: str, body: Kernel) -> Kernel:
    def call(x: Any, n: Any) -> Any:
        x = np.asarray(x)
        return body(x, _degrees(n)).astype(x.dtype, copy=False)[()]

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return call


# ---- Chebyshev's four kinds


def _sign(n: Any) -> Any:
    return 1 - 2 * (n % 2)


def _closed_u(n: Any, x: Any, angle: Any) -> Any:
    s = np.sin(angle)
    return np.where(s != 0, np.sin((n + 1) * angle) / s, (n + 1) * np.cos((n + 1) * angle) / x)


def _closed_v(n: Any, x: Any, angle: Any) -> Any:
    half = angle / 2
    rounded = _sign(n) * (n + n + 1)
    return np.where(np.sin(half) != 1, np.cos((n + 0.5) * angle) / np.cos(half), rounded)


def _closed_w(n: Any, x: Any, angle: Any) -> Any:
    half = angle / 2
    return np.where(np.cos(half) != 1, np.sin((n + 0.5) * angle) / np.sin(half), n + n + 1)


# By kind: degree 1, the values at 1 and at -1, the closed form.
_CHEBYSHEV: dict[str, tuple[Any, Any, Any, Any]] = {
    "t": (lambda x: x, lambda n: 1, _sign, lambda n, x, angle: np.cos(n * angle)),
    "u": (lambda x: x + x, lambda n: n + 1, lambda n: _sign(n) * (n + 1), _closed_u),
    "v": (lambda x: x + x - 1, lambda n: 1, lambda n: _sign(n) * (n + n + 1), _closed_v),
    "w": (lambda x: x + x + 1, lambda n: n + n + 1, _sign, _closed_w),
}


def _chebyshev(kind: str, limit: int, shifted: bool) -> Kernel:
    """limit: the degree above which the closed form serves. shifted: of 2 x - 1."""
    first, at_one, at_minus_one, closed = _CHEBYSHEV[kind]

    def body(x: Any, n: Any) -> Any:
        if shifted:
            x = x + x - x.dtype.type(1)
        whole = n.astype(x.dtype)
        high = (n > limit) & (np.abs(x) < 1)
        y = _sequence(x, n, first, lambda k, x, q, p: (x + x) * q - p, ~high & (np.abs(x) != 1))
        if high.any():
            y = np.where(high, closed(whole, x, np.arccos(x)), y)
        y = np.where(x == 1, at_one(whole), np.where(x == -1, at_minus_one(whole), y))
        return np.where(n < 0, 0, y)

    name = f"{'shifted_' * shifted}chebyshev_polynomial_{kind}"
    order = {"t": "first", "u": "second", "v": "third", "w": "fourth"}[kind]
    of = "2 x - 1" if shifted else "x"
    return _named(name, f"Chebyshev's polynomial of the {order} kind, of degree n, at {of}.", body)


chebyshev_polynomial_t = _chebyshev("t", 6, False)
chebyshev_polynomial_u = _chebyshev("u", 8, False)
chebyshev_polynomial_v = _chebyshev("v", 8, False)
chebyshev_polynomial_w = _chebyshev("w", 8, False)
shifted_chebyshev_polynomial_t = _chebyshev("t", 6, True)
shifted_chebyshev_polynomial_u = _chebyshev("u", 6, True)
shifted_chebyshev_polynomial_v = _chebyshev("v", 6, True)
shifted_chebyshev_polynomial_w = _chebyshev("w", 4, True)


# ---- Hermite's, Laguerre's, Legendre's


def _by_recurrence(
    name: str,
    doc: str,
    first: Callable[[Any], Any],
    step: Step,
    known: Callable[[Any, Any], tuple[Any, Any]],
) -> Kernel:
    """known(x, n): where the value needs no recurrence, and what it is there."""

    def body(x: Any, n: Any) -> Any:
        where, value = known(x, n)
        y = _sequence(x, n, first, step, ~where)
        return np.where(n < 0, 0, np.where(where, value, y))

    return _named(name, doc, body)


def _limited(x: Any, n: Any) -> tuple[Any, Any]:
    """Hermite's polynomials of degrees whose factorials overflow are nan, as torch has it."""
    return n > (128 if x.dtype.char == "f" else 512), np.nan


def _hermite_step(k: int, x: Any, q: Any, p: Any) -> Any:
    return (x + x) * q - x.dtype.type(2 * k - 2) * p


hermite_polynomial_h = _by_recurrence(
    "hermite_polynomial_h",
    "The physicists' Hermite polynomial of degree n at x.",
    lambda x: x + x,
    _hermite_step,
    _limited,
)
hermite_polynomial_he = _by_recurrence(
    "hermite_polynomial_he",
    "The probabilists' Hermite polynomial of degree n at x.",
    lambda x: x,
    lambda k, x, q, p: x * q - x.dtype.type(k - 1) * p,
    _limited,
)
laguerre_polynomial_l = _by_recurrence(
    "laguerre_polynomial_l",
    "Laguerre's polynomial of degree n at x.",
    lambda x: 1 - x,
    lambda k, x, q, p: ((2 * k - 2 + (1 - x)) * q - (k - 1) * p) / k,
    lambda x, n: (x == 0, 1),
)
legendre_polynomial_p = _by_recurrence(
    "legendre_polynomial_p",
    "Legendre's polynomial of degree n at x.",
    lambda x: x,
    lambda k, x, q, p: ((2 * k - 1) * x * q - (k - 1) * p) / k,
    lambda x, n: (np.abs(x) == 1, np.where(x > 0, 1, _sign(n))),
)


nameless(globals())
