"""Functions of vectors: exp, log, tanh, erf, sin ... as polynomials, for float32 and float64.

Each is written for any number of lanes, handles inf, nan and -0. as C's does, and is tested to be within the
units in the last place that its first line says. Coefficients: exp, expm1: Taylor's, which these intervals
need no better than; float64's log: FreeBSD's msun; float64's tanh and erf: S. Moshier's Cephes; float32's:
least maximum fits of ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tapegrad.native.ir import F32, F64, I32, I64, Function, Value, integers

_MANTISSA = {4: 23, 8: 52}
_BIAS = {4: 127, 8: 1023}


def polynomial(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial with these coefficients, the highest power's first."""
    y = f.value(coefficients[0], x.type)
    for c in coefficients[1:]:
        y = f.fma(y, x, f.value(c, x.type))
    return y


def _single(x: Value) -> bool:
    return x.type.element is F32


def _power_of_two(f: Function, n: Value, like: Value) -> Value:
    """2 ** n as a number, n a whole number in the normal range."""
    bits = (n + _BIAS[like.type.bytes]) << _MANTISSA[like.type.bytes]
    return f.bits(bits, like.type)


def _parts_of_exp(f: Function, x: Value) -> tuple[Value, Value]:
    """(k as an integer, r) with x = k log 2 + r, |r| < 0.347, from a clamped x; nan stays in r."""
    low, high = (-104.0, 89.0) if _single(x) else (-746.0, 710.0)
    x = f.select(x < low, low, x)
    x = f.select(x > high, high, x)
    magic = 12582912.0 if _single(x) else 6755399441055744.0  # 1.5 * 2 ** mantissa: adding it rounds
    k = f.fma(x, 1 / math.log(2), magic) - magic
    parts = (
        (0.693145752, 1.42860677e-6)
        if _single(x)
        else (6.93147180369123816490e-01, 1.90821492927058770002e-10)
    )
    r = f.fma(k, -parts[0], x)
    r = f.fma(k, -parts[1], r)
    whole = f.emit(f"freeze {f.convert(k, integers(x.type))}", integers(x.type))  # of nan: anything
    return whole, r


def exp(f: Function, x: Value) -> Value:
    """e ** x; 1.1 ulp in float32, 0.6 in float64."""
    k, r = _parts_of_exp(f, x)
    if _single(x):
        fit = [1.37805939e-3, 8.37312452e-3, 4.16695364e-2, 1.66664720e-1, 4.99999851e-1, 1.0, 1.0]
    else:
        fit = [1 / math.factorial(n) for n in range(13, -1, -1)]
    y = polynomial(f, r, fit)
    half = k >> 1  # in two steps: the ends of the range are right, too
    return y * _power_of_two(f, half, x) * _power_of_two(f, k - half, x)


def expm1(f: Function, x: Value) -> Value:
    """e ** x - 1; 3.5 ulp."""
    n = 9 if _single(x) else 15
    near = polynomial(f, x, [1 / math.factorial(k) for k in range(n, 0, -1)]) * x
    small = f.intrinsic("fabs", x) < 0.35
    return f.select(small, f.select(x.eq(0.0), x, near), exp(f, x) - 1.0)


def log(f: Function, x: Value) -> Value:
    """The natural logarithm; 1 ulp."""
    tiny = x < (1.175494351e-38 if _single(x) else 2.2250738585072014e-308)
    more = 23 if _single(x) else 54
    y = f.select(tiny, x * 2.0**more, x)
    offset = f.select(tiny, f.value(-float(more), x.type), f.value(0.0, x.type))
    whole = f.bits(y, integers(x.type))
    middle = 0x3F2AAAAB if _single(x) else 0x3FE6A09E00000000
    shift = _MANTISSA[x.type.bytes]
    k = (whole - middle) >> shift
    m = f.bits(whole - (k << shift), x.type)
    r = (_log_near_one_single if _single(x) else _log_near_one)(f, m, f.convert(k, x.type) + offset)
    r = f.select(x.eq(0.0), -math.inf, r)
    r = f.select(~(x >= 0.0), math.nan, r)
    return f.select(x.eq(math.inf), math.inf, r)


def _log_near_one_single(f: Function, m: Value, k: Value) -> Value:
    d = m - 1.0
    q = d * d
    r = polynomial(f, q, [-0.130310059, -0.121483512, -0.166846126, -0.249996200])
    t = polynomial(f, q, [0.140869141, 0.139814854, 0.200120345])
    r = f.fma(t, d, r)
    r = f.fma(r, d, 0.333331972)
    r = f.fma(r, d, -0.5)
    r = f.fma(r, q, d)
    return f.fma(k, 0.693147182, r)


