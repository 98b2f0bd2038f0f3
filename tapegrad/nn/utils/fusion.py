"""A batch normalisation in evaluation is an affine map: it can go into the layer before it."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from tapegrad.nn.modules.module import Module
from tapegrad.nn.parameter import Parameter
from tapegrad.ops.new import ones_like, zeros_like
from tapegrad.tensor import Tensor

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]

M = TypeVar("M", bound=Module)


def fuse_conv_bn_eval(conv: M, bn: Any, transpose: bool = False) -> M:
    """A copy of a convolution that does what it and the normalisation behind it do. transpose: for
    ConvTranspose.

    Raises: AssertionError unless both are in evaluation, with running statistics.
    Source: torch.nn.utils.fusion.fuse_conv_bn_eval.
    """
    fused, statistics = _copied("fuse_conv_bn_eval", conv, bn)
    fused.weight, fused.bias = fuse_conv_bn_weights(fused.weight, fused.bias, *statistics, transpose)
    return fused  # type: ignore[no-any-return] # a copy of conv


def fuse_linear_bn_eval(linear: M, bn: Any) -> M:
    """A copy of a linear map that does what it and the normalisation behind it do.

    Raises: AssertionError unless both are in evaluation, with running statistics and as many features.
    Source: torch.nn.utils.fusion.fuse_linear_bn_eval.
    """
    fused, statistics = _copied("fuse_linear_bn_eval", linear, bn)
    if bn.num_features not in (1, fused.out_features):
        raise AssertionError(
            f"fuse_linear_bn_eval: linear has {fused.out_features} outputs and bn {bn.num_features} "
            "features; they must be equal."
        )
    fused.weight, fused.bias = fuse_linear_bn_weights(fused.weight, fused.bias, *statistics)
    return fused  # type: ignore[no-any-return] # a copy of linear


def _copied(op: str, layer: Module, bn: Any) -> tuple[Any, tuple[Any, Any, Any, Any, Any]]:
    """A copy of the layer, and what is known of the normalisation."""
    if layer.training or bn.training:
        raise AssertionError(f"{op}: one of the modules is in training; call .eval() on both.")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError(f"{op}: bn has no running statistics; make it with track_running_stats=True.")
    return copy.deepcopy(layer), (bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """The weight and bias of a convolution and the normalisation behind it. Source:
    torch.nn.utils.fusion.fuse_conv_bn_weights."""
    bias = zeros_like(bn_rm) if conv_b is None else conv_b
    scale = (bn_rv + bn_eps).rsqrt() * (ones_like(bn_rm) if bn_w is None else bn_w)
    shift = zeros_like(bn_rm) if bn_b is None else bn_b
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    weight = (conv_w * scale.reshape(shape)).to(conv_w.dtype)
    moved = ((bias - bn_rm) * scale + shift).to(conv_w.dtype if conv_b is None else conv_b.dtype)
    return Parameter(weight, conv_w.requires_grad), Parameter(moved, bias.requires_grad)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:
    """The weight and bias of a linear map and the normalisation behind it. Source:
    torch.nn.utils.fusion.fuse_linear_bn_weights."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
