"""What optimizers share whose step is one update of each parameter (`ops.optim.Update`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tapegrad import ops as F
from tapegrad._state import default
from tapegrad.autograd import enable_grad, set_grad_enabled
from tapegrad.dtypes import float32, float64
from tapegrad.ops.optim import Arguments, Job, Update
from tapegrad.ops.plans import Plan
from tapegrad.optim.optimizer import Optimizer, Params
from tapegrad.tensor import Tensor

# Options that older state_dicts lack, and what they meant then.
_LATER = {
    "amsgrad": False,
    "capturable": False,
    "centered": False,
    "decoupled_weight_decay": False,
    "differentiable": False,
    "foreach": None,
    "fused": None,
    "maximize": False,
    "momentum": 0,
    "nesterov": False,
}
_NOT_NEGATIVE = ("lr", "eps", "momentum", "weight_decay", "momentum_decay", "lr_decay")


def given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The options among the arguments (`locals()`) of an optimizer's constructor."""
    return {k: v for k, v in arguments.items() if k not in ("self", "params", "__class__")}


class Checked(Optimizer):
    """An optimizer whose options are checked. `at_least_0`: more options that must not be negative."""

    at_least_0: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Params, options: dict[str, Any]) -> None:
        self._check(options)
        super().__init__(params, options)

    def _need(self, good: Any, name: str, value: Any, needed: str) -> None:
        """Raises: ValueError for an option that is not good."""
        if not good:
            raise ValueError(f"{type(self).__name__}: {name} is {value}; {needed}.")

    def _check(self, options: dict[str, Any]) -> None:
        """Raises: ValueError for an option out of its range, RuntimeError for options that exclude each
        other."""
        op, lr = type(self).__name__, options["lr"]
        if isinstance(lr, Tensor):
            self._need(lr.numel() == 1, "lr", f"a tensor of {list(lr.shape)}", "one element is needed")
        for name in (*_NOT_NEGATIVE, *self.at_least_0):
            value = options.get(name)
            if value is not None and not isinstance(value, tuple):
                self._need(float(value) >= 0, name, value, "0 or more is needed")
        for i, beta in enumerate(options.get("betas", ())):
            self._need(0 <= float(beta) < 1, f"betas[{i}]", beta, "0 or more and less than 1 is needed")
        if options.get("fused"):
            for other in ("differentiable", "foreach"):
                if options[other]:
                    raise RuntimeError(f"{op}: fused and {other} are both True; only one may be.")


class Updating(Checked):
    """An optimizer that applies an update to each parameter that has a gradient.

    maximize: go uphill. differentiable: record the step, so that gradients flow through it; parameters are
    then no leaves. foreach, fused, capturable: accepted; each parameter's update is one pass anyway. lr may
    be a tensor of one element. Complex parameters count as pairs of real ones.

    A subclass says which update; `counts`, the numbers that state has for a parameter; and `slots`, the
    tensors that it has. Where either starts at another number than 0, `initial` has that number or the name
    of the option that has it.
    """

    update: ClassVar[Update]
    counts: ClassVar[tuple[str, ...]] = ("step",)
    slots: ClassVar[tuple[str, ...]] = ()
    initial: ClassVar[Mapping[str, float | str]] = {}

    def _make_hooks(self) -> None:
        super()._make_hooks()
        self._plans: dict[int, Plan] = {}  # of groups, by their numbers

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name in _LATER.keys() & self.defaults.keys():
                group.setdefault(name, _LATER[name])
            for p in group["params"]:
                held = self.state.get(p, {})
                for name, value in list(held.items()):  # as torch wrote them before 1.12
                    if value is None:
                        del held[name]
                    elif name in self.counts and not isinstance(value, Tensor):
                        held[name] = _count(float(value), group)

    def _slots(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        """The names of a parameter's state tensors, in the order in which its rule takes them."""
        return self.slots

    def _slot(self, p: Tensor, name: str, value: float) -> Tensor:
        """A new state tensor."""
        slot: Tensor = F.full_like(p, complex(value, value) if p.is_complex() else value)
        return slot

    def _completed(self, p: Tensor, group: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
        """A state with what it lacks."""
        held = dict(held)
        for name in (*self.counts, *self._slots(group, p)):
            if name not in held:
                value = self.initial.get(name, 0.0)
                value = float(group[value]) if isinstance(value, str) else value
                held[name] = _count(value, group) if name in self.counts else self._slot(p, name, value)
        return held

    def _arguments(self, group: dict[str, Any], fresh: dict[Tensor, dict[str, Any]]) -> list[Arguments]:
        """What the update takes of each parameter that has a gradient. A state that is new goes into `fresh`,
        until all is checked."""
        arguments: list[Arguments] = []
        counts = self.counts
        for p in group["params"]:
            if (g := p.grad) is None:
                continue
            held, slots = (fresh and fresh.get(p)) or self.state.get(p) or {}, self._slots(group, p)
            try:
                arguments.append((p, g, [held[name] for name in counts], [held[name] for name in slots]))
            except KeyError:
                held = fresh[p] = self._completed(p, group, held)
                arguments.append((p, g, [held[name] for name in counts], [held[name] for name in slots]))
        return arguments

    def _prepared(self) -> list[tuple[int, Job, Plan | None]]:
        """A Job for each group that has gradients, beside the group's number and what its plan was. Raises:
        what `step` does, and then nothing has changed."""
        fresh: dict[Tensor, dict[str, Any]] = {}
        jobs: list[tuple[int, Job, Plan | None]] = []
        for k, group in enumerate(self.param_groups):
            plan = self._plans.pop(k, None)  # which is then nobody else's: two threads may make a step
            job = None
            if plan is not None:
                job = plan.again(group, self._slots(group, plan.columns[0][0]), self.state)
            if job is None:
                plan = None
                if not (arguments := self._arguments(group, fresh)):
                    continue
                job = self.update.prepare(arguments, group, bool(group.get("differentiable")))
            jobs.append((k, job, plan))
        self.state.update(fresh)
        return jobs

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient; `closure` computes the loss again and returns it.

        Raises: RuntimeError if a parameter must not be written; none has changed then.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        if self.defaults.get("differentiable"):
            with enable_grad():
                jobs = self._prepared()
        else:
            jobs = self._prepared()
        for k, job, plan in jobs:
            if job.recording is None:
                self.update.run(job)
            else:
                with set_grad_enabled(job.recording):
                    self.update.run(job)
            if plan is None:
                group = self.param_groups[k]
                plan = Plan.of(job, group, self._slots(group, job.parts[0][0][0]), self.state)
            if plan is not None:
                self._plans[k] = plan
        return loss


def _count(value: float, group: dict[str, Any]) -> Tensor:
    """A number in a state: in float64 if that is the default, unless a fused kernel would hold it."""
    wide = default.dtype == float64.numpy and not group.get("fused")
    result: Tensor = F.tensor(value, dtype=float64 if wide else float32)
    return result
