"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from tapegrad.ops.optim import Arguments, sgd_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class SGD(Updating):
    """p -= lr * g, with momentum, dampening, weight decay and Nesterov's variant.

    The options by keyword: see `Updating`.
    Raises: ValueError for a negative lr, momentum or weight decay, or nesterov without momentum.
    Source: torch.optim.SGD; Sutskever et al. 2013.
    """

    update = sgd_
    counts = ()

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(params, given(locals()))

    def _check(self, options: dict[str, Any]) -> None:
        super()._check(options)
        momentum, dampening = options["momentum"], options["dampening"]
        if options["nesterov"] and (momentum <= 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov with momentum {momentum} and dampening {dampening}; momentum above 0 and no "
                "dampening are needed."
            )

    def _slots(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _arguments(self, group: dict[str, Any], fresh: dict[Tensor, dict[str, Any]]) -> list[Arguments]:
        if group["momentum"] == 0:
            return [(p, g, (), ()) for p in group["params"] if (g := p.grad) is not None]
        return [(p, g, (p in fresh,), held) for p, g, _, held in super()._arguments(group, fresh)]
