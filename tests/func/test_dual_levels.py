"""Tensors with tangents by hand, while their level runs and after it, against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tapegrad
import tapegrad.func
from tests.func.against import compare, other, vector


def after(t: Any, use: Callable[[Any, Any, Any], Any]) -> Any:
    """use(tensor with a tangent, what was computed from it, a view of it), after the level has ended."""
    with t.autograd.forward_ad.dual_level():
        d = t.autograd.forward_ad.make_dual(vector(t), other(t))
        e, v = d * d, d[1:]
    return use(d, e, v)


@pytest.mark.parametrize(
    "use",
    [
        lambda d, e, v: (e, e + 1, d * 2, e.sum().item(), e.tolist()),
        lambda d, e, v: (d.add_(1), v.mul_(2), d, v),
        lambda d, e, v: (e.view(3, 1), e.detach(), e.clone(), bool((e > 0).all())),
    ],
)
def test_tensors_lose_their_tangents_when_the_level_ends(use):
    compare(lambda t: after(t, use))
    compare(lambda t: t.vmap(lambda x: x * 2)(after(t, lambda d, e, v: e)))

    def in_the_next(t):
        e = after(t, lambda d, e, v: e)
        ad = t.autograd.forward_ad
        with ad.dual_level():
            return tuple(ad.unpack_dual(e)), tuple(ad.unpack_dual(ad.make_dual(e, other(t)) * e))

    compare(in_the_next)


@pytest.mark.parametrize("inside", [False, True])
def test_gradients_of_values_and_tangents(inside):
    def program(t):
        ad, x, w = t.autograd.forward_ad, vector(t).requires_grad_(), other(t).requires_grad_()
        gradients = []

        def take(*outputs):
            gradients.extend(
                t.autograd.grad(y, [x, w], retain_graph=True, allow_unused=True) for y in outputs
            )

        with ad.dual_level():
            y = (ad.make_dual(x * w, t.ones(3)) ** 2).sum()
            p, tangent = ad.unpack_dual(y)
            plain = (w * x).sum()
            if inside:
                take(p, tangent)
        if not inside:
            take(y, p, tangent, plain)
        return gradients

    compare(program)


def test_gradients_inside_of_a_level():
    """torch's gradients of outer leaves have tangents themselves there; ours are plain."""
    ad = tapegrad.autograd.forward_ad
    x = vector(tapegrad).requires_grad_()
    with ad.dual_level():
        d = ad.make_dual(x, tapegrad.ones(3))
        assert tapegrad.autograd.grad((d**3).sum(), x)[0].tolist() == (3 * x**2).tolist()
        (g,) = tapegrad.autograd.grad((d**3).sum(), d, create_graph=True)
        assert ad.unpack_dual(g).tangent.tolist() == (6 * x).tolist()


def test_forward_ad_refuses():
    def make(t, *given):
        with t.autograd.forward_ad.dual_level():
            return t.autograd.forward_ad.make_dual(*given)

    compare(lambda t: make(t, vector(t), t.arange(3)))
    compare(lambda t: make(t, t.arange(3), t.arange(3)))
    compare(lambda t: make(t, vector(t), t.ones(2)))
    with pytest.raises(TypeError):
        tapegrad.autograd.forward_ad.unpack_dual(3)

    def tangent_of_tangent(t):
        ad = t.autograd.forward_ad
        with ad.dual_level():
            return ad.make_dual(vector(t), ad.make_dual(vector(t), other(t)))

    compare(tangent_of_tangent)
