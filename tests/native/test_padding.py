"""Borders, and what rows of another array make, against the NumPy bodies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad.kernels.arrange as A
from tapegrad import tiers
from tapegrad.kernels import resampling as R
from tapegrad.native import choice
from tapegrad.native.kernels import padding
from tapegrad.native.kernels import resampling as native
from tapegrad.ops.networks.padding import _table

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


@pytest.fixture(autouse=True)
def all_sizes(monkeypatch):
    monkeypatch.setattr(native, "LEAST", 1)
    monkeypatch.setattr(padding, "LEAST", 0)


def drawn(rng, shape, kind):
    return (rng.normal(size=shape) * 50).astype(kind)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(-3, 3), st.integers(-3, 3)), min_size=1, max_size=4),
    st.sampled_from(["f4", "f8", "i8", "i4", "u1", "F"]),
    st.sampled_from([0, 1, -1]),
)
def test_borders_of_a_number(axes, kind, value):
    shape = [max(n, -min(a, 0) - min(b, 0)) for n, a, b in axes]
    before, after = (tuple([axis[k] for axis in axes]) for k in (1, 2))
    if kind == "u1":
        value = abs(value)
    x = drawn(np.random.default_rng(0), shape, kind)
    kept = x.copy()
    y, expected = A.pad(x, before, after, value), choice.original(A.pad)(x, before, after, value)
    assert y.dtype == expected.dtype and y.shape == expected.shape and not np.shares_memory(x, y)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(x, kept)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=4),
    st.sampled_from(["reflect", "replicate", "circular"]),
    st.data(),
)
def test_borders_of_what_is_there(shape, mode, data):
    tables = []
    for n in shape[-data.draw(st.integers(1, len(shape) - 1)) :]:
        before, after = (data.draw(st.integers(-(n // 3), min(4, n - 1))) for _ in range(2))
        tables.append(_table(mode, n, before, after) if data.draw(st.booleans()) else None)
    x = drawn(np.random.default_rng(0), shape, "f4")
    x.reshape(-1)[0] = np.nan
    y, expected = R.resampled(x, tuple(tables)), choice.original(R.resampled)(x, tuple(tables))
    np.testing.assert_array_equal(y, expected)
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("shape", [(32, 4, 30, 30), (8, 3, 70), (1, 20_000), (3, 9_000)])
def test_borders_are_machine_code(shape):
    x, sides = drawn(np.random.default_rng(0), shape, "f4"), (0,) * (len(shape) - 1) + (1,)
    calls = tiers.native_calls()
    y = A.pad(x, sides, sides, 2.5)
    assert tiers.native_calls() > calls
    np.testing.assert_array_equal(y, np.pad(x, list(zip(sides, sides, strict=True)), constant_values=2.5))
