"""vmap: what it accepts, returns and refuses, and its random numbers, against torch."""

from __future__ import annotations

import warnings
from collections import namedtuple
from math import prod

import pytest

import tapegrad
import tapegrad.func
from tests.func.against import compare, rows, vector

Pair = namedtuple("Pair", "a b")  # the bare kind, too, is a tree


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


@pytest.mark.parametrize("first", [(5, 7), (7,)])
@pytest.mark.parametrize("second", [(7, 2), (7, 9), (7, 40), (7,)])
@pytest.mark.parametrize("dims", [(None, 0), (0, None), (0, 0)])
def test_products_of_every_entry(first, second, dims):
    sizes = [s if d is None else (3, *s) for s, d in zip((first, second), dims, strict=True)]

    def product(t):
        a, b = (t.arange(float(prod(s))).mul(3).remainder(7).reshape(s) for s in sizes)  # exact
        f = t.vmap(lambda x, y: x @ y, in_dims=dims)
        derivatives = t.func.jacrev(f, (0, 1))(a, b)
        return f(a, b), *derivatives

    compare(product)
