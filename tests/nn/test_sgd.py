"""optim.SGD against torch's, with all options; groups, state, errors."""

import itertools

import pytest

import tapegrad as torch
from tapegrad import nn
from tapegrad.optim import SGD

OPTIONS = [
    {"momentum": m, "dampening": d, "weight_decay": wd, "nesterov": n, "maximize": x}
    for m, d, wd, n, x in itertools.product((0, 0.9), (0, 0.5), (0, 0.1), (False, True), (False, True))
    if not (n and (m == 0 or d))
]


def trajectory(lib, sgd, options, shape=(3, 2)):
    w = lib.linspace(-1.0, 1.0, 6).reshape(shape).clone().requires_grad_()
    s = lib.tensor(0.5, requires_grad=True)
    optimizer = sgd([w, s], lr=0.1, **options)
    path = []
    for _ in range(6):
        optimizer.zero_grad()
        ((w * w).sum() * s + s * s).backward()
        optimizer.step()
        path.append([*w.detach().reshape(-1).tolist(), s.item()])
    return path


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_trajectories_equal_torchs(options):
    reference = pytest.importorskip("torch")
    ours = trajectory(torch, SGD, options)
    theirs = trajectory(reference, reference.optim.SGD, options)
    for a, b in zip(ours, theirs, strict=True):
        assert a == pytest.approx(b, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_differentiable_step_is_the_same_step(options):
    plain = trajectory(torch, SGD, options)
    w = torch.linspace(-1.0, 1.0, 6).reshape(3, 2).clone().requires_grad_()
    s = torch.tensor(0.5, requires_grad=True)
    optimizer = SGD([w, s], lr=0.1, differentiable=True, **options)
    for expected in plain:
        optimizer.zero_grad()
        ((w * w).sum() * s + s * s).backward()
        with torch.no_grad():
            optimizer.step()
        assert [*w.detach().reshape(-1).tolist(), s.item()] == pytest.approx(expected, rel=1e-5)


def test_repr_and_groups():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    optimizer = SGD([{"params": model[0].parameters(), "lr": 0.5}, {"params": model[1].parameters()}], lr=0.1)
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.1]
    assert repr(optimizer).startswith("SGD (\nParameter Group 0\n    dampening: 0\n")
    optimizer.add_param_group({"params": torch.ones(1, requires_grad=True)})
    assert len(optimizer.param_groups) == 3


def test_state_dict_round_trip():
    def make():
        return torch.ones(2, requires_grad=True)

    def step(optimizer, w):
        w.grad = torch.tensor([1.0, 2.0])
        optimizer.step()

    a = make()
    first = SGD([a], lr=0.1, momentum=0.9)
    step(first, a)
    b = a.detach().clone().requires_grad_()
    second = SGD([b], lr=0.5, momentum=0.0)
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == 0.1
    step(first, a)
    step(second, b)
    assert torch.equal(a, b)
    with pytest.raises(ValueError, match="load_state_dict: the groups have"):
        SGD([make(), make()], lr=0.1).load_state_dict(first.state_dict())


def test_closure_and_parameters_without_gradient():
    w, unused = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = SGD([w, unused], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert w.item() == pytest.approx(0.8) and unused.item() == 1.0


def test_bad_arguments():
    w = torch.ones(1, requires_grad=True)
    for options, message in (
        ({"lr": -1.0}, "SGD: lr is -1.0"),
        ({"lr": 0.1, "momentum": -0.1}, "SGD: momentum"),
        ({"lr": 0.1, "nesterov": True}, "SGD: nesterov"),
    ):
        with pytest.raises(ValueError, match=message):
            SGD([w], **options)
    with pytest.raises(ValueError, match="params is empty"):
        SGD([], lr=0.1)
    with pytest.raises(TypeError, match="params is one Tensor"):
        SGD(w, lr=0.1)
    with pytest.raises(ValueError, match="only leaves can be trained"):
        SGD([w * 2], lr=0.1)
    with pytest.raises(ValueError, match="more than one group"):
        SGD([{"params": [w]}, {"params": [w]}], lr=0.1)
    with pytest.raises(TypeError, match="no order"):
        SGD([{"params": {w}}], lr=0.1)


def test_a_step_is_noticed_by_a_graph_that_saved_the_parameter():
    w = torch.ones(2, requires_grad=True)
    loss = (w * w).sum()
    w.grad = torch.ones(2)
    SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="that mul saved"):
        loss.backward()
