"""Transforms inside transforms, against torch.func."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad

Function = Callable[[Any], Any]

RANDOM = np.random.default_rng(0)
W, X = RANDOM.normal(size=(3, 3)), RANDOM.normal(size=3)


def written(t: Any, x: Any) -> Any:
    y = x * 2
    y[0] = y[1] * x[2]
    y[1:].mul_(x[:2])
    return (y * y).sum()


def filled(t: Any, x: Any) -> Any:
    y = x * 0 + t.ones(3, dtype=t.float64)
    for i in range(3):
        y[i] = x[i] * y[i - 1]
    return y.prod()


def functions(t: Any) -> dict[str, Function]:
    """Functions of a vector of three, of every kind of op."""
    w, F = t.tensor(W), t.nn.functional
    return {
        "tanh": lambda x: t.tanh(w @ x).sum(),
        "product": lambda x: (x * x * (w @ x)).sum(),
        "softmax": lambda x: (t.softmax(w @ x, 0) * x).sum(),
        "view": lambda x: (x.view(3, 1) * x.view(1, 3)).sin().sum(),
        "index": lambda x: x[0] * x[1] ** 2 + (x[1:] * x[:-1]).sum(),
        "norm": lambda x: (x / x.norm()).pow(3).sum() + x.var(),
        "written": lambda x: written(t, x),
        "filled": lambda x: filled(t, x),
        "split": lambda x: sum((a * a).sum() * b.sum() for a, b in [x.split(2)]),
        "max": lambda x: (w * x).max(1)[0].sum() + (w * x).prod(0).sum(),
        "log_softmax": lambda x: F.log_softmax(x * 2, 0)[1],
        "cross_entropy": lambda x: F.cross_entropy(w * x, t.tensor([0, 1, 2])),
        "mse": lambda x: F.mse_loss(w @ x, x.exp()),
        "linear": lambda x: F.linear(x, w, x).tanh().prod(),
        "choice": lambda x: x.clamp(-0.5, 0.5).sum() * t.relu(x).sum() + t.where(x > 0, x * x, x).sum(),
        "cat": lambda x: t.cat([x, x * 2]).outer(x).mean() + t.stack([x, x * x]).t().reshape(-1).sin().sum(),
    }


def transforms(func: Any) -> dict[str, Callable[[Function], Function]]:
    """What makes a function of a vector of another one; some close over the vector."""

    def vjp(f: Function) -> Function:
        def g(x: Any) -> Any:
            y, back = func.vjp(f, x)
            return back(y * 0 + 1)[0]

        return g

    return {
        "grad": lambda f: func.grad(lambda x: f(x).sum()),
        "jacrev": lambda f: func.jacrev(f),
        "jacfwd": lambda f: func.jacfwd(f),
        "hessian": lambda f: func.hessian(lambda x: f(x).sum()),
        "jvp": lambda f: lambda x: func.jvp(f, (x,), (x * 0.5 + 1,))[1],
        "vjp": vjp,
        "vmap": lambda f: lambda x: func.vmap(lambda s: f(x * s))(x),
        "vmap of columns": lambda f: lambda x: func.vmap(f, in_dims=1, out_dims=-1)(x.outer(x) + x).sum(-1),
    }


NAMES = list(transforms(tapegrad.func))


def stacks(seed: int) -> list[tuple[str, ...]]:
    """All single transforms and pairs, and some that are three deep."""
    deep = [c for c in itertools.product(NAMES, repeat=3) if "hessian" not in c]
    pairs = [c for c in itertools.product(NAMES, repeat=2) if c != ("hessian", "hessian")]
    chosen = random.Random(seed)
    return [(n,) for n in NAMES] + chosen.sample(pairs, 12) + chosen.sample(deep, 6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own
@pytest.mark.parametrize("name", list(functions(tapegrad)))
def test_nested_transforms_are_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = transforms(tapegrad.func), transforms(torch.func)
    compared = 0
    for stack in stacks(len(name)):
        f, g = functions(tapegrad)[name], functions(torch)[name]
        for step in stack:
            f, g = ours[step](f), theirs[step](g)
        try:
            wanted = g(torch.tensor(X)).numpy()
        except (RuntimeError, NotImplementedError):
            continue  # torch has no batch rule, or refuses a write
        got = f(tapegrad.tensor(X)).numpy()
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9, err_msg=" of ".join(reversed(stack)))
        compared += 1
    assert compared > 5
