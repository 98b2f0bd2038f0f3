"""Products into memory that was used before, against the NumPy bodies."""

import numpy as np
import pytest

from tapegrad.kernels import linalg as L
from tapegrad.native import choice
from tests.native.arrays import awake, laid

SHAPES = [((200, 30), (30, 300)), ((256, 1), (1, 256)), ((3, 200, 40), (40, 90)), ((5, 90, 80), (5, 80, 90))]
SHAPES += [
    ((2, 1, 90, 80), (3, 80, 90)),
    ((0, 4), (4, 5)),
    ((300, 0), (0, 300)),
    ((7,), (7, 9)),
    ((2, 3), (3, 2)),
]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.parametrize("layout", ["plain", "turned", "stepped", "misaligned", "read-only"])
@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_products_are_the_bodies(a, b, layout, dtype):
    awake()
    rng = np.random.default_rng(0)
    x, y = (laid((rng.normal(size=s) * 5).astype(dtype), layout) for s in (a, b))
    for f in (L.matmul, L.mm) if x.ndim == y.ndim == 2 else (L.matmul,):
        found, expected = f(x, y), choice.original(f)(x, y)
        assert found.dtype == expected.dtype and found.shape == expected.shape and found.base is None
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(200, 30), (4, 50, 30), (2, 2, 50, 30), (30,), (0, 30), (1, 30)])
def test_linear_is_the_body(shape, bias, dtype):
    awake()
    rng = np.random.default_rng(0)
    x, w, b = (rng.normal(size=s).astype(dtype) for s in (shape, (300, 30), (300,)))
    found, expected = (f(x, w, b if bias else None) for f in (L.linear, choice.original(L.linear)))
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("a", "b"), [((200, 30), (31, 300)), ((3, 90, 80), (2, 80, 90))])
def test_what_does_not_fit_is_refused(a, b):
    awake()
    with pytest.raises(ValueError):
        L.matmul(np.ones(a), np.ones(b))