def _log_near_one(f: Function, m: Value, k: Value) -> Value:
    d = m - 1.0
    s = d / (d + 2.0)
    z = s * s
    fit = [
        1.479819860511658591e-01,
        1.531383769920937332e-01,
        1.818357216161805012e-01,
        2.222219843214978396e-01,
        2.857142874366239149e-01,
        3.999999999940941908e-01,
        6.666666666666735130e-01,
    ]
    r = polynomial(f, z, fit) * z
    h = d * d * 0.5
    r = f.fma(s, h + r, k * 1.90821492927058770002e-10)
    return f.fma(k, 6.93147180369123816490e-01, d - (h - r))


def log1p(f: Function, x: Value) -> Value:
    """log(1 + x); 2 ulp."""
    u = x + 1.0
    lost = (x - (u - 1.0)) / u  # what the sum rounded away
    y = log(f, u) + lost
    y = f.select(u.eq(1.0), x, y)
    y = f.select(x.eq(math.inf), math.inf, y)
    return f.select(x.eq(-1.0), -math.inf, y)


def sigmoid(f: Function, x: Value) -> Value:
    """1 / (1 + e ** -x); 3 ulp, and 0 where the result would be subnormal."""
    return 1.0 / (exp(f, -x) + 1.0)


def tanh(f: Function, x: Value) -> Value:
    """The hyperbolic tangent; 2.5 ulp."""
    a, q = f.intrinsic("fabs", x), x * x
    e = exp(f, a + a)
    far = f.intrinsic("copysign", 1.0 - 2.0 / (e + 1.0), x)
    if _single(x):
        p = polynomial(f, q, [1.57394409e-2, -5.23025580e-2, 1.33152977e-1, -3.33327681e-1])
        near = f.select(a.eq(0.0), x, f.fma(p * q, x, x))
        return f.select(a > 0.599609375, far, near)
    p = polynomial(f, q, [-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3])
    u = polynomial(f, q, [1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3])
    near = f.select(a.eq(0.0), x, f.fma(x * q, p / u, x))
    return f.select(a > 0.625, far, near)


def erf(f: Function, x: Value) -> Value:
    """The error function; 1 ulp in float32, 3 in float64."""
    return (_erf_single if _single(x) else _erf_double)(f, x)


def _erf_single(f: Function, x: Value) -> Value:
    t, q = f.intrinsic("fabs", x), x * x
    r = f.fma(t, -1.72853470e-5, 3.83197126e-4)
    u = f.fma(t, -3.88396438e-3, 2.42546219e-2)
    r = f.fma(r, q, u)
    for c in (-1.06777877e-1, -6.34846687e-1, -1.28717512e-1):
        r = f.fma(r, t, c)
    r = 1.0 - exp(f, f.fma(r, t, -t))
    far = f.select(t > 4.0, 1.0, r)
    fit = [-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1]
    near = f.fma(polynomial(f, q, fit), x, x)
    return f.select(t > 0.927734375, f.intrinsic("copysign", far, x), near)


_ERF_T: tuple[float, ...] = (9.60497373987051638749e0, 9.00260197203842689217e1, 2.23200534594684319226e3)
_ERF_T += (7.00332514112805075473e3, 5.55923013010394962768e4)
_ERF_U: tuple[float, ...] = (
    1.0,
    3.35617141647503099647e1,
    5.21357949780152679795e2,
    4.59432382970980127987e3,
)
_ERF_U += (2.26290000613890934246e4, 4.92673942608635921086e4)
_ERFC_P: tuple[float, ...] = (2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687e0)
_ERFC_P += (4.86371970985681366614e1, 1.96520832956077098242e2, 5.26445194995477358631e2)
_ERFC_P += (9.34528527171957607540e2, 1.02755188689515710272e3, 5.57535335369399327526e2)
_ERFC_Q: tuple[float, ...] = (
    1.0,
    1.32281951154744992508e1,
    8.67072140885989742329e1,
    3.54937778887819891062e2,
)
_ERFC_Q += (9.75708501743205489753e2, 1.82390916687909736289e3, 2.24633760818710981792e3)
_ERFC_Q += (1.65666309194161350182e3, 5.57535340817727675546e2)


def _erf_double(f: Function, x: Value) -> Value:
    t, q = f.intrinsic("fabs", x), x * x
    near = x * (polynomial(f, q, _ERF_T) / polynomial(f, q, _ERF_U))
    c = f.select(t > 6.0, 6.0, t)
    far = 1.0 - exp(f, -(c * c)) * (polynomial(f, c, _ERFC_P) / polynomial(f, c, _ERFC_Q))
    return f.select(t > 1.0, f.intrinsic("copysign", far, x), near)


