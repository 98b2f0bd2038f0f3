"""LRScheduler: what all schedulers share. Rates are read from an optimizer's groups, and written there."""

from __future__ import annotations

from typing import Any

from tapegrad._errors import say_once
from tapegrad.optim.optimizer import Optimizer
from tapegrad.tensor import Tensor

Rates = list[Any]

EPOCH = (
    "lr_scheduler: step() got an epoch, which torch has deprecated; call step() without it. With it the rate "
    "is computed in closed form where there is one."
)


def need_optimizer(optimizer: Any, op: str) -> Optimizer:
    """The optimizer. Raises: TypeError if it is none."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{op}: optimizer is {type(optimizer).__name__}; an Optimizer is needed.")
    return optimizer


def own(value: Any) -> Any:
    """A value that later writes to a tensor do not change."""
    return value.clone() if isinstance(value, Tensor) else value


def each(optimizer: Optimizer, key: str) -> Rates:
    """An option of each group."""
    return [own(group[key]) for group in optimizer.param_groups]


def per_group(optimizer: Optimizer, op: str, name: str, value: Any) -> Rates:
    """An argument that is one value, or one for each group, as a list.

    Raises: ValueError if their number differs.
    """
    n = len(optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * n
    if len(values) != n:
        raise ValueError(
            f"{op}: {name} has {len(values)} values and the optimizer {n} groups; give one each."
        )
    return [own(v) for v in values]


def put(group: dict[str, Any], key: str, value: Any) -> None:
    """Set an option of a group; a tensor keeps its identity."""
    if isinstance(group[key], Tensor):
        group[key].fill_(value.squeeze() if isinstance(value, Tensor) else value)
    else:
        group[key] = value


class LRScheduler:
    """Changes the learning rates of an optimizer: call `step()` after each epoch, or each batch.

    A subclass defines `get_lr`, from the rates before; and `_get_closed_form_lr`, if it can, from the first
    ones. last_epoch: -1 to begin, or where to resume: the groups must have "initial_lr" then.
    Raises: TypeError for what is no Optimizer, KeyError to resume without the first rates.
    Source: torch.optim.lr_scheduler.LRScheduler.
    """

    _get_lr_called_within_step = False
    _is_initial = False
    _last_lr: Rates

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = need_optimizer(optimizer, type(self).__name__)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", own(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: param_groups[{i}] has no 'initial_lr', and last_epoch is "
                    f"{last_epoch}; load the optimizer's state_dict first, or begin with last_epoch -1."
                )
        self.base_lrs = each(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        optimizer.__dict__.setdefault("_steps_unscheduled", optimizer._steps)
        self._initial_step()

    def _initial_step(self) -> None:
        """The step at construction, which sets the first rates."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state_dict."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> Rates:
        """The rates that the last step has set, one for each group."""
        return self._last_lr

    def get_lr(self) -> Rates:
        """The rates at `last_epoch`; each scheduler defines it, and `step` calls it."""
        raise NotImplementedError(f"{type(self).__name__}: get_lr is not defined.")

    def _within_step(self) -> None:
        """Say once that rates are asked for elsewhere: they would move on."""
        if not self._get_lr_called_within_step:
            op = type(self).__name__
            say_once(f"{op}: get_lr() computes the next rates; get_last_lr() has the present ones.")

    def step(self, epoch: int | None = None) -> None:
        """Set the next rates."""
        if self._step_count == 1:
            self._check_order()
        self._step_count += 1
        if epoch is not None:
            say_once(EPOCH)
        self._update_lr(epoch)

    def _check_order(self) -> None:
        if not hasattr(self.optimizer.step, "hooked"):
            say_once(
                "lr_scheduler: optimizer.step was replaced after the scheduler was made, so that nobody "
                "knows whether it is called; call optimizer.step() before lr_scheduler.step()."
            )
        elif self.optimizer._steps == self.optimizer.__dict__.get("_steps_unscheduled"):
            say_once(
                "lr_scheduler: step() is called before optimizer.step(), so that the first rate is never "
                "used; call optimizer.step() first."
            )

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                rates = self.get_lr()
            else:
                self.last_epoch = epoch
                rates = getattr(self, "_get_closed_form_lr", self.get_lr)()
        finally:
            self._get_lr_called_within_step = False
        self._set(rates)

    def _set(self, rates: Rates) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            put(group, "lr", lr)
        self._last_lr = each(self.optimizer, "lr")

    def _scaled(self, factor: Any) -> Rates:
        """The groups' rates, times a factor; None to leave them."""
        if factor is None:
            return each(self.optimizer, "lr")
        return [group["lr"] * factor for group in self.optimizer.param_groups]


class _LRScheduler(LRScheduler):
    """torch's old name of the base class."""
