"""What a rule reads must not be written; what none reads may be."""

import numpy as np
import pytest

import tapegrad as torch

DRAWS = {"normal": lambda p: torch.normal(p, 1.0), "bernoulli": torch.bernoulli, "poisson": torch.poisson}


@pytest.mark.parametrize("op", [*DRAWS.values(), torch.sinc, torch.erfinv], ids=[*DRAWS, "sinc", "erfinv"])
def test_a_result_that_no_rule_reads_may_be_written(op):
    x = torch.full((3,), 0.5, requires_grad=True)
    y = op(x)
    y.mul_(0)
    y.sum().backward()
    assert x.grad.tolist() == [0.0] * 3


@pytest.mark.parametrize(
    ("op", "shape"),
    [("eigh", (4, 4)), *[(op, s) for op in ("svd", "qr", "lu_factor") for s in ((4, 4), (2, 4), (4, 2))]],
)
def test_a_factorisation_does_not_read_its_input_again(op, shape):
    a = np.random.default_rng(0).normal(size=shape)
    found = []
    for write in (False, True):
        x = torch.tensor(a, requires_grad=True)
        y = x * 1
        first = getattr(torch.linalg, op)(y)[0]
        if write:
            y.zero_()
        (first**2 * torch.arange(1.0, first.shape[-1] + 1)).sum().backward()
        found.append(x.grad.tolist())
    assert found[0] == found[1]


def test_a_copy_by_strides_sees_what_lies_beside_a_view():
    base = torch.arange(8.0).reshape(4, 2).requires_grad_()
    copied = torch.as_strided_copy((base * 1)[:1], (2, 2), (1, 2))
    assert copied.tolist() == [[0.0, 2.0], [1.0, 3.0]]
    copied.sum().backward()
    assert base.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert torch.as_strided_copy(base.detach()[:1], (2, 2), (1, 2)).tolist() == [[0.0, 2.0], [1.0, 3.0]]
