"""Pooling in machine code against the NumPy bodies."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tapegrad import tiers
from tapegrad.kernels import pooling as P
from tapegrad.native import choice

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())

EDGES = (np.nan, np.inf, -np.inf, -0.0, 0.0)


@st.composite
def cases(draw, dilated=True):
    """(x, g, pool) over one to three axes; ties, and sometimes values that are not finite."""
    n = draw(st.integers(1, 3))
    size = tuple(draw(st.integers(1, (25, 25, 9)[n - 1])) for _ in range(n))
    if draw(st.booleans()):  # side by side
        kernel = stride = tuple(draw(st.integers(1, 2)) for _ in range(n))
        padding, dilation = (0,) * n, (1,) * n
    else:
        kernel, stride = (tuple(draw(st.integers(1, 4)) for _ in range(n)) for _ in range(2))
        dilation = tuple(draw(st.integers(1, 3 if dilated else 1)) for _ in range(n))
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        padding = tuple(draw(st.integers(0, r // 2)) for r in reach)
    ceil, out = draw(st.booleans()), []
    for length, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        m = (length + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil else 0)) // s + 1
        out.append(m - 1 if ceil and (m - 1) * s >= length + p else m)
    assume(min(out) > 0)
    rng, kind = np.random.default_rng(draw(st.integers(0, 99))), draw(st.sampled_from(["f4", "f8"]))
    lead = tuple(draw(st.lists(st.integers(0, 3), min_size=0, max_size=2)))
    x = np.round(rng.normal(size=(*lead, *size)) * 2).astype(kind)
    if draw(st.booleans()):
        odd = rng.random(x.shape) < 0.1
        x[odd] = rng.choice(EDGES, odd.sum())
    g = rng.normal(size=(*lead, *out)).astype(kind)
    return x, g, P.Pool(kernel, stride, padding, dilation, tuple(out))


def close(y, expected):
    assert y.dtype == expected.dtype and y.shape == expected.shape
    digits = 1e-5 if y.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(y, expected, rtol=digits, atol=digits)


@settings(max_examples=120, deadline=None)
@given(cases())
def test_maxima(case):
    x, g, pool = case
    np.testing.assert_array_equal(P.max_pool(x, pool), choice.original(P.max_pool)(x, pool))
    found = P.max_pool_indices(x, pool)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, choice.original(P.max_pool_indices)(x, pool))
    close(P.max_pool_back(g, x, pool), choice.original(P.max_pool_back)(g, x, pool))


@settings(max_examples=60, deadline=None)
@given(cases(dilated=False), st.booleans(), st.sampled_from([None, 3]))
def test_means(case, padded, override):
    x, g, pool = case
    x = np.nan_to_num(x, posinf=1, neginf=-1)
    close(P.avg_pool(x, pool, padded, override), choice.original(P.avg_pool)(x, pool, padded, override))
    back = (g, pool, padded, override, x.shape[-len(pool.kernel) :])
    close(P.avg_pool_back(*back), choice.original(P.avg_pool_back)(*back))


def test_windows_that_reach_outside():
    """Squares with ceil_mode: the last ones have one row and column only."""
    x = np.random.default_rng(0).normal(size=(3, 17, 17)).astype("f4")
    pool = P.Pool((2, 2), (2, 2), (0, 0), (1, 1), (9, 9))
    g = np.ones((3, 9, 9), "f4")
    np.testing.assert_array_equal(P.max_pool(x, pool), choice.original(P.max_pool)(x, pool))
    np.testing.assert_array_equal(P.max_pool_back(g, x, pool), choice.original(P.max_pool_back)(g, x, pool))


def test_other_layouts_and_dtypes():
    x = np.random.default_rng(0).normal(size=(4, 20, 24)).astype("f4")
    pool = P.Pool((3, 3), (1, 1), (1, 1), (1, 1), (20, 24))
    expected = P.max_pool(x, pool)
    np.testing.assert_array_equal(P.max_pool(np.asfortranarray(x), pool), expected)
    whole = (x * 9).astype("i4")
    np.testing.assert_array_equal(P.max_pool(whole, pool), choice.original(P.max_pool)(whole, pool))
    x.flags.writeable = False
    np.testing.assert_array_equal(P.max_pool(x, pool), expected)
