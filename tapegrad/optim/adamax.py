"""Adamax: Adam by the largest gradient."""

from __future__ import annotations

from tapegrad.ops.optim import adamax_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class Adamax(Updating):
    """p -= lr * m / u: m is a running average of the gradient, u its largest size, which fades with beta2.

    The options by keyword: see `Updating`.
    Raises: ValueError for an option out of range.
    Source: torch.optim.Adamax; Kingma and Ba 2015.
    """

    update = adamax_
    slots = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, given(locals()))
