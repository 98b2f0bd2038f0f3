"""Reductions in machine code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tapegrad.kernels.reduce as R
import tapegrad.kernels.shape as H
import tapegrad.kernels.statistics as S
from tapegrad import tiers
from tapegrad.native import choice, fold, strips
from tests.native.arrays import DTYPES, LAYOUTS, ODD, SIZES, awake, drawn, laid

SHAPES = st.lists(SIZES, min_size=1, max_size=4).filter(lambda s: 0 < np.prod(s) < 200_000)
AXES = st.none() | st.sets(st.integers(0, 3), min_size=1)
KERNELS = {
    "sum": (R.sum, ()),
    "mean": (R.mean, ()),
    "prod": (R.prod, ()),
    "amax": (R.amax, ()),
    "amin": (R.amin, ()),
    "all": (R.all, ()),
    "any": (R.any, ()),
    "count_nonzero": (S.count_nonzero, ()),
    "norm 1": (R.norm, (1.0,)),
    "norm 2": (R.norm, (2.0,)),
    "norm inf": (R.norm, (np.inf,)),
    "var": (R.var, (1,)),
    "std": (R.std, (0,)),
    "logsumexp": (S.logsumexp, ()),
}


@pytest.fixture(autouse=True)
def tier(monkeypatch, narrow):
    awake()
    for name in ("reduce", "extremes", "logsumexp"):
        monkeypatch.setattr(f"tapegrad.native.kernels.{name}.LEAST", 1)
    for name in ("FEW", "MANY", "_LEAST_SPREAD"):
        monkeypatch.setattr(f"tapegrad.native.kernels.reduce.{name}", 1)


@pytest.fixture
def small_parts(monkeypatch):
    """Cut what is long into short parts, so that small arrays have several."""
    monkeypatch.setattr("tapegrad.native.fold.LONG", 64)
    monkeypatch.setattr("tapegrad.native.fold.PART", 24)
    monkeypatch.setattr("tapegrad.native.fold.DOWN", 16)
    monkeypatch.setattr("tapegrad.native.kernels.logsumexp.PART", 24)
    fold._plan.cache_clear()
    yield
    fold._plan.cache_clear()


def alike(found, wanted, digits):
    assert np.shape(found) == np.shape(wanted)
    assert type(found) is type(wanted)
    assert found.dtype == wanted.dtype
    scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1)
    np.testing.assert_allclose(found / scale, wanted / scale, rtol=digits, atol=digits)


def numbers(name, shape, dtype, layout, odd):
    if name != "prod":
        return drawn(shape, dtype, layout, odd, scale=1.0)
    x = drawn(shape, dtype, scale=1e-3)
    x = np.copysign(np.exp(x), x)  # whose products are no 0 in any order: times inf that would be nan
    if odd is not None:
        x.reshape(-1)[x.size // 3] = odd
    return laid(x, layout)


def check(name, shape, axes, keepdim, dtype, layout, odd):
    kernel, args = KERNELS[name]
    x = numbers(name, shape, dtype, layout, odd)
    dim = None if axes is None else tuple(sorted(k for k in axes if k < len(shape)))
    if name == "logsumexp" and dim is None:
        dim = tuple(range(len(shape)))
    if dim == ():
        return
    with np.errstate(all="ignore"):
        wanted = choice.original(kernel)(x, dim, keepdim, *args)
        alike(choice.behind_few(kernel)(x, dim, keepdim, *args), wanted, 3e-5 if dtype == "f4" else 1e-12)


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=25, deadline=None)
@given(SHAPES, AXES, st.booleans(), DTYPES, LAYOUTS, ODD)
def test_reductions(name, shape, axes, keepdim, dtype, layout, odd):
    check(name, shape, axes, keepdim, dtype, layout, odd)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("odd", [None, np.nan])
@pytest.mark.usefixtures("small_parts")
def test_reductions_of_several_parts(name, odd):
    for shape in ((1000,), (7, 100), (100, 7), (3, 50, 40), (2, 1, 300), (200, 3)):
        for axes in (None, {0}, {1}, {0, 2}):
            if not axes or max(axes) < len(shape):
                check(name, shape, axes, False, "f4", "plain", odd)


@pytest.mark.parametrize("kernel", [R.argmax, R.argmin], ids=["argmax", "argmin"])
@settings(max_examples=60, deadline=None)
@given(SHAPES, st.none() | st.integers(0, 3), st.booleans(), DTYPES, LAYOUTS, ODD, st.booleans())
def test_first_places(kernel, shape, dim, keepdim, dtype, layout, odd, ties):
    assume(dim is None or dim < len(shape))
    x = drawn(shape, dtype, layout, odd)
    x = np.round(x) if ties else x
    found, wanted = kernel(x, dim, keepdim), choice.original(kernel)(x, dim, keepdim)
    assert type(found) is type(wanted)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n", [17, 31, 64, 100, 1000])
def test_first_places_along_rows(dtype, n):
    rng = np.random.default_rng(n)
    x = np.round(rng.normal(size=(300, n)) * 3).astype(dtype)
    x[0], x[1], x[2, n // 2 :], x[3], x[4, -1] = -np.inf, np.nan, np.nan, np.inf, np.nan
    x[5] = np.where(rng.random(n) < 0.5, 0.0, -0.0)
    for kernel in (R.argmax, R.argmin):
        before = tiers.native_calls()
        found = kernel(x, 1, True)
        assert tiers.native_calls() > before
        np.testing.assert_array_equal(found, choice.original(kernel)(x, 1, True))


def test_sums_that_undo_a_broadcast():
    g = drawn((6, 50, 40), "f4")
    for shape in ((50, 40), (40,), (1, 40), (50, 1), (6, 1, 40), (1, 1, 1), ()):
        alike(H.sum_to(g, shape), choice.original(H.sum_to)(g, shape), 1e-5)
    alike(H.sum_rows(g), g.reshape(-1, 40).sum(0), 1e-5)


@pytest.mark.parametrize("shape", [(1 << 21,), (1 << 19, 4), (1 << 12, 512), (4, 1 << 19)])
def test_sums_are_as_accurate_as_pairs(shape):
    x = (np.random.default_rng(0).random(shape) + 1e-3).astype("f4")
    for dim in (None, *[(k,) for k in range(len(shape))]):
        exact = np.float64(x).sum(dim)
        assert np.abs(R.sum(x, dim) / exact - 1).max() < 3e-7


def test_variance_of_equal_numbers_is_0():
    assert R.var(np.full((500, 300), 0.1, "f4"), (0,), False, 1).max() == 0
    assert R.std(np.full((500, 300), 1e30, "f4"), None, False, 1) == 0


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_the_way_back_of_logsumexp(axis, dtype):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((200, 300)) * 5).astype(dtype)
    x[3, 4], x[5, 6], x[7] = -np.inf, 20, -np.inf
    with np.errstate(divide="ignore"):
        y = np.log(np.exp(x.astype("f8")).sum(axis, keepdims=True)).astype(dtype)
    g = rng.standard_normal(y.shape).astype(dtype)
    with np.errstate(invalid="ignore"):
        expected = g * np.exp(x - y)
    before = tiers.native_calls()
    found = S.logsumexp_vjp(g, x, y)
    assert tiers.native_calls() > before
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps)
    few = x[:1, :9], y[:1, :9]
    np.testing.assert_array_equal(S.logsumexp_vjp(g[:1, :9], *few), g[:1, :9] * np.exp(few[0] - few[1]))


@given(st.integers(0, 1 << 22), st.integers(64, 1 << 17).map(lambda n: n // 64 * 64))
def test_parts_of_long_rows(n, most):
    parts, length = strips.parted(n, most, 64)
    assert length <= most and parts * length >= n
    assert parts < 2 or ((parts - 1) * length < n and length % 64 == 0)
    if parts >= 2 and most >= 1 << 10 and n >= 64 * parts * parts:  # else rounding decides
        assert parts % 2 == 0
