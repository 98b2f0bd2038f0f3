"""nn.utils.parametrize, parametrizations, and the old norms, against torch."""

from __future__ import annotations

import copy
import pickle

import pytest

import tapegrad
from tests.nn.programs import compare, raised

torch = pytest.importorskip("torch")


def symmetric(t):
    class Symmetric(t.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).mT

        def right_inverse(self, a):
            return a.triu()

    class Doubled(t.nn.Module):
        def forward(self, x):
            return x * 2

    class Squeezed(t.nn.Module):
        def forward(self, x):
            return x[0]

    return Symmetric(), Doubled(), Squeezed()


def life(t):
    P = t.nn.utils.parametrize
    net, (first, second, bad) = t.nn.Linear(3, 3), symmetric(t)
    w, x = net.weight, t.randn(2, 3)
    P.register_parametrization(net, "weight", first)
    log = [repr(net), type(net).__name__, list(net.state_dict()), net.weight, net(x), w.shape]
    log += [net.parametrizations.weight.original is w, P.is_parametrized(net), P.is_parametrized(net, "bias")]
    net(x).sum().backward()
    log += [w.grad, [n for n, _ in net.named_parameters()]]
    net.weight = t.ones(3, 3)
    log += [net.weight, w.detach(), raised(lambda: P.register_parametrization(net, "weight", bad))]
    P.register_parametrization(net, "weight", second)
    log += [
        net.weight,
        len(net.parametrizations.weight),
        raised(lambda: setattr(net, "weight", t.ones(3, 3))),
    ]
    with P.cached():
        log += [net.weight is net.weight]
    log += [net.weight is net.weight, P.type_before_parametrizations(net) is t.nn.Linear]
    twin = copy.deepcopy(net)
    log += [
        twin(x),
        raised(lambda: pickle.dumps(net)),
        raised(lambda: P.register_parametrization(net, "no", first)),
    ]
    other = P.transfer_parametrizations_and_params(net, t.nn.Linear(3, 3))
    log += [other.weight, list(other.state_dict())]
    P.remove_parametrizations(net, "weight")
    log += [type(net) is t.nn.Linear, net.weight is w, net.weight, repr(net), list(net.state_dict())]
    return [*log, raised(lambda: P.remove_parametrizations(net, "weight"))]


def several(t):
    class Rank1(t.nn.Module):
        def forward(self, u, v):
            return u.unsqueeze(1) * v

        def right_inverse(self, a):
            return a[:, 0].clone(), a[0].clone()

    P, net = t.nn.utils.parametrize, t.nn.Linear(3, 2)
    P.register_parametrization(net, "weight", Rank1())
    log = [list(net.state_dict()), net.weight, net.parametrizations.weight.ntensors]
    net.weight = t.ones(2, 3)
    log += [dict(net.state_dict()), raised(lambda: P.remove_parametrizations(net, "weight", False))]
    P.remove_parametrizations(net, "weight")
    return [*log, dict(net.state_dict()), type(net.weight).__name__]


def weight_norms(t):
    log = []
    x = t.randn(2, 4)
    for made in (t.nn.utils.parametrizations.weight_norm, t.nn.utils.weight_norm):
        for dim in (0, 1, None):
            net = made(t.nn.Linear(4, 3), dim=dim)
            y = net(x)
            (y * y).sum().backward()
            log += [repr(net), y, dict(net.state_dict()), [p.grad for p in net.parameters()]]
    new, old = (
        t.nn.utils.parametrizations.weight_norm(t.nn.Linear(4, 3)),
        t.nn.utils.weight_norm(t.nn.Linear(4, 3)),
    )
    log += [str(new.load_state_dict(old.state_dict())), new(x), old(x)]
    t.nn.utils.remove_weight_norm(old)
    log += [old(x), list(old.state_dict()), raised(lambda: t.nn.utils.remove_weight_norm(old))]
    t.nn.utils.weight_norm(old)
    return [*log, raised(lambda: t.nn.utils.weight_norm(old))]


