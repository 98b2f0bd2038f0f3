"""ctc_loss behind log_softmax, as it is used: against torch, and its derivatives against differences."""

from __future__ import annotations

import pytest

import tapegrad
from tests.nn.programs import compare

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_as_torch(zero_infinity):
    def program(t):
        logits = t.randn(30, 4, 7, requires_grad=True)
        targets = t.randint(1, 7, (4, 9))
        lengths = (t.tensor([30, 25, 21, 8]), t.tensor([9, 5, 0, 3]))
        loss = t.nn.CTCLoss(zero_infinity=zero_infinity)(logits.log_softmax(2), targets, *lengths)
        loss.backward()
        return [loss.detach(), logits.grad]

    compare(program, torch)


def test_derivatives_behind_log_softmax():
    t = tapegrad
    targets, lengths = t.tensor([[1, 2], [2, 2]]), ((5, 4), (2, 2))

    def loss(x):
        return t.nn.functional.ctc_loss(x.log_softmax(2), targets, *lengths, reduction="none")

    x = t.randn(5, 2, 3, dtype=t.float64, requires_grad=True)
    assert t.autograd.gradcheck(loss, x)
    assert t.autograd.gradgradcheck(loss, x)
    _, tangent = t.func.jvp(loss, (x.detach(),), (t.ones(5, 2, 3, dtype=t.float64).cumsum(2),))
    gs = t.func.jacrev(loss)(x.detach())
    assert t.allclose(tangent, (gs * t.ones(5, 2, 3, dtype=t.float64).cumsum(2)).sum((1, 2, 3)))
