"""gelu of many float32s, which has an error function of its own."""

from __future__ import annotations

import numpy as np
import pytest

import tapegrad.kernels.activations as A

X = np.concatenate([np.linspace(-9, 9, 20001), [0.0, -0.0, 1e-30, -1e-30, 50.0, -50.0, 3e38, -3e38]])


@pytest.mark.parametrize("f", [A.gelu, A.gelu_slope])
def test_many_numbers_are_as_exact_as_float32_allows(f):
    given = X.astype("f4")
    found, exact = f(given), f(given.astype("f8"))
    assert found.dtype == np.float32 and found.shape == given.shape
    assert (np.abs(found - exact) <= 4e-7 * np.maximum(1, np.abs(given))).all()


def test_what_is_not_finite_and_other_layouts():
    rows = np.full((600, 4), 0.5, "f4")
    rows[3] = np.inf, -np.inf, np.nan, 1
    with np.errstate(all="ignore"):
        y = A.gelu(rows.T)
        assert np.array_equal(y.T, A.gelu(rows), equal_nan=True)
    assert y[0, 3] == np.inf and np.isnan(y[1:3, 3]).all() and y[0, 0] == y[3, 599]
