"""Every distribution against torch's: the same samples for the same seed, densities, moments, gradients."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import pytest

import tapegrad as tg
from tests.distributions.samples import CONSTRAINTS, ERRORS, ROWS, SCALARS, TRANSFORMS, VECTORS, Row

torch = pytest.importorskip("torch")
BOTH = (torch, tg)


@pytest.fixture(autouse=True)
def checked() -> None:
    """torch checks parameters, as it does at first: a test that loads torch._dynamo turns that off."""
    torch.distributions.Distribution.set_default_validate_args(True)


def tensor(t: Any, value: Any, dtype: str, grad: bool = False) -> Any:
    if isinstance(value, (list, float)) and "float" in dtype:
        return t.tensor(value, dtype=getattr(t, dtype), requires_grad=grad)
    return t.tensor(value)


def made(t: Any, row: Row) -> tuple[Any, list[Any]]:
    """The distribution under t, and its parameters."""
    parameters = [tensor(t, p, row.dtype, grad=True) for p in row.parameters]
    names = {f"p{i}": p for i, p in enumerate(parameters)}
    return eval(row.make, {"t": t, "d": t.distributions, **names}), parameters


def outcome(f: Any) -> Any:
    """What a call gives, or the class of what it raises."""
    try:
        return f()
    except (ValueError, NotImplementedError, RuntimeError, AssertionError, TypeError) as error:
        return type(error)


def check(mine: Any, theirs: Any, what: str, rtol: float = 1e-6) -> None:
    if isinstance(theirs, type) or isinstance(mine, type):
        assert mine is theirs, what
        return
    assert str(mine.dtype) == str(theirs.dtype), what
    assert tuple(mine.shape) == tuple(theirs.shape), what
    a, b = (np.asarray(x.detach().numpy(), np.float64) for x in (mine, theirs))
    np.testing.assert_allclose(a, b, rtol, 1e-7, err_msg=what)


def check_gradients(mine: Any, theirs: Any, parameters: Any, what: str, rtol: float) -> None:
    """Gradients of the weighted sum of two results with respect to the parameters of each."""
    if isinstance(theirs, type) or not theirs.requires_grad:
        assert isinstance(theirs, type) or not mine.requires_grad, what
        return
    grads = []
    for t, y, ps in zip(BOTH, (theirs, mine), reversed(parameters), strict=True):
        weights = t.arange(1, y.numel() + 1, dtype=y.dtype).reshape(y.shape)
        y = t.where(y.isfinite(), y, t.zeros_like(y))
        total = (y * weights).sum()
        grads.append(
            outcome(lambda t=t, x=total, ps=ps: t.autograd.grad(x, ps, None, True, allow_unused=True))
        )
    if isinstance(grads[0], type):
        assert grads[0] is grads[1], what
        return
    for g, h in zip(*grads, strict=True):
        assert (g is None) == (h is None), what
        if g is not None:
            check(h, g, f"gradient of {what}", rtol)


@pytest.mark.filterwarnings("ignore:Singular sample detected")
@pytest.mark.parametrize("name", ROWS)
def test_distribution(name: str) -> None:
    row = ROWS[name]
    (a, p), (b, q) = made(tg, row), made(torch, row)
    rtol = 1e-9 if row.dtype == "float64" else 1e-4
    assert repr(a) == repr(b)
    assert repr(a.support) == repr(b.support)
    assert (a.has_rsample, a.has_enumerate_support) == (b.has_rsample, b.has_enumerate_support)
    assert (tuple(a.batch_shape), tuple(a.event_shape)) == (tuple(b.batch_shape), tuple(b.event_shape))
    for what in ("mean", "mode", "variance", "stddev"):
        x, y = (outcome(lambda d=d, what=what: getattr(d, what)) for d in (a, b))
        check(x, y, what, rtol)
        check_gradients(x, y, (p, q), what, 10 * rtol)
    for what in ("entropy", "perplexity", "enumerate_support"):
        x, y = (outcome(getattr(d, what)) for d in (a, b))
        check(x, y, what, rtol)
        check_gradients(x, y, (p, q), what, 1e4 * rtol)
    if row.values is not None:
        u, v = (tensor(t, row.values, row.dtype) for t in (tg, torch))
        for what in ("log_prob", "cdf", "icdf"):
            w, z = (u, v) if what != "icdf" else (u.sigmoid(), v.sigmoid())
            x, y = (
                outcome(lambda w=w, f=what: getattr(a, f)(w)),
                outcome(lambda z=z, f=what: getattr(b, f)(z)),
            )
            check(x, y, what, max(rtol, 1e-7))
            check_gradients(x, y, (p, q), what, max(1e2 * rtol, 1e-5))
    assert repr(a) == repr(b)


@pytest.mark.filterwarnings("ignore:Singular sample detected")
@pytest.mark.parametrize("name", ROWS)
def test_samples(name: str) -> None:
    """The same numbers, before and after expand, and the same state of the generator behind them."""
    row = ROWS[name]
    (a, p), (b, q) = made(tg, row), made(torch, row)
    rtol = 1e-11 if row.dtype == "float64" else 3e-5
    more = (4, *a.batch_shape)
    for t in BOTH:
        t.manual_seed(5)
    for x, y in ((a, b), (a.expand(more), b.expand(more))):
        assert tuple(x.batch_shape) == tuple(y.batch_shape)
        for shape in ((), (2, 5)):
            drawn, wanted = x.sample(shape), y.sample(shape)
            check(drawn, wanted, f"sample{shape}", rtol)
            assert not drawn.requires_grad
            assert bool(x.support.check(drawn).all()) or name in ("LKJCholesky",)
        check(x.log_prob(drawn), y.log_prob(wanted), "log_prob of samples", max(1e5 * rtol, 1e-7))
        u, v = outcome(lambda x=x: x.rsample((3,))), outcome(lambda y=y: y.rsample((3,)))
        check(u, v, "rsample", rtol)
        check_gradients(u, v, (p, q), "rsample", max(1e3 * rtol, 1e-6))
    assert tg.rand(1).item() == torch.rand(1).item()


@pytest.mark.parametrize("program", ERRORS)
def test_errors(program: str) -> None:
    mine, theirs = (outcome(lambda t=t: eval(program, {"t": t, "d": t.distributions})) for t in BOTH)
    assert isinstance(theirs, type)
    assert mine is theirs


def test_divergences_of_scalars() -> None:
    _divergences(SCALARS)


def test_divergences_of_vectors() -> None:
    _divergences(VECTORS)


def _divergences(programs: dict[str, str]) -> None:
    p, q = ([0.5, 1.5, 3.0], [2.5, 0.75, 1.25]), ([0.75, 2.0, 3.5], [1.5, 3.5, 2.0])
    sides = [_sides(t, programs, p, q) for t in (tg, torch)]
    found = 0
    for first in programs:
        for second in programs:
            results, parameters = [], []
            for t, (ones, others) in zip((tg, torch), sides, strict=True):
                (one, mine), (other, its) = ones[first], others[second]
                results.append(outcome(lambda t=t, a=one, b=other: t.distributions.kl_divergence(a, b)))
                parameters.append([*mine, *its])
            check(*results, f"{first}, {second}", 1e-8)
            check_gradients(*results, parameters, f"{first}, {second}", 1e-6)
            found += not isinstance(results[0], type)
    assert found >= len(programs)


def _sides(t: Any, programs: dict[str, str], *values: Any) -> list[dict[str, Any]]:
    """For each pair of parameters, all distributions with their parameters."""
    sides: list[dict[str, Any]] = []
    for pair in values:
        side: dict[str, Any] = {}
        for name, program in programs.items():
            a, b = (tensor(t, x, "float64", grad=True) for x in pair)
            m = t.stack([a, b, a * b]) / 10
            m = m / m.sum(-1, keepdim=True)
            side[name] = eval(program, {"t": t, "d": t.distributions, "a": a, "b": b, "m": m}), (a, b)
        sides.append(side)
    return sides


def test_the_table_of_divergences_is_complete() -> None:
    def names(registry: Any) -> set[tuple[str, str]]:
        return {(p.__name__, q.__name__) for p, q in registry}

    assert names(torch.distributions.kl._KL_REGISTRY) <= names(tg.distributions.kl._REGISTRY)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name: str) -> None:
    program, argument = TRANSFORMS[name]
    base = np.random.RandomState(0).normal(size=(3, 3))
    base = base @ base.T if "definite" in name else base
    results = []
    for t in (tg, torch):
        v = t.tensor(base, requires_grad=True)
        env = {"t": t, "d": t.distributions, "v": v}
        f, x = eval(program, env), eval(argument, env)
        y = f(x)
        slope = outcome(lambda f=f, x=x, y=y: f.log_abs_det_jacobian(x, y))
        back = f.inv(y.detach())
        cached = outcome(lambda f=f: f.with_cache())
        kept = None if isinstance(cached, type) else (cached(x) is cached(x), cached.inv(cached(x)) is x)
        facts = [cached if kept is None else kept]
        facts += [repr(f), repr(f.inv), f.bijective, tuple(f.forward_shape(x.shape)), f.inv.inv is f]
        facts += [tuple(f.inverse_shape(y.shape)), repr(outcome(lambda f=f: f.domain)), f.domain.event_dim]
        facts += [repr(f.codomain), outcome(lambda f=f: int(f.sign)), f == eval(program, env)]
        results.append((y, slope, back, facts, [v]))
    (y, s, b, facts, v), (y2, s2, b2, facts2, v2) = results
    assert facts == facts2
    for mine, theirs, what in ((y, y2, "forward"), (s, s2, "slope"), (b, b2, "inverse")):
        check(mine, theirs, what, 1e-9)
        check_gradients(mine, theirs, (v, v2), what, 1e-7)


@pytest.mark.parametrize("program", CONSTRAINTS)
def test_constraints(program: str) -> None:
    facts: list[Any] = []
    for t in BOTH:
        env = {"t": t, "c": t.distributions.constraints}
        c, value = eval(program, env), eval(CONSTRAINTS[program], env)
        facts.append([repr(c), c.is_discrete, c.event_dim, c.check(value).tolist()])
        assert not c.check(value).all()
        for registry in (t.distributions.biject_to, t.distributions.transform_to):
            facts[-1].append(repr(outcome(lambda r=registry, c=c: r(c))))
    assert facts[0] == facts[1]


def test_divergences_are_registered_for_classes() -> None:
    """torch takes anything here."""
    with pytest.raises(TypeError, match="int'> is given"):
        tg.distributions.register_kl(int, tg.distributions.Normal)


def test_names() -> None:
    """All public names, also as modules of torch's names."""
    theirs = {n for n in torch.distributions.__all__ if not n.startswith("_")}
    assert theirs <= set(tg.distributions.__all__)
    for name in theirs:
        module = getattr(torch.distributions, name)
        module = getattr(module, "__module__", "")
        if module.startswith("torch.distributions."):
            part = __import__(module.replace("torch", "tapegrad", 1), fromlist=[name])
            assert hasattr(part, name), module


def test_subclasses_of_users() -> None:
    """A subclass with an __init__ of its own must define expand, and may use torch's helper for it."""
    seen = []
    for t in BOTH:

        class Own(t.distributions.Normal):  # type: ignore[misg,name-defined] # of either
            def __init__(self, x: Any) -> None:
                super().__init__(x, 1.0)

        class Other(Own):
            def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
                new = self._get_checked_instance(Other, _instance)
                return super().expand(batch_shape, _instance=new)

        class Bare(t.distributions.Distribution):
            arg_constraints: ClassVar[Any] = {}

        with pytest.raises(NotImplementedError):
            Own(t.zeros(2)).expand((3, 2))
        with pytest.raises(NotImplementedError):
            Bare().expand((3,))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seen.append((repr(Other(t.zeros(2)).expand((3, 2))), repr(Bare())))
    assert seen[0] == seen[1]
