"""Pointwise operations: each one line of mathematics."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

import tapegrad.kernels.pointwise as P
import tapegrad.kernels.search as search
import tapegrad.kernels.writers as W
from tapegrad.define import Function, cast, elementwise, finish, offer, opaque, store, writes
from tapegrad.define.refusing import no_bool, no_derivative
from tapegrad.dtypes import B1, F4, F8, FLOATING, NARROW, of
from tapegrad.kernels.errstate import nameless
from tapegrad.promotion import (
    NUMBERS,
    check_order,
    check_real,
    fitting,
    is_usual,
    need_tensor,
    not_a_tensor,
    number,
    operands,
    real_only,
    refused,
    result_dtype,
)
from tapegrad.tensor import Tensor, wrap

Number = bool | int | float | complex

# ---- arithmetic. Python's operators reach NumPy's loops 0.3 us sooner than np.add(...) does, and NumPy's
# scalars (results without dimensions) ten times sooner.


FLAT = "F.zeros_like(g)"  # the cotangent of a function that is constant between its jumps


_add = elementwise("add", operator.add, ufunc=np.add, ir="a + b", d=("g", "g"))
_sub = elementwise(
    "sub",
    operator.sub,
    ufunc=np.subtract,
    ir="a - b",
    d=("g", "-g"),
    check=no_bool,
)
rsub = elementwise("rsub", P.rsub, ir="b - a", d=("-g", "g"), title="RsubBackward1", check=no_bool)
mul = elementwise(
    "mul",
    operator.mul,
    ufunc=np.multiply,
    ir="a * b",
    d=("g * b", "g * a"),
)
true_divide = elementwise(
    "div",
    operator.truediv,
    ufunc=np.true_divide,
    ir="a / b",
    floats=True,
    # not OUT, which the user may write: torch reads these
    d=("g / b", "-g * (a / b / b)"),
)
neg = elementwise("neg", operator.neg, ir="-a", d=("-g",), check=no_bool)
floor_divide = elementwise(
    "floor_divide",
    P.floor_divide,
    ir="floor_quotient(a, b)",
    doc="floor(a / b)",
    d=(no_derivative("floor_divide"),) * 2,
    title="NotImplemented",  # as torch calls it
)
floor_quotient = elementwise(
    "div.floor", P.floor_divide, ir="floor_quotient(a, b)", d=(FLAT, FLAT), title="DivBackward2"
)
trunc_quotient = elementwise(
    "div.trunc", P.trunc_divide, ir="trunc(a / b)", d=(FLAT, FLAT), title="DivBackward2"
)
remainder = elementwise(
    "remainder",
    P.remainder,
    ir="remainder(a, b)",
    doc="a - floor(a / b) * b",
    d=("g", "-g * F.floor_quotient(a, b)"),
    title="RemainderBackward1",
)


def _are_floats(a: Any, b: Any) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and a._kind is b._kind and a._kind.char in "fd"


def scaled(op: str, input: Any, other: Any, alpha: Number) -> Any:
    """alpha * other, in the dtype that it will have beside input."""
    if _are_floats(input, other) and type(alpha) in (float, int):
        return mul(other, alpha)
    kind = result_dtype([x for x in (input, other) if isinstance(x, (Tensor, *NUMBERS))])
    if (kind.kind in "iub" and isinstance(alpha, float)) or (kind.kind != "c" and isinstance(alpha, complex)):
        raise RuntimeError(
            f"{op}: alpha is {alpha} and the result is {of(kind)}; a number of that kind is needed."
        )
    if not isinstance(other, Tensor):
        return other * alpha
    return mul(other if other._kind is kind else cast(other, kind), bool(alpha) if kind is B1 else alpha)


def add(input: Any, other: Any, *, alpha: Number = 1, out: Tensor | None = None) -> Tensor:
    """input + alpha * other. Raises: RuntimeError for integers with a float alpha."""
    result: Tensor = _add(input, other if alpha == 1 else scaled("add", input, other, alpha), out=out)
    return result


def sub(input: Any, other: Any, *, alpha: Number = 1, out: Tensor | None = None) -> Tensor:
    """input - alpha * other. Raises: RuntimeError for bool, and for integers with a float alpha."""
    result: Tensor = _sub(input, other if alpha == 1 else scaled("sub", input, other, alpha), out=out)
    return result


def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Tensor | None = None) -> Tensor:
    """input / other; rounding_mode "floor" or "trunc" rounds the quotient, without a gradient.

    Raises: ValueError for another rounding mode.
    """
    if rounding_mode is None:
        return true_divide(input, other, out=out)
    if rounding_mode == "floor":
        return floor_quotient(input, other, out=out)
    if rounding_mode == "trunc":
        return trunc_quotient(input, other, out=out)
    raise ValueError(f"div: rounding_mode is {rounding_mode!r}; None, 'floor' or 'trunc' is needed.")


# ---- powers

_square = elementwise("pow.square", np.square, ir="a * a", d=("g * (a * 2)",))
_power = elementwise(
    "pow.tensor",
    P.power,
    ir="pow(a, b)",
    d=(
        "F.where(b == 0, 0, g * (b * F.power(a, b - 1)))",
        "g * F.where((a == 0) & F.not_negative(b), 0, y * F.log(a))",
    ),
    title="PowBackward1",
)
_power_of_number = elementwise(
    "pow.number",
    lambda b, a: P.power(a, b),
    ir="pow(b, a)",
    d=("g * F.where((b == 0) & F.not_negative(a), 0, y * F.log(b))", None),
    title="PowBackward2",
)
_power_to_number = opaque(
    "pow.to_number",
    P.power,
    kind="elementwise",
    ir=lambda F, x, n: F.power(x, n),
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
        if isinstance(input, Tensor):
            result = _power(input, exponent)
        else:
            # The rule takes the logarithm of the number, so it must be a value of the dtype.
            result = _power_of_number(*operands(_power_of_number.op, (exponent, input), False, cast))
    elif isinstance(exponent, NUMBERS):
        x = need_tensor(input, "pow")
        usual = x._kind in (F4, F8) and type(exponent) in (float, int)
        dtype = x._kind if usual else result_dtype((x, exponent))
        x = x if x._kind is dtype else cast(x, dtype)
        if dtype.char in NARROW:
            exponent = number(exponent, dtype).item()  # torch rounds it
        square = exponent == 2 and dtype.kind in FLOATING
        result = _square(x) if square else _power_to_number(x, exponent)
    else:
        raise not_a_tensor("pow", "exponent", exponent)
    return result if out is None else store(result, out, "pow", (input, exponent))


power = pow  # its name in F

# ---- functions of one number

exp = elementwise("exp", np.exp, ir="exp(a)", floats=True, d=("g * y",))
log = elementwise("log", np.log, ir="log(a)", floats=True, d=("g / a",))
sqrt = elementwise("sqrt", np.sqrt, ir="sqrt(a)", floats=True, d=("g / (y * 2)",))
sin = elementwise("sin", np.sin, ir="sin(a)", floats=True, d=("g * F.cos(a)",))
cos = elementwise("cos", np.cos, ir="cos(a)", floats=True, d=("-g * F.sin(a)",))
tanh = elementwise("tanh", np.tanh, ir="tanh(a)", floats=True, d=("g * (1 - y * y)",))
sigmoid = elementwise(
    "sigmoid",
    P.sigmoid,
    ir="sigmoid(a)",
    doc="1 / (1 + exp(-a))",
    floats=True,
    d=("g * ((1 - y) * y)",),
)
reciprocal = elementwise("reciprocal", np.reciprocal, ir="1 / a", floats=True, d=("-g * (y * y)",))
# 0 at 0, as the lectures and torch define it; a nan passes its gradient on.
relu = elementwise(
    "relu",
    P.relu,
    fast=P.relu_of_floats,
    ir="a < 0 ? 0 : a",
    d=("F.gate(g, y)",),
    check=check_real,
)
# An op of its own, so that also the gradient of relu alone has a graph (and second derivatives of 0).
gate = elementwise(
    "threshold_backward",
    P.gate,
    ir="b <= 0 ? 0 : a",
    d=("F.gate(g, b)", FLAT),
    title="ThresholdBackwardBackward0",
)
abs = elementwise("abs", P.abs, fast=np.abs, ir="abs(a)", d=("g * F.slope_of_abs(a)",))
sign = elementwise("sign", P.sign, ir="sign(a)", doc="(a > 0) - (a < 0)", d=(FLAT,), check=check_real)
floor = elementwise("floor", P.floor, fast=np.floor, ir="floor(a)", d=(FLAT,))
ceil = elementwise("ceil", P.ceil, fast=np.ceil, ir="ceil(a)", d=(FLAT,))
trunc = elementwise("trunc", P.trunc, fast=np.trunc, ir="trunc(a)", d=(FLAT,))

# ---- the larger, the smaller; equals share the gradient


maximum = elementwise(
    "maximum",
    np.maximum,
    ir="max(a, b)",
    d=("F.where(a < b, 0, F.where(a == b, g / 2, g))", "F.where(a > b, 0, F.where(a == b, g / 2, g))"),
    check=check_order,
)
minimum = elementwise(
    "minimum",
    np.minimum,
    ir="min(a, b)",
    d=("F.where(a > b, 0, F.where(a == b, g / 2, g))", "F.where(a < b, 0, F.where(a == b, g / 2, g))"),
    check=check_order,
)


def _between(F: Any, x: Any, low: Any, high: Any) -> Any:
    if low is not None:
        x = F.max(low, x)
    return x if high is None else F.min(high, x)


def _clamp_by_numbers(key: str, title: str) -> Function:
    return opaque(
        key,
        P.clamp,
        kind="elementwise",
        ir=_between,
        saves=((0,),),
        d=(lambda F, g, x, _, low, high: F.where(F.inside(x, low, high), g, 0),),
        title=title,
    )


def _clamp_from(key: str, title: str) -> Function:
    return elementwise(
        key,
        P.at_least,
        ir="max(b, a)",  # of two zeros the processor takes the second
        d=("F.where(a >= b, g, 0)", "F.where(a < b, g, 0)"),
        title=title,
    )


def _clamp_to(key: str, title: str) -> Function:
    return elementwise(
        key,
        P.at_most,
        ir="min(b, a)",
        d=("F.where(a <= b, g, 0)", "F.where(a > b, g, 0)"),
        title=title,
    )


# For each name: the op for numbers, for a lower bound and for an upper bound; torch names their nodes apart.
_CLAMPS = {
    "clamp": (
        _clamp_by_numbers("clamp", "ClampBackward1"),
        _clamp_from("clamp.from", "ClampBackward0"),
        _clamp_to("clamp.to", "ClampBackward0"),
    ),
    "clamp_min": (
        _clamp_by_numbers("clamp_min", "ClampMinBackward0"),
        _clamp_from("clamp_min.tensor", "ClampMinBackward1"),
        None,
    ),
    "clamp_max": (
        _clamp_by_numbers("clamp_max", "ClampMaxBackward0"),
        None,
        _clamp_to("clamp_max.tensor", "ClampMaxBackward1"),
    ),
}
_clamp = elementwise(
    "clamp.tensors",
    P.clamp,
    ir="min(c, max(b, a))",
    d=(
        "F.where((a >= b) & (a <= c), g, 0)",
        "F.where((b < c) & (a < b), g, 0)",
        "F.where((a > c) | (c < b), g, 0)",
    ),
)


def clamp(input: Tensor, min: Any = None, max: Any = None, *, out: Tensor | None = None) -> Tensor:
    """input limited to [min, max]; both may be numbers or tensors, one may be None; nan stays.

    Raises: RuntimeError if both are None.
    """
    if min is None and max is None:
        raise RuntimeError("clamp: min and max are both None; at least one is needed.")
    return finish(_limit("clamp", input, min, max), out, "clamp", (input, min, max))


def _limit(name: str, input: Any, min: Any, max: Any) -> Tensor:
    x = need_tensor(input, name)
    if (x._kind is F4 or x._kind is F8) and is_usual(min) and is_usual(max):
        low, high = (None if min is None else float(min)), (None if max is None else float(max))
        return _CLAMPS[name][0](x, low, high)
    min, max = (v.item() if isinstance(v, np.generic) else v for v in (min, max))
    for what, v in (("min", min), ("max", max)):
        if v is not None and not isinstance(v, (Tensor, *NUMBERS)):
            raise TypeError(f"{name}: {what} is {type(v).__name__}; a number or a Tensor is needed.")
    real_only(name, (x, min, max))
    by_numbers, above, below = _CLAMPS[name]
    if not isinstance(min, Tensor) and not isinstance(max, Tensor):
        dtype = result_dtype([v for v in (x, min, max) if v is not None])
        x = x if x._a.dtype is dtype else cast(x, dtype)
        low, high = (None if v is None else fitting(v, dtype, name) for v in (min, max))
        return by_numbers(x, low, high)
    if max is None and above is not None:
        return above(x, min)
    if min is None and below is not None:
        return below(x, max)
    return _clamp(x, min, max)


def clamp_min(input: Tensor, min: Any, *, out: Tensor | None = None) -> Tensor:
    """input, but at least min, a number or a tensor."""
    return finish(_limit("clamp_min", input, min, None), out, "clamp_min", (input, min))


def clamp_max(input: Tensor, max: Any, *, out: Tensor | None = None) -> Tensor:
    """input, but at most max, a number or a tensor."""
    return finish(_limit("clamp_max", input, None, max), out, "clamp_max", (input, max))


# ---- a choice

_where = opaque(
    "where",
    P.where,
    kind="elementwise",
    ir=lambda F, mask, a, b: F.where(mask, a, b),
    saves=((), (0,), (0,)),
    d=(
        None,
        lambda F, g, c, shapes: F.sum_to(F.where(c, g, 0), shapes[1]),
        lambda F, g, c, shapes: F.sum_to(F.where(c, 0, g), shapes[2]),
    ),
)


def _beside(x: Any, other: Any) -> Any:
    """x; a usual number as a tensor like `other`, if that is one of floats."""
    if type(x) is not float and type(x) is not int:
        return x
    kind = other._kind
    return wrap(P.constant(x, kind)) if (kind is F4 or kind is F8) and is_usual(x) else None


def where(condition: Any, input: Any = None, other: Any = None, *, out: Tensor | None = None) -> Any:
    """input where condition holds, else other; both may be numbers. With the condition alone: where it holds,
    as one index tensor per dimension.

    Raises: RuntimeError unless the condition is bool, or for shapes that do not broadcast.
    """
    try:
        if condition._kind is B1 and out is None:
            a, b = _beside(input, other), _beside(other, input)
            if a._kind is b._kind:
                return _where(condition, a, b)
    except (AttributeError, ValueError):
        pass
    c = wrap(condition) if isinstance(condition, np.ndarray) else need_tensor(condition, "where", "condition")
    if input is None and other is None:
        return tuple([wrap(i) for i in search.nonzero(np.atleast_1d(c._a))])
    if c._a.dtype.kind != "b" and c._a.dtype.char != "B":
        raise RuntimeError(f"where: condition is {c.dtype}; torch.bool is needed, e.g. x > 0.")
    a, b = operands(_where.op, (input, other), False, cast)
    for x in (input, other):
        if not isinstance(x, Tensor):
            fitting(x, a._kind, "where")
    try:
        result = _where(c, a, b)
    except ValueError:
        raise refused(_where.op, (c, a, b)) from None
    return result if out is None else store(result, out, "where", (condition, input, other))


# ---- comparisons and logic: bool results, no gradient

eq = elementwise("eq", operator.eq, ufunc=np.equal, ir="a == b", arity=2)
ne = elementwise("ne", operator.ne, ufunc=np.not_equal, ir="a != b", arity=2)
lt = elementwise("lt", operator.lt, ufunc=np.less, ir="a < b", arity=2, check=check_real)
le = elementwise("le", operator.le, ufunc=np.less_equal, ir="a <= b", arity=2, check=check_real)
gt = elementwise("gt", operator.gt, ufunc=np.greater, ir="a > b", arity=2, check=check_real)
ge = elementwise("ge", operator.ge, ufunc=np.greater_equal, ir="a >= b", arity=2, check=check_real)
bitwise_and = elementwise("bitwise_and", np.bitwise_and, ir="a & b", arity=2)
bitwise_or = elementwise("bitwise_or", np.bitwise_or, ir="a | b", arity=2)
bitwise_xor = elementwise("bitwise_xor", np.bitwise_xor, ir="a ^ b", arity=2)
bitwise_left_shift = elementwise("bitwise_left_shift", P.left_shift, doc="a << b", arity=2)
bitwise_right_shift = elementwise("bitwise_right_shift", P.right_shift, doc="a >> b", arity=2)
bitwise_not = elementwise("bitwise_not", np.invert, ir="~a", arity=1)
logical_and = elementwise("logical_and", np.logical_and, ir="(a != 0) & (b != 0)", arity=2)
logical_or = elementwise("logical_or", np.logical_or, ir="(a != 0) | (b != 0)", arity=2)
logical_xor = elementwise("logical_xor", np.logical_xor, ir="(a != 0) ^ (b != 0)", arity=2)
logical_not = elementwise("logical_not", np.logical_not, ir="a == 0", arity=1)
isnan = elementwise("isnan", np.isnan, ir="a != a", arity=1)
isinf = elementwise("isinf", np.isinf, ir="abs(a) == inf", arity=1)
isfinite = elementwise("isfinite", np.isfinite, ir="abs(a) < inf", arity=1)


def _or_else(self: Tensor, condition: Tensor, other: Any) -> Any:
    """This tensor where condition holds, else other. See torch.where."""
    return where(condition, self, other)


writes(add, W.add)
writes(sub, W.subtract)
writes(div, np.true_divide)
writes(clamp, W.clamp)
writes(relu, W.relu)
writes(neg, W.neg)

offer(
    globals(),
    functions="where",
    both=(
        "abs add bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift "
        "bitwise_xor ceil clamp clamp_max clamp_min cos "
        "div eq exp floor floor_divide ge gt isfinite isinf isnan le log logical_and logical_not "
        "logical_or logical_xor lt maximum minimum mul ne neg pow reciprocal relu remainder "
        "sigmoid sign sin sqrt sub tanh true_divide trunc"
    ),
    in_place=(
        "abs add bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift "
        "bitwise_xor ceil clamp clamp_max clamp_min cos "
        "div eq exp floor floor_divide ge gt le log logical_and logical_not logical_or logical_xor lt "
        "mul ne neg pow reciprocal relu remainder sigmoid sign sin sqrt sub tanh true_divide "
        "trunc"
    ),
    rules="floor_quotient gate power trunc_quotient",
    named={"where": _or_else},
    aliases={
        "abs": "absolute",
        "clamp": "clip",
        "div": "divide",
        "gt": "greater",
        "ge": "greater_equal",
        "lt": "less",
        "le": "less_equal",
        "mul": "multiply",
        "neg": "negative",
        "ne": "not_equal",
        "sub": "subtract",
        "trunc": "fix",
    },
    writers=(
        "abs ceil clamp clamp_max clamp_min cos exp floor log neg reciprocal relu sigmoid sin sqrt tanh trunc"
    ),
)
offer({"expit": sigmoid}, functions="expit", namespace="special")
nameless(globals())
