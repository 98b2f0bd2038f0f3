"""RMSprop: steps by the size of recent gradients."""

from __future__ import annotations

from typing import Any

from tapegrad.ops.optim import rmsprop_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class RMSprop(Updating):
    """p -= lr * g / (sqrt(v) + eps): v is a running average of squared gradients. centered: of their
    variance.

    The options by keyword: see `Updating`.
    Raises: ValueError for an option out of range.
    Source: torch.optim.RMSprop; Hinton's lecture 6; Graves 2013.
    """

    update = rmsprop_
    at_least_0 = ("alpha",)

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, given(locals()))

    def _slots(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        pushed = ("momentum_buffer",) if group["momentum"] > 0 else ()
        return ("square_avg", *pushed, "grad_avg") if group["centered"] else ("square_avg", *pushed)
