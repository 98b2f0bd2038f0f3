"""The memory of arrays in other shapes."""

from __future__ import annotations

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.kernels.factor import eye
from tapegrad.kernels.memory import restrided


def test_nothing_is_shown_beyond_a_buffer():
    for x in (np.empty(0), np.empty((0, 3)), np.empty(2)):
        with pytest.raises(ValueError):
            restrided(x, (3,), (8,))
    assert restrided(np.empty(0), (0, 3), (24, 8)).shape == (0, 3)


def test_an_empty_target_gets_memory_of_its_own():
    targets = [torch.empty(0) for _ in range(20)]
    for i, out in enumerate(targets):
        torch.full((3, 3), float(i), out=out)
    for i, out in enumerate(targets):
        assert out.tolist() == [[float(i)] * 3] * 3


def test_only_small_constants_are_shared():
    few, many = eye(3, np.dtype("f4")), eye(100, np.dtype("f4"))
    assert eye(3, np.dtype("f4")) is few and not few.flags.writeable
    assert eye(100, np.dtype("f4")) is not many
