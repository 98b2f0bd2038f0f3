"""ADALINE's three ways at once, in threads; memory that stays flat; graphs that go at once, however deep."""

import gc
import sys
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad.autograd import grad
from tapegrad.data import iris

RATE = 0.01
Step = Callable[[torch.Tensor, torch.Tensor], None]
Predict = Callable[[torch.Tensor], torch.Tensor]


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    """Versicolor and virginica by sepal width and petal length, standardised."""
    features, target, _, _ = iris()
    x = torch.tensor(features[50:, 1:3], dtype=torch.float)
    return (x - x.mean(dim=0)) / x.std(dim=0), torch.tensor(target[50:] - 1, dtype=torch.int)


def manual() -> tuple[Predict, Step]:
    """Gradients by hand."""
    weight, bias = torch.zeros(2, 1), torch.zeros(1)

    def predict(x: torch.Tensor) -> torch.Tensor:
        return torch.add(torch.mm(x, weight), bias).view(-1)

    def step(x: torch.Tensor, y: torch.Tensor) -> None:
        nonlocal weight, bias
        by_yhat = 2 * (predict(x) - y)
        weight += -RATE * torch.mm(x.t(), by_yhat.view(-1, 1)) / y.size(0)
        bias += -RATE * torch.sum(by_yhat) / y.size(0)

    return predict, step


def semi() -> tuple[Predict, Step]:
    """Gradients by grad, updates by hand."""
    weight, bias = torch.zeros(2, 1, requires_grad=True), torch.zeros(1, requires_grad=True)

    def predict(x: torch.Tensor) -> torch.Tensor:
        return torch.add(torch.mm(x, weight), bias).view(-1)

    def step(x: torch.Tensor, y: torch.Tensor) -> None:
        nonlocal weight, bias
        loss = torch.mean((predict(x) - y) ** 2)
        weight_grad = grad(loss, weight, retain_graph=True)[0]
        bias_grad = grad(loss, bias)[0]
        with torch.no_grad():
            weight -= RATE * weight_grad
            bias -= RATE * bias_grad

    return predict, step


def automatic() -> tuple[Predict, Step]:
    """Module, loss and optimizer."""
    model = torch.nn.Linear(2, 1)
    model.weight.detach().zero_()
    model.bias.detach().zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

    def predict(x: torch.Tensor) -> torch.Tensor:
        return model(x).view(-1)

    def step(x: torch.Tensor, y: torch.Tensor) -> None:
        loss = F.mse_loss(predict(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return predict, step


WAYS = {"manual": manual, "semi": semi, "nn": automatic}


def trained(way: str, seed: int, epochs: int = 15) -> list[float]:
    """The loss after each epoch."""
    x, y = rows()
    predict, step = WAYS[way]()
    order = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(epochs):
        for index in torch.split(torch.randperm(y.size(0), generator=order), 10):
            step(x[index], y[index])
        with torch.no_grad():
            losses.append(F.mse_loss(predict(x), y).item())
    return losses


# ---- threads


def test_three_ways_agree() -> None:
    by_hand = trained("manual", 1)
    assert by_hand[-1] < by_hand[0] / 2
    for way in ("semi", "nn"):
        np.testing.assert_allclose(trained(way, 1), by_hand, rtol=1e-5)


@pytest.mark.usefixtures("eager_switching")
def test_training_in_threads_gives_the_numbers_of_training_alone() -> None:
    jobs = [(way, seed) for way in WAYS for seed in (1, 2)]
    alone = [trained(*job) for job in jobs]
    assert alone[0] != alone[1]
    start = Barrier(len(jobs))

    def together(job: tuple[str, int]) -> list[float]:
        start.wait()
        return trained(*job)

    with ThreadPoolExecutor(len(jobs)) as pool:
        for _ in range(2):
            assert list(pool.map(together, jobs)) == alone


# ---- memory


@pytest.fixture
def no_collector() -> Iterator[None]:
    """What goes, goes by counting references; a cycle would stay."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(("way", "n"), [("manual", 3_000), ("semi", 3_000), ("nn", 10_000)])
def test_memory_stays_flat(way: str, n: int) -> None:
    x, y = (t[:10] for t in rows())
    _, step = WAYS[way]()

    def steps(n: int) -> None:
        for _ in range(n):
            step(x, y)

    steps(100)
    blocks = sys.getallocatedblocks()
    steps(n)
    assert sys.getallocatedblocks() - blocks < n / 10  # not a tenth of an object per step
    tracemalloc.start()
    try:
        steps(50)
        before = tracemalloc.get_traced_memory()[0]
        steps(300)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 3000  # not ten bytes per step


@pytest.mark.usefixtures("no_collector")
def test_a_dropped_graph_goes_at_once() -> None:
    w, x = torch.ones(3, requires_grad=True), torch.full((3,), 2.0)
    inside = w * x
    tensor, array = weakref.ref(inside), weakref.ref(inside.detach().numpy())
    loss = (inside * inside).sum()
    del inside
    assert tensor() is None  # the graph holds arrays, no tensors
    assert array() is not None
    del loss
    assert array() is None


@pytest.mark.usefixtures("no_collector")
def test_a_backward_frees_what_the_graph_saved() -> None:
    w = torch.ones(100, requires_grad=True)
    inside = w * 2
    array = weakref.ref(inside.detach().numpy())
    loss = (inside * inside).sum()
    del inside
    assert array() is not None
    loss.backward()
    assert array() is None


# ---- depth


def descend(depth: int) -> None:
    """Forward, backward and release of a chain."""
    w = torch.tensor([1.0], requires_grad=True)
    y = w
    for _ in range(depth):
        y = y + w
    end = weakref.ref(y)
    y.backward()
    assert w.grad.item() == depth + 1
    del y
    assert end() is None


@pytest.mark.parametrize("depth", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_deep_graph(depth: int) -> None:
    descend(depth)


@pytest.mark.usefixtures("no_collector")
def test_a_deep_graph_released_unused() -> None:
    y: Any = torch.ones(1, requires_grad=True)
    for _ in range(100_000):
        y = torch.sin(y)
    del y
