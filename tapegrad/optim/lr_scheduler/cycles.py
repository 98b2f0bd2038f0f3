"""Schedulers whose rates rise and fall, and momentum against them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any

from tapegrad._errors import choices
from tapegrad.optim.lr_scheduler.base import LRScheduler, Rates, need_optimizer, per_group, put
from tapegrad.optim.optimizer import Optimizer


class _Cycling(LRScheduler):
    """What schedulers share that change the momentum too: `momentum`, or the first of `betas`."""

    use_beta1: bool

    def _begin_momentum(self, base: Any, top: Any, last_epoch: int) -> tuple[Rates, Rates]:
        """The lowest and highest momentum of each group, and where they start.

        Raises: ValueError if the optimizer has no momentum, or for another number of values.
        """
        op, optimizer = type(self).__name__, self.optimizer
        if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
            raise ValueError(
                f"{op}: {type(optimizer).__name__} has neither momentum nor betas; pass cycle_momentum=False."
            )
        self.use_beta1 = "betas" in optimizer.defaults
        low = per_group(optimizer, op, "base_momentum", base)
        high = per_group(optimizer, op, "max_momentum", top)
        if last_epoch == -1:
            for group, b, m in zip(optimizer.param_groups, low, high, strict=True):
                self._put_momentum(group, m)
                group["max_momentum"], group["base_momentum"] = m, b
        return low, high

    def _put_momentum(self, group: dict[str, Any], value: Any) -> None:
        if self.use_beta1:
            group["betas"] = (value, *group["betas"][1:])
        else:
            group["momentum"] = value


class CyclicLR(_Cycling):
    """The rate goes from base_lr to max_lr in step_size_up steps, and back in step_size_down; the momentum
    from max_momentum to base_momentum, and back.

    mode: "triangular"; "triangular2", which halves the height each time; "exp_range", with the height times
    gamma ** step. scale_fn: instead, of the cycle's number or the step, as scale_mode says ("cycle" or
    "iterations").
    Raises: ValueError for an unknown mode without scale_fn, or an optimizer without momentum.
    Source: torch.optim.lr_scheduler.CyclicLR; Smith 2017.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = need_optimizer(optimizer, "CyclicLR")
        known = ("triangular", "triangular2", "exp_range")
        if mode not in known and scale_fn is None:
            raise ValueError(f"CyclicLR: mode is {mode!r} without scale_fn; {choices(known)} is needed.")
        base_lrs = per_group(optimizer, "CyclicLR", "base_lr", base_lr)
        self.max_lrs = per_group(optimizer, "CyclicLR", "max_lr", max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        self.mode, self.gamma, self.scale_mode = mode, gamma, scale_mode
        self._scale_fn_custom = scale_fn
        self._init_scale_fn()
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            momenta = self._begin_momentum(base_momentum, max_momentum, last_epoch)
            self.base_momentums, self.max_momentums = momenta
        if last_epoch == -1:
            for lr, group in zip(base_lrs, optimizer.param_groups, strict=True):
                put(group, "lr", lr)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _init_scale_fn(self) -> None:
        if self._scale_fn_custom is None:
            scale, self.scale_mode = {
                "triangular": (_same, "cycle"),
                "triangular2": (_halved, "cycle"),
                "exp_range": (partial(pow, self.gamma), "iterations"),
            }[self.mode]
            self._scale_fn_ref: Any = scale

    def scale_fn(self, x: float) -> float:
        """The height of a cycle."""
        height: float = (self._scale_fn_custom or self._scale_fn_ref)(x)
        return height

    def get_lr(self) -> Rates:
        """The rates at `last_epoch`. Sets the momentum, too."""
        self._within_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        part = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            momenta = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in momenta:
                self._put_momentum(group, high - (high - low) * part * height)
        return [
            low + (high - low) * part * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)
        ]

    def state_dict(self) -> dict[str, Any]:
        """All attributes but the optimizer; of a scale_fn that is an object its attributes."""
        state = super().state_dict()
        state.pop("_scale_fn_ref", None)
        f = state["_scale_fn_custom"]
        plain = f is None or isinstance(f, FunctionType)
        return {**state, "_scale_fn_custom": None if plain else f.__dict__.copy()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state_dict; scale_fn stays, and gets the attributes that were kept."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_scale_fn_custom"})
        if (kept := state_dict["_scale_fn_custom"]) is not None and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(kept)
        self._init_scale_fn()


def _same(_: float) -> float:
    return 1.0


def _halved(x: float) -> float:
    return math.pow(0.5, x - 1)


