"""Elementary functions of one number: trigonometric, hyperbolic, exponential, parts of a number."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tapegrad.kernels.numbers as N
import tapegrad.kernels.pointwise as P
from tapegrad._errors import describe
from tapegrad._state import default
from tapegrad.define import cast, elementwise, finish, offer, opaque
from tapegrad.define.refusing import floats_only
from tapegrad.dtypes import C16, F8, FLOATING, of
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.pointwise import FLAT, pow
from tapegrad.promotion import NUMBERS, check_order, check_real, need_tensor, real_only, result_dtype
from tapegrad.tensor import Tensor

# ---- angles

acos = elementwise("acos", np.arccos, ir="acos(a)", floats=True, d=("g * -F.rsqrt(1 - a * a)",))
asin = elementwise("asin", np.arcsin, ir="asin(a)", floats=True, d=("g * F.rsqrt(1 - a * a)",))
atan = elementwise("atan", np.arctan, ir="atan(a)", floats=True, d=("g / (a * a + 1)",))
tan = elementwise("tan", np.tan, ir="tan(a)", floats=True, d=("g * (1 + y * y)",))
deg2rad = elementwise(
    "deg2rad",
    N.scale(math.pi / 180),
    ir="a * (pi / 180)",
    floats=True,
    d=(f"g * {math.pi / 180!r}",),
    title="Deg2RadBackward0",
    check=check_order,
)
rad2deg = elementwise(
    "rad2deg",
    N.scale(180 / math.pi),
    ir="a * (180 / pi)",
    floats=True,
    d=(f"g * {180 / math.pi!r}",),
    title="Rad2DegBackward0",
    check=check_order,
)
sinc = elementwise(
    "sinc",
    N.sinc,
    ir="sinc(a)",
    doc="a == 0 ? 1 : sin(pi * a) / (pi * a)",
    floats=True,
    # not y, which is rounded in a narrow dtype
    d=(f"g * F.where(a * a == 0, 0, (F.cos(a * {math.pi!r}) - F.sinc(a)) / F.where(a == 0, 1, a))",),
)

# ---- hyperbolic functions

acosh = elementwise("acosh", np.arccosh, ir="acosh(a)", floats=True, d=("g * F.slope_of_acosh(a)",))
asinh = elementwise("asinh", np.arcsinh, ir="asinh(a)", floats=True, d=("g * F.rsqrt(a * a + 1)",))
atanh = elementwise("atanh", np.arctanh, ir="atanh(a)", floats=True, d=("g / (1 - a * a)",))
cosh = elementwise("cosh", np.cosh, ir="cosh(a)", floats=True, d=("g * F.sinh(a)",))
sinh = elementwise("sinh", np.sinh, ir="sinh(a)", floats=True, d=("g * F.cosh(a)",))

# ---- exponentials, logarithms, roots

exp2 = elementwise("exp2", np.exp2, ir="exp2(a)", floats=True, d=(f"g * y * {math.log(2)!r}",))
expm1 = elementwise("expm1", np.expm1, ir="expm1(a)", doc="exp(a) - 1", floats=True, d=("g * (y + 1)",))
log1p = elementwise(
    "log1p",
    np.log1p,
    ir="log1p(a)",
    doc="log(1 + a)",
    floats=True,
    d=("g / (a + 1)",),
    title="Log1PBackward0",
)
log2 = elementwise("log2", np.log2, ir="log2(a)", floats=True, d=(f"g / (a * {math.log(2)!r})",))
log10 = elementwise("log10", np.log10, ir="log10(a)", floats=True, d=(f"g / (a * {math.log(10)!r})",))
rsqrt = elementwise("rsqrt", N.rsqrt, ir="1 / sqrt(a)", floats=True, d=("g * -0.5 * (y * y * y)",))


def slope_of_acosh(a: Tensor) -> Tensor:
    """1 / sqrt(a * a - 1), in complex numbers on the branch that acosh is on."""
    slope: Tensor = rsqrt(a + 1) * rsqrt(a - 1) if a._kind.kind == "c" else rsqrt(a * a - 1)
    return slope


_logit = opaque(
    "logit",
    N.logit,
    kind="elementwise",
    ir=lambda F, x, eps: _odds(F, x if eps is None else F.min(1 - eps, F.max(eps, x))),
    saves=((0,),),
    d=(lambda F, g, x, shapes, eps: _logit_backward(F, g, x, eps),),
)


def _odds(F: Any, z: Any) -> Any:
    return F.log(z / (1.0 - z))


def _logit_backward(F: Any, g: Any, x: Any, eps: float | None) -> Any:
    low, beyond = (0, math.nan) if eps is None else (eps, 0.0)
    outside = (x < low) | (x > 1 - low)
    z = F.where(outside, 0.5, x)  # away from what would be nan in second derivatives
    return F.where(outside, beyond, g / (z * (1 - z)))


def logit(input: Tensor, eps: float | None = None, *, out: Tensor | None = None) -> Tensor:
    """log(input / (1 - input)), the inverse of sigmoid; input is first limited to [eps, 1 - eps]."""
    x = floating(input, "logit")
    return finish(_logit(x, eps), out, "logit", (input,))


def floating(input: Any, name: str) -> Tensor:
    """The tensor, integers in the default dtype.

    Raises: TypeError if it is none, NotImplementedError if it is complex.
    """
    x = need_tensor(input, name)
    real_only(name, (x,))
    return x if x._kind.kind in FLOATING else cast(x, default.dtype)


def square(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input * input."""
    return pow(need_tensor(input, "square"), 2, out=out)


