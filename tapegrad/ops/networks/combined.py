"""Vectors scaled to one length, and products of two inputs."""

from __future__ import annotations

from tapegrad._errors import sizes
from tapegrad.define import offer
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.linalg import matmul
from tapegrad.ops.pointwise import clamp_min, div
from tapegrad.ops.reduce import norm
from tapegrad.ops.shape import reshape, transpose, unsqueeze
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """input over its p-norm along dim, or over eps where that is smaller.

    Raises: IndexError for dim.
    """
    x = need_tensor(input, "normalize")
    return div(x, clamp_min(norm(x, p, dim, keepdim=True), eps), out=out)


def _lacks(a: Tensor, b: Tensor, w: Tensor, bias: Tensor | None) -> bool:
    """Whether torch, which looks at one size after the other, first misses a dimension."""
    x, y, shape = a._a.shape, b._a.shape, w._a.shape
    mixed = len({t._kind for t in (a, b, w, bias) if t is not None}) > 1
    if len(x) != len(y) or x[:-1] != y[:-1] or mixed:
        return False
    if not x or len(shape) < 2:
        return True
    if x[-1] != shape[1]:
        return False
    return len(shape) < 3 or (y[-1] == shape[2] and bias is not None and not bias._a.ndim)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input1 @ weight[k] @ input2 + bias[k] for each output k.

    Shapes: input1 [..., in1], input2 [..., in2], weight [out, in1, in2], bias [out, ...] -> [..., out].
    Raises: RuntimeError for other sizes, IndexError for missing dimensions.
    """
    a, b = need_tensor(input1, "bilinear", "input1"), need_tensor(input2, "bilinear", "input2")
    w = need_tensor(weight, "bilinear", "weight")
    *lead, n = a._a.shape or (-1,)
    fits = w._a.ndim == 3 and w._a.shape[1:] == (n, *b._a.shape[-1:]) and [*b._a.shape[:-1]] == lead
    if not fits or (bias is not None and bias._a.shape[:1] != w._a.shape[:1]):
        shown = "" if bias is None else f" and bias {sizes(bias._a.shape)}"
        raise (IndexError if _lacks(a, b, w, bias) else RuntimeError)(
            f"bilinear: input1 is {sizes(a._a.shape)}, input2 {sizes(b._a.shape)}, weight "
            f"{sizes(w._a.shape)}{shown}; [..., in1], [..., in2], [out, in1, in2] and [out] are needed."
        )
    if not a._kind is b._kind is w._kind or (bias is not None and bias._kind is not w._kind):
        names = ", ".join(str(t.dtype) for t in (a, b, w, bias) if t is not None)
        raise RuntimeError(f"bilinear: its arguments are {names}; they must be equal.")
    out, _, m = w._a.shape
    half = matmul(a, reshape(transpose(w, 0, 1), (n, out * m)))
    y = reshape(matmul(reshape(half, (*lead, out, m)), unsqueeze(b, -1)), (*lead, out))
    return y if bias is None else y + bias


offer(globals(), functions="bilinear normalize", namespace="nn")
nameless(globals())
