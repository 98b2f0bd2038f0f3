"""Every pointwise op's machine code against its NumPy kernel: edge values, broadcasting, layouts."""

import itertools
import sys

import numpy as np
import pytest

import tapegrad as torch
import tapegrad.kernels as K
import tapegrad.kernels.pointwise as P
import tapegrad.nn.functional  # its ops are defined when it loads
from tapegrad import tape, tiers
from tapegrad.define import base, machine
from tapegrad.native import choice, small, target
from tests.native.arrays import drawn, laid

tiers.wake()
machine.settle()  # without what is put off until ops are called
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())

EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e-30, -1e30, 88.0, -104.5, np.inf, -np.inf, np.nan, 2.0, 1e5)


def parts(forward):
    """(the NumPy kernel, the machine's) of a dispatched forward, or None."""
    given = getattr(forward, "__self__", None)
    return given[:2] if type(given) is tuple else None


DISPATCHED = {key: parts(op.forward) for key, op in base.OPS.items() if parts(op.forward)}
BITS = {key for key in DISPATCHED if key.startswith("bitwise")}  # of no floats
FAST = {key: kernels for key, kernels in DISPATCHED.items() if key not in BITS}
OPAQUE = {key: op for key, op in base.OPS.items() if callable(op.ir)}  # with arguments


ARGUMENTS = {
    "softplus": [(1.0, 20.0), (2.5, 10.0)],
    "leaky_relu": [(0.01,), (-2.0,)],
    "rrelu": [(0.2,)],
    "elu": [(1.0, 1.0, 1.0), (0.5, 2.0, 3.0)],
    "hardtanh": [(-1.0, 1.0), (0, 6)],
    "hardshrink": [(0.5,)],
    "softshrink": [(0.5,)],
    "threshold": [(0.1, 20.0)],
    "nan_to_num": [(None, None, None), (1.5, None, -2.0), (None, 7.0, None)],
    "pow": [(1.7,), (-0.3,), (3,), (-1,), (0.5,), (2,), (4.0,), (-2,), (-0.5,), (1,), (7,)],
    "clamp": [(-1.0, 1.0), (None, 0.5), (2.0, -2.0)],
    "clamp_min": [(0.5, None)],
    "clamp_max": [(None, 0.5)],
    "masked_fill": [(3.0,), (np.array(-0.5),)],
}
ARGUMENTS["lerp"] = [(0.3,), (0.75,), (0.999,), (-2,)]
ARGUMENTS["addcmul"] = ARGUMENTS["addcdiv"] = [(1,), (-0.1,), (3,)]
ARGUMENTS["polygamma"] = [(1,)]
ARGUMENTS["logit"] = [(None,), (0.1,), (0.7,)]
ARGUMENTS["celu"] = ARGUMENTS["selu"] = ARGUMENTS["elu"]


# Units in the last place, where 5 are not enough. Of gelu both are approximations. log_ndtr's body squares a
# rounded number, the machine code does not.
ULPS = {"gelu": 12, "log_ndtr": 100}
# By how much the parts of a result are larger than it.
SIZES = {
    "gelu": lambda a: np.abs(a),  # the body's error is 4e-7 times the operand
    "gelu.tanh": lambda a: np.abs(a),
    "gelu.slope": lambda a: 1.0,  # a probability and its density
    "ndtr": lambda a: 1.0,
    "lgamma": lambda a: 1 + K.lgamma(np.abs(a)),  # zeros below 0
    "digamma": lambda a: 1 + np.abs(K.digamma(1 + np.abs(a))),
    "logaddexp": lambda a, b: np.maximum(np.abs(a), np.abs(b)),
    "logaddexp2": lambda a, b: np.maximum(np.abs(a), np.abs(b)),
}


def _density(g, a, b):
    """Of exp(t), the larger the more digits t has before its point."""
    parts = (a - 1) * np.log(b), b, K.lgamma(a)
    return np.abs(g * np.exp(parts[0] - parts[1] - parts[2])) * (1 + sum(map(np.abs, parts)))


