"""segment_reduce beyond its samples: first gradients, which torch has alone, and batches of data."""

from __future__ import annotations

import numpy as np
import pytest

import tapegrad
from tapegrad.testing.samples import ROWS, Call
from tests.ops.comparing import differing
from tests.ops.reporting import gradients

ROW = ROWS["segment_reduce"]


@pytest.mark.parametrize("c", ROW.samples, ids=repr)
def test_gradients(c: Call) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for lib in (tapegrad, torch):
        tensors, built = c.build(lib)
        y = lib.segment_reduce(*built.args, **built.kwargs)
        found.append([g.numpy(force=True) for g in gradients(lib, y, tensors, False)[0]])
    for a, b in zip(*found, strict=True):
        assert not differing(a, b, 4, least=1.0)


@pytest.mark.parametrize("how", ["sum", "mean", "prod", "max", "min"])
def test_a_batch_of_data_does_not_loop(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapegrad.func.batches._say_that_it_loops", lambda needed: pytest.fail(str(needed)))
    x = tapegrad.tensor(np.random.default_rng(0).normal(size=(3, 2, 6)))
    lengths = tapegrad.tensor([[2, 3, 1], [0, 6, 0]])

    def reduced(x: tapegrad.Tensor) -> tapegrad.Tensor:
        return tapegrad.segment_reduce(x, how, lengths=lengths, axis=1, initial=0.5)

    whole = tapegrad.func.vmap(reduced)(x)
    assert whole.equal(tapegrad.stack([reduced(row) for row in x]))


def test_what_is_left_out_gets_no_gradient() -> None:
    x = tapegrad.arange(1.0, 7.0).requires_grad_()
    tapegrad.segment_reduce(x, "prod", offsets=tapegrad.tensor([1, 3, 5])).sum().backward()
    assert x.grad.tolist() == [0, 3, 2, 5, 4, 0]
