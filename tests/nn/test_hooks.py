"""Hooks of modules, and the rest of Module's interface, against torch."""

from __future__ import annotations

import copy
import pickle

import pytest

import tapegrad
from tests.nn.programs import compare, raised

torch = pytest.importorskip("torch")


def forward_hooks(t):
    log = []
    net = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.ReLU())
    x = t.ones(1, 2)
    first = net.register_forward_pre_hook(lambda m, args: log.append(("pre", args[0].clone())) or args[0] * 2)
    net.register_forward_pre_hook(lambda m, args: (args[0] + 1,), prepend=True)
    net.register_forward_hook(lambda m, args, out: log.append(("post", args[0], out)))
    second = net[0].register_forward_hook(lambda m, args, out: out * 10)
    log.append(net(x))
    second.remove()
    log.append(net(x))
    first.remove()
    log.append(net(x))
    return log


def hooks_with_keywords(t):
    class Net(t.nn.Module):
        def forward(self, x, *, scale=1.0):
            return x * scale

    log, net = [], Net()
    net.register_forward_pre_hook(lambda m, args, kw: (args, {"scale": 3.0}), with_kwargs=True)
    net.register_forward_hook(lambda m, args, kw, out: log.append((kw["scale"], out)), with_kwargs=True)
    log.append(net(t.ones(2), scale=2.0))
    net.register_forward_pre_hook(lambda m, args, kw: args, with_kwargs=True)
    log.append(raised(lambda: net(t.ones(2))))
    return log


def hooks_that_are_always_called(t):
    class Net(t.nn.Module):
        def forward(self, x):
            raise ValueError("no")

    log, net = [], Net()
    net.register_forward_hook(lambda m, args, out: log.append(out), always_call=True)
    net.register_forward_hook(lambda m, args, out: log.append("never"))
    net.register_forward_hook(lambda m, args, out: 1 / 0, always_call=True)
    log.append(raised(lambda: net(t.ones(2))))
    return log


def backward_hooks(t):
    class Two(t.nn.Module):
        def forward(self, x, n, y):
            return x * y, x + n

    log, net = [], Two()
    net.register_full_backward_pre_hook(lambda m, gs: log.append(("pre", *gs)))
    handle = net.register_full_backward_hook(lambda m, gi, go: log.append((*gi, *go)))
    net.register_full_backward_hook(lambda m, gi, go: tuple(None if g is None else g * 2 for g in gi))
    x, y = t.ones(2, requires_grad=True), t.full((2,), 3.0)
    a, b = net(x, 4, y)
    (a.sum() * 2 + b.sum()).backward()
    log.append(x.grad)
    handle.remove()
    net(x, 4, y)[0].sum().backward()
    log.append(x.grad)
    net(t.ones(2), 4, y.requires_grad_())[1].sum()
    return log


def backward_hooks_without_inputs(t):
    log, net = [], t.nn.Linear(2, 1)
    net.register_full_backward_hook(lambda m, gi, go: log.append((*gi, *go)))
    net(t.ones(1, 2)).sum().backward()
    log.append(net.weight.grad)
    net.register_full_backward_hook(lambda m, gi, go: (t.ones(1, 2),))
    return [*log, raised(lambda: net(t.ones(1, 2)).sum().backward())]


def backward_hooks_that_replace(t):
    log, net = [], t.nn.Tanh()
    net.register_full_backward_pre_hook(lambda m, gs: (gs[0] * 3,))
    net.register_full_backward_hook(lambda m, gi, go: log.append(go))
    x = t.zeros(2, requires_grad=True)
    net(x).sum().backward()
    log.append(x.grad)
    net.register_full_backward_hook(lambda m, gi, go: (gi[0], gi[0]))
    log += [raised(lambda: net(x).sum().backward()), raised(lambda: net.register_backward_hook(print))]
    with t.no_grad():
        log.append(net(x))
    return log


def old_backward_hooks(t):
    log, net = [], t.nn.Tanh()
    net.register_backward_hook(lambda m, gi, go: log.append((type(m).__name__, go[0])))
    x = t.zeros(2, requires_grad=True)
    net(x).sum().backward()
    return [*log, x.grad, raised(lambda: net.register_full_backward_hook(print))]


def hooks_of_all_modules(t):
    log = []
    m = t.nn.modules.module
    handles = [
        m.register_module_forward_pre_hook(lambda m, args: log.append(("pre", type(m).__name__))),
        m.register_module_forward_hook(lambda m, args, out: log.append(("post", type(m).__name__, out))),
        m.register_module_full_backward_hook(lambda m, gi, go: log.append(("back", type(m).__name__, go))),
        m.register_module_full_backward_pre_hook(lambda m, go: log.append(("back pre", type(m).__name__))),
    ]
    try:
        net = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.Tanh())
        net(t.ones(1, 2)).sum().backward()
    finally:
        for h in handles:
            h.remove()
    net(t.ones(1, 2))
    return log


class Extra:
    """A module with state besides its tensors, of either library."""

    def __new__(cls, t):
        class Counted(t.nn.Linear):
            def __init__(self):
                super().__init__(2, 2)
                self.count = 5

            def get_extra_state(self):
                return {"count": self.count}

            def set_extra_state(self, state):
                self.count = state["count"]

        return Counted()


