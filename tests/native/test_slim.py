"""Products whose result has few columns or few rows, in machine code."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tapegrad as torch
import tapegrad.kernels.linalg as linalg
from tapegrad.native import choice
from tapegrad.native.kernels import products, slim
from tests.native.arrays import DTYPES, ODD, awake, drawn

FEW = st.integers(2, 13)
MANY = st.sampled_from([1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 100, 257])
LAYOUTS = st.sampled_from(["plain", "turned", "stepped"])


@pytest.fixture(autouse=True)
def tier(monkeypatch):
    awake()
    monkeypatch.setattr(slim, "LEAST", 1)
    monkeypatch.setattr(products, "LEAST_THIN", 1 << 62)


def laid(x, layout):
    """x in a layout."""
    if layout == "turned":
        return np.ascontiguousarray(x.T).T
    if layout == "stepped":
        wide = np.zeros((2 * x.shape[0], x.shape[1] + 3), x.dtype)
        wide[::2, 1:-2] = x
        return wide[::2, 1:-2]
    return x


def same(a, b, c, kind):
    with np.errstate(invalid="ignore"):
        found = products.multiplied(a, b, c)
        expected = choice.original(linalg.mm)(a, b) + (0 if c is None else c)
    if found is not None:
        assert found.dtype == expected.dtype and found.shape == expected.shape
        digits = 1e-5 if kind == "f4" else 1e-13
        np.testing.assert_allclose(found, expected, rtol=digits, atol=digits * 10 * a.shape[1] ** 0.5)
    return found is not None


@settings(max_examples=200, deadline=None)
@given(MANY, MANY, FEW, DTYPES, LAYOUTS, LAYOUTS, ODD, st.booleans())
@example(3, 5000, 7, "f4", "turned", "plain", None, True)
def test_they_are_the_body(m, k, few, dtype, of_a, of_b, odd, biased):
    for rows, columns in ((m, few), (few, m)):
        a, b = drawn((rows, k), dtype, "plain", odd), drawn((k, columns), dtype, "plain", None, 1)
        c = drawn((columns,), dtype, "plain", None, 2) if biased else None
        same(laid(a, of_a), laid(b, of_b), c, dtype)


@pytest.mark.parametrize("few", range(2, 13))
def test_they_are_used(few):
    a, b = drawn((100, 70), "f4"), drawn((70, few), "f4")
    made = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_columns", "_rows"):
            kernel = getattr(slim, name)

            def noted(t, n, name=name, kernel=kernel):
                made.append(name)
                return kernel(t, n)

            patch.setattr(slim, name, noted)
        if few <= min(slim.MOST_COLUMNS, slim.host().lanes(products.TYPES[a.dtype])):
            assert same(a, b, None, "f4") and made.pop() == "_columns"
        if few <= slim.MOST_ROWS:
            assert same(np.ascontiguousarray(b.T), np.ascontiguousarray(a.T), None, "f4")
            assert made.pop() == "_rows"


def test_parts_do_not_depend_on_threads():
    a, b = drawn((3, 40_000), "f4"), drawn((40_000, 20), "f4", seed=1)
    before = torch.get_num_threads()
    found = []
    try:
        for n in (1, 2, before):
            torch.set_num_threads(n)
            found.append(linalg.mm(a, b).tobytes())
    finally:
        torch.set_num_threads(before)
    assert len(set(found)) == 1


def test_a_linear_layer_and_back():
    x = torch.randn(500, 40, dtype=torch.float64, requires_grad=True)
    for outputs in (2, 5, 10):
        w = torch.randn(outputs, 40, dtype=torch.float64, requires_grad=True)
        b, g = torch.randn(outputs, dtype=torch.float64), torch.randn(500, outputs, dtype=torch.float64)
        y = torch.nn.functional.linear(x, w, b)
        gx, gw = torch.autograd.grad(y, (x, w), g)
        xs, ws, gs = (t.detach().numpy() for t in (x, w, g))
        for found, expected in ((y.detach(), xs @ ws.T + b.numpy()), (gx, gs @ ws), (gw, gs.T @ xs)):
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-11, atol=1e-11)
