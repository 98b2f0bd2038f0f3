"""Schedulers against torch's: rates, momentum, state, errors, warnings."""

import copy
import warnings

import pytest

import tapegrad
from tapegrad import TapegradWarning
from tapegrad.optim import SGD
from tapegrad.optim.lr_scheduler import LRScheduler, StepLR

torch = pytest.importorskip("torch")


class Half:
    """A factor that is an object, whose attributes a state_dict keeps."""

    def __init__(self):
        self.rate = 0.5

    def __call__(self, epoch):
        return self.rate**epoch


def sequence(s, o):
    return s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 4)], [3, 8]
    )


# How to make each: from torch.optim.lr_scheduler and an optimizer with two groups.
MAKE = {
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "LambdaLR, two": lambda s, o: s.LambdaLR(o, [lambda e: 1 / (e + 1), Half()]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9 + 0.01 * e),
    "StepLR": lambda s, o: s.StepLR(o, 3, gamma=0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], gamma=0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.4, 6),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.25, 0.9, 7),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.8),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 8, 1.7),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 4, eta_min=0.01),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "SequentialLR": sequence,
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.StepLR(o, 4), s.ExponentialLR(o, 0.9)]),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.1, [0.5, 1.0], 3),
    "CyclicLR, triangular2": lambda s, o: s.CyclicLR(o, 0.1, 0.5, 2, 3, mode="triangular2"),
    "CyclicLR, exp_range": lambda s, o: s.CyclicLR(o, 0.1, 0.5, 2, mode="exp_range", gamma=0.9),
    "CyclicLR, scale_fn": lambda s, o: s.CyclicLR(
        o, 0.1, 0.5, 2, scale_fn=Half(), scale_mode="iterations", cycle_momentum=False
    ),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, [0.5, 1.0], 20),
    "OneCycleLR, three phases": lambda s, o: s.OneCycleLR(
        o, 0.5, epochs=4, steps_per_epoch=5, three_phase=True, anneal_strategy="linear"
    ),
    "OneCycleLR, without momentum": lambda s, o: s.OneCycleLR(o, 0.5, 20, cycle_momentum=False),
}
MAKE_EPOCH = [
    n for n in MAKE if n.split("LR")[0] in ("Step", "MultiStep", "Constant", "Linear", "Exponential")
] + ["PolynomialLR", "CosineAnnealingLR"]


def optimizer_of(lib, name="SGD", lr=0.7):
    def group(**options):
        return {"params": [lib.ones(2, requires_grad=True)], **options}

    options = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(lib.optim, name)([group(), group(lr=0.2)], lr=lr, **options)


def seen(optimizer, scheduler):
    groups = optimizer.param_groups
    return [
        *map(float, scheduler.get_last_lr()),
        *[float(g["lr"]) for g in groups],
        *[g.get("momentum", g.get("betas")) for g in groups],
    ]


def run(lib, make, n=12, optimizer="SGD"):
    o = optimizer_of(lib, optimizer)
    s = make(lib.optim.lr_scheduler, o)
    path = [seen(o, s)]
    for _ in range(n):
        o.step()
        s.step()
        path.append(seen(o, s))
    return path, o, s


def close(a, b):
    if isinstance(a, dict):
        assert isinstance(b, dict) and a.keys() == b.keys()
        for k in a:
            close(a[k], b[k])
    elif isinstance(a, (list, tuple)):
        assert type(a) is type(b) and len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            close(x, y)
    else:
        assert a == pytest.approx(b, rel=1e-12) if isinstance(a, float) else a == b


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("name", MAKE)
def test_rates_and_state_are_torchs(name, optimizer):
    (ours, _, a), (theirs, _, b) = (run(lib, MAKE[name], 12, optimizer) for lib in (tapegrad, torch))
    close(ours, theirs)
    close(a.state_dict(), b.state_dict())


