"""Tables along axes in machine code against the NumPy body."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad import tiers
from tapegrad.kernels import resampling as R
from tapegrad.native import choice
from tapegrad.native.kernels import resampling as native

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


@pytest.fixture(autouse=True)
def all_sizes(monkeypatch):
    monkeypatch.setattr(native, "LEAST", 1)


@st.composite
def cases(draw):
    """(x, a table or None for each of its last axes)."""
    shape = draw(st.lists(st.integers(1, 20), min_size=1, max_size=4))
    rng, kind = np.random.default_rng(draw(st.integers(0, 99))), draw(st.sampled_from(["f4", "f8"]))
    tables = []
    for n in shape[-draw(st.integers(1, len(shape))) :]:
        taps, m = draw(st.integers(0, 4)), draw(st.integers(0, 12))
        index = rng.integers(-1, n, (taps, m))
        weight = rng.normal(size=(taps, m)) if draw(st.booleans()) else None
        tables.append(R.Table(n, index, weight) if draw(st.integers(0, 3)) else None)
    x = rng.normal(size=shape).astype(kind)
    if draw(st.booleans()):
        x.reshape(-1)[x.size // 2] = draw(st.sampled_from([np.nan, np.inf, -0.0]))
    return np.asfortranarray(x) if draw(st.booleans()) else x, tuple(tables)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_machine_code_is_the_body(case):
    x, tables = case
    kept = x.copy()
    with np.errstate(invalid="ignore"):
        y, expected = R.resampled(x, tables), choice.original(R.resampled)(x, tables)
    assert y.dtype == expected.dtype and y.flags.c_contiguous and not np.shares_memory(x, y)
    digits = 1e-5 if y.dtype == np.float32 else 1e-13
    np.testing.assert_allclose(y, expected, rtol=digits, atol=digits)
    zeros = (y == 0) & (expected == 0)
    if sum(table is not None for table in tables) < 2:  # else the order of the axes decides
        np.testing.assert_array_equal(np.signbit(y[zeros]), np.signbit(expected[zeros]))
    np.testing.assert_array_equal(x, kept)
