"""Quotients and divisors of integers in machine code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.kernels.numbers as N
import tapegrad.kernels.pointwise as P
from tapegrad.native import choice
from tests.native.arrays import LAYOUTS, awake, laid

KERNELS = [P.floor_divide, P.remainder, N.gcd, N.lcm]


@pytest.fixture(autouse=True)
def tier(monkeypatch):
    awake()
    N.gcd(np.ones(1, "i8"), np.ones(1, "i8"))  # loads the kernels
    monkeypatch.setattr("tapegrad.native.kernels.integers.LEAST", 1)


def numbers(dtype, few, seed, size):
    """Of all sizes, the ends of the dtype among them."""
    r, info = np.random.default_rng(seed), np.iinfo(dtype)
    x = r.integers(info.min, info.max, size, dtype, endpoint=True) >> r.integers(
        0, info.bits - 1, size, dtype
    )
    odd = [info.min, info.max, -1, 1, 2, 1 << (info.bits - 12), -(1 << (info.bits - 11))]
    return np.where(r.random(size) < 0.3, r.choice(np.array(odd, dtype), size), x % 17 if few else x)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda k: k.__name__)
@settings(max_examples=80, deadline=None)
@given(st.sampled_from(["i8", "i4"]), st.booleans(), st.integers(0, 99), st.integers(1, 70), LAYOUTS)
def test_integers(kernel, dtype, few, seed, size, layout):
    a, b = (laid(numbers(dtype, few, seed + k, size).astype(dtype), layout) for k in (0, 100))
    if kernel in KERNELS[:2]:
        b = laid(np.where(b == 0, 3, b).astype(dtype), layout)
    for y in (b, b[:1].reshape(())):
        with np.errstate(all="ignore"):
            found, wanted = kernel(a, y), choice.original(kernel)(a, y)
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("op", [torch.floor_divide, torch.remainder])
def test_divisions_by_zero_are_refused(op):
    x, y = torch.arange(50), torch.ones(50, dtype=torch.int64)
    y[33] = 0
    for by in (y, torch.zeros(1, dtype=torch.int64), torch.tensor(0)):
        with pytest.raises(RuntimeError, match="integers are divided by zero"):
            op(x, by)
