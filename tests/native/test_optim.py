"""Optimizers' updates in machine code are those of the arrays, bit for bit."""

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.kernels.optim as O
from tapegrad import tiers
from tapegrad.native.choice import original

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())

COMMON = {"maximize": False, "weight_decay": 0}
ADAM = {**COMMON, "lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-8, "decoupled_weight_decay": False}
SGD = {**COMMON, "lr": 0.1, "momentum": 0, "dampening": 0, "nesterov": False}
RMS = {**COMMON, "lr": 0.01, "alpha": 0.99, "eps": 1e-8, "momentum": 0, "centered": False}
AVERAGED = {**COMMON, "lr": 0.01, "lambd": 1e-4, "alpha": 0.75, "t0": 1e6}
# The rule, its options, its counts, and how many arrays it has beside the parameter and the gradient.
CASES = [
    (O.sgd, SGD, [], 0),
    (O.sgd, {**SGD, "maximize": True, "weight_decay": 0.1}, [], 0),
    (O.sgd, {**SGD, "momentum": 0.9}, [True], 1),
    (O.sgd, {**SGD, "momentum": 0.9, "dampening": 0.2}, [False], 1),
    (O.sgd, {**SGD, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, [False], 1),
    (O.adam, ADAM, [np.float32(4)], 2),
    (O.adam, {**ADAM, "betas": (0.3, 0.9), "weight_decay": 0.1, "maximize": True}, [np.float32(4)], 2),
    (O.adam, {**ADAM, "decoupled_weight_decay": True, "weight_decay": 0.1}, [np.float32(0)], 3),
    (O.nadam, {**ADAM, "momentum_decay": 4e-3}, [np.float32(2), np.float32(0.5)], 2),
    (O.radam, ADAM, [np.float32(2)], 2),
    (O.radam, ADAM, [np.float32(20)], 2),
    (O.adamax, ADAM, [np.float32(2)], 2),
    (O.adagrad, {**COMMON, "lr": 0.01, "eps": 1e-8, "lr_decay": 0.1}, [np.float32(2)], 1),
    (O.adadelta, {**COMMON, "lr": 1.0, "rho": 0.9, "eps": 1e-6}, [np.float32(2)], 2),
    (O.rmsprop, RMS, [np.float32(2)], 1),
    (O.rmsprop, {**RMS, "momentum": 0.5}, [np.float32(2)], 2),
    (O.rmsprop, {**RMS, "centered": True}, [np.float32(2)], 2),
    (O.rmsprop, {**RMS, "momentum": 0.5, "centered": True, "weight_decay": 0.1}, [np.float32(2)], 3),
    (O.rprop, {**COMMON, "lr": 0.1, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50)}, [np.float32(2)], 2),
    (O.asgd, AVERAGED, [np.float32(2), np.float32(0.1), np.float32(1)], 1),
    (O.asgd, AVERAGED, [np.float32(2), np.float32(0.1), np.float32(0.25)], 1),
]


def parameters(dtype, held, sizes=(5000, 1, 7, 0, 2049, 64)):
    """Arrays of several parameters: with zeros, nan and inf among them, and states that are not negative."""
    rng = np.random.default_rng(0)
    many = []
    for n in sizes:
        arrays = [np.abs(rng.normal(size=n)).astype(dtype) for _ in range(2 + held)]
        for a in arrays[:2]:
            a *= rng.choice([-1, 1, 1, 0], n)
            a[5:8] = (np.nan, np.inf, -np.inf)[: a[5:8].size]
        many.append(arrays)
    return many


def columns(many):
    return list(zip(*many, strict=True))


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        for x, y in zip(a, b, strict=True):
            bits = np.dtype(f"i{x.itemsize}")
            assert ((x.view(bits) == y.view(bits)) | (np.isnan(x) & np.isnan(y))).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].__name__)
def test_updates_are_those_of_the_arrays(case, dtype):
    rule, options, counts, held = case
    ours, theirs = parameters(dtype, held), parameters(dtype, held)
    with np.errstate(all="ignore"):
        expected = original(O.apply)(
            rule, options, counts, np.dtype(dtype), columns([a for a in theirs if a[0].size])
        )
        new = O.apply(rule, options, counts, np.dtype(dtype), columns(ours))
    assert tuple(new) == tuple(expected)
    same(ours, theirs)


def test_strides_offsets_and_overlaps_are_served():
    room = np.random.default_rng(0).normal(size=40001).astype("f4")
    for pick in (
        lambda x: [x[0:20000:2], x[1:20000:2]],
        lambda x: [x[1:10001], x[20001:30001]],
        lambda x: [x[:10000], x[:10000]],
        lambda x: [x[:10000], x[5000:15000]],
        lambda x: [x[1:].view(np.uint8)[1:40001].view("f4"), x[20000:30000]],
    ):
        a, b = room.copy(), room.copy()
        kind = np.dtype("f4")
        with np.errstate(all="ignore"):
            O.apply(O.sgd, SGD, [], kind, columns([pick(a)]))
            original(O.apply)(O.sgd, SGD, [], kind, columns([pick(b)]))
        np.testing.assert_array_equal(a, b)


def test_parameters_with_counts_of_their_own():
    def steps(n):
        torch.manual_seed(0)
        ps = [torch.randn(n).requires_grad_() for _ in range(4)]
        optimizer = torch.optim.Adam(ps, lr=0.1)
        for k in range(6):
            for i, p in enumerate(ps):
                p.grad = torch.ones(n) if k % (i + 1) == 0 else None
            optimizer.step()
        return [p.detach()[:10].tolist() for p in ps], [float(optimizer.state[p]["step"]) for p in ps]

    large, counts = steps(8000)
    assert counts == [6, 3, 2, 2]
    torch.manual_seed(0)
    starts = [torch.randn(8000)[:10] for _ in range(4)]
    for now, start, n in zip(large, starts, counts, strict=True):
        np.testing.assert_allclose(now, (start - 0.1 * n).numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*a parameter comes twice")
def test_a_parameter_that_comes_twice_is_updated_twice():
    p = torch.zeros(8000).requires_grad_()
    p.grad = torch.ones(8000)
    torch.optim.SGD([p, p], lr=1.0).step()
    assert p.eq(-2).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("more", [{}, {"lr": 0.0}, {"lr": np.inf}, {"weight_decay": 0.1}, {"maximize": True}])
def test_parameters_without_gradients_keep_every_bit(monkeypatch, more, dtype):
    from tapegrad.native.kernels import optim

    monkeypatch.setattr(optim, "LARGE", 1)
    kind, many = np.dtype(dtype), parameters(dtype, 0, (5000, 4096, 33))
    for p, g in many:
        g[g.size // 4 :] = 0
        g[g.size // 2 : g.size // 2 + 3] = -0.0, 1e-30, 0
        p[::3] = -0.0
    ours, theirs = ([[a.copy() for a in arrays] for arrays in many] for _ in range(2))
    with np.errstate(all="ignore"):
        O.apply(O.sgd, {**SGD, **more}, [], kind, columns(ours))
        original(O.apply)(O.sgd, {**SGD, **more}, [], kind, columns(theirs))
    for a, b in zip(ours, theirs, strict=True):
        assert a[0].tobytes() == b[0].tobytes() or not np.isfinite(more.get("lr", 1))
        np.testing.assert_array_equal(a[0], b[0])
