"""exp, log, tanh, and how functions are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, wraps

from tapegrad.native.ir import F32, F64, Function, Value, integers

_MANTISSA = {4: 23, 8: 52}
_BIAS = {4: 127, 8: 1023}


def polynomial(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    """The polynomial with these coefficients, the highest power's first."""
    y = f.value(coefficients[0], x.type)
    for c in coefficients[1:]:
        y = f.fma(y, x, f.value(c, x.type))
    return y


def series(f: Function, t: Value, fit: tuple[float, ...]) -> Value:
    """The polynomial for |t| <= 1, lowest power first."""
    return polynomial(f, t, (_economised(fit, 1e-9) if f.rough else fit)[::-1])


@cache
def _economised(fit: tuple[float, ...], error: float) -> tuple[float, ...]:
    """A polynomial of as low a degree as differs from this one by that part of it at most, for |t| <= 1
    (Lanczos: what goes is a multiple of Chebyshev's polynomial)."""
    error *= abs(fit[0])
    while len(fit) > 2:
        n = len(fit) - 1
        part = fit[-1] / 2 ** (n - 1)
        error -= abs(part)
        if error < 0:
            break
        fit = tuple([c - part * t for c, t in zip(fit, _chebyshev(n), strict=True)][:-1])
    return fit


def _chebyshev(n: int) -> list[int]:
    """The coefficients of T_n."""
    a, b = [1], [0, 1]
    for _ in range(n - 1):
        a, b = b, [2 * c - d for c, d in zip([0, *b], [*a, 0, 0], strict=True)]
    return b


def fitted(f: Function, x: Value, low: float, high: float, fit: tuple[float, ...]) -> Value:
    """The polynomial that was fitted on [low, high]."""
    return series(f, f.fma(x, 2 / (high - low), -(low + high) / (high - low)), fit)


def single(x: Value) -> bool:
    """Whether it is of float32."""
    return x.type.element is F32


def widened(g: Callable[..., Value]) -> Callable[..., Value]:
    """g, with float32 computed in float64: whatever g's error, that of float32 is half a unit."""

    @wraps(g)
    def call(f: Function, *xs: Value) -> Value:
        t, before = xs[0].type, f.rough
        f.rough = before or single(xs[0])
        y = g(f, *[f.convert(x, t.like(F64)) for x in xs])
        f.rough = before
        return f.convert(y, t)

    return call


def shortened(g: Callable[..., Value]) -> Callable[..., Value]:
    """g, for float32 with shorter polynomials."""

    @wraps(g)
    def call(f: Function, x: Value) -> Value:
        before = f.rough
        f.rough = before or single(x)
        y = g(f, x)
        f.rough = before
        return y

    return call


def elsewhere(f: Function, where: Value, xs: Sequence[Value], y: Value, name: str) -> Value:
    """y, and where the mask is true C's function of xs, lane by lane."""
    lanes, element = y.type.lanes, y.type.element
    out = f.variable(y)
    with f.when(f.any(where)):
        sources, results = [f.room(element, lanes) for _ in xs], f.room(element, lanes)
        for source, x in zip(sources, xs, strict=True):
            f.store(source, x)
        with f.loop(0, lanes) as i:
            values = [f.load(source.at(i, element), element) for source in sources]
            f.store(results.at(i, element), f.call(name + ("f" if single(y) else ""), element, *values))
        out.set(f.select(where, f.load(results, y.type), y))
    return out.get()


def rarely(f: Function, where: Value, y: Value, compute: Callable[[], Value]) -> Value:
    """y, and where the mask is true what `compute` writes, which is run only if there is such a lane."""
    out = f.variable(y)
    with f.when(f.any(where)):
        out.set(f.select(where, compute(), y))
    return out.get()


def _power_of_two(f: Function, n: Value, like: Value) -> Value:
    """2 ** n as a number, n a whole number in the normal range, of which the lowest bits are enough."""
    bits = (n + _BIAS[like.type.bytes]) << _MANTISSA[like.type.bytes]
    return f.bits(bits, like.type)


def _rounded(f: Function, x: Value, by: float) -> tuple[Value, Value]:
    """(by x rounded to a whole number, an integer whose lowest bits are those of it)."""
    magic = 1.5 * 2 ** _MANTISSA[x.type.bytes]  # has no digits behind the point, nor has what is added to it
    sum = f.fma(x, by, magic)
    return sum - magic, f.bits(sum, integers(x.type))