_SIN: dict[int, tuple[float, ...]] = {4: (2.86567956e-6, -1.98559923e-4, 8.33338592e-3, -1.66666672e-1)}
_COS: dict[int, tuple[float, ...]] = {4: (2.44677067e-5, -1.38877297e-3, 4.16666567e-2, -5.00000000e-1)}
_SIN[8] = (1.58962301576546568060e-10, -2.50507477628578072866e-8, 2.75573136213857245213e-6)
_SIN[8] += (-1.98412698295895385996e-4, 8.33333333332211858878e-3, -1.66666666666666307295e-1)
_COS[8] = (-1.13585365213876817300e-11, 2.08757008419747316778e-9, -2.75573141792967388112e-7)
_COS[8] += (2.48015872888517045348e-5, -1.38888888888730564116e-3, 4.16666666666665929218e-2, -0.5)
_HALF_PI: tuple[float, ...] = (
    1.57079632673412561417e00,
    6.07710050630396597660e-11,
    2.02226624879595063154e-21,
)
_FAR = {4: 1e5, 8: 1e6}  # beyond, the remainder would lose digits


def _turn(f: Function, x: Value, quarter: int) -> Value:
    """sin(x + quarter * pi / 2): by the remainder of x by pi / 2, and C's function for far values."""
    wide = f.convert(x, x.type.like(F64)) if _single(x) else x
    far = ~(f.intrinsic("fabs", wide) < _FAR[x.type.bytes])
    magic = 6755399441055744.0
    k = f.fma(wide, 2 / math.pi, magic) - magic
    r = wide
    for part in _HALF_PI:
        r = f.fma(k, -part, r)
    safe = f.select(far, f.value(0.0, k.type), k)
    n = f.convert(safe, wide.type.like(I64)) + quarter
    if _single(x):
        n, r = f.convert(n, x.type.like(I32)), f.convert(r, x.type)
    q = r * r
    s = f.select(q.eq(0.0), r, f.fma(polynomial(f, q, _SIN[x.type.bytes]) * q, r, r))
    c = f.fma(polynomial(f, q, _COS[x.type.bytes]), q, 1.0)
    y = f.select((n & 1).ne(0), c, s)
    y = f.select((n & 2).ne(0), -y, y)
    return _elsewhere(f, far, x, y, "cos" if quarter else "sin")


def _elsewhere(f: Function, where: Value, x: Value, y: Value, name: str) -> Value:
    """y, and where the mask is true C's function of x, lane by lane."""
    lanes = x.type.lanes
    out = f.variable(y)
    with f.when(f.any(where)):
        element = x.type.element
        source, results = f.room(element, lanes), f.room(element, lanes)
        f.store(source, x)
        with f.loop(0, lanes) as i:
            value = f.load(source.at(i, element), element)
            f.store(results.at(i, element), f.call(name + ("f" if _single(x) else ""), element, value))
        out.set(f.select(where, f.load(results, x.type), y))
    return out.get()


def sin(f: Function, x: Value) -> Value:
    """The sine; 2.5 ulp."""
    return _turn(f, x, 0)


def cos(f: Function, x: Value) -> Value:
    """The cosine; 2.5 ulp."""
    return _turn(f, x, 1)


def maximum(f: Function, a: Value, b: Value) -> Value:
    """The larger; nan if one is nan."""
    return f.select((a > b) | a.is_nan(), a, b)


def minimum(f: Function, a: Value, b: Value) -> Value:
    """The smaller; nan if one is nan."""
    return f.select((a < b) | a.is_nan(), a, b)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "exp": exp,
    "expm1": expm1,
    "log": log,
    "log1p": log1p,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "erf": erf,
    "sin": sin,
    "cos": cos,
    "max": maximum,
    "min": minimum,
    "sqrt": lambda f, x: f.intrinsic("sqrt", x),
    "abs": lambda f, x: f.intrinsic("fabs", x),
    "floor": lambda f, x: f.intrinsic("floor", x),
    "ceil": lambda f, x: f.intrinsic("ceil", x),
    "trunc": lambda f, x: f.intrinsic("trunc", x),
    "rint": lambda f, x: f.intrinsic("rint", x),
}

# What gives the same bits as NumPy.
EXACT = frozenset(("max", "min", "sqrt", "abs", "floor", "ceil", "trunc", "rint"))
