"""Functions of two numbers, or more: remainders, extremes, distances, logarithms of sums, interpolation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import tapegrad.kernels.numbers as N
import tapegrad.kernels.pointwise as P
import tapegrad.kernels.writers as W
from tapegrad._errors import describe
from tapegrad.define import cast, elementwise, finish, offer, opaque, writes
from tapegrad.define.refusing import no_bool, no_derivative
from tapegrad.dtypes import B1, F4, F8, FLOAT, FLOATING, INEXACT, REAL, of
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.pointwise import FLAT, scaled
from tapegrad.ops.pointwise import rsub as _rsub_number
from tapegrad.ops.results import Scaled, kind, written
from tapegrad.promotion import NUMBERS, check_order, check_real, need_tensor, operands, refused
from tapegrad.tape import Op
from tapegrad.tensor import Tensor


def numbered(key: str, kernel: Any, titles: Sequence[str], **facts: Any) -> Any:
    """An elementwise op of two inputs, whose node torch names apart where one is a number.

    titles: for two tensors, for a number as the second, and, if it may be one, as the first.
    """
    tensors, second, *first = [
        elementwise(key if i == 0 else f"{key}.{i}", kernel, title=title, **facts)
        for i, title in enumerate(titles)
    ]

    def call(input: Any, other: Any, *, out: Tensor | None = None) -> Any:
        if isinstance(input, Tensor):
            return (tensors if isinstance(other, Tensor) else second)(input, other, out=out)
        if not first or not isinstance(other, Tensor):
            need_tensor(input, key)
        return first[0](input, other, out=out)

    call.__name__ = call.__qualname__ = key
    call.__doc__ = tensors.__doc__
    call.op = tensors.op  # type: ignore[attr-defined] # as all ops have it
    call.ufunc = tensors.ufunc  # type: ignore[attr-defined] # as all elementwise ones have it
    return call


# ---- dividing

fmod = numbered(
    "fmod",
    N.fmod,
    ("FmodBackward1", "FmodBackward0"),
    ir="fmod(a, b)",
    doc="a - trunc(a / b) * b",
    d=("g", "-g * F.trunc_quotient(a, b)"),
)


def rsub(input: Tensor, other: Any, alpha: bool | int | float | complex = 1) -> Tensor:
    """other - alpha * input. Raises: RuntimeError for bool, and for integers with a float alpha."""
    need_tensor(input, "rsub")
    taken = input if alpha == 1 else scaled("rsub", other, input, alpha)
    result: Tensor = (_rsub if isinstance(other, Tensor) else _rsub_number)(taken, other)
    return result


_rsub = elementwise("rsub.tensors", P.rsub, ir="b - a", d=("-g", "g"), check=no_bool)


# ---- the larger, the smaller, where nan counts as missing

_FIRST = "F.where((a {0} b) | F.isnan(b), g, 0)"
_SECOND = "F.where((a {0} b) | F.isnan(b), 0, g)"
fmax = elementwise(
    "fmax",
    N.fmax,
    check=check_order,
    doc="The larger of a and b, and the other one where one is nan.",
    d=(_FIRST.format(">="), _SECOND.format(">=")),
    numbers="",
)
fmin = elementwise(
    "fmin",
    N.fmin,
    check=check_order,
    doc="The smaller of a and b, and the other one where one is nan.",
    d=(_FIRST.format("<="), _SECOND.format("<=")),
    numbers="",
)

# ---- geometry, signs, steps

# One over the squared distance from the origin; 0 there, as torch has it.
_AT_ORIGIN = "a * a + b * b == 0"
_OVER_SQUARE = f"F.where({_AT_ORIGIN}, 0, 1 / F.where({_AT_ORIGIN}, 1, a * a + b * b))"
atan2 = elementwise(
    "atan2",
    np.arctan2,
    ir="atan2(a, b)",
    floats=True,
    d=(f"g * b * {_OVER_SQUARE}", f"g * -a * {_OVER_SQUARE}"),
    numbers="",
)
hypot = elementwise(
    "hypot",
    N.floats(np.hypot),
    ufunc=np.hypot,
    ir="hypot(a, b)",
    doc="sqrt(a * a + b * b)",
    d=("g * a / y", "g * b / y"),
    numbers="",
)
copysign = numbered(
    "copysign",
    np.copysign,
    ("CopysignBackward0", "CopysignBackward1"),
    ir="copysign(a, b)",
    floats=True,
    d=("g * F.where(a == 0, 0, y / a)", FLAT),
)
nextafter = elementwise(
    "nextafter",
    N.floats(np.nextafter),
    ir="nextafter(a, b)",
    doc="The next number after a in the direction of b.",
    d=("F.where(a != b, g, 0)", FLAT),
    numbers="",
)
nextafter.op.widens = False  # the next number is one of the narrow dtype


def _one_dtype(op: Op, xs: Sequence[Any]) -> None:
    check_order(op, xs)
    if xs[0]._kind is not xs[1]._kind:
        raise RuntimeError(
            f"{op.name}: input is {xs[0].dtype} and values {xs[1].dtype}; they must be equal. Convert one, "
            f"e.g. with .to({xs[0].dtype})."
        )


_heaviside = elementwise(
    "heaviside",
    N.heaviside,
    doc="a == 0 ? b : a > 0",
    d=(no_derivative("heaviside"),) * 2,
    title="NotImplemented",
    check=_one_dtype,
    numbers="",
)


def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = None) -> Tensor:
    """0 where input is below 0, 1 where it is above, and `values` where it is 0.

    Raises: RuntimeError for tensors of two dtypes.
    """
    result: Tensor = _heaviside(input, values, out=out)
    return result


# ---- exponentials and logarithms

logaddexp = elementwise(
    "logaddexp",
    N.logaddexp,
    ufunc=np.logaddexp,
    ir="logaddexp(a, b)",
    doc="log(exp(a) + exp(b))",
    d=("g / (1 + F.exp(b - a))", "g / (1 + F.exp(a - b))"),
    numbers="",
)
logaddexp2 = elementwise(
    "logaddexp2",
    N.floats(np.logaddexp2),
    ufunc=np.logaddexp2,
    ir="logaddexp2(a, b)",
    doc="log2(exp2(a) + exp2(b))",
    d=("g / (1 + F.exp2(b - a))", "g / (1 + F.exp2(a - b))"),
    numbers="",
)
xlogy = numbered(
    "xlogy",
    N.xlogy,
    ("XlogyBackward0", "XlogyBackward2", "XlogyBackward1"),
    ir="xlogy(a, b)",
    doc="a == 0 ? 0 : a * log(b)",
    check=check_real,
    floats=True,
    d=("F.where((a == 0) & (b <= 0), 0, F.xlogy(g, b))", "g * a / b"),
)
xlog1py = numbered(
    "xlog1py",
    N.xlog1py,
    ("SpecialXlog1PyBackward0", "SpecialXlog1PyBackward2", "SpecialXlog1PyBackward1"),
    ir="special_xlog1py(a, b)",
    doc="a == 0 ? 0 : a * log(1 + b)",
    check=check_real,
    floats=True,
    d=("F.where((a == 0) & (b <= -1), 0, F.special_xlog1py(g, b))", "g * a / (b + 1)"),
)


def _no_bool_power(op: Op, xs: Sequence[Any]) -> None:
    if xs[1]._kind is B1 and of(xs[0]._kind).category >= FLOAT:
        raise NotImplementedError(f"ldexp: other is {describe(xs[1])}; numbers are needed, e.g. with .int().")


_ldexp = elementwise(
    "ldexp",
    N.ldexp,
    ir="a * exp2(b)",
    floats=True,
    d=("g * F.exp2(b)", f"g * y * {math.log(2)!r}"),
    check=_no_bool_power,
    numbers="",
)
_ldexp_by_integers = elementwise(
    "ldexp.integers",
    N.ldexp_by_integers,
    doc="ldexp(a, b)",
    floats=True,
    d=("g * F.exp2(b)", None),
    numbers="",
    title="LdexpBackward0",
)
_ldexp_by_powers = elementwise(
    "ldexp.powers", np.multiply, ir="a * b", doc="a * b", d=("g * b", "g * a"), title="LdexpBackward0"
)


def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input * 2 ** other. Shapes: they broadcast. Integers scale exactly, also where 2 ** other overflows;
    tensors of other exponents are raised in their own dtype.

    Raises: NotImplementedError for bool exponents of floats.
    """
    x, n = need_tensor(input, "ldexp"), need_tensor(other, "ldexp", "other")
    if n._kind.kind in "iu" and x._kind.kind in REAL:
        result = _ldexp_by_integers(x, n)
    elif n._a.ndim and x._kind is not n._kind and n._kind.kind in FLOATING:
        result = _ldexp_by_powers(x, n.exp2())
    else:
        result = _ldexp(x, n)
    return finish(result, out, "ldexp", (x, n))