SIZES_OF_COTANGENTS = {
    "igamma.1": _density,
    "igammac.1": _density,
    "sinc.0": lambda g, a: np.abs(g / a),
    "lgamma.0": lambda g, a: np.abs(g) * (1 + np.abs(K.digamma(1 + np.abs(a)))),
    "entr.0": lambda g, a: np.abs(g),  # 1 + log(a) cancels
    "i0e.0": lambda g, a, y: np.abs(g),
    "i1.0": lambda g, a, y: np.abs(g) * (K.i0(a) + np.abs(y / a)),
    "i1e.0": lambda g, a, y: np.abs(g) * (1 + np.abs(y) + np.abs(y / a)),
}


def arity(key):
    return len(machine.operands(base.OPS[key]))


def operands(n, dtype):
    """Every combination of the edges, with random values behind them."""
    grid = np.array(list(itertools.product(EDGES, repeat=min(n, 2))), dtype).T
    more = np.random.default_rng(0).normal(size=(n, 2003)).astype(dtype) * 3
    rows = [np.concatenate([grid[k % len(grid)], more[k]]) for k in range(n)]
    return rows


def equal(y, expected, ulps, size=0.0):
    """Where two arrays are as equal as that. size: of what the expression subtracts, where digits go."""
    y, expected = np.asarray(y), np.asarray(expected)
    assert y.dtype == expected.dtype and y.shape == expected.shape
    if y.dtype == bool:
        return y == expected
    with np.errstate(all="ignore"):
        least = np.maximum(np.abs(expected), np.maximum(size, np.finfo(y.dtype).tiny))
        near = np.abs(y - expected) <= ulps * np.spacing(least.astype(y.dtype))
    same = (y == expected) & (np.signbit(y) == np.signbit(expected))
    return same | (np.isnan(y) & np.isnan(expected)) | (near & ((expected != 0) | (np.asarray(size) > 0)))


def differences(xs, y, expected, ulps, size=0.0):
    """The first operands for which two results differ, and these."""
    bad = np.flatnonzero(~equal(y, expected, ulps, size))[:5]
    return [(tuple(float(x[i]) for x in xs), y[i], expected[i]) for i in bad]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("key", sorted(FAST))
def test_forward_is_numpys(key, dtype):
    small, large = FAST[key]
    xs = operands(arity(key), dtype)
    if key in ("where", "masked_fill", "masked_fill.tensor"):
        k = 0 if key == "where" else 1
        xs[k] = xs[k] > 0
    given = ARGUMENTS.get(base.OPS[key].name, [()]) if key in OPAQUE else [()]
    for args in [()] if key == "masked_fill.tensor" else given:
        with np.errstate(all="ignore"):
            expected = small(*xs, *args)
            y = large(*xs, *args)
        size = SIZES.get(key, lambda *xs: 0.0)(*xs)
        assert not differences(xs, y, expected, ULPS.get(key.split(".")[0], 5), size), args


def test_functions_are_worth_smaller_arrays():
    least = {key: op.forward.__self__[2] for key, op in base.OPS.items() if parts(op.forward)}
    heavy = {"exp", "expm1", "log", "log1p", "tanh", "sin", "cos", "gelu", "softplus"}
    heavy |= {"relu", "sign", "logical_and", "copysign", "threshold_backward", "lerp"}
    assert {least[key] for key in heavy} == {machine.LEAST_HEAVY}
    light = {"add", "mul", "div", "maximum", "sqrt", "floor", "rsqrt", "lt", "clamp.tensors"}
    assert {least[key] for key in light} == {machine.LEAST}
    assert {least[key] for key in ("sigmoid", "erf", "digamma")} == {0}
    n = machine.LEAST_HEAVY
    before = tiers.native_calls()
    base.OPS["exp"].forward(np.ones((n - 1, 2), "f4")[:, 0])
    assert tiers.native_calls() == before  # not plain, and few
    base.OPS["exp"].forward(np.ones((n, 2), "f4")[:, 0])
    assert tiers.native_calls() > before  # a copy is made first
    before = tiers.native_calls()
    base.OPS["exp"].forward(np.ones(n, "f4"))
    assert tiers.native_calls() == before + 1
    base.OPS["add"].forward(np.ones(n, "f4"), np.ones(n)[:n])  # of two dtypes
    assert tiers.native_calls() == before + 1


