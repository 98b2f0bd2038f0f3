"""Made by tools/stubs.py from the registry of operations. Do not edit."""

import builtins
from collections.abc import Callable, Sequence
from typing import Any

from tapegrad.ops.random import Generator
from tapegrad.tensor import Tensor

def adaptive_avg_pool1d(input: Tensor, output_size: builtins.int | tuple[builtins.int, ...]) -> Tensor: ...
def adaptive_avg_pool2d(
    input: Tensor, output_size: builtins.int | tuple[builtins.int | None, ...] | None
) -> Tensor: ...
def adaptive_avg_pool3d(
    input: Tensor, output_size: builtins.int | tuple[builtins.int | None, ...] | None
) -> Tensor: ...
def adaptive_max_pool1d(
    input: Tensor, output_size: builtins.int | tuple[builtins.int, ...], return_indices: builtins.bool = ...
) -> Any: ...
def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: builtins.int | tuple[builtins.int, ...], return_indices: builtins.bool = ...
) -> tuple[Tensor, Tensor]: ...
def adaptive_max_pool2d(
    input: Tensor,
    output_size: builtins.int | tuple[builtins.int | None, ...] | None,
    return_indices: builtins.bool = ...,
) -> Any: ...
def adaptive_max_pool2d_with_indices(
    input: Tensor,
    output_size: builtins.int | tuple[builtins.int | None, ...] | None,
    return_indices: builtins.bool = ...,
) -> tuple[Tensor, Tensor]: ...
def adaptive_max_pool3d(
    input: Tensor,
    output_size: builtins.int | tuple[builtins.int | None, ...] | None,
    return_indices: builtins.bool = ...,
) -> Any: ...
def adaptive_max_pool3d_with_indices(
    input: Tensor,
    output_size: builtins.int | tuple[builtins.int | None, ...] | None,
    return_indices: builtins.bool = ...,
) -> tuple[Tensor, Tensor]: ...
def affine_grid(theta: Tensor, size: Any, align_corners: builtins.bool | None = ...) -> Tensor: ...
def alpha_dropout(
    input: Tensor, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...
) -> Tensor: ...
def avg_pool1d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    count_include_pad: builtins.bool = ...,
) -> Tensor: ...
def avg_pool2d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    count_include_pad: builtins.bool = ...,
    divisor_override: builtins.int | None = ...,
) -> Tensor: ...
def avg_pool3d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    count_include_pad: builtins.bool = ...,
    divisor_override: builtins.int | None = ...,
) -> Tensor: ...
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    training: builtins.bool = ...,
    momentum: builtins.float = ...,
    eps: builtins.float = ...,
) -> Tensor: ...
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = ...) -> Tensor: ...
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
    pos_weight: Tensor | None = ...,
) -> Tensor: ...
def celu(input: Tensor, alpha: builtins.float = ..., inplace: builtins.bool = ...) -> Tensor: ...
def celu_(input: Tensor, alpha: builtins.float = ...) -> Tensor: ...
def channel_shuffle(input: Tensor, groups: builtins.int) -> Tensor: ...
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
    stride: builtins.int | tuple[builtins.int, ...] = ...,
    padding: str | builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    groups: builtins.int = ...,
) -> Tensor: ...
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
    stride: builtins.int | tuple[builtins.int, ...] = ...,
    padding: str | builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    groups: builtins.int = ...,
) -> Tensor: ...
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
    stride: builtins.int | tuple[builtins.int, ...] = ...,
    padding: str | builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    groups: builtins.int = ...,
) -> Tensor: ...
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: builtins.int = ...) -> Tensor: ...
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
    stride: builtins.int | tuple[builtins.int, ...] = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    output_padding: builtins.int | tuple[builtins.int, ...] = ...,
    groups: builtins.int = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
) -> Tensor: ...
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
    stride: builtins.int | tuple[builtins.int, ...] = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    output_padding: builtins.int | tuple[builtins.int, ...] = ...,
    groups: builtins.int = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
) -> Tensor: ...
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = ...,
    stride: builtins.int | tuple[builtins.int, ...] = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    output_padding: builtins.int | tuple[builtins.int, ...] = ...,
    groups: builtins.int = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
) -> Tensor: ...
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def cosine_similarity(
    x1: Tensor, x2: Tensor, dim: builtins.int = ..., eps: builtins.float = ...
) -> Tensor: ...
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    size_average: builtins.bool | None = ...,
    ignore_index: builtins.int = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
    label_smoothing: builtins.float = ...,
) -> Tensor: ...
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: builtins.int = ...,
    reduction: str = ...,
    zero_infinity: builtins.bool = ...,
) -> Tensor: ...
def dropout(
    input: Tensor, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...
) -> Tensor: ...
def dropout1d(
    input: Tensor, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...
) -> Tensor: ...
def dropout2d(
    input: Tensor, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...
) -> Tensor: ...
def dropout3d(
    input: Tensor, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...
) -> Tensor: ...
def elu(input: Tensor, alpha: builtins.float = ..., inplace: builtins.bool = ...) -> Tensor: ...
def elu_(input: Tensor, alpha: builtins.float = ...) -> Tensor: ...
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: builtins.int | None = ...,
    max_norm: builtins.float | None = ...,
    norm_type: builtins.float = ...,
    scale_grad_by_freq: builtins.bool = ...,
    sparse: builtins.bool = ...,
) -> Tensor: ...
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = ...,
    max_norm: builtins.float | None = ...,
    norm_type: builtins.float = ...,
    scale_grad_by_freq: builtins.bool = ...,
    mode: str = ...,
    sparse: builtins.bool = ...,
    per_sample_weights: Tensor | None = ...,
    include_last_offset: builtins.bool = ...,
    padding_idx: builtins.int | None = ...,
) -> Tensor: ...
def feature_alpha_dropout(
    input: Tensor, p: builtins.float = ..., training: builtins.bool = ..., inplace: builtins.bool = ...
) -> Tensor: ...
def fold(
    input: Tensor,
    output_size: builtins.int | tuple[builtins.int, ...],
    kernel_size: builtins.int | tuple[builtins.int, ...],
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    stride: builtins.int | tuple[builtins.int, ...] = ...,
) -> Tensor: ...
def fractional_max_pool2d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    output_size: builtins.int | tuple[builtins.int, ...] | None = ...,
    output_ratio: builtins.float | tuple[builtins.float, builtins.float] | None = ...,
    return_indices: builtins.bool = ...,
    _random_samples: Tensor | None = ...,
) -> Any: ...
def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    output_size: builtins.int | tuple[builtins.int, ...] | None = ...,
    output_ratio: builtins.float | tuple[builtins.float, builtins.float] | None = ...,
    return_indices: builtins.bool = ...,
    _random_samples: Tensor | None = ...,
) -> tuple[Tensor, Tensor]: ...
def fractional_max_pool3d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    output_size: builtins.int | tuple[builtins.int, ...] | None = ...,
    output_ratio: builtins.float | tuple[builtins.float, float, builtins.float] | None = ...,
    return_indices: builtins.bool = ...,
    _random_samples: Tensor | None = ...,
) -> Any: ...
def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    output_size: builtins.int | tuple[builtins.int, ...] | None = ...,
    output_ratio: builtins.float | tuple[builtins.float, float, builtins.float] | None = ...,
    return_indices: builtins.bool = ...,
    _random_samples: Tensor | None = ...,
) -> tuple[Tensor, Tensor]: ...
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | builtins.float,
    full: builtins.bool = ...,
    eps: builtins.float = ...,
    reduction: str = ...,
) -> Tensor: ...
def gelu(input: Tensor, *, approximate: str = ...) -> Tensor: ...
def glu(input: Tensor, dim: builtins.int = ...) -> Tensor: ...
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = ...,
    padding_mode: str = ...,
    align_corners: builtins.bool | None = ...,
) -> Tensor: ...
def group_norm(
    input: Tensor,
    num_groups: builtins.int,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    eps: builtins.float = ...,
) -> Tensor: ...
def gumbel_softmax(
    logits: Tensor,
    tau: builtins.float = ...,
    hard: builtins.bool = ...,
    eps: builtins.float = ...,
    dim: builtins.int = ...,
) -> Tensor: ...
def hardshrink(input: Tensor, lambd: builtins.float = ..., *, out: Tensor | None = ...) -> Tensor: ...
def hardsigmoid(input: Tensor, inplace: builtins.bool = ...) -> Tensor: ...
def hardswish(input: Tensor, inplace: builtins.bool = ...) -> Tensor: ...
def hardtanh(
    input: Tensor, min_val: builtins.float = ..., max_val: builtins.float = ..., inplace: builtins.bool = ...
) -> Tensor: ...
def hardtanh_(input: Tensor, min_val: builtins.float = ..., max_val: builtins.float = ...) -> Tensor: ...
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = ...,
    delta: builtins.float = ...,
    weight: Tensor | None = ...,
) -> Tensor: ...
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = ...,
    running_var: Tensor | None = ...,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    use_input_stats: builtins.bool = ...,
    momentum: builtins.float = ...,
    eps: builtins.float = ...,
) -> Tensor: ...
def interpolate(
    input: Tensor,
    size: builtins.int | tuple[builtins.int, ...] | None = ...,
    scale_factor: builtins.float | tuple[builtins.float, ...] | None = ...,
    mode: str = ...,
    align_corners: builtins.bool | None = ...,
    recompute_scale_factor: builtins.bool | None = ...,
    antialias: builtins.bool = ...,
) -> Tensor: ...
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
    log_target: builtins.bool = ...,
) -> Tensor: ...
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
    weight: Tensor | None = ...,
) -> Tensor: ...
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    eps: builtins.float = ...,
) -> Tensor: ...
def leaky_relu(
    input: Tensor, negative_slope: builtins.float = ..., inplace: builtins.bool = ...
) -> Tensor: ...
def leaky_relu_(input: Tensor, negative_slope: builtins.float = ...) -> Tensor: ...
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = ...) -> Tensor: ...
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = ...,
    weight: Tensor | None = ...,
    reduction: str = ...,
    ignore_index: builtins.int | None = ...,
    label_smoothing: builtins.float = ...,
    options: Any = ...,
) -> Tensor: ...
def local_response_norm(
    input: Tensor,
    size: builtins.int,
    alpha: builtins.float = ...,
    beta: builtins.float = ...,
    k: builtins.float = ...,
) -> Tensor: ...
def log_softmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    _stacklevel: builtins.int = ...,
    dtype: Any = ...,
    **names: Any,
) -> Tensor: ...
def logsigmoid(input: Tensor) -> Tensor: ...
def lp_pool1d(
    input: Tensor,
    norm_type: builtins.int | builtins.float,
    kernel_size: builtins.int,
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    ceil_mode: builtins.bool = ...,
) -> Tensor: ...
def lp_pool2d(
    input: Tensor,
    norm_type: builtins.int | builtins.float,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    ceil_mode: builtins.bool = ...,
) -> Tensor: ...
def lp_pool3d(
    input: Tensor,
    norm_type: builtins.int | builtins.float,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    ceil_mode: builtins.bool = ...,
) -> Tensor: ...
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def max_pool1d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    return_indices: builtins.bool = ...,
) -> Any: ...
def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    return_indices: builtins.bool = ...,
) -> tuple[Tensor, Tensor]: ...
def max_pool2d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    return_indices: builtins.bool = ...,
) -> Any: ...
def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    return_indices: builtins.bool = ...,
) -> tuple[Tensor, Tensor]: ...
def max_pool3d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    return_indices: builtins.bool = ...,
) -> Any: ...
def max_pool3d_with_indices(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    return_indices: builtins.bool = ...,
) -> tuple[Tensor, Tensor]: ...
def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    output_size: Any = ...,
) -> Tensor: ...
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    output_size: Any = ...,
) -> Tensor: ...
def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    output_size: Any = ...,
) -> Tensor: ...
def mish(input: Tensor, inplace: builtins.bool = ...) -> Tensor: ...
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
    weight: Tensor | None = ...,
) -> Tensor: ...
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: builtins.int,
    num_heads: builtins.int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: builtins.bool,
    dropout_p: builtins.float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: builtins.bool = ...,
    key_padding_mask: Tensor | None = ...,
    need_weights: builtins.bool = ...,
    attn_mask: Tensor | None = ...,
    use_separate_proj_weight: builtins.bool = ...,
    q_proj_weight: Tensor | None = ...,
    k_proj_weight: Tensor | None = ...,
    v_proj_weight: Tensor | None = ...,
    static_k: Tensor | None = ...,
    static_v: Tensor | None = ...,
    average_attn_weights: builtins.bool = ...,
    is_causal: builtins.bool = ...,
) -> tuple[Tensor, Tensor | None]: ...
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: builtins.int = ...,
    margin: builtins.float = ...,
    weight: Tensor | None = ...,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def native_channel_shuffle(input: Tensor, groups: builtins.int) -> Tensor: ...
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    size_average: builtins.bool | None = ...,
    ignore_index: builtins.int = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def normalize(
    input: Tensor,
    p: builtins.float = ...,
    dim: builtins.int = ...,
    eps: builtins.float = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def one_hot(tensor: Tensor, num_classes: builtins.int = ...) -> Tensor: ...
def pad(
    input: Tensor, pad: Sequence[builtins.int], mode: str = ..., value: builtins.float | None = ...
) -> Tensor: ...
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: builtins.float = ..., eps: builtins.float = ..., keepdim: builtins.bool = ...
) -> Tensor: ...
def pdist(input: Tensor, p: builtins.float = ...) -> Tensor: ...
def pixel_shuffle(input: Tensor, upscale_factor: builtins.int) -> Tensor: ...
def pixel_unshuffle(input: Tensor, downscale_factor: builtins.int) -> Tensor: ...
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: builtins.bool = ...,
    full: builtins.bool = ...,
    size_average: builtins.bool | None = ...,
    eps: builtins.float = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def prelu(input: Tensor, weight: Tensor) -> Tensor: ...
