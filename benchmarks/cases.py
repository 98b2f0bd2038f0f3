"""The cases: what is timed, written once over a library (tapegrad or torch).

`make(lib)` returns (run, check): run(n) does the work n times; check() returns numbers that both libraries
must reach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from benchmarks import arrays, loading, networks, optimizers, transforms
from benchmarks.arrays import CONVOLUTIONS
from tapegrad.cli import ways
from tapegrad.cli.ways import Library

Run = Callable[[int], None]
Check = Callable[[], list[float]]


@dataclass(frozen=True, slots=True)
class Case:
    """A name, what it is, how to make it, and the ratio that the project wants (theirs / ours)."""

    name: str
    what: str
    make: Callable[[Library], tuple[Run, Check]]
    goal: float | None = None


def adaline(lib: Library) -> tuple[Run, Check]:
    """The lecture's training: nn.Module, index minibatches, 20 epochs."""

    data = ways.load(lib, 123)

    def run(n: int) -> None:
        for _ in range(n):
            ways.train(lib, "nn", data, 20, 123)

    return run, lambda: ways.train(lib, "nn", data, 20, 123).losses


def linear_step(lib: Library) -> tuple[Run, Check]:
    """One step of Linear(2, 1), mse_loss and SGD on 10 fixed rows."""
    torch, F = lib.torch, lib.F

    def fresh() -> tuple[Any, Any, Any, Any]:
        torch.manual_seed(0)
        X, Y = torch.randn(10, 2), torch.randn(10, 1)
        model = lib.nn.Linear(2, 1)
        return model, lib.optim.SGD(model.parameters(), lr=0.01), X, Y

    def steps(model: Any, optimizer: Any, X: Any, Y: Any, n: int) -> Any:
        loss = None
        for _ in range(n):
            loss = F.mse_loss(model(X), Y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss

    held = fresh()
    return lambda n: steps(*held, n) and None, lambda: [float(steps(*fresh(), 50).item())]


def _op(lib: Library, recorded: bool) -> tuple[Run, Check]:
    torch = lib.torch
    a = torch.arange(10.0)
    b = torch.arange(10.0) + 1
    if recorded:
        a.requires_grad_()

    def run(n: int) -> None:
        for _ in range(n):
            a * b

    return run, lambda: (a * b).tolist()


def op(lib: Library) -> tuple[Run, Check]:
    """a * b on 10 floats, not recorded."""
    return _op(lib, False)


def op_recorded(lib: Library) -> tuple[Run, Check]:
    """a * b on 10 floats, recorded."""
    return _op(lib, True)


def chain(lib: Library) -> tuple[Run, Check]:
    """10,000 times x = x * w + b on 10 floats, then backward."""
    torch = lib.torch
    w, b = torch.full((10,), 0.999, requires_grad=True), torch.full((10,), 0.001, requires_grad=True)

    def once() -> None:
        w.grad = b.grad = None
        x = torch.ones(10)
        for _ in range(10_000):
            x = x * w + b
        x.sum().backward()

    def run(n: int) -> None:
        for _ in range(n):
            once()

    def check() -> list[float]:
        once()
        return [*w.grad.tolist(), *b.grad.tolist()]

    return run, check


def scalar_graph(lib: Library) -> tuple[Run, Check]:
    """An MLP of 0-d tensors (2-16-16-1, 16 rows, tanh and a squared error): about 10,000 nodes, forward
    and backward."""
    torch = lib.torch
    torch.manual_seed(0)
    sizes = (2, 16, 16, 1)
    layers = [
        [[torch.randn(()).requires_grad_() for _ in range(n + 1)] for _ in range(m)]
        for n, m in pairwise(sizes)
    ]
    rows = torch.randn(16, 2).tolist()
    parameters = [w for layer in layers for neuron in layer for w in neuron]

    def loss() -> Any:
        total = torch.tensor(0.0)
        for row in rows:
            xs: list[Any] = [torch.tensor(v) for v in row]
            for layer in layers:
                out = []
                for *weights, bias in layer:
                    z = bias
                    for w, x in zip(weights, xs, strict=True):
                        z = z + w * x
                    out.append(z.tanh())
                xs = out
            total = total + (xs[0] - 0.5) * (xs[0] - 0.5)
        return total

    def run(n: int) -> None:
        for _ in range(n):
            for p in parameters:
                p.grad = None
            loss().backward()

    def check() -> list[float]:
        run(1)
        return [float(loss().item()), *[float(p.grad.item()) for p in parameters[:20]]]

    return run, check


def deep(lib: Library) -> tuple[Run, Check]:
    """A chain of 1,000,000 nodes: forward, backward, release."""
    torch = lib.torch
    w = torch.ones(1, requires_grad=True)

    def once() -> float:
        w.grad = None
        x = w
        for _ in range(1_000_000):
            x = x + 1.0
        x.backward()
        result = float(x.item())
        del x
        return result

    def run(n: int) -> None:
        for _ in range(n):
            once()

    return run, lambda: [once(), float(w.grad.item())]


def large(lib: Library) -> tuple[Run, Check]:
    """tanh(a * b + a).sum() on 1,000,000 floats, and backward."""
    torch = lib.torch
    torch.manual_seed(0)
    a, b = torch.rand(1_000_000, requires_grad=True), torch.rand(1_000_000)

    def run(n: int) -> None:
        for _ in range(n):
            a.grad = None
            (a * b + a).tanh().sum().backward()

    def check() -> list[float]:
        run(1)
        return [float(v) for v in a.grad[:20].tolist()]

    return run, check


def mlp(lib: Library) -> tuple[Run, Check]:
    """A step of 784-512-512-10 with ReLU, cross entropy and SGD on a batch of 128."""
    torch, nn = lib.torch, lib.nn

    def fresh() -> tuple[Any, Any, Any, Any]:
        torch.manual_seed(0)
        X, y = torch.rand(128, 784), torch.randint(0, 10, (128,))
        model = nn.Sequential(
            nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
        )
        return model, lib.optim.SGD(model.parameters(), lr=0.1), X, y

    def steps(model: Any, optimizer: Any, X: Any, y: Any, n: int) -> Any:
        loss = None
        for _ in range(n):
            loss = lib.F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss

    held = fresh()
    return lambda n: steps(*held, n) and None, lambda: [float(steps(*fresh(), 5).item())]


CASES = {
    c.name: c
    for c in (
        Case("adaline", "the lecture's training, 20 epochs with index minibatches", adaline, 5.0),
        Case("linear_step", "a step of Linear(2, 1) + mse_loss + SGD, 10 rows", linear_step, 5.0),
        Case("op", "a * b on 10 floats", op, 1.8),
        Case("op_recorded", "a * b on 10 floats, recorded", op_recorded, 1.8),
        Case("chain", "10,000 times x = x * w + b on 10 floats, and backward", chain, 2.0),
        Case("scalar_graph", "an MLP of 0-d tensors, 10,000 nodes, and backward", scalar_graph, 2.0),
        Case("large", "tanh(a * b + a).sum() on 1,000,000 floats, and backward", large),
        Case("mlp", "a step of 784-512-512-10, ReLU, cross entropy, SGD, batch 128", mlp),
        Case("adam", "Adam's step alone, the parameters of an MLP 2-16-1", optimizers.adam, 4.0),
        Case("adam_large", "Adam's step alone, 10,000,000 elements", optimizers.adam_large, 1.0),
        Case("hessian", "Hessian of an MLP with 64 parameters, float64", transforms.hessian, 2.0),
        Case("per_sample_grad", "vmap of grad, MLP 784-128-10, batch 64", transforms.per_sample_grad, 1.0),
        Case("jacobian", "Jacobian of tanh(W v), 256 x 256", transforms.jacobian, 1.0),
        Case("hvp", "a Hessian times a vector, 256 variables, float64", transforms.hvp, 1.0),
        Case(
            "double_backward", "a gradient penalty, MLP 64-128-1, batch 128", transforms.double_backward, 1.0
        ),
        Case(
            "dataloader",
            "an epoch of 60,000 x 784 in memory, batches of 64, shuffled",
            loading.dataloader,
            3.0,
        ),
        Case("tiny", "a step of an MLP 2-16-1, tanh, Adam, 32 rows", networks.tiny, 4.0),
        Case("mlp_adam", "a step of 784-512-512-10, ReLU, Adam, batch 128", networks.mlp_adam, 0.9),
        Case("lenet", "a step of LeNet-5, 1 x 28 x 28, batch 64", networks.lenet),
        Case("resnet", "a step of a ResNet, 16/32/64 channels, 32 x 32, batch 32", networks.resnet),
        Case("lstm", "a step of an LSTM, hidden 128, sequence 64, batch 16", networks.lstm, 0.6),
        Case("gpt", "a step of a GPT, 4 layers, 128 wide, context 128, batch 8", networks.gpt),
        Case("elementwise", "gelu(x) * sigmoid(x) + tanh(x), 4 million, both ways", arrays.elementwise, 2.5),
        Case("softmax_ce", "cross entropy of 4096 x 4096, both ways", arrays.softmax_ce, 3.5),
        Case("gemm", "a product of 1024 x 1024, both ways", arrays.gemm, 1.05),
        *[Case(n, f"conv2d {s}, both ways", arrays.convolution(n), 0.9) for n, s in CONVOLUTIONS.items()],
        Case("embedding", "a step of Embedding(50,000, 128), 4,096 rows, SGD", networks.embedding, 1.0),
        Case("deep", "1,000,000 nodes: forward, backward, release", deep),
    )
}
