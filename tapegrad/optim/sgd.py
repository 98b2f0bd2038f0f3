"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad.autograd import enable_grad
from tapegrad.ops.optim import sgd_
from tapegrad.optim.optimizer import Optimizer, Params
from tapegrad.tensor import Tensor


class SGD(Optimizer):
    """p -= lr * g, with momentum, dampening, weight decay and Nesterov's variant.

    maximize: go uphill. differentiable: record the step, so that gradients flow through it. foreach, fused:
    accepted; each parameter's update is one pass anyway.
    Raises: ValueError for a negative lr, momentum or weight decay, or nesterov without momentum.
    Source: torch.optim.SGD; Sutskever et al. 2013.
    """

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
        for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
            if float(value) < 0:
                raise ValueError(f"SGD: {name} is {value}; 0 or more is needed.")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov with momentum {momentum} and dampening {dampening}; momentum above 0 and no "
                "dampening are needed."
            )
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient; `closure` computes the loss again and returns it."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            params, grads = [], []
            for p in group["params"]:
                if (g := p.grad) is not None:
                    params.append(p)
                    grads.append(g)
            if group["differentiable"]:
                for p, g in zip(params, grads, strict=True):
                    self._recorded(p, g, group)
            elif params:
                self._plain(params, grads, group)
        return loss

    def _plain(self, params: list[Tensor], grads: list[Tensor], group: dict[str, Any]) -> None:
        momentum = group["momentum"]
        held = [self.state[p].get("momentum_buffer") for p in params] if momentum else None
        sgd_(
            params,
            grads,
            held,
            float(group["lr"]),
            momentum,
            group["dampening"],
            float(group["weight_decay"]),
            group["nesterov"],
            group["maximize"],
        )
        if held is not None:
            for p, buffer in zip(params, held, strict=True):
                self.state[p]["momentum_buffer"] = buffer

    def _recorded(self, p: Tensor, g: Tensor, group: dict[str, Any]) -> None:
        if group["maximize"]:
            g = -g
        if group["weight_decay"]:
            g = g + p * group["weight_decay"]
        if group["momentum"]:
            state = self.state[p]
            old = state.get("momentum_buffer")
            new = g.clone() if old is None else old * group["momentum"] + g * (1 - group["dampening"])
            state["momentum_buffer"] = new
            g = g + new * group["momentum"] if group["nesterov"] else new
        p.sub_(g * group["lr"])
