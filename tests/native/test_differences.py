"""Differences of neighbours, and their way back, in machine code."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tapegrad as torch
from tapegrad.kernels import cumulative
from tapegrad.native import choice
from tapegrad.native.kernels import differences
from tests.native.arrays import DTYPES, LAYOUTS, ODD, awake, drawn

SIZES = st.sampled_from([1, 2, 3, 5, 8, 15, 16, 17, 33, 100])


def same(kernel, *args):
    with np.errstate(invalid="ignore"):
        found, expected = kernel(*args), choice.original(kernel)(*args)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@settings(max_examples=150, deadline=None)
@given(st.lists(SIZES, min_size=1, max_size=3), st.integers(0, 2), DTYPES, LAYOUTS, ODD)
@example([2 * differences.PART + 3], 0, "f4", "plain", None)
@example([3, differences.PART + 1], 1, "f8", "plain", -0.0)
@example([3, differences.PART // 3, 5], 1, "f4", "offset", np.nan)
@example([40_000, 2], 0, "f4", "plain", np.inf)
def test_they_are_the_bodies(shape, dim, dtype, layout, odd):
    awake()
    dim %= len(shape)
    x = drawn(shape, dtype, layout)
    if odd is not None and x.flags.writeable:
        x[..., ::2] = odd
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differences, "LEAST", 1)
        same(cumulative.diff, x, dim)
        same(cumulative.undiff, x, dim, shape[dim] + 1)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "?"])
@pytest.mark.parametrize("layout", ["plain", "stepped", "offset"])
def test_diff_is_the_body(dtype, layout):
    awake()
    x = drawn((400, 401), dtype, layout)
    for a, dim in ((x, 0), (x, 1), (x.reshape(-1), 0), (x.T, 0), (x[:1], 0)):
        with np.errstate(invalid="ignore"):
            found, wanted = (f(a, dim) for f in (cumulative.diff, choice.original(cumulative.diff)))
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype


def test_gradients():
    awake()
    x = torch.randn(5000, 3, dtype=torch.float64, requires_grad=True)
    for dim in (0, 1):
        w = torch.randn(*(n - (k == dim) for k, n in enumerate(x.shape)), dtype=torch.float64)
        (g,) = torch.autograd.grad((torch.diff(x, dim=dim) * w).sum(), x)
        edge = torch.zeros(*(1 if k == dim else n for k, n in enumerate(x.shape)), dtype=torch.float64)
        assert (g == torch.cat([edge, w], dim) - torch.cat([w, edge], dim)).all()
    y = x[:1000, :2].reshape(-1).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda t: torch.diff(t, n=2)[:50], y[:52].detach().requires_grad_())
