"""Cases of higher derivatives: Hessians, Jacobians, per-sample gradients, double backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad.cli.ways import Library

Run = Callable[[int], None]
Check = Callable[[], list[float]]


def _case(once: Callable[[], Any], flat: Callable[[Any], Any]) -> tuple[Run, Check]:
    def run(n: int) -> None:
        for _ in range(n):
            once()

    return run, lambda: [float(v) for v in flat(once()).flatten()[:200].tolist()]


def hessian(lib: Library) -> tuple[Run, Check]:
    """The Hessian of the loss of an MLP with 64 parameters (4-9-2, tanh), 16 rows, float64."""
    torch = lib.torch
    torch.manual_seed(0)
    w = torch.randn(64, dtype=torch.float64)
    x, y = torch.randn(16, 4, dtype=torch.float64), torch.randn(16, 2, dtype=torch.float64)

    def loss(p: Any) -> Any:
        w1, b1, w2, b2 = p[:36].view(9, 4), p[36:45], p[45:63].view(2, 9), p[63]
        h = torch.tanh(x @ w1.T + b1)
        return ((h @ w2.T + b2 - y) ** 2).mean()

    H = torch.func.hessian(loss)
    return _case(lambda: H(w), lambda r: r)


def per_sample_grad(lib: Library) -> tuple[Run, Check]:
    """vmap of grad of the cross entropy of an MLP 784-128-10, batch 64."""
    torch, F = lib.torch, lib.F
    torch.manual_seed(0)
    params = {
        "w1": torch.randn(128, 784) * 0.05,
        "b1": torch.zeros(128),
        "w2": torch.randn(10, 128) * 0.05,
        "b2": torch.zeros(10),
    }
    X, Y = torch.randn(64, 784), torch.randint(0, 10, (64,))

    def loss(p: Any, x: Any, y: Any) -> Any:
        h = torch.relu(F.linear(x, p["w1"], p["b1"]))
        return F.cross_entropy(F.linear(h, p["w2"], p["b2"]), y)

    gradients = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    return _case(lambda: gradients(params, X, Y), lambda r: r["w2"])


def jacobian(lib: Library) -> tuple[Run, Check]:
    """The Jacobian of tanh(W v) by reverse mode, 256 x 256."""
    torch = lib.torch
    torch.manual_seed(0)
    W, v = torch.randn(256, 256) * 0.1, torch.randn(256)
    J = torch.func.jacrev(lambda v: torch.tanh(W @ v))
    return _case(lambda: J(v), lambda r: r)


def hvp(lib: Library) -> tuple[Run, Check]:
    """A Hessian times a vector, forward over reverse, of sum tanh(W z)^2 with 256 variables, float64."""
    torch = lib.torch
    torch.manual_seed(0)
    W = torch.randn(256, 256, dtype=torch.float64) * 0.1
    z, v = torch.randn(256, dtype=torch.float64), torch.randn(256, dtype=torch.float64)

    def f(z: Any) -> Any:
        return (torch.tanh(W @ z) ** 2).sum()

    return _case(lambda: torch.func.jvp(torch.func.grad(f), (z,), (v,))[1], lambda r: r)


def double_backward(lib: Library) -> tuple[Run, Check]:
    """The gradient of a gradient penalty: MLP 64-128-1 with tanh, batch 128."""
    torch, nn = lib.torch, lib.nn
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 1))
    rows = torch.randn(128, 64)

    def once() -> Any:
        model.zero_grad()
        x = rows.clone().requires_grad_()
        (g,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        ((g * g).sum(1).sqrt() - 1).pow(2).mean().backward()
        return model[0].weight.grad

    return _case(once, lambda r: r)
