"""Running totals in machine code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tapegrad.kernels.cumulative as C
from tapegrad.native import choice
from tests.native.arrays import DTYPES, LAYOUTS, ODD, SIZES, awake, drawn

SHAPES = st.lists(SIZES, min_size=1, max_size=3).filter(lambda s: 0 < np.prod(s) < 100_000)
KERNELS = {
    "cumsum": (C.cumsum, ()),
    "cumsum from the end": (C.cumsum, (True,)),
    "cumprod": (C.cumprod, ()),
    "cummax": (C.cummax_at, ()),
    "cummin": (C.cummin_at, ()),
    "logcumsumexp": (C.logcumsumexp, ()),
}


@pytest.fixture(autouse=True)
def tier(monkeypatch, narrow):
    awake()
    monkeypatch.setattr("tapegrad.native.kernels.scan.LEAST", 1)
    monkeypatch.setattr("tapegrad.native.kernels.scan.PART", 40)


def check(kernel, x, dim, *args):
    kernel = choice.behind_few(kernel)
    with np.errstate(all="ignore"):
        found, wanted = kernel(x, dim, *args), choice.original(kernel)(x, dim, *args)
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    if found.dtype.kind == "i":
        np.testing.assert_array_equal(found, wanted)
        return
    digits = 2e-6 if found.dtype == np.float32 else 1e-13
    scale = np.abs(x[np.isfinite(x)]).sum(initial=1)
    np.testing.assert_allclose(found, wanted, rtol=digits * 10, atol=digits * scale)
    if kernel is C.cumsum:  # torch adds to a first 0: -0. becomes 0.
        assert not np.signbit(found[found == 0]).any()


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(0, 2), DTYPES, LAYOUTS, ODD, st.booleans(), st.sampled_from([1.0, 500.0]))
def test_running_totals(name, shape, dim, dtype, layout, odd, ties, scale):
    assume(dim < len(shape))
    kernel, args = KERNELS[name]
    x = drawn(shape, dtype, layout, odd, scale=1.0 if name == "cumprod" else scale)
    check(kernel, np.round(x) if ties else x, dim, *args)


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(0, 2), DTYPES, LAYOUTS, st.booleans(), st.booleans())
def test_recurrences(shape, dim, dtype, layout, back, same):
    assume(dim < len(shape))
    b = drawn(shape, dtype, layout)
    a = drawn([1 if same else n for n in shape], dtype, layout, seed=1, scale=0.5)
    found, wanted = (
        C.recur(a, b, dim, back),
        choice.original(C.recur)(np.float64(a), np.float64(b), dim, back),
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 if dtype == "f4" else 1e-10)


@pytest.mark.parametrize("start", [-1e4, -np.inf, 0.0, 1e4])
def test_log_sums_of_far_numbers(start):
    for x in (
        [start, 0, 1, 2],
        [start] * 20 + [700.0, -700, 3],
        list(np.linspace(max(start, -1e4), 0, 50)),
    ):
        x = np.array(x, "f8")
        check(C.logcumsumexp, x[~np.isnan(x)], 0)


def test_many_log_sums_keep_their_digits():
    y = C.logcumsumexp(np.zeros(1 << 18, "f4"), 0)
    np.testing.assert_allclose(y, np.log(np.arange(1, (1 << 18) + 1)), rtol=1e-6, atol=1e-6)
