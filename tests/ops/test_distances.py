"""Gradients of distances against torch's, which are not differentiable again."""

from __future__ import annotations

import numpy as np
import pytest

import tapegrad

torch = pytest.importorskip("torch")

ORDERS = [2.0, 1.0, 3.0, 0.0, 0.5, 1.5, float("inf")]


def gradients(lib, name, arrays, *args):
    """The gradients of a weighted sum of the result."""
    leaves = [lib.tensor(a, requires_grad=True) for a in arrays]
    y = getattr(lib, name)(*leaves, *args)
    weights = np.random.default_rng(7).uniform(0.5, 1.5, tuple(y.shape))
    (y * lib.tensor(weights)).sum().backward()
    return [x.grad.numpy() for x in leaves]


def points(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("p", ORDERS)
def test_cdist(p):
    for shapes in [((4, 3), (5, 3)), ((2, 4, 3), (2, 5, 3)), ((2, 1, 4, 3), (5, 3)), ((30, 2), (3, 2))]:
        arrays = [points(i, *shape) for i, shape in enumerate(shapes)]
        close(gradients(tapegrad, "cdist", arrays, p), gradients(torch, "cdist", arrays, p))


@pytest.mark.parametrize("p", [p for p in ORDERS if p != 0.5])
def test_pdist(p):
    arrays = [points(3, 5, 3)]
    close(gradients(tapegrad, "pdist", arrays, p), gradients(torch, "pdist", arrays, p))


def test_at_the_same_place_the_gradient_is_zero():
    arrays = [np.ones((2, 3)), np.ones((2, 3))]
    for p in (2.0, 3.0):
        close(gradients(tapegrad, "cdist", arrays, p), gradients(torch, "cdist", arrays, p))


def test_the_differences_of_many_points_are_made_in_parts(monkeypatch):
    arrays = [points(1, 9, 3), points(2, 7, 3)]
    whole = gradients(tapegrad, "cdist", arrays, 3.0)
    monkeypatch.setattr("tapegrad.kernels.distance._MOST", 50)
    close(gradients(tapegrad, "cdist", arrays, 3.0), whole)
