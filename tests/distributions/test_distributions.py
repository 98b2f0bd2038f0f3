"""What holds of distributions without torch to compare with."""

from __future__ import annotations

import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.distributions as d
from tapegrad.ops.gamma import dirichlet_grad, sample_dirichlet, standard_gamma, standard_gamma_grad
from tests.distributions.samples import ROWS


@pytest.mark.parametrize("shape", [0.3, 2.0, 12.0])
def test_gamma_numbers_have_their_moments(shape: float) -> None:
    torch.manual_seed(0)
    x = d.Gamma(shape, 2.0).sample((4000,))
    assert abs(x.mean() - shape / 2) < 5 * (shape / 4 / 4000) ** 0.5
    assert abs(x.var() / (shape / 4) - 1) < 0.25


@pytest.mark.parametrize("a", [0.4, 3.0, 30.0])
def test_gamma_gradients_hold_the_distribution_function_still(a: float) -> None:
    special = pytest.importorskip("scipy.special")
    x = np.array([0.2, 0.7, 1.0, 2.0]) * a
    moved = special.gammaincinv(a * (1 + 1e-6), special.gammainc(a, x)) - x
    slopes = standard_gamma_grad(torch.tensor([a] * 4, dtype=torch.float64), torch.tensor(x))
    np.testing.assert_allclose(slopes.numpy(), moved / (a * 1e-6), 2e-3)


@pytest.mark.parametrize(("a", "b"), [(0.4, 0.7), (3.0, 1.5), (30.0, 10.0)])
def test_beta_gradients_hold_the_distribution_function_still(a: float, b: float) -> None:
    special = pytest.importorskip("scipy.special")
    x = special.betaincinv(a, b, np.array([0.05, 0.3, 0.6, 0.9]))
    step = 1e-5
    moved = special.betaincinv(a + step, b, special.betainc(a, b, x)) - x
    alpha, total = (torch.tensor([v] * 4, dtype=torch.float64) for v in (a, a + b))
    slopes = dirichlet_grad(torch.tensor(x), alpha, total)
    np.testing.assert_allclose(slopes.numpy() * (1 - x), moved / step, 5e-3)


def test_gamma_numbers_of_what_is_no_parameter() -> None:
    """torch loops for ever."""
    drawn = standard_gamma(torch.tensor([float("nan"), -1.0, 0.0]))
    assert drawn.isnan().tolist() == [True, True, False]
    for f in (standard_gamma, sample_dirichlet):
        state = torch.get_rng_state()
        with pytest.raises(NotImplementedError, match="float16"):
            f(torch.ones(2, dtype=torch.float16))
        assert (torch.get_rng_state() == state).all()


def test_second_derivatives_of_gamma_numbers_are_refused() -> None:
    a = torch.tensor([2.0], requires_grad=True)
    (slope,) = torch.autograd.grad(standard_gamma(a).sum(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="no derivative"):
        slope.sum().backward()


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"Normal: scale is a \[2\] tensor with values outside"):
        d.Normal(0.0, torch.tensor([1.0, 0.0]))
    with pytest.raises(ValueError, match=r"Categorical: the value is \[3\], which does not fit \[2\]"):
        d.Categorical(torch.ones(2, 2)).log_prob(torch.zeros(3))
    with pytest.raises(NotImplementedError, match="no formula for Normal and StudentT; register_kl"):
        d.kl_divergence(d.Normal(0.0, 1.0), d.StudentT(2.0))


def test_checks_can_be_left_out() -> None:
    assert d.Normal(0.0, -1.0, validate_args=False).scale == -1
    d.Distribution.set_default_validate_args(False)
    try:
        assert d.Normal(0.0, -1.0).scale == -1
    finally:
        d.Distribution.set_default_validate_args(True)


def test_registered_divergences() -> None:
    """The closest classes have precedence, and two that are equally close are told."""

    class Mine(d.Normal):
        pass

    one, other = Mine(0.0, 1.0), d.Normal(1.0, 2.0)
    assert d.kl_divergence(one, other) == d.kl_divergence(d.Normal(0.0, 1.0), other)
    d.register_kl(Mine, d.Normal)(lambda p, q: "mine first")
    d.register_kl(d.Normal, Mine)(lambda p, q: "mine second")
    assert d.kl_divergence(one, other) == "mine first"
    with pytest.warns(RuntimeWarning, match=r"register_kl\(Mine, Mine\)"):
        assert d.kl_divergence(one, one) == "mine first"
    for key in ((Mine, d.Normal), (d.Normal, Mine)):
        del d.kl._REGISTRY[key]


def _made(name: str) -> Any:
    values = [torch.tensor(p, dtype=torch.float64) for p in ROWS[name].parameters]
    return eval(ROWS[name].make, {"t": torch, "d": d} | {f"p{i}": p for i, p in enumerate(values)})


@pytest.mark.parametrize("name", ["Gumbel", "Multinomial", "Wishart", "TransformedDistribution"])
def test_pickles(name: str) -> None:
    one = _made(name)
    one.log_prob(one.sample())
    copy = pickle.loads(pickle.dumps(one))
    assert repr(copy) == repr(one)
    torch.manual_seed(0)
    drawn = one.sample()
    torch.manual_seed(0)
    assert (copy.sample() == drawn).all()


def test_memory_is_freed_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for name in ("Gumbel", "LogisticNormal", "Weibull", "RelaxedBernoulli", "MixtureSameFamily"):
            one = _made(name)
            one.log_prob(one.sample())
            seen = weakref.ref(one)
            parts = [weakref.ref(t) for t in getattr(one, "transforms", [])]
            del one
            assert seen() is None, name
            assert all(part() is None for part in parts), name
    finally:
        gc.enable()


def test_distributions_load_lazily_and_by_torchs_module_names() -> None:
    from tapegrad.distributions.multivariate_normal import MultivariateNormal
    from tapegrad.distributions.utils import lazy_property, probs_to_logits

    assert torch.distributions.MultivariateNormal is MultivariateNormal
    assert isinstance(vars(MultivariateNormal)["scale_tril"], lazy_property)
    assert probs_to_logits(torch.tensor(0.5), is_binary=True) == 0
