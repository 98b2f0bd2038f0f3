"""The lectures' rows 27 to 34: torch.autograd as the textbook presents it. Row 35 comes with more of nn."""

import inspect
import re
from typing import Any

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad.autograd import grad


def test_row_27_one_step_of_gradient_descent() -> None:
    x, y = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([2.0, 4.0, 6.0, 8.0])
    w = torch.tensor(0.0, requires_grad=True)
    loss = torch.mean((x * w - y) ** 2)
    assert loss.item() == 30
    loss.backward()
    assert repr(w.grad) == "tensor(-30.)"
    same = w
    with torch.no_grad():
        w -= 0.01 * w.grad
    assert w is same
    assert w.requires_grad
    assert w.is_leaf
    assert repr(w) == "tensor(0.3000, requires_grad=True)"
    assert repr(w.grad.zero_()) == "tensor(0.)"
    assert torch.mean((x * w - y) ** 2).item() == float(np.float32(21.675))


def arange() -> torch.Tensor:
    return torch.arange(4.0, requires_grad=True)


def test_row_28_gradient_of_a_dot_product() -> None:
    x = torch.arange(4.0)
    x.requires_grad_(True)
    assert x.grad is None
    y = 2 * torch.dot(x, x)
    assert repr(y) == "tensor(28., grad_fn=<MulBackward0>)"
    y.backward()
    assert repr(x.grad) == "tensor([ 0.,  4.,  8., 12.])"
    assert repr(x.grad == 4 * x) == "tensor([True, True, True, True])"


def test_row_29_gradients_accumulate() -> None:
    x = arange()
    (2 * torch.dot(x, x)).backward()
    x.sum().backward()
    assert x.grad.tolist() == [1, 5, 9, 13]
    x.grad.zero_()
    y = x.sum()
    y.backward()
    assert repr(x.grad) == "tensor([1., 1., 1., 1.])"


def test_row_30_backward_of_a_vector() -> None:
    x = arange()
    y = x * x
    line = inspect.currentframe().f_lineno - 1
    message = (
        "backward: `y`, a [4] tensor, is not a scalar; pass gradient= of that shape, or reduce it first "
        f"(.sum(), .mean()). It was computed by mul at test_rows_autograd.py:{line}."
    )
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        y.backward()
    assert x.grad is None
    y.backward(gradient=torch.ones(len(y)))
    assert repr(x.grad) == "tensor([0., 2., 4., 6.])"
    x.grad.zero_()
    y = x * x
    y.sum().backward()
    assert repr(x.grad) == "tensor([0., 2., 4., 6.])"


def test_row_31_detach() -> None:
    x = arange()
    y = x * x
    u = y.detach()
    assert u.requires_grad is False
    z = u * x
    z.sum().backward()
    assert (x.grad == u).all()
    assert x.grad.tolist() == [0, 1, 4, 9]
    x.grad.zero_()
    y.sum().backward()
    assert (x.grad == 2 * x).all()


def piecewise(a: torch.Tensor) -> torch.Tensor:
    b = a * 2
    while b.norm() < 1000:
        b = b * 2
    return b if b.sum() > 0 else 100 * b


@pytest.mark.parametrize("values", [0.3, -0.3, 1234.5, -2e3, [0.5, -0.25], [-3.0, 1.0, 0.125]], ids=str)
def test_row_32_control_flow(values: Any) -> None:
    a = torch.tensor(values, requires_grad=True)
    d = piecewise(a)
    d.sum().backward()
    assert (a.grad == d / a).all()
    assert a.grad.tolist() == (d / a).tolist()


def test_row_32_control_flow_on_a_random_number() -> None:
    for seed in range(20):
        torch.manual_seed(seed)
        a = torch.randn(size=(), requires_grad=True)
        d = piecewise(a)
        d.backward()
        # A power of two, which is exact, and below zero 100 times one, which d rounds.
        assert a.grad == d / a if a > 0 else a.grad.item() == pytest.approx((d / a).item(), rel=1e-6)


def test_row_33_jacobian_and_vector_jacobian_product() -> None:
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    y = torch.stack((x[0] * x[1], x[0] ** 2, 3 * x[1]))
    rows = [grad(y, x, grad_outputs=row, retain_graph=True)[0] for row in torch.eye(3)]
    assert torch.stack(rows).tolist() == [[3, 2], [4, 0], [0, 3]]
    each = [grad(y[i], x, retain_graph=True)[0] for i in range(3)]
    assert torch.equal(torch.stack(each), torch.stack(rows))
    v = torch.tensor([1.0, 10.0, 100.0])
    y.backward(v)
    assert x.grad.tolist() == [43, 302]
    assert torch.equal(x.grad, v @ torch.stack(rows))


def test_row_34_functions_and_modules() -> None:
    torch.manual_seed(5)
    values, target = torch.randn(3, 4), torch.randn(3, 4)
    for function, module in (
        (F.relu, torch.nn.ReLU()),
        (torch.relu, torch.nn.ReLU()),
        (lambda x: F.mse_loss(x, target), lambda x: torch.nn.MSELoss()(x, target)),
    ):
        x, z = (values.clone().requires_grad_() for _ in range(2))
        a, b = function(x), module(z)
        assert torch.equal(a, b)
        assert type(a.grad_fn) is type(b.grad_fn)
        a.sum().backward()
        b.sum().backward()
        assert torch.equal(x.grad, z.grad)
    assert repr(torch.nn.ReLU()) == "ReLU()"
    assert repr(torch.nn.MSELoss()) == "MSELoss()"
