"""Losses of what falls short of a margin."""

from __future__ import annotations

from collections.abc import Callable

from tapegrad._errors import sizes
from tapegrad.define import offer
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.distances import pairwise_distance
from tapegrad.ops.losses import check_reduction, legacy_reduction, reduced
from tapegrad.ops.pointwise import where
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """input where target is 1, max(0, margin - input) where it is -1."""
    op = "hinge_embedding_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    x, t = need_tensor(input, op), need_tensor(target, op, "target")
    far = where(t != 1, (margin - x).clamp_min(0), 0)
    return reduced(op, far + where(t != -1, x, 0), reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target * (input1 - input2) + margin), target 1 where input1 should rank higher, else -1.

    Raises: RuntimeError for different numbers of dimensions.
    """
    op = "margin_ranking_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    dims = {need_tensor(t, op)._a.ndim for t in (input1, input2, target)}
    if len(dims) > 1:
        raise RuntimeError(
            f"{op}: {sizes(input1.shape)}, {sizes(input2.shape)} and {sizes(target.shape)} are given; the "
            "numbers of dimensions must be equal."
        )
    return reduced(op, (-target * (input1 - input2) + margin).clamp_min(0), reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1.

    Shapes: inputs [N, D] or [D], target [N] or []. Raises: RuntimeError for other shapes.
    """
    op = "cosine_embedding_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    a, b, t = need_tensor(input1, op), need_tensor(input2, op), need_tensor(target, op, "target")
    if t._a.ndim not in (0, 1) or a._a.ndim != t._a.ndim + 1 or b._a.ndim != t._a.ndim + 1:
        raise RuntimeError(
            f"{op}: inputs are {sizes(a._a.shape)} and {sizes(b._a.shape)}, target {sizes(t._a.shape)}; "
            "[N, D] and [N], or [D] and [], are needed."
        )
    small = 1e-12
    along, sizes_ = (a * b).sum(-1), ((a * a).sum(-1) + small) * ((b * b).sum(-1) + small)
    cos = along / sizes_.sqrt()
    near, far = where(t == 1, 1 - cos, 0), where(t == -1, (cos - margin).clamp_min(0), 0)
    return reduced(op, near + far, reduction)


def _triplet(op: str, near: Tensor, far: Tensor, other: Tensor | None, margin: float, how: str) -> Tensor:
    far = far if other is None else far.minimum(other)
    return reduced(op, (near - far + margin).clamp_min(0), how)


def _check_dimensions(op: str, *tensors: Tensor) -> None:
    dims = [need_tensor(t, op)._a.ndim for t in tensors]
    if len(set(dims)) > 1:
        raise RuntimeError(
            f"{op}: anchor, positive and negative have {dims} dimensions; the numbers must be equal."
        )


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-06,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, |anchor - positive| - |anchor - negative| + margin), of p-norms; `swap`: the negative's distance
    from the nearer of anchor and positive.

    Raises: ValueError unless margin is positive, RuntimeError for different numbers of dimensions.
    """
    op = "triplet_margin_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(op, reduction)
    if margin <= 0:
        raise ValueError(f"{op}: margin is {margin}; it must be positive.")
    _check_dimensions(op, anchor, positive, negative)
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    other = pairwise_distance(positive, negative, p, eps) if swap else None
    return _triplet(op, near, far, other, margin, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """triplet_margin_loss with any distance, pairwise_distance by default. Raises: as there."""
    op = "triplet_margin_with_distance_loss"
    check_reduction(op, reduction)
    if margin <= 0:
        raise ValueError(f"{op}: margin is {margin}; it must be positive.")
    _check_dimensions(op, anchor, positive, negative)
    far_from = distance_function or pairwise_distance
    near, far = far_from(anchor, positive), far_from(anchor, negative)
    return _triplet(op, near, far, far_from(positive, negative) if swap else None, margin, reduction)


offer(
    globals(),
    functions="cosine_embedding_loss hinge_embedding_loss margin_ranking_loss triplet_margin_loss "
    "triplet_margin_with_distance_loss",
    namespace="nn",
)
nameless(globals())