@pytest.mark.parametrize("key", sorted(FAST.keys() - OPAQUE.keys()))
def test_plain_operands_are_taken_at_once(key):
    n, forward, kernel = small._LEAST_PLAIN, base.OPS[key].forward, FAST[key][1]
    for dtype in ("f4", "f8"):
        for shapes in itertools.product([(n + 3,), ()], repeat=arity(key)):
            if not any(shapes):
                continue
            xs = [np.random.default_rng(k).uniform(0.1, 3, s).astype(dtype) for k, s in enumerate(shapes)]
            counts = [sys.getrefcount(x) for x in xs]
            expected, first = kernel(*xs), forward(*xs)
            before = tiers.native_calls()
            y = forward(*xs)
            assert tiers.native_calls() == before + 1
            assert first.shape == y.shape == (n + 3,) and first.dtype == y.dtype == expected.dtype
            assert first.tobytes() == y.tobytes() == expected.tobytes()
            assert [sys.getrefcount(x) for x in xs] == counts and sys.getrefcount(y) == 2


def test_what_is_not_plain_is_computed_as_before():
    forward = base.OPS["add"].forward
    n = small._LEAST_PLAIN
    row, column, none = np.ones((1, n), "f4"), np.ones((n, 1), "f4"), np.ones((0, n), "f4")
    for xs in ((row, column), (row, row[0]), (row[0], row), (none, row), (row, row.astype("f8"))):
        forward(*xs)
        y = forward(*xs)
        assert (
            np.array_equal(y, np.add(*xs)) and y.dtype == np.add(*xs).dtype and y.shape == np.add(*xs).shape
        )
    with pytest.raises(ValueError, match="broadcast"):
        forward(np.ones(n, "f4"), np.ones(n + 1, "f4"))
    with pytest.raises(TypeError):
        forward(np.ones(n, "f4"))
    with pytest.raises(TypeError):
        forward()


RULES = {
    f"{key}.{i}": rule
    for key, op in base.OPS.items()
    if getattr(op.vjp, "rules", None) is not None
    for i, rule in enumerate(op.rules)
    if isinstance(rule, str) and rule != "g"
}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("key", sorted(RULES))
def test_cotangents_are_numpys(key, dtype):
    rule = RULES[key]
    fast = machine.pointwise.Pointwise("test", rule, reads := sorted(machine.expressions.names(rule)))
    if fast.probe() is None:
        pytest.skip("no machine code for it")
    values = dict(zip(reads, operands(len(reads), dtype), strict=True))
    with np.errstate(all="ignore"):
        expected = np.broadcast_to(eval(rule, {"F": K}, values), values[reads[0]].shape)
        y = fast(*values.values())
        size = SIZES_OF_COTANGENTS.get(key, lambda **xs: 0.0)(**values)
    assert not differences(list(values.values()), y, expected, 16, size)


WITH_ARGUMENTS = [key for key in OPAQUE if len(base.OPS[key].rules) == 1]
NUMPYS = {(7,), (1,), (-2,), (-0.5,)}  # powers without machine code, or with a derivative that has none
LAYOUTS = ("plain", "turned", "stepped", "offset", "misaligned", "read-only")


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("key", WITH_ARGUMENTS)
def test_ops_with_arguments_are_numpys(key, dtype):
    op = base.OPS[key]
    kernel = FAST[key][0] if key in FAST else op.forward
    rows = operands(2, dtype)
    sizes = [0.0, 0.0]
    if "gelu" in key:
        with np.errstate(all="ignore"):
            sizes = [np.abs(rows[1]), np.abs(rows[0] * rows[1])]
    g, x, *sizes = (np.resize(row, (131, 127)) for row in (*rows, *sizes))
    for args, layout in itertools.product(ARGUMENTS.get(op.name, [()]), LAYOUTS):
        meta = op.meta((x,), args)
        dg, dx = laid(g, layout), laid(x, layout)
        with np.errstate(all="ignore"):
            expected = kernel(dx, *args), op.rules[0](K, dg, dx, *meta)
            before = tiers.native_calls()
            found = op.forward(dx, *args), *op.vjp(K, dg, (None, dx), meta, (True,))
        if layout in ("plain", "turned", "offset", "read-only") and args not in NUMPYS:
            assert tiers.native_calls() == before + 1 + (key in FAST), args
        for y, wanted, size in zip(found, expected, sizes, strict=True):
            flat = [v.ravel() for v in (y, wanted, size)]
            assert y.shape == x.shape
            assert not differences([g.ravel(), x.ravel()], *flat[:2], 16, flat[2]), (args, layout)


