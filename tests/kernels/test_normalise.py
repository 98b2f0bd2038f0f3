"""Moments of equal numbers: nothing is left that eps could make large."""

import numpy as np
import pytest

from tapegrad.kernels.normalise import moments


@pytest.mark.parametrize("n", [3, 7, 100, 1000])
@pytest.mark.parametrize("value", [0.1, -1.7, 3.3e7])
def test_equal_numbers_have_no_variance(n, value):
    x = np.full((2, n, 3), value, "f4")
    for axes in ((1,), (0, 1), (1, 2)):
        mean, variance = moments(x, axes)
        assert (mean == np.float32(value)).all()
        assert not variance.any()
