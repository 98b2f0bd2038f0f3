"""Matrix products."""

from __future__ import annotations

from math import prod
from typing import Any

import tapegrad.define.batching as B
import tapegrad.kernels.linalg as L
import tapegrad.kernels.shape as S
from tapegrad._errors import sizes
from tapegrad.define import finish as _finish
from tapegrad.define import gufunc, linear, offer, opaque, store
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.moves import unsafe_view
from tapegrad.ops.pointwise import mul
from tapegrad.ops.shape import reshape, unsqueeze
from tapegrad.promotion import mismatch, need_tensor, not_a_tensor
from tapegrad.tensor import Tensor

_PRODUCT: Any = {
    "saves": ((1,), (0,)),
    "d": (lambda F, g, b: F.matmul(g, F.mT(b)), lambda F, g, a: F.matmul(F.mT(a), g)),
}

_mm = gufunc(
    "mm",
    "(n,k),(k,m)->(n,m)",
    L.mm,
    saves=((1,), (0,)),
    d=(lambda F, g, b: F.mm(g, F.mT(b)), lambda F, g, a: F.mm(F.mT(a), g)),
)
_mv = gufunc(
    "mv",
    "(n,k),(k)->(n)",
    L.mv,
    saves=((1,), (0,)),
    d=(lambda F, g, x: F.outer(g, x), lambda F, g, a: F.mv(F.mT(a), g)),
)
_dot = gufunc("dot", "(k),(k)->()", L.dot, saves=((1,), (0,)), d=(lambda F, g, y: F.mul(g, y),) * 2)
_matmul = gufunc(
    "matmul", "(n,k),(k,m)->(n,m)", L.matmul, batched=True, title="UnsafeViewBackward0", **_PRODUCT
)
_bmm = gufunc("bmm", "(n,k),(k,m)->(n,m)", L.matmul, batched=True, **_PRODUCT)
_one_row = linear(
    "matmul.row",
    S.reshape,
    lambda F, g, shape, _: F.reshape(g, shape),
    title="SqueezeBackward4",
    batch=B.to_shape,
)
_CORES = (("n", "k"), ("k", "m"))


def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The product of two matrices: [n, k] times [k, m]. Raises: RuntimeError for other shapes or mixed
    dtypes."""
    return _finish(_mm(input, mat2), out, "mm", exact=True)


def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrix [n, k] times vector [k]. Raises: RuntimeError for other shapes or mixed dtypes, IndexError for a
    0-d input."""
    if isinstance(input, Tensor) and not input._a.ndim:
        raise IndexError("mv: input is 0-d; a matrix is needed.")
    return _finish(_mv(input, vec), out, "mv", exact=True)


def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The inner product of two vectors [k]. Raises: RuntimeError for other shapes or mixed dtypes."""
    return _finish(_dot(input, tensor), out, "dot", exact=True)


def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The outer product [n, m] of two vectors [n] and [m]. Raises: RuntimeError unless both are 1-d."""
    for what, x in (("input", input), ("vec2", vec2)):
        if need_tensor(x, "outer", what)._a.ndim != 1:
            raise RuntimeError(
                f"outer: {argument(what, x)} is {sizes(x._a.shape)} ({x._a.ndim}-d); a vector is needed."
            )
    return mul(unsqueeze(input, 1), vec2, out=out)


