"""What users see of the tiers: the same results whether or not machine code computes them."""

from __future__ import annotations

import pytest

import tapegrad as torch
from tapegrad import tiers

tiers.wake()


@pytest.mark.parametrize(
    "shapes", [((100_000, 1), (1, 0)), ((70_000, 0), (70_000, 1)), ((0, 70_000), (70_000,))]
)
def test_operands_that_broadcast_to_nothing(shapes):
    a, b = (torch.ones(*shape, requires_grad=True) for shape in shapes)
    for op in (torch.add, torch.mul, torch.maximum, torch.lt, torch.pow):
        y = op(a, b)
        assert y.shape == torch.broadcast_shapes(*shapes) and y.numel() == 0
        if y.requires_grad:
            for x, g in zip((a, b), torch.autograd.grad(y.sum(), (a, b)), strict=True):
                assert g.shape == x.shape and not g.any()
    assert torch.where(a > 0, a, b).shape == y.shape
