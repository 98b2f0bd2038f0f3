"""What the tests of kernels share: arrays of every layout, and comparison with the NumPy bodies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from tapegrad import tiers

SIZES = st.sampled_from([0, 1, 2, 3, 7, 8, 9, 16, 31, 33, 64, 100])
DTYPES = st.sampled_from(["f4", "f8"])
LAYOUTS = st.sampled_from(["plain", "turned", "rotated", "stepped", "offset", "misaligned", "read-only"])
ODD = st.sampled_from([None, np.nan, np.inf, -np.inf, -0.0])


# Why the tier may be off: Unavailable's texts, and the switch.
CANNOT = ("TAPEGRAD_NATIVE=0", "llvmlite", "the processor", "not supported", "in another")


def awake():
    """Start the tier, or skip the test where it cannot run; what fails in itself is a failure."""
    tiers.wake()
    state = tiers.native_state()
    if not state.startswith("on"):
        assert any(reason in state for reason in CANNOT), state
        pytest.skip(state)


def laid(x, layout):
    """x in a layout."""
    if layout == "rotated":  # as channels that lie last
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    if layout == "turned":
        return np.ascontiguousarray(x.T).T
    if layout == "stepped":
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    if layout == "offset":
        flat = np.zeros(x.size + 1, x.dtype)
        flat[1:] = x.reshape(-1)
        return flat[1:].reshape(x.shape)
    if layout == "misaligned":
        data = np.zeros(x.nbytes + 1, "u1")
        data[1:] = np.frombuffer(x.tobytes(), "u1")
        return data[1:].view(x.dtype).reshape(x.shape)
    y = x.copy()
    y.flags.writeable = layout != "read-only"
    return y


def drawn(shape, dtype, layout="plain", odd=None, seed=0, scale=3.0):
    """Normal numbers in a layout, with an odd one among them."""
    x = np.asarray(np.random.default_rng(seed).standard_normal(shape) * scale, dtype)
    if odd is not None and x.size:
        x.reshape(-1)[x.size // 3] = odd
    return laid(x, layout)


def close(found, wanted, digits=None):
    """Equal but for rounding, relative to the largest number; nan and inf exactly."""
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    fine = np.isfinite(wanted)
    np.testing.assert_array_equal(np.isfinite(found), fine)
    np.testing.assert_array_equal(found[~fine], wanted[~fine])
    digits = digits or (2e-5 if found.dtype == np.float32 else 1e-13)
    size = max(1.0, np.abs(wanted[fine]).max(initial=0))
    np.testing.assert_allclose(found[fine] / size, wanted[fine] / size, rtol=0, atol=digits)
