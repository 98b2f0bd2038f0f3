"""Optimizers' updates as in-place operations over lists of tensors, so that they can be fused below the
optimizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.optim as O
from tapegrad.kernels.errstate import again
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import assign, box, check_memory
from tapegrad.writes import wrote


def sgd_(
    params: Sequence[Tensor], grads: Sequence[Tensor], buffers: list[Tensor | None] | None, *options: Any
) -> None:
    """One SGD step on all params in place; `buffers` (momentum, one per param) are updated in place or filled
    in; None without momentum.

    options: lr, momentum, dampening, weight_decay, nesterov, maximize; see kernels.optim.sgd.
    Raises: RuntimeError before anything changes, if a parameter must not be written.
    """
    arrays, numbers = [], []
    for p in params:
        a = p._a
        if type(a) is not ndarray:
            a = np.array(a)
            numbers.append((p, a))
        elif not a.flags.writeable:
            check_memory(p, "sgd_")
        arrays.append(a)
    held = [b if b is None else box(b) for b in buffers] if buffers else []
    wrote(*arrays)
    again(O.sgd, arrays, [g._a for g in grads], held, *options)
    for p, a in numbers:
        assign(p, wrap(a))
    if buffers:
        buffers[:] = [wrap(a) if b is None else b for b, a in zip(buffers, held, strict=True)]
