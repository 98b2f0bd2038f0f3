"""Products of many small matrices in machine code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.kernels.linalg as linalg
from tapegrad.native import choice
from tapegrad.native.kernels import few
from tests.native.arrays import DTYPES, ODD, awake, drawn

SIZES = st.sampled_from([1, 2, 3, 4, 7, 8, 9, 16, 17, 33])


@pytest.fixture(autouse=True)
def tier(monkeypatch):
    awake()
    monkeypatch.setattr(few, "LEAST", 1)


def laid(x, layout):
    """x in a layout of its matrices."""
    if layout == "turned":
        return np.ascontiguousarray(np.swapaxes(x, -1, -2)).swapaxes(-1, -2)
    if layout == "stepped":
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    if layout == "backwards":
        return x[..., ::-1, ::-1].copy()[..., ::-1, ::-1]
    if layout == "entries last":
        return np.moveaxis(np.moveaxis(x, 0, -1).copy(), -1, 0)
    return x


LAYOUTS = st.sampled_from(["plain", "turned", "stepped", "backwards", "entries last"])
LEADS = st.sampled_from(
    [((5,), (5,)), ((200,), (200,)), ((3, 4), (3, 4)), ((6,), ()), ((), (6,)), ((3,), (1,))]
)


@settings(max_examples=150, deadline=None)
@given(LEADS, SIZES, st.integers(1, few.MOST + 1), SIZES, DTYPES, LAYOUTS, LAYOUTS, ODD)
def test_it_is_the_body(leads, m, k, n, dtype, of_a, of_b, odd):
    a, b = drawn((*leads[0], m, k), dtype), drawn((*leads[1], k, n), dtype, seed=1)
    if odd is not None:
        a[..., 0, 0] = odd
    a, b = laid(a, of_a if leads[0] else "plain"), laid(b, of_b if leads[1] else "plain")
    with np.errstate(invalid="ignore"):
        found, expected = linalg.matmul(a, b), choice.original(linalg.matmul)(a, b)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    digits = 1e-5 if dtype == "f4" else 1e-13
    np.testing.assert_allclose(found, expected, rtol=digits, atol=digits * 10)


@pytest.mark.parametrize("shapes", [((5, 0, 3), (5, 3, 2)), ((0, 2, 3), (0, 3, 2)), ((5, 2, 0), (5, 0, 3))])
def test_nothing(shapes):
    a, b = (np.zeros(s, "f4") for s in shapes)
    assert linalg.matmul(a, b).shape == (*shapes[0][:2], shapes[1][2]) and not linalg.matmul(a, b).any()


def test_what_does_not_fit_is_numpys_to_tell():
    for a, b in (((5, 2, 3), (5, 2, 3)), ((5, 2, 3), (4, 3, 2)), ((5, 2, 3), (2, 2))):
        with pytest.raises(ValueError):
            linalg.matmul(np.zeros(a, "f4"), np.zeros(b, "f4"))


def test_it_is_used():
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few, "empty", lambda *a: calls.append(a) or np.empty(*a))
        a = torch.randn(300, 3, 3, requires_grad=True)
        torch.bmm(a, a.detach()).sum().backward()
        assert len(calls) == 2


def test_gradients():
    a, b = (torch.randn(200, *s, dtype=torch.float64, requires_grad=True) for s in ((2, 3), (3, 4)))
    w = torch.randn(200, 2, 4, dtype=torch.float64)
    ga, gb = torch.autograd.grad((torch.bmm(a, b) * w).sum(), (a, b))
    np.testing.assert_allclose(ga.numpy(), w.numpy() @ b.detach().numpy().swapaxes(1, 2), rtol=1e-12)
    np.testing.assert_allclose(gb.numpy(), a.detach().numpy().swapaxes(1, 2) @ w.numpy(), rtol=1e-12)