# Ops of several operands whose rules are functions, with arguments; which operands are truth values.
OF_SEVERAL = {
    "lerp.number": ("", ARGUMENTS["lerp"]),
    "addcmul": ("", ARGUMENTS["addcmul"]),
    "addcdiv": ("", ARGUMENTS["addcdiv"]),
    "where": ("a", [()]),
    "masked_fill": ("b", [(3.0,)]),
    "masked_fill.tensor": ("b", [()]),
    "smooth_l1_loss": ("", [(1.0,), (0.5,)]),
    "huber_loss": ("", [(1.0,), (0.5,)]),
    "binary_cross_entropy": ("", [()]),
    "binary_cross_entropy_with_logits": ("", [()]),
}


def cotangents(key, g, xs, args):
    """(what the machine gives, what NumPy gives) for every operand that has a rule."""
    op = base.OPS[key]
    n = len(op.rules)
    meta = op.meta(tuple(xs), args)
    reads = op.reads or ((),) * n
    with np.errstate(all="ignore"):
        wanted = [
            rule and rule(K, g, *[(None, *xs)[i] for i in places], *meta)
            for rule, places in zip(op.rules, reads, strict=True)
        ]
        before = tiers.native_calls()
        found = op.vjp(K, g, (None, *xs), meta, (True,) * n)
    assert tiers.native_calls() > before
    assert [y is None for y in found] == [y is None for y in wanted]
    return [(a, b) for a, b in zip(found, wanted, strict=True) if a is not None]


def operands_of(key, rows):
    """The rows as an op's operands, some as truth values."""
    return [x > 0 if name in OF_SEVERAL[key][0] else x for name, x in zip("abc", rows, strict=False)]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("key", OF_SEVERAL)
def test_rules_of_several_operands_are_numpys(key, dtype):
    g, *rows = (np.resize(row, (131, 127)) for row in operands(len(base.OPS[key].rules) + 1, dtype))
    for args in OF_SEVERAL[key][1]:
        for y, wanted in cotangents(key, g, operands_of(key, rows), args):
            assert not differences([], y.ravel(), wanted.ravel(), 16), args


@pytest.mark.parametrize("key", [key for key in OF_SEVERAL if "loss" not in key and "entropy" not in key])
def test_rules_of_several_operands_sum_what_was_broadcast(key):
    rng = np.random.default_rng(0)
    shapes = [(131, 1), (127,), (1, 127)][-len(base.OPS[key].rules) :]
    xs = operands_of(key, [rng.uniform(0.5, 2, shape) * rng.choice([-1, 1]) for shape in shapes])
    g = rng.normal(size=(131, 127))
    for args in OF_SEVERAL[key][1]:
        for y, wanted in cotangents(key, g, xs, args):
            assert y.shape == wanted.shape
            np.testing.assert_allclose(y, wanted, rtol=1e-9, atol=1e-9)


def test_what_rules_get_besides_arrays():
    def rule(F, g, x, *rest):
        given.append(rest)
        return g * x * rest[-1]

    g, x = (np.linspace(-1, 1, n) for n in (20_001, 20_001))
    for meta, rest in (
        (lambda xs, args: args, (3.0,)),
        (lambda xs, args: (xs[0].shape, *args), ((None,), 3.0)),
    ):
        given = []
        op = tape.Op("test", "elementwise", None)
        op.rules, op.reads, op.meta = (rule,), ((1,),), meta
        (y,) = machine.backward_of(op, None)(K, g, (None, x), meta((x,), (3.0,)), (True,))
        assert np.array_equal(y, g * x * 3)
        assert set(given) == {rest}


