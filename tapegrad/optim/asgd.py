"""ASGD: averaged stochastic gradient descent."""

from __future__ import annotations

from typing import ClassVar

from tapegrad.ops.optim import asgd_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class ASGD(Updating):
    """Gradient descent with a rate that falls with the power alpha of the steps; `state[p]["ax"]` has the
    average of the parameters since step t0.

    The options by keyword: see `Updating`.
    Raises: ValueError for an option out of range.
    Source: torch.optim.ASGD; Polyak and Juditsky 1992.
    """

    update = asgd_
    counts = ("step", "eta", "mu")
    slots = ("ax",)
    initial: ClassVar = {"eta": "lr", "mu": 1.0}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(params, given(locals()))
