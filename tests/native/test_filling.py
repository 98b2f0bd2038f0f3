"""Large new arrays, filled."""

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.kernels.filling as K
import tapegrad.kernels.memory as M
from tapegrad.native.choice import original
from tests.native.arrays import awake

N = 300_000
SHOWN = {
    "all": lambda x: x,
    "every second": lambda x: x[::2],
    "backwards": lambda x: x[::-1],
    "odd": lambda x: x[1:-2],
    "turned": lambda x: x.reshape(600, 500).T,
    "columns": lambda x: x.reshape(600, 500)[:, 3:490],
    "nothing": lambda x: x[:0],
}


@pytest.mark.parametrize("kind", ["?", "u1", "i2", "f2", "i4", "f4", "i8", "f8", "c8", "c16"])
@pytest.mark.parametrize("shown", SHOWN)
def test_fill_is_the_body(kind, shown):
    awake()
    found, expected = ((np.arange(N) % 100).astype(kind) for _ in range(2))
    K.fill(SHOWN[shown](found), 3)
    original(K.fill)(SHOWN[shown](expected), 3)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["?", "u1", "f2", "f4", "i8", "c16"])
def test_new_arrays_are_those_of_numpy(kind):
    awake()
    for shape in (N, (N,), (3, N // 3), (0, N), ()):
        assert not K.zeros(shape, kind).any()
        assert (K.ones(shape, np.dtype(kind)) == 1).all()
        assert K.empty(shape, kind).shape == np.empty(shape, kind).shape
    a = np.zeros((600, 500), kind)
    for like in (a, a.T, a[::2], np.broadcast_to(a[0], a.shape)):
        y = M.empty_like(like, np.dtype("f4"))
        assert (y.shape, y.strides) == (like.shape, original(M.empty_like)(like, np.dtype("f4")).strides)
        assert y.flags.writeable


def test_memory_that_was_used_before_is_cleared():
    awake()
    for _ in range(3):
        x = torch.full((N,), 7.0)
        assert x.eq(7).all()
        del x
        assert torch.zeros(N).eq(0).all()


def test_what_cannot_be_filled_is_left_as_it_is():
    awake()
    x = np.zeros(N)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        K.fill(x, 1)
    with pytest.raises(RuntimeError):
        torch.full((N,), 1e300, dtype=torch.float16)
    assert not x.any()
