"""Equally spaced numbers."""

import numpy as np
import pytest

import tapegrad.kernels.arrange as A
from tapegrad import tiers
from tapegrad.native.choice import original

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 4096, 4099, 100_001, 1_000_006])
def test_spaced(n, dtype):
    for first, last in ((0, 1), (-3.7, 12.1), (5, 5), (1e20, -1e20), (0, np.inf), (np.nan, 1)):
        a, b = dtype(first), dtype(last)
        with np.errstate(all="ignore"):
            by = (b - a) / dtype(max(n - 1, 1))
            y, expected = (
                A.spaced(a, b, by, n, np.dtype(dtype)),
                original(A.spaced)(a, b, by, n, np.dtype(dtype)),
            )
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("n", [1 << 15, (1 << 15) + 3, 1_000_007])
def test_counted(n):
    for first, by in (
        (0, 1),
        (5, 1),
        (-7, 3),
        (2**31, -(2**31)),
        (2**40, 1),
        (0, 2**40),
        (-(2**62), -(2**62)),
    ):
        y, expected = A.counted(first, by, n), original(A.counted)(first, by, n)
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y, expected)
    assert np.array_equal(A.counted(3, 2, 4), [3, 5, 7, 9])
    assert A.counted(0, 1, 0).shape == (0,)
