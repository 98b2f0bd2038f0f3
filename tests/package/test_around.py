"""What programs touch around tensors and modules: jit, distributed, onnx, multiprocessing, DataParallel."""

import warnings

import pytest

import tapegrad as torch
from tapegrad import TapegradWarning, nn


def child(i, path):
    (path / str(i)).write_text(str(i))


def failing(i):
    raise SystemExit(3 * i)


def test_scripted_and_traced_are_what_was_given():
    model = nn.Linear(2, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TapegradWarning)  # it says once that nothing is compiled
        assert torch.jit.script(model) is model
        assert torch.jit.trace(model, torch.ones(1, 2)) is model
        assert torch.jit.trace_module(model, {}) is model

    @torch.jit.ignore
    def f(x):
        return x

    @torch.jit.ignore(drop=True)
    def g(x):
        return x

    assert (f(1), g(2), torch.jit.wait(torch.jit.fork(f, 3)), torch.jit.annotate(int, 4)) == (1, 2, 3, 4)
    assert not torch.jit.is_scripting() and not torch.jit.is_tracing()
    assert isinstance(model, torch.jit.ScriptModule)
    for refused in (torch.jit.save, torch.jit.load):
        with pytest.raises(NotImplementedError, match=r"jit\.\w+: files of compiled programs"):
            refused("m.pt", None)


def test_there_is_one_process():
    assert not torch.distributed.is_available()
    assert not torch.distributed.is_initialized()
    for ask in (torch.distributed.get_rank, torch.distributed.get_world_size, torch.distributed.barrier):
        with pytest.raises(ValueError, match="there is no process group"):
            ask()
    with pytest.raises(RuntimeError, match="there is no process group"):
        torch.distributed.init_process_group("gloo")


def test_onnx_says_what_to_do():
    assert not torch.onnx.is_in_onnx_export()
    with pytest.raises(NotImplementedError, match="save a state_dict"):
        torch.onnx.export(nn.Linear(2, 1), (torch.ones(2),), "m.onnx")


@pytest.mark.parametrize("space", ["jit", "distributed", "onnx"])
def test_absent_names(space):
    with pytest.raises(AttributeError, match=f"torch.{space} of tapegrad has no 'quux'"):
        getattr(torch, space).quux  # noqa: B018 # the look-up is the test


def test_spawn(tmp_path):
    torch.multiprocessing.spawn(child, (tmp_path,), nprocs=2, start_method="fork")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1"]
    with pytest.raises(RuntimeError, match="spawn: process 1 ended with exit code 3"):
        torch.multiprocessing.spawn(failing, nprocs=2, start_method="fork")
    context = torch.multiprocessing.spawn(child, (tmp_path,), nprocs=2, join=False, start_method="fork")
    assert len(context.pids()) == 2
    while not context.join():
        pass
    torch.multiprocessing.set_sharing_strategy("file_system")
    with pytest.raises(ValueError, match="'file_system' is needed"):
        torch.multiprocessing.set_sharing_strategy("other")


def test_data_parallel():
    model = nn.DataParallel(nn.Linear(2, 1))
    x = torch.ones(3, 2)
    assert torch.equal(model(x), model.module(x))
    assert list(model.state_dict()) == ["module.weight", "module.bias"]
    assert torch.equal(nn.parallel.data_parallel(model.module, x), model(x))
    assert repr(model).startswith("DataParallel(\n  (module): Linear(")


def test_what_is_drawn_in_a_fork_does_not_count():
    from tapegrad import random

    random.manual_seed(3)
    expected = torch.rand(4).tolist()
    for enabled in (True, False):
        random.manual_seed(3)
        with random.fork_rng(devices=[], enabled=enabled, device_type="cuda"):
            torch.rand(4)
            torch.manual_seed(9)
        assert (torch.rand(4).tolist() == expected) is enabled
    random.manual_seed(3)
    with pytest.raises(KeyError), random.fork_rng():
        torch.rand(4)
        raise KeyError
    assert torch.rand(4).tolist() == expected


def test_capsules_share_memory():
    from tapegrad.utils import dlpack

    x = torch.arange(3.0)
    y = dlpack.from_dlpack(dlpack.to_dlpack(x))
    y[0] = 7
    assert x.tolist() == [7, 1, 2]
    assert dlpack.from_dlpack(x.numpy()).tolist() == [7, 1, 2]
    with pytest.raises(RuntimeError, match="has no __dlpack__"):
        dlpack.from_dlpack([1, 2])


def test_names_for_annotations_are_there():
    from tapegrad.types import Device, Number

    assert isinstance(torch.device("cpu"), Device)
    assert isinstance(2.5, Number)
    assert not isinstance("2.5", Number)
