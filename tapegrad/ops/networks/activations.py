"""Activations, as torch.nn.functional names them."""

from __future__ import annotations

from typing import Any

import tapegrad.define.batching as B
import tapegrad.kernels.activations as A
import tapegrad.ops.activations as plain
from tapegrad._errors import describe
from tapegrad.define import inplace, offer, opaque
from tapegrad.kernels.errstate import nameless
from tapegrad.ops import nn, pointwise
from tapegrad.ops.activations import applied
from tapegrad.ops.draws import exponential_
from tapegrad.ops.gather import scatter
from tapegrad.ops.new import empty_like, zeros_like
from tapegrad.ops.reduce import argmax
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, axis


def _of_gelu_tanh(F: Any, g: Any, x: Any, shapes: Any) -> Any:
    t = F.tanh((x + x * x * x * 0.044715) * A.ROOT_2_OVER_PI)
    slope = (x * x * (3 * 0.044715) + 1) * A.ROOT_2_OVER_PI
    return g * ((t + 1) * 0.5 + x * 0.5 * (1 - t * t) * slope)


def _of_silu(F: Any, g: Any, x: Any, shapes: Any) -> Any:
    s = F.sigmoid(x)
    return g * s * (x * (1 - s) + 1)


def _of_mish(F: Any, g: Any, x: Any, shapes: Any) -> Any:
    t = F.tanh(F.apply(_softplus.op, x, 1.0, 20.0))
    return g * (t + x * F.sigmoid(x) * (1 - t * t))


def _of_hardswish(F: Any, g: Any, x: Any, shapes: Any) -> Any:
    return F.where(x >= 3, g, F.where(x <= -3, 0, g * (x / 3 + 0.5)))


def _of_glu(F: Any, g: Any, x: Any, shapes: Any, dim: int) -> Any:
    n = shapes[0][dim] // 2
    before = (slice(None),) * dim
    a, b = F.getitem(x, (*before, slice(None, n))), F.getitem(x, (*before, slice(n, None)))
    s = F.sigmoid(b)
    return F.cat([g * s, g * a * s * (1 - s)], dim)


def _op(name: str, kernel: Any, ir: Any, rule: Any, title: str | None = None) -> Any:
    """An op on each element that reads its input."""
    return opaque(name, kernel, kind="elementwise", ir=ir, saves=((0,),), d=(rule,), title=title)


def _leaky(name: str, title: str | None = None) -> Any:
    return _op(
        name,
        A.leaky_relu,
        lambda F, x, slope: F.where(x > 0, x, x * slope),
        lambda F, g, x, shapes, slope: F.where(x > 0, g, g * slope),
        title,
    )


# torch names the nodes of these two's in-place forms apart
_leaky_relu, _leaky_relu_in_place = _leaky("leaky_relu"), _leaky("leaky_relu.in_place", "LeakyReluBackward1")
_elu, _elu_in_place = plain.elu_op("elu"), plain.elu_op("elu.in_place", "EluBackward1")
_hardtanh = _op(
    "hardtanh",
    A.hardtanh,
    lambda F, x, low, high: F.where(x > high, high, F.where(x < low, low, x)),
    lambda F, g, x, shapes, low, high: F.where((x > low) & (x < high), g, 0),
)
_silu = _op("silu", A.silu, lambda F, x: x * F.sigmoid(x), _of_silu)
_mish = _op("mish", A.mish, lambda F, x: x * F.tanh(F.log1p(F.exp(x))), _of_mish)
_hardswish = _op("hardswish", A.hardswish, lambda F, x: x * F.min(F.max(0.0, x + 3), 6.0) / 6, _of_hardswish)
_hardsigmoid = _op(
    "hardsigmoid",
    A.hardsigmoid,
    lambda F, x: F.min(F.max(0.0, x + 3), 6.0) / 6,
    lambda F, g, x, shapes: F.where((x > -3) & (x < 3), g / 6, 0),
)
_gelu_slope = _op(
    "gelu.slope",
    A.gelu_slope,
    lambda F, x: F.gelu_slope(x),
    lambda F, g, x, shapes: g * (F.exp(x * x * -0.5) * A.INV_ROOT_2_PI * (2 - x * x)),
)
_gelu = _op("gelu", A.gelu, "gelu(a)", lambda F, g, x, shapes: g * F.apply(_gelu_slope.op, x))
_gelu_tanh = _op(
    "gelu.tanh",
    A.gelu_tanh,
    lambda F, x: x * 0.5 * (F.tanh((x + x * x * x * 0.044715) * A.ROOT_2_OVER_PI) + 1),
    _of_gelu_tanh,
)
_softplus = _op(
    "softplus",
    A.softplus,
    lambda F, x, beta, limit: F.where(x * beta > limit, x, F.log1p(F.exp(x * beta)) / beta),
    lambda F, g, x, shapes, beta, limit: F.where(x * beta > limit, g, g * F.sigmoid(x * beta)),
)
_log_sigmoid = _op(
    "log_sigmoid",
    A.log_sigmoid,
    lambda F, x: F.min(x, 0.0) - F.log1p(F.exp(-F.abs(x))),
    lambda F, g, x, shapes: g * F.sigmoid(-x),
)
_softshrink = _op(
    "softshrink",
    A.softshrink,
    lambda F, x, limit: F.where(x > limit, x - limit, F.where(x < -limit, x + limit, x * 0)),
    lambda F, g, x, shapes, limit: F.where((x < -limit) | (x > limit), g, 0),
)
_glu = opaque("glu", A.glu, saves=((0,),), d=(_of_glu,), batch=B.at_dim)

