"""Shapes: where a view is possible."""

from math import prod

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad.kernels import shape as S


@st.composite
def layouts(draw):
    """(an array of any layout, another shape of as many elements)."""
    shape = draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4))
    x = np.arange(prod(n * 2 for n in shape)).reshape([n * 2 for n in shape])
    x = x[
        tuple(
            [
                slice(None, n * s, s)
                for n, s in zip(shape, draw(st.tuples(*[st.sampled_from([1, 2])] * 4)), strict=False)
            ]
        )
    ]
    x = x.transpose(draw(st.permutations(range(x.ndim))))
    if draw(st.booleans()):
        x = np.broadcast_to(x, (draw(st.sampled_from([1, 2, 3])), *x.shape))
    left, new = x.size, []
    while left > 1 and draw(st.integers(0, 4)):
        new.append(draw(st.sampled_from([n for n in range(1, left + 1) if left % n == 0])))
        left //= new[-1]
    return x, (*new, left)


@settings(max_examples=400, deadline=None)
@given(layouts())
def test_a_view_is_possible_where_numpy_makes_one(case):
    x, new = case
    if x.size > 1:
        assert S.runs_on(x.shape, x.strides, new) == np.shares_memory(x, x.reshape(new))


def test_large_arrays_are_reshaped_as_small_ones():
    x = np.arange(40 * 50 * 60.0).reshape(40, 50, 60)
    for y, new, view in (
        (x.transpose(1, 0, 2), (50, 2400), False),
        (x.transpose(0, 2, 1), (40, 60, 5, 10), True),
        (x[:, ::2], (40, 5, 5, 60), True),
        (x[:, ::2], (-1,), False),
        (x[::-1], (40, 3000), True),
    ):
        z = S.reshape(y, new)
        assert np.shares_memory(z, x) == view
        np.testing.assert_array_equal(z, y.reshape(new))
