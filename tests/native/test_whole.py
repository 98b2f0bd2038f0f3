"""Pointwise ops of integers and truth values, and conversions between dtypes, against NumPy."""

import warnings

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.kernels.shape as S
from tapegrad import tiers
from tapegrad.define import base, machine
from tapegrad.native import choice, expressions

tiers.wake()
machine.settle()  # without what is put off until ops are called
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())
WHOLE = sorted(
    key
    for key, op in base.OPS.items()
    if expressions.is_whole(op.ir) and type(getattr(op.forward, "__self__", None)) is tuple
    if not key.startswith(("prelu", "rrelu"))  # their kernels take more than the expression's operands
)
KINDS = ["i4", "i8", "?"]
SHAPES = [((7, 300), (7, 300)), ((4000,), (4000,)), ((40, 1), (1, 77)), ((1,), (500,)), ((3, 5, 64), (5, 1))]


def drawn(shape, kind, seed):
    random = np.random.default_rng(seed)
    x = random.integers(-3, 4, shape)
    if kind == "?":
        return x > 0
    info = np.iinfo(kind)
    ends = random.choice([info.min, info.max, info.max - 1, 0], shape)
    return np.where(random.random(shape) < 0.1, ends, x).astype(kind)


def test_these_have_whole_expressions():
    assert {"add", "mul", "sub", "neg", "eq", "lt", "bitwise_xor", "logical_and", "maximum"} <= set(WHOLE)
    assert not {"div", "floor_divide", "sqrt", "abs", "sigmoid"} & set(WHOLE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", WHOLE)
def test_whole_numbers_are_numpys(key, kind):
    op = base.OPS[key]
    body = op.forward.__self__[0]
    fast, _ = machine._pointwise_of(op)
    for k, shapes in enumerate(SHAPES):
        xs = [drawn(s, kind, 2 * k + i) for i, s in enumerate(shapes[: len(fast.names)])]
        xs += [drawn(shapes[0], kind, 9 + i) for i in range(len(fast.names) - len(xs))]
        turned = [np.ascontiguousarray(np.broadcast_to(x, xs[0].shape)).T for x in xs] if k < 2 else xs
        for given in (xs, turned, [xs[0], *[x[:1] for x in xs[1:]]], [x[::-1] for x in xs]):
            y = fast(*given)
            if y is None:
                assert kind == "?" or given is not xs
                continue
            expected = body(*given)
            assert y.dtype == expected.dtype and y.shape == expected.shape
            np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(
    "key", ["add", "mul", "sub", "neg", "lt", "eq", "bitwise_or", "logical_xor", "minimum"]
)
def test_whole_numbers_have_machine_code(key):
    fast, _ = machine._pointwise_of(base.OPS[key])
    for kind in KINDS:
        xs = [drawn((700,), kind, i) for i in range(len(fast.names))]
        arithmetic = kind == "?" and key in ("add", "mul", "sub", "neg")  # NumPy's + is "or", - is refused
        assert (fast(*xs) is None) == arithmetic


@pytest.mark.parametrize("key", ["add", "mul", "neg", "lt", "eq", "bitwise_or", "logical_xor", "minimum"])
def test_plain_whole_numbers_are_taken_at_once(key):
    machine.settle()
    op = base.OPS[key]
    small = op.forward.__self__[0]
    for kind in KINDS:
        xs = [drawn((700,), kind, i) for i in range(len(machine.operands(op)))]
        taken = machine._pointwise_of(op)[0](*xs) is not None
        for _ in range(2):
            before = tiers.native_calls()
            try:
                expected = small(*xs)
            except TypeError:  # NumPy's "-" of truth values
                with pytest.raises(TypeError):
                    op.forward(*xs)
                continue
            y = op.forward(*xs)
            assert tiers.native_calls() == before + taken or not taken
            assert y.dtype == expected.dtype
            np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("n", [machine.LEAST - 1, machine.LEAST, machine.LEAST + 5])
def test_tensors_of_whole_numbers(n):
    a, b = drawn(n, "i8", 0), drawn(n, "i8", 1)
    x, y = torch.tensor(a), torch.tensor(b)
    with np.errstate(over="ignore"):
        for ours, theirs in [(x + y, a + b), (x * y, a * b), (x & y, a & b), (~x, ~a), (x < y, a < b)]:
            np.testing.assert_array_equal(ours.numpy(), theirs)
        np.testing.assert_array_equal((x + 1).numpy(), a + 1)
    np.testing.assert_array_equal(((x > 0) ^ (y > 0)).numpy(), (a > 0) ^ (b > 0))
    before = a.copy()
    x &= y
    np.testing.assert_array_equal(x.numpy(), before & b)


@pytest.mark.parametrize("size", ["below", "at", "above"])
@pytest.mark.parametrize("kind", ["f4", "f8", "i4", "i8", "?", "i2", "i1", "u1", "f2"])
def test_conversions_are_numpys(kind, size):
    from tapegrad.native.kernels import converting

    n = converting.LEAST + {"below": -1, "at": 0, "above": 13}[size]
    random = np.random.default_rng(0)
    x = (random.normal(size=n) * 50).astype(kind) if kind != "?" else random.random(n) < 0.5
    if kind in ("f4", "f8"):
        x[:6] = [np.nan, np.inf, -np.inf, -0.0, 3e9, -3e9]
    body = choice.original(S.converted)
    for to in ("f4", "f8", "i4", "i8", "?", "i2", "i1", "u1", "f2"):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            last = x[: n // 30 * 30].reshape(2, -1, 5, 3).transpose(0, 3, 1, 2)
            for given in (x, x[::-1], x[: n // 2 * 2].reshape(2, -1).T, last):
                y, expected = S.converted(given, np.dtype(to)), body(given, np.dtype(to))
                assert y.dtype == expected.dtype and y.strides == expected.strides
                np.testing.assert_array_equal(y, expected)


def test_large_conversions_are_machine_code_and_have_gradients():
    x = torch.randn(1 << 17, requires_grad=True)
    before = tiers.native_calls()
    y = x.double()
    assert tiers.native_calls() > before
    y.backward(torch.ones_like(y) * 2)
    assert x.grad.dtype is torch.float32 and x.grad.eq(2).all()
