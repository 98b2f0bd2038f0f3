"""ADALINE on Iris, trained in the three ways of the lectures. Each way is written as the lectures write it.

The functions take the library as an argument, so that the very same code runs on tapegrad and on PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from time import perf_counter
from typing import Any

from tapegrad.data import iris

BATCH, RATE = 10, 0.01
Way = tuple[
    Callable[[Any], Any], Callable[[Any, Any], None]
]  # what predicts, and what takes a step on a batch


class Library:
    """tapegrad or torch: the modules that the lectures import."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.torch: Any = import_module(name)
        self.F: Any = import_module(f"{name}.nn.functional")
        self.nn: Any = import_module(f"{name}.nn")
        self.optim: Any = import_module(f"{name}.optim")
        self.grad: Any = import_module(f"{name}.autograd").grad


@dataclass(slots=True)
class Data:
    """Standardised features [n, 2] and targets [n], for training and test."""

    X_train: Any
    y_train: Any
    X_test: Any
    y_test: Any


@dataclass(slots=True)
class Result:
    """What a way gave: the training MSE after each epoch, accuracies in percent, seconds, and the trained
    model."""

    losses: list[float] = field(default_factory=list)
    train: float = 0.0
    test: float = 0.0
    seconds: float = 0.0
    model: Any = None


def load(lib: Library, seed: int) -> Data:
    """Versicolor (0) and virginica (1) by sepal width and petal length, shuffled and split 70 to 30."""
    torch = lib.torch
    features, target, _, _ = iris()
    X = torch.tensor(features[50:150, 1:3], dtype=torch.float)
    y = torch.tensor(target[50:150] - 1, dtype=torch.int)
    torch.manual_seed(seed)
    order = torch.randperm(y.size(0), dtype=torch.long)
    X, y = X[order], y[order]
    train, test = order[:70], order[70:]  # the lecture indexes the shuffled rows by the same order again
    X_train, X_test, y_train, y_test = X[train], X[test], y[train], y[test]
    mu, sigma = X_train.mean(dim=0), X_train.std(dim=0)
    return Data((X_train - mu) / sigma, y_train, (X_test - mu) / sigma, y_test)


def _batches(lib: Library, n: int) -> Iterator[Any]:
    order = lib.torch.randperm(n, dtype=lib.torch.long)
    yield from lib.torch.split(order, BATCH)


def _manual(lib: Library, data: Data) -> Way:
    """Gradients by hand."""
    torch = lib.torch
    weight, bias = torch.zeros(2, 1), torch.zeros(1)

    def forward(x: Any) -> Any:
        return torch.add(torch.mm(x, weight), bias).view(-1)

    def step(x: Any, y: Any) -> None:
        nonlocal weight, bias
        yhat = forward(x)
        by_yhat = 2 * (yhat - y)
        weight_grad = torch.mm(x.t(), by_yhat.view(-1, 1)) / y.size(0)
        bias_grad = torch.sum(by_yhat) / y.size(0)
        weight += RATE * -weight_grad
        bias += RATE * -bias_grad

    return forward, step


def _grad(lib: Library, data: Data) -> Way:
    """Gradients by autograd.grad, updates by hand."""
    torch = lib.torch
    model = lib.nn.Linear(2, 1)
    model.weight.detach().zero_()
    model.bias.detach().zero_()

    def forward(x: Any) -> Any:
        return model(x).view(-1)

    def step(x: Any, y: Any) -> None:
        loss = lib.F.mse_loss(forward(x), y.float())
        weight_grad = lib.grad(loss, model.weight, retain_graph=True)[0]
        bias_grad = lib.grad(loss, model.bias)[0]
        with torch.no_grad():
            model.weight += RATE * -weight_grad
            model.bias += RATE * -bias_grad

    return forward, step


def _nn(lib: Library, data: Data) -> Way:
    """Module, loss and optimizer from the library."""

    class Adaline(lib.nn.Module):  # type: ignore[misc,name-defined] # the library is chosen at run time
        def __init__(self, features: int) -> None:
            super().__init__()
            self.linear = lib.nn.Linear(features, 1)
            self.linear.weight.detach().zero_()
            self.linear.bias.detach().zero_()

        def forward(self, x: Any) -> Any:
            return self.linear(x).view(-1)

    model = Adaline(data.X_train.size(1))
    optimizer = lib.optim.SGD(model.parameters(), lr=RATE)

    def step(x: Any, y: Any) -> None:
        loss = lib.F.mse_loss(model(x), y.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return model, step


WAYS = {"manual": _manual, "grad": _grad, "nn": _nn}


def train(
    lib: Library, way: str, data: Data, epochs: int, seed: int, progress: Callable[[Any], Any] = iter
) -> Result:
    """Train in one way; `progress` may wrap the epochs to show them. The reported time is that of the
    training loop."""
    torch, result = lib.torch, Result()
    forward, step = WAYS[way](lib, data)
    torch.manual_seed(seed)
    start = perf_counter()
    for _ in progress(range(epochs)):
        for index in _batches(lib, data.y_train.size(0)):
            step(data.X_train[index], data.y_train[index])
        with torch.no_grad():
            result.losses.append(torch.mean((forward(data.X_train) - data.y_train) ** 2).item())
    result.seconds = perf_counter() - start
    result.train = _accuracy(lib, forward, data.X_train, data.y_train)
    result.test = _accuracy(lib, forward, data.X_test, data.y_test)
    result.model = forward
    return result


def _accuracy(lib: Library, forward: Callable[[Any], Any], x: Any, y: Any) -> float:
    """Percent of rows on the right side of 0.5."""
    torch = lib.torch
    with torch.no_grad():
        predictions = forward(x)
    ones, zeros = torch.ones(predictions.size(0)), torch.zeros(predictions.size(0))
    right = torch.where(predictions > 0.5, ones, zeros).int() == y
    return float(torch.mean(right.float()).item()) * 100
