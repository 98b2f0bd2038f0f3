"""ledger: every buffer once, under the right op, line, module and name; and the leaks of training loops."""

import dataclasses
import gc
import inspect
import weakref

import pytest

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import nn
from tapegrad.autograd import grad, ledger


def line(offset=0):
    return f"test_ledger.py:{inspect.currentframe().f_back.f_lineno + offset}"


def test_an_mlp():
    model = nn.Sequential(nn.Linear(8, 100), nn.ReLU(), nn.Linear(100, 1))
    x, y = torch.randn(32, 8), torch.randn(32, 1)
    loss = F.mse_loss(model(x), y)
    at = line(-1)
    book = ledger(loss)
    relu = next(r for r in book.rows if r.op == "relu")
    assert (relu.bytes, relu.count, relu.role, relu.shape) == (32 * 100 * 4, 1, "output", (32, 100))
    assert (relu.tensor, relu.module, relu.line) == ("", "model", at)
    assert relu.source == "loss = F.mse_loss(model(x), y)"
    by_name = {r.tensor: r for r in book.rows if r.tensor}
    assert (by_name["x"].op, by_name["x"].module, by_name["x"].bytes) == ("linear", "model.0", 32 * 8 * 4)
    assert by_name["model.2.weight"].bytes == 400
    assert "model.0.weight" not in by_name  # x needs no gradient, so nobody reads the first layer's weight
    assert book.bytes == sum(r.bytes for r in book.rows) == sum(t.bytes for t in book.by("op"))
    assert book.alone == book.bytes - sum(r.bytes for r in by_name.values())
    assert [t.key for t in book.by("module")][:2] == ["model", "model.0"]
    assert book.rows == tuple(sorted(book.rows, reverse=True)) and not book.leaks


def test_views_and_consumers_share_one_buffer():
    x = torch.ones(100, requires_grad=True)
    h = x.exp()
    loss = (h[:50] * h[50:]).sum() + (h * h).sum()
    book = ledger(loss)
    assert sum(r.bytes for r in book.rows if r.shape and r.shape[0] >= 50) == 400
    assert {r.tensor for r in book.rows if r.bytes >= 200} == {"h"}
    alias = h.data
    book = ledger((alias * x).sum() + loss)
    assert sum(r.bytes for r in book.rows if r.shape and r.shape[0] >= 50) == 400


def test_after_a_backward_only_small_values_and_gradients_are_left():
    w = torch.ones(1000, requires_grad=True)
    loss = (w * w).sum()
    assert ledger(loss).by("role")[0].key == "input 1"
    loss.backward()
    book = ledger(loss)
    assert [(r.role, r.tensor, r.bytes) for r in book.rows] == [
        ("gradient", "w.grad", 4000),
        ("value", "loss", 4),
    ]


def test_indices_masks_retained_gradients_and_hooks():
    w = torch.ones(1000, requires_grad=True)
    index, seen = torch.arange(500), torch.zeros(250)
    h = w[index]
    h.retain_grad()
    h.register_hook(lambda g: g + seen[0])
    loss = (h * 2).sum()
    roles = {(r.role, r.tensor): r.bytes for r in ledger(loss).rows}
    assert roles["argument", "index"] == 4000
    assert roles["hook", "seen"] == 1000
    loss.backward(retain_graph=True)
    roles = {(r.role, r.tensor): r.bytes for r in ledger(loss).rows}
    assert roles["retained gradient", ""] == 2000


def test_rows_are_data_and_print_as_tables():
    a, b = torch.ones(30, requires_grad=True), torch.ones(30)
    book = ledger((a * b).exp().sum())
    assert dataclasses.asdict(book.rows[0])["bytes"] == 120
    assert min(book.rows).bytes <= max(book.rows).bytes
    printed = repr(book)
    assert "bytes  count  op" in printed and "float32[30]" in printed and "mul" in printed
    assert "<script>" not in ledger(a.exp(), names={"<script>": a})._repr_html_()
    assert "<table>" in book._repr_html_()


def test_names_can_be_given():
    a = torch.ones(30, requires_grad=True)
    assert ledger((a * a).sum(), names={"first": a}).rows[0].tensor == "first"


def test_without_tensors_it_is_about_all_variables():
    a = torch.ones(30, requires_grad=True)
    first, second = (a * 2).exp(), (a * 3).exp()
    assert ledger().nodes == 5
    assert {t.key for t in ledger(first).others} == {"second"}
    del second


