"""RAdam: Adam that waits for its variance."""

from __future__ import annotations

from tapegrad.ops.optim import radam_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class RAdam(Updating):
    """Adam whose first steps are plain momentum, until enough gradients were seen to know their variance.

    The options by keyword: see `Updating`.
    Raises: ValueError for an option out of range.
    Source: torch.optim.RAdam; Liu et al. 2020.
    """

    update = radam_
    slots = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, given(locals()))
