"""Optimizers' updates as in-place operations over lists of tensors, so that they can be fused below the
optimizers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tapegrad.kernels.optim as O
from tapegrad.kernels.errstate import again
from tapegrad.tape import wrote
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import box, check_memory


def sgd_(
    params: Sequence[Tensor], grads: Sequence[Tensor], buffers: list[Tensor | None], *options: Any
) -> None:
    """One SGD step on all params in place; `buffers` (momentum, one per param) are updated in place or filled
    in.

    options: lr, momentum, dampening, weight_decay, nesterov, maximize; see kernels.optim.sgd.
    Raises: RuntimeError before anything changes, if a parameter must not be written.
    """
    for p in params:
        check_memory(p, "sgd_")
    arrays = [p._a if p._a.ndim else box(p) for p in params]
    wrote(*arrays)
    again(_sgd, arrays, grads, buffers, options)


def _sgd(arrays: list[Any], grads: Sequence[Tensor], buffers: list[Tensor | None], options: Any) -> None:
    for i, a in enumerate(arrays):
        held = buffers[i]
        buffer = O.sgd(a, grads[i]._a, None if held is None else box(held), *options)
        if held is None and buffer is not None:
            buffers[i] = wrap(buffer)
