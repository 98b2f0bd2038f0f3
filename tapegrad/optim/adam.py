"""Adam: steps by averages of the gradient and of its square."""

from __future__ import annotations

from typing import Any

from tapegrad.ops.optim import adam_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class Adam(Updating):
    """p -= lr * m / (sqrt(v) + eps): m and v are running averages of the gradient and of its square,
    corrected for their start at 0. amsgrad: the largest v so far. decoupled_weight_decay: as in AdamW.

    The options by keyword: see `Updating`.
    Raises: ValueError for an option out of range; RuntimeError for fused with differentiable or foreach.
    Source: torch.optim.Adam; Kingma and Ba 2015; Reddi et al. 2018.
    """

    update = adam_
    slots = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(params, given(locals()))

    def _check(self, options: dict[str, Any]) -> None:
        super()._check(options)
        betas, kinds = options["betas"], (float, Tensor)
        self._need(
            any(all(isinstance(b, kind) for b in betas) for kind in kinds),
            "betas",
            betas,
            "two floats or two tensors are needed",
        )
        for name, value in (("lr", options["lr"]), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
            if isinstance(value, Tensor):
                plain = options["capturable"] or not options["foreach"]
                self._need(plain, name, "a tensor with foreach=True", "capturable=True is needed for that")
                self._need(value.numel() == 1, name, list(value.shape), "one element is needed")
        options["betas"] = tuple([b.squeeze() if isinstance(b, Tensor) else b for b in betas])

    def _slots(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return (*self.slots, "max_exp_avg_sq") if group["amsgrad"] else self.slots
