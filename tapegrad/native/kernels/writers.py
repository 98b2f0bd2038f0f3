"""A column by a row, products of what broadcasts, distances from them."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.kernels.distance as D
import tapegrad.kernels.labelled as E
import tapegrad.kernels.linalg as L
import tapegrad.kernels.operators as O
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.reduce import sum as sum_
from tapegrad.native.choice import TYPES, over
from tapegrad.native.narrow import MOST, columns, is_narrow, rows_of
from tapegrad.native.pointwise import Pointwise

LEAST = 1 << 17  # elements of the result from which this is faster
LEAST_SHORT = LEAST >> 4  # of short rows, with which NumPy begins anew

_times = Pointwise("outer", "a * b", "ab")
_apart = Pointwise("apart", "sqrt(max(a + b - 2 * q, 0))", "qab")
_cross = Pointwise("cross", "a * b - c * d", "abcd")
_shares = Pointwise("shares", "F.where(y == 0, 0, g / y)", "gy")


@over(L.outer)
def outer(body: Any, x: Any, y: Any) -> Any:
    """Column times row."""
    found = _times(x.reshape(-1, 1), y) if x.size * y.size >= LEAST else None
    return body(x, y) if found is None else found


def _operator(kernel: Any, fast: Pointwise) -> None:
    """Let machine code stand in for an operator."""

    @over(kernel)
    def operator(body: Any, a: Any, b: Any) -> Any:
        size = max(a.size, b.size)
        if size < LEAST_SHORT or (size < LEAST and max(a.shape[-1:] + b.shape[-1:], default=1) > MOST):
            return body(a, b)
        found = fast(a, b)
        return body(a, b) if found is None else found


for _kernel, _text in ((O.mul, "a * b"), (O.div, "a / b"), (O.sub, "a - b"), (O.eq, "a == b")):
    _operator(_kernel, Pointwise(_kernel.__name__, _text, "ab"))


@over(E.dots)
def dots(body: Any, a: Any, b: Any) -> Any:
    """The sums of products along the last axis, where that is short."""
    if not (is_narrow(a) and a.shape == b.shape and a.dtype is b.dtype):
        return body(a, b)
    products = _times(a, b)
    return body(a, b) if products is None else sum_(products, (a.ndim - 1,), False)


@over(E.cross)
def cross(body: Any, a: Any, b: Any, dim: int) -> Any:
    """The cross products of many vectors, as columns on the way."""
    fits = dim == -1 and is_narrow(a) and is_narrow(b) and a.shape == b.shape and a.dtype is b.dtype
    if not fits or a.dtype not in TYPES:
        return body(a, b, dim)
    x, y = (np.concatenate((c, c[:2])) for c in map(columns, (a, b)))
    found = _cross(x[1:4], y[2:5], x[2:5], y[1:4])
    return body(a, b, dim) if found is None else rows_of(found, a.shape)


@over(D.apart)
def apart(body: Any, products: Any, of_a: Any, of_b: Any) -> Any:
    """Distances, from products and the squares of lengths."""
    found = _apart(products, of_a, of_b) if products.size >= LEAST_SHORT else None
    return body(products, of_a, of_b) if found is None else found


@over(D.shares)
def shares(body: Any, g: Any, y: Any) -> Any:
    """g over y, or 0."""
    found = _shares(g, y) if y.size >= LEAST_SHORT else None
    return body(g, y) if found is None else found


nameless(globals())
