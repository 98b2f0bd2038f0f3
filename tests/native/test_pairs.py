"""Inner products and ranges of large vectors, against NumPy's."""

import numpy as np
import pytest

import tapegrad as torch
from tapegrad import tiers
from tapegrad.kernels import linalg, reduce, statistics

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason="needs machine code")
SIZES = (1 << 17, (1 << 17) + 1, 3 * (1 << 15) * 5 + 17, 1_000_003)


def calls(f, *args):
    """(what f gives, whether machine code was called)."""
    before = tiers.native_calls()
    found = f(*args)
    return found, tiers.native_calls() > before


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("size", SIZES)
def test_dot(size, dtype):
    rng = np.random.default_rng(size)
    x, y = (rng.standard_normal(size).astype(dtype) for _ in range(2))
    found, native = calls(linalg.dot, x, y)
    exact = np.dot(x.astype("g"), y.astype("g"))
    spread = np.sqrt(np.dot(x.astype("f8") ** 2, y.astype("f8") ** 2))  # of the rounding of all terms
    assert native
    assert type(found) is np.dtype(dtype).type
    assert abs(found - exact) < 8 * np.finfo(dtype).eps * spread


def test_dot_leaves_others_alone():
    x = np.ones(1 << 18, "f4")
    for a, b in ((x[::2], x[::2]), (x.astype("i8"), x.astype("i8")), (x[:100], x[:100])):
        found, native = calls(linalg.dot, a, b)
        assert not native
        assert found == a.size
    with pytest.raises(ValueError):
        linalg.dot(x, x[1:])
    m = np.ones((512, 512), "f4")
    assert np.array_equal(linalg.dot(m, m), m @ m)


def test_nan_and_inf_of_dot():
    x, y = np.ones(1 << 17, "f4"), np.ones(1 << 17, "f4")
    x[70_000] = np.inf
    assert linalg.dot(x, y) == np.inf
    y[70_000] = 0
    assert np.isnan(linalg.dot(x, y))


@pytest.mark.parametrize("most", [0, 7, 1000, 20_000, 90_000])
@pytest.mark.parametrize("dtype", ["i8", "i4"])
def test_counts(most, dtype):
    rng = np.random.default_rng(most)
    a = rng.integers(0, most + 1, 200_003).astype(dtype)
    found, native = calls(statistics.counts, a, 12)
    expected = np.bincount(a, None, 12)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    assert native is (dtype == "i8")
    a[100_000] = -1
    with pytest.raises(ValueError):
        statistics.counts(a, 0)
    a[100_000] = 0
    assert np.array_equal(statistics.counts(a[::2], 0), np.bincount(a[::2]))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("size", SIZES)
def test_range(size, dtype):
    x = np.random.default_rng(size).standard_normal(size).astype(dtype)
    for place, value in ((0, None), (0, 9.0), (size - 1, -9.0), (size // 2, np.inf), (size - 1, np.nan)):
        if value is not None:
            x[place] = value
        found, native = calls(reduce.range_of, x)
        assert native
        assert np.array_equal(found, (x.min(), x.max()), equal_nan=True)
        assert all(type(v) is np.dtype(dtype).type for v in found)


def test_range_of_all_one_side():
    x = -np.ones(1 << 17, "f4")
    assert reduce.range_of(x) == (-1, -1)
    assert reduce.range_of(np.full(1 << 17, -np.inf)) == (-np.inf, -np.inf)


def test_as_users_see_them():
    torch.manual_seed(0)
    x = torch.randn(1 << 18)
    low, high = torch.aminmax(x)
    assert (low, high) == (x.min(), x.max())
    a, b = x.clone().requires_grad_(), x.flip(0).requires_grad_()
    torch.dot(a, b).backward()
    assert torch.equal(a.grad, b.detach())
    assert torch.equal(b.grad, a.detach())


def test_repeats_and_views_of_all():
    x = torch.randn(300_000, requires_grad=True)
    assert torch.equal(x.repeat(3).detach(), torch.cat([x, x, x]).detach())
    assert torch.equal(x.repeat(2, 2).detach(), torch.stack([torch.cat([x, x])] * 2).detach())
    seed = torch.randn(900_000)
    x.repeat(3).backward(seed)
    assert torch.allclose(x.grad, seed.reshape(3, -1).sum(0))
    m = torch.randn(500, 600, requires_grad=True)
    g = torch.randn(500, 1, 600)
    m[:, None].backward(g)
    assert torch.equal(m.grad, g[:, 0])
    m.grad.add_(1)
    assert not torch.equal(m.grad, g[:, 0])  # its own memory
