"""Whole modules and optimizers in files: written here and read by torch, and the other way round."""

import io
from importlib import import_module

import pytest

import tapegrad
from tapegrad.serialization.names import torch_name
from tests.nn.samples import SAMPLES
from tests.nn.test_modules import module_of

torch = pytest.importorskip("torch")


def through(x, writer, reader):
    file = io.BytesIO()
    writer.save(x, file)
    file.seek(0)
    return reader.load(file, weights_only=False)


def made(library, sample):
    library.manual_seed(0)
    return module_of(library, sample)


KINDS = {s.name: s for s in SAMPLES}.values()


@pytest.mark.filterwarnings("ignore:`NLLLoss2d` has been deprecated")
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # torch says it of its own Transformer
@pytest.mark.filterwarnings("ignore:.*deprecated")
@pytest.mark.parametrize("sample", KINDS, ids=lambda s: s.name)
def test_modules_of_one_library_are_read_by_the_other(sample):
    ours, theirs = made(tapegrad, sample), made(torch, sample)
    read = through(ours, tapegrad, torch)
    assert type(read) is type(theirs)
    assert vars(read).keys() == vars(theirs).keys()
    back = through(theirs, torch, tapegrad)
    assert type(back) is type(ours)
    assert vars(back).keys() == vars(ours).keys()
    for a, b, names in ((read, theirs, vars(theirs)), (back, ours, vars(ours))):
        assert repr(a) == repr(b)
        assert {k: v.tolist() for k, v in a.state_dict().items()} == {
            k: v.tolist() for k, v in b.state_dict().items()
        }
        plain = [n for n in names if n[0] != "_"]
        assert [getattr(a, n) for n in plain] == [getattr(b, n) for n in plain]


SPACES = ("nn", "optim", "optim.lr_scheduler", "optim.swa_utils", "nn.utils", "utils.data")


@pytest.mark.parametrize("space", SPACES)
def test_classes_have_torchs_names_in_files(space):
    """A class that is in another module of torch belongs into names._ELSEWHERE, or its file into _FILES."""
    ours, theirs = (import_module(f"{t.__name__}.{space}") for t in (tapegrad, torch))
    for name in dir(ours):
        found, wanted = getattr(ours, name), getattr(theirs, name, None)
        if isinstance(found, type) and found.__module__.startswith("tapegrad.") and wanted is not None:
            assert torch_name(found) == (wanted.__module__, wanted.__qualname__)


@pytest.mark.filterwarnings("ignore:Seems like `optimizer.step")  # torch says it of its own files, too
def test_schedulers_travel():
    for a, b in ((tapegrad, torch), (torch, tapegrad)):
        p = a.nn.Parameter(a.ones(2))
        scheduler = a.optim.lr_scheduler.StepLR(a.optim.SGD([p], lr=1.0), 2)
        found = through(scheduler, a, b)
        for s in (found, scheduler):
            for _ in range(3):
                s.optimizer.step()
                s.step()
        assert found.get_last_lr() == scheduler.get_last_lr()


def double(module, args):
    return (args[0] * 2,)


def triple(module, args, kwargs, output):
    return output * 3


def test_hooks_travel():
    for a, b in ((tapegrad, torch), (torch, tapegrad), (tapegrad, tapegrad)):
        model = a.nn.Linear(1, 1)
        a.nn.init.ones_(model.weight)
        a.nn.init.zeros_(model.bias)
        model.register_forward_pre_hook(double)
        model.register_forward_hook(triple, with_kwargs=True)
        assert through(model, a, b)(b.ones(1, 1)).item() == 6


def test_hooks_of_state_dict_cannot_be_kept():
    model = tapegrad.nn.Linear(1, 1)
    model.register_state_dict_post_hook(double)
    with pytest.raises(RuntimeError, match=r"save its state_dict\(\) instead"):
        through(model, tapegrad, tapegrad)
    model = torch.nn.Linear(1, 1)
    model.register_load_state_dict_post_hook(double)
    with pytest.raises(RuntimeError, match="hooks of state_dict"):
        through(model, torch, tapegrad)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "LBFGS", "Adagrad", "NAdam", "Muon"])
def test_optimizers_continue_in_the_other_library(name):
    def started(t):
        p = t.nn.Parameter(t.arange(4.0).reshape(2, 2))
        return p, getattr(t.optim, name)([p], lr=0.1)

    def step(t, p, optimizer):
        p.grad = t.ones(2, 2)
        optimizer.step(lambda: t.tensor(1.0))

    for a, b in ((tapegrad, torch), (torch, tapegrad)):
        p, optimizer = started(a)
        step(a, p, optimizer)
        whole = through(optimizer, a, b)
        assert repr(whole) == repr(optimizer)
        q, other = started(b)
        other.load_state_dict(through(optimizer.state_dict(), a, b))
        q.data = b.tensor(p.tolist())
        step(a, p, optimizer)
        step(b, q, other)
        assert q.view(-1).tolist() == pytest.approx(p.view(-1).tolist(), rel=1e-6)


def test_lazy_modules_stay_lazy():
    for name, args, shape in (("LazyLinear", (3,), (2, 5)), ("LazyBatchNorm1d", (), (4, 5))):
        found = through(getattr(tapegrad.nn, name)(*args), tapegrad, tapegrad)
        assert found.has_uninitialized_params()
        assert found(tapegrad.ones(shape)).shape[0] == shape[0]
        assert type(found) is getattr(tapegrad.nn, name.removeprefix("Lazy"))
    theirs = through(tapegrad.nn.LazyLinear(3).state_dict(), tapegrad, torch)
    assert type(theirs["weight"]) is torch.nn.UninitializedParameter


class Net(tapegrad.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = tapegrad.nn.Linear(2, 2)
        self.register_buffer("scale", tapegrad.full((1,), 3.0), persistent=False)

    def forward(self, x):
        return self.layer(x) * self.scale


def test_modules_of_the_user():
    net = Net()
    found = through(net, tapegrad, tapegrad)
    x = tapegrad.ones(1, 2)
    assert found(x).tolist() == net(x).tolist()
    assert type(found) is Net