class CosineAnnealingWarmRestarts(LRScheduler):
    """The rate falls to eta_min along half a wave of the cosine, in T_0 epochs, and starts again, for T_mult
    times as many. `step` takes parts of epochs, too.

    Raises: ValueError unless T_0 and T_mult are positive integers.
    Source: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts; Loshchilov and Hutter 2017.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"CosineAnnealingWarmRestarts: {name} is {value!r}; an integer above 0 is needed."
                )
        if not isinstance(eta_min, (float, int)):
            raise ValueError(
                f"CosineAnnealingWarmRestarts: eta_min is {type(eta_min).__name__}; a number is needed."
            )
        self.T_0, self.T_i, self.T_mult = T_0, T_0, T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Rates:
        """The rates at `T_cur`."""
        self._within_step()
        height, low = 1 + math.cos(math.pi * self.T_cur / self.T_i), self.eta_min
        return [low + (lr - low) * height / 2 for lr in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the rates of the next epoch, or of `epoch`, which may be a fraction.

        Raises: ValueError for a negative epoch.
        """
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self._go(epoch)
        self.last_epoch = math.floor(epoch)
        self._get_lr_called_within_step = True
        try:
            rates = self.get_lr()
        finally:
            self._get_lr_called_within_step = False
        self._set(rates)

    def _go(self, epoch: float) -> None:
        """The part of the wave to which an epoch belongs, and its place there."""
        if epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: epoch is {epoch}; 0 or more is needed.")
        first, times = self.T_0, self.T_mult
        if epoch < first:
            self.T_i, self.T_cur = first, epoch
        elif times == 1:
            self.T_cur = epoch % first
        else:
            n = int(math.log(epoch / first * (times - 1) + 1, times))
            self.T_cur = epoch - first * (times**n - 1) / (times - 1)
            self.T_i = first * times**n


def _cosine(start: Any, end: Any, part: float) -> Any:
    return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def _line(start: Any, end: Any, part: float) -> Any:
    return (end - start) * part + start


def _count(op: str, name: str, value: Any) -> int:
    """The value. Raises: ValueError unless it is a positive integer."""
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"{op}: {name} is {value!r}; an integer above 0 is needed.")
    return value


class OneCycleLR(_Cycling):
    """One cycle of total_steps steps, or epochs times steps_per_epoch: the rate rises from max_lr /
    div_factor to max_lr in the part pct_start, and falls to its start / final_div_factor; the momentum falls
    from max_momentum to base_momentum, and rises again. three_phase: down to the start as fast as up, first.

    Raises: ValueError for bad numbers, or an optimizer without momentum; and on a step too many.
    Source: torch.optim.lr_scheduler.OneCycleLR; Smith and Topin 2018.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        op = "OneCycleLR"
        self.optimizer = need_optimizer(optimizer, op)
        if total_steps is not None:
            self.total_steps = _count(op, "total_steps", total_steps)
        elif epochs is None or steps_per_epoch is None:
            raise ValueError(f"{op}: total_steps, or epochs and steps_per_epoch, are needed.")
        else:
            self.total_steps = _count(op, "epochs", epochs) * _count(op, "steps_per_epoch", steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"{op}: pct_start is {pct_start!r}; a float from 0 to 1 is needed.")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"{op}: anneal_strategy is {anneal_strategy!r}; 'cos' or 'linear' is needed.")
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        highest = per_group(optimizer, op, "max_lr", max_lr)
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(base_momentum, max_momentum, last_epoch)
        if last_epoch == -1:
            for group, top in zip(optimizer.param_groups, highest, strict=True):
                group["initial_lr"], group["max_lr"] = top / div_factor, top
                group["min_lr"] = group["initial_lr"] / final_div_factor
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> Rates:
        """The rates at `last_epoch`. Sets the momentum, too. Raises: ValueError after the last step."""
        self._within_step()
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"OneCycleLR: this is step {self.last_epoch} of {self.total_steps}; make total_steps as many "
                "as you take."
            )
        begin, i = 0.0, 0
        while self.last_epoch > self._schedule_phases[i]["end_step"] and i < len(self._schedule_phases) - 1:
            begin, i = self._schedule_phases[i]["end_step"], i + 1
        phase = self._schedule_phases[i]
        part = (self.last_epoch - begin) / (phase["end_step"] - begin)
        between = _cosine if self._anneal_func_type == "cos" else _line
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                self._put_momentum(group, between(*ends, part))
        return [
            between(group[phase["start_lr"]], group[phase["end_lr"]], part)
            for group in self.optimizer.param_groups
        ]


def _phases(steps: int, part: float, three: bool) -> list[dict[str, Any]]:
    """The phases of a cycle: where each ends, and the group's values between which it goes."""
    up = (float(part * steps) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if three:
        down = (float(2 * part * steps) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
        rows = [up, down, (steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")]
    else:
        rows = [up, (steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    return [dict(zip(names, row, strict=True)) for row in rows]
