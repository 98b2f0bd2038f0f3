"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from typing import ClassVar

from tapegrad.ops.optim import nadam_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class NAdam(Updating):
    """Adam that looks ahead by Nesterov's momentum, which momentum_decay lets grow with the steps.

    The options by keyword: see `Updating`.
    Raises: ValueError for an option out of range.
    Source: torch.optim.NAdam; Dozat 2016.
    """

    update = nadam_
    counts = ("step", "mu_product")
    slots = ("exp_avg", "exp_avg_sq")
    initial: ClassVar = {"mu_product": 1.0}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, given(locals()))
