"""Tensors that change their own shape in place, beside torch; and products at places with several zeros."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad
from tests.ops.comparing import array

torch = pytest.importorskip("torch")

FORMS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "t_": ((2, 3), lambda x: x.t_()),
    "transpose_": ((2, 3, 4), lambda x: x.transpose_(0, 2)),
    "swapaxes_": ((2, 3, 4), lambda x: x.swapaxes_(1, -1)),
    "swapdims_": ((2, 3), lambda x: x.swapdims_(0, 1)),
    "squeeze_": ((1, 3, 1), lambda x: x.squeeze_()),
    "squeeze_ dim": ((1, 3, 1), lambda x: x.squeeze_(0)),
    "squeeze_ dims": ((1, 3, 1), lambda x: x.squeeze_((0, 2))),
    "unsqueeze_": ((2, 3), lambda x: x.unsqueeze_(1)),
    "as_strided_": ((2, 3), lambda x: x.as_strided_((3, 2), (1, 3))),
}


def _followed(lib: Any, name: str) -> tuple[Any, ...]:
    """The form on a computed tensor, writes behind it, and the gradient."""
    shape, form = FORMS[name]
    n = int(np.prod(shape))
    a = lib.arange(float(n)).reshape(shape).requires_grad_()
    x = a * 1
    result = form(x)
    named = type(x.grad_fn).__name__
    x.mul_(3)
    x[0] = 7
    (x * lib.arange(float(n)).reshape(x.shape)).sum().backward()
    return result is x, named, tuple(x.shape), tuple(x.stride()), array(x).tolist(), array(a.grad).tolist()


@pytest.mark.parametrize("name", FORMS)
def test_a_computed_tensor(name: str) -> None:
    assert _followed(tapegrad, name) == _followed(torch, name)


def _of_view(lib: Any) -> tuple[Any, ...]:
    a = lib.ones(2, 3, requires_grad=True)
    b = a * 1
    w = b[0]
    w.unsqueeze_(0)
    w.mul_(2)
    (b * lib.arange(6.0).reshape(2, 3)).sum().backward()
    return tuple(w.shape), array(b).tolist(), array(a.grad).tolist(), tuple(b.shape)


def test_a_view_takes_its_write_back_to_the_base() -> None:
    assert _of_view(tapegrad) == _of_view(torch)


def test_leaves_that_require_grad_stay_as_they_are() -> None:
    x = tapegrad.ones(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"t_: .*leaf"):
        x.t_()
    assert x.shape == (2, 3)
    with tapegrad.no_grad():
        x.t_()
    assert x.shape == (3, 2)
    assert x.is_leaf


def test_an_older_view_stays_usable_until_the_memory_is_written() -> None:
    x = tapegrad.ones(2, 3, requires_grad=True)
    b = x * 1
    w = b[0]
    b.t_()
    (w * 3).sum().backward()
    assert x.grad.tolist() == [[3.0, 3.0, 3.0], [0.0, 0.0, 0.0]]
    b.mul_(2)
    with pytest.raises(RuntimeError, match="cut the view anew"):
        w.sum()


def test_the_version_counts_it() -> None:
    x = tapegrad.zeros(1, 2)
    x.squeeze_()
    assert x._version == 1


def test_second_derivatives_of_products_with_several_zeros() -> None:
    """torch refuses these; finite differences do not."""
    index = tapegrad.tensor([0, 0, 0, 1])

    def f(x: Any, src: Any) -> Any:
        return x.scatter_reduce(0, index, src, "prod")

    x = tapegrad.tensor([2.0, 3.0], dtype=tapegrad.float64, requires_grad=True)
    src = tapegrad.tensor([0.0, 0.0, 1.5, 2.0], dtype=tapegrad.float64, requires_grad=True)
    assert tapegrad.autograd.gradcheck(f, (x, src))
    assert tapegrad.autograd.gradgradcheck(f, (x, src))
    h = tapegrad.func.hessian(lambda s: f(x.detach(), s).sum())(src.detach())
    assert h[0].tolist() == [0.0, 3.0, 0.0, 0.0]
