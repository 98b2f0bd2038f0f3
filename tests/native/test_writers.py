"""Sums of cotangents, and writes in place, against the NumPy bodies."""

import numpy as np
import pytest
from hypothesis import given, settings

import tapegrad as torch
from tapegrad import sums, tiers
from tapegrad.kernels import labelled, linalg, operators, writers
from tapegrad.native import choice
from tests.native.arrays import DTYPES, LAYOUTS, ODD, awake, drawn, laid

LARGE = 140_001


@settings(deadline=None)
@given(LAYOUTS, LAYOUTS, DTYPES, ODD)
def test_sums_are_the_bodies(first, second, dtype, odd):
    awake()
    a, b = drawn((LARGE,), dtype, first, odd), drawn((LARGE,), dtype, second, None, 1)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(sums.total(a, b), choice.original(sums.total)(a, b))
        if a.flags.writeable:
            wanted = a + b
            found = sums.added(a, b)
            assert found is a
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("other", [(LARGE,), (1,), ()])
def test_sums_of_other_shapes_and_dtypes(other):
    awake()
    for dtype in ("f4", "f8"):
        a, b = np.ones(LARGE, "f8"), np.ones(other, dtype)
        np.testing.assert_array_equal(sums.total(a, b), a + b)
        assert (sums.added(a, b) == 2).all()


WRITERS = {
    "clamp": (writers.clamp, ((), ())),
    "add": (writers.add, ((LARGE,),)),
    "add a number": (np.add, ((),)),
    "subtract": (writers.subtract, ((1,),)),
    "multiply": (np.multiply, ((LARGE,),)),
    "divide": (np.true_divide, ((LARGE,),)),
    "relu": (writers.relu, ()),
    "neg": (writers.neg, ()),
    "sqrt": (np.sqrt, ()),
    "a writer without machine code": (lambda x, out: np.multiply(x, 3, out), ()),
}


@pytest.mark.parametrize("layout", ["plain", "stepped", "offset"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("name", WRITERS)
def test_writes_in_place_are_the_bodies(name, dtype, layout):
    awake()
    writer, shapes = WRITERS[name]
    x = drawn((LARGE,), dtype, layout)
    x[:6] = np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40
    ys = [drawn(s, dtype, seed=k) if s else np.array(0.5 + k, dtype) for k, s in enumerate(shapes)]
    found, wanted = laid(x, layout), laid(x, layout)
    with np.errstate(all="ignore"):
        writers.write(writer, found, ys)
        choice.original(writers.write)(writer, wanted, ys)
    np.testing.assert_array_equal(found, wanted)
    fine = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[fine], np.signbit(wanted)[fine])


@pytest.mark.parametrize("call", ["mul_", "add_", "exp_", "tanh_", "clamp_", "neg_", "copy_"])
def test_in_place_forms_of_large_tensors(call):
    awake()
    x, y = torch.randn(LARGE), torch.randn(LARGE)
    args = {"clamp_": (-1, 1), "exp_": (), "tanh_": (), "neg_": ()}.get(call, (y,))
    wanted = y if call == "copy_" else getattr(torch, call[:-1])(x, *args)
    version, before = x._version, tiers.native_calls()
    assert getattr(x, call)(*args) is x
    assert tiers.native_calls() > before and x._version == version + 1
    np.testing.assert_array_equal(x.numpy(), wanted.numpy())


@pytest.mark.parametrize("call", ["mul_", "add_", "copy_"])
def test_what_does_not_fit_changes_nothing(call):
    awake()
    x = torch.ones(LARGE)
    with pytest.raises(RuntimeError):
        getattr(x, call)(torch.ones(LARGE - 1))
    with pytest.raises(RuntimeError):
        getattr(x, call)(torch.ones(2, LARGE))
    assert x.eq(1).all() and x._version == 0
    with pytest.raises(RuntimeError):
        getattr(x[1:], call)(x[:-1])  # its own memory, moved by one
    assert x.eq(1).all() and x._version == 0


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
def test_outer_is_the_body(dtype):
    awake()
    x, y = (drawn((n,), dtype) for n in (400, 401))
    np.testing.assert_array_equal(linalg.outer(x, y), np.multiply.outer(x, y))


def test_gradients_of_large_leaves_add_up():
    awake()
    x, seed = torch.ones(LARGE, requires_grad=True), torch.full((LARGE,), 2.0)
    for k in range(1, 4):
        (x * 1).backward(seed)
        assert (x.grad == 2 * k).all()
    assert (seed == 2).all()


def test_a_large_scatter_goes_back():
    awake()
    n = 20_000
    x, y = torch.ones(n, requires_grad=True), torch.ones(n, requires_grad=True)
    index = torch.arange(0, n).flip(0)
    torch.scatter(x, 0, index, y).backward(torch.arange(float(n)))
    assert (x.grad == 0).all()
    assert (y.grad == torch.arange(float(n)).flip(0)).all()


def test_what_is_no_array_is_the_bodies():
    awake()
    x = torch.tensor([1.0, 2.0])
    assert (sums.total(x, x) == 2 * x).all()
    assert torch.func.linearize(lambda x: x * x, x)[1](x).tolist() == [2.0, 8.0]


@pytest.mark.parametrize("second", [(), (1,), (0, 1), (3,), (40_000, 1), (40_000, 3)])
@pytest.mark.parametrize("first", [(), (1,), (0, 3), (40_000, 3), (40_000, 1)])
def test_products_of_any_two_shapes_are_numpys(first, second):
    awake()
    try:
        np.broadcast_shapes(first, second)
    except ValueError:
        pytest.skip("they do not broadcast")
    a, b = drawn(first, "f4", "plain"), drawn(second, "f4", "plain", None, 1)
    for dtype in ("f4", "f8", "i8", "?"):
        x, y = np.asarray(a, dtype), np.asarray(b, dtype)
        for kernel in (operators.mul, operators.div, operators.sub, operators.eq):
            if kernel is operators.sub and dtype == "?":
                continue
            with np.errstate(all="ignore"):
                found, expected = kernel(x, y), choice.original(kernel)(x, y)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.parametrize("layout", ["plain", "stepped", "read-only"])
def test_cross_products(dtype, layout):
    awake()
    for shape in ((5000, 3), (7, 100, 3), (2, 3)):
        a, b = (drawn(shape, dtype, layout, None, k) for k in (0, 1))
        found, expected = (f(a, b, -1) for f in (labelled.cross, choice.original(labelled.cross)))
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype and found.shape == expected.shape
    a, b = (torch.randn(1000, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    g = torch.autograd.grad(torch.linalg.cross(a, b).sum(), (a, b))
    ones = np.ones((1000, 3))
    np.testing.assert_allclose(g[0].numpy(), np.cross(b.detach().numpy(), ones), rtol=1e-12)
    np.testing.assert_allclose(g[1].numpy(), np.cross(ones, a.detach().numpy()), rtol=1e-12)
