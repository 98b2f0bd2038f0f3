"""Random numbers of machine code are those of the NumPy bodies, bit for bit, and leave the same stream."""

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.kernels.drawing as D
import tapegrad.kernels.gaussian as G
import tapegrad.kernels.generator as W
import tapegrad.kernels.random as R
import tapegrad.kernels.random_integers as N
from tapegrad import tiers
from tapegrad.kernels.generator import Stream
from tapegrad.native.choice import original

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())

F4, F8, SIZES = np.dtype("f4"), np.dtype("f8"), (4096, 5003, 16384, 70001)


def same(x, y):
    assert x.dtype == y.dtype and x.shape == y.shape
    np.testing.assert_array_equal(
        np.ascontiguousarray(x).view(np.uint8), np.ascontiguousarray(y).view(np.uint8)
    )


@pytest.mark.parametrize("before", [0, 3, 623, 624, 625])
@pytest.mark.parametrize("n", [4096, 624 * 7, 624 * 7 - 3, 100000])
def test_words(n, before, monkeypatch):
    ours, theirs = Stream(5), Stream(5)
    ours.words(before), theirs.words(before)
    y = ours.words(n).copy()
    monkeypatch.setattr(W, "blocks", original(W.blocks))
    same(y, theirs.words(n))
    same(ours.get_state(), theirs.get_state())
    same(ours.words(700), theirs.words(700))


DRAWS = {
    "uniform": lambda f, s, n: f(D.draw)(s, n, F4, D.unit32),
    "uniform64": lambda f, s, n: f(D.draw)(s, n, F8, D.unit64),
    "range": lambda f, s, n: f(R.scaled_uniform)(s, n, -1.0, 3.7, F4),
    "small range": lambda f, s, n: f(R.scaled_uniform)(s, n, 1.0, 1.0000005, F4),
    "range64": lambda f, s, n: f(R.scaled_uniform)(s, n, -0.1, 1e-3, F8),
    "bernoulli": lambda f, s, n: f(R.trials)(s, n, 0.3, F4),
    "bernoulli64": lambda f, s, n: f(R.trials)(s, n, 1.0, F8),
    "masks": lambda f, s, n: f(R.trials)(s, n, 0.9, np.dtype(bool)),
    "numbers": lambda f, s, n: f(R.trials)(s, n, 0.0, np.dtype("i8")),
    "normal": lambda f, s, n: f(R.normal_groups)(s, n, 0.0, 1.0, F4),
    "normal around 2": lambda f, s, n: f(R.normal_groups)(s, n, 2.0, 0.3, F4),
    "normal64": lambda f, s, n: f(R.normal_groups)(s, n, 0.0, 1.0, F8),
    "exponential": lambda f, s, n: f(R.waits)(s, n, -0.7, F4),
    "exponential64": lambda f, s, n: f(R.waits)(s, n, -0.7, F8),
    "digits": lambda f, s, n: f(N.from_range)(s, n, 0, 10, np.array(10, np.uint32), np.dtype("i8")),
    "one": lambda f, s, n: f(N.from_range)(s, n, 5, 1, np.array(1, np.uint32), np.dtype("i4")),
    "wide": lambda f, s, n: f(N.from_range)(s, n, -9, 2**28 - 1, np.array(2**28 - 1, np.uint32), F4),
    "order": lambda f, s, n: f(N.shuffled)(s.words(n - 1)),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("n", SIZES)
def test_draws(n, name):
    ours, theirs = Stream(n), Stream(n)
    ours.words(n % 7), theirs.words(n % 7)
    same(DRAWS[name](lambda f: f, ours, n), DRAWS[name](original, theirs, n))
    same(ours.get_state(), theirs.get_state())


def test_normals_of_all_numbers():
    from tapegrad.native.kernels.random import _normals

    for first in range(0, 2**24, 2**22):  # each 64th of the 2**24 numbers, as a radius and as an angle
        v = np.arange(first, first + 2**22, 64, dtype=np.uint32) + np.uint32(first >> 22)
        words = np.stack([v.reshape(-1, 8), (v * np.uint32(2654435761)).reshape(-1, 8)], 1).reshape(-1)
        out = np.empty(words.size, F4)
        _normals()(out, words, words.size // 16, 1.0, 0.0)
        expected = D.units32(words)
        G.box_muller32(expected.reshape(-1, 16), 0.0, 1.0)
        same(out, expected)


def test_orders_are_orders():
    for n in (1000, 4096, 100003):
        assert (torch.randperm(n).sort()[0] == torch.arange(n)).all()


def test_against_torch():
    theirs = pytest.importorskip("torch")
    for lib in (torch, theirs):
        lib.manual_seed(3)
    for draw in (
        lambda t: t.rand(20001),
        lambda t: t.randn(20001),
        lambda t: t.randn(133, 151, dtype=t.float64),
        lambda t: t.empty(20001).uniform_(-2, 5),
        lambda t: t.randperm(20001),
        lambda t: t.randint(-3, 1000, (20001,)),
        lambda t: t.empty(20001).bernoulli_(0.3),
        lambda t: t.empty(20001).exponential_(2.0),
        lambda t: t.nn.functional.dropout(t.ones(20001), 0.25),
        lambda t: t.randn(3),
    ):
        same(draw(torch).numpy(), draw(theirs).numpy())
