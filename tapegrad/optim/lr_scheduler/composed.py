"""Schedulers made of schedulers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from tapegrad.optim.lr_scheduler.base import LRScheduler, each, put
from tapegrad.optim.lr_scheduler.plateau import ReduceLROnPlateau
from tapegrad.optim.optimizer import Optimizer


class _Composed(LRScheduler):
    """What schedulers made of others share: checks, and a state with theirs."""

    _schedulers: Sequence[LRScheduler]

    def _check(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None) -> Optimizer:
        """Their optimizer.

        Raises: TypeError for what is no scheduler, ValueError for none, for one that needs a metric, and for
        different optimizers.
        """
        op = type(self).__name__
        if not schedulers:
            raise ValueError(f"{op}: schedulers is empty; at least one is needed.")
        for i, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(
                    f"{op}: schedulers[{i}] is {type(scheduler).__name__}; a scheduler is needed."
                )
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{op}: schedulers[{i}] is ReduceLROnPlateau, whose step needs a metric; call it apart."
                )
            optimizer = optimizer or scheduler.optimizer
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"{op}: schedulers[{i}] has another optimizer; they must have the same.")
        return optimizer  # type: ignore[return-value] # there was a scheduler

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer, with the schedulers' state_dicts."""
        return {**super().state_dict(), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state_dict, also in the schedulers."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Composed):
    """One scheduler after the other: the next one begins at each of the milestones.

    Raises: ValueError unless there is one milestone less than schedulers.
    Source: torch.optim.lr_scheduler.SequentialLR.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        self._check(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: there are {len(schedulers)} schedulers and {len(milestones)} milestones; one "
                "milestone less than schedulers is needed."
            )
        self._schedulers, self._milestones = schedulers, milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            put(group, "lr", group["initial_lr"])
        self.recursive_undo()
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def recursive_undo(self, sched: Any = None) -> None:
        """Take back the steps that the schedulers made at their construction."""
        waiting = [self if sched is None else sched]
        while waiting:
            s = waiting.pop()
            if hasattr(s, "_schedulers"):
                waiting += s._schedulers
            elif hasattr(s, "last_epoch"):
                s.last_epoch -= 1

    def step(self) -> None:  # type: ignore[override] # as in torch, it has no epoch
        """Set the next rates."""
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composed):
    """All schedulers at once, each on what the one before has set.

    Raises: ValueError for none, or for different optimizers.
    Source: torch.optim.lr_scheduler.ChainedScheduler.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.optimizer = self._check(schedulers, optimizer)
        self._schedulers = schedulers
        self._last_lr = each(self.optimizer, "lr")

    def step(self) -> None:  # type: ignore[override] # as in torch, it has no epoch
        """Set the next rates."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = each(self.optimizer, "lr")
