"""doctor: each way in which a model fails to train is found, with its line; a sound step has no findings."""

import gc
import inspect
import weakref
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import func, nn
from tapegrad.autograd import doctor, grad


def line(offset=0):
    return f"test_doctor.py:{inspect.currentframe().f_back.f_lineno + offset}"


def network():
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))


X, Y = torch.arange(12.0).reshape(3, 4) / 10, torch.ones(3, 1)


def kinds(checkup):
    return [f.kind for f in checkup]


def test_a_sound_step_has_no_findings():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with doctor(model, optimizer=optimizer) as d:
        for _ in range(3):
            optimizer.zero_grad()
            loss = F.mse_loss(model(X), Y)
            loss.backward()
            optimizer.step()
            float(loss), loss.item(), loss.detach(), bool(loss > 0)  # looking at it cuts nothing
    assert d.healthy and not len(d) and "no findings" in repr(d)
    assert doctor(model, lambda: F.mse_loss(model(X), Y), optimizer).healthy
    loss = F.mse_loss(model(X), Y)
    optimizer.zero_grad()
    assert doctor(model, loss, optimizer).healthy
    loss.backward()
    assert doctor(model, loss, optimizer).healthy


def test_watching_changes_no_number():
    torch.manual_seed(0)
    model = network()
    loss = F.mse_loss(model(X), Y)
    loss.backward()
    plain = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    with doctor(model):
        F.mse_loss(model(X), Y).backward()
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), plain, strict=True))


CUTS = {
    "detach()": lambda h: h.detach(),
    "data": lambda h: h.data,
    "item()": lambda h: h.sum().item() * torch.ones(3, 5),
    "tolist()": lambda h: torch.tensor(h.tolist()),
    "numpy()": lambda h: torch.from_numpy(h.numpy(force=True) * 2),
    "float()": lambda h: torch.ones(3, 5) * float(h.sum()),
    "int()": lambda h: torch.ones(3, 5) * int(h.sum()),
    "to_copy": lambda h: (h * 10).long().float(),
    "argmax": lambda h: torch.ones(3, 5) * h.argmax(),
    "gt": lambda h: torch.where(h > 0, torch.ones(3, 5), 0.0),
}


@pytest.mark.parametrize("how", CUTS)
def test_the_line_that_cuts_a_path(how):
    first, second = nn.Linear(4, 5), nn.Linear(5, 1)
    model = nn.Sequential(first, second)

    def loss():
        h = CUTS[how](first(X))
        return F.mse_loss(second(h), Y)

    (found,) = doctor(model, loss)
    assert (found.kind, found.names) == ("no gradient", ("0.weight", "0.bias"))
    source = Path(__file__).read_text().splitlines()
    at = next(n for n, text in enumerate(source, 1) if text.startswith(f'    "{how}": lambda'))
    assert found.line == f"test_doctor.py:{at}", found
    assert how in found.text and "lambda h:" in found.text and found.cure


def test_no_grad():
    model = network()

    def loss():
        with torch.no_grad():
            h = model[0](X)
        return F.mse_loss(model[2](torch.tanh(h)), Y)

    at = line(-3)
    (found,) = doctor(model, loss)
    assert (found.names, found.line) == (("0.weight", "0.bias"), at)
    assert "no_grad() (linear): h = model[0](X)" in found.text and "no_grad()" in found.cure


def test_of_several_cuts_the_one_on_the_way_to_the_loss_counts():
    w, v = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)

    def loss():
        h = w * 2
        h.sum().item()
        h.detach()
        with torch.no_grad():
            s = h.exp()
        return (s * v).sum()

    (found,) = doctor({"w": w, "v": v}, loss)
    assert found.names == ("w",) and found.text.count("test_doctor.py") == 1 and "exp" in found.text


def test_unused_and_used_for_nothing():
    a, b, c = (torch.ones(2, requires_grad=True) for _ in range(3))

    def loss():
        b.exp()
        return a.sum()

    first, second = doctor([a, b, c], loss)
    assert first.names == ("b",) and first.line == line(-4) and "but not for the loss" in first.text
    assert second.names == ("c",) and "no operation of this step used it" in second.text


