"""What functions of functions accept, return and refuse, against torch.func."""

from __future__ import annotations

import operator
import warnings
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad
import tapegrad.func

Program = Callable[[Any], Any]
Pair = namedtuple("Pair", "a b")  # the bare kind, too, is a tree


def rows(t: Any) -> Any:
    return t.arange(12.0).reshape(3, 4)


def vector(t: Any) -> Any:
    return t.arange(1.0, 4.0)


def other(t: Any) -> Any:
    return t.tensor([0.5, -1.0, 2.0])


def flat(x: Any) -> Any:
    """A result as something to compare: types, shapes, dtypes, requires_grad, values."""
    if hasattr(x, "requires_grad"):
        values = np.round(np.asarray(x.detach().numpy(), np.float64), 5).tolist()
        return tuple(x.shape), str(x.dtype), x.requires_grad, values
    if isinstance(x, dict):
        return type(x).__name__, [(k, flat(v)) for k, v in x.items()]
    if isinstance(x, (tuple, list)):
        return type(x).__name__, [flat(v) for v in x]
    return x


def outcome(t: Any, program: Program) -> Any:
    t.manual_seed(3)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return flat(program(t))
    except Exception as e:  # noqa: BLE001 # any class is compared
        return {base.__name__ for base in type(e).__mro__}, type(e).__name__


def compare(program: Program) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = outcome(tapegrad, program), outcome(torch, program)
    if isinstance(theirs, tuple) and isinstance(theirs[0], set):
        assert isinstance(ours[0], set), f"torch raises {theirs[1]}; here it is {ours}"
        assert theirs[1] in ours[0], f"{ours[1]} and torch {theirs[1]}"
    else:
        assert ours == theirs


# ---- vmap


@pytest.mark.parametrize(
    "in_dims", [0, 1, -1, -3, None, True, 1.0, "0", (0,), [0], (None,), (0, 0), (), {"a": 0}, ((0,),)]
)
def test_in_dims_of_one(in_dims):
    compare(lambda t: t.vmap(lambda x: x * 2, in_dims=in_dims)(rows(t)))


PAIRS = [(0, 1), [0, 1], (0, None), ((0, 1),), (-1, 0), (0, "x"), {"a": 0, "b": 1}, {"a": 0}, Pair(0, 1)]


@pytest.mark.parametrize("kind", ["tuple", "list", "dict", "Pair"])
@pytest.mark.parametrize("dims", PAIRS, ids=repr)
def test_trees_of_dims(dims, kind):
    make = {
        "tuple": lambda a, b: (a, b),
        "list": lambda a, b: [a, b],
        "dict": lambda a, b: {"a": a, "b": b},
        "Pair": Pair,
    }[kind]

    def total(tree):
        a, b = tree.values() if isinstance(tree, dict) else tree
        return a.sum() * 2 + b.sum()

    compare(lambda t: t.vmap(lambda x: make(x * 2, x + 1), out_dims=dims)(rows(t)))
    compare(lambda t: t.vmap(total, in_dims=(dims,))(make(t.ones(3, 3), rows(t)[:, :3])))


def test_dicts_of_dims_go_by_name():
    def double(x):
        return {"a": x * 2, "b": x + 1}

    out = tapegrad.vmap(double, out_dims={"b": 1, "a": 0})(rows(tapegrad))
    assert out["a"].shape == (3, 4) and out["b"].shape == (4, 3)


@pytest.mark.parametrize("out_dims", [0, 1, -1, 2, -3, None, True, 1.0, "0", (0,), [0], (0, 0), ()])
def test_out_dims_of_one(out_dims):
    compare(lambda t: t.vmap(lambda x: x * 2, out_dims=out_dims)(rows(t)))


@pytest.mark.parametrize("value", [3.0, None, "a", [1, 2], ()], ids=repr)
@pytest.mark.parametrize("out_dims", [0, (0, None), None], ids=repr)
def test_results_that_are_no_tensors(value, out_dims):
    compare(lambda t: t.vmap(lambda x: (x, value), out_dims=out_dims)(t.ones(3)))


@pytest.mark.parametrize(
    "y", [lambda t: t.arange(3.0), lambda t: t.ones(4), lambda t: t.tensor(2.0), lambda t: 2]
)
def test_keyword_arguments_are_shared(y):
    compare(lambda t: t.vmap(lambda x, y=0: x + y)(t.ones(3), y=y(t)))


def test_calls_that_do_not_fit():
    compare(lambda t: t.vmap(lambda x=0: x)(x=t.ones(3)))
    compare(lambda t: t.vmap(lambda: t.ones(3))())
    compare(lambda t: t.vmap(lambda x, y: x + y)(t.ones(3), t.ones(4)))
    compare(lambda t: t.vmap(lambda x: x)(t.tensor(1.0)))


@pytest.mark.parametrize("n", [0, -1, 1, 2, 5, 100, 1.5])
def test_chunks(n):
    compare(lambda t: t.vmap(lambda x: (x * 2, {"s": x.sum()}), chunk_size=n)(rows(t).T))
    compare(lambda t: t.vmap(lambda x: x * 2, in_dims=1, out_dims=-1, chunk_size=n)(rows(t)))
    compare(lambda t: t.func.jacrev(lambda x: (x * 2, x.sum()), chunk_size=n)(vector(t)))
    compare(lambda t: t.func.jacrev(lambda x: x.sum(), chunk_size=n)(vector(t)))