def spectral_norms(t):
    log = []
    for made in (t.nn.utils.parametrizations.spectral_norm, t.nn.utils.spectral_norm):
        for make, shape in (
            (lambda: t.nn.Linear(4, 3), (2, 4)),
            (lambda: t.nn.Conv2d(2, 3, 2), (1, 2, 3, 3)),
            (lambda: t.nn.ConvTranspose1d(2, 3, 2), (1, 2, 4)),
        ):
            net, x = made(make(), n_power_iterations=2), t.randn(*shape)
            for mode in (True, False):
                y = net.train(mode)(x)
                (y * y).sum().backward()
                log += [y, dict(net.state_dict()), [p.grad for p in net.parameters()]]
        log += [raised(lambda made=made: made(t.nn.Linear(4, 3), n_power_iterations=0))]
    old = t.nn.utils.spectral_norm(t.nn.Linear(4, 3))
    log += [raised(lambda: t.nn.utils.spectral_norm(old))]
    t.nn.utils.remove_spectral_norm(old)
    return [*log, dict(old.state_dict()), raised(lambda: t.nn.utils.remove_spectral_norm(old))]


def orthogonals(t):
    made, log = t.nn.utils.parametrizations.orthogonal, []
    for shape in ((3, 3), (4, 2), (2, 4)):
        for how in ("matrix_exp", "cayley", "householder", None):
            for flag in (True, False):
                net = made(t.nn.Linear(*shape, dtype=t.float64), orthogonal_map=how, use_trivialization=flag)
                w = net.weight
                k = min(shape)
                gram = w @ w.mT if w.shape[0] == k else w.mT @ w
                log += [bool((gram - t.eye(k, dtype=t.float64)).abs().max() < 1e-10), list(net.state_dict())]
                log += [w] if shape == (3, 3) or not flag else []
                (w * t.arange(w.numel(), dtype=w.dtype).reshape(w.shape)).sum().backward()
                log += [net.parametrizations.weight.original.grad] if shape == (3, 3) or not flag else []
    log += [raised(lambda: made(t.nn.Linear(2, 2), "no")), raised(lambda: made(t.nn.Linear(2, 2), "bias"))]
    return [*log, raised(lambda: made(t.nn.Linear(2, 2), orthogonal_map="no"))]


def made_without_weights(t):
    t.manual_seed(3)
    net = t.nn.utils.skip_init(t.nn.Linear, 3, 2, bias=False)
    log = [repr(net), t.rand(2), raised(lambda: t.nn.utils.skip_init(t.nn.ReLU))]
    return [*log, raised(lambda: t.nn.utils.skip_init(int))]


def adaptive(t):
    net = t.nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0, head_bias=True)
    x, target = t.randn(6, 8, requires_grad=True), t.tensor([0, 2, 3, 6, 7, 11])
    out = net(x, target)
    out.loss.backward()
    log = [
        repr(net),
        list(net.state_dict()),
        out.output,
        out.loss,
        x.grad,
        [p.grad for p in net.parameters()],
    ]
    log += [net.log_prob(x), net.predict(x), net(x[0], target[0]), type(out).__name__]
    bad = ([], [0, 3], [3, 3], [7, 3], [12], [2.5])
    log += [raised(lambda c=c: t.nn.AdaptiveLogSoftmaxWithLoss(8, 12, c)) for c in bad]
    given = ((x, target[:3]), (x[0], target), (x, target + 1), (x, target - 1), (x, target.reshape(2, 3)))
    return [*log, *[raised(lambda a=a: net(*a)) for a in given]]


@pytest.mark.parametrize(
    "program",
    [life, several, weight_norms, spectral_norms, orthogonals, made_without_weights, adaptive],
)
def test_as_torch(program):
    compare(program, torch)


def test_a_copy_has_parametrizations_of_its_own():
    t, P = tapegrad, tapegrad.nn.utils.parametrize
    net = t.nn.Linear(3, 3)
    P.register_parametrization(net, "weight", symmetric(t)[0])
    twin = copy.deepcopy(net)
    P.remove_parametrizations(net, "weight")
    assert t.equal(twin.weight, net.weight)
    P.remove_parametrizations(twin, "weight", leave_parametrized=False)
    assert type(twin) is t.nn.Linear and not t.equal(twin.weight, twin.weight.mT)


def test_a_parametrized_module_trains():
    t = tapegrad
    net = t.nn.utils.parametrizations.orthogonal(t.nn.Linear(3, 3, bias=False))
    opt = t.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(3):
        opt.zero_grad()
        net(t.ones(1, 3)).sum().backward()
        opt.step()
    assert t.allclose(net.weight @ net.weight.mT, t.eye(3), atol=1e-5)
