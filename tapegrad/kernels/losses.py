"""Losses of each element. Raises: TypeError for a dtype that torch lacks there."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import where, zero


def _floats(x: Any) -> None:
    if x.dtype.kind != "f":
        raise TypeError("floats")


def smooth_l1(x: Any, t: Any, beta: float) -> Any:
    """(x - t)^2 / (2 beta) where that is flatter than |x - t| - beta / 2."""
    _floats(x)
    d = np.abs(x - t)
    return where(d < beta, d * d * 0.5 / beta, d - 0.5 * beta)


def huber(x: Any, t: Any, delta: float) -> Any:
    """(x - t)^2 / 2 up to delta, straight on from there."""
    _floats(x)
    d = np.abs(x - t)
    return where(d <= delta, d * d * 0.5, delta * (d - 0.5 * delta))


def cross_entropy(x: Any, t: Any) -> Any:
    """-t log(x) - (1 - t) log(1 - x), of logarithms that are not below -100."""
    _floats(x)
    least = x.dtype.type(-100)
    return (t - 1) * np.maximum(np.log1p(-x), least) - t * np.maximum(np.log(x), least)


def cross_entropy_of_logits(x: Any, t: Any) -> Any:
    """The same for x = sigmoid of what is given."""
    _floats(x)
    return (1 - t) * x - np.minimum(x, zero(x.dtype)) + np.log1p(np.exp(-np.abs(x)))


nameless(globals())
