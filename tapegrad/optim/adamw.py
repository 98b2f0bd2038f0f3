"""AdamW: Adam whose weight decay leaves its averages alone."""

from __future__ import annotations

from typing import Any

from tapegrad.optim.adam import Adam
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import given
from tapegrad.tensor import Tensor


class AdamW(Adam):
    """Adam with decoupled weight decay: p -= lr * weight_decay * p, beside Adam's step.

    The other options are Adam's.
    Raises: ValueError for an option out of range; RuntimeError for fused with differentiable or foreach.
    Source: torch.optim.AdamW; Loshchilov and Hutter 2019.
    """

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, decoupled_weight_decay=True, **given(locals()))

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
