"""The answer within two seconds: does the core work? `make test` runs it once more without machine code."""

from __future__ import annotations

import re

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.autograd import grad


def test_the_worked_example():
    x, w, b = (
        torch.tensor([3.0]),
        torch.tensor([2.0], requires_grad=True),
        torch.tensor([1.0], requires_grad=True),
    )
    a = torch.relu(w * x + b)
    assert repr(a) == "tensor([7.], grad_fn=<ReluBackward0>)"
    assert repr(grad(a, w, retain_graph=True)) == "(tensor([3.]),)"
    assert repr(grad(a, b)) == "(tensor([1.]),)"
    with pytest.raises(RuntimeError, match=r"already used and freed \(by test_tiny\.py:\d+\)"):
        grad(a, w)


def test_every_kind_of_op_has_the_gradient_of_finite_differences():
    def f(x: torch.Tensor) -> torch.Tensor:
        y = (x @ x.T).tanh() / (x * x + 1).sum(0)
        return (
            F.cross_entropy(y[[0, 2, 0]], torch.tensor([0, 1, 2]))
            + y.std(0).prod()
            + torch.cat([y, x]).norm()
        )

    at = torch.tensor([[0.3, -0.4, 0.9], [1.2, 0.1, -0.8], [0.2, 0.5, 0.7]], dtype=torch.float64)
    x = at.clone().requires_grad_()
    (g,) = grad(f(x), x)
    for i in range(3):
        for j in range(3):
            step = torch.zeros(3, 3, dtype=torch.float64)
            step[i, j] = 1e-6
            assert float(g[i, j]) == pytest.approx(float(f(at + step) - f(at - step)) / 2e-6, abs=1e-8)


def test_the_third_derivative():
    x = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
    y = x**5
    for _ in range(3):
        (y,) = grad(y, x, create_graph=True)
    assert y.item() == 60 * 1.5**2


def test_writes_and_views():
    x = torch.arange(4.0, requires_grad=True)
    y = x * 2
    row = y[1:3]
    y.mul_(10)
    row += 1
    (row * row).sum().backward()
    assert x.grad.tolist() == [0.0, 2 * 21 * 20, 2 * 41 * 20, 0.0]
    z = x.exp()
    z += 1
    with pytest.raises(RuntimeError, match=r"exp backward: .* written in place at test_tiny\.py:\d+"):
        z.sum().backward()
    with pytest.raises(RuntimeError, match=re.escape("a leaf Tensor[4] that requires grad")):
        x += 1


def test_a_network_learns_and_keeps_no_graph():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    assert model[0].weight[0].tolist() == [-0.005293981172144413, 0.37932288646698]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    X = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    for _ in range(300):
        loss = F.mse_loss(model(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-2
    with torch.no_grad():
        assert model(X).grad_fn is None


def test_numpy_shares_memory():
    a = np.zeros(3, "f4")
    t = torch.from_numpy(a)
    t += 1
    assert a.tolist() == t.numpy().tolist() == [1, 1, 1]
