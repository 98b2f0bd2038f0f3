"""The containers, against torch: what programs that use every method write down."""

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy

import pytest

from tests.nn.programs import compare, raised

torch = pytest.importorskip("torch")


def sequential(t):
    nn = t.nn
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    named = nn.Sequential(OrderedDict(a=nn.Linear(2, 2), b=nn.Tanh()))
    log = [repr(net), repr(named), net(t.ones(4, 2)), list(named.state_dict())]
    taken = net.pop(1)
    log += [repr(taken), repr(net), repr(named.pop(slice(0, 1))), repr(named)]
    net.append(nn.ReLU()).insert(-1, nn.Tanh()).extend([nn.Sigmoid()])
    log += [repr(net), repr(net[1:3]), repr(net[-1]), len(net), [type(m).__name__ for m in net]]
    net += nn.Sequential(nn.Identity())
    log += [repr(net + nn.Sequential(nn.ReLU())), repr(net)]
    small = nn.Sequential(nn.ReLU(), nn.Tanh())
    log += [repr(small * 2), repr(2 * small)]
    small *= 3
    small[1] = nn.Sigmoid()
    del small[2:4]
    del small[-1]
    log += [repr(small), "0" in dir(small), raised(lambda: small[9]), raised(lambda: small.__add__([1]))]
    log += [
        raised(lambda: small * 0),
        raised(lambda: small * 1.5),
        raised(lambda: small.insert(9, nn.ReLU())),
    ]
    return [*log, raised(lambda: small.insert(0, 3)), raised(lambda: small.append(3)), repr(nn.Sequential())]


def module_list(t):
    nn = t.nn
    held = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU()])
    log = [repr(held), list(held.state_dict()), len(held), repr(held[0:2]), repr(held[-1])]
    held += [nn.Tanh()]
    held.append(nn.Sequential(nn.ReLU())).extend([nn.Sequential(nn.ReLU())])
    held.insert(1, nn.Sigmoid())
    log += [repr(held), repr(held + nn.ModuleList([nn.ReLU()])), repr(held.pop(2)), repr(held.pop(-1))]
    held[0] = nn.Identity()
    del held[1]
    log += [repr(held), raised(lambda: held[17]), raised(lambda: held.extend(3)), raised(lambda: held(1))]
    del held[0:2]
    log += [repr(held), repr(nn.ModuleList()), raised(lambda: held.append(3)), "0" in dir(held)]
    return [*log, repr(deepcopy(held)), [type(m).__name__ for m in reversed(list(held))]]


def module_dict(t):
    nn = t.nn
    held = nn.ModuleDict({"b": nn.Linear(2, 2), "a": nn.ReLU()})
    log = [repr(held), list(held), list(held.keys()), "a" in held, len(held), list(held.state_dict())]
    held["c"] = nn.Tanh()
    held.update([["d", nn.Sigmoid()], ("a", nn.Tanh())])
    held.update(nn.ModuleDict({"e": nn.Identity()}))
    log += [repr(held), [k for k, _ in held.items()], [repr(m) for m in held.values()], repr(held.pop("c"))]
    del held["d"]
    log += [
        repr(held),
        raised(lambda: held["x"]),
        raised(lambda: held.pop("x")),
        raised(lambda: held.update(3)),
    ]
    log += [raised(lambda: held.update([3])), raised(lambda: held.update([("a",)])), repr(nn.ModuleDict())]
    log += [raised(lambda: held.__setitem__("keys", nn.ReLU())), raised(lambda: held.__setitem__("q", 3))]
    held.clear()
    return [*log, len(held)]


def parameter_list(t):
    nn = t.nn
    held = nn.ParameterList([t.ones(2), nn.Parameter(t.zeros(1, 3)), 3])
    log = [repr(held), list(held.state_dict()), len(held), [type(p).__name__ for p in held]]
    held += [t.zeros(1)]
    held.append(t.ones(1)).extend([t.ones(4)])
    log += [repr(held), repr(held[1:4]), held[-1], repr(held[0])]
    held[0] = t.zeros(5)
    log += [held[0], raised(lambda: held[9]), raised(lambda: held.extend(t.ones(2))), raised(lambda: held())]
    return [*log, [n for n, _ in held.named_parameters()], repr(nn.ParameterList()), "0" in dir(held)]


def parameter_dict(t):
    nn = t.nn
    held = nn.ParameterDict({"b": t.ones(2), "a": nn.Parameter(t.zeros(1, 3)), "c": 3})
    log = [repr(held), list(held), list(held.state_dict()), len(held), "a" in held, list(reversed(held))]
    held.update([("d", t.ones(1)), ("b", t.zeros(1))])
    held.update(OrderedDict(z=t.ones(1), y=t.ones(1)))
    log += [repr(held), held.setdefault("w", t.ones(1)), held.get("q"), held.get("b"), list(held.keys())]
    log += [held.pop("b"), held.popitem(), repr(held.copy()), list(held.values()), list(held.items())]
    more = nn.ParameterDict({"m": t.ones(1)})
    log += [list(held | more), list(more.fromkeys(["p", "q"], t.ones(1)))]
    more |= held
    del more["m"]
    log += [
        list(more),
        raised(lambda: more["nothing"]),
        raised(lambda: more.update(3)),
        raised(lambda: more(1)),
    ]
    log += [
        raised(lambda: more.update([3])),
        raised(lambda: more.update([(1, 2, 3)])),
        raised(lambda: more[3]),
    ]
    more.clear()
    return [*log, len(more), repr(more), raised(more.popitem)]


@pytest.mark.parametrize("program", [sequential, module_list, module_dict, parameter_list, parameter_dict])
def test_as_torch(program):
    compare(program, torch)
