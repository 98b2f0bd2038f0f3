"""Arrays with mean 0 and variance 1 along some axes, scaled and shifted."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless

# view: the shape in which x is normalised along `axes`; shape: that of weight and bias there; known: what the
# way forward finds, for the way back.


class Moments:
    """Mean, variance, and 1 / deviation, with 1 along the axes; None until they are found."""

    __slots__ = ("mean", "rstd", "var")
    mean: Any
    var: Any
    rstd: Any

    def __init__(self) -> None:
        self.mean = self.var = self.rstd = None

    def find(self, x: Any, axes: tuple[int, ...], eps: float) -> None:
        """Those of x."""
        self.mean, self.var = moments(x, axes)
        self.rstd = inverse_deviation(self.var, eps)

    def room(self, shape: tuple[int, ...], kind: Any) -> tuple[Any, Any, Any]:
        """Arrays for (mean, var, rstd), which the caller fills."""
        self.mean, self.var, self.rstd = found = tuple(np.empty((3, *shape), kind))
        return found


def moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Mean and variance along axes, which stay as 1; of narrow floats in float32. Sums for the mean are in
    float64: what is left of equal numbers, where nothing should be, is divided by a deviation near 0."""
    if x.dtype.itemsize == 2:
        x = x.astype("f4")
    n = prod(x.shape[k] for k in axes)
    mean = (np.add.reduce(x, axis=axes, keepdims=True, dtype=np.float64) / n).astype(x.dtype)
    d = x - mean
    return mean, np.add.reduce(d * d, axis=axes, keepdims=True) / x.dtype.type(n)


def _unit(x: Any, view: Any, known: Moments) -> Any:
    y = x.reshape(view) - known.mean
    y *= known.rstd
    return y


def affine(x: Any, w: Any, b: Any, view: Any, axes: Any, shape: Any, eps: float, known: Moments) -> Any:
    """The normalised x times w plus b."""
    known.find(x.reshape(view), axes, eps)
    y = _unit(x, view, known)
    y *= w.reshape(shape)
    y += b.reshape(shape)
    return y.reshape(x.shape)


def affine_vjp(
    need: Any, g: Any, x: Any, w: Any, b: Any, view: Any, axes: Any, shape: Any, eps: float, known: Moments
) -> tuple[Any, Any, Any]:
    """The cotangents of x, w and b."""
    g, unit = g.reshape(view), _unit(x, view, known)
    over = tuple([k for k, n in enumerate(shape) if n == 1])
    gw = None if need[1] is None else np.add.reduce(g * unit, axis=over).reshape(w.shape)
    gb = None if need[2] is None else np.add.reduce(g, axis=over).reshape(b.shape)
    gx = None if need[0] is None else _back(g * w.reshape(shape), unit, axes, known.rstd).reshape(x.shape)
    return gx, gw, gb


def _back(g: Any, unit: Any, axes: Any, rstd: Any) -> Any:
    n = g.dtype.type(prod(g.shape[k] for k in axes))
    mean = np.add.reduce(g, axis=axes, keepdims=True) / n
    along = np.add.reduce(g * unit, axis=axes, keepdims=True) / n
    g = g - mean
    g -= unit * along
    g *= rstd
    return g


def plain(x: Any, view: Any, axes: Any, shape: Any, eps: float, known: Moments) -> Any:
    """The normalised x."""
    known.find(x.reshape(view), axes, eps)
    return _unit(x, view, known).reshape(x.shape)


def plain_vjp(
    need: Any, g: Any, x: Any, view: Any, axes: Any, shape: Any, eps: float, known: Moments
) -> tuple[Any]:
    """The cotangent of x."""
    return (_back(g.reshape(view), _unit(x, view, known), axes, known.rstd).reshape(x.shape),)


def inverse_deviation(var: Any, eps: float) -> Any:
    """1 / deviation."""
    return 1 / np.sqrt(var + var.dtype.type(eps))


def by_running(x: Any, mean: Any, var: Any, w: Any, b: Any, shape: Any, eps: float) -> Any:
    """x normalised by moments that are given, one per channel, times w plus b."""
    scale = inverse_deviation(var, eps) * w
    y = x * scale.reshape(shape)
    y += (b - mean * scale).reshape(shape)
    return y


def by_running_vjp(
    need: Any, g: Any, x: Any, mean: Any, var: Any, w: Any, b: Any, shape: Any, eps: float
) -> tuple[Any, ...]:
    """The cotangents of x, w and b; the moments have none."""
    rstd, over = inverse_deviation(var, eps), tuple([k for k, n in enumerate(shape) if n == 1])
    gx = None if need[0] is None else g * (rstd * w).reshape(shape)
    gw = gb = None
    if need[3] is not None:
        gw = np.add.reduce(g * (x - mean.reshape(shape)), axis=over).reshape(w.shape) * rstd
    if need[4] is not None:
        gb = np.add.reduce(g, axis=over).reshape(b.shape)
    return gx, None, None, gw, gb


def root_mean_square(x: Any, w: Any, axes: Any, eps: float) -> Any:
    """x times w, over the root of its mean square."""
    return x * _scale(x, axes, eps) * w


def _scale(x: Any, axes: Any, eps: float) -> Any:
    n = x.dtype.type(prod(x.shape[k] for k in axes))
    return 1 / np.sqrt(np.add.reduce(x * x, axis=axes, keepdims=True) / n + x.dtype.type(eps))


def root_mean_square_vjp(need: Any, g: Any, x: Any, w: Any, axes: Any, eps: float) -> tuple[Any, Any]:
    """The cotangents of x and w."""
    scale = _scale(x, axes, eps)
    unit = x * scale
    over = tuple(range(x.ndim - w.ndim))
    gw = None if need[1] is None else np.add.reduce(g * unit, axis=over).reshape(w.shape)
    gx = None
    if need[0] is not None:
        g = g * w
        n = x.dtype.type(prod(x.shape[k] for k in axes))
        gx = (g - unit * (np.add.reduce(g * unit, axis=axes, keepdims=True) / n)) * scale
    return gx, gw


nameless(globals())
