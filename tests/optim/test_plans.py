"""A step that is like the one before is not checked anew: what may change between them is noticed."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.kernels import optim

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "named": lambda ps: torch.optim.Adam([(f"p{i}", p) for i, p in enumerate(ps)], lr=0.1),
    "sgd": lambda ps: torch.optim.SGD(ps, lr=0.1),
    "momentum": lambda ps: torch.optim.SGD(ps, lr=0.1, momentum=0.9),
    "adam": lambda ps: torch.optim.Adam(ps, lr=0.1),
    "nadam": lambda ps: torch.optim.NAdam(ps, lr=0.1),
    "rmsprop": lambda ps: torch.optim.RMSprop(ps, lr=0.1, momentum=0.5, centered=True),
    "asgd": lambda ps: torch.optim.ASGD(ps, lr=0.1, t0=2),
    "radam": lambda ps: torch.optim.RAdam(ps, lr=0.1),
}


def _replaced_state(o: Any, ps: Any) -> None:
    for held in o.state.values():
        for name, value in held.items():
            held[name] = value * 2 + 1


def _rewritten_state(o: Any, ps: Any) -> None:
    for held in o.state.values():
        for value in held.values():
            value.mul_(2).add_(1)


def _one_count(o: Any, ps: Any) -> None:
    if "step" in o.state[ps[1]]:
        o.state[ps[1]]["step"] = torch.tensor(7.0)


def _data(o: Any, ps: Any) -> None:
    ps[0].data = ps[0].data * 2


def _other_dtype(o: Any, ps: Any) -> None:
    ps[1].data = ps[1].data.double()
    ps[1].grad = torch.ones(3, dtype=torch.float64)
    o.state.pop(ps[1], None)


def _other_shape(o: Any, ps: Any) -> None:
    ps[1].data = torch.ones(4)
    ps[1].grad = torch.ones(4)
    o.state.pop(ps[1], None)


def _no_gradient(o: Any, ps: Any) -> None:
    ps[1].grad = None


def _turned_gradient(o: Any, ps: Any) -> None:
    ps[0].grad = torch.arange(6.0).view(3, 2).t()


def _shared_gradient(o: Any, ps: Any) -> None:
    ps[0].grad = ps[0].data  # the same memory


def _frozen(o: Any, ps: Any) -> None:
    ps[0].requires_grad_(False)


def _exchanged(o: Any, ps: Any) -> None:
    o.param_groups[0]["params"].reverse()


def _another(o: Any, ps: Any) -> None:
    p = torch.ones(3, requires_grad=True)
    p.grad = torch.ones(3)
    o.param_groups[0]["params"][1] = p
    ps.append(p)


def _more(o: Any, ps: Any) -> None:
    p = torch.ones(5, requires_grad=True)
    p.grad = torch.ones(5)
    o.add_param_group({"params": [("more", p) if "param_names" in o.param_groups[0] else p]})
    ps.append(p)


def _fewer(o: Any, ps: Any) -> None:
    del o.param_groups[0]["params"][0]


def _loaded(o: Any, ps: Any) -> None:
    o.load_state_dict(copy.deepcopy(o.state_dict()))


def _option(**options: Any) -> Callable[[Any, Any], None]:
    def change(o: Any, ps: Any) -> None:
        o.param_groups[0].update({k: v for k, v in options.items() if k in o.param_groups[0]})

    return change


def _changed_list(o: Any, ps: Any) -> None:
    if "betas" in o.param_groups[0]:
        o.param_groups[0]["betas"] = o.kept = getattr(o, "kept", [0.8, 0.9])
        o.kept[0] /= 2


CHANGES: dict[str, Callable[[Any, Any], None]] = {
    "nothing": lambda o, ps: None,
    "state replaced": _replaced_state,
    "state rewritten": _rewritten_state,
    "state cleared": lambda o, ps: o.state.clear(),
    "one count": _one_count,
    "data": _data,
    "dtype": _other_dtype,
    "shape": _other_shape,
    "no gradient": _no_gradient,
    "turned gradient": _turned_gradient,
    "shared gradient": _shared_gradient,
    "frozen": _frozen,
    "exchanged": _exchanged,
    "another": _another,
    "more": _more,
    "fewer": _fewer,
    "loaded": _loaded,
    "lr": _option(lr=0.01),
    "lr as a tensor": _option(lr=torch.tensor(0.03)),
    "betas": _option(betas=(0.5, 0.6)),
    "a list of betas": _changed_list,
    "amsgrad": _option(amsgrad=True),
    "no momentum": _option(momentum=0, centered=False),
    "decay": _option(weight_decay=0.1),
    "maximize": _option(maximize=True),
}


def _trained(make: Callable[[Any], Any], change: Callable[[Any, Any], None], plans: bool) -> list[Any]:
    torch.manual_seed(0)
    ps = [torch.randn(2, 3, requires_grad=True), torch.randn(3, requires_grad=True)]
    ps += [torch.randn(2, requires_grad=True)]
    o = make(ps[:])
    used = 0
    for k in range(9):
        for i, p in enumerate(ps):
            p.grad = torch.full_like(p, 0.1 * (i + 1)) * (k + 1) if i != 2 else None  # one that is not used
        if k in (4, 6):
            with torch.no_grad():
                change(o, ps)
        if not plans:
            o._plans.clear()
        used += bool(o._plans)
        o.step()
    assert used >= 3 * plans
    state = [[t.tolist() for t in o.state[p].values()] for p in ps if p in o.state]
    return [[p.tolist() for p in ps], state]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_with_a_plan_are_those_without(name: str, change: str) -> None:
    with_plans, without = (_trained(OPTIMIZERS[name], CHANGES[change], plans) for plans in (True, False))
    assert repr(with_plans) == repr(without)  # nan, too


def _step(o: Any, *ps: Any, times: int = 1) -> None:
    """Steps with gradients of ones."""
    for _ in range(times):
        for p in ps:
            p.grad = torch.ones_like(p)
        o.step()


def test_groups_of_equal_options_have_their_own_schedules() -> None:
    def end(first: float, then: float) -> float:
        a, b = (torch.zeros(1, requires_grad=True) for _ in range(2))
        o = torch.optim.Adam([{"params": [a] * 1, "lr": first}, {"params": [b], "lr": 0.1}])
        for k in range(6):
            a.grad, b.grad = torch.ones(1), torch.ones(1)
            o.param_groups[0]["lr"] = first if k < 3 else then
            o.step()
        return b.item()

    assert end(0.1, 0.001) == end(0.1, 0.1) == end(0.5, 0.2)


def test_a_rate_of_a_tensor_is_rounded_as_ever() -> None:
    """Equal options of two types are two: the second must not get what was kept for the first."""

    def end(lr: Any) -> list[float]:
        p = torch.ones(3, requires_grad=True)
        o = torch.optim.Adam([p], lr=lr)
        for k in range(5):
            p.grad = torch.tensor([0.1, 0.7, 3.0]) * (k + 1)
            o.step()
        return p.tolist()

    kept = optim._kept
    kept.clear()
    as_tensor = end(torch.tensor(0.5))
    kept.clear()
    as_float = end(0.5)
    assert end(torch.tensor(0.5)) == as_tensor
    assert end(0.5) == as_float
    assert len(kept) == 2


def test_what_must_not_be_written_is_refused_whole() -> None:
    ps = [torch.ones(3, requires_grad=True) for _ in range(2)]
    o = torch.optim.Adam(ps, lr=0.1)
    _step(o, *ps, times=2)
    before = [p.tolist() for p in ps], [t.tolist() for p in ps for t in o.state[p].values()]
    array = ps[1].detach().numpy()
    array = array if array.base is None else array.base
    array.flags.writeable = False
    try:
        with pytest.raises((RuntimeError, ValueError)):
            o.step()
    finally:
        array.flags.writeable = True
    assert before == ([p.tolist() for p in ps], [t.tolist() for p in ps for t in o.state[p].values()])
    o.step()
    assert ps[0].tolist() == ps[1].tolist()


def test_a_group_that_is_differentiable_now() -> None:
    p = torch.ones(3, requires_grad=True)
    o = torch.optim.Adam([p])
    _step(o, p, times=2)
    o.param_groups[0]["differentiable"] = True
    with pytest.raises(RuntimeError, match="leaf"):
        o.step()


def test_a_step_makes_saved_values_stale() -> None:
    w = torch.ones(3, requires_grad=True)
    o = torch.optim.SGD([w], lr=0.1)
    _step(o, w, times=3)
    version = w._version
    y = (w * w).sum()
    w.grad = torch.ones(3)
    o.step()
    assert w._version == version + 1
    with pytest.raises(RuntimeError, match="in place"):
        y.backward()
    view = w.detach()[:2]
    seen = view._version
    o.step()
    assert view._version == seen + 1


def test_no_array_lives_longer_for_a_plan() -> None:
    w = torch.ones(1000, requires_grad=True)
    o = torch.optim.Adam([w])
    _step(o, w, times=3)
    gradient, old = weakref.ref(w.grad._a), weakref.ref(w._a)
    w.grad = None
    w.data = torch.zeros(1000)
    state = weakref.ref(o.state[w]["exp_avg"]._a)
    o.state[w]["exp_avg"].data = torch.zeros(1000)
    gc.collect()
    assert gradient() is old() is state() is None
    w.grad = torch.ones(1000)
    o.step()
    assert np.isfinite(w.detach().numpy()).all()


def test_copies_have_no_plan() -> None:
    w = torch.ones(3, requires_grad=True)
    o = torch.optim.Adam([w])
    _step(o, w, times=2)
    other = copy.deepcopy(o)
    assert o._plans
    assert not other._plans
    (v,) = other.param_groups[0]["params"]
    v.grad = torch.ones(3)
    other.step()
    assert w.tolist() != v.tolist()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_plan_serves_until_something_changes(name: str) -> None:
    w = torch.ones(3, requires_grad=True)
    o = OPTIMIZERS[name]([w])
    plans = []
    for _ in range(6):
        _step(o, w)
        plans.append(o._plans.get(0))
    assert plans[2] is plans[-1] is not None
    w.data = torch.ones(3)
    o.step()
    assert o._plans[0] is not plans[-1]
