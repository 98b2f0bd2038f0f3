"""The lectures' rows 1 to 15: the computation graph, with exactly the results of their table."""

import inspect
import re
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad.autograd import grad


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(values, requires_grad=True)


def worked(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """u, v and a of the lecture's example."""
    u = w * x
    v = u + b
    return u, v, F.relu(v)


def one(*pair: torch.Tensor) -> float:
    """The derivative of the first by the second, both single numbers; the graph stays."""
    (g,) = grad(*pair, retain_graph=True)
    return g.item()


def kept(make: Callable[[], Any]) -> int:
    """The bytes that stay allocated while what `make` returns is there."""
    make()  # what is made only once is no memory of the graph
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = make()
        after = tracemalloc.get_traced_memory()[0]
        del result
    finally:
        tracemalloc.stop()
    return after - before


def test_row_01_tensors_and_requires_grad() -> None:
    x, w = torch.tensor([3.0]), torch.tensor([2.0], requires_grad=True)
    assert repr(x) == "tensor([3.])"
    assert repr(w) == "tensor([2.], requires_grad=True)"
    assert x.requires_grad is False
    assert w.requires_grad is True
    assert x.dtype is torch.float32


def test_row_02_worked_example() -> None:
    u, v, a = worked(torch.tensor([3.0]), leaf(2.0), leaf(1.0))
    assert [t.item() for t in (u, v, a)] == [6, 7, 7]
    assert repr(u) == "tensor([6.], grad_fn=<MulBackward0>)"
    assert repr(v) == "tensor([7.], grad_fn=<AddBackward0>)"
    assert repr(a) == "tensor([7.], grad_fn=<ReluBackward0>)"


def test_row_03_grad_twice_with_retain_graph() -> None:
    w, b = leaf(2.0), leaf(1.0)
    a = worked(torch.tensor([3.0]), w, b)[-1]
    assert repr(grad(a, w, retain_graph=True)) == "(tensor([3.]),)"
    assert repr(grad(a, b)) == "(tensor([1.]),)"
    assert w.grad is None
    assert b.grad is None


def test_row_04_grad_of_a_freed_graph() -> None:
    w, b = leaf(2.0), leaf(1.0)
    a = worked(torch.tensor([3.0]), w, b)[-1]
    grad(a, w, retain_graph=True)
    grad(a, b)
    line = inspect.currentframe().f_lineno - 1
    message = (
        f"relu backward: this graph was already used and freed (by test_rows_graph.py:{line}). "
        "Pass retain_graph=True there, or run the forward again (relu was recorded at "
        f"test_rows_graph.py:{worked.__code__.co_firstlineno + 4})."
    )
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        grad(a, b)
    with pytest.raises(RuntimeError, match=f"^{re.escape(message)}$"):
        a.backward()
    assert w.grad is None
    assert b.grad is None


def test_row_05_gradients_of_intermediates() -> None:
    x, w, b = torch.tensor([3.0]), leaf(2.0), leaf(1.0)
    u, v, a = worked(x, w, b)
    assert repr(grad(a, u, retain_graph=True)) == "(tensor([1.]),)"
    assert [one(a, v), one(a, u), one(v, b), one(u, w)] == [1, 1, 1, 3]

    u.retain_grad()
    v.retain_grad()
    seen = []
    u.register_hook(seen.append)
    a.backward()
    assert [repr(g) for g in seen] == ["tensor([1.])"]
    assert [t.grad.tolist() for t in (u, v, w, b)] == [[1], [1], [3], [1]]

    u, v, a = worked(x, w, b)
    handle = u.register_hook(lambda g: 10 * g)
    assert one(a, w) == 30
    handle.remove()
    assert one(a, w) == 3


def test_row_06_several_inputs() -> None:
    x, w, b = leaf(3.0), leaf(2.0), leaf(1.0)
    u, v, a = worked(x, w, b)
    found = grad(a, (x, w, b, u, v))
    assert repr(found) == "(tensor([2.]), tensor([3.]), tensor([1.]), tensor([1.]), tensor([1.]))"


def own_relu(z: torch.Tensor) -> torch.Tensor:
    """As the lecture writes it."""
    if z > 0.0:
        return z
    else:
        z[:] = 0.0
        return z


def test_row_07_own_relu() -> None:
    w, b = leaf(2.0), leaf(1.0)
    a = own_relu(torch.tensor([3.0]) * w + b)
    assert repr(a) == "tensor([7.], grad_fn=<AddBackward0>)"
    assert repr(grad(a, w)) == "(tensor([3.]),)"

    a = own_relu(torch.tensor([-3.0]) * w + b)
    assert repr(a) == "tensor([0.], grad_fn=<FillBackward3>)"
    assert repr(grad(a, (w, b))) == "(tensor([-0.]), tensor([0.]))"


def test_row_08_relu_at_zero() -> None:
    w, b = leaf(1.0), leaf(1.0)
    a = worked(torch.tensor([-1.0]), w, b)[-1]
    assert repr(grad(a, w)) == "(tensor([-0.]),)"


def test_row_09_a_new_graph_on_every_pass() -> None:
    w = leaf(1.5)

    def forward(x: torch.Tensor) -> torch.Tensor:
        y = x * w
        while y < 10:
            y = y * w
        if y > 12:
            y = -y
        for factor in torch.tensor([1.0, 2.0]):
            y = y + factor * w
        return y

    for x, power, sign in ((1.0, 6, 1), (4.0, 3, -1), (20.0, 1, -1)):
        y = forward(torch.tensor([x]))
        assert y.item() == sign * x * 1.5**power + 4.5
        assert grad(y, w)[0].item() == sign * x * power * 1.5 ** (power - 1) + 3
    a, b = forward(torch.tensor([1.0])), forward(torch.tensor([1.0]))
    assert a.grad_fn is not b.grad_fn


def test_row_10_no_graph_without_requires_grad() -> None:
    x, n = torch.ones(100_000), 400_000  # n bytes
    w = torch.ones(100_000, requires_grad=True)

    def chain(v: torch.Tensor) -> torch.Tensor:
        for _ in range(5):
            v = (v * v).tanh()
        return v

    def silent() -> torch.Tensor:
        with torch.no_grad():
            return chain(w)

    for make in (lambda: chain(x), silent):
        y = make()
        assert y.grad_fn is None
        assert y.requires_grad is False
        assert n <= kept(make) < 1.1 * n  # the result alone
    assert chain(w).grad_fn is not None
    assert kept(lambda: chain(w)) > 5 * n  # what this test would see if a graph were kept

    with torch.no_grad():
        y = w * 2
        held = weakref.ref(y.numpy())
        z = y * 3
        assert not z.requires_grad
        del y
        assert held() is None


def test_row_11_what_a_picture_of_the_graph_shows() -> None:
    x, w, b = leaf(3.0), leaf(2.0), leaf(1.0)
    u, v, a = worked(x, w, b)
    assert [t.grad_fn.name() for t in (u, v, a)] == ["MulBackward0", "AddBackward0", "ReluBackward0"]
    assert [t.is_leaf for t in (x, w, b, u, v, a)] == [True, True, True, False, False, False]
    assert [one(u, w), one(u, x), one(v, u), one(v, b), one(a, v)] == [3, 2, 1, 1, 1]  # on the edges
    assert [one(a, t) for t in (x, w, b, u, v, a)] == [2, 3, 1, 1, 1, 1]  # at the nodes


def test_row_12_one_path() -> None:
    x, y, w = torch.tensor(1.5), torch.tensor(0.25), torch.tensor(0.8, requires_grad=True)
    output = x * w
    activation = torch.sigmoid(output)
    loss = (activation - y) ** 2
    path = one(loss, activation) * one(activation, output) * one(output, w)
    s = 1 / (1 + np.exp(-1.2))
    assert one(loss, w) == pytest.approx(path, rel=1e-6)
    assert path == pytest.approx(2 * (s - 0.25) * s * (1 - s) * 1.5, rel=1e-6)


def test_row_13_one_weight_on_two_paths() -> None:
    x = torch.tensor(2.0)
    w = torch.tensor(0.5, requires_grad=True)
    first, second = w * x, torch.exp(w)
    loss = first * second + second
    by_first, by_second = one(loss, first), one(loss, second)
    paths = by_first * one(first, w) + by_second * one(second, w)
    assert one(loss, w) == pytest.approx(paths, rel=1e-6)
    assert paths == pytest.approx(np.exp(0.5) * (2 + 1 + 1), rel=1e-6)
    loss.backward()
    assert w.grad.item() == pytest.approx(paths, rel=1e-6)


def test_row_14_all_paths_of_an_mlp_equal_finite_differences() -> None:
    torch.manual_seed(1)
    layers = [torch.randn(*size, dtype=torch.float64) for size in ((3, 2), (2, 3), (1, 2))]
    x, y = torch.tensor([0.7, -1.3], dtype=torch.float64), torch.tensor([0.4], dtype=torch.float64)

    def forward(weights: list[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
        first = [torch.sigmoid((row * x).sum()) for row in weights[0]]
        second = [torch.tanh(sum(w * h for w, h in zip(row, first, strict=True))) for row in weights[1]]
        output = sum(w * h for w, h in zip(weights[2][0], second, strict=True))
        return first, second, ((output - y) ** 2).sum()

    weights = [w.clone().requires_grad_() for w in layers]
    first, second, loss = forward(weights)
    (by_first,) = grad(first[0], weights[0], retain_graph=True)
    into = by_first[0, 1].item()  # of the first layer's weight [0, 1], which leads into first[0] alone
    paths = [one(loss, h) * one(h, first[0]) * into for h in second]
    assert len(paths) == 2

    def at(step: float) -> float:
        moved = [w.clone() for w in layers]
        moved[0][0, 1] += step
        return forward(moved)[2].item()

    numeric = (at(1e-6) - at(-1e-6)) / 2e-6
    loss.backward()
    assert sum(paths) == pytest.approx(weights[0].grad[0, 1].item(), rel=1e-12)
    assert sum(paths) == pytest.approx(numeric, rel=1e-7)


def test_row_15_several_losses_and_optimizers() -> None:
    torch.manual_seed(2)
    trunk, head, other = torch.nn.Linear(3, 4), torch.nn.Linear(4, 1), torch.nn.Linear(4, 1)
    x, y = torch.randn(5, 3), torch.randn(5, 1)

    def losses() -> tuple[torch.Tensor, torch.Tensor]:
        h = torch.tanh(trunk(x))
        return F.mse_loss(head(h), y), F.mse_loss(other(h.detach()), -y)

    one_step = torch.optim.SGD([*trunk.parameters(), *head.parameters()], lr=0.1)
    two_step = torch.optim.SGD(other.parameters(), lr=0.1)
    before = [loss.item() for loss in losses()]
    for _ in range(20):
        first, second = losses()
        one_step.zero_grad()
        two_step.zero_grad()
        second.backward()
        assert all(p.grad is None for p in [*trunk.parameters(), *head.parameters()])
        two_step.step()
        first.backward()
        one_step.step()
    after = [loss.item() for loss in losses()]
    assert after[0] < before[0]
    assert after[1] < before[1]


def test_row_15_gradients_flow_where_asked() -> None:
    w, v = leaf(1.0, 2.0), leaf(3.0)
    first, second = w * w, (w * v).sum()
    weights = (torch.tensor([1.0, 10.0]), torch.tensor(100.0))
    found = grad((first, second), w, grad_outputs=weights, retain_graph=True)
    assert repr(found) == "(tensor([302., 340.]),)"
    with pytest.raises(
        RuntimeError,
        match=r"^grad: inputs\[1\] \(`v`\), a float32\[1\] tensor, is not used .* allow_unused=True",
    ):
        grad(first, (w, v), grad_outputs=weights[0], retain_graph=True)
    found = grad(first, (w, v), grad_outputs=weights[0], allow_unused=True)
    assert repr(found) == "(tensor([ 2., 40.]), None)"