@pytest.mark.parametrize("name", MAKE)
def test_a_loaded_state_continues(name):
    whole, _, _ = run(tapegrad, MAKE[name], 12)
    _, o, s = run(tapegrad, MAKE[name], 5)
    other = optimizer_of(tapegrad)
    again = MAKE[name](tapegrad.optim.lr_scheduler, other)
    again.load_state_dict(copy.deepcopy(s.state_dict()))
    other.load_state_dict(o.state_dict())
    path = []
    for _ in range(7):
        other.step()
        again.step()
        path.append(seen(other, again))
    close(path, whole[6:])


@pytest.mark.parametrize("name", MAKE_EPOCH)
@pytest.mark.filterwarnings("ignore")
def test_steps_to_an_epoch(name):
    ends = []
    for lib in (tapegrad, torch):
        o = optimizer_of(lib)
        s = MAKE[name](lib.optim.lr_scheduler, o)
        o.step()
        s.step(7)
        ends.append(seen(o, s))
    close(*ends)


@pytest.mark.parametrize("name", ["StepLR", "LambdaLR", "CosineAnnealingLR", "LinearLR", "ExponentialLR"])
def test_resuming_by_last_epoch(name):
    make = {
        "StepLR": lambda s, o, e: s.StepLR(o, 2, last_epoch=e),
        "LambdaLR": lambda s, o, e: s.LambdaLR(o, lambda x: 0.9**x, last_epoch=e),
        "CosineAnnealingLR": lambda s, o, e: s.CosineAnnealingLR(o, 5, last_epoch=e),
        "LinearLR": lambda s, o, e: s.LinearLR(o, last_epoch=e),
        "ExponentialLR": lambda s, o, e: s.ExponentialLR(o, 0.9, last_epoch=e),
    }[name]
    ends = []
    for lib in (tapegrad, torch):
        o = optimizer_of(lib)
        with pytest.raises(KeyError, match="initial_lr"):
            make(lib.optim.lr_scheduler, o, 3)
        for group in o.param_groups:
            group["initial_lr"] = 0.9
        s = make(lib.optim.lr_scheduler, o, 3)
        path = [seen(o, s)]
        for _ in range(4):
            o.step()
            s.step()
            path.append(seen(o, s))
        ends.append(path)
    close(*ends)


PLATEAU = [
    {},
    {"patience": 1, "factor": 0.5},
    {"patience": 0, "mode": "max", "threshold": 0.1},
    {"patience": 1, "threshold_mode": "abs", "threshold": 0.05, "cooldown": 2},
    {"patience": 0, "min_lr": [0.1, 0.15], "mode": "max", "threshold_mode": "abs"},
    {"patience": 0, "eps": 0.3},
]


@pytest.mark.parametrize("options", PLATEAU, ids=str)
def test_reduce_on_plateau(options):
    metrics = [1.0, 0.9, 0.9, 0.95, 0.8, 0.81, 0.82, 0.83, float("nan"), 0.84, 0.84, 0.84, 0.7, 0.7]
    ends = []
    for lib in (tapegrad, torch):
        o = optimizer_of(lib)
        s = lib.optim.lr_scheduler.ReduceLROnPlateau(o, **options)
        path = []
        for m in metrics:
            s.step(lib.tensor(m))
            path.append([*seen(o, s), s.num_bad_epochs, s.cooldown_counter, s.in_cooldown])
        ends.append([path, s.state_dict()])
    close(*ends)


def test_warm_restarts_take_parts_of_epochs():
    ends = []
    for lib in (tapegrad, torch):
        o = optimizer_of(lib)
        s = lib.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 4, 2)
        path = []
        for i in range(30):
            s.step(i / 2.5)
            path.append(seen(o, s))
        ends.append(path)
    close(*ends)


def test_a_tensor_as_rate_keeps_its_identity():
    ends = []
    for lib in (tapegrad, torch):
        lr = lib.tensor(0.5)
        o = lib.optim.SGD([lib.ones(2, requires_grad=True)], lr=lr)
        s = lib.optim.lr_scheduler.StepLR(o, 1)
        o.step()
        s.step()
        assert o.param_groups[0]["lr"] is lr and s.base_lrs[0].item() == 0.5
        ends.append(lr.item())
    assert ends[0] == ends[1]


