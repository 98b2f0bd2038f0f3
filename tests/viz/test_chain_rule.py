"""explain: the chain rule written out, checked against autograd and finite differences."""

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.viz import chain_rule


def test_one_path_as_the_lecture_writes_it(capsys):
    x = torch.tensor([3.0])
    w = torch.tensor([2.0], requires_grad=True)
    b = torch.tensor([1.0], requires_grad=True)
    u = w * x
    v = u + b
    a = torch.relu(v)
    torch.explain(a, w)
    text = capsys.readouterr().out
    assert "path 1: a <- v <- u <- w" in text
    assert "da/dv = 1" in text and "dv/du = 1" in text and "du/dw = 3" in text
    assert "product: 1 * 1 * 3 = 3" in text and "finite difference: 3.000000" in text
    assert a.requires_grad and w.grad is None and b.grad is None


def test_a_shared_weight_adds_its_paths():
    x = torch.tensor([1.5])
    w = torch.tensor([0.5], requires_grad=True)
    h1 = torch.sigmoid(w * x)
    h2 = torch.tanh(w * 2.0)
    loss = (h1 * h2).sum()
    rule = chain_rule(loss, w)
    assert rule.count == len(rule.paths) == 2
    products = [float(p.product.item()) for p in rule.paths]
    loss.backward()
    assert sum(products) == pytest.approx(w.grad.item(), rel=1e-6)
    assert rule.checked.item() == pytest.approx(w.grad.item(), rel=1e-5)
    for path in rule.paths:
        # the locals of the scalar steps multiply to the product
        assert np.prod([d for d in path.locals if d is not None]) == pytest.approx(
            path.product.item(), rel=1e-5
        )


def test_all_paths_of_a_network_with_two_hidden_layers():
    torch.manual_seed(1)
    x = [torch.tensor(v) for v in (0.3, -0.8)]
    layers = [
        [[torch.randn(()).requires_grad_() for _ in range(n)] for _ in range(m)]
        for n, m in ((2, 2), (2, 2), (2, 1))
    ]
    h = x
    for layer in layers:
        h = [torch.tanh(sum((w * v for w, v in zip(ws, h, strict=True)), torch.tensor(0.0))) for ws in layer]
    loss = (h[0] - 1.0) ** 2
    w = layers[0][0][1]
    rule = chain_rule(loss, w)
    assert rule.count == 2, "through both units of the second hidden layer"
    loss.backward()
    assert rule.total.item() == pytest.approx(w.grad.item(), rel=1e-6)
    assert rule.checked.item() == pytest.approx(w.grad.item(), rel=1e-4)


def test_vector_steps_and_modules():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    loss = (model(torch.ones(4, 2)) ** 2).mean()
    weight = model[0].weight
    rule = chain_rule(loss, weight)
    loss.backward()
    assert np.allclose(rule.total, weight.grad.numpy(), rtol=1e-5)
    assert np.allclose(rule.checked, weight.grad.numpy(), rtol=1e-4)
    assert "rule" in str(rule) and "0.weight" in str(rule)


def test_many_paths_are_counted_and_not_listed():
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(40):
        y = y + y
    rule = chain_rule(y, x)
    assert rule.count == 2**40 and len(rule.paths) == 200 and float(rule.total) == 2.0**40
    assert f"{2**40} paths in all" in str(rule)


def test_after_backward_and_in_place_and_on_views():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    y[0] = 5.0
    loss = (y * y).sum()
    loss.backward()
    rule = chain_rule(loss, x)
    assert rule.total.tolist() == x.grad.tolist()


def test_what_cannot_be_explained():
    x = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"explain: a is \[3\]; a single number is needed"):
        chain_rule(x * 2, x)
    with pytest.raises(RuntimeError, match="explain: a does not depend on this"):
        chain_rule((x * 2).sum(), torch.ones(1, requires_grad=True))
    big = torch.ones(100, requires_grad=True)
    loss = (big * big).sum()
    assert "not possible" in str(chain_rule(loss, big))
    loss.backward()
    with pytest.raises(RuntimeError, match=r"explain: a backward freed the graph, .* mul .* is too large"):
        chain_rule(loss, big)


def test_an_overwritten_array_is_not_called_too_large():
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    loss = (y * y).sum()
    y += 1
    with pytest.raises(RuntimeError, match=r"explain: an array that mul .* saved was written in place"):
        chain_rule(loss, x)


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_a_tensor_by_itself(shape):
    x = torch.full(shape, 3.0, requires_grad=True)
    a = x * 2
    rule = chain_rule(a, a)
    assert rule.count == len(rule.paths) == 1 and rule.paths[0].steps == []
    assert rule.total.item() == 1 and rule.checked.item() == pytest.approx(1)
    text = str(rule)
    assert "path 1: a\n  product: 1\n" in text and "sum over 1 path: 1" in text and "paths" not in text
    assert chain_rule(x, x).total.item() == 1
