"""The few largest or smallest elements of long rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad.kernels.sort as sort
from tapegrad import tiers
from tapegrad.native.choice import original
from tapegrad.native.kernels import topk
from tests.native.arrays import awake, laid

ODD = (np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0)


def rows_of(rng, shape, kind, many):
    """Few different numbers, so that many are equal, or many; with odd ones."""
    if kind[0] == "i":
        limits = np.iinfo(kind)
        x = rng.integers(limits.min, limits.max, shape, kind, True) if many else rng.integers(-3, 3, shape)
        x = x.astype(kind)
        x[rng.random(shape) < 1e-4] = limits.min
        x[rng.random(shape) < 1e-4] = limits.max
        return x
    x = (rng.standard_normal(shape) if many else rng.integers(-3, 3, shape)).astype(kind)
    for odd in ODD:
        x[rng.random(shape) < 2e-4] = odd
    return x


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(["f4", "f8", "i4", "i8"]),
    rows=st.sampled_from([(), (1,), (3,), (2, 9)]),
    n=st.sampled_from([topk.LEAST, topk.LEAST + 1, 5001, 3 * topk.PART + 7]),
    k=st.sampled_from([1, 2, 5, 64, topk.MOST]),
    many=st.booleans(),
    largest=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_places_are_the_body_s(kind, rows, n, k, many, largest, seed):
    awake()
    x = rows_of(np.random.default_rng(seed), (*rows, n), kind, many)
    before = tiers.native_calls()
    found = sort.topk(x, x.ndim - 1, k, largest)
    assert tiers.native_calls() == before + (k <= n)
    np.testing.assert_array_equal(found, original(sort.topk)(x, x.ndim - 1, k, largest))


@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("line", ["up", "down", "flat", "nan"])
def test_lines(line, largest):
    awake()
    n = 2 * topk.PART
    x = {
        "up": np.arange(n, dtype="f4"),
        "down": np.arange(n, dtype="f4")[::-1].copy(),
        "flat": np.ones(n, "f4"),
        "nan": np.full(n, np.nan, "f4"),
    }[line]
    np.testing.assert_array_equal(sort.topk(x, 0, 9, largest), original(sort.topk)(x, 0, 9, largest))


@pytest.mark.parametrize("layout", ["turned", "stepped", "misaligned"])
def test_what_is_numpys(layout):
    awake()
    x = laid(np.random.default_rng(0).random((4, topk.LEAST)), layout)
    for dim in (0, 1):
        found = sort.topk(x, dim, 3, True)
        np.testing.assert_array_equal(found, original(sort.topk)(x, dim, 3, True))
