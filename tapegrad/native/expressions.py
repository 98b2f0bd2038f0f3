"""From the expressions in which ops are defined to instructions: `1 / (1 + exp(-a))`, `F.where(a > b, g, 0)`.

An op's `ir` is written as C would have it (`a < 0 ? 0 : a`), its derivatives as Python over a namespace
F. Both become the same instructions on vectors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from tapegrad.kernels.pointwise import inside
from tapegrad.native import vmath
from tapegrad.native.ir import F32, I1, Function, Value


class Unknown(Exception):
    """A name in an expression that has no machine code."""


class Namespace:
    """The functions that an expression may call, as attributes, written into the function f."""

    def __init__(self, f: Function) -> None:
        self._f = f

    def __getattr__(self, name: str) -> Any:
        g = vmath.FUNCTIONS.get(name)
        if g is None:
            raise Unknown(name)
        self._f.exact &= name in vmath.BITS
        return lambda *xs: g(self._f, *_matched(self._f, xs))

    def write(self, text: str, names: Mapping[str, Value]) -> Value:
        """The value of an expression."""
        return write(text, self._f, names)

    def where(self, mask: Any, a: Any, b: Any) -> Value:
        """a where the mask is true, else b."""
        if not isinstance(a, Value) and not isinstance(b, Value):
            raise Unknown("where of two numbers")
        if not is_mask(mask):
            raise Unknown("where without a truth value")
        return self._f.select(mask, *_matched(self._f, (a, b)))

    def gate(self, g: Value, y: Value) -> Value:
        """g where y is above 0 (or nan), else 0."""
        return self.where(y <= 0.0, 0.0, g)

    def square(self, x: Value) -> Value:
        """x * x."""
        return x * x

    def rsqrt(self, x: Value) -> Value:
        """1 / sqrt(x)."""
        return 1.0 / self._f.intrinsic("sqrt", x)

    def sign(self, x: Value) -> Value:
        """-1, 0 or 1; 0 for nan."""
        zero = self._f.value(0.0, x.type)
        return self.where(x > 0.0, 1.0, self.where(x < 0.0, -1.0, zero))

    slope_of_abs = sign
    inside = staticmethod(inside)  # is written with operators

    def power(self, x: Value, n: Any) -> Value:
        """x to the power of n: of a small whole number by products."""
        if isinstance(n, Value) or n not in (-2, -1, -0.5, 0.5, 1, 2, 3, 4):
            return self.pow(x, n)  # type: ignore[no-any-return] # a Value
        self._f.exact = False
        if n in (0.5, -0.5):
            return self.rsqrt(x) if n < 0 else self._f.intrinsic("sqrt", x)
        y = x
        for _ in range(int(abs(n)) - 1):
            y = y * x
        return y if n > 0 else 1.0 / y

    def not_negative(self, x: Value) -> Value:
        """Whether x is 0 or more."""
        return x >= 0.0

    def polygamma(self, n: int, x: Value) -> Value:
        """The derivative of digamma of order 1."""
        if n != 1:
            raise Unknown(f"polygamma {n}")
        return self.trigamma(x)  # type: ignore[no-any-return] # a Value

    def sum_to(self, x: Value, shape: Any) -> Value:
        """x: nothing is broadcast here."""
        return x

    def apply(self, op: Any, x: Value, *args: Any) -> Value:
        """An op that says what it computes."""
        if not callable(op.ir):
            raise Unknown(op.name)
        return op.ir(self, x, *args)  # type: ignore[no-any-return] # a Value

    def number(self, x: float, like: Value) -> Value:
        """A number as a value: what is computed with it is rounded as the others are."""
        return self._f.value(x, like.type)

    def largest(self, x: Value) -> float:
        """The largest number of x's dtype."""
        return float(np.finfo(np.float32 if x.type.element is F32 else np.float64).max)

    def isnan(self, x: Value) -> Value:
        """Whether x is nan."""
        return x.ne(x)

    def isfinite(self, x: Value) -> Value:
        """Whether x is neither inf nor nan."""
        return (x - x).eq(0.0)

    def copysign(self, a: Value, b: Value) -> Value:
        """a with the sign of b."""
        return self._f.intrinsic("copysign", *_matched(self._f, (a, b)))


def _matched(f: Function, xs: tuple[Any, ...]) -> list[Value]:
    """Numbers among operands as constants of the others' type."""
    t = next((x.type for x in xs if isinstance(x, Value)), None)
    if t is None:
        raise Unknown("a function of numbers")
    if t.element is I1 and not all(isinstance(x, Value) for x in xs):
        raise Unknown("a number among truth values")
    return [f.value(x, t) for x in xs]


_CHOICE = re.compile(r"^(.+?) \? (.+?) : (.+)$")
_NAME = re.compile(r"(?<![\w.])([a-z_]\w*)\(")


def python(text: str) -> str:
    """An expression in C's manner as one in Python's, over F."""
    if found := _CHOICE.match(text):
        condition, yes, no = (python(part) for part in found.groups())
        return f"F.where({condition}, {yes}, {no})"
    return text if "F." in text else _NAME.sub(r"F.\1(", text)


def write(text: str, f: Function, names: Mapping[str, Value]) -> Value:
    """The expression's value in the function f. Raises: Unknown if it has what machine code lacks."""
    try:
        # the text is an op's own definition
        y = eval(
            python(text), {"F": Namespace(f), "__builtins__": {}, "inf": math.inf, "pi": math.pi}, dict(names)
        )
    except (NameError, TypeError) as e:  # what is no value, numbers that meet truth values
        raise Unknown(str(e)) from None
    if not isinstance(y, Value):
        raise Unknown(text)
    return y


_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?!\w|\()")


@cache
def names(text: str) -> frozenset[str]:
    """The names of values in an expression."""
    return frozenset(_WORD.findall(python(text))) - {"F", "inf", "pi"}


_WHOLE = re.compile(
    r"(?:[abc,\s+*&|^~!=?:()-]|<(?!<)|>(?!>)|\b\d+\b(?!\.)|\bmax\b|\bmin\b|\bgcd\b|\blcm\b|\bwhole_\w+)+"
)


def is_whole(expression: Any) -> bool:
    """Whether an expression means the same of integers: it is a text of operators without division, and of
    the larger and the smaller."""
    return isinstance(expression, str) and _WHOLE.fullmatch(expression) is not None


_CALL = re.compile(r"\bF\.(\w+)\(")


@cache
def functions(text: str) -> frozenset[str]:
    """The names of the functions that an expression calls."""
    return frozenset(_CALL.findall(python(text)))


# Functions whose results are NumPy's to the bit, and which take few instructions; all such; all there are.
_OTHERS = {"apply", "polygamma", "power", "write"}
LIGHT = vmath.EXACT | {name for name in vars(Namespace) if name[0] != "_"} - _OTHERS
SAME = LIGHT | vmath.BITS
KNOWN = LIGHT | {*vmath.FUNCTIONS, "polygamma", "power"}


def traced(compute: Any, f: Function, values: Sequence[Value], args: Sequence[Any]) -> Value:
    """compute(F, *values, *args) in the function f. Raises: Unknown as `write`."""
    try:
        y = compute(Namespace(f), *values, *args)
    except (AttributeError, IndexError, TypeError) as e:  # IndexError: it reads the shapes
        raise Unknown(str(e)) from None
    if not isinstance(y, Value):
        raise Unknown("a constant")
    if any(y is x for x in values):
        raise Unknown("an operand")
    return y


def is_mask(y: Value) -> bool:
    """Whether the value is true or false."""
    return y.type.element is I1
