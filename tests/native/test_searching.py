"""Places in sorted rows."""

import numpy as np
import pytest

import tapegrad.kernels.search as search
from tapegrad import tiers
from tapegrad.native.choice import original
from tapegrad.native.kernels import searching
from tests.native.arrays import awake


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "i8"])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 64, 1000])
def test_places_are_the_body_s(n, kind, right):
    awake()
    rng = np.random.default_rng(n)
    shape = (5, searching.LEAST // 5 + 3)
    values = rng.integers(-20, 20, shape).astype(kind)
    rows = np.sort(rng.integers(-20, 20, (5, n)), -1).astype(kind)
    if kind[0] == "f":
        values[:, :4] = np.nan, np.inf, -np.inf, -0.0
        rows[1, 0], rows[2, n // 2 :] = -np.inf, np.inf
    for sequence in (rows, rows[2], rows[3]):
        before = tiers.native_calls()
        found = search.places(sequence, values, right, "i8")
        assert tiers.native_calls() == before + 1
        np.testing.assert_array_equal(found, original(search.places)(sequence, values, right, "i8"))
    assert search.places(rows, values, right, "i4").dtype == "i4"


def test_what_is_numpys():
    awake()
    values = np.random.default_rng(0).random(searching.LEAST)
    wrong = np.sort(np.random.default_rng(1).random((2, 9)))
    wrong[1, -1] = np.nan
    for right in (False, True):
        given = wrong, np.broadcast_to(values, (2, values.size)).copy(), right, "i8"
        np.testing.assert_array_equal(search.places(*given), original(search.places)(*given))
    for rows in (np.zeros(0), np.arange(20.0)[::2], np.arange(9.0, dtype="f4"), np.arange(9)):
        for right in (False, True):
            found = search.places(rows, values, right, "i8")
            np.testing.assert_array_equal(found, rows.searchsorted(values, "right" if right else "left"))