REFUSED = [
    (lambda s, o: s.LambdaLR(o, [abs]), ValueError),
    (lambda s, o: s.MultiplicativeLR(o, 3), TypeError),
    (lambda s, o: s.ConstantLR(o, 1.5), ValueError),
    (lambda s, o: s.LinearLR(o, 0.0), ValueError),
    (lambda s, o: s.LinearLR(o, 0.5, 1.5), ValueError),
    (lambda s, o: s.StepLR(3, 3), TypeError),
    (lambda s, o: s.SequentialLR(o, [], []), ValueError),
    (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 3)], [3]), ValueError),
    (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 3), s.ReduceLROnPlateau(o)], [3]), ValueError),
    (lambda s, o: s.ChainedScheduler([]), ValueError),
    (
        lambda s, o: s.ChainedScheduler([s.StepLR(o, 3)], type(o)(o.param_groups[0]["params"], lr=1)),
        ValueError,
    ),
    (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError),
    (lambda s, o: s.ReduceLROnPlateau(o, mode="no"), ValueError),
    (lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="no"), ValueError),
    (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1]), ValueError),
    (lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="no"), ValueError),
    (lambda s, o: s.CyclicLR(o, [0.1], 0.2), ValueError),
    (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ValueError),
    (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 0), ValueError),
    (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError),
    (lambda s, o: s.OneCycleLR(o, 0.1), ValueError),
    (lambda s, o: s.OneCycleLR(o, 0.1, 0), ValueError),
    (lambda s, o: s.OneCycleLR(o, 0.1, 10, pct_start=2.0), ValueError),
    (lambda s, o: s.OneCycleLR(o, 0.1, 10, anneal_strategy="no"), ValueError),
    (
        lambda s, o: [s.OneCycleLR(o, 0.1, 2)] and [s.step() for s in [s.OneCycleLR(o, 0.1, 2)] * 4],
        ValueError,
    ),
]


@pytest.mark.parametrize(("make", "error"), REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_bad_arguments(make, error):
    for lib in (tapegrad, torch):
        with pytest.raises(error):
            make(lib.optim.lr_scheduler, optimizer_of(lib))


def test_optimizers_without_momentum():
    for lib in (tapegrad, torch):
        o = lib.optim.Adagrad([lib.ones(1, requires_grad=True)])
        with pytest.raises(ValueError, match="cycle_momentum"):
            lib.optim.lr_scheduler.OneCycleLR(o, 0.1, 10)
        with pytest.raises(ValueError, match="cycle_momentum"):
            lib.optim.lr_scheduler.CyclicLR(o, 0.1, 0.2)


@pytest.fixture
def anew(monkeypatch):
    """As if nothing had been said yet."""
    from tapegrad import _errors

    monkeypatch.setattr(_errors, "_said", set())


def test_a_step_before_the_optimizers_is_noticed(anew):
    o = optimizer_of(tapegrad)
    s = StepLR(o, 1)
    with pytest.warns(TapegradWarning, match=r"before optimizer.step\(\)"):
        s.step()
    o = optimizer_of(tapegrad)
    o.step()
    s = StepLR(o, 1)
    o.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        s.step()


def test_a_replaced_step_and_rates_asked_for_elsewhere_are_noticed(anew):
    o = optimizer_of(tapegrad)
    s = StepLR(o, 1)
    o.step = lambda: None
    with pytest.warns(TapegradWarning, match="was replaced"):
        s.step()
    with pytest.warns(TapegradWarning, match=r"get_last_lr\(\)"):
        s.get_lr()


def test_a_scheduler_of_ones_own():
    class Square(LRScheduler):
        def get_lr(self):
            return [lr / (1 + self.last_epoch) ** 2 for lr in self.base_lrs]

    o = SGD([tapegrad.ones(1, requires_grad=True)], lr=1.0)
    s = Square(o)
    o.step()
    s.step()
    assert s.get_last_lr() == [0.25] == [o.param_groups[0]["lr"]]
    assert type(s).__mro__[1] is LRScheduler
