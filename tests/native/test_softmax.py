"""Softmax, cross entropy and the mean squared error in machine code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.kernels.loss as Q
from tapegrad.func import jvp, vmap
from tapegrad.native import choice
from tapegrad.nn.functional import cross_entropy
from tests.native.arrays import DTYPES, LAYOUTS, ODD, SIZES, awake, close, drawn


@pytest.fixture(autouse=True)
def tier(monkeypatch, narrow):
    awake()
    for name in ("softmax", "squares"):
        monkeypatch.setattr(f"tapegrad.native.kernels.{name}.LEAST", 1)


SHAPES = st.lists(SIZES, min_size=1, max_size=3)
KERNELS = pytest.mark.parametrize("log", [False, True], ids=["softmax", "log_softmax"])


@KERNELS
@settings(max_examples=80, deadline=None)
@given(SHAPES, st.integers(0, 2), DTYPES, LAYOUTS, ODD)
def test_softmax_and_its_gradient(log, shape, dim, dtype, layout, odd):
    dim = (dim % len(shape),)
    forward, back = (Q.log_softmax, Q.log_softmax_vjp) if log else (Q.softmax, Q.softmax_vjp)
    forward, back = map(choice.behind_few, (forward, back))
    x = drawn(shape, dtype, layout, odd)
    y = choice.original(forward)(x, dim)
    close(forward(x, dim), y)
    g = drawn(shape, dtype, layout, None, 1)
    if np.isfinite(y).all() and y.size:
        close(back(g, y, dim), choice.original(back)(g, y, dim))


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, DTYPES, LAYOUTS, ODD, st.booleans())
def test_cross_entropy(n, c, dtype, layout, odd, skip):
    assume(c and n)
    x = drawn((n, c), dtype, layout, odd)
    classes = np.random.default_rng(2).integers(-skip, c, n)
    found, wanted = Q.cross_rows(x, classes), choice.original(Q.cross_rows)(x, classes)
    close(found[0], wanted[0])
    scale = np.where(classes < 0, 0, drawn((n,), dtype, seed=3)).astype(dtype)
    if odd is None:  # of others only the losses mean something
        for a, b in zip(found, wanted, strict=True):
            close(a, np.ascontiguousarray(b))
        args = scale, x, classes, *map(np.ascontiguousarray, wanted[1:])
        close(Q.cross_rows_vjp(*args), choice.original(Q.cross_rows_vjp)(*args))


def test_long_rows_keep_their_digits():
    x = drawn((2, 1 << 18), "f4")
    for dim in (0, 1):
        exact = np.exp(np.float64(x))
        exact /= exact.sum(dim, keepdims=True)
        assert np.abs(Q.softmax(x, (dim,)) / exact - 1).max() < 2e-6


def test_equal_runs_give_equal_bits():
    x = drawn((300, 1000), "f4")
    assert (Q.softmax(x, (1,)) == Q.softmax(x, (1,))).all()
    assert (Q.log_softmax(x, (0,)) == Q.log_softmax(x, (0,))).all()


@settings(max_examples=60, deadline=None)
@given(SHAPES, DTYPES, LAYOUTS, ODD, st.sampled_from([1.0, -0.3]))
def test_mean_squared_error(shape, dtype, layout, odd, g):
    assume(0 not in shape)
    x, y = drawn(shape, dtype, layout, odd), drawn(shape, dtype, layout, None, 1)
    with np.errstate(all="ignore"):
        found, wanted = Q.mse(x, y, x.size), choice.original(Q.mse)(x, y, x.size)
        assert type(found) is type(wanted)
        np.testing.assert_allclose(found, wanted, rtol=1e-6 if dtype == "f4" else 1e-13)
        g = x.dtype.type(g)
        for need in ((1, 1), (1, None), (None, 1)):
            back = Q.mse_vjp(need, g, x, y, x.size), choice.original(Q.mse_vjp)(need, g, x, y, x.size)
            for a, b in zip(*back, strict=True):
                assert (a is None) is (b is None)
                if a is not None:
                    np.testing.assert_array_equal(a, b)


# ---- the op that large arrays take


def scores(n=64, c=300):
    torch.manual_seed(0)
    return torch.randn(n, c, dtype=torch.float64), torch.randint(0, c, (n,))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignore", [-100, 5])
def test_one_node_gives_what_two_give(reduction, ignore):
    x, t = scores()
    t[::7] = ignore if ignore >= 0 else t[0]
    weight = torch.ones(300, dtype=torch.float64)  # takes the way of two nodes
    results = []
    for w in (None, weight):
        a = x.clone().requires_grad_()
        loss = cross_entropy(a, t, w, ignore_index=ignore, reduction=reduction)
        first = torch.autograd.grad((loss * loss).sum(), a, create_graph=True)[0]
        second = torch.autograd.grad((first * first).sum(), a)[0]
        results.append([v.detach().numpy() for v in (loss, first, second)])
    for one, two in zip(*results, strict=True):
        close(one, two, 1e-12)


def test_all_ignored_and_a_class_out_of_range():
    x, t = scores()
    a = x.clone().requires_grad_()
    loss = cross_entropy(a, t * 0 - 100)
    assert loss.isnan()
    loss.backward()
    assert (a.grad == 0).all()
    with pytest.raises(IndexError, match=r"cross_entropy: .*class 300; with 300 classes"):
        cross_entropy(x, t * 0 + 300)


def test_transforms_of_large_scores():
    x, t = scores()
    both = vmap(lambda a: cross_entropy(a, t))(torch.stack([x, -x]))
    close(both.numpy(), np.array([cross_entropy(x, t).item(), cross_entropy(-x, t).item()]))
    _, slope = jvp(lambda a: cross_entropy(a, t), (x,), (torch.ones_like(x),))
    assert abs(slope.item()) < 1e-12  # softmax does not see a shift


@pytest.mark.parametrize("g", [drawn((5, 7), "f8"), drawn((5, 1), "f4")])
def test_other_cotangents_are_numpys(g):
    y = Q.softmax(drawn((5, 7), "f4"), (1,))
    for kernel in map(choice.behind_few, (Q.softmax_vjp, Q.log_softmax_vjp)):
        close(kernel(g, y, (1,)), choice.original(kernel)(g, y, (1,)))
