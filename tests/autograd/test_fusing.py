"""Backward through rows of pointwise nodes by one kernel: the same bits as one rule after the other."""

import threading
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import tape, tiers
from tapegrad.define import base

pytestmark = pytest.mark.skipif(tiers.native_state().startswith("off"), reason="needs machine code")
N = 1 << 15


@pytest.fixture(autouse=True)
def fusing(monkeypatch):
    """The module, with what it made in this test, taking arrays of N elements."""
    tiers.wake()
    if not tiers.native_state().startswith("on"):
        pytest.skip("machine code does not run here")
    module = import_module("tapegrad.define.fusing")
    monkeypatch.setattr(module, "LEAST", N)
    monkeypatch.setattr(module, "_made", {})
    return module


def kernels(fusing):
    """How many kernels were made."""
    return sum(len(made or ()) for made in fusing._made.values())


def gradients(compute, leaves, fused, times=3):
    """The leaves' gradients of `times` backwards, the last of which finds kernels."""
    was, tape.row = tape.row, tape.row if fused else None
    try:
        for _ in range(times):
            for x in leaves:
                x.grad = None
            compute(*leaves).backward()
    finally:
        tape.row = was
    return [None if x.grad is None else x.grad.numpy().copy() for x in leaves]


def check(compute, leaves):
    fused, apart = gradients(compute, leaves, True), gradients(compute, leaves, False)
    for a, b in zip(fused, apart, strict=True):
        assert (a is None and b is None) or (a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True))


def leaf(shape=(N,), seed=0, dtype=torch.float32):
    torch.manual_seed(seed)
    return torch.randn(shape, dtype=dtype).requires_grad_()


