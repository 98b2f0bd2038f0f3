"""Optimizers' updates, in place on raw arrays."""

from __future__ import annotations

from typing import Any

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import constant


def sgd(
    p: Any,
    g: Any,
    buffer: Any,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
) -> Any:
    """p -= lr * direction, where the direction is g, with decay and momentum; returns the momentum buffer.

    The buffer is None before the first step and without momentum.
    """
    kind = p.dtype
    if maximize:
        g = -g
    if weight_decay:
        g = g + p * constant(weight_decay, kind)
    if momentum:
        if buffer is None:
            buffer = g.copy()
        else:
            buffer *= constant(momentum, kind)
            buffer += g if dampening == 0 else g * constant(1 - dampening, kind)
        g = g + buffer * constant(momentum, kind) if nesterov else buffer
    p -= g * constant(lr, kind)
    return buffer


nameless(globals())
