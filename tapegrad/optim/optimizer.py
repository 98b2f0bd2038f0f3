"""Optimizer: parameter groups with options, state per parameter, hooks, saving and loading."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import wraps
from typing import Any

from tapegrad._errors import describe, say_once
from tapegrad.autograd.hooks import RemovableHandle
from tapegrad.dtypes import float32
from tapegrad.naming import argument
from tapegrad.tensor import Tensor

Params = Iterable[Any]
Hooks = OrderedDict[int, Callable[..., Any]]

_before_any: Hooks = OrderedDict()
_after_any: Hooks = OrderedDict()
_HOOKS = [
    f"_optimizer_{what}_{when}_hooks"
    for what in ("step", "state_dict", "load_state_dict")
    for when in ("pre", "post")
]


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call hook(optimizer, args, kwargs) before each step of every optimizer; it may return new (args,
    kwargs)."""
    return RemovableHandle(_before_any, hook)


def register_optimizer_step_post_hook(hook: Callable[..., None]) -> RemovableHandle:
    """Call hook(optimizer, args, kwargs) after each step of every optimizer."""
    return RemovableHandle(_after_any, hook)


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """step with the hooks around it, and counted."""

    @wraps(step)
    def call(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._steps += 1
        before, after = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        if not (before or after or _before_any or _after_any):
            return step(self, *args, **kwargs)
        given: tuple[Any, ...] = (self, *args)
        for hook in (*_before_any.values(), *before.values()):
            changed = hook(self, given, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"{type(self).__name__}: a step pre-hook returned {changed!r}; None or a tuple "
                        "(args, kwargs) is needed."
                    )
                given, kwargs = changed
        result = step(*given, **kwargs)
        for hook in (*after.values(), *_after_any.values()):
            hook(self, given, kwargs)
        return result

    call.hooked = True  # type: ignore[attr-defined] # functions take attributes
    return call


class Optimizer:
    """What all optimizers share: `param_groups` (dicts of parameters and options), `state`, hooks, and
    loading and saving.

    params: tensors, (name, tensor) pairs, or dicts with "params" and options of their own.
    Raises: ValueError for no parameters, one that is no leaf, or one in two groups; TypeError for what is no
    tensor.
    Source: torch.optim.Optimizer.
    """

    _optimizer_step_pre_hooks: Hooks
    _optimizer_step_post_hooks: Hooks
    _optimizer_state_dict_pre_hooks: Hooks
    _optimizer_state_dict_post_hooks: Hooks
    _optimizer_load_state_dict_pre_hooks: Hooks
    _optimizer_load_state_dict_post_hooks: Hooks
    _steps = 0  # how often step() was called
    _steps_unscheduled: int  # how often it had been when the first scheduler came

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if callable(step) and not hasattr(step, "hooked"):
            cls.step = _hooked(step)  # type: ignore[method-assign] # the same signature

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                f"{type(self).__name__}: params is one Tensor; a list of Tensors or dicts is needed."
            )
        self.defaults = defaults
        self._make_hooks()
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError(f"{type(self).__name__}: params is empty; pass model.parameters().")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _make_hooks(self) -> None:
        for name in _HOOKS:
            self.__dict__.setdefault(name, OrderedDict())

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over state and groups, as from a copy or a file."""
        self.__dict__.update(state)
        self._make_hooks()

    # ---- groups

    def _tensors(self, given: Any) -> tuple[list[Tensor], list[str]]:
        """The parameters of a group, checked, and their names."""
        op = type(self).__name__
        if isinstance(given, set):
            raise TypeError(f"{op}: params is a set, which has no order; a list is needed.")
        items = [given] if isinstance(given, Tensor) else list(given)
        names = [p[0] for p in items if isinstance(p, tuple)]
        params = [p[1] if isinstance(p, tuple) else p for p in items]
        if names and len(names) < len(params):
            raise ValueError(f"{op}: {len(names)} of {len(params)} parameters have names; all or none may.")
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{op}: params[{i}] is {type(p).__name__}; a Tensor is needed.")
            if not (p.is_leaf or p.retains_grad or self.defaults.get("differentiable")):
                raise ValueError(
                    f"{op}: {argument(f'params[{i}]', p)}, {describe(p)}, was computed; only leaves can be "
                    "trained."
                )
        return params, names

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own; options left out are the optimizer's."""
        op = type(self).__name__
        if not isinstance(param_group, dict):
            raise TypeError(f"{op}: a parameter group is {type(param_group).__name__}; a dict is needed.")
        params, names = self._tensors(param_group["params"])
        named = bool(names) or "param_names" in param_group
        if any(("param_names" in group) != named for group in self.param_groups):
            raise ValueError(f"{op}: some groups have parameters with names; all or none may.")
        if len(set(params)) < len(params):
            say_once(f"{op}: a parameter comes twice in one group; it is updated twice in each step.")
        if not {p for group in self.param_groups for p in group["params"]}.isdisjoint(params):
            raise ValueError(f"{op}: a parameter is in more than one group; each may be in one.")
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for name, value in self.defaults.items():
            param_group.setdefault(name, value)
        self.param_groups.append(param_group)

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

    # ---- hooks

    def _register(self, what: str, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        hooks: Hooks = getattr(self, f"_optimizer_{what}_hooks")
        handle = RemovableHandle(hooks, hook)
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) before each step; it may return new (args, kwargs)."""
        return self._register("step_pre", hook)

    def register_step_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) after each step."""
        return self._register("step_post", hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., None], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer) before state_dict()."""
        return self._register("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer, state_dict) after state_dict(); it may return another one."""
        return self._register("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer, state_dict) before it is loaded; it may return another one."""
        return self._register("load_state_dict_pre", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., None], prepend: bool = False
    ) -> RemovableHandle:
        """Call hook(optimizer) after load_state_dict()."""
        return self._register("load_state_dict_post", hook, prepend)

    # ---- saving and loading

    def state_dict(self) -> dict[str, Any]:
        """State and groups with parameters as numbers, as torch writes them. Tensors are shared."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        number: dict[Tensor, int] = {}
        groups: list[dict[str, Any]] = []
        start = 0
        for group in self.param_groups:
            for i, p in enumerate(group["params"], start):
                number.setdefault(p, i)
            start += len(group["params"])
            packed = {k: v for k, v in group.items() if k != "params"}
            groups.append({**packed, "params": [number[p] for p in group["params"]]})
        state = {number[k] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state_dict of an optimizer with groups of the same sizes. Tensors are copied, in the
        dtypes of their parameters.

        Raises: ValueError if the groups differ. Nothing has changed then.
        """
        state_dict = dict(state_dict)
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        groups = deepcopy(state_dict["param_groups"])
        ours, theirs = ([len(g["params"]) for g in gs] for gs in (self.param_groups, groups))
        if ours != theirs:
            raise ValueError(
                f"load_state_dict: the groups have {theirs} parameters there and {ours} here; they must be "
                "equal."
            )
        holders: dict[Any, tuple[Tensor, dict[str, Any]]] = {}
        for mine, group in zip(self.param_groups, groups, strict=True):
            for i, p in zip(group["params"], mine["params"], strict=True):
                holders[i] = p, group
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for i, held in state_dict["state"].items():
            p, group = holders.get(i, (None, None))
            state[i if p is None else p] = held if p is None else _like(p, group, held)
        for mine, group in zip(self.param_groups, groups, strict=True):
            group["params"] = mine["params"]
            if "param_names" in mine:
                group.setdefault("param_names", mine["param_names"])
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [
                f"Parameter Group {i}",
                *[f"    {k}: {group[k]}" for k in sorted(group) if k != "params"],
                "",
            ]
        return "\n".join(lines[:-1]) + "\n)"


def _like(p: Tensor, group: Any, value: Any, key: Any = None) -> Any:
    """A copy of what a state holds, with tensors as p needs them: all but the step in its dtype."""
    if isinstance(value, Tensor):
        if key == "step":
            exact = group.get("capturable") or group.get("fused")
            return value.to(dtype=float32).clone() if exact else value.clone()
        return (value.to(dtype=p.dtype) if p.is_floating_point() else value).clone()
    if isinstance(value, dict):
        return {k: _like(p, group, v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_like(p, group, v) for v in value)
    return deepcopy(value)
