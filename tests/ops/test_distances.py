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


@pytest.mark.parametrize("p", [1, 2, 3.5, float("inf")])
def test_renorm_leaves_what_is_short_or_nan_as_it_is(p):
    array = np.array([[0, 3.0, 0.2, np.nan], [0, 4.0, 0.1, 1]])
    weights = np.arange(8.0).reshape(2, 4)

    def derivatives(lib):
        x = lib.tensor(array, requires_grad=True)
        (g,) = lib.autograd.grad((x.renorm(p, 1, 1.0) ** 2).sum(), x, create_graph=True)
        return g.detach(), lib.autograd.grad((g * lib.tensor(weights)).sum(), x)[0]

    ours, theirs = derivatives(tapegrad), derivatives(torch)
    close(ours[:1], theirs[:1])
    close([ours[1][:, 1]], [theirs[1][:, 1]])
    kept = np.where(np.isnan(array), np.nan, 2 * weights)[:, [0, 2]]
    np.testing.assert_array_equal(ours[1][:, [0, 2]], kept)  # torch: nan, by 0 times inf
