"""Adadelta: steps in the units of the parameters."""

from __future__ import annotations

from typing import Any

from tapegrad.ops.optim import adadelta_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class Adadelta(Updating):
    """p -= lr * g * sqrt(u + eps) / sqrt(v + eps): v and u are running averages of squared gradients and of
    squared steps.

    The options by keyword: see `Updating`.
    Raises: ValueError for an option out of range.
    Source: torch.optim.Adadelta; Zeiler 2012.
    """

    update = adadelta_
    slots = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, given(locals()))

    def _check(self, options: dict[str, Any]) -> None:
        super()._check(options)
        self._need(0 <= options["rho"] <= 1, "rho", options["rho"], "0 to 1 is needed")
