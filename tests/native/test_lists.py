"""Norms of lists of arrays, and their products with a number."""

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.kernels.reduce as R
import tapegrad.kernels.writers as W
from tapegrad import tiers
from tapegrad.native.choice import original

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())

SIZES = (5000, 0, 1, 2048, 2049, 3, 100000, 0)


def arrays(dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=n).astype(dtype) for n in SIZES]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_norms(dtype):
    xs = arrays(dtype)
    expected = [np.sqrt(np.sum(x.astype("f8") ** 2)) for x in xs]
    got = R.norms(xs, 2.0)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=2e-7 if dtype == "f4" else 1e-15)
    np.testing.assert_array_equal(R.norms(xs, 2.0), got)
    for p in (1.0, 0.0, 3.0):
        np.testing.assert_array_equal(R.norms(xs, p), original(R.norms)(xs, p))
    xs[0][7], xs[3][0] = np.nan, -np.inf
    got = R.norms(xs, 2.0)
    assert np.isnan(got[0]) and np.isposinf(got[3]) and np.isfinite(got[4:]).all()
    wide = [np.full(20000, 1e30, "f4")]
    assert np.isfinite(R.norms(wide, 2.0)).all()


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_products(dtype):
    ours, theirs = arrays(dtype), arrays(dtype)
    for factor in (0.3, np.float32(1.7), np.array(-2.0, dtype), np.nan):
        W.scale(ours, np.array(factor, dtype))
        original(W.scale)(theirs, np.array(factor, dtype))
        for x, y in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(x, y)
    x = np.ones(9000, dtype)
    W.scale([x, x, x[::2], x[1:]], np.array(2, dtype))
    assert x[0] == 8 and x[1] == 8 and x[2] == 16


def test_clipping_against_torch():
    theirs = pytest.importorskip("torch")

    def program(t):
        t.manual_seed(0)
        ps = [t.randn(n).requires_grad_() for n in (30000, 7, 500)]
        for p in ps:
            p.grad = t.randn(p.shape)
        ps.append(t.ones(3, requires_grad=True))
        norms = [float(t.nn.utils.clip_grad_norm_(ps, most)) for most in (1000.0, 10.0)]
        return norms, [p.grad.numpy() for p in ps[:3]]

    (norms, grads), (expected, wanted) = program(torch), program(theirs)
    np.testing.assert_allclose(norms, expected, rtol=1e-6)
    for g, w in zip(grads, wanted, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-6)


def test_scaling_is_a_write():
    p = torch.ones(20000, requires_grad=True)
    p.grad = torch.ones(20000)
    y = p.grad.detach().requires_grad_().exp()
    version = p.grad._version
    torch.nn.utils.clip_grad_norm_([p], 1.0)
    assert p.grad._version > version
    assert y.sum().item() > 0