_scaled = kind("frexp", Scaled)
_exponent = elementwise("frexp.exponent", N.exponent, doc="exponent(a)", arity=1)
_mantissa = elementwise("frexp", N.mantissa, doc="ldexp(a, -b)", d=("g / F.exp2(b)", None))


def frexp(input: Tensor, *, out: Any = None) -> Scaled:
    """input as mantissa * 2 ** exponent, with mantissas in [1/2, 1). The exponents are int32.

    Raises: RuntimeError for integers.
    """
    if need_tensor(input, "frexp")._kind.kind not in FLOATING:
        raise RuntimeError(f"frexp: input is {input.dtype}; a floating point tensor is needed.")
    exponent = _exponent(input.detach())
    mantissa = _mantissa(input, cast(exponent, input._kind))
    return written(_scaled(mantissa, exponent), out, "frexp")


# ---- three tensors


def _summed(*rules: Any) -> Any:
    """Rules of an opaque elementwise op, summed over what was broadcast."""

    def to_shape(i: int, rule: Any) -> Any:
        def d(F: Any, g: Any, *rest: Any) -> Any:
            *read, shapes, value = rest if len(rest) > 1 else (*rest, None)
            return F.sum_to(rule(F, g, *read, value), shapes[i])

        return d

    return tuple([to_shape(i, rule) for i, rule in enumerate(rules)])