def test_paths_through_views_writes_splits_and_numbers_are_followed():
    w, s = torch.ones(4, requires_grad=True), torch.tensor(2.0, requires_grad=True)

    def loss():
        buffer = torch.zeros(4)
        buffer[:2] = (w * s).split(2)[0]
        return buffer.view(2, 2).sum() + s.view(1).detach().sum()

    assert doctor([w, s], loss).healthy


def test_a_loss_without_a_graph():
    model = network()

    def loss():
        with torch.no_grad():
            return F.mse_loss(model(X), Y)

    d = doctor(model, loss)
    assert kinds(d) == ["no graph", "no gradient"] and "no_grad()" in d.findings[1].text
    d = doctor(model, loss())
    assert kinds(d) == ["no graph", "no gradient"] and d.unknown and "not known: where the paths" in repr(d)


def test_an_error_in_the_step_gets_the_findings_as_a_note():
    model = network()
    with pytest.raises(RuntimeError, match="does not require grad") as caught, doctor(model):
        F.mse_loss(model(X).detach(), Y).backward()
    (note,) = caught.value.__notes__
    assert "the path is cut at test_doctor.py" in note and "detach()" in note


def test_only_the_loss_is_given():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 5), nn.Linear(5, 1)

        def forward(self, x):
            return self.second(self.first(x).detach())

    at = line(-2)
    model = Model()
    d = doctor(model, F.mse_loss(model(X), Y))
    (found,) = d
    assert found.names == ("first.weight", "first.bias")
    assert f"{at}: return self.second(self.first(x).detach())" in found.cure  # a line to look at
    assert "where the paths are cut" in d.unknown[0]


def test_gradients_that_are_never_zeroed():
    w, b = torch.ones(3, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=0.1)
    with doctor([w, b], optimizer=optimizer) as d:
        for _ in range(2):
            ((w * 2).sum() + b).backward()
            optimizer.step()
    assert kinds(d) == ["not zeroed"] and d.findings[0].names == ("w", "b")
    with doctor([w, b], optimizer=optimizer) as d:  # one step is enough if there was one before
        ((w * 2).sum() + b).backward()
        optimizer.step()
    assert kinds(d) == ["not zeroed"]
    assert kinds(doctor([w, b], (w * b * 2).sum(), optimizer)) == ["not zeroed"]
    for form in (True, False):
        with doctor([w, b], optimizer=optimizer) as d:
            optimizer.zero_grad(set_to_none=form)
            for _ in range(3):  # gradients of three batches, added on purpose
                ((w * 2).sum() + b).backward()
            optimizer.step()
        assert d.healthy, d
    with doctor([w, b]) as d:
        grad((w * b).sum(), [w, b])  # adds to nothing
    assert d.healthy, d


def test_zero_gradients_and_broken_ones():
    w, v, u = (torch.full((3,), x, requires_grad=True) for x in (-1.0, 1.0, 0.0))
    with doctor([w, v, u]) as d:
        (torch.relu(w) + v + u.sqrt()).sum().backward()
    assert [(f.kind, f.names) for f in d] == [("zero gradient", ("w",)), ("not finite", ("u",))]
    assert "relu" in d.findings[0].cure and "trace_nonfinite" in d.findings[1].cure


def test_a_step_or_a_backward_that_is_missing():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with doctor(model, optimizer=optimizer) as d:
        F.mse_loss(model(X), Y).backward()
    assert kinds(d) == ["no step"]
    model.zero_grad()
    with doctor(model, optimizer=optimizer) as d:
        optimizer.step()
        F.mse_loss(model(X), Y).backward()
    assert kinds(d) == ["no step"]
    with doctor(model, optimizer=optimizer) as d:
        F.mse_loss(model(X), Y)
    assert kinds(d) == ["no backward"]


def test_weights_rebound_to_results():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.zeros(4, 1, requires_grad=True)
            self.layer = nn.Linear(1, 1)

        def forward(self, x):
            self.seen = self.layer(x @ self.w)
            return self.seen

    model = Model()
    (found,) = doctor(model, F.mse_loss(model(X), Y))
    assert (found.kind, found.names) == ("not registered", ("w",)) and "nn.Parameter" in found.cure
    model.w = model.w - 0.1
    at = line(-1)
    (found,) = doctor(model, F.mse_loss(model(X), Y))  # an activation that is kept is none
    assert (found.kind, found.names, found.line) == ("rebound", ("w",), at)
    w = torch.ones(2, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)
    w = w - 0.1
    assert kinds(doctor([w], w.sum(), optimizer)) == ["rebound", "optimizer", "optimizer"]


