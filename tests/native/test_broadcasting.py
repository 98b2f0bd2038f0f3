"""Views that repeat, made by machine code."""

import sys
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.kernels.memory as M
import tapegrad.kernels.shape as S
from tapegrad.native import choice, memory
from tests.native.arrays import LAYOUTS, awake, drawn

SIDES = st.lists(st.sampled_from([0, 1, 2, 3, 5]), min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def tier():
    awake()
    S.broadcast(np.zeros(2), (2,))  # and takes its place
    assert not hasattr(choice.standing.stand_in(S.broadcast), "__code__")


@settings(max_examples=200, deadline=None)
@given(SIDES, st.lists(st.integers(0, 3), max_size=3), st.data(), LAYOUTS, st.sampled_from("fdFlb?e"))
def test_any_view_is_numpys(shape, lead, data, layout, kind):
    x = (drawn(shape, "f8", layout) * 10).astype(kind) if layout == "plain" else drawn(shape, "f8", layout)
    wanted = (*lead, *(data.draw(st.sampled_from([n, 4, 0])) if n == 1 else n for n in shape))
    found, expected = S.broadcast(x, wanted), np.broadcast_to(x, wanted)
    assert found.shape == expected.shape and found.dtype is x.dtype and not found.flags.writeable
    assert found.flags.num == expected.flags.num
    np.testing.assert_array_equal(found, expected)
    # An axis of one element keeps its step, with NumPy it has none.
    own = (0,) * len(lead) + tuple(
        0 if k != n else step for k, n, step in zip(wanted[len(lead) :], shape, x.strides, strict=True)
    )
    assert found.strides == own
    if x.size and found.size:
        assert np.shares_memory(found, x)


@pytest.mark.parametrize("wanted", [(), (3,), (2, 0, 1)])
def test_an_array_without_axes(wanted):
    x = np.array(2.5)
    found = S.broadcast(x, wanted)
    assert found.strides == (0,) * len(wanted) and np.shares_memory(found, x) == bool(found.size)
    np.testing.assert_array_equal(found, np.broadcast_to(x, wanted))


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((3,), (2,)), ((2, 3), (3,)), ((3,), (2, -1)), ((1,), (-1,)), ((3,), (0,)), ((1,), (1 << 62, 1 << 62))],
)
def test_what_cannot_be_is_numpys_to_tell(shape, wanted):
    x = np.zeros(shape, "f4")
    with pytest.raises(ValueError) as expected:
        np.broadcast_to(x, wanted)
    with pytest.raises(ValueError) as found:
        S.broadcast(x, wanted)
    assert type(found.value) is type(expected.value)


@pytest.mark.parametrize("wanted", [(2.0, 3), ("a", 3), (None, 3), 1 << 70, (1 << 70, 3), (np.float32(2), 3)])
def test_what_is_no_shape(wanted):
    with pytest.raises((TypeError, ValueError, OverflowError)):
        S.broadcast(np.zeros(3, "f4"), wanted)


@pytest.mark.parametrize("wanted", [torch.Size((2, 3)), (np.int64(2), 3), (2, 3)])
def test_other_words_for_a_shape(wanted):
    x = np.arange(3.0)
    np.testing.assert_array_equal(S.broadcast(x, wanted), np.broadcast_to(x, tuple(int(n) for n in wanted)))


def test_more_axes_than_it_takes():
    assert S.broadcast(np.zeros(3), (1,) * 40 + (3,)).ndim == 41
    with pytest.raises(ValueError):
        S.broadcast(np.zeros(3), (1,) * 100 + (3,))


def test_a_number_and_other_things_that_are_no_arrays():
    np.testing.assert_array_equal(S.broadcast(np.float32(2.5), (2, 2)), np.full((2, 2), 2.5, "f4"))
    with pytest.raises(TypeError):
        S.broadcast(np.zeros(3))


def test_nothing_is_kept_and_nothing_lost():
    class Marked(np.ndarray):
        pass

    owner = Marked(5)
    gone = weakref.ref(owner)
    owner[:] = 0
    x = owner.view(np.ndarray)
    kind = x.dtype
    before = sys.getrefcount(x), sys.getrefcount(kind)
    ys = [S.broadcast(x, (4, 5)) for _ in range(100)]
    assert sys.getrefcount(x) == before[0] + 100 and sys.getrefcount(kind) >= before[1] + 100
    del ys
    assert (sys.getrefcount(x), sys.getrefcount(kind)) == before
    y = S.broadcast(x, (2, 5))
    del owner, x
    assert y.base is not None and gone() is not None and y.sum() == 0
    del y
    assert gone() is None


def test_views_of_views_hang_on_their_owner():
    x = np.zeros(3, "f4")
    y = x
    for _ in range(200_000):  # of as many bases, one inside another, freeing would end the stack
        y = S.broadcast(y, (2, 3))[0]
        assert y.base is x
    del y
    assert sys.getrefcount(x) == 2


def test_rare_dtypes():
    b = torch.ones(3).bfloat16()
    assert b.expand(2, 3).float().tolist() == [[1, 1, 1], [1, 1, 1]]


# ---- arrays like another one

KINDS = ["f4", "f8", "i8", "i4", "i2", "u1", "?", "F", "D", "f2", ">f4", "O"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (7,), (300, 200), (1, 1 << 17)])
@pytest.mark.parametrize("turned", [False, True])
def test_arrays_like_another_one(kind, shape, turned):
    a = np.zeros(shape, "f4")
    a = a.T if turned else a
    found, expected = M.empty_like(a, np.dtype(kind)), choice.original(M.empty_like)(a, np.dtype(kind))
    assert found.shape == expected.shape and found.strides == expected.strides
    assert found.dtype == expected.dtype and found.flags.num == expected.flags.num
    if found.size >= memory.LEAST and a.flags.c_contiguous and found.dtype in memory._KNOWN:
        assert np._core.multiarray.get_handler_name(found) == "tapegrad"


def test_like_what_is_no_array():
    with pytest.raises(AttributeError):
        M.empty_like(3, np.dtype("f4"))
    with pytest.raises(TypeError):
        M.empty_like(np.zeros(3))
