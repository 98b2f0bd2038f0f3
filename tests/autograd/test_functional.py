"""autograd.functional: values, shapes, errors and graphs as torch has them."""

from importlib import import_module

import pytest

from tests.autograd.comparing import same


def library(torch):
    return import_module(f"{torch.__name__}.autograd.functional")


def tensors(t):
    x, w, z = t.tensor([1.0, 2.0, 3.0]), t.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), t.tensor(2.0)
    return x, w, z


FUNCTIONS = {
    "one": lambda t, x, w, z: (lambda x: (x * x).exp() * 0.01, x),
    "two": lambda t, x, w, z: (lambda x, w: (x @ w, (x * x).sum()), (x, w)),
    "tuple": lambda t, x, w, z: (lambda x: (x * x,), (x,)),
    "constant": lambda t, x, w, z: (lambda x: t.ones(2), x),
    "independent": lambda t, x, w, z: (lambda x, w: x * x, (x, w)),
    "linear": lambda t, x, w, z: (lambda x: x * 2, x),
    "number": lambda t, x, w, z: (lambda z: z * z, z),
    "no tensor": lambda t, x, w, z: (lambda x: 3, x),
    "no input": lambda t, x, w, z: (lambda x: x, 3),
    "list": lambda t, x, w, z: (lambda x: [x], x),
}
SCALAR = {
    "one": lambda t, x, w, z: (lambda x: (x**3).sum(), x),
    "two": lambda t, x, w, z: (lambda x, w: ((x * x) @ w).sum(), (x, w)),
    "linear": lambda t, x, w, z: (lambda x: x.sum(), x),
    "constant": lambda t, x, w, z: (lambda x: t.tensor(1.0), x),
    "a vector": lambda t, x, w, z: (lambda x: x * x, x),
    "one element": lambda t, x, w, z: (lambda x: (x * x).sum().reshape(1), x),
    "a tuple": lambda t, x, w, z: (lambda x: ((x * x).sum(),), x),
    "number": lambda t, x, w, z: (lambda z: z**3, z),
}


@pytest.mark.parametrize("what", FUNCTIONS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"create_graph": True},
        {"strict": True},
        {"vectorize": True},
        {"vectorize": True, "strategy": "forward-mode"},
        {"strategy": "sideways"},
    ],
)
def test_jacobian(what, options):
    def program(t):
        f, xs = FUNCTIONS[what](t, *tensors(t))
        found = library(t).jacobian(f, xs, **options)
        return _values(found)

    if options.get("strategy") and what in ("no input", "no tensor", "list"):
        pytest.skip("torch raises AttributeError and the like there")
    same(program)


def _values(found):
    return [_values(f) for f in found] if isinstance(found, (tuple, list)) else found.detach()


@pytest.mark.parametrize("what", SCALAR)
@pytest.mark.parametrize("options", [{}, {"create_graph": True}, {"strict": True}, {"vectorize": True}])
def test_hessian(what, options):
    def program(t):
        f, xs = SCALAR[what](t, *tensors(t))
        return _values(library(t).hessian(f, xs, **options))

    same(program)


@pytest.mark.parametrize("options", [{}, {"create_graph": True}, {"strict": True}])
@pytest.mark.parametrize("product", ["vhp", "hvp"])
@pytest.mark.parametrize("what", SCALAR)
def test_products_with_the_hessian(what, product, options):
    def program(t):
        f, xs = SCALAR[what](t, *tensors(t))
        vs = tuple(x * 0 + 1 for x in xs) if isinstance(xs, tuple) else xs * 0 + 1
        return _values(getattr(library(t), product)(f, xs, vs, **options))

    same(program)


@pytest.mark.parametrize("options", [{}, {"create_graph": True}, {"strict": True}])
@pytest.mark.parametrize("product", ["vjp", "jvp"])
@pytest.mark.parametrize("v", ["ones", "None", "another shape"])
def test_products_with_the_jacobian(v, product, options):
    def program(t):
        x, w, z = tensors(t)
        results = []
        for f, xs in (
            FUNCTIONS["one"](t, x, w, z),
            FUNCTIONS["two"](t, x, w, z),
            FUNCTIONS["number"](t, x, w, z),
        ):
            like = f(*xs) if isinstance(xs, tuple) else f(xs)
            like = xs if product == "jvp" else like
            one = tuple(y * 0 + 1 for y in like) if isinstance(like, tuple) else like * 0 + 1
            given = one if v == "ones" else None if v == "None" else t.ones(7)
            try:
                results.append(_values(getattr(library(t), product)(f, xs, given, **options)))
            except Exception as e:  # noqa: BLE001 # its class is compared
                results.append(type(e).__name__)
        return results

    same(program)


def test_results_that_can_be_differentiated():
    def program(t):
        x = t.tensor([1.0, 2.0, 3.0], requires_grad=True)
        f, L, ones = (lambda x: (x * x).exp() * 0.01), library(t), t.ones(3)
        return [
            t.autograd.grad(y.sum(), x)
            for y in (
                L.jacobian(f, x, create_graph=True),
                L.hessian(lambda x: (x**3).sum(), x, create_graph=True),
                L.jvp(f, x, ones, create_graph=True)[1],
                L.vjp(f, x, ones, create_graph=True)[1],
                L.hvp(lambda x: (x**3).sum(), x, ones, create_graph=True)[1],
            )
        ]

    same(program)


def test_an_outer_strategy():
    def program(t):
        f = lambda x, w: ((x * x) @ w).sum()  # noqa: E731 # short
        x, w, _ = tensors(t)
        found = library(t).hessian(f, (x, w), vectorize=True, outer_jacobian_strategy="forward-mode")
        return _values(found)

    same(program)
