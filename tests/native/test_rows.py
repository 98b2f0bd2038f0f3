"""Small arrays along an axis, in machine code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import tapegrad.kernels.cumulative as C
import tapegrad.kernels.loss as Q
import tapegrad.kernels.random as D
import tapegrad.kernels.reduce as R
import tapegrad.kernels.sort as S
from tapegrad.native import choice
from tests.native.arrays import DTYPES, LAYOUTS, ODD, awake, close, drawn

SIZES = st.sampled_from([0, 1, 2, 3, 5, 10, 33])
SHAPES = st.lists(SIZES, min_size=1, max_size=3).filter(lambda shape: np.prod(shape) <= 256)
WHERE = (SHAPES, st.integers(0, 2), DTYPES, LAYOUTS, ODD)
DIMS = st.none() | st.tuples(st.integers(0, 2)) | st.tuples(st.just(0), st.just(1))


@pytest.fixture(autouse=True)
def tier():
    awake()


def both(kernel, *args):
    """What the kernel gives, and its NumPy body."""
    with np.errstate(all="ignore"):
        return kernel(*args), choice.original(kernel)(*args)


def same(found, wanted):
    """The same bits, but for those of nan, which say nothing."""
    assert type(found) is type(wanted) and found.dtype == wanted.dtype and found.shape == wanted.shape
    np.testing.assert_array_equal(found, wanted)
    if found.dtype.kind == "f":
        fine = wanted == wanted
        np.testing.assert_array_equal(np.signbit(found)[fine], np.signbit(wanted)[fine])


@settings(max_examples=150, deadline=None)
@given(*WHERE, st.booleans())
def test_softmax_and_its_gradient(shape, dim, dtype, layout, odd, log):
    assume(dim < len(shape))
    forward, back = (Q.log_softmax, Q.log_softmax_vjp) if log else (Q.softmax, Q.softmax_vjp)
    found, y = both(forward, drawn(shape, dtype, layout, odd), (dim,))
    close(found, y)
    if np.isfinite(y).all():
        close(*both(back, drawn(shape, dtype, layout, None, 1), y, (dim,)))


@pytest.mark.parametrize("kernel", [R.var, R.std])
@settings(max_examples=100, deadline=None)
@example([2], None, "f4", "plain", np.inf, False, 0)
@given(SHAPES, DIMS, DTYPES, LAYOUTS, ODD, st.booleans(), st.sampled_from([0, 1, 2.5, 40]))
def test_variances(kernel, shape, dim, dtype, layout, odd, keepdim, correction):
    assume(dim is None or max(dim) < len(shape))
    x = drawn(shape, dtype, layout, odd)
    found, wanted = both(kernel, x, dim, keepdim, correction)
    assert type(found) is type(wanted)
    close(found, wanted)
    pair = both(R.spread_and_mean, kernel, x, dim, keepdim, correction)
    for found, wanted in zip(*pair, strict=True):
        assert type(found) is type(wanted)
        close(found, wanted, 1e-5 if dtype == "f4" else 1e-12)


@settings(max_examples=60, deadline=None)
@given(SHAPES, DTYPES, LAYOUTS, ODD)
def test_hits(shape, dtype, layout, odd):
    same(*both(D.hits, drawn(shape, dtype, layout), drawn(shape, dtype, layout, odd, seed=1)))


def test_the_variance_of_equal_numbers_is_0():
    for value in (0.1, 1e30, -3e38):
        assert R.var(np.full(10, value, "f4"), None, False, 1) == 0
        assert not R.std(np.full((3, 5), value, "f8"), (1,), False, 0).any()


@settings(max_examples=150, deadline=None)
@given(*WHERE, st.sampled_from([(C.cumsum,), (C.cumsum, True), (C.cumprod,)]))
def test_running_totals_have_numpys_bits(shape, dim, dtype, layout, odd, kernel):
    assume(dim < len(shape))
    same(*both(kernel[0], drawn(shape, dtype, layout, odd), dim, *kernel[1:]))


@settings(max_examples=100, deadline=None)
@given(*WHERE)
def test_running_log_sums(shape, dim, dtype, layout, odd):
    assume(dim < len(shape))
    close(*both(C.logcumsumexp, drawn(shape, dtype, layout, odd), dim))


@settings(max_examples=150, deadline=None)
@given(SHAPES, DIMS, DTYPES, LAYOUTS, ODD, st.booleans(), st.sampled_from([R.amax, R.amin]))
def test_extremes(shape, dim, dtype, layout, odd, keepdim, kernel):
    assume((dim is None or max(dim) < len(shape)) and 0 not in shape)
    x = drawn(shape, dtype, layout, odd)
    found, wanted = both(kernel, x, dim, keepdim)
    assert type(found) is type(wanted)
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(*both(R.range_of, x))


CHOOSING = {
    "first": (R.argmax, (True,)),
    "first of the least": (R.argmin, (True,)),
    "running": (C.cummax_at, ()),
    "running least": (C.cummin_at, ()),
    "median": (S.median_at, (False,)),
    "nanmedian": (S.median_at, (True,)),
    "mode": (S.mode_at, ()),
    "second": (S.kth_at, (1,)),
    "largest": (S.topk, (2, True)),
    "least": (S.topk, (1, False)),
    "none": (S.topk, (0, True)),
}


@pytest.mark.parametrize("name", CHOOSING)
@settings(max_examples=120, deadline=None)
@given(*WHERE, st.booleans(), st.booleans(), st.booleans())
def test_elements_and_their_places(name, shape, dim, dtype, layout, odd, ties, twice, keepdim):
    where, args = CHOOSING[name]
    assume(dim < len(shape) and 0 not in shape)
    assume(where is not S.topk or args[0] <= shape[dim])
    assume(where is not S.kth_at or args[0] < shape[dim])
    x = drawn(shape, dtype, layout, odd)
    x = np.round(x) if ties else x
    if twice and odd is not None and x.flags.writeable:
        x.reshape(-1)[-1] = odd
    keepdim |= where in (S.topk, C.cummax_at, C.cummin_at)
    for found, wanted in zip(*both(R.chosen, where, x, dim, keepdim, args), strict=True):
        assert found.dtype == wanted.dtype and found.shape == wanted.shape
        np.testing.assert_array_equal(found, wanted)


@settings(max_examples=100, deadline=None)
@given(SHAPES, DTYPES, LAYOUTS, ODD, st.booleans(), st.booleans())
def test_the_middle_of_all(shape, dtype, layout, odd, twice, skip):
    x = drawn(shape, dtype, layout, odd)
    if twice and odd is not None and x.size and x.flags.writeable:
        x.reshape(-1)[-1] = odd
    found, wanted = both(S.middle, x, None, False, skip)
    assert type(found) is type(wanted)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_longer_rows_are_numpys_too(dtype):
    for shape in ((257,), (1000,), (2048,), (30, 33), (2, 500), (500, 2), (3, 4, 100)):
        x = drawn(shape, dtype, "plain", np.nan)
        for dim in range(len(shape)):
            for found, wanted in (
                both(C.cumsum, x, dim),
                both(C.cumprod, x, dim),
                both(C.cumsum, x, dim, True),
            ):
                same(found, wanted)
            for kernel in (R.amax, R.amin):
                same(*both(kernel, x, (dim,), False))
            for where in (C.cummax_at, C.cummin_at):
                for found, wanted in zip(*both(R.chosen, where, x, dim, True, ()), strict=True):
                    same(found, wanted)


def test_what_machine_code_does_not_take_is_none():
    from tapegrad.native.kernels import rows

    x = np.ones((3, 4), "f4")
    kernel, few = rows._totals(False, False), rows._prepared(S.topk, True, (1, True))[0]
    assert kernel(x, 1).tolist() == [[1, 2, 3, 4]] * 3
    for args in ((), (x,), (x, 2), (x, -2), (x, 2**40), (x, 0, 1), (x.T, 0), (x[:, ::2], 0), (x[:0], 0)):
        assert kernel(*args) is None
    for other in (x.astype("f2"), x.astype("i4"), x.astype("c8"), x[0, 0], [1.0], None, x.view(np.matrix)):
        assert kernel(other, 0) is None
    assert kernel(np.ones(2049, "f4"), 0) is None
    assert rows._spread(False)(np.ones(257, "f4"), 0, 1) is None
    for k in (-1, 4, 1e300, float("nan")):
        assert few(x, 0, k) is None
    with pytest.raises(OverflowError):
        kernel(x, 2**70)
    for wrong in ("0", None, 1.0):
        with pytest.raises(TypeError):
            kernel(x, wrong)
    with pytest.raises(TypeError):
        few(x, 0, "1")
