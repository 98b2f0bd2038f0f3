"""Optimizers against torch's: trajectories, state, repr, gradients through steps, errors."""

import inspect

import numpy as np
import pytest

import tapegrad

from .samples import CASES, DIFFERENTIABLE, IDS, OPTIONS, REFUSED

torch = pytest.importorskip("torch")
SHAPES = {"Muon": [(3, 2), (2, 5)]}
BOUNDS = {"float32": 2e-6, "float64": 1e-13, "complex64": 2e-6, "complex128": 1e-13}


def numbers(rng, shape, dtype):
    x = rng.standard_normal(shape)
    return np.asarray(x + 1j * rng.standard_normal(shape) if dtype[0] == "c" else x).astype(dtype)


def start(lib, name, options, dtype, seed=0):
    """An optimizer with its parameters."""
    if name == "Muon":
        pytest.importorskip("ml_dtypes")  # which has bfloat16
    rng = np.random.default_rng(seed)
    params = [
        lib.tensor(numbers(rng, shape, dtype)).requires_grad_()
        for shape in SHAPES.get(name, [(3, 2), (), (40,), (1, 2, 3)])
    ]
    return params, getattr(lib.optim, name)(params, **options)


def steps(lib, params, optimizer, n=10, seed=1):
    """n steps with gradients that both libraries are given; the last parameter misses some."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        for j, p in enumerate(params):
            g = numbers(rng, tuple(p.shape), str(p.detach().numpy().dtype))
            p.grad = None if j == len(params) - 1 and i % 4 == 2 else lib.tensor(g)
        optimizer.step()


def values(x):
    """A state with arrays for tensors."""
    if isinstance(x, dict):
        return {k: values(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(values(v) for v in x)
    return x.detach().numpy() if hasattr(x, "detach") else x


def assert_equal(ours, theirs, bound):
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for k in ours:
            assert_equal(ours[k], theirs[k], bound)
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_equal(a, b, bound)
    elif isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=bound, atol=bound)
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=bound, abs=bound)
    else:
        assert ours == theirs


def bound_of(name, dtype, options):
    """Muon's matrices are rounded to bfloat16; a variance is a difference of near numbers."""
    return 1e-4 if name == "Muon" else BOUNDS[dtype] * (10 if options.get("centered") else 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_trajectories_state_and_repr_are_torchs(name, options, dtype):
    ends = []
    for lib in (tapegrad, torch):
        params, optimizer = start(lib, name, options, dtype)
        steps(lib, params, optimizer)
        ends.append([values(params), values(optimizer.state_dict()), repr(optimizer)])
    (ours, our_state, our_repr), (theirs, state, text) = ends
    bound = bound_of(name, dtype, options)
    assert_equal(ours, theirs, bound)
    assert_equal(our_state, state, bound)
    assert our_repr == text


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_complex_parameters_are_pairs_of_real_ones(name):
    ends = []
    for lib in (tapegrad, torch):
        params, optimizer = start(lib, name, {}, "complex64")
        steps(lib, params, optimizer)
        ends.append([values(params), values(optimizer.state_dict())])
    for ours, theirs in zip(*ends, strict=True):
        assert_equal(ours, theirs, 2e-6)


@pytest.mark.parametrize("name", OPTIONS)
def test_state_of_torch_is_loaded_and_continued(name):
    options = OPTIONS[name][-1]
    theirs, reference = start(torch, name, options, "float32")
    steps(torch, theirs, reference, 3)
    ours = [tapegrad.tensor(p.detach().numpy()).requires_grad_() for p in theirs]
    optimizer = getattr(tapegrad.optim, name)(ours)
    state = reference.state_dict()
    for held in state["state"].values():
        for k, v in held.items():
            held[k] = tapegrad.tensor(v.numpy())
    optimizer.load_state_dict(state)
    for held in state["state"].values():
        for v in held.values():
            v.zero_()  # what was loaded is a copy
    theirs2, again = start(torch, name, options, "float32")
    steps(torch, theirs2, again, 3)
    steps(torch, theirs2, again, 4, seed=2)
    steps(tapegrad, ours, optimizer, 4, seed=2)
    assert_equal(values(ours), values(theirs2), bound_of(name, "float32", options))
    assert_equal(
        values(optimizer.state_dict()), values(again.state_dict()), bound_of(name, "float32", options)
    )


@pytest.fixture
def wide():
    """Steps are counted in the default dtype."""
    for lib in (tapegrad, torch):
        lib.set_default_dtype(lib.float64)
    yield
    for lib in (tapegrad, torch):
        lib.set_default_dtype(lib.float32)


# In the others torch refuses a rate that requires grad, and of these more than one step.
RATES = ("Adam", "AdamW", "NAdam", "RAdam", "SGD")
ONE_STEP = ("Adamax", "NAdam", "Rprop")


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_through_steps_are_torchs(name, wide):
    ends = []
    for lib in (tapegrad, torch):
        rng = np.random.default_rng(0)
        a = lib.tensor(numbers(rng, (3, 2), "float64")).requires_grad_()
        lr = lib.tensor(0.1, requires_grad=True) if name in RATES else 0.1
        p = a.clone()
        gs = [lib.tensor(numbers(rng, (3, 2), "float64")).requires_grad_() for _ in range(3)]
        optimizer = getattr(lib.optim, name)([p], lr=lr, differentiable=True)
        for g in gs[: 1 if name in ONE_STEP else 3]:
            p.grad = g * a
            with lib.no_grad():
                optimizer.step()
        (p * p).sum().backward()
        asked = [a, *gs, *([lr] if name in RATES else [])]
        ends.append([None if x.grad is None else x.grad.numpy() for x in asked])
    assert_equal(*ends, 1e-10)


@pytest.mark.parametrize(("name", "options", "error"), REFUSED, ids=str)
def test_options_out_of_range_are_refused(name, options, error):
    for lib in (tapegrad, torch):
        with pytest.raises(error):
            getattr(lib.optim, name)([lib.ones(2, 2).requires_grad_()], **options)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_tensor_as_learning_rate(name):
    ends = []
    for lib in (tapegrad, torch):
        params, optimizer = start(lib, name, {"lr": lib.tensor(0.07)}, "float32")
        steps(lib, params, optimizer, 3)
        ends.append(values(params))
    assert_equal(*ends, 2e-6)


ABSENT = {"SparseAdam"}


@pytest.mark.parametrize("space", ["", "lr_scheduler", "swa_utils"])
def test_names_and_signatures_are_torchs(space):
    ours, theirs = ((getattr(lib.optim, space) if space else lib.optim) for lib in (tapegrad, torch))
    for name in set(theirs.__all__) - ABSENT:
        a, b = getattr(ours, name), getattr(theirs, name)
        if not callable(b):
            continue
        mine, parameters = inspect.signature(a).parameters, inspect.signature(b).parameters
        assert list(mine) == list(parameters), name
        for key, p in parameters.items():
            assert (mine[key].default, mine[key].kind) == (p.default, p.kind), (name, key)
        if inspect.isclass(b):
            public = {n for n in dir(b) if n[0] != "_"}
            assert public - set(dir(a)) <= {
                "OptimizerPostHook",
                "OptimizerPreHook",
                "profile_hook_step",
                "share_memory",
            } | {n for n in dir(torch.nn.Module) if n[0] != "_"}, name


def test_what_is_absent_says_so():
    with pytest.raises(AttributeError, match="sparse"):
        _ = tapegrad.optim.SparseAdam
