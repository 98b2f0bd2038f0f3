"""In which order results of copies lie in memory, beside torch: `view` and `stride()` show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad
from tests.ops.comparing import array

torch = pytest.importorskip("torch")

GIVEN: dict[str, Callable[[Any], Any]] = {
    "rows": lambda x: x,
    "columns": lambda x: x.transpose(0, 1),
    "permuted": lambda x: x.permute(1, 2, 0),
    "reversed axes": lambda x: x.permute(2, 1, 0),
    "with gaps": lambda x: x[:, ::2, 1:],
    "columns with gaps": lambda x: x.transpose(0, 1)[::2],
    "expanded": lambda x: x[:1].expand(x.shape),
    "expanded columns": lambda x: x[:, :1].expand(x.shape).transpose(0, 2),
}
COPIES: dict[str, Callable[[Any, Any], Any]] = {
    "flip": lambda lib, x: lib.flip(x, [0]),
    "flip of all": lambda lib, x: x.flip(0, 1, 2),
    "flip of none": lambda lib, x: lib.flip(x, []),
    "rot90": lambda lib, x: lib.rot90(x),
    "rot90 twice": lambda lib, x: lib.rot90(x, 2, (1, 2)),
    "rot90 back": lambda lib, x: lib.rot90(x, -1, (0, 2)),
    "roll": lambda lib, x: lib.roll(x, 1, 0),
    "roll of two": lambda lib, x: x.roll((1, -1), (1, 2)),
    "roll of all": lambda lib, x: lib.roll(x, 2),
    "cat": lambda lib, x: lib.cat([x, x]),
    "cat of columns": lambda lib, x: lib.cat([x, x], -1),
    "stack": lambda lib, x: lib.stack([x, x]),
    "stack inside": lambda lib, x: lib.stack([x, x], 1),
    "stack at the end": lambda lib, x: lib.stack([x, x], -1),
    "repeat": lambda lib, x: x.repeat(2, 1, 3),
}


@pytest.mark.parametrize("size", [4, 60])  # by NumPy, and by machine code
@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("given", GIVEN)
def test_the_order_of_a_copy(given: str, copy: str, size: int) -> None:
    found = []
    for lib in (tapegrad, torch):
        x = lib.arange(float(size * (size + 1) * (size + 2))).reshape(size, size + 1, size + 2)
        y = COPIES[copy](lib, GIVEN[given](x))
        found.append((tuple(y.shape), tuple(y.stride()), array(y)))
    ours, theirs = found
    assert ours[:2] == theirs[:2]
    np.testing.assert_array_equal(ours[2], theirs[2])


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("given", GIVEN)
def test_the_way_back(given: str, copy: str) -> None:
    found = []
    for lib in (tapegrad, torch):
        x = lib.arange(120.0).reshape(4, 5, 6).requires_grad_()
        y = COPIES[copy](lib, GIVEN[given](x))
        y.backward(lib.arange(float(y.numel())).reshape(y.shape))
        found.append((tuple(x.grad.stride()), array(x.grad)))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])
