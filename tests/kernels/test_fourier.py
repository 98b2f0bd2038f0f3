"""Fourier transforms by NumPy's loops, and by np.fft where a NumPy keeps these elsewhere."""

import numpy as np
import pytest

import tapegrad.kernels.fourier as K


@pytest.mark.parametrize("norm", ["backward", "forward", "ortho"])
@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("n", [1, 4, 5])
def test_both_ways_agree(norm, forward, n, monkeypatch):
    x = np.random.default_rng(0).normal(size=(3, n, 2))
    z = x + 1j * x[::-1]
    calls = [
        lambda: K.c2c(z, (1, 0), forward, norm),
        lambda: K.r2c(x, 1, forward, norm),
        lambda: K.c2r(z, n + 1, 1, forward, norm),
    ]
    assert K._LOOPS is not None
    fast = [call() for call in calls]
    monkeypatch.setattr(K, "_LOOPS", None)
    for y, call in zip(fast, calls, strict=True):
        other = call()
        assert y.dtype == other.dtype
        np.testing.assert_allclose(y, other, rtol=1e-13, atol=1e-13)
