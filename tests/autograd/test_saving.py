"""Hooks on saved values, and anomaly mode."""

import gc
import weakref

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.autograd import Function, detect_anomaly, set_detect_anomaly
from tapegrad.autograd.anomaly_mode import is_anomaly_enabled
from tapegrad.autograd.graph import (
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)
from tests.autograd.comparing import same

HOOKS = {
    "scaled": (lambda t, x: x * 2, lambda t, x: x),
    "numpy": (lambda t, x: x.numpy().copy(), lambda t, a: t.tensor(a)),
    "no tensor": (lambda t, x: x, lambda t, x: None),
    "another shape": (lambda t, x: x, lambda t, x: t.ones(2)),
    "another dtype": (lambda t, x: x, lambda t, x: x.double()),
    "in place": (lambda t, x: x.mul_(2), lambda t, x: x),
    "error": (lambda t, x: 1 / 0, lambda t, x: x),
}


@pytest.mark.parametrize("what", HOOKS)
def test_what_hooks_return(what):
    pack, unpack = HOOKS[what]

    def program(torch):
        x = torch.ones(3, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(lambda q: pack(torch, q), lambda q: unpack(torch, q)):
            y = x.exp()
        y.sum().backward()
        return x.grad

    same(program)


def test_when_hooks_are_called():
    def program(torch):
        seen = []

        def note(name):
            return lambda q: seen.append((name, q.detach(), torch.is_grad_enabled())) or q

        x, w = torch.ones(3, requires_grad=True), torch.full((3,), 2.0, requires_grad=True)
        hooks = torch.autograd.graph.saved_tensors_hooks
        with hooks(note("outer pack"), note("outer unpack")):
            with hooks(note("inner pack"), note("inner unpack")):
                y = x * w
            z = y.exp() + 1
        z.sum().backward(retain_graph=True)
        z.sum().backward()
        return sorted(map(str, seen)), x.grad

    same(program)


def test_second_derivatives_through_packed_values():
    def program(torch):
        x = torch.ones(3, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(lambda q: q.clone(), lambda q: q):
            (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
            return g, torch.autograd.grad(g.sum(), x)

    same(program)


def test_hooks_on_what_functions_save():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    x = torch.ones(3, requires_grad=True)
    with saved_tensors_hooks(lambda q: q * 5, lambda q: q):
        y = Square.apply(x)
    y.sum().backward()
    assert x.grad.tolist() == [10.0] * 3


def test_disabled_hooks():
    def inside(torch):
        with torch.autograd.graph.disable_saved_tensors_hooks("no"), torch.autograd.graph.save_on_cpu():
            pass

    def around(torch):
        with torch.autograd.graph.save_on_cpu(), torch.autograd.graph.disable_saved_tensors_hooks("no"):
            pass

    assert same(inside) == same(around) == "RuntimeError"
    with pytest.raises(RuntimeError, match=r"^no$"), disable_saved_tensors_hooks("no"), save_on_cpu():
        pass


def test_writes_to_what_was_packed():
    def program(torch):
        x = torch.ones(3, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(lambda q: q, lambda q: q):
            y = x * 2
            y.mul_(y.detach() + 1)  # reads what it overwrites
        y.sum().backward()
        return x.grad

    same(program)


def test_mutation_of_saved_tensors_can_be_allowed():
    x = torch.ones(3, requires_grad=True)
    with allow_mutation_on_saved_tensors():
        a = x * 1
        y = a.sin()
        a.add_(5)
        y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.cos(np.ones(3, "f4")), rtol=1e-6)
    with allow_mutation_on_saved_tensors(), pytest.raises(RuntimeError, match="leaf"):
        x.add_(1)


def test_packed_memory_is_freed():
    gc.disable()
    try:
        x = torch.ones(100, requires_grad=True)
        with saved_tensors_hooks(lambda q: q.sum(), lambda s: torch.ones(100)):
            y = x.exp()
        memory = weakref.ref(y._a)
        z = y.sum()
        del y
        assert memory() is None
        z.backward()
        node = weakref.ref(z)
        del z
        assert node() is None
    finally:
        gc.enable()


# ---- anomaly mode


def test_the_first_nan_is_named_with_its_line():
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    with detect_anomaly():
        y = (x.sqrt() * 0).sum()
        with pytest.raises(
            RuntimeError, match=r"sqrt backward: the gradient of its input 0, .* 1 nan; .*no nan.*py:"
        ):
            y.backward()
        assert is_anomaly_enabled()
    assert not is_anomaly_enabled() and x.grad is None
    (x.sqrt() * 0).sum().backward()
    assert np.isnan(x.grad[0].item())


def test_anomaly_mode_as_torch_has_it():
    def program(torch, check_nan, create_graph):
        x = torch.tensor([0.0, 4.0], requires_grad=True)
        with torch.autograd.detect_anomaly(check_nan=check_nan):
            torch.autograd.grad((x.sqrt() * 0).sum(), x, create_graph=create_graph)

    assert same(lambda t: program(t, True, False)) == same(lambda t: program(t, True, True)) == "RuntimeError"
    assert same(lambda t: program(t, False, False)) is None


def test_set_detect_anomaly():
    set_detect_anomaly(True)
    assert is_anomaly_enabled()
    with set_detect_anomaly(False):
        assert not is_anomaly_enabled()
    assert is_anomaly_enabled()
    set_detect_anomaly(False)
    x = torch.tensor([0.0], requires_grad=True)
    (x.sqrt() * 0).sum().backward()


def test_an_exception_in_a_rule_says_where_its_operation_was_recorded():
    class Failing(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return {}[0]

    y = Failing.apply(torch.ones(1, requires_grad=True))
    with pytest.raises(KeyError) as caught:
        y.sum().backward()
    assert "Failing, recorded at test_saving.py:" in caught.value.__notes__[0]
