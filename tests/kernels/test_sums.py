"""Sums over axes: what goes through BLAS is what NumPy adds up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad.kernels.reduce as R
import tapegrad.kernels.shape as S

SIZES = st.lists(st.sampled_from([0, 1, 2, 3, 9, 16, 40]), min_size=3, max_size=3)


@settings(deadline=None)
@given(shape=SIZES, data=st.data(), kind=st.sampled_from(["f4", "f8", "i8", "c16"]), keepdim=st.booleans())
def test_sum_over_some_axes(shape, data, kind, keepdim):
    x = np.random.default_rng(0).normal(size=shape)
    x = (x * 100).astype(kind)
    if data.draw(st.booleans()):
        x = x.swapaxes(0, 2)
    dim = tuple(sorted(data.draw(st.sets(st.integers(0, x.ndim - 1), min_size=1, max_size=3))))
    y = R.sum(x, dim, keepdim)
    expected = np.add.reduce(x, axis=dim, keepdims=keepdim)
    assert (y.dtype, y.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(y, expected, 1e-5, 1e-3 if kind == "f4" else 1e-9)
    kept = tuple([1 if i in dim else n for i, n in enumerate(x.shape)])
    np.testing.assert_allclose(S.sum_to(x, kept), y.reshape(kept), 1e-5, 1e-3 if kind == "f4" else 1e-9)


@pytest.mark.parametrize("shape", [(64, 16, 9), (4, 200, 2), (1, 600, 3)])
def test_what_is_not_finite_stays_in_its_sum(shape):
    x = np.ones(shape, "f4")
    x[0, 1, 0], x[0, 2, 1], x[-1, 3, 1] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        y, expected = S.axis_sum(x, 1), np.add.reduce(x, axis=1)
    np.testing.assert_array_equal(y, expected)
