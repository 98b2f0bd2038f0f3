"""Optimizer: parameter groups with options, state per parameter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from tapegrad._errors import describe, say_once
from tapegrad.naming import argument
from tapegrad.tensor import Tensor

Params = Iterable[Any]


class Optimizer:
    """What all optimizers share: `param_groups` (dicts of parameters and options), `state`, and loading and
    saving both.

    params: tensors, (name, tensor) pairs, or dicts with "params" and options of their own.
    Raises: ValueError for no parameters, one that is no leaf, or one in two groups; TypeError for what is no
    tensor.
    Source: torch.optim.Optimizer.
    """

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                f"{type(self).__name__}: params is one Tensor; a list of Tensors or dicts is needed."
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError(f"{type(self).__name__}: params is empty; pass model.parameters().")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own; options left out are the optimizer's."""
        op = type(self).__name__
        if not isinstance(param_group, dict):
            raise TypeError(f"{op}: a parameter group is {type(param_group).__name__}; a dict is needed.")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError(f"{op}: params is a set, which has no order; a list is needed.")
        params = [given] if isinstance(given, Tensor) else list(given)
        names = [p[0] for p in params if isinstance(p, tuple)]
        params = [p[1] if isinstance(p, tuple) else p for p in params]
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{op}: params[{i}] is {type(p).__name__}; a Tensor is needed.")
            if not (p.is_leaf or p.retains_grad or self.defaults.get("differentiable")):
                raise ValueError(
                    f"{op}: {argument(f'params[{i}]', p)}, {describe(p)}, was computed; only leaves can be "
                    "trained."
                )
        held = {p for group in self.param_groups for p in group["params"]}
        if len(set(params)) < len(params):
            say_once(f"{op}: a parameter comes twice in one group; it is updated twice in each step.")
        if held & set(params):
            raise ValueError(f"{op}: a parameter is in more than one group; each may be in one.")
        group = {"params": params, **{k: v for k, v in param_group.items() if k != "params"}}
        if names:
            group["param_names"] = names
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad = p.grad.detach().zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update; each optimizer defines it."""
        raise NotImplementedError(f"{type(self).__name__}: step is not defined.")

    def _numbered(self) -> dict[Tensor, int]:
        every = [p for group in self.param_groups for p in group["params"]]
        return {p: i for i, p in enumerate(dict.fromkeys(every))}

    def state_dict(self) -> dict[str, Any]:
        """State and groups with parameters as numbers, as torch writes them. The state's tensors are
        shared."""
        number = self._numbered()
        groups = [{**g, "params": [number[p] for p in g["params"]]} for g in self.param_groups]
        return {
            "state": {number[p]: dict(s) for p, s in self.state.items()},
            "param_groups": [
                {**{k: v for k, v in g.items() if k != "params"}, "params": g["params"]} for g in groups
            ],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state_dict of an optimizer with groups of the same sizes.

        Raises: ValueError if the groups differ. Nothing has changed then.
        """
        groups = state_dict["param_groups"]
        ours, theirs = ([len(g["params"]) for g in gs] for gs in (self.param_groups, groups))
        if ours != theirs:
            raise ValueError(
                f"load_state_dict: the groups have {theirs} parameters there and {ours} here; they must be "
                "equal."
            )
        every = {
            i: p
            for mine, group in zip(self.param_groups, groups, strict=True)
            for i, p in zip(group["params"], mine["params"], strict=True)
        }
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for i, held in state_dict["state"].items():
            state[every[i]] = {
                k: v.clone() if isinstance(v, Tensor) else deepcopy(v) for k, v in held.items()
            }
        self.state = state
        self.param_groups = [
            {"params": mine["params"], **{k: deepcopy(v) for k, v in group.items() if k != "params"}}
            for mine, group in zip(self.param_groups, groups, strict=True)
        ]

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [
                f"Parameter Group {i}",
                *[f"    {k}: {group[k]}" for k in sorted(group) if k != "params"],
                "",
            ]
        return "\n".join(lines[:-1]) + "\n)"