def test_rules_that_read_shapes_are_numpys():
    fast = machine.pointwise.Pointwise("test", lambda F, x: x * ()[0], "a")
    assert fast(np.ones(5)) is None


SHAPES = [
    ((3, 5), (3, 5)),
    ((4, 33), (33,)),
    ((4, 33), (4, 1)),
    ((2, 3, 4, 4), (1, 3, 1, 1)),
    ((7, 1), (1, 9)),
    ((), (5000,)),
    ((), ()),
    ((0, 4), (4,)),
    ((1,), (1,)),
    ((2, 1, 3), (5, 1)),
    ((4, 1, 5, 3), (4, 6, 1, 3)),
]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("way", ["plain", "transposed", "expanded", "strided", "misaligned", "read-only"])
def test_layouts(shapes, way):
    add, less = (machine.pointwise.Pointwise("test", text, "ab") for text in ("a + b * 2", "a < b"))
    rng = np.random.default_rng(0)
    a, b = (_laid_out(rng.normal(size=shape), way) for shape in shapes)
    for fast, expected in ((add, a + b * 2), (less, a < b)):
        y = fast(a, b)
        if y is None:  # NumPy's turn
            continue
        assert y.dtype == expected.dtype and y.shape == expected.shape
        assert np.array_equal(y, expected)
        assert y.base is None or not np.shares_memory(y, a)


def _laid_out(x, way):
    if way == "transposed":
        return x.T.copy().T
    if way == "expanded" and x.ndim:
        return np.broadcast_to(x[:1], x.shape)
    if way == "strided" and x.ndim:
        return np.repeat(x, 2, axis=-1)[..., ::2]
    if way == "misaligned":
        y = np.empty(x.nbytes + 1, "u1")[1:].view(x.dtype).reshape(x.shape) if x.size else x
        y[...] = x
        return y
    if way == "read-only":
        x.flags.writeable = False
    return x


def promoted(key):
    """The op's forward, called often enough to be machine code for small arrays."""
    forward = base.OPS[key].forward
    xs = [np.ones(2, "f4")] * arity(key)
    with np.errstate(all="ignore"):
        for _ in range(120):
            forward(*xs)
    return forward


def small_operands(n, shape, dtype, rng):
    xs = [np.array(rng.choice(EDGES, size=shape), dtype) for _ in range(n)]
    yield xs
    yield [*xs[:-1], np.asarray(xs[-1].reshape(-1)[:1].sum(), dtype)]
    yield [np.asarray(2.5, dtype), *xs[1:]]
    for x in xs:
        x.flags.writeable = False
    yield xs
    yield [_laid_out(x.copy(), "strided") for x in xs]
    yield [_laid_out(x.copy(), "misaligned") for x in xs]
    yield [x.astype("f8" if k else "f4") for k, x in enumerate(xs)]
    yield [x.T for x in xs]
    if shape:
        yield [*xs[:-1], xs[-1][:1]]


@pytest.mark.parametrize("key", sorted(FAST.keys() - OPAQUE.keys()))
def test_small_arrays_are_numpys(key):
    forward, kernel = promoted(key), FAST[key][0]
    ulps = ULPS.get(key, 8) if base.OPS[key].at_once else 0
    rng = np.random.default_rng(0)
    for dtype in ("f4", "f8"):
        for shape in ((), (1,), (3,), (2, 3), (0,), (4, 5, 3), (2, 120)):
            for xs in small_operands(arity(key), shape, dtype, rng):
                with np.errstate(all="ignore"):
                    try:
                        expected = kernel(*xs)
                    except ValueError as e:
                        with pytest.raises(ValueError, match=str(e)[:20]):
                            forward(*xs)
                        continue
                    y = forward(*xs)
                size = SIZES.get(key, lambda *xs: 0.0)(*xs) if ulps else 0.0
                assert equal(y, expected, ulps, size).all(), (xs, y, expected)
                assert not any(np.shares_memory(y, x) for x in xs)


