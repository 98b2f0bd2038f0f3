"""Functions of vectors: their bounds in units of the last place, and those that are exact."""

import itertools
import math

import numpy as np
import pytest

import tapegrad.kernels.numbers as N
import tapegrad.kernels.pointwise as P
from tapegrad import tiers
from tapegrad.native import pointwise

tiers.wake()
pytestmark = pytest.mark.skipif(not tiers.native_state().startswith("on"), reason=tiers.native_state())
WIDE = np.longdouble
DTYPES = ("f4", "f8")
N_EACH = 20_000


def uniform(low, high):
    return np.random.default_rng(0).uniform(low, high, N_EACH)


def spread(low, high):
    """Numbers of all sizes between, of both signs."""
    x = np.exp(uniform(math.log(low), math.log(high)))
    return x * np.random.default_rng(1).choice([-1.0, 1.0], x.size)


def machine(name, *xs):
    names = "ab"[: len(xs)]
    y = pointwise.Pointwise("test", f"{name}({', '.join(names)})", names)(*xs)
    assert y is not None and y.dtype == xs[0].dtype
    return y


def _lgamma(x):
    """Stirling's series, sixty steps further."""
    z = x + 60
    terms = sum(WIDE(1) / c / z**k for k, c in ((1, 12), (3, -360), (5, 1260), (7, -1680), (9, 1188)))
    far = (z - WIDE(0.5)) * np.log(z) - z + np.log(2 * np.arccos(WIDE(-1))) / 2 + terms
    return far - sum(np.log(x + k) for k in range(60))


def _erfc(x):
    return np.array([math.erfc(v) for v in x.astype("f8")], WIDE)


# For each: what it should be, its bound in float32 and float64, and where.
BOUNDS = {
    "exp2": (np.exp2, 1.5, 1.5, [uniform(-140, 120), uniform(-2, 2)]),
    "log2": (np.log2, 2.5, 2.5, [np.abs(spread(1e-30, 1e30)), uniform(0.5, 2), 1 + spread(1e-6, 1e-2)]),
    "log10": (np.log10, 2.5, 3.5, [np.abs(spread(1e-30, 1e30)), uniform(0.5, 2), 1 + spread(1e-6, 1e-2)]),
    "tan": (np.tan, 0.6, 3.5, [uniform(-9, 9), spread(1e-30, 1e4)]),
    "atan": (np.arctan, 0.6, 1.5, [uniform(-9, 9), spread(1e-30, 1e30)]),
    "asin": (np.arcsin, 0.6, 2, [uniform(-1, 1), spread(1e-30, 1)]),
    "acos": (np.arccos, 0.6, 2, [uniform(-1, 1), spread(1e-30, 1), 1 - np.abs(spread(1e-6, 0.5))]),
    "sinh": (np.sinh, 0.6, 2, [uniform(-2, 2), uniform(-88, 88), spread(1e-30, 1)]),
    "cosh": (np.cosh, 0.6, 1.5, [uniform(-2, 2), uniform(-88, 88)]),
    "asinh": (np.arcsinh, 0.6, 3, [uniform(-2, 2), spread(1e-30, 1e30)]),
    "acosh": (np.arccosh, 0.6, 3, [uniform(1, 3), np.abs(spread(1, 1e30)), 1 + np.abs(spread(1e-6, 1))]),
    "atanh": (np.arctanh, 0.6, 3, [uniform(-1, 1), spread(1e-30, 1), 1 - np.abs(spread(1e-6, 0.5))]),
    "lgamma": (_lgamma, 0.6, 4, [uniform(3, 30), np.abs(spread(4, 1e30)), np.abs(spread(1e-30, 0.3))]),
    "erfc": (_erfc, 5, 5, [uniform(-6, 9), spread(1e-30, 1)]),  # math.erfc's own error is 1
}


def distance(y, expected):
    """The difference in units of the last place."""
    with np.errstate(over="ignore", invalid="ignore"):
        unit = np.spacing(np.abs(expected).astype(y.dtype))
        return np.where(y == expected.astype(y.dtype), 0, np.abs(y - expected) / unit)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BOUNDS)
