"""torch.bfloat16: the dtype itself, what surrounds it, and what happens without the package behind it."""

import copy
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

import tapegrad as torch
from tests.ops.comparing import array

DTYPES = (torch.float16, torch.bfloat16)
EVERY = (torch.bool, torch.uint8, torch.int64, *DTYPES, torch.float32, torch.float64, torch.complex64)


def test_without_its_package_only_its_use_fails():
    program = """if True:
        import sys
        sys.modules["ml_dtypes"] = None
        import tapegrad as torch
        d = torch.bfloat16
        assert (repr(d), d.itemsize, d.is_floating_point, d.is_signed) == ("torch.bfloat16", 2, True, True)
        assert torch.ones(2, dtype=torch.float16).mean() == 1
        try:
            torch.zeros(2, dtype=d)
        except ImportError as e:
            assert "pip install 'tapegrad[bfloat16]'" in str(e), e
        else:
            raise AssertionError
    """
    subprocess.run([sys.executable, "-c", program], check=True)


def test_import_does_not_load_its_package():
    program = "import sys, tapegrad; tapegrad.bfloat16; assert 'ml_dtypes' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_as_numpy_it_does_not_exist():
    x = torch.ones(2, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match="float"):
        x.numpy()
    with pytest.raises(TypeError, match="bfloat16"):
        torch.tensor(np.ones(2, torch.bfloat16.numpy))
    with pytest.raises(TypeError, match="bfloat16"):
        torch.from_numpy(np.ones(2, torch.bfloat16.numpy))


def test_copies_keep_it():
    x = torch.tensor([1.5, -2], dtype=torch.bfloat16)
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.clone(), x.detach(), x.data):
        assert y.dtype is torch.bfloat16 and y.tolist() == [1.5, -2] and (y + 1).dtype is torch.bfloat16
    assert pickle.loads(pickle.dumps(torch.bfloat16)) is torch.bfloat16


def test_types_and_modules():
    x = torch.ones(2).bfloat16()
    assert isinstance(x, torch.BFloat16Tensor) and x.type() == "torch.BFloat16Tensor"
    assert x.bfloat16() is x and torch.BFloat16Tensor([1, 2]).dtype is torch.bfloat16
    assert torch.nn.Linear(2, 1).bfloat16().weight.dtype is torch.bfloat16
    assert torch.bfloat16.to_complex() is torch.complex64


@pytest.mark.parametrize("d", DTYPES)
def test_promotion_as_torch(d):
    real = pytest.importorskip("torch")
    for e in EVERY:
        if d is torch.float16 and e is torch.complex64:
            continue  # torch has a complex32
        for s in ((2,), ()):
            for t in ((2,), ()):
                ours = torch.ones(s, dtype=d) + torch.ones(t, dtype=e)
                theirs = real.ones(s, dtype=getattr(real, d.name)) + real.ones(t, dtype=getattr(real, e.name))
                assert str(ours.dtype) == str(theirs.dtype), (s, e, t)


@pytest.mark.parametrize("d", DTYPES)
def test_numbers_and_0d_tensors_round_as_in_torch(d):
    real = pytest.importorskip("torch")
    formulas = (
        lambda x, n: x * n,
        lambda x, n: n * x,
        lambda x, n: x + n,
        lambda x, n: n - x,
        lambda x, n: x / n,
        lambda x, n: n / x,
        lambda x, n: x % n,
        lambda x, n: x // n,
        lambda x, n: x**n,
        lambda x, n: x > n,
        lambda x, n: x == n,
    )
    for lib_number in (lambda lib: 3.3, lambda lib: 2, lambda lib: lib.tensor(3.3)):
        for i, f in enumerate(formulas):
            found = []
            for lib in (torch, real):
                x = lib.tensor([1.1, -2.7, 0.3, 65.0]).to(getattr(lib, d.name))
                found.append(f(x, lib_number(lib)))
            a, b = (array(y.float()) for y in found)
            assert np.array_equal(a, b, equal_nan=True), (i, a, b)


@pytest.mark.parametrize("d", DTYPES)
def test_making_drawing_printing_as_torch(d):
    real = pytest.importorskip("torch")
    makers = (
        lambda t, d: t.full((3,), 3.3, dtype=d),
        lambda t, d: t.arange(0, 1, 0.1, dtype=d),
        lambda t, d: t.linspace(0, 1, 7, dtype=d),
        lambda t, d: t.eye(3, dtype=d),
        lambda t, d: t.tensor([[1.1, -2.7], [1e4, 1e-3]], dtype=d),
        lambda t, d: t.tensor([1.0, 300.0, 7e4]).to(d),
        lambda t, d: t.ones(2, dtype=d).copy_(t.tensor([1.1, 2.2])),
        lambda t, d: t.ones(2).copy_(t.tensor([1.1, 2.2], dtype=d)),
        lambda t, d: t.full((3000,), 0.1, dtype=d).mean(),
        lambda t, d: t.full((3000,), 0.1, dtype=d).sum(),
        lambda t, d: t.cat([t.ones(2, dtype=d), t.zeros(2)]),
        lambda t, d: t.rand(40, dtype=d),
        lambda t, d: t.randn(5, dtype=d),
        lambda t, d: t.randn(40, dtype=d),
        lambda t, d: t.randint(0, 9, (20,), dtype=d),
        lambda t, d: t.empty(20, dtype=d).random_(),
        lambda t, d: t.empty(20, dtype=d).uniform_(-1, 3),
        lambda t, d: t.empty(20, dtype=d).exponential_(),
        lambda t, d: t.bernoulli(t.full((20,), 0.4, dtype=d)),
        lambda t, d: t.multinomial(t.tensor([1.0, 3, 2], dtype=d), 8, True),
    )
    for i, make in enumerate(makers):
        found = []
        for lib in (torch, real):
            lib.manual_seed(7)
            y = make(lib, getattr(lib, d.name))
            found.append((repr(y), y.tolist()))
        assert found[0] == found[1], i
    for name in ("bits", "eps", "max", "min", "tiny", "resolution"):
        a, b = getattr(torch.finfo(d), name), getattr(real.finfo(getattr(real, d.name)), name)
        assert math.isclose(a, b), name


@pytest.mark.parametrize("d", DTYPES)
def test_training_as_torch(d):
    real = pytest.importorskip("torch")
    found = []
    for lib in (torch, real):
        lib.manual_seed(1)
        dtype = getattr(lib, d.name)
        model, x = lib.nn.Linear(5, 3).to(dtype), lib.randn(4, 5).to(dtype)
        optimizer = lib.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            ((model(x) - 1) ** 2).mean().backward()
            assert model.weight.grad.dtype is dtype
            optimizer.step()
        found.append(array(model.weight.detach().float()))
    assert np.max(np.abs(found[0] - found[1])) <= torch.finfo(d).eps


@pytest.mark.parametrize("d", DTYPES)
def test_transforms_give_what_one_call_gives(d):
    x = torch.tensor([[1.1, 2], [-0.3, 4]], dtype=d)

    def f(x):
        return (x * 3.3).sigmoid().sum()

    rows = torch.stack([torch.func.grad(f)(row) for row in x])
    batch = torch.func.vmap(torch.func.grad(f))(x)
    assert batch.dtype is d and torch.equal(batch, rows)
    y, tangent = torch.func.jvp(lambda x: (x * 3.3).tanh(), (x,), (torch.ones_like(x),))
    assert y.dtype is d and tangent.dtype is d
    leaf = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(f(leaf), leaf, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), leaf)
    assert g.dtype is d and h.dtype is d
