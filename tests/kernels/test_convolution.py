"""Convolutions by a few samples at a time: the same numbers, and bounded memory; selections by integers."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import tapegrad
import tapegrad.kernels.convolution as C
from tapegrad.kernels.pointwise import gate

GEOMETRIES = (
    ((1, 1), (1, 1), (1, 1), 1, 4, 6),
    ((2, 1), (0, 2), (1, 2), 1, 4, 6),
    ((1, 1), (1, 0), (2, 1), 2, 4, 6),
    ((3, 2), (1, 1), (1, 1), 2, 4, 6),
    ((1, 1), (0, 0), (1, 1), 1, 2, 9),  # more than twice as many outputs: columns are added up
)


def results(geometry: Any) -> list[Any]:
    """A convolution and what goes back, for seven samples."""
    *windows, groups, c, o = geometry
    random = np.random.default_rng(3)
    x, w = random.standard_normal((7, c, 6, 7)), random.standard_normal((o, c // groups, 3, 2))
    b = random.standard_normal(o)
    y = C.convolved(x, w, b, *windows, groups)
    back = C.convolved_back(y, w, None, *windows, groups, (6, 7))
    weight = C.convolved_weight(y, x, *windows, groups, (3, 2))
    return [y, back, weight, *(C.convolved_both(y, x, w, *windows, groups) or ())]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_few_samples_at_a_time_change_nothing(geometry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = results(geometry)
    for block in (1, 5000):
        monkeypatch.setattr(C, "_BLOCK", block)
        for a, b in zip(results(geometry), whole, strict=True):
            assert a.shape == b.shape and np.allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("geometry", [g for g in GEOMETRIES if g[0] == (1, 1) and g[5] < 9])
def test_the_same_columns_serve_both_operands(geometry: Any) -> None:
    _, back, weight, *both = results(geometry)
    assert len(both) == 2
    assert np.allclose(both[0], back, rtol=1e-12) and np.allclose(both[1], weight, rtol=1e-12)


def test_columns_never_exist_as_a_whole() -> None:
    x = tapegrad.ones(64, 8, 32, 32)
    layer = tapegrad.nn.Conv2d(8, 8, 5, padding=2)
    x.requires_grad_()
    tracemalloc.start()
    try:
        layer(x).sum().backward()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * x.nbytes  # all columns would be 25


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("n", [10, 5000])
def test_what_a_gate_lets_through(dtype: str, n: int) -> None:
    g = np.resize(np.array([1.5, np.inf, -np.inf, np.nan, -0.0, -2], dtype), (2, n)).T
    y = np.resize(np.array([2, 0.0, -0.0, np.nan, -1, np.inf, 1e-40], dtype), (n, 2))
    wanted = np.where(y <= 0, np.zeros((), dtype), g)
    found = gate(g, y)
    assert found.dtype == wanted.dtype and found.tobytes() == np.ascontiguousarray(wanted).tobytes()