CASES = {
    "gate": lambda x, y: (F.gelu(x) * torch.sigmoid(x) + torch.tanh(x)).sum(),
    "two leaves": lambda x, y: (torch.exp(x * y) * torch.sin(y)).sum(),
    "one leaf as it is": lambda x, y: (torch.tanh(x * x) + y).sum(),
    "with numbers": lambda x, y: ((x * 3.0 + 1) / 2.5 - (2 - y) ** 2).sum(),
    "choices": lambda x, y: torch.where(x > 0, torch.exp(y), F.leaky_relu(x * y, 0.1)).sum(),
    "extremes": lambda x, y: (torch.maximum(x, y) * torch.clamp(x, -1, 1)).sum(),
    "a seed of every element": lambda x, y: ((x.sigmoid() * y.cos()) ** 2).mean(),
    "another row behind": lambda x, y: torch.tanh(torch.exp(-(x * x)).cumsum(0) * y.sin()).sum(),
    "used again below": lambda x, y: (torch.cumsum(x.tanh() * y, 0) * x.tanh().exp()).sum() + (x * x).sum(),
    "shapes change": lambda x, y: (torch.tanh(x * y).reshape(2, -1).sin() * 2.0).exp().sum(),
    "only sums": lambda x, y: (x + y + x + y).sum(),
    "only signs": lambda x, y: torch.neg(-(x - y)).sum(),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_gradients_have_the_same_bits(name, dtype, fusing):
    leaves = leaf(dtype=dtype), leaf(seed=1, dtype=dtype)
    check(CASES[name], leaves)
    assert kernels(fusing)


def test_shapes_of_several_dimensions(fusing):
    check(CASES["gate"], (leaf((8, 64, 64)), leaf()))
    assert kernels(fusing)


def test_a_row_of_many_operands_is_left_alone(fusing):
    xs = [leaf(seed=k) for k in range(16)]

    def compute(*xs):
        y = xs[0]
        for x in xs[1:]:
            y = torch.tanh(y * x)
        return y.sum()

    check(compute, xs)
    assert not kernels(fusing)


def test_arguments_that_change_leave_room_for_others(fusing, monkeypatch):
    monkeypatch.setattr(fusing, "_ROWS", 4)
    x = leaf()
    for k in range(10):
        check(lambda x, k=k: (F.leaky_relu(torch.tanh(x), 0.1 + k) * 2).sum(), (x,))
    assert len(fusing._made) <= 4
    assert kernels(fusing) == 4
    for k in range(20, 30):
        F.leaky_relu(torch.tanh(x), 0.1 + k).sum().backward()
    assert len(fusing._made) <= 4


def test_broadcasting_ends_a_row():
    x, y = leaf((256, 128)), leaf((128,), 1)
    check(lambda x, y: (torch.tanh(x * y) * torch.exp(x)).sum(), (x, y))


def test_arrays_that_are_not_contiguous():
    x, y = leaf((256, 128)), leaf((128, 256), 1)
    check(lambda x, y: (torch.tanh(x * y.T) * torch.exp(x) * 2.0).T.sin().sum(), (x, y))


def test_float16_and_complex_numbers_are_left_alone(fusing):
    x = leaf()
    check(lambda x: (torch.tanh(x.half() * 2) * 3).float().sum(), (x,))
    check(lambda x: torch.abs(torch.exp(x * 1j) * 2 + 1).sum(), (x,))


def test_gradients_add_up(fusing):
    x, y = leaf(), leaf(seed=1)

    def run(fused):
        was, tape.row = tape.row, tape.row if fused else None
        x.grad = y.grad = None
        for _ in range(4):
            CASES["two leaves"](x, y).backward()
        tape.row = was
        return x.grad.clone(), y.grad.clone()

    for a, b in zip(run(True), run(False), strict=True):
        assert torch.equal(a, b)
    assert kernels(fusing)


def test_a_gradient_that_others_see_is_not_written():
    seed = torch.ones(N)
    for _ in range(3):
        x = leaf()
        y = leaf(seed=1)
        (torch.tanh(x * x) + y).backward(seed)
        y.grad.mul_(5)
        assert bool((seed == 1).all())


def test_a_graph_can_be_used_again_only_if_it_is_kept():
    for _ in range(3):
        x, y = leaf(), leaf(seed=1)
        out = CASES["gate"](x, y)
        out.backward(retain_graph=True)
        first = x.grad.clone()
        x.grad = None
        out.backward()
        assert torch.equal(first, x.grad)
        with pytest.raises(RuntimeError, match="already used and freed"):
            out.backward()


def test_hooks_and_retained_gradients_see_what_they_saw():
    seen = []
    for _ in range(3):
        x, y = leaf(), leaf(seed=1)
        z = torch.exp(x * y)
        z.retain_grad()
        w = torch.sin(z)
        w.register_hook(lambda g, seen=seen: seen.append(g.clone()))
        (w * torch.tanh(w)).sum().backward()
        seen += [z.grad.clone(), x.grad.clone()]
    for k in range(3, 9):
        assert torch.equal(seen[k], seen[k - 3])


def test_what_was_overwritten_is_told():
    for _ in range(3):
        x, y = leaf(), leaf(seed=1)
        z = torch.exp(x * y)
        w = torch.sin(z) * torch.tanh(z)
        with torch.no_grad():
            z.mul_(2)
        with pytest.raises(RuntimeError, match="was written in place"):
            w.sum().backward()
        assert x.grad is None


def test_higher_derivatives_and_wanted_gradients():
    x, y = leaf(), leaf(seed=1)
    for _ in range(3):
        out = CASES["gate"](x, y)
        (g,) = torch.autograd.grad(out, [x], create_graph=True)
        x.grad = None
        g.sum().backward()
        kept = x.grad.clone()
    x.grad = None
    was, tape.row = tape.row, None
    (g,) = torch.autograd.grad(CASES["gate"](x, y), [x], create_graph=True)
    g.sum().backward()
    tape.row = was
    assert torch.equal(kept, x.grad)


def test_threads_have_their_own_rows():
    expected = gradients(CASES["gate"], (leaf(), leaf(seed=1)), False)[0]
    leaves = [(leaf(), leaf(seed=1)) for _ in range(3)]

    def work(x, y):
        for _ in range(4):
            x.grad = None
            CASES["gate"](x, y).backward()

    threads = [threading.Thread(target=work, args=pair) for pair in leaves]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(np.array_equal(x.grad.numpy(), expected) for x, _ in leaves)


ONE = ["tanh", "sigmoid", "exp", "sin", "neg", "square", "abs", "relu", "gelu", "silu", "softplus"]
TWO = ["add", "sub", "mul", "maximum", "atan2"]
NUMBER = ["add", "mul", "sub", "div"]


@st.composite
def programs(draw):
    """Steps (name, operands): of two leaves, by functions of one, of two, and of one and a number."""
    steps = []
    for k in range(draw(st.integers(2, 9))):
        name = draw(st.sampled_from(ONE + TWO + [f"{n} number" for n in NUMBER] + ["where"]))
        given_by = st.integers(0, k + 1)
        steps.append((name, draw(given_by), draw(given_by), draw(st.floats(0.5, 2))))
    return steps


def run(steps, x, y):
    values = [x, y]
    for name, i, j, number in steps:
        a, b = values[i], values[j]
        if name in TWO:
            values.append(getattr(torch, name)(a, b))
        elif name == "where":
            values.append(torch.where(a > 0, b, a * number))
        elif name.endswith("number"):
            values.append(getattr(torch, name.split()[0])(a, number))
        else:
            values.append(getattr(F if hasattr(F, name) and not hasattr(torch, name) else torch, name)(a))
    return torch.tanh(values[-1] * 0.5 + values[len(values) // 2]).sum() + x.sum() + y.sum()


@settings(max_examples=25, deadline=None)
@given(programs(), st.booleans())
def test_any_program(steps, double):
    dtype = torch.float64 if double else torch.float32
    check(lambda x, y: run(steps, x, y), (leaf(dtype=dtype), leaf(seed=1, dtype=dtype)))


def test_every_pointwise_op_in_a_row(fusing):
    """Each op with a derivative between two others, as far as it takes these operands."""
    taken = 0
    for _, op in sorted(base.OPS.items()):
        if op.kind != "elementwise" or op.vjp is None or not all(isinstance(r, str) for r in op.rules):
            continue
        x, y, z = (leaf(seed=k) for k in range(3))
        given_to = (torch.sigmoid(x), torch.sigmoid(y), torch.sigmoid(z))[: len(op.rules)]
        try:
            op.call(*given_to)
        except (TypeError, RuntimeError):
            continue
        taken += 1

        def compute(*xs, op=op):
            return (op.call(*[torch.sigmoid(x) for x in xs]) * 0.5).exp().sum()

        check(compute, (x, y, z)[: len(op.rules)])
    assert taken > 60
    assert kernels(fusing) > 40
