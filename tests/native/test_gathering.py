"""Reads and writes at places in machine code give what NumPy's loops give."""

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.kernels.embedding as E
import tapegrad.kernels.gathering as G
import tapegrad.kernels.shape as S
from tapegrad import tiers
from tapegrad.native.choice import original

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Few elements are enough."""
    from tapegrad.native.kernels import gathering

    for name in ("LEAST_ROWS", "LEAST_SINGLE", "LEAST_SHORT"):
        monkeypatch.setattr(gathering, name, gathering.LEAST)


# Shapes, an axis, and how many indices: with few and many parts before the axis, and short and long rows.
SIZES = [
    ((1000, 33), 0, 500),
    ((50, 60, 7), 1, 90),
    ((9, 5, 70, 3), 2, 31),
    ((3, 500), 1, 9000),
    ((9000,), 0, 9001),
    ((20, 600), 1, 700),
    ((1, 40, 64), 1, 301),
    ((400, 1, 30), 1, 2),
    # short rows, and one index for each
    ((20_000, 5), 1, 1),
    ((6000, 3), 1, 2),
    ((30_000, 2), 0, 9000),
    ((9000, 16), 0, 3000),
    ((4001, 9), 0, 1007),
]
DTYPES = ["f4", "f8", "i8", "i4"]


def same(kernel, *args):
    y, expected = kernel(*args), original(kernel)(*args)
    assert y.dtype == expected.dtype and y.shape == expected.shape
    np.testing.assert_array_equal(y, expected)


def draw(shape, dtype, rng):
    x = (rng.normal(size=shape) * 9).astype(dtype)
    if x.dtype.kind == "f":
        x.flat[:: 1 + x.size // 5] = np.nan, np.inf, -np.inf, -0.0, 1e-40
    return x


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "dim", "m"), SIZES)
def test_reads(shape, dim, m, dtype):
    rng = np.random.default_rng(0)
    x, n = rng.normal(size=shape).astype(dtype), shape[dim]
    same(G.index_select, x, rng.integers(0, n, m), dim)
    same(G.index_select, x, rng.integers(0, n, (m, 2))[:, 1], dim)
    same(G.gather, x, rng.integers(0, n, (*shape[:dim], m, *shape[dim + 1 :])), dim)
    same(S.fetch, x, (rng.integers(-shape[0], shape[0], (m, 30 if x.ndim == 1 else 1)),))
    same(G.take, x, rng.integers(-x.size, x.size, (m, 30)))
    same(E.take_rows, x, rng.integers(0, shape[0], (m, 2)).astype("i4"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "dim", "m"), SIZES)
def test_writes(shape, dim, m, dtype):
    rng = np.random.default_rng(0)
    x, n = draw(shape, dtype, rng), shape[dim]
    whole = (*shape[:dim], m, *shape[dim + 1 :])
    entries, elements, src = rng.integers(0, n, m), rng.integers(0, n, whole), draw(whole, dtype, rng)
    same(G.index_add, x, src, entries, dim)
    same(G.scatter, x, src, elements, dim)
    same(G.scatter_add, x, src, elements, dim)
    same(G.spread, src, elements, dim, shape)
    same(G.index_spread, src, entries, dim, shape)
    index = rng.integers(-shape[0], shape[0], 2 + 20000 // x[0].size)
    values = draw((index.size, *shape[1:]), dtype, rng)
    same(S.put, x, values, (index,), True)
    same(S.put, x, values, (index,), False)
    same(S.spread, values, (index,), shape)


def test_rows_of_a_table_get_their_sums_in_order():
    rng = np.random.default_rng(0)
    for dtype in ("f4", "f8"):
        for rows, width, count in ((300, 64, 5000), (5000, 33, 700), (7, 1, 20000), (1, 128, 100)):
            g, index = rng.normal(size=(count, width)).astype(dtype), rng.integers(0, rows, count)
            expected = np.zeros((rows, width), dtype)
            for i, row in zip(index, g, strict=True):
                expected[i] += row
            np.testing.assert_array_equal(E.add_rows(g, index, None, (rows, width)), expected)
            share = rng.normal(size=count).astype(dtype)
            got = E.add_rows(g, index, share, (rows, width))
            np.testing.assert_array_equal(got, E.add_rows(g * share[:, None], index, None, (rows, width)))


def test_layouts():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 200)).astype("f4")
    index = rng.integers(0, 200, (300, 100))
    for a, i in ((x.T, index.T), (x[::2], index[::2]), (x[:, 1:], index % 199)):
        same(G.gather, a, i, 0 if a.shape[0] == 200 else 1)
        same(G.scatter_add, a, np.ones(i.shape, "f4"), i, 0 if a.shape[0] == 200 else 1)
        same(G.index_select, a, rng.integers(0, a.shape[1], 99), 1)
    x.flags.writeable = False
    same(G.index_add, x, np.ones((300, 90), "f4"), rng.integers(0, 200, 90), 1)
    same(G.index_add, x, np.broadcast_to(np.float32(1), (300, 90)), rng.integers(0, 200, 90), 1)


@pytest.mark.parametrize("bad", [-1, 9000, 2**40, -(2**40)])
def test_indices_out_of_range_raise_and_change_nothing(bad):
    x, ones = torch.zeros(9000, 3), torch.ones(9000, 3)
    k = torch.arange(9000)
    k[8000] = bad
    each = k[:, None].expand(9000, 3)
    for act in (
        lambda: x.index_select(0, k),
        lambda: x.gather(0, each),
        lambda: x.index_add_(0, k, ones),
        lambda: x.scatter_(0, each, ones),
        lambda: x.scatter_add_(0, each, ones),
        lambda: torch.nn.functional.embedding(k, x),
    ):
        with pytest.raises((IndexError, RuntimeError), match=str(bad)):
            act()
    for act in (
        lambda: x[k * 4],
        lambda: x.take(k * 9 * 4),
        lambda: x.index_put_((k * 4,), ones),
        lambda: x.index_put_((k * 4,), ones, accumulate=True),
    ):
        with pytest.raises(IndexError):
            act()
    assert x.eq(0).all()


def test_rows_without_a_share_get_nothing():
    """Also of what is not finite, at every size."""
    rng = np.random.default_rng(0)
    g = rng.normal(size=(4000, 8)).astype("f4")
    share = (rng.random(4000) < 0.5).astype("f4")
    g[share == 0] = np.inf
    index = rng.integers(0, 50, 4000)
    with np.errstate(invalid="ignore"):
        y, expected = (f(g, index, share, (50, 8)) for f in (E.add_rows, original(E.add_rows)))
    assert np.isfinite(y).all()
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-4)