def _between(F: Any, a: Any, b: Any, w: float) -> Any:
    d = b - a
    return a + d * w if math.fabs(w) < 0.5 else b - d * (1.0 - F.number(w, d))


_lerp_number = opaque(
    "lerp.number",
    N.lerp,
    kind="elementwise",
    ir=_between,
    d=_summed(lambda F, g, w: g * (1 - w), lambda F, g, w: g * w),
    title="LerpBackward0",
)
_lerp = elementwise(
    "lerp",
    N.lerp,
    ir="abs(c) < 0.5 ? a + c * (b - a) : b - (b - a) * (1 - c)",
    doc="a + c * (b - a)",
    d=("g * (1 - c)", "g * c", "g * (b - a)"),
    title="LerpBackward1",
)


def lerp(input: Tensor, end: Tensor, weight: Any, *, out: Tensor | None = None) -> Tensor:
    """input + weight * (end - input). weight is a number or a tensor; all broadcast.

    Raises: RuntimeError unless the tensors have one dtype, NotImplementedError for integers.
    """
    if out is None and type(weight) is float:
        try:
            if (input._kind is F4 or input._kind is F8) and input._kind is end._kind:
                return _lerp_number(input, end, weight)
        except (AttributeError, ValueError):
            pass  # for which there are better words
    tensors = [need_tensor(input, "lerp"), need_tensor(end, "lerp", "end")]
    number = isinstance(weight, NUMBERS)
    if not number:
        tensors.append(need_tensor(weight, "lerp", "weight"))
    kind = input._kind
    for what, t in zip(("end", "weight"), tensors[1:], strict=False):
        if t._kind is not kind and (what == "end" or t._a.ndim):
            raise RuntimeError(
                f"lerp: input is {input.dtype} and {what} {t.dtype}; they must be equal. Convert one, e.g. "
                f"with .to({input.dtype})."
            )
    if of(kind).category < FLOAT:
        raise NotImplementedError(f"lerp: input is {input.dtype}; a floating point tensor is needed.")
    try:
        result = _lerp_number(*tensors, weight) if number else _lerp(*tensors)
    except ValueError:
        raise refused(_lerp.op, tensors) from None
    return finish(result, out, "lerp", tensors)