def _parts_of_exp(f: Function, x: Value) -> tuple[Value, Value]:
    """(k as by `_rounded`, r) with x = k log 2 + r, |r| < 0.347; nan stays in r."""
    k, whole = _rounded(f, x, 1 / math.log(2))
    parts = (
        (0.693145752, 1.42860677e-6)
        if single(x)
        else (6.93147180369123816490e-01, 1.90821492927058770002e-10)
    )
    r = f.fma(k, -parts[0], x)
    return whole, f.fma(k, -parts[1], r)


def exp(f: Function, x: Value, half: bool = False) -> Value:
    """e ** x, or half of it; 1.1 ulp."""
    low, high = (-104.0, 89.0) if single(x) else (-746.0, 711.0)
    x, none = _within(f, x, low, high)
    k, r = _parts_of_exp(f, x)
    return f.select(none, 0.0, _scaled(f, _exp_near_zero(f, r), k - 1 if half else k))


def _within(f: Function, x: Value, low: float, high: float) -> tuple[Value, Value]:
    """(x, no larger than `high`, and 0 where it is below `low`, where that is). A product that underflows
    takes a hundred cycles, and -inf comes from every masked element."""
    none = x < low
    x = f.select(none, 0.0, x)
    return f.select(x > high, high, x), none


def usual_exp(f: Function, x: Value) -> Value:
    """The same for -87 < x < 88, in less time."""
    k, r = _parts_of_exp(f, x)
    return _exp_near_zero(f, r) * _power_of_two(f, k, r)


def _exp_near_zero(f: Function, r: Value) -> Value:
    """e ** r = 1 + (r + r * r * (1/2 + r/6 + ...)). In the inner sum even and odd powers are added up apart:
    a sum of half the length waits half as long for itself."""
    if single(r):
        fit = [1.37805939e-3, 8.37312452e-3, 4.16695364e-2, 1.66664720e-1, 4.99999851e-1]
    else:
        fit = [1 / math.factorial(n) for n in range(8 if f.rough else 13, 1, -1)]
    q, odd = r * r, len(fit) % 2
    inner = f.fma(polynomial(f, q, fit[odd::2]), r, polynomial(f, q, fit[1 - odd :: 2]))
    return f.fma(inner, q, r) + 1.0


def _scaled(f: Function, y: Value, k: Value) -> Value:
    """y * 2 ** k, in two steps: the ends of the range are right, too."""
    half = f.shifted(k, 1)
    return y * _power_of_two(f, half, y) * _power_of_two(f, k - half, y)


def exp2(f: Function, x: Value) -> Value:
    """2 ** x; 1.5 ulp, and exact of whole numbers."""
    low, high = (-151.0, 129.0) if single(x) else (-1076.0, 1025.0)
    x, none = _within(f, x, low, high)
    k, whole = _rounded(f, x, 1.0)
    return f.select(none, 0.0, _scaled(f, _exp_near_zero(f, (x - k) * math.log(2)), whole))


def expm1(f: Function, x: Value) -> Value:
    """e ** x - 1; 4 ulp."""
    n = 9 if single(x) else 15
    near = polynomial(f, x, [1 / math.factorial(k) for k in range(n, 0, -1)]) * x
    small = f.intrinsic("fabs", x) < 0.35
    return f.select(small, f.select(x.eq(0.0), x, near), exp(f, x) - 1.0)


def log(f: Function, x: Value) -> Value:
    """The natural logarithm; 1 ulp."""
    k, m = _parts_of_log(f, x)
    return _with_ends(f, x, _log_near_one(f, m, k))


def log2(f: Function, x: Value) -> Value:
    """The logarithm to base 2; 2.5 ulp, and exact of powers of two."""
    k, m = _parts_of_log(f, x)
    near = _log_near_one(f, m, f.value(0.0, k.type))
    return _with_ends(f, x, f.fma(near, 1 / math.log(2), k))


def log10(f: Function, x: Value) -> Value:
    """The logarithm to base 10; 2.5 ulp."""
    k, m = _parts_of_log(f, x)
    near = _log_near_one(f, m, f.value(0.0, k.type))
    high, low = (0.30078125, 2.48745663981195e-4) if single(x) else _LOG10_2
    return _with_ends(f, x, f.fma(k, high, f.fma(near, 1 / math.log(10), k * low)))


