"""Adagrad: steps that shrink where gradients were."""

from __future__ import annotations

from typing import ClassVar

from tapegrad.ops.optim import adagrad_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class Adagrad(Updating):
    """p -= lr * g / (sqrt(s) + eps): s is the sum of all squared gradients. lr_decay: the rate falls with 1 /
    steps.

    The options by keyword: see `Updating`.
    Raises: ValueError for an option out of range; RuntimeError for fused with differentiable or foreach.
    Source: torch.optim.Adagrad; Duchi, Hazan and Singer 2011.
    """

    update = adagrad_
    slots = ("sum",)
    initial: ClassVar = {"sum": "initial_accumulator_value"}
    at_least_0 = ("initial_accumulator_value",)

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, given(locals()))
        for group in self.param_groups:  # as in torch, at once
            for p in group["params"]:
                self.state[p] = self._completed(p, group, {})
