"""Sines, tangents and their inverses."""

from __future__ import annotations

import math

from tapegrad.native.ir import F64, I32, I64, Function, Value
from tapegrad.native.vmath.basic import elsewhere, polynomial, single, widened

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


def _reduced(f: Function, x: Value) -> tuple[Value, Value, Value]:
    """(n, r, far) with x = n pi / 2 + r, |r| < 0.8; far: where x is too large for that."""
    wide = f.convert(x, x.type.like(F64)) if single(x) else x
    far = ~(f.intrinsic("fabs", wide) < _FAR[x.type.bytes])
    magic = 6755399441055744.0
    k = f.fma(wide, 2 / math.pi, magic) - magic
    r = wide
    for part in _HALF_PI:
        r = f.fma(k, -part, r)
    n = f.convert(f.select(far, f.value(0.0, k.type), k), wide.type.like(I64))
    return (f.convert(n, x.type.like(I32)), f.convert(r, x.type), far) if single(x) else (n, r, far)


def _sine_cosine(f: Function, r: Value) -> tuple[Value, Value]:
    """Both of an angle below 0.8."""
    q = r * r
    s = f.select(q.eq(0.0), r, f.fma(polynomial(f, q, _SIN[r.type.bytes]) * q, r, r))
    return s, f.fma(polynomial(f, q, _COS[r.type.bytes]), q, 1.0)


def _turn(f: Function, x: Value, quarter: int) -> Value:
    """sin(x + quarter * pi / 2): by the remainder of x by pi / 2, and C's function for far values."""
    n, r, far = _reduced(f, x)
    s, c = _sine_cosine(f, r)
    n = n + quarter
    y = f.select((n & 1).ne(0), c, s)
    y = f.select((n & 2).ne(0), -y, y)
    return elsewhere(f, far, (x,), y, "cos" if quarter else "sin")


def sin(f: Function, x: Value) -> Value:
    """The sine; 2.5 ulp."""
    return _turn(f, x, 0)


def cos(f: Function, x: Value) -> Value:
    """The cosine; 2.5 ulp."""
    return _turn(f, x, 1)


def sinc(f: Function, x: Value) -> Value:
    """sin(pi x) / (pi x), 1 at 0; 4 ulp of pi x."""
    p = x * math.pi
    return f.select(x.eq(0.0), 1.0, sin(f, p) / p)


@widened
def tan(f: Function, x: Value) -> Value:
    """The tangent; 3.5 ulp."""
    n, r, far = _reduced(f, x)
    s, c = _sine_cosine(f, r)
    odd = (n & 1).ne(0)
    return elsewhere(f, far, (x,), f.select(odd, -c, s) / f.select(odd, s, c), "tan")


_ATAN_P: tuple[float, ...] = (-8.750608600031904122785e-1, -1.615753718733365076637e1)
_ATAN_P += (-7.500855792314704667340e1, -1.228866684490136173410e2, -6.485021904942025371773e1)
_ATAN_Q: tuple[float, ...] = (1.0, 2.485846490142306297962e1, 1.650270098316988542046e2)
_ATAN_Q += (4.328810604912902668951e2, 4.853903996359136964868e2, 1.945506571482613964425e2)
_REST = 6.123233995736765886130e-17  # of pi / 2, which a float64 cannot hold


@widened
def atan(f: Function, x: Value) -> Value:
    """The inverse of tan; 1.5 ulp."""
    return f.intrinsic("copysign", _atan_right(f, f.intrinsic("fabs", x)), x)


def _atan_right(f: Function, a: Value) -> Value:
    """atan for a >= 0: from 0, pi / 4 or pi / 2."""
    far, middle = a > 2.41421356237309504880, a > 0.66
    one, zero = f.value(1.0, a.type), f.value(0.0, a.type)
    above = f.select(far, -1.0, f.select(middle, a - 1.0, a))
    below = f.select(far, a, f.select(middle, a + 1.0, one))
    base = f.select(far, math.pi / 2, f.select(middle, math.pi / 4, zero))
    rest = f.select(far, _REST, f.select(middle, _REST / 2, zero))
    t = above / below
    q = t * t
    z = q * polynomial(f, q, _ATAN_P) / polynomial(f, q, _ATAN_Q)
    return base + (f.fma(z, t, t) + rest)


@widened
def atan2(f: Function, a: Value, b: Value) -> Value:
    """The angle of the point (b, a); 2 ulp."""
    y, x = f.intrinsic("fabs", a), f.intrinsic("fabs", b)
    t = f.select(y.eq(math.inf) & x.eq(math.inf), 1.0, y / x)
    t = f.select(y.eq(0.0) & x.eq(0.0), 0.0, t)
    angle = _atan_right(f, t)
    left = f.intrinsic("copysign", f.value(1.0, b.type), b) < 0.0
    return f.intrinsic("copysign", f.select(left, math.pi - (angle - 2 * _REST), angle), a)


_ASIN_P: tuple[float, ...] = (3.47933107596021167570e-05, 7.91534994289814532176e-04)
_ASIN_P += (-4.00555345006794114027e-02, 2.01212532134862925881e-01, -3.25565818622400915405e-01)
_ASIN_P += (1.66666666666666657415e-01,)
_ASIN_Q: tuple[float, ...] = (7.70381505559019352791e-02, -6.88283971605453293030e-01)
_ASIN_Q += (2.02094576023350569471e00, -2.40339491173441421878e00, 1.0)


def _asin_parts(f: Function, a: Value) -> tuple[Value, Value, Value, Value]:
    """(whether a > 1 / 2, s, c, z): there asin(a) = pi / 2 - 2 (s + c + s z), else asin(a) = s + s z."""
    far = a > 0.5
    w = (1.0 - a) * 0.5
    root = f.intrinsic("sqrt", w)
    q, s = f.select(far, w, a * a), f.select(far, root, a)
    c = f.value(0.0, a.type)  # what the root was rounded by
    if not f.rough:
        c = f.select(root.eq(0.0), c, f.fma(-root, root, w) / (root + root))
    return far, s, c, q * polynomial(f, q, _ASIN_P) / polynomial(f, q, _ASIN_Q)


@widened
def asin(f: Function, x: Value) -> Value:
    """The inverse of sin; 2 ulp."""
    far, s, c, z = _asin_parts(f, f.intrinsic("fabs", x))
    y = f.fma(s, z, s)
    y = f.select(far, math.pi / 2 - ((f.fma(s, z, c) + s) * 2.0 - _REST), y)
    return f.intrinsic("copysign", y, x)


@widened
def acos(f: Function, x: Value) -> Value:
    """The inverse of cos; 2 ulp."""
    far, s, c, z = _asin_parts(f, f.intrinsic("fabs", x))
    left = x < 0.0
    end = (s + f.fma(s, z, c)) * 2.0
    end = f.select(left, math.pi - (end - 2 * _REST), end)
    s = f.select(left, -s, s)
    return f.select(far, end, math.pi / 2 - (s - (_REST - s * z)))
