"""Recurrent layers in machine code against their NumPy bodies."""

import numpy as np
import pytest

import tapegrad.kernels.recurrent as bodies
from tapegrad import tiers
from tapegrad.native import choice

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("hidden", [1, 5, 8, 19, 40])
@pytest.mark.parametrize("sizes", [(3, 3, 3), (1,), (5, 4, 4, 1), (7, 2)])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("given", ["all", "little"])
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_results_are_the_bodies(kind, dtype, hidden, sizes, reverse, given):
    gates, (forward, backward) = {"lstm": 4, "gru": 3}[kind], bodies.KERNELS[kind]
    rng = np.random.default_rng(0)
    rows, batch, inputs = sum(sizes), sizes[0], 6

    def draw(*shape):
        return rng.normal(size=shape).astype(dtype)

    states = [draw(batch, hidden), draw(batch, hidden)] if given == "all" else [None, None]
    biases = [draw(gates * hidden), draw(gates * hidden)] if given == "all" else [None, None]
    if kind == "gru":
        states[1] = None
    xs = [
        draw(rows, inputs),
        draw(gates * hidden, inputs),
        draw(gates * hidden, hidden),
        *biases,
        None,
        *states,
    ]
    results, work = forward(xs, sizes, reverse)
    expected, body_work = choice.original(forward)(xs, sizes, reverse)
    tolerance = {"f4": 2e-5, "f8": 1e-12}[dtype]
    for a, b in zip((*results, work), (*expected, body_work), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    gs = [draw(*a.shape) for a in results]
    if given == "little":
        gs[1] = None
    need = [True] * 8
    found = backward(need, gs, work, xs, sizes, reverse)
    wanted = choice.original(backward)(need, gs, work, xs, sizes, reverse)
    for a, b in zip(found, wanted, strict=True):
        assert (a is None) is (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=tolerance * 20, atol=tolerance * 20)


def test_the_result_does_not_depend_on_who_computes():
    rng = np.random.default_rng(0)
    sizes = (16,) * 20
    xs = [rng.normal(size=s).astype("f4") for s in ((320, 32), (256, 32), (256, 64), (256,), (256,))]
    xs += [None, None, None]
    first = bodies.lstm(xs, sizes, False)[0]
    for _ in range(20):
        for a, b in zip(bodies.lstm(xs, sizes, False)[0], first, strict=True):
            assert np.array_equal(a, b)
