"""Sums of cotangents, and writes in place, against the NumPy bodies."""

import numpy as np
import pytest
from hypothesis import given, settings

import tapegrad as torch
from tapegrad import sums
from tapegrad.kernels import linalg, writers
from tapegrad.native import choice
from tests.native.arrays import DTYPES, LAYOUTS, ODD, awake, drawn

LARGE = 140_001


@settings(deadline=None)
@given(LAYOUTS, LAYOUTS, DTYPES, ODD)
def test_sums_are_the_bodies(first, second, dtype, odd):
    awake()
    a, b = drawn((LARGE,), dtype, first, odd), drawn((LARGE,), dtype, second, None, 1)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(sums.total(a, b), choice.original(sums.total)(a, b))
        if a.flags.writeable:
            wanted = a + b
            found = sums.added(a, b)
            assert found is a
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("other", [(LARGE,), (1,), ()])
def test_sums_of_other_shapes_and_dtypes(other):
    awake()
    for dtype in ("f4", "f8"):
        a, b = np.ones(LARGE, "f8"), np.ones(other, dtype)
        np.testing.assert_array_equal(sums.total(a, b), a + b)
        assert (sums.added(a, b) == 2).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_clamp_in_place_is_the_body(dtype):
    awake()
    x = drawn((LARGE,), dtype)
    x[:4] = np.nan, np.inf, -0.0, 0.0
    low, high = np.array(0, dtype), np.array(1, dtype)
    found, wanted = x.copy(), x.copy()
    writers.clamp(found, low, high, found)
    choice.original(writers.clamp)(wanted, low, high, wanted)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
def test_outer_is_the_body(dtype):
    awake()
    x, y = (drawn((n,), dtype) for n in (400, 401))
    np.testing.assert_array_equal(linalg.outer(x, y), np.multiply.outer(x, y))


def test_gradients_of_large_leaves_add_up():
    awake()
    x, seed = torch.ones(LARGE, requires_grad=True), torch.full((LARGE,), 2.0)
    for k in range(1, 4):
        (x * 1).backward(seed)
        assert (x.grad == 2 * k).all()
    assert (seed == 2).all()


def test_a_large_scatter_goes_back():
    awake()
    n = 20_000
    x, y = torch.ones(n, requires_grad=True), torch.ones(n, requires_grad=True)
    index = torch.arange(0, n).flip(0)
    torch.scatter(x, 0, index, y).backward(torch.arange(float(n)))
    assert (x.grad == 0).all()
    assert (y.grad == torch.arange(float(n)).flip(0)).all()


def test_what_is_no_array_is_the_bodies():
    awake()
    x = torch.tensor([1.0, 2.0])
    assert (sums.total(x, x) == 2 * x).all()
    assert torch.func.linearize(lambda x: x * x, x)[1](x).tolist() == [2.0, 8.0]
