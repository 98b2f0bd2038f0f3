"""Softmax and the losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import constant, some, zero
from tapegrad.kernels.reduce import FEW, amax, sum_at
from tapegrad.kernels.reduce import sum as total
from tapegrad.kernels.shape import places_up_to
from tapegrad.kernels.standing import awaited

_F8 = np.dtype("f8")


@awaited
def softmax(x: Any, dim: tuple[int, ...]) -> Any:
    """exp(x) / sum exp(x) along `dim` (one axis, none for a number), shifted so that exp cannot overflow."""
    if not x.size:
        return x.copy()
    if dim and x.size <= FEW:
        y = np.exp(x)
        sums = sum_at(y, dim)
        if _holds(x, sums):
            y /= sums
            return y
    several = x.ndim > 1
    y = np.exp(x - amax(x, dim, several))
    y /= total(y, dim, several)
    return y


@awaited
def log_softmax(x: Any, dim: tuple[int, ...]) -> Any:
    """x - log sum exp(x) along `dim`, shifted by the maximum."""
    if not x.size:
        return x.copy()
    if dim and x.size <= FEW and x.dtype.char == "f":
        y = np.exp(x.astype(_F8))  # whose shares near 1 have the digits that a logarithm needs
        sums = sum_at(y, dim)
        if _holds(x, sums):
            y /= sums
            return np.log(y, y).astype(x.dtype)
    several = x.ndim > 1
    y = x - amax(x, dim, several)
    y -= np.log(total(np.exp(y), dim, several))
    return y


def softmax_vjp(g: Any, y: Any, dim: tuple[int, ...]) -> Any:
    """The cotangent of x from that of y = softmax(x)."""
    return y * (g - total(g * y, dim, True))


def log_softmax_vjp(g: Any, y: Any, dim: tuple[int, ...]) -> Any:
    """The cotangent of x from that of y = log_softmax(x)."""
    return g - np.exp(y) * total(g, dim, True)


def cross_rows(x: Any, classes: Any) -> tuple[Any, Any, Any]:
    """(-log softmax(x) at each row's class, the row's largest element, the sum of the exponentials shifted by
    it) of a matrix. A row with a negative class counts for nothing."""
    tops = amax(x, (1,), True)
    d = x - tops
    sums = total(np.exp(d), (1,), False)
    losses = np.log(sums) - d[places_up_to(len(x)), classes]
    return np.where(classes < 0, zero(x.dtype), losses), tops[:, 0], sums


def cross_rows_vjp(scale: Any, x: Any, classes: Any, tops: Any, sums: Any) -> Any:
    """The cotangent of x from that of each row's loss, which is 0 where the class is negative."""
    y = np.exp(x - tops[:, None])
    y *= (scale / sums)[:, None]
    y[places_up_to(len(x)), classes] -= scale
    return y


def _holds(x: Any, sums: Any) -> bool:
    """Whether sums of exponentials without a shift have all of their digits: no overflow, no underflow."""
    if x.ndim == 1:
        return bool(1e-30 < sums.item(0) < 1e30)  # there is one sum, at each place
    flat = x.ravel()
    return bool(flat.dot(flat) < 4000)


def mse(x: Any, y: Any, n: int) -> Any:
    """sum (x - y)^2 / n."""
    flat = x - y
    if flat.ndim != 1:
        flat = flat.ravel()
    # BLAS is three times as fast on few numbers; NumPy sums many in pairs, which keeps float32 accurate.
    total = flat.dot(flat) if flat.size <= 65536 else np.add.reduce(flat * flat)
    return total / n  # nan over nothing: NumPy scalars divide by 0 too


def mse_vjp(need: Any, g: Any, x: Any, y: Any, n: int) -> tuple[Any, Any]:
    """The gradients for x and for y: one is the other's negative."""
    scale = 2 / n if n else np.nan
    scale = constant(scale, g.dtype) if g == 1 else g * scale  # an array of one number multiplies faster
    gx = None if need[0] is None else (x - y) * scale
    return gx, None if need[1] is None else (y - x) * scale


def nll_plan(target: Any, weight: Any, ignore: int, mean: bool, dtype: Any) -> tuple[Any, Any, Any]:
    """(classes safe to look up, their weights or None if all are 1, what to divide the sum by).

    Where the target is `ignore` the weight is 0.
    """
    skip = np.equal(target, constant(ignore, target.dtype))
    if weight is None and not some(skip):
        return target, None, dtype.type(target.size if mean else 1)
    safe = np.where(skip, 0, target)
    w = np.ones(target.shape, dtype) if weight is None else weight[safe]
    w = np.where(skip, zero(dtype), w)
    return safe, w, np.add.reduce(w, axis=None) if mean else dtype.type(1)


def _rows(classes: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The index of each target's class in a [C] or [N, C, ...] array."""
    if len(shape) == 1:
        return (classes,)
    if len(shape) == 2:
        return places_up_to(shape[0]), classes
    grid = np.ogrid[tuple([slice(n) for n in classes.shape])]
    return (grid[0], classes, *grid[1:])


def nll_loss(logp: Any, classes: Any, w: Any, n: Any, reduce: bool) -> Any:
    """The weighted negative log-probability of each target class (classes are on axis 1); if `reduce`,
    their sum / n."""
    picked = logp[_rows(classes, logp.shape)]
    if w is None:
        return (0 - total(picked)) / n if reduce else -picked
    losses = np.where(w == 0, zero(logp.dtype), -picked * w)  # a weight of 0 beats an infinite loss
    return np.add.reduce(losses, axis=None) / n if reduce else losses


def nll_spread(g: Any, classes: Any, w: Any, n: Any, shape: tuple[int, ...]) -> Any:
    """The adjoint of nll_loss: -g * w / n at the target classes, 0 elsewhere."""
    z = np.zeros(shape, g.dtype)
    share = -g / n if w is None else np.where(w == 0, zero(w.dtype), -g * (w / n))
    z[_rows(classes, shape)] = share
    return z


def cross_entropy(x: Any, classes: Any, n: Any, reduce: bool, known: Any) -> Any:
    """The losses of rows, or if `reduce` their sum / n. known: what `cross_rows` gives."""
    losses = known[0]
    return np.add.reduce(losses) / n if reduce else losses


def cross_entropy_vjp(
    need: Any, g: Any, x: Any, classes: Any, n: Any, reduce: bool, known: Any
) -> tuple[Any]:
    """The cotangent of x."""
    share = np.where(classes < 0, zero(x.dtype), g / n if reduce else g)
    return (cross_rows_vjp(share, x, classes, *known[1:]),)


nameless(globals())
