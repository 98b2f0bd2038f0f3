"""Quotients, remainders and divisors of integers, which the processor divides one by one: here as floats, if
they can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tapegrad.native.ir import F64, Function, Type, Value

_EXACT = 1 << 51  # below it, whole numbers and the quotients' whole parts are floats
_MAGIC = 1.5 * 2**52  # a float64 whose lowest bits count from 0: what is added to it stands there
_BITS = 0x4338000000000000  # the same as an integer


def _each(f: Function, where: Value, xs: Sequence[Value], y: Value, compute: Callable[..., Value]) -> Value:
    """y, and where the mask is true compute(*the lane of each of xs)."""
    t, out = y.type.element, f.variable(y)
    with f.when(f.any(where)):
        sources, results = [f.room(t, y.type.lanes) for _ in xs], f.room(t, y.type.lanes)
        for source, x in zip(sources, xs, strict=True):
            f.store(source, x)
        with f.loop(0, y.type.lanes) as i:
            f.store(results.at(i, t), compute(*[f.load(source.at(i, t), t) for source in sources]))
        out.set(f.select(where, f.load(results, y.type), y))
    return out.get()


def _far(a: Value) -> Value:
    return (a >= _EXACT) | (a <= -_EXACT)


def _float(f: Function, a: Value) -> Value:
    """The number as float64, if it is not far; processors without AVX-512 convert int64 one by one."""
    wide = a.type.like(F64)
    return f.bits(a + _BITS, wide) - _MAGIC if a.type.bytes == 8 else f.convert(a, wide)


def _integer(f: Function, x: Value, t: Type) -> Value:
    """The same, back."""
    return f.bits(x + _MAGIC, t) - _BITS if t.bytes == 8 else f.convert(x, t)


def _divided(f: Function, a: Value, b: Value) -> Value:
    """a / b rounded towards zero, of numbers one by one. What the processor would refuse is no matter where b
    is 0, and wraps around where it is -1."""
    usual = b.ne(0) & b.ne(-1)
    return f.select(b.eq(-1), 0 - a, a // f.select(usual, b, 1))


def whole_quotient(f: Function, a: Value, b: Value) -> Value:
    """The quotient of integers rounded down; b is not 0."""
    q = _integer(f, f.intrinsic("floor", _float(f, a) / _float(f, b)), a.type)
    q = f.select(b.eq(-1), 0 - a, q)
    if a.type.bytes == 8:
        q = _each(f, _far(a) | _far(b), (a, b), q, lambda a, b: _divided(f, a, b))
    r = a - q * b  # the quotient may be one too large: as it was rounded up, or towards zero
    return f.select(r.ne(0) & ((r ^ b) < 0), q - 1, q)


def whole_remainder(f: Function, a: Value, b: Value) -> Value:
    """What whole_quotient leaves: it has the sign of b."""
    return a - whole_quotient(f, a, b) * b


def _gcd(f: Function, a: Value, b: Value) -> Value:
    """Euclid's, of numbers without a sign."""
    t = a.type
    x, y = f.variable(a), f.variable(b)
    with f.forever() as found:
        f.leave(found, y.get().eq(0))
        rest = f.emit(f"urem {x.get()}, {y.get().name}", t)
        x.set(y.get())
        y.set(rest)
    return x.get()


def _size(f: Function, a: Value) -> Value:
    return f.select(a < 0, 0 - a, a)


def gcd(f: Function, a: Value, b: Value) -> Value:
    """The greatest common divisor of integers."""
    every = a.eq(a)
    return _each(f, every, (_size(f, a), _size(f, b)), a, lambda a, b: _gcd(f, a, b))


def lcm(f: Function, a: Value, b: Value) -> Value:
    """The least common multiple of integers; 0 if one is 0."""

    def compute(a: Value, b: Value) -> Value:
        by = _gcd(f, a, b)
        return f.emit(f"udiv {a}, {f.select(by.eq(0), 1, by).name}", a.type) * b

    return _each(f, a.eq(a), (_size(f, a), _size(f, b)), a, compute)
