"""Pointwise operations: each one line of mathematics."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

import tapegrad.kernels.pointwise as P
from tapegrad.define import OUT, cast, elementwise, opaque, store
from tapegrad.dtypes import B1, F4, F8
from tapegrad.kernels.errstate import nameless
from tapegrad.promotion import NUMBERS, need_tensor, not_a_tensor, operands, refused, result_dtype
from tapegrad.tensor import Tensor, wrap

Number = bool | int | float | complex

# ---- arithmetic. Python's operators reach NumPy's loops 0.3 us sooner than np.add(...) does, and NumPy's
# scalars (results without dimensions) ten times sooner.

_add = elementwise("add", operator.add, ufunc=np.add, ir="a + b", d=(lambda F, g: g, lambda F, g: g))
_sub = elementwise("sub", operator.sub, ufunc=np.subtract, ir="a - b", d=(lambda F, g: g, lambda F, g: -g))
rsub = elementwise("rsub", P.rsub, ir="b - a", d=(lambda F, g: -g, lambda F, g: g), title="RsubBackward1")
mul = elementwise(
    "mul",
    operator.mul,
    ufunc=np.multiply,
    ir="a * b",
    saves=((1,), (0,)),
    d=(lambda F, g, b: g * b, lambda F, g, a: g * a),
)
_div = elementwise(
    "div",
    operator.truediv,
    ufunc=np.true_divide,
    ir="a / b",
    floats=True,
    saves=((1,), (1, OUT)),
    d=(lambda F, g, b: g / b, lambda F, g, b, y: -g * y / b),
)
neg = elementwise("neg", operator.neg, ufunc=np.negative, ir="-a", d=(lambda F, g: -g,))
floor_divide = elementwise("floor_divide", P.floor_divide, ir="floor(a / b)", arity=2)
remainder = elementwise(
    "remainder",
    P.remainder,
    ir="a - floor(a / b) * b",
    saves=((), (0, 1)),
    d=(lambda F, g: g, lambda F, g, a, b: -g * F.floor_divide(a, b)),
)


def add(input: Any, other: Any, *, alpha: Number = 1, out: Tensor | None = None) -> Tensor:
    """input + alpha * other."""
    result: Tensor = _add(input, other if alpha == 1 else mul(other, alpha), out=out)
    return result


def sub(input: Any, other: Any, *, alpha: Number = 1, out: Tensor | None = None) -> Tensor:
    """input - alpha * other."""
    result: Tensor = _sub(input, other if alpha == 1 else mul(other, alpha), out=out)
    return result


def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
    """input / other; rounding_mode "floor" or "trunc" rounds the quotient, without a gradient.

    Raises: ValueError for another rounding mode.
    """
    if rounding_mode is None:
        result: Tensor = _div(input, other, out=out)
    elif rounding_mode == "floor":
        result = floor_divide(input, other, out=out)
    elif rounding_mode == "trunc":
        result = trunc(_div(input, other), out=out)
    else:
        raise ValueError(f"div: rounding_mode is {rounding_mode!r}; None, 'floor' or 'trunc' is needed.")
    return result


# ---- powers

_square = elementwise("pow.square", np.square, ir="a * a", saves=((0,),), d=(lambda F, g, x: g * (x * 2),))
_power = elementwise(
    "pow.tensor",
    P.power,
    ir="pow(a, b)",
    saves=((0, 1), (0, 1, OUT)),
    d=(
        lambda F, g, a, b: F.where(b == 0, 0, g * (b * F.power(a, b - 1))),
        lambda F, g, a, b, y: g * F.where((a == 0) & (b >= 0), 0, y * F.log(a)),
    ),
    title="PowBackward1",
)
_power_of_number = elementwise(
    "pow.number",
    lambda b, a: P.power(a, b),
    ir="pow(b, a)",
    saves=((0, 1, OUT), ()),
    d=(lambda F, g, b, a, y: g * F.where((a == 0) & (b >= 0), 0, y * F.log(a)), None),
    title="PowBackward2",
)
_power_to_number = opaque(
    "pow.to_number",
    P.power,
    kind="elementwise",
    saves=((0,),),
    d=(lambda F, g, x, _, n: F.zeros_like(g) if n == 0 else g * (F.power(x, n - 1) * n),),
)


def pow(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """input to the power exponent; one of them may be a number.

    Raises: RuntimeError for integers to negative integer powers.
    """
    if (
        exponent.__class__ is int
        and exponent == 2
        and out is None
        and getattr(input, "_kind", None) in (F4, F8)
    ):
        return _square(input)
    if isinstance(exponent, Tensor):
        result = _power(input, exponent) if isinstance(input, Tensor) else _power_of_number(exponent, input)
    elif isinstance(exponent, NUMBERS):
        x = need_tensor(input, "pow")
        dtype = result_dtype((x, exponent))
        x = x if x._kind is dtype else cast(x, dtype)
        square = exponent == 2 and dtype.kind == "f"
        result = _square(x) if square else _power_to_number(x, exponent)
    else:
        raise not_a_tensor("pow", "exponent", exponent)
    return result if out is None else store(result, out, "pow")


power = pow  # its name in F

# ---- functions of one number

exp = elementwise("exp", np.exp, ir="exp(a)", floats=True, saves=((OUT,),), d=(lambda F, g, y: g * y,))
log = elementwise("log", np.log, ir="log(a)", floats=True, saves=((0,),), d=(lambda F, g, x: g / x,))
sqrt = elementwise(
    "sqrt", np.sqrt, ir="sqrt(a)", floats=True, saves=((OUT,),), d=(lambda F, g, y: g / (y * 2),)
)
sin = elementwise("sin", np.sin, ir="sin(a)", floats=True, saves=((0,),), d=(lambda F, g, x: g * F.cos(x),))
cos = elementwise("cos", np.cos, ir="cos(a)", floats=True, saves=((0,),), d=(lambda F, g, x: -g * F.sin(x),))
tanh = elementwise(
    "tanh", np.tanh, ir="tanh(a)", floats=True, saves=((OUT,),), d=(lambda F, g, y: g * (1 - y * y),)
)
sigmoid = elementwise(
    "sigmoid",
    P.sigmoid,
    ir="1 / (1 + exp(-a))",
    floats=True,
    saves=((OUT,),),
    d=(lambda F, g, y: g * ((1 - y) * y),),
)
reciprocal = elementwise(
    "reciprocal", np.reciprocal, ir="1 / a", floats=True, saves=((OUT,),), d=(lambda F, g, y: -g * (y * y),)
)
# 0 at 0, as the lectures and torch define it; a nan passes its gradient on.
relu = elementwise(
    "relu", P.relu, ir="a < 0 ? 0 : a", saves=((OUT,),), d=(lambda F, g, y: F.where(y <= 0, 0, g),)
)
abs = elementwise("abs", np.abs, ir="abs(a)", saves=((0,),), d=(lambda F, g, x: g * F.sign(x),))
sign = elementwise("sign", P.sign, ir="(a > 0) - (a < 0)", d=(lambda F, g: F.zeros_like(g),))
floor = elementwise("floor", np.floor, ir="floor(a)", d=(lambda F, g: F.zeros_like(g),))
ceil = elementwise("ceil", np.ceil, ir="ceil(a)", d=(lambda F, g: F.zeros_like(g),))
trunc = elementwise("trunc", np.trunc, ir="trunc(a)", d=(lambda F, g: F.zeros_like(g),))
round = elementwise("round", np.rint, ir="rint(a)", d=(lambda F, g: F.zeros_like(g),))

# ---- the larger, the smaller; equals share the gradient

maximum = elementwise(
    "maximum",
    np.maximum,
    ir="max(a, b)",
    saves=((0, 1), (0, 1)),
    d=(
        lambda F, g, a, b: F.where(a < b, 0, F.where(a == b, g / 2, g)),
        lambda F, g, a, b: F.where(a > b, 0, F.where(a == b, g / 2, g)),
    ),
)
minimum = elementwise(
    "minimum",
    np.minimum,
    ir="min(a, b)",
    saves=((0, 1), (0, 1)),
    d=(
        lambda F, g, a, b: F.where(a > b, 0, F.where(a == b, g / 2, g)),
        lambda F, g, a, b: F.where(a < b, 0, F.where(a == b, g / 2, g)),
    ),
)
_clamp_numbers = opaque(
    "clamp",
    P.clamp,
    kind="elementwise",
    saves=((0,),),
    d=(lambda F, g, x, _, low, high: F.where(F.inside(x, low, high), g, 0),),
    title="ClampBackward1",
)
_clamp_low = elementwise(
    "clamp.low",
    np.maximum,
    saves=((0, 1), (0, 1)),
    d=(lambda F, g, x, low: F.where(x >= low, g, 0), lambda F, g, x, low: F.where(x < low, g, 0)),
)
_clamp_high = elementwise(
    "clamp.high",
    np.minimum,
    saves=((0, 1), (0, 1)),
    d=(lambda F, g, x, high: F.where(x <= high, g, 0), lambda F, g, x, high: F.where(x > high, g, 0)),
)
_clamp = elementwise(
    "clamp.tensors",
    P.clamp,
    ir="min(max(a, b), c)",
    saves=((0, 1, 2),) * 3,
    d=(
        lambda F, g, x, low, high: F.where((x >= low) & (x <= high), g, 0),
        lambda F, g, x, low, high: F.where((low < high) & (x < low), g, 0),
        lambda F, g, x, low, high: F.where((x > high) | (high < low), g, 0),
    ),
)


def clamp(input: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """input limited to [min, max]; both may be numbers or tensors, one may be None; nan stays.

    Raises: RuntimeError if both are None.
    """
    if min is None and max is None:
        raise RuntimeError("clamp: min and max are both None; at least one is needed.")
    x = need_tensor(input, "clamp")
    if not isinstance(min, Tensor) and not isinstance(max, Tensor):
        dtype = result_dtype([v for v in (x, min, max) if v is not None])
        x = x if x._a.dtype is dtype else cast(x, dtype)
        low, high = (None if v is None else dtype.type(v) for v in (min, max))
        result: Tensor = _clamp_numbers(x, low, high)
    elif max is None:
        result = _clamp_low(x, min)
    elif min is None:
        result = _clamp_high(x, max)
    else:
        result = _clamp(x, min, max)
    return result if out is None else store(result, out, "clamp")


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """input, but at least min."""
    return clamp(input, min=min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """input, but at most max."""
    return clamp(input, max=max)


# ---- a choice

_where = opaque(
    "where",
    P.where,
    kind="elementwise",
    saves=((), (0,), (0,)),
    d=(
        None,
        lambda F, g, c, shapes: F.sum_to(F.where(c, g, 0), shapes[1]),
        lambda F, g, c, shapes: F.sum_to(F.where(c, 0, g), shapes[2]),
    ),
)


def where(condition: Any, input: Any = None, other: Any = None, *, out: Tensor | None = None) -> Any:
    """input where condition holds, else other; both may be numbers. With the condition alone: where it holds,
    as one index tensor per dimension.

    Raises: RuntimeError unless the condition is bool, or for shapes that do not broadcast.
    """
    try:
        if condition._kind is B1 and input._kind is other._kind and out is None:
            return _where(condition, input, other)
    except (AttributeError, ValueError):
        pass
    c = condition if isinstance(condition, Tensor) else wrap(np.asarray(condition))
    if input is None and other is None:
        return tuple([wrap(i) for i in np.nonzero(np.atleast_1d(c._a))])
    if c._a.dtype.kind != "b" and c._a.dtype.char != "B":
        raise RuntimeError(f"where: condition is {c.dtype}; torch.bool is needed, e.g. x > 0.")
    a, b = operands(_where.op, (input, other), False, cast)
    try:
        result = _where(c, a, b)
    except ValueError:
        raise refused(_where.op, (c, a, b)) from None
    return result if out is None else store(result, out, "where")


# ---- comparisons and logic: bool results, no gradient

eq = elementwise("eq", operator.eq, ufunc=np.equal, ir="a == b", arity=2)
ne = elementwise("ne", operator.ne, ufunc=np.not_equal, ir="a != b", arity=2)
lt = elementwise("lt", operator.lt, ufunc=np.less, ir="a < b", arity=2)
le = elementwise("le", operator.le, ufunc=np.less_equal, ir="a <= b", arity=2)
gt = elementwise("gt", operator.gt, ufunc=np.greater, ir="a > b", arity=2)
ge = elementwise("ge", operator.ge, ufunc=np.greater_equal, ir="a >= b", arity=2)
bitwise_and = elementwise("bitwise_and", np.bitwise_and, ir="a & b", arity=2)
bitwise_or = elementwise("bitwise_or", np.bitwise_or, ir="a | b", arity=2)
bitwise_xor = elementwise("bitwise_xor", np.bitwise_xor, ir="a ^ b", arity=2)
bitwise_not = elementwise("bitwise_not", np.invert, ir="~a", arity=1)
logical_and = elementwise("logical_and", np.logical_and, ir="a && b", arity=2)
logical_or = elementwise("logical_or", np.logical_or, ir="a || b", arity=2)
logical_xor = elementwise("logical_xor", np.logical_xor, ir="!a != !b", arity=2)
logical_not = elementwise("logical_not", np.logical_not, ir="!a", arity=1)
isnan = elementwise("isnan", np.isnan, ir="a != a", arity=1)
isinf = elementwise("isinf", np.isinf, ir="abs(a) == inf", arity=1)
isfinite = elementwise("isfinite", np.isfinite, ir="abs(a) < inf", arity=1)


nameless(globals())