@pytest.mark.parametrize("key", sorted(key for key in FAST.keys() - OPAQUE.keys() if base.OPS[key].at_once))
def test_what_is_machine_code_at_once_has_the_same_bits_in_any_array(key):
    x = np.random.default_rng(0).uniform(0.05, 0.95, 20_000)

    def forward(x):
        return base.OPS[key].forward(*[x] * arity(key))

    for dtype in ("f4", "f8"):
        many = x.astype(dtype)
        y = forward(many)
        assert type(forward(many[3])) is y.dtype.type and forward(many[3]) == y[3]
        for part in (slice(1), slice(5, 69), slice(7, 72), slice(None, 500), slice(0, 90, 3)):
            assert np.array_equal(forward(many[part]), y[part])


def test_wrong_arguments_are_numpys():
    forward, kernel = promoted("mul"), FAST["mul"][0]
    for xs in ((), (1,), (1, 2, 3), (np.ones(3), "a"), (None, None), (np.ones(2), np.ones(3))):
        with pytest.raises(Exception) as mine:
            forward(*xs)
        with pytest.raises(Exception) as theirs:
            kernel(*xs)
        assert mine.type is theirs.type
    assert forward(2, 3.0) == 6.0
    assert isinstance(forward(np.float32(2), np.float32(3)), np.float32)


@pytest.mark.parametrize("n", [1 << 14, (1 << 14) + 1, (1 << 15) - 1, 50_001])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_is_stored_past_the_caches(n, dtype, monkeypatch):
    monkeypatch.setattr(machine.pointwise, "STREAM", 1 << 16)
    a, b = (np.random.default_rng(k).normal(size=n).astype(dtype) for k in range(2))
    for text, expected in (("a + b", a + b), ("a > b", a > b), ("a * (1 - b * b)", a * (1 - b * b))):
        y = machine.pointwise.Pointwise("test", text, "ab")(a, b)
        assert y.dtype == expected.dtype and np.array_equal(y, expected)
    y = machine.pointwise.Pointwise("test", "tanh(a)", "a")(a)
    assert equal(y, np.tanh(a), 5).all()


@pytest.mark.parametrize("n", [1 << 18, (1 << 18) + 1, 300_007])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
def test_large_operands_are_changed_in_place(n, dtype):
    a, b = drawn((n,), dtype), drawn((n,), dtype, seed=1)
    y, before = a.copy(), tiers.native_calls()
    assert machine.pointwise.Pointwise("test", "a + b", "ab").into(y, y, b)
    assert tiers.native_calls() == before + 1
    np.testing.assert_array_equal(y, a + b)


def test_what_broadcasts_to_a_large_result_is_machine_code():
    x, y = drawn((700, 1), "f4"), drawn((300,), "f4")
    np.testing.assert_array_equal((torch.tensor(x) * torch.tensor(y)).numpy(), x * y)
    assert any(c.name == "mul_float_sr" for c in target.log)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "c8", "?"])
def test_where_in_rules_is_numpys(dtype):
    mask = np.random.default_rng(0).random((machine.LEAST_BACKWARD, 2)) < 0.5
    x = np.random.default_rng(1).normal(size=mask.shape).astype(dtype)
    numbers = [(1.0, 0.0), (1, 0), (True, False), (np.float32(1), 0), (0, np.float64(2))]
    for a, b in [(x, x[::-1]), (x, 0), (0, x), (x, x[:1]), (x[:, :1], np.zeros((), dtype)), *numbers]:
        found, expected = K.where(mask, a, b), choice.original(P.where)(mask, a, b)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_array_equal(found, expected)
    assert K.where(x[:, 0] > 9, 1, 0).dtype == np.where(x[:, 0] > 9, 1, 0).dtype
    for one in (True, np.bool_(False), np.array(True), np.zeros((1, 1), bool)):
        for a, b in ((0, x), (x, 1), (x, x[::-1])):
            found, expected = K.where(one, a, b), choice.original(P.where)(one, a, b)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == expected.dtype and not np.shares_memory(found, x)