def test_modules_and_parameters_in_plain_lists():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(4, 4)]
            self.scales = {"a": nn.Parameter(torch.ones(1))}
            self.sizes = [1, 2]
            self.last = nn.Linear(4, 1)

        def forward(self, x):
            return self.last(self.layers[0](x) * self.scales["a"])

    model = Model()
    found = list(doctor(model, lambda: model(X).sum()))
    assert [(f.kind, f.names) for f in found] == [
        ("not registered", ("layers",)),
        ("not registered", ("scales",)),
    ]


def test_an_optimizer_that_holds_other_tensors():
    old, model = network(), network()
    optimizer = torch.optim.SGD(old.parameters(), lr=0.1)
    missing, other = doctor(model, F.mse_loss(model(X), Y), optimizer)
    assert missing.kind == other.kind == "optimizer" and missing.names == (
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    )
    assert other.names[0] == "old.0.weight" and "`old.2.bias`" in other.text
    assert "made at test_doctor.py:" in other.text
    assert doctor(model, F.mse_loss(model(X), Y), torch.optim.SGD(model.parameters(), lr=0.1)).healthy


def test_modes():
    model = network().eval()
    assert [f.text for f in doctor(model, lambda: model(X).sum())] == ["the model is in evaluation mode."]
    model.train()
    model[0].eval()
    (found,) = doctor(model, model(X).sum())
    assert found.kind == "mode" and found.names == ("0",)
    model.train()
    with doctor(model) as d:
        model(X).sum().backward()
        model.eval()  # after the step, for the validation
    assert d.healthy


def test_frozen_parameters():
    model = network()
    model[0].requires_grad_(False)
    (found,) = doctor(model, lambda: model(X).sum())
    assert (found.kind, found.names) == ("frozen", ("0.weight", "0.bias"))


def test_what_it_cannot_examine():
    model = network()
    with pytest.raises(TypeError, match=r"doctor: loss is SGD; .* Pass the optimizer as optimizer="):
        doctor(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(TypeError, match="doctor: model is int; a Module"):
        doctor(3)
    with pytest.raises(TypeError, match="doctor: optimizer is int; an Optimizer"):
        doctor(model, None, 3)


def test_it_prints():
    model = network()
    d = doctor(model)
    assert "not examined yet" in repr(d)
    d = doctor(model, lambda: model(X).detach().sum())
    assert repr(d).startswith(
        "doctor: Sequential with 4 parameters: 2 findings\n1. no graph: the loss, float32[]"
    )
    assert "<table>" in d._repr_html_() and "detach()" in d._repr_html_()
    assert str(d.findings[0]).startswith("no graph: the loss")


def test_inside_transforms():
    w, x = torch.ones(3, requires_grad=True), torch.ones(4, 1)
    assert doctor([w], lambda: func.vmap(lambda a: a * w)(x).sum()).healthy
    d = doctor([w], lambda: func.vmap(lambda a: a * w.detach())(x).sum())
    assert kinds(d) == ["no graph", "no gradient"] and "detach()" in d.findings[1].text


def test_nothing_is_left_behind():
    model = network()
    with doctor(model) as d:
        loss = F.mse_loss(model(X), Y)
        loss.backward()
    assert torch._state.special.alert in (0, 1) and not torch._state.watching()
    with suppress(ValueError), doctor(model):
        raise ValueError
    assert not torch._state.watching()
    gone = weakref.ref(loss), weakref.ref(model[0])
    gc.disable()
    try:
        del loss, model, d
        assert [r() for r in gone] == [None, None]
    finally:
        gc.enable()


def test_two_doctors_and_numpy_values_at_once():
    first, second = nn.Linear(4, 4), nn.Linear(4, 1)
    with doctor(first) as outer, doctor(second) as inner:
        second(first(X).detach()).sum().backward()
    assert kinds(outer) == ["no gradient"] and inner.healthy
    assert np.isfinite(second.weight.grad.numpy()).all()
