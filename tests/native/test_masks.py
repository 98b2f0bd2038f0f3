"""Elements where a mask holds, and the places where it does."""

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.kernels.search as search
import tapegrad.kernels.shape as S
from tapegrad import tiers
from tapegrad.native.choice import original
from tapegrad.native.kernels import masks
from tests.native.arrays import awake

SHAPES = [(masks.LEAST,), (masks.LEAST + 1,), (7, 2999), (3, 5, 1999), (2 * masks.BLOCK, 9)]
SHARES = [0.0, 1e-4, 0.5, 0.999, 1.0]


@pytest.mark.parametrize("kind", ["?", "u1", "i2", "f2", "i4", "f4", "i8", "f8", "c8", "c16"])
@pytest.mark.parametrize("share", SHARES)
def test_taken_and_put_back(kind, share):
    awake()
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        x, mask = rng.integers(0, 100, shape).astype(kind), rng.random(shape) < share
        before = tiers.native_calls()
        y = S.fetch(x, (mask,))
        assert kind == "c16" or tiers.native_calls() == before + 2
        np.testing.assert_array_equal(y, x[mask])
        np.testing.assert_array_equal(S.spread(y, (mask,), shape), np.where(mask, x, np.zeros((), kind)))


@pytest.mark.parametrize("kind", ["?", "i2", "f4", "i8", "f8", "c16"])
@pytest.mark.parametrize("share", SHARES)
def test_entries_where_a_mask_holds(kind, share):
    awake()
    rng = np.random.default_rng(0)
    for lead in ((masks.LEAST + 7,), (70, 99)):
        for rest in ((1,), (2,), (5,), (8,), (16,), (17,), (3, 4), (2, 0)):
            x, mask = rng.integers(-9, 9, (*lead, *rest)).astype(kind), rng.random(lead) < share
            if kind[0] == "f":
                x[x == 0] = -0.0
            y, expected = S.fetch(x, (mask,)), x[mask]
            assert y.tobytes() == expected.tobytes() and y.shape == expected.shape and y.dtype == x.dtype
            args = y, (mask,), x.shape
            found, expected = S.spread(*args), original(S.spread)(*args)
            assert found.tobytes() == expected.tobytes() and found.shape == expected.shape
            if share == 0.5 and x.size:
                with pytest.raises((ValueError, IndexError)):
                    S.spread(y[:-1], (mask,), x.shape)


@pytest.mark.parametrize("share", SHARES)
def test_places(share):
    awake()
    rng = np.random.default_rng(1)
    for shape in SHAPES:
        mask = rng.random(shape) < share
        odd = np.where(mask, rng.choice([1.0, np.nan, -np.inf], shape), -0.0)
        for x in (mask, odd, odd.astype("c16"), mask.astype("u1") * 200):
            for found, expected in zip(search.nonzero(x), original(search.nonzero)(x), strict=True):
                np.testing.assert_array_equal(found, expected)


def test_what_is_laid_otherwise_is_numpys():
    awake()
    rng = np.random.default_rng(2)
    x, mask = rng.random((300, 200)), rng.random((300, 200)) < 0.3
    for a, m in ((x.T, mask.T), (x[::2], mask[::2]), (x, mask.T.copy().T), (x, mask[:, 0]), (x[0], mask[0])):
        np.testing.assert_array_equal(S.fetch(a, (m,)), a[m])
        np.testing.assert_array_equal(S.spread(a[m], (m,), a.shape)[m], a[m])


def test_gradients():
    awake()
    x = torch.randn(300, 200, dtype=torch.float64, requires_grad=True)
    mask = x > 0.3
    w = torch.randn(int(mask.sum()), dtype=torch.float64)
    (x[mask] * w).sum().backward()
    expected = np.zeros((300, 200))
    expected[mask.numpy()] = w.numpy()
    np.testing.assert_array_equal(x.grad.numpy(), expected)
    with pytest.raises(IndexError):
        x[mask[:-1]]
    with pytest.raises(IndexError):
        x[mask[:, :-1]]
