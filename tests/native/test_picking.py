"""Places along the last axis in machine code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad
import tapegrad.kernels.reduce as R
from tapegrad.native import choice
from tests.native.arrays import DTYPES, LAYOUTS, ODD, awake, close, drawn

SIZES = st.sampled_from([1, 2, 7, 33, 100])


@pytest.fixture(autouse=True)
def tier(monkeypatch):
    awake()
    monkeypatch.setattr("tapegrad.native.kernels.picking.LEAST", 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(SIZES, max_size=2), SIZES, SIZES, DTYPES, LAYOUTS)
def test_pick_and_its_adjoint(lead, n, k, dtype, layout):
    x, g = drawn((*lead, n), dtype, layout), drawn((*lead, k), dtype, layout, seed=1)
    index = np.random.default_rng(2).integers(0, n, (*lead, k))
    dim = len(lead)
    np.testing.assert_array_equal(R.pick(x, index, dim, True), choice.original(R.pick)(x, index, dim, True))
    args = g, index, dim, True, x.shape
    close(R.place_all(*args), choice.original(R.place_all)(*args))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SIZES, max_size=2),
    SIZES,
    st.integers(1, 100),
    st.sampled_from(["f4", "f8", "i4", "i8"]),
    LAYOUTS,
    st.booleans(),
    ODD,
)
def test_places_that_are_taken_once(lead, n, k, dtype, layout, keepdim, odd):
    g = drawn((*lead, min(k, n)), dtype, layout)
    if odd is not None and g.flags.writeable and dtype[0] == "f":
        g[..., -1] = odd
    index = np.random.default_rng(2).random((*lead, n)).argsort(-1)[..., : min(k, n)].copy()
    shape = g.shape if keepdim or g.shape[-1] > 1 else (g.shape[:-1] or (1,))  # without the axis: max(dim)
    args = g.reshape(shape), index, len(lead), keepdim, (*lead, n)
    found, expected = R.place(*args), choice.original(R.place)(*args)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)
    assert found.tobytes() == expected.tobytes()


def test_one_hot():
    torch = pytest.importorskip("torch")
    for shape, classes in (((5000,), 7), ((100, 20), -1), ((3, 1, 4), 9)):
        numbers = np.random.default_rng(0).integers(0, 7, shape)
        found = tapegrad.nn.functional.one_hot(tapegrad.tensor(numbers), classes)
        expected = torch.nn.functional.one_hot(torch.tensor(numbers), classes)
        assert found.dtype is tapegrad.int64
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    wrong = np.zeros(5000, "i8")
    for k in (-1, 7):
        wrong[4321] = k
        with pytest.raises(RuntimeError, match="one_hot: tensor has"):
            tapegrad.nn.functional.one_hot(tapegrad.tensor(wrong), 7)


@pytest.mark.parametrize("place", [-1000, 10_000])
def test_places_out_of_range(place):
    x, index = drawn((5, 100), "f4"), np.zeros((5, 40), "i8")
    index[2, 3] = place
    with pytest.raises(IndexError):
        R.pick(x, index, 1, True)
    with pytest.raises(IndexError):
        R.place_all(x[:, :40], index, 1, True, x.shape)
    with pytest.raises(IndexError):
        R.place(x[:, :40], index, 1, True, x.shape)