def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Products of b pairs of matrices: [b, n, k] times [b, k, m]. Raises: RuntimeError for other shapes."""
    for what, x in (("input", input), ("mat2", mat2)):
        if need_tensor(x, "bmm", what)._a.ndim != 3:
            raise RuntimeError(
                f"bmm: {argument(what, x)} is {sizes(x._a.shape)} ({x._a.ndim}-d); a 3-d tensor is needed."
            )
    if input._a.shape[0] != mat2._a.shape[0]:
        raise RuntimeError(
            f"bmm: {argument('input', input)} is {sizes(input._a.shape)} and {argument('mat2', mat2)} is "
            f"{sizes(mat2._a.shape)}; the first sizes must be equal. Use matmul to broadcast."
        )
    return _finish(_bmm(input, mat2), out, "bmm", exact=True)


def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The matrix product: of vectors the inner product, of more than two dimensions one product per leading
    index, which broadcasts.

    Shapes: [k] [k] -> []; [n, k] [k] -> [n]; [k] [k, m] -> [m]; [n, k] [k, m] -> [n, m]; [..., n, k] [..., k,
    m].
    Raises: RuntimeError for sizes that do not meet, 0-d operands or mixed dtypes.
    """
    try:
        n, m = input._a.ndim, other._a.ndim
    except AttributeError:
        raise mismatch("matmul", _CORES, input, other, False) from None
    if n == 2 and m == 2:
        try:
            result = _mm(input, other)
        except RuntimeError:
            if input._a.shape[1] == other._a.shape[0] and input._kind is other._kind:
                raise  # whoever watches the operations has something to say
            raise mismatch("matmul", _CORES, input, other, False) from None
    elif n == 1 and m == 1:
        result = _dot(input, other)
    elif n == 2 and m == 1:
        result = _mv(input, other)
    elif n == 0 or m == 0:
        raise RuntimeError(
            f"matmul: input is {n}-d and other is {m}-d; both must be 1-d or more. Use * for numbers."
        )
    elif n == 1:
        rows = matmul(unsqueeze(input, 0), other)
        shape = rows._a.shape
        result = (_one_row if m == 2 else unsafe_view)(rows, (*shape[:-2], shape[-1]))
    elif m == 1:
        columns = _matmul(input, unsqueeze(other, 1))
        result = unsafe_view(columns, columns._a.shape[:-1])
    elif m == 2 and input._a.flags.c_contiguous:
        # One large product instead of many small ones.
        *lead, k = input._a.shape
        if k != other._a.shape[0] or input._a.dtype is not other._a.dtype:
            raise mismatch("matmul", _CORES, input, other, True)
        result = unsafe_view(_mm(reshape(input, prod(lead), k), other), (*lead, other._a.shape[1]))
    else:
        result = _matmul(input, other)
    return _finish(result, out, "matmul", exact=True)


def _sum_and_product(F: Any, c: Any, a: Any, b: Any, beta: float, alpha: float) -> Any:
    # What has the factor 0 is not read.
    ab = F.mm(a, b) * alpha if alpha else F.zeros_like(F.mm(a, b))
    return ab if beta == 0 else ab + c * beta


_addmm = opaque(
    "addmm",
    L.addmm,
    saves=((), (2,), (1,)),
    d=(
        lambda F, g, shapes, beta, alpha: F.sum_to(g if beta == 1 else g * beta, shapes[0]),
        lambda F, g, b, shapes, beta, alpha: F.mm(g, F.mT(b)) if alpha == 1 else F.mm(g, F.mT(b)) * alpha,
        lambda F, g, a, shapes, beta, alpha: F.mm(F.mT(a), g) if alpha == 1 else F.mm(F.mT(a), g) * alpha,
    ),
    body=_sum_and_product,
)


def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2); input broadcasts to the product; with beta 0 it is not read.

    Raises: RuntimeError for sizes that do not meet or mixed dtypes.
    """
    if not type(input) is type(mat1) is type(mat2) is Tensor:
        for what, x in (("input", input), ("mat1", mat1), ("mat2", mat2)):
            if not isinstance(x, Tensor):
                raise not_a_tensor("addmm", what, x)
    a, b = mat1._a, mat2._a
    if a.ndim != 2 or b.ndim != 2 or mat1._kind is not mat2._kind or a.shape[1] != b.shape[0]:
        raise mismatch("addmm", _CORES, mat1, mat2, False)
    wanted, have = (a.shape[0], b.shape[1]), input._a.shape
    if have != wanted and (
        len(have) > 2 or any(k not in (1, n) for k, n in zip(have[::-1], wanted[::-1], strict=False))
    ):
        raise RuntimeError(
            f"addmm: {argument('input', input)} is {sizes(have)} and the product {sizes(wanted)}; input must "
            "broadcast to it."
        )
    if input._kind is not mat1._kind:
        raise RuntimeError(
            f"addmm: {argument('input', input)} is {input.dtype} and {argument('mat1', mat1)} is "
            f"{mat1.dtype}; they must be equal."
        )
    result = _addmm(input, mat1, mat2, beta, alpha)
    return result if out is None else store(result, out, "addmm", exact=True)


offer(
    globals(),
    both="addmm bmm dot matmul mm mv outer",
    in_place="addmm",
)
nameless(globals())
