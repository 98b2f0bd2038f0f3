"""Averages of a model's parameters over its training, and the learning rates for that."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from tapegrad import ops as F
from tapegrad.autograd import no_grad
from tapegrad.dtypes import int64
from tapegrad.nn import Module
from tapegrad.optim.lr_scheduler.base import LRScheduler, Rates, per_group
from tapegrad.optim.optimizer import Optimizer
from tapegrad.tensor import Tensor

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Any], Tensor]
MultiAverage = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def _check_decay(op: str, decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"{op}: decay is {decay}; 0 to 1 is needed.")


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """A function that moves averages towards parameters, by 1 - decay of the way.

    Raises: ValueError for a decay outside of 0 to 1.
    """
    _check_decay("get_ema_multi_avg_fn", decay)

    @no_grad()
    def ema_update(averages: Sequence[Tensor], params: Sequence[Tensor], _: Any) -> None:
        for a, p in zip(averages, params, strict=True):
            if a.is_floating_point() or a.is_complex():
                a.lerp_(p, 1 - decay)
            else:
                a.copy_(a * decay + p * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> MultiAverage:
    """A function that takes parameters into averages of so many before."""

    @no_grad()
    def swa_update(averages: Sequence[Tensor], params: Sequence[Tensor], num_averaged: Any) -> None:
        n = int(num_averaged) + 1
        for a, p in zip(averages, params, strict=True):
            if a.is_floating_point() or a.is_complex():
                a.lerp_(p, 1 / n)
            else:
                a.copy_(a + (p - a) / n)

    return swa_update


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The function of one parameter that `get_ema_multi_avg_fn` gives for many."""
    _check_decay("get_ema_avg_fn", decay)

    @no_grad()
    def ema_update(average: Tensor, param: Tensor, num_averaged: Any) -> Tensor:
        return decay * average + (1 - decay) * param

    return ema_update


def get_swa_avg_fn() -> Average:
    """The function of one parameter that `get_swa_multi_avg_fn` gives for many."""

    @no_grad()
    def swa_update(average: Tensor, param: Tensor, num_averaged: Any) -> Tensor:
        result: Tensor = average + (param - average) / (num_averaged + 1)
        return result

    return swa_update


class AveragedModel(Module):
    """A copy of a model, `module`, whose parameters are averages of those that `update_parameters` has seen.

    avg_fn, multi_avg_fn: how to average; the mean of all by default. use_buffers: average buffers, too;
    otherwise they are copied.
    Raises: AssertionError for both functions.
    Source: torch.optim.swa_utils.AveragedModel; Izmailov et al. 2018.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: MultiAverage | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("AveragedModel: avg_fn and multi_avg_fn are both given; give one.")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", F.tensor(0, dtype=int64, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model gives."""
        return self.module(*args, **kwargs)

    def _averaged(self, model: Module) -> list[Tensor]:
        buffers = model.buffers() if self.use_buffers else ()
        return [t.detach() for t in (*model.parameters(), *buffers)]

    def update_parameters(self, model: Module) -> None:
        """Take the parameters of a model like the first into the averages."""
        averages, params = self._averaged(self.module), self._averaged(model)
        if self.n_averaged == 0:
            for a, p in zip(averages, params, strict=False):
                a.copy_(p)
        elif self.avg_fn is not None:
            for a, p in zip(averages, params, strict=False):
                a.copy_(self.avg_fn(a, p, self.n_averaged))
        else:
            groups: dict[Any, tuple[list[Tensor], list[Tensor]]] = {}
            for a, p in zip(averages, params, strict=False):
                group = groups.setdefault(a.dtype, ([], []))
                group[0].append(a)
                group[1].append(p)
            for group in groups.values():
                (self.multi_avg_fn or get_swa_multi_avg_fn())(*group, self.n_averaged)
        if not self.use_buffers:
            for a, b in zip(self.module.buffers(), model.buffers(), strict=True):
                a.detach().copy_(b.detach())
        self.n_averaged += 1


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of the model's batch normalisations anew, over a loader's batches; of
    pairs and the like the first is the input.

    Source: torch.optim.swa_utils.update_bn.
    """
    norms = [m for m in model.modules() if any(c.__name__ == "_BatchNorm" for c in type(m).__mro__)]
    if not norms:
        return
    momenta: list[Any] = [m.momentum for m in norms]
    training = model.training
    for m in norms:
        m.reset_running_stats()
        m.momentum = None
    model.train()
    for batch in loader:
        x = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(x if device is None else x.to(device))
    for m, momentum in zip(norms, momenta, strict=True):
        m.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """The rates go to swa_lr in anneal_epochs epochs, and stay there. anneal_strategy: "cos" or "linear".

    Raises: ValueError for another strategy, or a negative number of epochs.
    Source: torch.optim.swa_utils.SWALR.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = per_group(optimizer, "SWALR", "swa_lr", swa_lr)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"SWALR: anneal_strategy is {anneal_strategy!r}; 'cos' or 'linear' is needed.")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: anneal_epochs is {anneal_epochs!r}; an integer from 0 on is needed.")
        for rate, group in zip(rates, optimizer.param_groups, strict=True):
            group["swa_lr"] = rate
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """The part of the way after the part t of the time."""
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self) -> Rates:
        """The rates after `_step_count` steps, from those before."""
        self._within_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        epochs = max(1, self.anneal_epochs)
        before, now = (self.anneal_func(max(0, min(1, i / epochs))) for i in (step - 1, step))
        rates = []
        for group in self.optimizer.param_groups:
            lr, goal = group["lr"], group["swa_lr"]
            first = goal if before == 1 else (lr - before * goal) / (1 - before)
            rates.append(goal * now + first * (1 - now))
        return rates
