"""User-defined Functions, and gradients of many cotangents, inside transforms."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import tapegrad as torch
from tapegrad import func

D = torch.float64


class Cube(torch.autograd.Function):
    """x^3, in operations, with a context of its own."""

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Straight(torch.autograd.Function):
    """round, whose derivative is said to be 1."""

    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, g):
        return g


CALLS = []


class InNumpy(torch.autograd.Function):
    """sin, computed by NumPy, with rules of its own for batches and tangents."""

    calls = CALLS

    @staticmethod
    def forward(x):
        return torch.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.cos()

    @staticmethod
    def vmap(info, in_dims, x):
        InNumpy.calls.append(("vmap", info.batch_size, in_dims))
        return InNumpy.apply(x), in_dims[0]

    @staticmethod
    def jvp(ctx, t):
        InNumpy.calls.append("jvp")
        (x,) = ctx.saved_tensors
        return t * x.cos()


class TwoResults(torch.autograd.Function):
    """x y and x + y."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y, x + y

    @staticmethod
    def backward(ctx, g, h):
        x, y = ctx.saved_tensors
        return g * y + h, g * x + h


x = torch.tensor([0.3, 1.7, -2.2], dtype=D)


def close(a, b):
    return torch.allclose(a, b, rtol=1e-12, atol=1e-12)


def test_a_function_runs_under_every_transform():
    assert close(func.vmap(Cube.apply)(x), x**3)
    assert close(func.vmap(func.grad(Cube.apply))(x), 3 * x**2)
    assert close(func.vmap(func.grad(func.grad(Cube.apply)))(x), 6 * x)
    assert close(func.jvp(Cube.apply, (x,), (x,))[1], 3 * x**3)
    assert close(func.hessian(lambda x: Cube.apply(x).sum())(x), torch.tensor(np.diag(6 * x.numpy())))
    assert close(func.jacfwd(Cube.apply)(x), func.jacrev(Cube.apply)(x))


def test_tangents_follow_the_functions_derivative_and_not_its_code():
    assert close(func.jvp(Straight.apply, (x,), (x,))[1], x)
    assert close(func.jacfwd(Straight.apply)(x), torch.eye(3, dtype=D))
    assert close(func.grad(lambda x: (Straight.apply(x) * x).sum())(x), x.round() + x)


def test_several_results():
    a, b = func.jvp(TwoResults.apply, (x, x * 2), (torch.ones_like(x), x))[1]
    assert close(a, x * 2 + x * x) and close(b, 1 + x)
    a, b = func.vmap(TwoResults.apply, in_dims=(0, None))(x, torch.tensor(2.0, dtype=D))
    assert close(a, x * 2) and close(b, x + 2)


def test_its_own_rules_are_used():
    InNumpy.calls.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert close(func.vmap(InNumpy.apply)(x), x.sin())
        assert InNumpy.calls == [("vmap", 3, (0,))]
        assert close(func.jvp(InNumpy.apply, (x,), (x,))[1], x * x.cos())
        assert InNumpy.calls[1:] == ["jvp"]
        assert close(func.vmap(func.grad(lambda x: InNumpy.apply(x)))(x), x.cos())


def test_outside_gradients_reach_through():
    w = x.clone().requires_grad_()
    func.vmap(Cube.apply)(w * 2).sum().backward()
    assert close(w.grad, 6 * (w.detach() * 2) ** 2)


@pytest.mark.parametrize("create_graph", [False, True])
def test_batched_cotangents(create_graph):
    w = x.clone().requires_grad_()
    y = w.sin() * w.sum()
    unused = x.clone().requires_grad_()
    gs = torch.randn(4, 3, dtype=D)
    got, none = torch.autograd.grad(
        y,
        [w, unused],
        gs,
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
        is_grads_batched=True,
    )
    assert none is None and got.requires_grad is create_graph
    loop = torch.stack([torch.autograd.grad(y, w, g, retain_graph=True)[0] for g in gs])
    assert close(got.detach(), loop)
    if create_graph:
        (second,) = torch.autograd.grad((got * got).sum(), w, retain_graph=True)
        rows = [torch.autograd.grad(y, w, g, create_graph=True)[0] for g in gs]
        (wanted,) = torch.autograd.grad(sum((r * r).sum() for r in rows), w)
        assert close(second, wanted)
