"""Optimizers' updates, in place on raw arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.pointwise import constant


def sgd(
    params: Sequence[Any],
    grads: Sequence[Any],
    buffers: list[Any],
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    maximize: bool,
) -> None:
    """p -= lr * direction for each p, where the direction is g, with decay and momentum.

    A buffer is None before the first step, which fills it in, and without momentum.
    """
    for i, p in enumerate(params):
        g, kind = grads[i], p.dtype
        if maximize:
            g = -g
        if weight_decay:
            g = g + p * constant(weight_decay, kind)
        if momentum:
            buffer = buffers[i]
            if buffer is None:
                buffer = buffers[i] = g.copy()
            else:
                buffer *= constant(momentum, kind)
                buffer += g if dampening == 0 else g * constant(1 - dampening, kind)
            g = g + buffer * constant(momentum, kind) if nesterov else buffer
        p -= g * constant(lr, kind)


nameless(globals())
