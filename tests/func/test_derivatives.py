"""grad, vjp, jvp and what is made of them: arguments, results and refusals, against torch.func."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.func.against import compare, other, vector

TAKES = ["grad", "grad_and_value", "jacrev", "jacfwd", "hessian"]
NUMBERS = [0, 1, 2, -3, (0,), (0, 1), (1, 0), (0, 0), (), [0], None, "0", (0, 2), (0, "1"), (-1,)]


@pytest.mark.parametrize("argnums", NUMBERS, ids=repr)
@pytest.mark.parametrize("name", TAKES)
def test_argnums(name, argnums):
    if argnums == (-1,) and name in ("jacfwd", "hessian"):
        pytest.skip("torch gives zeros for negative numbers")
    compare(lambda t: getattr(t.func, name)(lambda x, y: (x**2 * y).sum(), argnums)(vector(t), other(t)))


OUTPUTS: dict[str, Callable[[Any, Any], Any]] = {
    "a vector": lambda t, x: x * 2,
    "a tuple": lambda t, x: (x.sum(), x * 2),
    "a dict": lambda t, x: {"a": x.sum(), "b": x**2},
    "a number": lambda t, x: 3.0,
    "nothing": lambda t, x: (),
    "a constant": lambda t, x: t.tensor(2.0),
    "integers": lambda t, x: (x > 0).int(),
    "a bool": lambda t, x: (x > 0).any(),
    "itself": lambda t, x: x,
    "doubles": lambda t, x: x.double().sum(),
}


@pytest.mark.parametrize("out", list(OUTPUTS))
@pytest.mark.parametrize("name", TAKES)
def test_results(name, out):
    compare(lambda t: getattr(t.func, name)(lambda x: OUTPUTS[out](t, x))(vector(t)))
    compare(lambda t: t.func.jvp(lambda x: OUTPUTS[out](t, x), (vector(t),), (other(t),)))
    compare(lambda t: t.func.vjp(lambda x: OUTPUTS[out](t, x), vector(t))[0])


@pytest.mark.parametrize("x", [lambda t: t.arange(3), lambda t: t.tensor([True, False, True])])
def test_integers_have_no_derivatives(x):
    for name in TAKES:
        for n in (0, (0, 1)):
            compare(
                lambda t, name=name, n=n: getattr(t.func, name)(lambda x, y: (x * y).sum(), n)(x(t), other(t))
            )
    compare(lambda t: t.func.vjp(lambda x: x * 2.0, x(t)))
    compare(lambda t: t.func.jvp(lambda x: x * 2.0, (x(t),), (x(t),)))
    compare(lambda t: t.func.jvp(lambda x: x * 2.0, (vector(t),), (x(t),)))
    compare(lambda t: t.func.linearize(lambda x: x * 2.0, x(t)))


COTANGENTS = [
    lambda t: (other(t),),
    lambda t: (t.ones(2),),
    lambda t: (other(t).double(),),
    lambda t: (t.arange(3),),
    lambda t: (1.0,),
    lambda t: (None,),
    lambda t: (),
    lambda t: ((other(t),),),
]


@pytest.mark.parametrize("cotangents", COTANGENTS)
def test_cotangents(cotangents):
    compare(lambda t: t.func.vjp(lambda x: x**2, vector(t))[1](*cotangents(t)))
    compare(lambda t: t.func.vjp(lambda x: (x**2,), vector(t))[1](*cotangents(t)))
    compare(lambda t: t.func.vjp(lambda x: (x**2, x.sum()), vector(t))[1](*cotangents(t), t.tensor(1.0)))


def test_a_pullback_that_keeps_nothing():
    def program(t):
        pull = t.func.vjp(lambda x: x**2, vector(t))[1]
        pull(other(t), retain_graph=False)
        return pull(other(t))

    compare(program)


@pytest.mark.parametrize(
    ("primals", "tangents"),
    [
        (lambda t: vector(t), lambda t: vector(t)),
        (lambda t: (), lambda t: ()),
        (lambda t: (2.0,), lambda t: (1.0,)),
        (lambda t: (vector(t),), lambda t: (None,)),
        (lambda t: (vector(t),), lambda t: (t.ones(2),)),
        (lambda t: (vector(t),), lambda t: (t.ones(1),)),
        (lambda t: (vector(t),), lambda t: (other(t), other(t))),
    ],
)
def test_tangents(primals, tangents):
    compare(lambda t: t.func.jvp(lambda *xs: xs[0] * 2, primals(t), tangents(t)))


@pytest.mark.parametrize(
    "tangents",
    [
        lambda t: (other(t),),
        lambda t: (t.ones(2),),
        lambda t: (t.ones(1),),
        lambda t: (other(t).double(),),
        lambda t: (t.arange(3),),
        lambda t: (other(t), other(t)),
    ],
)
def test_tangents_of_a_linear_function(tangents):
    compare(lambda t: t.func.linearize(lambda x: x * x, vector(t))[1](*tangents(t)))
