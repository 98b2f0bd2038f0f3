"""An optimizer with other parameters and another state, for a while."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tapegrad.optim.optimizer import Optimizer
from tapegrad.tensor import Tensor

_OP = "swap_in_optimizer_params_and_state"


def _need(good: bool, given: str, needed: str) -> None:
    """Raises: RuntimeError unless it is good."""
    if not good:
        raise RuntimeError(f"{_OP}: {given}; {needed}.")


def _check(optimizer: Optimizer, params: list[Tensor], state_dict: Any) -> None:
    """Raises: RuntimeError unless the state_dict is one of an optimizer with such groups."""
    _need(bool(optimizer.state), "the optimizer has no state", "make a step first")
    known = isinstance(state_dict, dict) and {"state", "param_groups"} <= state_dict.keys()
    _need(known, "swapin_optim_state has no state or param_groups", "an optimizer's state_dict() is needed")
    state, groups = state_dict["state"], state_dict["param_groups"]
    _need(isinstance(state, dict), f"state is {type(state).__name__}", "a dict is needed")
    _need(isinstance(groups, list), f"param_groups is {type(groups).__name__}", "a list is needed")
    mine = optimizer.param_groups
    _need(len(groups) == len(mine), f"there are {len(groups)} groups", f"{len(mine)} are needed")
    for i, (group, own) in enumerate(zip(groups, mine, strict=True)):
        _need(isinstance(group, dict), f"param_groups[{i}] is {type(group).__name__}", "a dict is needed")
        other = sorted(group.keys() ^ own.keys())
        _need(not other, f"only one of both has {other} in group {i}", "the options must be the same")
        numbers = group["params"]
        plain = isinstance(numbers, list) and all(isinstance(n, int) for n in numbers)
        _need(plain, f"params of group {i} is {numbers!r}", "a list of numbers is needed")
        n = len(own["params"])
        _need(len(numbers) == n, f"group {i} has {len(numbers)} parameters", f"{n} are needed")
    numbers = [n for group in groups for n in group["params"]]
    _need(len(params) >= len(numbers), f"there are {len(params)} parameters", f"{len(numbers)} are needed")
    more = [k for k in state if k not in numbers]
    _need(not more, f"state has {more!r}", "only the numbers of the groups' parameters may be there")
    odd = [k for k, held in state.items() if not isinstance(held, dict)]
    _need(not odd, f"state of {odd!r} is no dict", "dicts are needed")


@contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Tensor], swapin_optim_state: dict[str, Any]
) -> Iterator[None]:
    """In the block, the optimizer has these parameters, in the order of its own, and the state and options
    of this state_dict, whose tensors its steps change.

    Raises: RuntimeError, before anything changes, if they do not fit.
    Source: torch.optim.swap_in_optimizer_params_and_state.
    """
    params = list(swapin_parameters.values())
    _check(optimizer, params, swapin_optim_state)
    state, groups = optimizer.state, [dict(group) for group in optimizer.param_groups]
    rest = iter(params)
    try:
        optimizer.state = defaultdict(dict)
        for own, group in zip(optimizer.param_groups, swapin_optim_state["param_groups"], strict=True):
            own.update(group, params=[next(rest) for _ in group["params"]])
            for p, i in zip(own["params"], group["params"], strict=True):
                optimizer.state[p] = dict(swapin_optim_state["state"].get(i, {}))
        yield
    finally:
        optimizer.state = state
        for own, group in zip(optimizer.param_groups, groups, strict=True):
            own.clear()
            own.update(group)
