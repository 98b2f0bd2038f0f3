"""Modules as functions of their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tapegrad import ops
from tapegrad.tensor import Tensor


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) with other tensors in place of parameters and buffers, by their names; the
    module is as before afterwards. If one dictionary is given, it then has what the module assigned to them.

    tie_weights: a tensor that the module uses under two names is replaced under both. strict: every name must
    be given. Raises: RuntimeError for names that the module lacks (strict), ValueError for the same name in
    two dictionaries, or what is no dictionary. Source: torch.func.functional_call.
    """
    own = _merged(parameter_and_buffer_dicts)
    places = _places(module)
    given = _tied(own, places) if tie_weights else own
    if strict:
        unknown, missing = sorted(set(given) - set(places)), sorted(set(places) - set(given))
        if unknown or missing:
            raise RuntimeError(f"functional_call: unknown are {unknown} and missing {missing}; none may be.")
    inputs = () if args is None else args if isinstance(args, tuple) else (args,)
    before = []
    try:
        for name, value in given.items():
            if name not in places:
                module.get_submodule(name.rpartition(".")[0])
                continue
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(f"functional_call: {name} is {type(value).__name__}; a Tensor is needed.")
            holder, key = places[name]
            before.append((holder, key, holder[key]))
            holder[key] = value
        return module(*inputs, **(kwargs or {}))
    finally:
        own |= {name: places[name][0].get(places[name][1]) for name in own if name in places}
        for holder, key, value in reversed(before):
            holder[key] = value


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let batch norms in a module, which it returns, forget their running statistics for good: inside vmap
    these could not be written."""
    for module in root.modules():
        if getattr(module, "track_running_stats", False) and hasattr(module, "num_batches_tracked"):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def _merged(dicts: Any) -> dict[str, Any]:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, (tuple, list)) or not all(isinstance(d, dict) for d in dicts):
        raise ValueError(
            f"functional_call: parameter_and_buffer_dicts is {type(dicts).__name__}; a dictionary of "
            "tensors by name, or a tuple of some, is needed."
        )
    found: dict[str, Any] = {}
    for d in dicts:
        if repeated := sorted(set(d) & set(found)):
            raise ValueError(
                f"functional_call: {repeated} come in two dictionaries; each name may come once."
            )
        found |= d
    return found


def _places(module: Any) -> dict[str, tuple[dict[str, Any], str]]:
    """For every parameter and buffer by its name, the dictionary that holds it and its key there."""
    found = {}
    for prefix, m in module.named_modules(remove_duplicate=False):
        for holder in (m._parameters, m._buffers):
            for key in holder:
                found[f"{prefix}.{key}" if prefix else key] = (holder, key)
    return found


def _tied(given: dict[str, Any], places: dict[str, tuple[dict[str, Any], str]]) -> dict[str, Any]:
    """With the other names of the tensors that are replaced."""
    names: dict[int, list[str]] = {}
    for name, (holder, key) in places.items():
        if holder[key] is not None:
            names.setdefault(id(holder[key]), []).append(name)
    found = dict(given)
    for same in names.values():
        chosen = [given[n] for n in same if n in given]
        if not chosen:
            continue
        if any(x is not chosen[0] for x in chosen[1:]):
            raise ValueError(f"functional_call: {same} are one tensor in the module; give them one value.")
        found |= dict.fromkeys(same, chosen[0])
    return found


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(parameters, buffers) of several modules of one class, each stacked along a new first dimension: for
    vmap over functional_call.

    Raises: RuntimeError for no module, different classes, or different modes. Source:
    torch.func.stack_module_state.
    """
    if not models:
        raise RuntimeError("stack_module_state: no module is given; at least one is needed.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: some modules train and some do not; call train() or eval() on all."
        )
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: the modules are of different classes; one class is needed.")
    parameters = {
        name: _stacked(name, [dict(m.named_parameters())[name] for m in models])
        for name, _ in models[0].named_parameters()
    }
    buffers = {
        name: _stacked(name, [dict(m.named_buffers())[name] for m in models])
        for name, _ in models[0].named_buffers()
    }
    return parameters, buffers


def _stacked(name: str, tensors: Sequence[Any]) -> Any:
    stacked = ops.stack([t.detach() for t in tensors])
    needs = {t.requires_grad for t in tensors}
    if len(needs) > 1:
        raise RuntimeError(
            f"stack_module_state: {name} requires grad in some modules and not in all; it must be the same."
        )
    return stacked.requires_grad_() if needs == {True} else stacked
