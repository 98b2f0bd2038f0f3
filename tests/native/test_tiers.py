"""What users see of the tiers: the same results whether or not machine code computes them."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tapegrad as torch
from tapegrad import tiers

tiers.wake()
native = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())


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


def run(code):
    """What a new process prints."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@native
def test_operations_that_load_later_are_machine_code_too():
    code = (
        "import tapegrad as torch; x = torch.ones(100_000, requires_grad=True)\n"
        "import tapegrad.nn.functional as F; from tapegrad import tiers\n"
        "was = tiers.native_calls(); y = F.gelu(x); now = tiers.native_calls(); y.backward(y.detach())\n"
        "print(now - was, tiers.native_calls() - now > 0)"
    )
    assert run(code) == "1 True\n"
