"""Copies in machine code: every layout, and what is made of copies."""

import numpy as np
import pytest

import tapegrad.kernels.arrange as A
import tapegrad.kernels.shape as S
from tapegrad import tiers
from tapegrad.native.choice import original

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


def draw(dtype, shape, rng):
    return (rng.normal(size=shape) * 50).astype(dtype)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "i2", "?", "D"])
def test_every_layout(dtype):
    from tapegrad.native.copying import copy

    rng = np.random.default_rng(0)
    done = 0
    for _ in range(150):
        ndim = rng.integers(1, 5)
        shape, steps = rng.integers(1, 70 if ndim < 3 else 18, ndim), rng.integers(1, 3, ndim)
        starts = rng.integers(0, 2, ndim)
        x = draw(dtype, shape * 2 + 1, rng)
        x = x[tuple([slice(a, n * s + 1, s) for a, n, s in zip(starts, shape, steps, strict=True)])]
        x = x.transpose(rng.permutation(ndim))[tuple([slice(None, None, rng.choice([1, 1, -1]))] * ndim)]
        room = np.zeros([n + 3 for n in x.shape], dtype)
        inner = tuple([slice(1, n + 1) for n in x.shape])
        before = room.copy()
        before[inner] = x
        if copy(room[inner], x):
            done += 1
            np.testing.assert_array_equal(room, before)
    assert done == (0 if dtype == "D" else 150)


def test_one_axis_with_steps():
    from tapegrad.native.copying import copy

    x = np.arange(30000.0)
    for source, step in ((x[::3], 2), (x[::-3], 1), (np.broadcast_to(x[7], 10000), 3), (x[5000:15000], 1)):
        y = np.zeros(40000)
        assert copy(y[1 : 1 + 10000 * step : step], source)
        expected = np.zeros(40000)
        expected[1 : 1 + 10000 * step : step] = source
        np.testing.assert_array_equal(y, expected)


def same(kernel, *args):
    y, expected = kernel(*args), original(kernel)(*args)
    assert y.dtype == expected.dtype and y.shape == expected.shape and y.strides == expected.strides
    assert y.flags.writeable and not any(np.shares_memory(y, a) for a in args if isinstance(a, np.ndarray))
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "?"])
def test_large_arrays(dtype):
    rng = np.random.default_rng(0)
    x, w = draw(dtype, (601, 403), rng), draw(dtype, (40, 31, 9, 27), rng)
    for kernel in (S.contiguous, S.clone, A.copied):
        for a in (x, x.T, x[:, 1:], x[::-1, ::2], w.transpose(0, 2, 1, 3), w.transpose(3, 0, 2, 1)):
            same(kernel, a)
    for dims in ((0,), (1,), (0, 1)):
        same(A.flip, x, dims)
        same(A.flip, x.T, dims)
    for k in range(4):
        same(A.rot90, x, k, 0, 1)
    same(A.roll, x, (3,), None)
    same(A.roll, x, (-5, 7), (0, 1))
    for times in ((2, 3), (1, 2, 1), (5, 1)):
        same(A.repeat, x, times)
        same(A.repeat, x.T, times)
    for k in (-700, -1, 0, 5, 402, 700):
        same(A.tril, x, k)
        same(A.triu, w, k)
    for dim in range(4):
        same(S.cat, [w, w[::-1], w], dim)
        same(S.stack, [w, w + w], dim)
    same(S.stack, [w, w], 4)
    same(S.cat, [x, x[:, :0], x.T.reshape(601, 403)[:, 3:]], 1)


def test_joins_of_unlike_arrays_are_numpys():
    x = np.zeros((300, 300))
    same(S.cat, [x, x.astype("f4")], 0)
    same(S.cat, [x, np.zeros(0)], 0)
    for bad in ([x, x[:, 1:]], [x, x[0]]):
        with pytest.raises(ValueError):
            S.cat(bad, 0)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i2"])
@pytest.mark.parametrize("step", range(2, 12))
def test_every_so_many(step, dtype):
    from tapegrad.native.copying import copy

    for n in (1, 2, 7, 8, 9, 16, 17, 33, 2047, 2048, 2049, 6001):
        x = np.arange((n - 1) * step + 1).astype(dtype)[::step]  # memory ends with the last
        y = np.full(n + 2, -1, dtype)
        assert copy(y[1:-1], x)
        np.testing.assert_array_equal(y, [-1, *x, -1])
        rows = np.arange(5 * n * step).astype(dtype).reshape(5, n * step)[:, ::step]
        y = np.zeros((5, n), dtype)
        assert copy(y, rows)
        np.testing.assert_array_equal(y, rows)


@pytest.mark.parametrize("kind", ["f4", "f8", "i8", "i2"])
@pytest.mark.parametrize("shape", [(3, 50, 70), (2, 3, 41, 43), (8, 9, 700), (4, 2, 2, 40, 41), (16, 5000)])
def test_few_planes_are_put_together(kind, shape):
    x = draw(kind, shape, np.random.default_rng(0))
    n = len(shape)
    same(S.contiguous, x.transpose(*range(1, n), 0))
    same(S.contiguous, x.swapaxes(0, n - 1))
    same(S.contiguous, x.transpose(n - 1, *range(n - 1)))
    same(S.contiguous, x[..., ::-1].swapaxes(0, n - 1))
    same(S.contiguous, x[:, 1:].swapaxes(0, n - 1))