def test_bounds(name, dtype):
    f, single, double, parts = BOUNDS[name]
    x = np.concatenate(parts).astype(dtype)
    with np.errstate(all="ignore"):
        off = distance(machine(name, x), f(x.astype(WIDE)))
    k = np.argmax(off)
    assert off[k] <= (single if dtype == "f4" else double), x[k]


def _wide(f):
    """A function of mpmath, over an array."""

    def each(x):
        mp = pytest.importorskip("mpmath")
        with mp.workdps(40):
            return np.array([WIDE(mp.nstr(f(mp, mp.mpf(float(v))), 25)) for v in x])

    return each


def _ndtri(mp, p):
    return mp.sqrt(2) * mp.erfinv(2 * p - 1)


def _log_ndtr(mp, x):
    return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2)


# As BOUNDS, against mpmath; and for what has zeros, that the bound is of the larger of the result and 1.
SPECIAL = {
    "erf": (lambda mp, x: mp.erf(x), 1, 3, [uniform(-4.5, 4.5), spread(1e-30, 1), spread(4, 1e30)], False),
    "erfinv": (lambda mp, x: mp.erfinv(x), 3, 4, [uniform(-1, 1), spread(1e-20, 1)], False),
    "ndtri": (_ndtri, 0.6, 4, [uniform(0, 1), np.abs(spread(1e-20, 1))], False),
    "erfcx": (lambda mp, x: mp.exp(x * x) * mp.erfc(x), 0.6, 7, [uniform(-4, 9)], False),
    "log_ndtr": (_log_ndtr, 0.6, 5, [uniform(-30, 5)], False),
    "i0": (lambda mp, x: mp.besseli(0, x), 0.6, 8, [uniform(-20, 20)], False),
    "i1": (lambda mp, x: mp.besseli(1, x), 0.6, 8, [uniform(-20, 20)], False),
    "i0e": (lambda mp, x: mp.exp(-abs(x)) * mp.besseli(0, x), 0.6, 4, [uniform(-20, 20)], False),
    "i1e": (lambda mp, x: mp.exp(-abs(x)) * mp.besseli(1, x), 0.6, 4, [uniform(-20, 20)], False),
    "digamma": (lambda mp, x: mp.digamma(x), 1, 8, [uniform(0, 30), uniform(-9.9, 0)], True),
    "trigamma": (lambda mp, x: mp.psi(1, x), 1, 8, [uniform(0.1, 30)], False),
    "ndtr": (lambda mp, x: mp.erfc(-x / mp.sqrt(2)) / 2, 1, 3, [uniform(-6, 6)], True),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SPECIAL)
def test_bounds_of_special_functions(name, dtype):
    f, single, double, parts, to_one = SPECIAL[name]
    x = np.concatenate([p[:150] for p in parts]).astype(dtype)
    expected = _wide(f)(x)
    y = machine(name, x)
    size = np.maximum(np.abs(expected), 1) if to_one else np.abs(expected)
    off = np.abs(y - expected) / np.spacing(size.astype(dtype))
    k = np.argmax(off)
    assert off[k] <= (single if dtype == "f4" else double), (x[k], float(off[k]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "f", "bound"), [("atan2", np.arctan2, 2), ("hypot", np.hypot, 1.1)])
def test_bounds_of_two(name, f, bound, dtype):
    a, b = (np.roll(spread(1e-30, 1e30), k).astype(dtype) for k in (0, 1))
    near = np.roll(a, 7) * uniform(-3, 3).astype(dtype)
    for y in (b, near):
        assert distance(machine(name, a, y), f(a.astype(WIDE), y.astype(WIDE))).max() <= bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_bounds_of_powers(dtype):
    a, b = np.abs(spread(1e-5, 1e5)).astype(dtype), uniform(-7, 7).astype(dtype)
    odd = np.array([0.0, -0.0, 1, -1, 2, -2.5, 3, np.inf, -np.inf, np.nan, 1e-40, 3e38], dtype)
    pairs = np.array(list(itertools.product(odd, odd)), dtype)
    with np.errstate(all="ignore"):
        assert distance(machine("pow", a, b), np.power(a.astype(WIDE), b.astype(WIDE))).max() <= 0.6
        x, y = (np.ascontiguousarray(p) for p in pairs.T)
        found, expected = machine("pow", x, y), np.power(x.astype(WIDE), y.astype(WIDE))
    number = ~np.isnan(expected)
    assert np.array_equal(~np.isnan(found), number)
    assert distance(found[number], expected[number]).max() <= 0.6


