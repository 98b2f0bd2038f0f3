"""nn.Module: registration, walking, state, text."""

from collections import OrderedDict
from copy import deepcopy

import pytest

import tapegrad as torch
from tapegrad import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.act = nn.ReLU()
        self.rest = nn.Sequential(nn.Linear(3, 3), nn.Sigmoid(), nn.Linear(3, 1, bias=False))
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x):
        return self.rest(self.act(self.first(x))) * self.scale


def test_names_and_order():
    net = Net()
    names = ["scale", "first.weight", "first.bias", "rest.0.weight", "rest.0.bias", "rest.2.weight"]
    assert [n for n, _ in net.named_parameters()] == names
    assert [n for n, _ in net.named_modules()] == ["", "first", "act", "rest", "rest.0", "rest.1", "rest.2"]
    assert [n for n, _ in net.named_children()] == ["first", "act", "rest"]
    assert [n for n, _ in net.named_buffers()] == ["count"]
    assert list(net.state_dict()) == ["scale", "count", *names[1:]]
    assert net.get_submodule("rest.0") is net.rest[0] and net.get_parameter("first.bias") is net.first.bias


def test_a_shared_parameter_comes_once():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]


def test_repr():
    assert repr(Net()) == (
        "Net(\n  (first): Linear(in_features=2, out_features=3, bias=True)\n  (act): ReLU()\n  (rest): "
        "Sequential(\n    (0): Linear(in_features=3, out_features=3, bias=True)\n    (1): Sigmoid()\n    "
        "(2): Linear(in_features=3, out_features=1, bias=False)\n  )\n)"
    )


def test_modes_apply_and_zero_grad():
    net = Net()
    assert (
        net.training and not net.eval().training and not net.rest[1].training and net.train().rest[1].training
    )
    seen = []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen[-1] == "Net" and len(seen) == 7
    net(torch.ones(4, 2)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert net.scale.grad.tolist() == [0.0]
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_conversion_keeps_the_parameters():
    net = Net()
    before = list(net.parameters())
    net.double()
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert net.first.weight.dtype is torch.float64 and net.count.dtype is torch.float64
    assert net(torch.ones(1, 2, dtype=torch.float64)).dtype is torch.float64
    assert net.to(torch.float32).scale.dtype is torch.float32


def test_load_state_dict_copies_and_checks_first():
    a, b = Net(), Net()
    weight = b.first.weight
    assert repr(b.load_state_dict(a.state_dict())) == "<All keys matched successfully>"
    assert b.first.weight is weight and torch.equal(a.first.weight, b.first.weight)
    state = a.state_dict()
    state["first.weight"] = torch.zeros(5, 5)
    state["extra"] = torch.zeros(1)
    del state["scale"]
    kept = b.rest[0].weight.clone()
    with torch.no_grad():
        a.rest[0].weight.add_(1)
    with pytest.raises(
        RuntimeError,
        match=r"first.weight is \[5, 5\] there and \[3, 2\] here; missing: scale; unexpected: extra",
    ):
        b.load_state_dict(state)
    assert torch.equal(b.rest[0].weight, kept)
    del state["first.weight"]
    keys = b.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["scale", "first.weight"] and keys.unexpected_keys == ["extra"]
    assert torch.equal(b.rest[0].weight, a.rest[0].weight)


def test_state_dict_shares_memory():
    net = Net()
    net.state_dict()["scale"].zero_()
    assert net.scale.item() == 0.0


def test_what_cannot_be_registered():
    net = Net()
    with pytest.raises(TypeError, match="scale is a parameter and cannot become"):
        net.scale = torch.ones(1)
    with pytest.raises(KeyError, match="exists already"):
        net.register_parameter("forward", nn.Parameter(torch.ones(1)))
    with pytest.raises(KeyError, match="dot"):
        net.register_buffer("a.b", torch.ones(1))
    with pytest.raises(TypeError, match=r"an nn\.Module or None"):
        net.add_module("x", 3)

    class Early(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(torch.ones(1))

    with pytest.raises(AttributeError, match="before super"):
        Early()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        net.nothing  # noqa: B018 # for its exception
    net.scale = None
    assert net.scale is None and "scale" not in dict(net.named_parameters())


def test_sequential():
    net = nn.Sequential(OrderedDict(a=nn.Linear(2, 2), b=nn.Tanh()))
    assert list(net.state_dict()) == ["a.weight", "a.bias"] and len(net) == 2 and net[-1] is net.b
    net = nn.Sequential(nn.Linear(1, 1))
    net.append(nn.Tanh()).insert(0, nn.ReLU())
    assert [type(m).__name__ for m in net] == ["ReLU", "Linear", "Tanh"] and len(net[1:]) == 2
    del net[0]
    assert [n for n, _ in net.named_children()] == ["0", "1"]
    with pytest.raises(IndexError):
        net[5]


def test_parameter_is_a_tensor_and_shares_memory():
    data = torch.zeros(2)
    p = nn.Parameter(data)
    assert isinstance(p, torch.Tensor) and type(p) is nn.Parameter and p.requires_grad and p.is_leaf
    with torch.no_grad():
        p.add_(1)
    assert data.tolist() == [1.0, 1.0]
    assert repr(p) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert type(p * 2) is torch.Tensor


def test_a_module_does_not_take_a_parameters_place():
    net = Net()
    with pytest.raises(TypeError, match="scale is a parameter"):
        net.scale = nn.Linear(1, 1)
    assert isinstance(net.scale, nn.Parameter)


def test_who_is_assigned_again_keeps_its_place():
    net = nn.Module()
    net.a, net.b = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    net.a = None
    net.a = nn.Parameter(torch.zeros(1))
    assert list(net.state_dict()) == ["a", "b"]


def test_integers_cannot_be_trained():
    with pytest.raises(RuntimeError, match=r"Parameter: int64\[2\] is given; only floating point"):
        nn.Parameter(torch.tensor([1, 2]))
    assert not nn.Parameter(torch.tensor([1, 2]), requires_grad=False).requires_grad


def test_a_deep_copy_has_no_gradient():
    layer = nn.Linear(2, 1)
    layer(torch.ones(1, 2)).sum().backward()
    twin = deepcopy(layer)
    assert twin.weight.grad is None and layer.weight.grad is not None
    assert twin.weight.tolist() == layer.weight.tolist() and twin.weight is not layer.weight
