"""Averaged models and their rates against torch's."""

import numpy as np
import pytest

import tapegrad

from .test_schedulers import close, optimizer_of, seen

torch = pytest.importorskip("torch")

AVERAGES = [
    lambda s: {},
    lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9)},
    lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.2)},
    lambda s: {"avg_fn": s.get_ema_avg_fn(0.9)},
    lambda s: {"avg_fn": s.get_swa_avg_fn(), "use_buffers": True},
    lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn(), "use_buffers": True},
    lambda s: {"avg_fn": lambda a, p, n: a + (p - a) / (n + 3)},
]


def averaged(lib, options):
    model = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.Tanh())
    model.register_buffer("count", lib.tensor([1.0, 2.0]))
    mean = lib.optim.swa_utils.AveragedModel(model, **options(lib.optim.swa_utils))
    rng = np.random.default_rng(0)
    for _ in range(4):
        with lib.no_grad():
            for t in (*model.parameters(), *model.buffers()):
                t.copy_(lib.tensor(rng.standard_normal(tuple(t.shape)).astype("f4")))
        mean.update_parameters(model)
    return mean


@pytest.mark.parametrize("options", AVERAGES)
def test_averages_are_torchs(options):
    ours, theirs = averaged(tapegrad, options), averaged(torch, options)
    assert ours.n_averaged.item() == 4
    state, reference = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(reference)
    for k in state:
        np.testing.assert_allclose(state[k].numpy(), reference[k].numpy(), rtol=1e-5, atol=1e-6)
    x = np.ones((1, 2), "f4")
    got, expected = ours(tapegrad.tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("options", [{}, {"anneal_strategy": "linear"}, {"anneal_epochs": 0}], ids=str)
def test_rates_are_torchs(options):
    ends = []
    for lib in (tapegrad, torch):
        o = optimizer_of(lib)
        s = lib.optim.swa_utils.SWALR(o, swa_lr=[0.05, 0.1], **options)
        path = [seen(o, s)]
        for _ in range(12):
            o.step()
            s.step()
            path.append(seen(o, s))
        ends.append([path, s.state_dict()])
    close(*ends)


def test_refused():
    for lib in (tapegrad, torch):
        s, o, model = lib.optim.swa_utils, optimizer_of(lib), lib.nn.Linear(1, 1)
        for make in (
            lambda s=s: s.get_ema_multi_avg_fn(1.5),
            lambda s=s: s.get_ema_avg_fn(-0.5),
            lambda s=s, o=o: s.SWALR(o, 0.1, anneal_strategy="no"),
            lambda s=s, o=o: s.SWALR(o, 0.1, anneal_epochs=-1),
            lambda s=s, o=o: s.SWALR(o, [0.1]),
        ):
            with pytest.raises(ValueError):
                make()
        with pytest.raises(AssertionError):
            s.AveragedModel(model, avg_fn=s.get_swa_avg_fn(), multi_avg_fn=s.get_swa_multi_avg_fn())


class _BatchNorm(tapegrad.nn.Module):
    """A stand-in with the attributes that batch normalisations have."""

    momentum = 0.1

    def reset_running_stats(self):
        self.total, self.seen = 0.0, 0

    def forward(self, x):
        assert self.training and self.momentum is None
        self.total, self.seen = self.total + x.mean().item(), self.seen + 1
        return x


def test_update_bn_goes_over_the_loader_in_training_mode():
    norm = _BatchNorm()
    model = tapegrad.nn.Sequential(norm).eval()
    tapegrad.optim.swa_utils.update_bn([(tapegrad.ones(2), 0), [tapegrad.zeros(2)], tapegrad.ones(2)], model)
    assert (norm.total, norm.seen, norm.momentum, model.training) == (2.0, 3, 0.1, False)
    tapegrad.optim.swa_utils.update_bn([1 / 1], tapegrad.nn.Sequential())  # nothing to do: no batch is read
