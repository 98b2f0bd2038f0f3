"""batch_norm, group_norm and instance_norm in machine code against the NumPy bodies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad import tiers
from tapegrad.kernels import normalise as N
from tapegrad.native import choice
from tapegrad.native.kernels import featurenorm

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


def plan(kind, shape, groups):
    """(view, axes, the weights' shape there) of a normalisation."""
    n, c, *rest = shape
    one = (1,) * len(rest)
    if kind == "group":
        view = (n, groups, c // groups, int(np.prod(rest)))
        return view, (2, 3), (1, groups, c // groups, 1)
    axes = tuple(range(2, 2 + len(rest)))
    return shape, axes if kind == "instance" else (0, *axes), (1, c, *one)


@st.composite
def cases(draw):
    groups = draw(st.integers(1, 3))
    rest = draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    shape = (draw(st.integers(1, 4)), groups * draw(st.integers(1, 4)), *rest)
    rng, kind = np.random.default_rng(draw(st.integers(0, 99))), draw(st.sampled_from(["f4", "f8"]))
    x, g = (rng.normal(size=shape).astype(kind) + 2 for _ in range(2))
    w, b = (rng.normal(size=shape[1]).astype(kind) for _ in range(2))
    return x, g, w, b, plan(draw(st.sampled_from(["batch", "instance", "group"])), shape, groups)


def found_by(kernel, *args):
    """(the result, what was found on the way)."""
    known = N.Moments()
    return kernel(*args, known), known


def check_forward(kernel, *args):
    """What machine code finds, which is what the body finds."""
    (y, known), (expected, wanted) = (found_by(k, *args) for k in (kernel, choice.original(kernel)))
    close(y, expected)
    for name in ("mean", "var", "rstd"):
        close(getattr(known, name), getattr(wanted, name))
    return wanted


def _most(a):
    return np.abs(a[np.isfinite(a)]).max(initial=0)


def close(y, expected):
    assert y.dtype == expected.dtype and y.shape == expected.shape
    digits = 5e-5 if y.dtype == np.float32 else 1e-11
    np.testing.assert_allclose(y, expected, rtol=digits, atol=digits * (1 + _most(expected)))


@settings(max_examples=60, deadline=None)
@given(cases(), st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_machine_code_is_the_body(case, wanted):
    x, g, w, b, (view, axes, shape) = case
    args = (view, axes, shape, 0.1)
    known = check_forward(N.affine, x, w, b, *args)
    check_forward(N.plain, x, *args)
    open_shape = tuple(-1 if k == 1 and n > 1 else n for k, n in enumerate(shape)) if shape[0] == 1 else shape
    args = (view, axes, open_shape, 0.1) if open_shape.count(-1) == 1 else args
    check_forward(N.plain, x, *args)
    args = (*args, known)
    for y, expected in zip(
        N.plain_vjp((1,), g, x, *args), choice.original(N.plain_vjp)((1,), g, x, *args), strict=True
    ):
        close(y, expected)
    args = (view, axes, shape, 0.1, known)
    need = tuple(1 if k else None for k in wanted)
    found = N.affine_vjp(need, g, x, w, b, *args)
    for y, expected in zip(found, choice.original(N.affine_vjp)(need, g, x, w, b, *args), strict=True):
        assert (y is None) == (expected is None)
        if y is not None:
            close(y, expected)


@pytest.mark.parametrize("shape", [(3, 150, 5), (2, 16, 70), (40, 33, 3, 3), (1, 70, 17), (2, 3, 100, 101)])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_rows_of_their_own_sums_are_joined(shape, kind):
    """Means that are far from zero, and differ from row to row: the truth is float64's."""
    rng, c = np.random.default_rng(0), shape[1]
    x = (rng.normal(size=shape) + rng.normal(size=(*shape[:2], *(1,) * (len(shape) - 2))) + 1000).astype(kind)
    w, b = (rng.normal(size=c).astype(kind) for _ in range(2))
    axes, one = (0, *range(2, len(shape))), (1, c, *(1,) * (len(shape) - 2))
    y, known = found_by(N.affine, x, w, b, shape, axes, one, 1e-5)
    true = x.astype("f8")
    mean, var = true.mean(axes, keepdims=True), true.var(axes, keepdims=True)
    digits = 1e-6 if kind == "f4" else 1e-13
    np.testing.assert_allclose(known.mean.reshape(one), mean, rtol=digits)
    np.testing.assert_allclose(known.var.reshape(one), var, rtol=3 * digits)
    close(y, ((true - mean) / np.sqrt(var + 1e-5) * w.reshape(one) + b.reshape(one)).astype(kind))


def test_equal_numbers_have_no_variance():
    x = np.full((8, 3, 40, 40), 0.1, "f4")
    _, known = found_by(N.plain, x, x.shape, (0, 2, 3), (1, 3, 1, 1), 0.1)
    assert (known.mean == np.float32(0.1)).all() and (known.var == 0).all()


def test_nan_and_inf_stay_in_their_channel():
    x = np.random.default_rng(0).normal(size=(4, 3, 9, 9)).astype("f4")
    x[1, 0, 3, 3], x[2, 2, 0, 0] = np.nan, np.inf
    with np.errstate(all="ignore"):
        args = (x, x.shape, (0, 2, 3), (1, 3, 1, 1), 0.1)
        (y, found), (z, expected) = (found_by(k, *args) for k in (N.plain, choice.original(N.plain)))
    np.testing.assert_array_equal(np.isfinite(y), np.isfinite(z))
    for name in ("mean", "var", "rstd"):
        y, z = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(np.isfinite(y), np.isfinite(z))


@pytest.mark.parametrize("most", [0, 1 << 62], ids=["by all threads", "at once"])
@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40) | st.sampled_from([300, 1100]),
    st.integers(1, 20) | st.sampled_from([64, 70, 150]),
    st.sampled_from(["f4", "f8"]),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.integers(0, 99),
)
def test_columns_of_matrices(most, n, c, kind, wanted, seed):
    rng = np.random.default_rng(seed)
    x, g = (rng.normal(size=(n, c)).astype(kind) + 2 for _ in range(2))
    w, b = (rng.normal(size=c).astype(kind) for _ in range(2))
    before, need = tiers.native_calls(), tuple(True if k else None for k in wanted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(featurenorm, "MOST", most)
        args = ((n, c), (0,), (1, c), 0.1)
        args = (*args, check_forward(N.affine, x, w, b, *args))
        found = N.affine_vjp(need, g, x, w, b, *args)
    assert tiers.native_calls() > before
    for y, expected in zip(found, choice.original(N.affine_vjp)(need, g, x, w, b, *args), strict=True):
        assert (y is None) == (expected is None)
        if y is not None:
            close(y, expected)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(1, 12) | st.just(70), min_size=2, max_size=4),
    st.sampled_from(["f4", "f8"]),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.integers(0, 99),
)
def test_running_moments(shape, kind, wanted, seed):
    rng, c = np.random.default_rng(seed), shape[1]
    x, g = (rng.normal(size=shape).astype(kind) + 2 for _ in range(2))
    mean, w, b, var = (rng.normal(size=c).astype(kind) for _ in range(4))
    x[0, 0], var = rng.choice([1, np.inf, np.nan]), var * var
    args = x, mean, var, w, b, (1, c, *(1,) * (x.ndim - 2)), 0.1
    before, with_x, with_w, with_b = tiers.native_calls(), *(1 if k else None for k in wanted)
    need = with_x, None, None, with_w, with_b
    found = N.by_running(*args), *N.by_running_vjp(need, g, *args)
    assert tiers.native_calls() > before
    expected = choice.original(N.by_running)(*args), *choice.original(N.by_running_vjp)(need, g, *args)
    for y, z, k in zip(found, expected, (1, *need), strict=True):
        assert (y is None) == (z is None) == (k is None)
        if y is not None:
            close(y, z)


def test_the_cotangent_by_running_moments_does_not_see_x():
    g = np.ones((2, 3, 5, 5), "f4")
    one, x = np.ones(3, "f4"), np.full_like(g, np.inf)
    gx, *_ = N.by_running_vjp((1, None, None, 1, 1), g, x, one * 0, one, one, one, (1, 3, 1, 1), 0.0)
    np.testing.assert_array_equal(gx, g)
