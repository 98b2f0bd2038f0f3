"""GradScaler does what torch's does."""

import pytest

import tapegrad
from tapegrad import TapegradWarning, nn


def trained(lib):
    """Scales, gradients and values of five steps, one of which meets inf."""
    p = lib.nn.Parameter(lib.ones(2))
    optimizer = lib.optim.SGD([p], lr=0.1)
    scaler = lib.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
    found = [scaler.get_scale(), scaler.state_dict()]
    for i in range(5):
        optimizer.zero_grad()
        loss = (p * (float("inf") if i == 2 else i + 1.0)).sum()
        scaler.scale(loss).backward()
        if i % 2:
            scaler.unscale_(optimizer)
            found.append(p.grad.tolist())
        found.append(scaler.step(optimizer))
        scaler.update()
        found += [scaler.get_scale(), p.tolist(), scaler.state_dict()]
    scaler.update(3.0)
    first, (second,) = scaler.scale([p, (p * 2,)])
    found += [scaler.get_scale(), first.tolist(), second.tolist()]
    other = lib.amp.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    return [*found, other.state_dict()]


def mistakes(lib):
    """The class of the error of each wrong use."""
    p = lib.nn.Parameter(lib.ones(2))
    optimizer = lib.optim.SGD([p], lr=0.1)
    scaler = lib.amp.GradScaler("cpu")
    kinds = []

    def wrong(use, *args, **kwargs):
        with pytest.raises(Exception) as caught:  # the classes are what is compared
            use(*args, **kwargs)
        kinds.append(caught.type)

    wrong(scaler.update)
    wrong(scaler.step, optimizer)
    wrong(scaler.scale, 3)
    wrong(scaler.load_state_dict, {})
    wrong(lib.amp.GradScaler, "cpu", growth_factor=0.5)
    wrong(lib.amp.GradScaler, "cpu", backoff_factor=2.0)
    scaler.scale(p.sum()).backward()
    wrong(scaler.update)
    wrong(scaler.step, optimizer, closure=lambda: 1)
    scaler.unscale_(optimizer)
    wrong(scaler.unscale_, optimizer)
    scaler.step(optimizer)
    wrong(scaler.step, optimizer)
    wrong(scaler.unscale_, optimizer)
    scaler.update()
    p.grad = None
    wrong(scaler.step, optimizer)
    return kinds


def test_scaler_as_torch():
    torch = pytest.importorskip("torch")
    assert trained(tapegrad) == trained(torch)
    assert mistakes(tapegrad) == mistakes(torch)


def test_scaler():
    found = trained(tapegrad)
    assert found[0] == 4.0
    assert [x for x in found if isinstance(x, float)] == [4.0, 4.0, 8.0, 4.0, 4.0, 8.0, 3.0]


def test_a_disabled_scaler_does_nothing():
    scaler = tapegrad.GradScaler(enabled=False)
    optimizer = tapegrad.optim.SGD([nn.Parameter(tapegrad.ones(1))], lr=0.1)
    assert scaler.scale("anything") == "anything"
    assert scaler.state_dict() == {} and scaler.get_scale() == 1.0 and not scaler.is_enabled()
    assert scaler.unscale_(optimizer) is scaler.step(optimizer) is scaler.update() is None
    scaler.load_state_dict({})


def test_a_device_that_is_not_there_is_said():
    with pytest.warns(TapegradWarning, match="the scaler is disabled"):
        assert not tapegrad.cuda.amp.GradScaler().is_enabled()
    assert tapegrad.cpu.amp.GradScaler().is_enabled()
