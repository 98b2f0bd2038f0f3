"""checkpoint: values, gradients, random numbers, nesting, errors, and that memory is really given up."""

import gc
import weakref
from importlib import import_module

import pytest

import tapegrad as torch
from tapegrad.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential
from tests.autograd.comparing import same

KINDS = pytest.mark.parametrize("reentrant", [False, True])


def library(torch):
    return import_module(f"{torch.__name__}.utils.checkpoint")


def setup(torch):
    torch.manual_seed(0)
    return torch.rand(4, 3, requires_grad=True), torch.rand(3, 3, requires_grad=True)


PROGRAMS = {
    "plain": lambda t, c, x, w: c(lambda x: t.tanh(x @ w), x).sum().backward(),
    "keyword": lambda t, c, x, w: c(lambda x, k=1: t.tanh(x @ w) * k, x, k=2.0).sum().backward(),
    "positional": lambda t, c, x, w: c(lambda x, k: t.tanh(x @ w) * k, x, 2.0).sum().backward(),
    "input without grad": lambda t, c, x, w: c(lambda x: t.tanh(x @ w), x.detach()).sum().backward(),
    "grad": lambda t, c, x, w: t.autograd.grad(c(lambda x: t.tanh(x @ w), x).sum(), (x, w)),
    "inputs": lambda t, c, x, w: c(lambda x: t.tanh(x @ w), x).sum().backward(inputs=[w]),
    "several outputs": lambda t, c, x, w: (lambda a, b, _: (a.sum() * 2 + b.sum()).backward())(
        *c(lambda x: (t.tanh(x @ w), x * x, 5), x)
    ),
    "nested": lambda t, c, x, w: c(lambda x: c(lambda x: (x @ w).exp(), t.tanh(x)) * 2, x).sum().backward(),
    "random": lambda t, c, x, w: (c(lambda x: x * t.rand(4, 3), x).sum().backward(), t.rand(1)),
    "other random": lambda t, c, x, w: (
        c(lambda x: x * t.rand(4, 3), x, preserve_rng_state=False).sum().backward(),
        t.rand(1),
    ),
    "twice": lambda t, c, x, w: (lambda y: (y.backward(), y.backward()))(c(lambda x: (x @ w).exp(), x).sum()),
    "kept": lambda t, c, x, w: (lambda y: (y.backward(retain_graph=True), y.backward()))(
        c(lambda x: (x @ w).exp(), x).sum()
    ),
    "second derivative": lambda t, c, x, w: t.autograd.grad(
        t.autograd.grad(c(lambda x: t.tanh(x @ w), x).sum(), x, create_graph=True)[0].sum(), w
    ),
    "views and writes": lambda t, c, x, w: (
        c(lambda x: (x * 1)[:, 0].mul_(2).exp() + w[0, 0], x).sum().backward()
    ),
    "a dict": lambda t, c, x, w: c(lambda x: {"y": (x @ w).exp()}, x)["y"].sum().backward(),
    "contexts": lambda t, c, x, w: (
        c(lambda x: (x @ w).exp(), x, context_fn=lambda: (t.enable_grad(), t.enable_grad())).sum().backward()
    ),
    "an input written later": lambda t, c, x, w: (lambda h, y: (h.add_(1), y.sum().backward()))(
        *(lambda h: (h, c(lambda h: h.exp() * w[0], h)))(x * 1)
    ),
    "unknown option": lambda t, c, x, w: c(lambda x: x @ w, x, no_such_option=3),
}


@KINDS
@pytest.mark.parametrize("what", PROGRAMS)
def test_as_torch(what, reentrant):
    def program(torch):
        x, w = setup(torch)

        def c(f, *args, **kwargs):
            return library(torch).checkpoint(f, *args, use_reentrant=reentrant, **kwargs)

        result = PROGRAMS[what](torch, c, x, w)
        return result, x.grad, w.grad

    if what == "an input written later" and not reentrant:
        with pytest.raises(
            RuntimeError, match=r"checkpoint: argument 0, float32\[4, 3\], was written in place"
        ):
            program(torch)  # torch computes with the new values and says nothing
    elif what == "a dict" and reentrant:
        assert same(program) == "RuntimeError"  # what is in no tuple has no graph
    else:
        same(program)


@KINDS
@pytest.mark.parametrize("segments", [1, 2, 3])
def test_sequential(segments, reentrant):
    def program(torch):
        x, _ = setup(torch)
        nn = import_module(f"{torch.__name__}.nn")
        m = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
        y = library(torch).checkpoint_sequential(m, segments, x, use_reentrant=reentrant)
        y.sum().backward()
        return y, x.grad, [p.grad for p in m.parameters()]

    same(program)


def test_sequential_of_functions():
    x, _ = setup(torch)
    y = checkpoint_sequential([torch.tanh, torch.exp], 2, x, use_reentrant=False)
    assert torch.equal(y, x.tanh().exp())
    with pytest.raises(ValueError, match="unknown"):
        checkpoint_sequential([torch.tanh], 1, x, use_reentrant=False, what=3)


def test_a_function_that_does_something_else():
    x, w = setup(torch)
    calls = []

    def other_shape(x):
        calls.append(1)
        return torch.tanh((x if len(calls) % 2 else x[:2]) @ w)

    def other_operation(x):
        calls.append(1)
        return torch.tanh(x) if len(calls) % 2 else torch.exp(x)

    for f, text in (
        (other_shape, "run again"),
        (other_operation, "operation 0 is exp at .*, and it was tanh at"),
    ):
        calls.clear()
        y = checkpoint(f, x, use_reentrant=False)
        with pytest.raises(CheckpointError, match=text):
            y.sum().backward()
    with pytest.raises(ValueError, match="determinism_check"):
        checkpoint(torch.exp, x, use_reentrant=False, determinism_check="maybe")


def test_the_function_runs_once_more_and_not_more_often():
    x, w = setup(torch)
    calls = []

    def f(x):
        calls.append(1)
        return torch.tanh(x @ w).exp() * 2

    y = checkpoint(f, x, use_reentrant=False)
    assert len(calls) == 1
    y.sum().backward()
    assert len(calls) == 2


@KINDS
def test_memory_is_given_up_and_no_cycle_is_left(reentrant):
    gc.disable()
    try:
        w = torch.ones(1000, requires_grad=True)
        x = torch.ones(1000, requires_grad=True)
        inside = []

        def f(x):
            h = (x * w).exp()
            inside.append(weakref.ref(h._a))
            return (h * h).tanh()

        y = checkpoint(f, x, use_reentrant=reentrant)
        assert inside[0]() is None  # exp would keep its result
        node = weakref.ref(y)
        y.sum().backward()
        assert all(r() is None for r in inside)
        assert x.grad is not None and w.grad is not None
        del y
        assert node() is None
        # a write to an argument makes a newer node that comes from the region; it must not close a cycle
        h = x * 1
        y = checkpoint(f, h, use_reentrant=reentrant)
        h.add_(y)
        memory, node = weakref.ref(h._a), weakref.ref(h)
        del h, y
        assert memory() is None and node() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("depth", [300, pytest.param(10**5, marks=pytest.mark.slow)])
def test_many_checkpoints_in_a_row(depth):
    x = y = torch.ones(2, requires_grad=True)
    for _ in range(depth):
        y = checkpoint(lambda y: y * 1.0, y, use_reentrant=False)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_without_a_graph():
    x, w = setup(torch)
    with torch.no_grad():
        assert not checkpoint(lambda x: x @ w, x, use_reentrant=False).requires_grad
    assert not checkpoint(torch.exp, x.detach(), use_reentrant=False).requires_grad