def pow(f: Function, a: Value, b: Value) -> Value:
    """a ** b; 0.6 ulp in float32. In float64, and unless a > 0 and both are finite, it is C's."""
    if not single(a):
        return elsewhere(f, a.eq(a) | a.ne(a), (a, b), a, "pow")
    wide = a.type.like(F64)
    y = exp(f, log(f, f.convert(a, wide)) * f.convert(b, wide))
    usual = (a > 0.0) & (a < math.inf) & (f.intrinsic("fabs", b) < math.inf)
    return elsewhere(f, ~usual, (a, b), f.convert(y, a.type), "pow")


_LOG10_2 = (3.01029995663611771306e-01, 3.69423907715893078616e-13)


def _parts_of_log(f: Function, x: Value) -> tuple[Value, Value]:
    """(k, m), with x = m * 2 ** k and m about 1."""
    tiny = x < (1.175494351e-38 if single(x) else 2.2250738585072014e-308)
    more = 23 if single(x) else 54
    y = f.select(tiny, x * 2.0**more, x)
    offset = f.select(tiny, f.value(-float(more), x.type), f.value(0.0, x.type))
    whole = f.bits(y, integers(x.type))
    middle = 0x3F2AAAAB if single(x) else 0x3FE6A09E00000000
    shift = _MANTISSA[x.type.bytes]
    k = (whole - middle) >> shift
    return f.convert(k, x.type) + offset, f.bits(whole - (k << shift), x.type)


def _with_ends(f: Function, x: Value, y: Value) -> Value:
    """y, a logarithm of x, with the values at 0 and inf, and below 0."""
    y = f.select(x.eq(0.0), -math.inf, y)
    y = f.select(~(x >= 0.0), math.nan, y)
    return f.select(x.eq(math.inf), math.inf, y)


def _log_near_one(f: Function, m: Value, k: Value) -> Value:
    """log(m) + k log(2)."""
    return (_log_near_one_single if single(m) else _log_near_one_double)(f, m, k)


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


def _log_near_one_double(f: Function, m: Value, k: Value) -> Value:
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


def logaddexp(f: Function, a: Value, b: Value) -> Value:
    """log(e ** a + e ** b); 3 ulp of the larger of the result and its parts."""
    return maximum(f, a, b) + log1p(f, exp(f, -_distance(f, a, b)))


def logaddexp2(f: Function, a: Value, b: Value) -> Value:
    """The same to base 2."""
    return f.fma(log1p(f, exp2(f, -_distance(f, a, b))), 1 / math.log(2), maximum(f, a, b))


def _distance(f: Function, a: Value, b: Value) -> Value:
    return f.select(a.eq(b), 0.0, f.intrinsic("fabs", a - b))  # 0 of two infinities


def sigmoid(f: Function, x: Value) -> Value:
    """1 / (1 + e ** -x); 3 ulp, and 0 where the result would be subnormal."""
    x = f.select(x > (88.0 if single(x) else 709.0), 88.0 if single(x) else 709.0, x)
    x = f.select(x < (-89.0 if single(x) else -710.0), -89.0 if single(x) else -710.0, x)  # gives inf
    return 1.0 / (usual_exp(f, -x) + 1.0)


def tanh(f: Function, x: Value) -> Value:
    """The hyperbolic tangent; 2.5 ulp."""
    a, q = f.intrinsic("fabs", x), x * x
    twice = a + a
    e = usual_exp(f, f.select(twice > 40.0, 40.0, twice))
    far = 1.0 - 2.0 / (e + 1.0)
    if single(x):
        p = polynomial(f, q, [1.57394409e-2, -5.23025580e-2, 1.33152977e-1, -3.33327681e-1]) * q
    else:
        over = [-9.64399179425052138628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3]
        under = [1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3]
        p = polynomial(f, q, over) / polynomial(f, q, under) * q
    near = f.fma(p, a, a)
    return f.intrinsic("copysign", f.select(a > (0.599609375 if single(x) else 0.625), far, near), x)


def maximum(f: Function, a: Value, b: Value) -> Value:
    """The larger; nan if one is nan. The inner choice is one instruction."""
    return f.select(a.is_nan(), a, f.select(a > b, a, b))


def minimum(f: Function, a: Value, b: Value) -> Value:
    """The smaller; nan if one is nan. The inner choice is one instruction."""
    return f.select(a.is_nan(), a, f.select(a < b, a, b))
