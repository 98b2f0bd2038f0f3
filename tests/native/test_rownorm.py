"""layer_norm and rms_norm in machine code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tapegrad.kernels.normalise as N
from tapegrad.native import choice
from tests.native.arrays import DTYPES, LAYOUTS, ODD, SIZES, awake, close, drawn

SHAPES = st.lists(SIZES, min_size=1, max_size=3)


@pytest.fixture(autouse=True)
def tier():
    awake()


def both(kernel, *args):
    """The results of machine code and of the NumPy body."""
    return kernel(*args), choice.original(kernel)(*args)


def same(pair, digits=None):
    for a, b in zip(*pair, strict=True):
        close(a, b, digits)


@settings(max_examples=100, deadline=None)
@given(SHAPES, st.integers(1, 3), DTYPES, LAYOUTS, ODD)
def test_layer_norm(shape, k, dtype, layout, odd):
    k, shape = min(k, len(shape)), tuple(shape)
    assume(0 not in shape)
    axes, wide = tuple(range(len(shape) - k, len(shape))), (1,) * (len(shape) - k) + shape[-k:]
    x, g = drawn(shape, dtype, layout, odd), drawn(shape, dtype, layout, None, 1)
    w, b = drawn(shape[-k:], dtype, seed=2), drawn(shape[-k:], dtype, seed=3)
    found, known = N.Moments(), N.Moments()
    args = x, w, b, shape, axes, wide, 1e-5
    y, expected = N.affine(*args, found), choice.original(N.affine)(*args, known)
    same(([y], [expected]), 2e-4 if dtype == "f4" else 1e-11)
    same([m.mean, m.var] for m in (found, known))
    args = *args, known
    if odd is None or odd == 0:
        same(both(N.affine_vjp, (1, 1, 1), g, *args), 2e-4 if dtype == "f4" else 1e-11)


@settings(max_examples=100, deadline=None)
@given(SHAPES, st.integers(1, 3), DTYPES, LAYOUTS, ODD, st.booleans())
def test_rms_norm(shape, k, dtype, layout, odd, weighted):
    k, shape = min(k, len(shape)), tuple(shape)
    assume(0 not in shape)
    axes = tuple(range(len(shape) - k, len(shape)))
    x, g = drawn(shape, dtype, layout, odd), drawn(shape, dtype, layout, None, 1)
    w = drawn(shape[-k:], dtype, seed=2) if weighted else np.ones((), dtype)
    same([y] for y in both(N.root_mean_square, x, w, axes, 1e-5))
    if odd is None or odd == 0:
        found, wanted = both(N.root_mean_square_vjp, (1, 1 if weighted else None), g, x, w, axes, 1e-5)
        assert weighted or found[1] is wanted[1] is None
        same((found[: 1 + weighted], wanted[: 1 + weighted]), 2e-4 if dtype == "f4" else 1e-11)


def test_equal_numbers_have_variance_0():
    known = N.Moments()
    N.plain(np.full((50, 1000), 0.1, "f4"), (50, 1000), (1,), (1, 1000), 0.1, known)
    mean, var = known.mean, known.var
    assert (mean == np.float32(0.1)).all()
    assert (var == 0).all()


def test_many_rows_keep_their_digits():
    x, g = drawn((20000, 16), "f4"), drawn((20000, 16), "f4", seed=1)
    one, zero = np.ones(16, "f4"), np.zeros(16, "f4")
    known = N.Moments()
    known.mean, known.rstd = np.zeros((20000, 1), "f4"), np.ones((20000, 1), "f4")
    _, gw, gb = N.affine_vjp((1, 1, 1), g, x, one, zero, x.shape, (1,), (1, 16), 0.0, known)
    exact = (np.float64(x) * g).sum(0), np.float64(g).sum(0)
    assert max(np.abs(gw - exact[0]).max(), np.abs(gb - exact[1]).max()) < 2e-3
