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


def _of_strided_view(lib: Any, name: str) -> tuple[Any, ...]:
    """The gradient through a view by strides that was cut before."""
    shape, form = FORMS[name]
    n = int(np.prod(shape))
    a = lib.arange(float(n)).reshape(shape).requires_grad_()
    x = a * a
    view = x.as_strided((2, 2), (1, 1))
    form(x)
    (view.sum() + (view * x.reshape(-1)[-1]).sum()).backward()
    return tuple(view.stride()), array(view).tolist(), array(a.grad).tolist()


@pytest.mark.parametrize("name", FORMS)
def test_a_view_by_strides_from_before(name: str) -> None:
    assert _of_strided_view(tapegrad, name) == _of_strided_view(torch, name)


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


def _around(lib: Any, name: str, of_view: bool, write: bool) -> tuple[Any, ...]:
    """A view that is older than the change of its base's shape (or of another view's), and is used, or
    written, behind it; and the base."""
    shape, form = FORMS[name]
    n = int(np.prod(shape))
    weights = lib.arange(1.0, n + 1)
    a = lib.arange(float(n)).reshape(shape).requires_grad_()
    b = a * 1
    part = b.transpose(0, -1)[..., :1]
    form(b[...] if of_view else b)
    if write:
        part.mul_(3)
        b.add_(0.5)
    else:
        b.mul_(2)
    ((part * part).sum() + (b * weights.reshape(b.shape)).sum()).backward()
    return array(part).tolist(), array(b).tolist(), array(a.grad).tolist()


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("of_view", [False, True])
@pytest.mark.parametrize("name", FORMS)
def test_older_views(name: str, of_view: bool, write: bool) -> None:
    assert _around(tapegrad, name, of_view, write) == _around(torch, name, of_view, write)


def _of_nothing(lib: Any) -> Any:
    a = lib.zeros(2, 0, 3, requires_grad=True)
    b = a * 1
    part = b.select(-1, 0)
    b.swapdims_(0, 1)
    part.mul_(2)
    part.sum().backward()
    return tuple(a.grad.shape)


def test_older_views_of_nothing() -> None:
    assert _of_nothing(tapegrad) == _of_nothing(torch)


def test_a_pattern_beside_a_view_gives_it_no_gradient() -> None:
    found = []
    for lib in (tapegrad, torch):
        a = lib.arange(6.0).requires_grad_()
        b = a * 1
        part = b[2:]
        part.as_strided_((2, 2), (1, 1), 1)
        (part * lib.tensor([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
        found.append((array(part).tolist(), array(a.grad).tolist()))
    assert found[0] == found[1]


def test_it_counts_as_a_write() -> None:
    x = tapegrad.zeros(1, 2)
    x.squeeze_()
    assert x._version == 1
    y = (tapegrad.ones(2, 3, requires_grad=True) * 2).exp()
    z = y.sum()
    y.t_()
    with pytest.raises(RuntimeError, match="written in place"):
        z.backward()


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


def test_a_retained_gradient_begins_anew() -> None:
    """It cannot add to one that was retained in the old shape. (torch goes on with that.)"""
    a = tapegrad.ones(2, 3, requires_grad=True)
    x = a * 2
    x.retain_grad()
    x.sum().backward(retain_graph=True)
    x.t_()
    x.sum().backward()
    assert x.grad is not None and x.grad.shape == (3, 2) and a.grad is not None
    assert x.grad.unique().tolist() == [1.0] and a.grad.unique().tolist() == [4.0]