def relu(input: Tensor, inplace: builtins.bool = ...) -> Tensor: ...
def relu6(input: Tensor, inplace: builtins.bool = ...) -> Tensor: ...
def relu_(input: Tensor) -> Tensor: ...
def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = ..., eps: builtins.float | None = ...
) -> Tensor: ...
def rrelu(
    input: Tensor,
    lower: builtins.float = ...,
    upper: builtins.float = ...,
    training: builtins.bool = ...,
    inplace: builtins.bool = ...,
) -> Tensor: ...
def rrelu_(
    input: Tensor,
    lower: builtins.float = ...,
    upper: builtins.float = ...,
    training: builtins.bool = ...,
    generator: Generator | None = ...,
) -> Tensor: ...
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = ...,
    dropout_p: builtins.float = ...,
    is_causal: builtins.bool = ...,
    *,
    scale: builtins.float | None = ...,
    enable_gqa: builtins.bool = ...,
) -> Tensor: ...
def selu(input: Tensor, inplace: builtins.bool = ...) -> Tensor: ...
def selu_(input: Tensor) -> Tensor: ...
def sigmoid(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def silu(input: Tensor, inplace: builtins.bool = ...) -> Tensor: ...
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
    beta: builtins.float = ...,
) -> Tensor: ...
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def softmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    _stacklevel: builtins.int = ...,
    dtype: Any = ...,
    **names: Any,
) -> Tensor: ...
def softmin(
    input: Tensor, dim: builtins.int | None = ..., _stacklevel: builtins.int = ..., dtype: Any = ...
) -> Tensor: ...
def softplus(input: Tensor, beta: builtins.float = ..., threshold: builtins.float = ...) -> Tensor: ...
def softshrink(input: Tensor, lambd: builtins.float = ...) -> Tensor: ...
def softsign(input: Tensor) -> Tensor: ...
def tanh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def tanhshrink(input: Tensor) -> Tensor: ...
def threshold(
    input: Tensor, threshold: builtins.float, value: builtins.float, inplace: builtins.bool = ...
) -> Tensor: ...
def threshold_(input: Tensor, threshold: builtins.float, value: builtins.float) -> Tensor: ...
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: builtins.float = ...,
    p: builtins.float = ...,
    eps: builtins.float = ...,
    swap: builtins.bool = ...,
    size_average: builtins.bool | None = ...,
    reduce: builtins.bool | None = ...,
    reduction: str = ...,
) -> Tensor: ...
def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = ...,
    margin: builtins.float = ...,
    swap: builtins.bool = ...,
    reduction: str = ...,
) -> Tensor: ...
def unfold(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    stride: builtins.int | tuple[builtins.int, ...] = ...,
) -> Tensor: ...
def upsample(
    input: Tensor,
    size: builtins.int | tuple[builtins.int, ...] | None = ...,
    scale_factor: builtins.float | tuple[builtins.float, ...] | None = ...,
    mode: str = ...,
    align_corners: builtins.bool | None = ...,
) -> Tensor: ...
def upsample_bilinear(
    input: Tensor,
    size: builtins.int | tuple[builtins.int, ...] | None = ...,
    scale_factor: builtins.float | tuple[builtins.float, ...] | None = ...,
) -> Tensor: ...
def upsample_nearest(
    input: Tensor,
    size: builtins.int | tuple[builtins.int, ...] | None = ...,
    scale_factor: builtins.float | tuple[builtins.float, ...] | None = ...,
) -> Tensor: ...

__all__: list[str]