# ---- with an in-place form


def _either(pair: tuple[Any, Any], inplace: bool, input: Tensor, *args: Any) -> Tensor:
    """The op on a tensor, or written into it."""
    op, writer = pair
    return writer(input, *args) if inplace else applied(op, input, *args)


def _pair(op: Any, op_in_place: Any = None) -> tuple[Any, Any]:
    def write(input: Tensor, *args: Any) -> Tensor:
        return applied(op_in_place or op, input, *args)

    return op, inplace(write, f"{op.op.name}_")


_LEAKY_RELU, _ELU = _pair(_leaky_relu, _leaky_relu_in_place), _pair(_elu, _elu_in_place)
_HARDTANH, _SILU, _MISH = _pair(_hardtanh), _pair(_silu), _pair(_mish)
_HARDSWISH, _HARDSIGMOID = _pair(_hardswish), _pair(_hardsigmoid)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(input, 0); `inplace` writes it into input."""
    return input.relu_() if inplace else pointwise.relu(input)


def relu_(input: Tensor) -> Tensor:
    """max(input, 0), written into input."""
    return input.relu_()


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input above 0, else negative_slope * input."""
    return _either(_LEAKY_RELU, inplace, input, negative_slope)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """leaky_relu, written into input."""
    return _either(_LEAKY_RELU, True, input, negative_slope)