def float_power(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """input to the power exponent, computed in float64 or complex128. One of them may be a number."""
    tensors = [v for v in (input, exponent) if isinstance(v, Tensor)]
    if not tensors:
        raise TypeError(f"float_power: input is {describe(input)}; a Tensor is needed.")
    kind = C16 if result_dtype([input, exponent]).kind == "c" else F8
    x, n = (v if not isinstance(v, Tensor) or v._kind is kind else cast(v, kind) for v in (input, exponent))
    if isinstance(input, NUMBERS):
        x = complex(input) if kind is C16 else float(input)  # type: ignore[arg-type] # real, for float64
    return pow(x, n, out=out)


def _float_power_in_place(input: Tensor, exponent: Any) -> Tensor:
    """input to the power exponent. Raises: RuntimeError unless input is float64."""
    if not isinstance(exponent, (Tensor, *NUMBERS)):
        raise TypeError(
            f"float_power_: exponent is {type(exponent).__name__}; a number or a Tensor is needed."
        )
    kind = C16 if result_dtype([need_tensor(input, "float_power_"), exponent]).kind == "c" else F8
    if input._kind is not kind:
        raise RuntimeError(
            f"float_power_: input is {input.dtype} and the result {of(kind)}; use float_power, or convert it "
            "first, e.g. with .double()."
        )
    return float_power(input, exponent)


# ---- roundings, signs and parts

_round = elementwise("round", P.round, fast=np.rint, ir="rint(a)", d=(FLAT,), check=check_real)
_round_to = opaque(
    "round.decimals",
    P.round_to,
    kind="elementwise",
    d=(lambda F, g, shapes, n: F.zeros_like(g),),
    title="RoundBackward1",
)


def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """The nearest integer, halves to the even one; with so many decimals.

    Raises: NotImplementedError for bool, and for decimals of integers.
    """
    if decimals == 0:
        result: Tensor = _round(input, out=out)
        return result
    return _special_round(input, decimals=decimals, out=out)


def _special_round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """The nearest number with so many decimals, halves to the even one.

    Raises: NotImplementedError unless input has a floating point dtype.
    """
    if need_tensor(input, "round")._kind.kind not in FLOATING:
        raise NotImplementedError(f"round: input is {input.dtype}; decimals need a floating point tensor.")
    return finish(_round_to(input, decimals), out, "round", (input,))


frac = elementwise("frac", N.frac, ir="a - trunc(a)", d=("g",), check=floats_only)
_signbit = elementwise("signbit", N.signbit, ir="signbit(a)", arity=1, check=check_real)
_isposinf = elementwise("isposinf", N.isposinf, ir="a == inf", arity=1, check=check_order)
_isneginf = elementwise("isneginf", N.isneginf, ir="a == -inf", arity=1, check=check_order)


def signbit(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether the sign bit of each element is set, as it is for -0.0, too."""
    return finish(_signbit(input), out, "signbit", (input,), exact=True)


def isposinf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether each element is +inf."""
    return finish(_isposinf(input), out, "isposinf", (input,), exact=True)


def isneginf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether each element is -inf."""
    return finish(_isneginf(input), out, "isneginf", (input,), exact=True)


def positive(input: Tensor) -> Tensor:
    """input itself. Raises: RuntimeError for bool."""
    if need_tensor(input, "positive")._kind.kind == "b":
        raise RuntimeError("positive: input is bool; numbers are needed. Convert first, e.g. with .int().")
    return input


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element is not 0. Raises: RuntimeError unless there is just one."""
    x = need_tensor(input, "is_nonzero")
    if x._a.size != 1:
        raise RuntimeError(f"is_nonzero: input is {describe(x)}; one element is needed.")
    return bool(x)


def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return of(need_tensor(input, "is_signed")._kind).is_signed


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape."""
    return bool(need_tensor(input, "is_same_size").shape == need_tensor(other, "is_same_size", "other").shape)


def _finite(F: Any, x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    most = F.largest(x)
    above = F.where(x == math.inf, most if posinf is None else posinf, x)
    below = F.where(x == -math.inf, -most if neginf is None else neginf, above)
    return F.where(F.isnan(x), 0.0 if nan is None else nan, below)


_nan_to_num = opaque(
    "nan_to_num",
    N.nan_to_num,
    kind="elementwise",
    ir=_finite,
    saves=((0,),),
    d=(lambda F, g, x, shapes, *values: F.where(F.isfinite(x), g, g * 0),),
)


def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """input with other values for nan (0), inf and -inf (the largest and the least of the dtype)."""
    x = need_tensor(input, "nan_to_num")
    return finish(_nan_to_num(x, nan, posinf, neginf), out, "nan_to_num", (input,))


_UNARY = (
    "acos acosh asin asinh atan atanh cosh deg2rad exp2 expm1 frac log10 log1p log2 logit nan_to_num rad2deg "
    "round rsqrt sinc sinh square tan"
)
_ALIASES = {
    "acos": "arccos",
    "acosh": "arccosh",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atanh": "arctanh",
}
offer(
    globals(),
    both=(f"{_UNARY} float_power is_nonzero is_same_size is_signed isneginf isposinf positive signbit"),
    in_place=_UNARY,
    writers=_UNARY,
    rules="slope_of_acosh",
    aliases=_ALIASES,
)
offer({"float_power": _float_power_in_place}, in_place="float_power")
offer(
    {**globals(), "round": _special_round}, functions="exp2 expm1 log1p logit round sinc", namespace="special"
)
nameless(globals())
