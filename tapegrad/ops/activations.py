"""Activations that torch has as functions of the package."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.kernels.numbers as N
import tapegrad.kernels.random as R
from tapegrad._errors import sizes
from tapegrad.define import elementwise, finish, inplace, offer, opaque
from tapegrad.define.refusing import floats_only
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.pointwise import where
from tapegrad.ops.random import Generator, draw_flat
from tapegrad.ops.shape import reshape
from tapegrad.promotion import fitting, need_tensor, refused
from tapegrad.tensor import Tensor, wrap

# torch names the nodes of the in-place forms apart: so each op is there twice.

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def _elu_backward(F: Any, g: Any, x: Any, shapes: Any, alpha: float, scale: float, slope: float) -> Any:
    """The rule of all exponential linear units. At 0 the second derivative is 0, as torch has it."""
    right = x > 0
    below = F.exp(F.where(x >= 0, 0, x) * slope) * (alpha * scale * slope)
    return F.where(right, g if scale == 1 else g * scale, g * below)


def elu_op(key: str, title: str | None = None) -> Any:
    """An exponential linear unit."""
    return opaque(
        key,
        N.elu,
        kind="elementwise",
        ir=lambda F, x, alpha, scale, slope: F.where(x <= 0, F.expm1(x * slope) * (alpha * scale), x * scale),
        saves=((0,),),
        d=(_elu_backward,),
        title=title,
    )


def _threshold_op(key: str, title: str) -> Any:
    return opaque(
        key,
        N.threshold,
        kind="elementwise",
        ir=lambda F, x, limit, value: F.where(x <= limit, value, x),
        saves=((0,),),
        d=(lambda F, g, x, shapes, limit, value: F.where(x <= limit, 0, g),),
        title=title,
    )


_celu, _celu_in_place = elu_op("celu"), elu_op("celu.in_place", "CeluBackward1")
_selu, _selu_in_place = elu_op("selu", "EluBackward0"), elu_op("selu.in_place", "EluBackward1")
_threshold = _threshold_op("threshold", "ThresholdBackward0")
_threshold_in_place = _threshold_op("threshold.in_place", "ThresholdBackward1")
_hardshrink = opaque(
    "hardshrink",
    N.hardshrink,
    kind="elementwise",
    ir=lambda F, x, limit: F.where(F.abs(x) <= limit, 0.0, x),
    saves=((0,),),
    d=(lambda F, g, x, shapes, limit: F.where((x < -limit) | (x > limit), g, 0),),
)
_prelu = elementwise(
    "prelu",
    N.prelu,
    ir="a > 0 ? a : b * a",
    d=("F.where(a > 0, g, g * b)", "F.where(a > 0, 0, g * a)"),
    title="PreluKernelBackward0",
    check=floats_only,
)
_rrelu, _rrelu_in_place = (
    elementwise(key, N.product, ir="a * b", d=("g * b", None), title=title, check=floats_only)
    for key, title in (
        ("rrelu", "RreluWithNoiseBackward0"),
        ("rrelu.in_place", "RreluWithNoiseBackward1"),
    )
)
_steady, _steady_in_place = (
    opaque(
        f"{key}.steady",
        N.leaky,
        kind="elementwise",
        ir=lambda F, x, slope: F.where(x > 0, x, x * slope),
        saves=((0,),),
        d=(lambda F, g, x, shapes, slope: F.where(x > 0, g, g * slope),),
        title=title,
    )
    for key, title in (
        ("rrelu", "RreluWithNoiseBackward0"),
        ("rrelu.in_place", "RreluWithNoiseBackward1"),
    )
)


def applied(op: Any, input: Any, *args: Any) -> Tensor:
    """The op on a tensor. Raises: NotImplementedError for a dtype that it lacks."""
    x = need_tensor(input, op.op.name)
    try:
        return op(x, *args)  # type: ignore[no-any-return] # a Tensor
    except TypeError:
        raise refused(op.op, (x,)) from None


def _for_celu(op: Any, input: Tensor, alpha: float) -> Tensor:
    if alpha == 0:
        raise RuntimeError("celu: alpha is 0, and it divides; another number is needed.")
    return applied(op, input, alpha, 1.0, 1.0 / alpha)


def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """max(input, 0) + min(0, alpha * (exp(input / alpha) - 1)). Raises: RuntimeError if alpha is 0."""
    return _for_celu(_celu, input, alpha)


def _write_celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    return _for_celu(_celu_in_place, input, alpha)


def selu(input: Tensor) -> Tensor:
    """The exponential linear unit that keeps mean 0 and variance 1.

    Source: G. Klambauer et al., "Self-Normalizing Neural Networks" (2017).
    """
    return applied(_selu, input, _SELU_ALPHA, _SELU_SCALE, 1.0)


def _write_selu(input: Tensor) -> Tensor:
    return applied(_selu_in_place, input, _SELU_ALPHA, _SELU_SCALE, 1.0)


def threshold(input: Tensor, threshold: float, value: float, *, out: Tensor | None = None) -> Tensor:
    """input where it is above the threshold, else value."""
    return finish(_limited(_threshold, input, threshold, value), out, "threshold", (input,))


def _write_threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    return _limited(_threshold_in_place, input, threshold, value)


def _limited(op: Any, input: Tensor, limit: float, value: float) -> Tensor:
    kind = need_tensor(input, "threshold")._kind
    return applied(op, input, *[fitting(v, kind, "threshold").item() for v in (limit, value)])


def hardshrink(input: Tensor, lambd: float = 0.5, *, out: Tensor | None = None) -> Tensor:
    """0 where input is within [-lambd, lambd], else input."""
    return finish(applied(_hardshrink, input, lambd), out, "hardshrink", (input,))


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """input above 0, else weight * input: one weight, or one per channel (dimension 1 of input).

    Raises: RuntimeError for another number of weights, or another dtype.
    """
    x, w = need_tensor(input, "prelu"), need_tensor(weight, "prelu", "weight")
    if x._kind is not w._kind:
        raise RuntimeError(f"prelu: input is {x.dtype} and weight {w.dtype}; they must be equal.")
    if w._a.ndim > 1:
        raise RuntimeError(f"prelu: weight is {sizes(w._a.shape)}; a 0-d or 1-d tensor is needed.")
    n, ndim = w._a.size, x._a.ndim
    if n != 1:
        channels = x._a.shape[1] if ndim > 1 else 1
        if not ndim or n != channels:
            raise RuntimeError(
                f"prelu: weight is {sizes(w._a.shape)} and input {sizes(x._a.shape)}; one is needed, "
                f"or one per channel ({channels})."
            )
    if w._a.ndim:
        w = reshape(w, (n, *(1,) * (ndim - 2)) if n != 1 else ())
    return applied(_prelu, x, w)


def _randomly(
    ops: tuple[Any, Any], input: Tensor, lower: float, upper: float, training: bool, given: Generator | None
) -> Tensor:
    """input by the first op, in training by the second with its noise."""
    need_tensor(input, "rrelu")
    if lower > upper:
        raise RuntimeError(f"rrelu: lower is {lower} and upper {upper}; lower <= upper is needed.")
    if training:
        return applied(ops[1], input, _noise(input.detach(), lower, upper, given))
    return applied(ops[0], input, (lower + upper) / 2)


def _noise(x: Tensor, lower: float, upper: float, generator: Generator | None) -> Tensor:
    """What multiplies each element: 1 above 0, else a random slope."""
    a = x._a

    def slopes(stream: Any, n: int, kind: Any) -> Any:
        if type(a) is not np.ndarray or n != a.size:  # in a transform: one for every element
            return R.uniform(stream, n, lower, upper, np.float64).astype(kind)
        y = np.ones(n, kind)
        below = (a <= 0).reshape(-1)
        y[below] = R.uniform(stream, int(np.sum(below)), lower, upper, np.float64)
        return y

    return where(x > 0, 1, wrap(draw_flat("rrelu", generator, tuple(x.shape), slopes, x._kind)))  # type: ignore[no-any-return] # a Tensor


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """input above 0, else times a slope: the middle of lower and upper, or in training a random one between.

    Raises: RuntimeError for lower above upper.
    """
    return _randomly((_steady, _rrelu), input, lower, upper, training, generator)


def _write_rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    return _randomly((_steady_in_place, _rrelu_in_place), input, lower, upper, training, generator)


celu_ = inplace(_write_celu, "celu_")
selu_ = inplace(_write_selu, "selu_")
# torch lets it write where elements share a place: each gets one value.
threshold_ = inplace(_write_threshold, "threshold_", fills=True)
rrelu_ = inplace(_write_rrelu, "rrelu_")

offer(
    globals(),
    both="hardshrink prelu",
    functions="celu celu_ rrelu rrelu_ selu selu_ threshold threshold_",
)
nameless(globals())