_addcmul = opaque(
    "addcmul",
    N.addcmul,
    kind="elementwise",
    ir=lambda F, x, a, b, value: x + (a if value == 1 else a * value) * b,
    saves=((), (2,), (1,)),
    d=_summed(
        lambda F, g, value: g, lambda F, g, b, value: g * (b * value), lambda F, g, a, value: g * (a * value)
    ),
)
_addcdiv = opaque(
    "addcdiv",
    N.addcdiv,
    kind="elementwise",
    ir=lambda F, x, a, b, value: x + (a if value == 1 else a * value) / b,
    saves=((), (2,), (1, 2)),
    d=_summed(
        lambda F, g, value: g,
        lambda F, g, b, value: g * (value / b),
        lambda F, g, a, b, value: -g * (a * value / (b * b)),
    ),
)


def _three(f: Any, xs: tuple[Any, Any, Any], value: Any, out: Tensor | None) -> Tensor:
    if out is None and type(value) in (int, float):
        try:
            kind = xs[0]._kind
            if (kind is F4 or kind is F8) and kind is xs[1]._kind and kind is xs[2]._kind:
                return f(*xs, value)  # type: ignore[no-any-return] # a Tensor
        except (AttributeError, ValueError):
            pass  # for which there are better words
    name = f.op.name
    for what, x in zip(("input", "tensor1", "tensor2"), xs, strict=True):
        need_tensor(x, name, what)
    tensors = operands(f.op, xs, False, cast)
    kind = tensors[0]._kind
    if name == "addcdiv" and all(of(x._kind).category < FLOAT for x in xs[1:]):
        raise RuntimeError(
            f"addcdiv: tensor1 is {xs[1].dtype} and tensor2 {xs[2].dtype}; a floating point one is needed."
        )
    try:
        result: Tensor = f(*tensors, value if kind.kind in INEXACT else int(value))
    except (TypeError, ValueError):
        raise refused(f.op, tensors) from None
    return finish(result, out, name, xs)


def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1, out: Tensor | None = None
) -> Tensor:
    """input + value * tensor1 * tensor2. Shapes: they broadcast."""
    return _three(_addcmul, (input, tensor1, tensor2), value, out)


def addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1, out: Tensor | None = None
) -> Tensor:
    """input + value * tensor1 / tensor2. Shapes: they broadcast. Raises: RuntimeError for integers."""
    return _three(_addcdiv, (input, tensor1, tensor2), value, out)


writes(addcmul, W.addcmul)
writes(addcdiv, W.addcdiv)

# ---- integers

gcd = elementwise(
    "gcd", N.gcd, ufunc=np.gcd, doc="The greatest common divisor of a and b.", arity=2, numbers=""
)
lcm = elementwise(
    "lcm", N.lcm, ufunc=np.lcm, doc="The least common multiple of a and b.", arity=2, numbers=""
)

_IN_PLACE = "addcdiv addcmul atan2 copysign fmod gcd heaviside hypot lcm ldexp lerp nextafter xlogy"
offer(
    globals(),
    both=f"{_IN_PLACE} fmax fmin frexp logaddexp logaddexp2",
    functions="rsub",
    in_place=_IN_PLACE,
    writers="gcd lcm ldexp xlogy",
    aliases={"atan2": "arctan2"},
)
offer(globals(), functions="xlog1py xlogy", namespace="special")
nameless(globals())