def test_what_has_no_graph():
    book = ledger(torch.ones(3))
    assert (book.rows, book.nodes, book.bytes) == ((), 0, 0) and "0 nodes" in repr(book)
    with pytest.raises(TypeError, match=r"ledger: float is given; a Tensor is needed"):
        ledger(1.0)


def steps(n):
    w, x = torch.zeros(20, 1, requires_grad=True), torch.ones(10, 20)
    for _ in range(n):
        yield w, x, ((x @ w - 1) ** 2).mean()


@pytest.mark.parametrize("form", ["iadd", "add", "tensor", "average"])
def test_a_running_total_with_graphs_is_a_leak(form):
    total = torch.zeros(()) if form == "tensor" else 0
    for _, _, loss in steps(5):
        loss.backward()
        if form == "add":
            total = total + loss
        elif form == "average":
            total = total * 0.9 + loss * 0.1
        else:
            total += loss
    (leak,) = ledger(loss).leaks
    assert (leak.kind, leak.name, leak.certain) == ("running total", "total", True)
    assert leak.steps in (4, 5) and leak.nodes >= 20
    assert "loss.item()" in str(leak) and "total" in leak.source and leak.line.startswith("test_ledger.py:")
    assert str(leak) in repr(ledger(total)) and "leak: " in ledger(total)._repr_html_()


def test_a_sum_for_one_backward_is_only_suspected():
    total = 0
    for _, _, loss in steps(4):
        total = total + loss
    (leak,) = ledger(total).leaks
    assert not leak.certain and "If one backward() goes through all of it, this is right." in str(leak)


def test_a_list_of_losses_is_a_leak():
    losses = []
    for _, _, loss in steps(4):
        loss.backward()
        losses.append(loss)
    (leak,) = ledger(loss).leaks
    assert (leak.kind, leak.name, leak.steps, leak.certain) == ("list of losses", "losses", 4, True)
    losses = [x.item() for x in losses]
    assert not ledger(loss).leaks


def test_a_weight_that_is_rebound_is_a_leak():
    x = torch.ones(10, 20)
    w = torch.zeros(20, 1, requires_grad=True)
    for _ in range(4):
        loss = ((x @ w - 1) ** 2).mean()
        (g,) = grad(loss, w)
        w = w - 0.1 * g
    (leak,) = ledger(loss).leaks
    assert (leak.kind, leak.steps, leak.certain) == ("rebound weight", 4, True)
    assert leak.name == "w" and "no_grad()" in str(leak)


def test_a_model_whose_weight_is_rebound():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.zeros(20, 1, requires_grad=True)

    model, x = Model(), torch.ones(10, 20)
    for _ in range(4):
        loss = ((x @ model.w - 1) ** 2).mean()
        (g,) = grad(loss, model.w)
        model.w = model.w + -0.1 * g
    (leak,) = ledger(loss).leaks
    assert (leak.kind, leak.name) == ("rebound weight", "model.w")


def test_loops_inside_a_model_are_no_leaks():
    u, x = torch.eye(4).requires_grad_(), torch.ones(3, 4)
    h, skip, power, total = x, x, torch.ones(3, requires_grad=True), 0
    block = nn.Linear(4, 4)
    for _ in range(6):
        h = torch.tanh(h @ u + x)
        skip = skip + block(skip)
        power = power * 0.5 - 1
        total = total + (power * 2).sum() * 0
        power = power + total  # each summand depends on the total before it
    assert not ledger(h.sum() + skip.sum() + power.sum(), names={}).leaks


def test_updates_under_no_grad_are_no_leak():
    for w, _, loss in steps(5):
        loss.backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
        w.grad = None
    assert not ledger(loss).leaks


def test_deep_graphs():
    c = torch.ones(3)
    x = torch.zeros(3, requires_grad=True)
    for _ in range(20_000):
        x = x - c
    book = ledger(x)
    assert book.nodes == 20_001 and book.leaks[0].steps == 20_000 and len(book.rows) < 10


@pytest.mark.slow
def test_a_million_nodes():
    x = torch.tensor(1.0, requires_grad=True)
    for _ in range(1_000_000):
        x = x * 1.0
    assert ledger(x).nodes == 1_000_001


def test_it_changes_nothing_and_leaves_nothing_behind():
    a = torch.ones(30, requires_grad=True)
    loss = (a * a).sum()
    book = ledger(loss)
    loss.backward()
    assert a.grad.tolist() == [2.0] * 30
    gone = weakref.ref(a)
    gc.disable()
    try:
        del a, loss
        assert gone() is None and book.bytes
    finally:
        gc.enable()