def state_hooks(t):
    log = []
    net = t.nn.Sequential(t.nn.Linear(1, 1), Extra(t))
    net.register_state_dict_pre_hook(lambda m, prefix, keep: log.append(("save", prefix, keep)))
    net[0].register_state_dict_post_hook(lambda m, state, prefix, meta: state.update({"more": prefix}))
    state = net.state_dict()
    log += [list(state), state["1._extra_state"], list(state._metadata), state._metadata["0"]]
    net[0].register_load_state_dict_pre_hook(
        lambda m, state, prefix, meta, strict, missing, unexpected, errors: log.append((prefix, list(state)))
    )
    net.register_load_state_dict_post_hook(lambda m, keys: log.append([list(k) for k in keys]))
    net[1].count = 0
    log += [
        raised(lambda: net.load_state_dict(state)),
        net.load_state_dict(state, strict=False),
        net[1].count,
    ]
    del state["more"]
    net.load_state_dict(state)
    del state["1._extra_state"]
    return [*log, raised(lambda: net.load_state_dict(state)), raised(net[0].get_extra_state)]


def loading(t):
    class Old(t.nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *args):
            if prefix + "w" in state_dict:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
            super()._load_from_state_dict(state_dict, prefix, *args)

    net = t.nn.Sequential(Old(2, 2, bias=False))
    log = [raised(lambda: net.load_state_dict({"0.weight": 3})), raised(lambda: net.load_state_dict([]))]
    net.load_state_dict({"0.w": t.ones(2, 2)})
    log += [net[0].weight, net.load_state_dict({"0.w": t.ones(2, 2), "b": 1, "0.c.d": 2}, strict=False)]
    kept = net[0].weight
    given = t.zeros(2, 2)
    net.load_state_dict({"0.weight": given}, assign=True)
    given.add_(1)
    log += [kept is net[0].weight, net[0].weight, type(net[0].weight).__name__]
    net.register_buffer("n", t.tensor(3.0))
    net.load_state_dict({"0.weight": given, "n": t.tensor([4.0])})
    return [*log, net.n, net.state_dict(prefix="a."), list(net.state_dict(keep_vars=True).values())]


def the_rest(t):
    nn = t.nn
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1), nn.ReLU()))
    log, order = [], []
    net.apply(lambda m: order.append(type(m).__name__))
    net.set_submodule("1.1", nn.Tanh())
    net.set_submodule("1.5", nn.Sigmoid())
    net.register_buffer("kept", t.ones(1))
    net.register_buffer("passing", t.ones(1), persistent=False)
    log += [
        order,
        repr(net),
        list(net.state_dict()),
        net.get_buffer("kept").clone(),
        net.get_parameter("1.0.bias").clone(),
    ]
    log += [repr(net.get_submodule("1.0")), raised(lambda: net.get_buffer("nope")), "passing" in dir(net)]
    log += [raised(lambda: net.get_buffer("0.weight")), raised(lambda: net.get_parameter("kept"))]
    log += [raised(lambda: net.get_submodule("1.9")), raised(lambda: net.set_submodule("", nn.ReLU()))]
    log += [raised(lambda: net.set_submodule("1.9", nn.ReLU(), strict=True))]
    log += [raised(lambda: net.set_submodule("kept", nn.ReLU())), raised(lambda: net.set_submodule("0", 3))]
    log += [
        [n for n, _ in net.named_modules()],
        len(list(net.modules())),
        [n for n, _ in net.named_buffers()],
    ]
    log += [[p.dtype for p in net.double().parameters()], [b.dtype for b in net.half().buffers()]]
    log += [net.float().requires_grad_(False)[0].weight.requires_grad, net.to(dtype=t.float64).kept.dtype]
    log += [raised(lambda: net.to(t.int64)), raised(lambda: nn.Module(3)), raised(lambda: nn.Module()(1))]
    del net[0].bias
    log += [raised(lambda: net[0].bias), net.to_empty(device="cpu")[0].weight.shape == (2, 2)]
    log += [
        net.bfloat16().kept.dtype,
        net.cpu() is net,
        net.type(t.float32).kept.dtype,
        net.eval()[1].training,
    ]
    return log


class Frozen:
    """A module whose training mode its own method decides, of either library."""

    def __new__(cls, t):
        class Stays(t.nn.Linear):
            def train(self, mode=True):
                return super().train(False)

        return Stays(1, 1)


def own_train(t):
    net = t.nn.Sequential(Frozen(t), t.nn.ReLU())
    return [net.train()[0].training, net[1].training, net.eval().training]


def copies(t):
    net = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.ReLU())
    net.register_buffer("n", t.ones(1), persistent=False)
    log = []
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        with t.no_grad():
            twin[0].weight.add_(1)
        log += [repr(twin), twin[0].weight - net[0].weight, list(twin.state_dict()), twin.n]
    shallow = copy.copy(net)
    return [*log, shallow[0] is net[0]]


PROGRAMS = [
    *(forward_hooks, hooks_with_keywords, hooks_that_are_always_called, backward_hooks, old_backward_hooks),
    *(backward_hooks_without_inputs, backward_hooks_that_replace, hooks_of_all_modules, state_hooks, loading),
    *(the_rest, own_train, copies),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_as_torch(program):
    compare(program, torch)


def test_what_torchs_modules_have_is_here():
    absent = {"T_destination", "dump_patches", "ipu", "mtia", "share_memory", "xpu"}  # bound to devices
    public = {n for n in dir(torch.nn.Module) if not n.startswith("_")}
    assert public - set(dir(tapegrad.nn.Module)) == absent


def test_a_state_that_does_not_fit_changes_nothing_below_either():
    net = tapegrad.nn.Sequential(tapegrad.nn.Linear(1, 1), tapegrad.nn.Linear(1, 1))
    before = copy.deepcopy(net.state_dict())
    state = {k: v + 1 for k, v in before.items()}
    state["1.bias"] = tapegrad.zeros(3)
    with pytest.raises(RuntimeError, match=r"1.bias is \[3\] there and \[1\] here"):
        net.load_state_dict(state)
    assert all(tapegrad.equal(v, before[k]) for k, v in net.state_dict().items())
