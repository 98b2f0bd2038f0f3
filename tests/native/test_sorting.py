"""Where the sorted elements of rows are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.kernels.sort as sort
from tapegrad import tiers
from tapegrad.native.choice import original
from tapegrad.native.kernels import sorting
from tests.native.arrays import awake, laid
from tests.native.test_topk import rows_of


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(["f4", "f8", "i4", "i8"]),
    shape=st.sampled_from([(sorting.LEAST,), (1, 5001), (33, 257), (3, 9, 300), (2, 4099)]),
    many=st.booleans(),
    descending=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_places_are_the_body_s(kind, shape, many, descending, seed):
    awake()
    x = rows_of(np.random.default_rng(seed), shape, kind, many)
    before = tiers.native_calls()
    found = sort.argsort(x, x.ndim - 1, descending)
    assert tiers.native_calls() == before + 1
    np.testing.assert_array_equal(found, original(sort.argsort)(x, x.ndim - 1, descending))


@pytest.mark.parametrize("layout", ["turned", "stepped", "misaligned"])
def test_what_is_numpys(layout):
    awake()
    x = laid(np.random.default_rng(0).random((300, 400)), layout)
    for dim in (0, 1):
        for descending in (False, True):
            found = sort.argsort(x, dim, descending)
            np.testing.assert_array_equal(found, original(sort.argsort)(x, dim, descending))


def test_sorted_tensors():
    awake()
    x = torch.randn(70, 300, requires_grad=True)
    y, order = x.sort(1, descending=True)
    np.testing.assert_array_equal(y.detach().numpy(), -np.sort(-x.detach().numpy(), 1))
    (y * torch.arange(300.0)).sum().backward()
    expected = np.zeros((70, 300), "f4")
    np.put_along_axis(expected, order.numpy(), np.broadcast_to(np.arange(300, dtype="f4"), (70, 300)), 1)
    np.testing.assert_array_equal(x.grad.numpy(), expected)