@pytest.mark.parametrize("dtype", DTYPES)
def test_far_values_do_not_overflow_on_the_way(dtype):
    most, least = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal
    big = np.array([most, -most / 2, least, 3 * least, most / 3, 1.0], dtype)
    for name, f in (("hypot", np.hypot), ("atan2", np.arctan2)):
        a, b = (np.ascontiguousarray(v).ravel() for v in np.broadcast_arrays(big[:, None], big))
        with np.errstate(all="ignore"):
            assert distance(machine(name, a, b), f(a.astype(WIDE), b.astype(WIDE))).max() <= 2, name
    for name, f in (("asinh", np.arcsinh), ("acosh", np.arccosh), ("log2", np.log2), ("log10", np.log10)):
        x = np.abs(big) if name != "acosh" else np.array([most, most / 2, 1.0], dtype)
        assert distance(machine(name, x), f(x.astype(WIDE))).max() <= 3, name
    edge = np.log(most) + np.array([-0.5, 0.1, 0.5, 0.69], dtype)
    for name, f in (("sinh", np.sinh), ("cosh", np.cosh)):
        assert distance(machine(name, edge), f(edge.astype(WIDE))).max() <= 2, name


def test_powers_of_two_are_exact():
    for dtype, low, high in (("f4", -149, 128), ("f8", -1074, 1024)):
        n = np.arange(low, high).astype(dtype)
        x = np.ldexp(dtype_of(dtype)(1), n.astype(int))
        assert np.array_equal(machine("exp2", n), x)
        assert np.array_equal(machine("log2", x), n)


def any_floats(dtype, n, seed):
    """Numbers of random bits: every exponent, nan, inf, subnormal ones."""
    words = np.random.default_rng(seed).integers(0, 256, n * np.dtype(dtype).itemsize, np.uint8)
    return words.view(dtype)


def pairs(dtype):
    """Dividends and divisors: of any size, alike in size, small whole numbers, all edges with each other."""
    a = any_floats(dtype, 8_000, 0)
    yield a, any_floats(dtype, 8_000, 1)
    with np.errstate(all="ignore"):
        yield a, a * uniform(-3, 3)[: a.size].astype(dtype)
        yield a, (a / uniform(0, 1e6)[: a.size]).astype(dtype)
    whole = np.arange(-60, 61).astype(dtype)
    for rows in (whole / 4, whole * dtype_of(dtype)(0.1)):
        yield tuple(np.ascontiguousarray(v).ravel() for v in np.broadcast_arrays(rows[:, None], rows))
    info = np.finfo(dtype)
    edges = [0, 1, 2.5, np.inf, np.nan, info.max, info.tiny, info.smallest_subnormal, 1 / info.eps, 3e7]
    e = np.array([*edges, *(-v for v in edges)], dtype)
    yield tuple(np.ascontiguousarray(v).ravel() for v in np.broadcast_arrays(e[:, None], e))


def dtype_of(name):
    return np.dtype(name).type


EXACT = {
    "fmod": N.fmod,
    "remainder": P.remainder,
    "floor_quotient": P.floor_divide,
    "trunc_quotient": P.trunc_divide,
    "nextafter": np.nextafter,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXACT)
def test_what_is_exact(name, dtype):
    for a, b in pairs(dtype):
        with np.errstate(all="ignore"):
            y, expected = machine(name, a, b), EXACT[name](a, b)
        same = (y == expected) & (np.signbit(y) == np.signbit(expected)) | (np.isnan(y) & np.isnan(expected))
        wrong = np.flatnonzero(~same)[:3]
        assert not wrong.size, [(a[k], b[k], y[k], expected[k]) for k in wrong]
