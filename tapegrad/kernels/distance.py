"""Distances between points, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.complex_numbers import slope_of_abs
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.labelled import dots
from tapegrad.kernels.linalg import matmul
from tapegrad.kernels.reduce import norm, sum

_MOST = 1 << 22  # differences that are held at once


def _chunks(a: Any, b: Any) -> Any:
    """Slices of a's points, so that the differences of each with all of b are not too many."""
    points = a.shape[-2]
    each = max(1, a.size // max(points, 1) * b.shape[-2])
    step = max(1, _MOST // each)
    for start in range(0, points, step):
        yield slice(start, start + step)


def _by_product(a: Any, b: Any) -> Any:
    """Euclidean distances as |a|^2 + |b|^2 - 2 a b, as torch does it among many points."""
    return apart(matmul(a, b.swapaxes(-1, -2)), dots(a, a)[..., :, None], dots(b, b)[..., None, :])


def apart(products: Any, of_a: Any, of_b: Any) -> Any:
    """The distances of points, from their products and the squares of their lengths."""
    squares = of_a + of_b
    squares -= 2 * products
    return np.sqrt(np.maximum(squares, 0, out=squares), out=squares)


def shares(g: Any, y: Any) -> Any:
    """g over the distances y; 0 where there is none."""
    return np.where(y == 0, 0, g / y)


def cdist(a: Any, b: Any, p: float, product: bool) -> Any:
    """The p-norm of each difference of a point of a [..., n, d] and one of b [..., m, d]: [..., n, m]."""
    if product:
        return _by_product(a, b)
    shape = (*a.shape[:-1], b.shape[-2])
    if not a.shape[-1]:
        return np.zeros(shape, a.dtype)
    y = np.empty(shape, a.dtype)
    for i in _chunks(a, b):
        d = a[..., i, None, :] - b[..., None, :, :]
        y[..., i, :] = norm(d, (d.ndim - 1,), False, p)
    return y


def cdist_vjp(need: Any, g: Any, a: Any, b: Any, p: float, product: bool) -> Any:
    """The cotangents of both sets of points."""
    if not g.size or p == 0:
        return np.zeros_like(a), np.zeros_like(b)
    y = cdist(a, b, p, product)
    w: Any = shares(g, y) if p == 2 else None
    along = None if w is None else sum(w, (w.ndim - 1,), True)
    if along is not None and np.isfinite(along).all():  # else infinite numbers would meet in sums
        ga = None if need[0] is None else a * along - matmul(w, b)
        gb = None
        if need[1] is not None:
            wt = w.swapaxes(-1, -2)
            gb = b * sum(w, (w.ndim - 2,), False)[..., None] - matmul(wt, a)
        return ga, gb
    ga, gb = np.zeros_like(a), np.zeros_like(b)
    for i in _chunks(a, b):
        d = a[..., i, None, :] - b[..., None, :, :]
        length = y[..., i, :, None]
        part = _of_one(d, length, p) * g[..., i, :, None]
        if p not in (1, np.inf):  # nothing of a g that is not finite where the slope is 0
            part = np.where((length == 0) | (d == 0) if p < 1 else length == 0, 0, part)
        ga[..., i, :] = np.add.reduce(part, axis=-2)
        gb -= np.add.reduce(part, axis=-3)
    return ga, gb


def _of_one(d: Any, y: Any, p: float) -> Any:
    """The derivative of a distance: as of the norm, but of several largest elements each gets all."""
    if p != np.inf:
        return _slope(d, y, p, -1)
    below = np.abs(d) - y
    return np.where(below == 0, slope_of_abs(d), np.where(below == below, 0, below))


def _slope(d: Any, y: Any, p: float, dim: Any) -> Any:
    """The derivative of the p-norm y of d over `dim`: times a change of d, of which the real part counts."""
    sign = slope_of_abs(d)
    if p == 0:
        return np.zeros_like(d)
    if p == 1:
        return np.where(d == d, sign, d)  # nan stays
    if p == np.inf:
        hit = np.abs(d) == y
        share = sign / np.add.reduce(hit, axis=dim, keepdims=True, dtype=d.dtype)
        return np.where(hit, share, np.where(y == y, 0, y))
    steep = np.where(d == 0, 0, sign * np.abs(d) ** (p - 1))
    return np.where(y == 0, 0, steep * y ** (1 - p))


def renorm(x: Any, p: float, dim: tuple[int, ...], most: float) -> Any:
    """x with its slices scaled down to the p-norm `most` where theirs, over `dim`, is larger."""
    y = norm(x, dim, True, p)
    return x * np.where(y > most, most / (y + y.dtype.type(1e-7)), 1).astype(x.dtype, copy=False)


def renorm_vjp(need: Any, g: Any, x: Any, p: float, dim: tuple[int, ...], most: float) -> Any:
    """The cotangent of x, computed in double precision as in torch: it is a difference."""
    kind, x = x.dtype, x.astype(np.result_type(x, np.float64), copy=False)
    y = norm(x, dim, True, p)
    scale = 1 / (y + 1e-7)
    along = np.add.reduce((x * g).real, axis=dim, keepdims=True) * scale * _slope(x, y, p, dim)
    return (np.where(y > most, most * scale * (g - along), g).astype(kind, copy=False),)


nameless(globals())
