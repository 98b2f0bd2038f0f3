"""In-place writes inside of transforms, against torch.func."""

from __future__ import annotations

from typing import Any

import pytest

import tapegrad
import tapegrad.func
from tests.func.against import compare, other, rows, vector


def mul(t, x):
    x.mul_(2)
    return x * x


def put(t, x):
    x[0] = 5.0
    return x * x


def through_a_view(t, x):
    x.view(3, 1).mul_(2)
    return x * x


def copied(t, x):
    x.copy_(x * 2)
    return x


def without_grad(t, x):
    with t.no_grad():
        x.mul_(2)
    return x * x


def by_strides(t, x):
    y = x * 1
    y.as_strided((2,), (1,), 1).mul_(3)
    return y * x


def by_strides_copied(t, x):
    y = x.clone()
    y.as_strided((2,), (2,), 0).copy_(x[:2])
    return y


def strides_read_what_was_written(t, x):
    y = x * 1
    z = y.as_strided((2,), (1,), 1)
    y.mul_(2)
    first = z * 1
    z[0] = x[0]
    return y[:2] * first + z


def masked(t, x):
    y = x.clone()
    y[t.tensor([True, False, True])] = 0.0
    return y * x


WRITES = [
    mul, put, through_a_view, copied, without_grad, by_strides, by_strides_copied,
    strides_read_what_was_written, masked,
]  # fmt: skip


def transformed(t: Any, name: str, f: Any) -> Any:
    """(the result, the argument afterwards)."""
    x = vector(t)
    many = t.stack([x, other(t)])

    def total(x):
        return f(t, x).sum()

    def vector_of(x):
        return f(t, x)

    found = {
        "grad": lambda: t.func.grad(total)(x),
        "autograd.grad": lambda: t.autograd.grad(total(x.requires_grad_() * 1), x),
        "vjp": lambda: t.func.vjp(total, x)[1](t.tensor(2.0)),
        "jacrev": lambda: t.func.jacrev(vector_of)(x),
        "jvp": lambda: t.func.jvp(vector_of, (x,), (other(t),)),
        "vmap": lambda: t.vmap(vector_of)(many),
        "vmap of grad": lambda: t.vmap(t.func.grad(total))(many),
        "grad of vmap": lambda: t.func.grad(lambda m: t.vmap(vector_of)(m).sum())(many),
    }[name]()
    return found, x.detach(), many


@pytest.mark.parametrize(
    "name", ["grad", "autograd.grad", "vjp", "jacrev", "jvp", "vmap", "vmap of grad", "grad of vmap"]
)
@pytest.mark.parametrize("f", WRITES)
def test_writes(f, name):
    compare(lambda t: transformed(t, name, f))


@pytest.mark.parametrize("name", ["jacfwd", "hessian"])
@pytest.mark.parametrize("f", [by_strides, by_strides_copied, strides_read_what_was_written])
def test_writes_by_strides_under_forward_mode(f, name):
    compare(lambda t: getattr(t.func, name)(lambda x: f(t, x).sum())(vector(t)))


def test_refused_writes_change_nothing():
    def at_one_place(x):
        kept.append(y := x * 1)
        y.as_strided((2, 2), (1, 1), 0).mul_(2)

    kept: list[Any] = []
    x = vector(tapegrad)
    ad = tapegrad.autograd.forward_ad
    with ad.dual_level(), pytest.raises(RuntimeError, match="share one place"):
        at_one_place(ad.make_dual(x, x))
    assert kept[0].tolist() == [1, 2, 3]

    # torch writes to the argument of a vmap that has a graph outside, which then must know.
    def outer(x):
        y = x * 1
        with pytest.raises(RuntimeError, match="has a graph outside"):
            tapegrad.vmap(lambda s: s.mul_(2))(y)
        return (y * y).sum()

    assert tapegrad.func.grad(outer)(x).tolist() == [2, 4, 6]


def test_a_mask_per_entry_and_a_gradient_after_the_batch():
    def f(x):
        y = x.clone()
        y[y > 1.5] = 0.0
        return y * x

    x = rows(tapegrad)[:, :3]
    got = tapegrad.func.grad(lambda x: tapegrad.vmap(f)(x).sum())(x)
    assert got.tolist() == tapegrad.where(x > 1.5, 0.0, 2 * x).tolist()


def test_a_rule_that_needs_a_value_says_so():
    def f(x, v):
        y = x.clone()
        y[y > 1.5] = v.sum()
        return y

    def total(v):
        return tapegrad.vmap(f, in_dims=(0, None))(rows(tapegrad), v).sum()

    with pytest.raises(RuntimeError, match="differs per vmap entry"):
        tapegrad.func.grad(total)(tapegrad.ones(2))