def test_an_empty_batch():
    compare(lambda t: t.vmap(lambda x: x @ x)(t.ones(0, 3, 3)))
    compare(lambda t: t.vmap(t.func.grad(lambda x: (x**2).sum()))(t.ones(0, 3)))
    compare(lambda t: t.vmap(lambda x: x if x.sum() > 0 else -x)(t.ones(0, 3)))


DRAWS = {
    "rand": lambda t, x: t.rand(3),
    "randn": lambda t, x: t.randn(20),
    "randint": lambda t, x: t.randint(0, 10, (3,)),
    "randperm": lambda t, x: t.randperm(5),
    "rand_like": lambda t, x: t.rand_like(x),
    "randn_like": lambda t, x: t.randn_like(x),
    "rand_like of a constant": lambda t, x: t.rand_like(t.ones(2)),
    "bernoulli": lambda t, x: t.bernoulli(t.full((4,), 0.4)),
    "bernoulli per entry": lambda t, x: t.bernoulli(x / 12),
    "uniform_": lambda t, x: x.clone().uniform_(),
    "normal_": lambda t, x: x.clone().normal_(),
    "several": lambda t, x: (t.rand(2), t.randn(2), t.rand(1)),
}


@pytest.mark.parametrize("randomness", ["error", "different", "same"])
@pytest.mark.parametrize("name", list(DRAWS))
def test_random_numbers(name, randomness):
    def program(t, **kwargs):
        f = t.vmap(lambda x: DRAWS[name](t, x), randomness=randomness, **kwargs)
        return f(rows(t)), t.rand(2)

    compare(program)
    compare(lambda t: program(t, in_dims=1))
    compare(lambda t: program(t, chunk_size=2))


@pytest.mark.parametrize("outer", ["error", "different", "same"])
@pytest.mark.parametrize("inner", ["error", "different", "same"])
# torch draws several permutations in another order, and refuses some draws in place.
@pytest.mark.parametrize("name", [n for n in DRAWS if n not in ("randperm", "uniform_", "normal_")])
def test_random_numbers_of_nested_batches(name, inner, outer):
    def program(t):
        f = t.vmap(lambda x: DRAWS[name](t, x), randomness=inner)
        return t.vmap(f, randomness=outer)(t.arange(24.0).reshape(2, 3, 4) / 2)

    compare(program)


@pytest.mark.parametrize("before", [False, True])
def test_randomness_in_the_loop(before):
    def f(x):
        first = tapegrad.rand(2) if before else 0
        return (first + tapegrad.rand(2) + tapegrad.randn(2) if x > 0 else x) + x * 0

    x = tapegrad.ones(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="randomness is 'error'"):
            tapegrad.vmap(f)(x)
        tapegrad.manual_seed(0)
        same = tapegrad.vmap(f, randomness="same")(x)
        tapegrad.manual_seed(0)
        different = tapegrad.vmap(f, randomness="different")(x)
    tapegrad.manual_seed(0)
    one_by_one = tapegrad.stack([f(v) for v in x])
    assert different.tolist() == one_by_one.tolist() and same.tolist() == [one_by_one[0].tolist()] * 3


# ---- derivatives

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


# ---- writes


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


# ---- modules


def tied(t: Any) -> Any:
    class Tied(t.nn.Module):  # type: ignore[name-defined, misc] # of either library
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = t.nn.Linear(3, 3), t.nn.Linear(3, 3)
            self.b.weight = self.a.weight
            self.register_buffer("n", t.ones(3))

        def forward(self, x: Any, k: float = 1.0) -> Any:
            self.n = self.n + 1
            return self.b(self.a(x)) * k + self.n

    return Tied()


GIVEN: dict[str, Callable[[Any], Any]] = {
    "one name": lambda t: {"a.weight": t.eye(3)},
    "the other name": lambda t: {"b.weight": t.eye(3)},
    "both, the same": lambda t: dict.fromkeys(["a.weight", "b.weight"], t.eye(3)),
    "both, different": lambda t: {"a.weight": t.eye(3), "b.weight": t.ones(3, 3)},
    "all": lambda t: {"a.weight": t.eye(3), "a.bias": t.ones(3), "b.bias": t.ones(3), "n": t.ones(3)},
    "unknown": lambda t: {"foo": t.ones(3)},
    "in no module": lambda t: {"c.bias": t.ones(3)},
    "no tensor": lambda t: {"a.bias": 3.0},
    "two": lambda t: ({"a.weight": t.eye(3)}, {"n": t.ones(3)}),
    "twice": lambda t: ({"n": t.ones(3)}, {"n": t.ones(3)}),
    "no dict": lambda t: 3,
    "no dicts": lambda t: (3,),
}


@pytest.mark.parametrize("kwargs", [{}, {"strict": True}, {"tie_weights": False}], ids=repr)
@pytest.mark.parametrize("given", list(GIVEN))
def test_functional_call(given, kwargs):
    def program(t):
        m, tensors = tied(t), GIVEN[given](t)
        y = t.func.functional_call(m, tensors, (vector(t),), {"k": 2.0}, **kwargs)
        return y, tensors, m.n

    compare(program)


def test_stacks_need_one_kind_of_parameters():
    def program(t):
        frozen = t.nn.Linear(1, 1).requires_grad_(False)
        return t.func.stack_module_state([t.nn.Linear(1, 1), frozen])

    compare(program)


# ---- forward_ad


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
