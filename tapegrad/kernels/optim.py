"""Optimizers' updates, in place on raw arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tapegrad.dtypes import F4, NARROW
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
        if kind.char in NARROW:
            _narrow(p, g, buffers, i, lr, momentum, dampening, weight_decay, nesterov, maximize)
            continue
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


def _narrow(p: Any, g: Any, buffers: list[Any], i: int, *options: Any) -> None:
    """The step of one float16 or bfloat16 parameter: computed in float32, and rounded at its end."""
    wide, held = p.astype(F4), [None if b is None else b.astype(F4) for b in buffers[i : i + 1]]
    sgd([wide], [g.astype(F4)], held, *options)
    p[...] = wide
    for h in held:
        if buffers[i] is not None:
            buffers[i][...] = h
        elif h is not None:
            buffers[i] = h.astype(p.dtype)


nameless(globals())
