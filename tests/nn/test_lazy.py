"""Lazy modules, against torch."""

from __future__ import annotations

import copy
import pickle

import pytest

import tapegrad
from tests.nn.programs import compare, raised

torch = pytest.importorskip("torch")

MADE = (
    ("LazyLinear", (2,), {}, (2, 3)),
    ("LazyLinear", (2,), {"bias": False}, (2, 4, 3)),
    ("LazyConv1d", (2, 3), {}, (2, 4, 6)),
    ("LazyConv2d", (4, 3), {"padding": 1, "groups": 2}, (2, 4, 6, 5)),
    ("LazyConv3d", (2, 2), {"bias": False}, (4, 3, 3, 3)),
    ("LazyConvTranspose1d", (2, 3), {}, (2, 4, 6)),
    ("LazyConvTranspose2d", (2, 3, 2), {"bias": False}, (2, 4, 3, 3)),
    ("LazyConvTranspose3d", (2, 2), {}, (1, 4, 3, 3, 3)),
    ("LazyBatchNorm1d", (), {}, (3, 4)),
    ("LazyBatchNorm2d", (), {"momentum": 0.3}, (3, 4, 2, 2)),
    ("LazyBatchNorm3d", (), {"affine": False}, (3, 4, 2, 2, 2)),
    ("LazyInstanceNorm1d", (), {"bias": False}, (3, 4, 3)),
    ("LazyInstanceNorm2d", (), {"track_running_stats": False}, (3, 4, 3, 2)),
    ("LazyInstanceNorm3d", (), {}, (3, 4, 2, 2, 2)),
)


@pytest.mark.parametrize(
    ("name", "args", "how", "shape"), MADE, ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_one(name, args, how, shape):
    def program(t):
        net = getattr(t.nn, name)(*args, **how)
        log = [repr(net), list(net.state_dict()), net.has_uninitialized_params()]
        x = t.randn(*shape, requires_grad=True)
        y = net(x)
        (y * y).sum().backward()
        log += [
            repr(net),
            type(net).__name__,
            y,
            dict(net.state_dict()),
            [p.grad for p in net.parameters()],
            x.grad,
        ]
        return [*log, net(x)]

    compare(program, torch)


def life(t):
    net, full = t.nn.LazyLinear(4), t.nn.Linear(3, 4)
    w = net.weight
    log = [
        repr(w),
        w.requires_grad,
        w.is_leaf,
        w.dtype,
        isinstance(w, t.nn.Parameter),
        net.has_uninitialized_params(),
    ]
    log += [raised(lambda: w + 1), raised(lambda: w.shape), raised(w.numel), raised(lambda: t.relu(w))]
    log += [raised(lambda: full.load_state_dict(net.state_dict())), full.weight]
    twin = t.nn.LazyLinear(4)
    log += [str(twin.load_state_dict(net.state_dict())), repr(twin), repr(copy.deepcopy(net))]
    log += [repr(pickle.loads(pickle.dumps(net)).weight)]
    opt = t.optim.SGD(net.parameters(), lr=0.1)
    net.double()
    log += [net.weight.dtype, net(t.ones(2, 3).double()), net.weight is w, type(w).__name__]
    net(t.ones(2, 3).double()).sum().backward()
    opt.step()
    log += [dict(net.state_dict())]
    twin.load_state_dict(full.state_dict())
    log += [repr(twin), twin.weight, twin(t.ones(1, 3)), repr(twin)]
    loaded = t.nn.LazyLinear(4)
    loaded.load_state_dict(full.state_dict())
    log += [raised(lambda: loaded(t.ones(1, 2)))]
    log += [raised(lambda: t.nn.LazyConv2d(3, 3)(t.ones(5, 5)))]
    return [*log, raised(lambda: t.nn.LazyBatchNorm2d()(t.ones(2, 2)))]


def buffers(t):
    net = t.nn.Linear(1, 1)
    net.a = t.nn.Buffer(t.ones(2))
    net.b = t.nn.Buffer(t.zeros(1), persistent=False)
    net.c = t.ones(1)
    log = [[n for n, _ in net.named_buffers()], list(net.state_dict()), isinstance(net.a, t.nn.Buffer)]
    log += [isinstance(net.c, t.nn.Buffer), type(net.a) is t.Tensor, net.a, repr(t.nn.UninitializedBuffer())]
    net.a = t.zeros(3)
    return [*log, dict(net.named_buffers()), net.a.requires_grad, t.nn.Buffer()]


def own_module(t):
    class Lazy(t.nn.modules.lazy.LazyModuleMixin, t.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = t.nn.UninitializedParameter()
            self.shift = t.nn.UninitializedBuffer(dtype=t.float64)

        def initialize_parameters(self, x):
            self.scale.materialize((x.shape[-1],))
            self.scale.data.fill_(2.0)
            if x.shape[-1] > 1:
                self.shift.materialize((1,))
                self.shift.fill_(0.5)

        def forward(self, x):
            return x * self.scale + self.shift

    net = Lazy()
    log = [
        [n for n, _ in net.named_parameters()],
        [n for n, _ in net.named_buffers()],
        raised(lambda: Lazy()(t.ones(1))),
    ]
    log += [net(t.ones(2)), net(t.ones(2)), type(net).__name__, type(net.scale).__name__, net.shift]
    bare = t.nn.modules.lazy.LazyModuleMixin
    return [*log, raised(lambda: type("Bare", (bare, t.nn.Module), {})()(t.ones(1)))]


@pytest.mark.parametrize("program", [life, buffers, own_module])
def test_as_torch(program):
    compare(program, torch)


def test_a_network_of_them_trains():
    t = tapegrad
    net = t.nn.Sequential(t.nn.LazyConv2d(3, 3), t.nn.LazyBatchNorm2d(), t.nn.Flatten(), t.nn.LazyLinear(2))
    assert net(t.ones(2, 1, 5, 5)).shape == (2, 2)
    assert [type(m).__name__ for m in net] == ["Conv2d", "BatchNorm2d", "Flatten", "Linear"]
    with pytest.raises(ValueError, match="its shape is not known yet; call the module once"):
        t.nn.LazyLinear(2).weight.sum()
