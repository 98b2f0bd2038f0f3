"""Remainders and quotients to the bit, as C and NumPy give them; the next number; x log(y)."""

from __future__ import annotations

from tapegrad.native.ir import Function, Value, integers
from tapegrad.native.vmath.basic import elsewhere, log, log1p, single


def fmod(f: Function, a: Value, b: Value) -> Value:
    """The remainder of a division rounded towards zero; exact.

    The quotient of floats, truncated, is right or one too large as long as each whole number is a float; the
    remainder that belongs to it is a float, so that fma gives it. Larger quotients are C's.
    """
    x, y = f.intrinsic("fabs", a), f.intrinsic("fabs", b)
    q = f.intrinsic("trunc", x / y)
    r = f.fma(-q, y, x)
    r = f.select(r < 0.0, r + y, r)
    rare = ~(q < 2.0 ** (23 if single(a) else 52)) | r.is_nan()
    return elsewhere(f, rare, (a, b), f.intrinsic("copysign", r, a), "fmod")


def _other_side(a: Value, b: Value) -> Value:
    return (a < 0.0) ^ (b < 0.0)


def remainder(f: Function, a: Value, b: Value) -> Value:
    """The remainder of a division rounded down, zeros with a's sign; exact."""
    r = fmod(f, a, b)
    return f.select(r.ne(0.0) & _other_side(r, b), r + b, r)


def floor_quotient(f: Function, a: Value, b: Value) -> Value:
    """The quotient rounded down, as Python finds it; exact."""
    r = fmod(f, a, b)
    q = (a - r) / b
    q = f.select(r.ne(0.0) & _other_side(r, b), q - 1.0, q)
    whole = f.intrinsic("floor", q)
    whole = f.select(q - whole > 0.5, whole + 1.0, whole)
    plain = a / b
    y = f.select(q.eq(0.0), f.intrinsic("copysign", f.value(0.0, a.type), plain), whole)
    return f.select(b.eq(0.0), plain, y)


def trunc_quotient(f: Function, a: Value, b: Value) -> Value:
    """The quotient rounded towards zero; exact."""
    return f.intrinsic("trunc", a / b)


def nextafter(f: Function, a: Value, b: Value) -> Value:
    """The next number after a in the direction of b; exact."""
    t = integers(a.type)
    bits, one = f.bits(a, t), f.value(1, t)
    outwards = ~((b > a) ^ (a > 0.0))
    y = f.bits(bits + f.select(outwards, one, -1), a.type)
    y = f.select(a.eq(0.0), f.intrinsic("copysign", f.bits(one, a.type), b), y)
    y = f.select(a.eq(b), b, y)
    return f.select(a.unordered(b), a + b, y)


def xlog1py(f: Function, a: Value, b: Value) -> Value:
    """a log(1 + b), and 0 where a is 0 and b is a number; 3 ulp."""
    return f.select(a.eq(0.0) & b.eq(b), 0.0, a * log1p(f, b))


def xlogy(f: Function, a: Value, b: Value) -> Value:
    """a log(b), and 0 where a is 0 and b is a number; 2 ulp."""
    return f.select(a.eq(0.0) & b.eq(b), 0.0, a * log(f, b))