def _limited(inplace: bool, input: Tensor, low: float, high: float) -> Tensor:
    kind = need_tensor(input, "hardtanh")._kind
    if kind.kind == "b":
        raise RuntimeError("hardtanh: input is bool; a number is needed.")
    if kind.kind == "u" and low < 0:
        raise RuntimeError(f"hardtanh: input is {input.dtype} and min_val {low}; it must not be negative.")
    if kind.kind == "c":
        raise NotImplementedError(f"hardtanh: input is {input.dtype}; a real tensor is needed.")
    return _either(_HARDTANH, inplace, input, low, high)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """input limited to [min_val, max_val]. Raises: ValueError for limits in the wrong order."""
    if min_val > max_val:
        raise ValueError(
            f"hardtanh: min_val is {min_val} and max_val {max_val}; min_val <= max_val is needed."
        )
    return _limited(inplace, input, min_val, max_val)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """hardtanh, written into input."""
    return _limited(True, input, min_val, max_val)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """input limited to [0, 6]."""
    return _limited(inplace, input, 0, 6)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input above 0, else alpha * (exp(input) - 1).

    Source: D. Clevert et al., "Fast and Accurate Deep Network Learning by Exponential Linear Units" (2015).
    """
    return _either(_ELU, inplace, input, alpha, 1.0, 1.0)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """elu, written into input."""
    return _either(_ELU, True, input, alpha, 1.0, 1.0)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The exponential linear unit that keeps mean 0 and variance 1. See torch.selu."""
    return plain.selu_(input) if inplace else plain.selu(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(input, 0) + min(0, alpha * (exp(input / alpha) - 1)). See torch.celu."""
    return plain.celu_(input, alpha) if inplace else plain.celu(input, alpha)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """input where it is above the threshold, else value. See torch.threshold."""
    f: Any = plain.threshold_ if inplace else plain.threshold
    return f(input, threshold, value)  # type: ignore[no-any-return] # a Tensor


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """input above 0, else times a slope between lower and upper. See torch.rrelu."""
    f: Any = plain.rrelu_ if inplace else plain.rrelu
    return f(input, lower, upper, training)  # type: ignore[no-any-return] # a Tensor


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """input * sigmoid(input). Source: S. Elfwing et al., "Sigmoid-Weighted Linear Units" (2017)."""
    return _either(_SILU, inplace, input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * tanh(softplus(input)). Source: D. Misra, "Mish" (2019)."""
    return _either(_MISH, inplace, input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """input * hardsigmoid(input). Source: A. Howard et al., "Searching for MobileNetV3" (2019)."""
    return _either(_HARDSWISH, inplace, input)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """input / 6 + 1 / 2, limited to [0, 1]."""
    return _either(_HARDSIGMOID, inplace, input)


# ---- without


def gelu(input: Tensor, *, approximate: str = "none") -> Tensor:
    """input times the probability that a standard normal number is below it; "tanh" approximates that.

    Raises: RuntimeError for another approximation.
    Source: D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units" (2016).
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate is {approximate!r}; 'none' or 'tanh' is needed.")
    return applied(_gelu if approximate == "none" else _gelu_tanh, input)


def softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    """log(1 + exp(beta * input)) / beta, and input where beta * input is above the threshold."""
    return applied(_softplus, input, beta, threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(input)), without its underflow."""
    return applied(_log_sigmoid, input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """input moved towards 0 by lambd, which it does not pass. Raises: RuntimeError for a negative lambd."""
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambd is {lambd}; 0 or more is needed.")
    return applied(_softshrink, input, lambd)


def softsign(input: Tensor) -> Tensor:
    """input / (1 + abs(input))."""
    return need_tensor(input, "softsign") / (input.abs() + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """input - pointwise.tanh(input)."""
    return need_tensor(input, "tanhshrink") - pointwise.tanh(input)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax of -input along dim."""
    return nn.softmax(-need_tensor(input, "softmin"), dim, dtype=dtype)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half of input along dim, times the sigmoid of the second.

    Raises: RuntimeError for a 0-d input or an odd size, IndexError for dim.
    Source: Y. Dauphin et al., "Language Modeling with Gated Convolutional Networks" (2017).
    """
    x = need_tensor(input, "glu")
    if not x._a.ndim:
        raise RuntimeError("glu: input is 0-d; it must have a dimension that can be halved.")
    at = axis(dim, x._a.ndim, "glu")
    if x._a.shape[at] % 2:
        raise RuntimeError(f"glu: input is {describe(x)}; its size along {dim} must be even.")
    return applied(_glu, x, at)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A draw from the categories that logits give, softened so that it has a derivative; `hard`: a one in one
    place, with the gradient of the soft one.

    Source: E. Jang et al., "Categorical Reparameterization with Gumbel-Softmax" (2016).
    """
    noise = -exponential_(empty_like(need_tensor(logits, "gumbel_softmax").detach())).log()
    soft = nn.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    ones = scatter(zeros_like(logits.detach()), dim, argmax(soft, dim, keepdim=True), 1.0)
    return ones - soft.detach() + soft


offer(
    globals(),
    functions="celu elu elu_ gelu glu gumbel_softmax hardsigmoid hardswish hardtanh hardtanh_ leaky_relu "
    "leaky_relu_ logsigmoid mish relu relu6 relu_ rrelu selu silu softmin softplus softshrink softsign "
    "tanhshrink threshold",
    namespace="nn",
)
offer(vars(plain), functions="celu_ hardshrink prelu rrelu_ selu_ threshold_", namespace="nn")
offer(vars(nn), functions="linear log_softmax softmax", namespace="nn")
offer(vars(pointwise), functions="sigmoid tanh", namespace="nn")
nameless(globals())
