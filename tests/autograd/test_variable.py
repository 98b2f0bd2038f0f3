"""Variable, as programs from before torch 0.4 use it."""

from __future__ import annotations

import pytest

import tapegrad as torch
from tapegrad.autograd import Variable


def test_it_is_a_tensor_without_history():
    x = torch.ones(2, requires_grad=True)
    v = Variable(x * 2, requires_grad=True)
    assert type(v) is torch.Tensor
    assert v.is_leaf
    assert v.requires_grad
    assert not Variable(x).requires_grad
    v.sum().backward()
    assert v.grad.tolist() == [1, 1]
    assert x.grad is None


def test_it_shares_memory():
    x = torch.zeros(2)
    Variable(x).add_(1)
    assert x.tolist() == [1, 1]


def test_every_tensor_is_one():
    assert isinstance(torch.ones(1), Variable)
    assert not isinstance([1.0], Variable)
    with pytest.raises(TypeError, match="a Tensor is needed"):
        Variable([1.0])
