"""Made by tools/stubs.py from the registry of operations. Do not edit."""

import builtins
from collections.abc import Sequence
from typing import Any

from tapegrad import accelerator as accelerator
from tapegrad import amp as amp
from tapegrad import autograd as autograd
from tapegrad import backends as backends
from tapegrad import cpu as cpu
from tapegrad import cuda as cuda
from tapegrad import distributed as distributed
from tapegrad import distributions as distributions
from tapegrad import fft as fft
from tapegrad import func as func
from tapegrad import hub as hub
from tapegrad import jit as jit
from tapegrad import linalg as linalg
from tapegrad import mps as mps
from tapegrad import multiprocessing as multiprocessing
from tapegrad import nn as nn
from tapegrad import onnx as onnx
from tapegrad import optim as optim
from tapegrad import profiler as profiler
from tapegrad import random as random
from tapegrad import return_types as return_types
from tapegrad import serialization as serialization
from tapegrad import special as special
from tapegrad import types as types
from tapegrad import utils as utils
from tapegrad import version as version
from tapegrad import viz as viz
from tapegrad import xpu as xpu
from tapegrad._errors import TapegradWarning as TapegradWarning
from tapegrad.amp.autocast_mode import autocast as autocast
from tapegrad.amp.grad_scaler import GradScaler as GradScaler
from tapegrad.autograd.grad_mode import enable_grad as enable_grad
from tapegrad.autograd.grad_mode import inference_mode as inference_mode
from tapegrad.autograd.grad_mode import no_grad as no_grad
from tapegrad.autograd.grad_mode import set_grad_enabled as set_grad_enabled
from tapegrad.devices import device as device
from tapegrad.devices import layout as layout
from tapegrad.devices import memory_format as memory_format
from tapegrad.dtypes import dtype as dtype
from tapegrad.dtypes import finfo as finfo
from tapegrad.dtypes import iinfo as iinfo
from tapegrad.func import vmap as vmap
from tapegrad.ops.random import Generator as Generator
from tapegrad.ops.results import Extremes, Histogram, Range, Scaled
from tapegrad.profiling import profile as profile
from tapegrad.tensor import Size as Size
from tapegrad.tensor import Tensor as Tensor
from tapegrad.viz import explain as explain

BFloat16Tensor: type[Tensor]
BoolTensor: type[Tensor]
ByteTensor: type[Tensor]
CharTensor: type[Tensor]
ComplexDoubleTensor: type[Tensor]
ComplexFloatTensor: type[Tensor]
DoubleTensor: type[Tensor]
FloatTensor: type[Tensor]
HalfTensor: type[Tensor]
IntTensor: type[Tensor]
LongTensor: type[Tensor]
ShortTensor: type[Tensor]
__version__: str
bfloat16: dtype
bool: dtype
cdouble: dtype
cfloat: dtype
channels_last: memory_format
channels_last_3d: memory_format
complex128: dtype
complex64: dtype
contiguous_format: memory_format
default_generator: Generator
double: dtype
e: builtins.float
float: dtype
float16: dtype
float32: dtype
float64: dtype
half: dtype
inf: builtins.float
int: dtype
int16: dtype
int32: dtype
int64: dtype
int8: dtype
long: dtype
nan: builtins.float
newaxis: None
pi: builtins.float
preserve_format: memory_format
short: dtype
strided: layout
uint8: dtype

def abs(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def abs_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def absolute(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def absolute_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def acos(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def acos_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def acosh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def acosh_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def adaptive_avg_pool1d(input: Tensor, output_size: builtins.int | tuple[builtins.int, ...]) -> Tensor: ...
def adaptive_max_pool1d(
    input: Tensor, output_size: builtins.int | tuple[builtins.int, ...], return_indices: builtins.bool = ...
) -> tuple[Tensor, Tensor]: ...
def add(
    input: Any,
    other: Any,
    *,
    alpha: builtins.int | builtins.float | builtins.complex = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def addbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = ..., out: Tensor | None = ...
) -> Tensor: ...
def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = ..., out: Tensor | None = ...
) -> Tensor: ...
def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def addmv(
    input: Tensor,
    mat: Tensor,
    vec: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def addr(
    input: Tensor,
    vec1: Tensor,
    vec2: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def adjoint(input: Tensor) -> Tensor: ...
def affine_grid_generator(theta: Tensor, size: Any, align_corners: builtins.bool) -> Tensor: ...
def alias_copy(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def all(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    *,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def allclose(
    input: Tensor,
    other: Tensor,
    rtol: builtins.float = ...,
    atol: builtins.float = ...,
    equal_nan: builtins.bool = ...,
) -> builtins.bool: ...
def alpha_dropout(input: Tensor, p: builtins.float, train: builtins.bool) -> Tensor: ...
def alpha_dropout_(input: Tensor, p: builtins.float, train: builtins.bool) -> Tensor: ...
def amax(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    *,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def amin(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    *,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def aminmax(
    input: Tensor, *, dim: builtins.int | None = ..., keepdim: builtins.bool = ..., out: Any = ...
) -> Range: ...
def angle(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def any(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    *,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def arange(
    start: Any = ...,
    end: Any = ...,
    step: Any = ...,
    *,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def arccos(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arccos_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arccosh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arccosh_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arcsin(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arcsin_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arcsinh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arcsinh_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arctan(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arctan2(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def arctan_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arctanh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def arctanh_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def are_deterministic_algorithms_enabled() -> builtins.bool: ...
def argmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
    *,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def argmin(
    input: Tensor,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
    *,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def argsort(
    input: Tensor,
    dim: builtins.int = ...,
    descending: builtins.bool = ...,
    *,
    stable: builtins.bool | None = ...,
    **names: Any,
) -> Tensor: ...
def argwhere(input: Tensor) -> Tensor: ...
def as_strided(
    input: Tensor,
    size: Sequence[builtins.int],
    stride: Sequence[builtins.int],
    storage_offset: builtins.int | None = ...,
) -> Tensor: ...
def as_strided_(
    input: Tensor,
    size: Sequence[builtins.int],
    stride: Sequence[builtins.int],
    storage_offset: builtins.int | None = ...,
) -> Tensor: ...
def as_strided_copy(
    input: Tensor,
    size: Sequence[builtins.int],
    stride: Sequence[builtins.int],
    storage_offset: builtins.int | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[builtins.int],
    stride: Sequence[builtins.int],
    storage_offset: builtins.int | None = ...,
) -> Tensor: ...
def as_tensor(data: Any, dtype: Any = ..., device: Any = ...) -> Tensor: ...
def asarray(
    obj: Any,
    *,
    dtype: Any = ...,
    copy: builtins.bool | None = ...,
    device: Any = ...,
    requires_grad: builtins.bool | None = ...,
) -> Tensor: ...
def asin(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def asin_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def asinh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def asinh_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def atan(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def atan2(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def atan_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def atanh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def atanh_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def atleast_1d(*tensors: Any) -> Any: ...
def atleast_2d(*tensors: Any) -> Any: ...
def atleast_3d(*tensors: Any) -> Any: ...
def autocast_decrement_nesting() -> builtins.int: ...
def autocast_increment_nesting() -> builtins.int: ...
def avg_pool1d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    count_include_pad: builtins.bool = ...,
) -> Tensor: ...
def baddbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: builtins.float = ...,
    alpha: builtins.float = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def bartlett_window(
    window_length: builtins.int,
    periodic: builtins.bool = ...,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    pin_memory: builtins.bool = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor: ...
def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: builtins.bool,
    momentum: builtins.float,
    eps: builtins.float,
    cudnn_enabled: builtins.bool,
) -> Tensor: ...
def bernoulli(
    input: Tensor,
    p: builtins.float | None = ...,
    *,
    generator: Generator | None = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = ...) -> Tensor: ...
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = ...,
    pos_weight: Tensor | None = ...,
    reduction: builtins.int = ...,
) -> Tensor: ...
def bincount(input: Tensor, weights: Tensor | None = ..., minlength: builtins.int = ...) -> Tensor: ...
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = ...) -> Tensor: ...
def bitwise_and(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def bitwise_left_shift(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def bitwise_not(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def bitwise_or(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def bitwise_right_shift(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def bitwise_xor(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def blackman_window(
    window_length: builtins.int,
    periodic: builtins.bool = ...,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    pin_memory: builtins.bool = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor: ...
def block_diag(*tensors: Tensor) -> Tensor: ...
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def broadcast_shapes(*shapes: Any) -> Any: ...
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]: ...
def broadcast_to(input: Tensor, *shape: Any, size: Any = ...) -> Tensor: ...
def bucketize(
    input: Any,
    boundaries: Tensor,
    *,
    out_int32: builtins.bool = ...,
    right: builtins.bool = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def can_cast(from_: dtype, to: dtype) -> builtins.bool: ...
def cartesian_prod(*tensors: Tensor) -> Tensor: ...
def cat(
    tensors: Sequence[Tensor], dim: builtins.int = ..., *, out: Tensor | None = ..., **names: Any
) -> Tensor: ...
def cdist(x1: Tensor, x2: Tensor, p: builtins.float = ..., compute_mode: str = ...) -> Tensor: ...
def ceil(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def ceil_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def celu(input: Tensor, alpha: builtins.float = ...) -> Tensor: ...
def celu_(input: Tensor, alpha: builtins.float = ...) -> Tensor: ...
def chain_matmul(*matrices: Tensor, out: Tensor | None = ...) -> Tensor: ...
def channel_shuffle(input: Tensor, groups: builtins.int) -> Tensor: ...
def cholesky(input: Tensor, upper: builtins.bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def cholesky_inverse(L: Tensor, upper: builtins.bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def cholesky_solve(
    B: Tensor, L: Tensor, upper: builtins.bool = ..., *, out: Tensor | None = ...
) -> Tensor: ...
def chunk(input: Tensor, chunks: builtins.int, dim: builtins.int = ...) -> tuple[Tensor, ...]: ...
def clamp(input: Tensor, min: Any = ..., max: Any = ..., *, out: Tensor | None = ...) -> Tensor: ...
def clamp_(input: Tensor, min: Any = ..., max: Any = ..., *, out: Tensor | None = ...) -> Tensor: ...
def clamp_max(input: Tensor, max: Any, *, out: Tensor | None = ...) -> Tensor: ...
def clamp_max_(input: Tensor, max: Any, *, out: Tensor | None = ...) -> Tensor: ...
def clamp_min(input: Tensor, min: Any, *, out: Tensor | None = ...) -> Tensor: ...
def clamp_min_(input: Tensor, min: Any, *, out: Tensor | None = ...) -> Tensor: ...
def clear_autocast_cache() -> None: ...
def clip(input: Tensor, min: Any = ..., max: Any = ..., *, out: Tensor | None = ...) -> Tensor: ...
def clip_(input: Tensor, min: Any = ..., max: Any = ..., *, out: Tensor | None = ...) -> Tensor: ...
def clone(input: Tensor, *, memory_format: Any = ...) -> Tensor: ...
def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
def combinations(input: Tensor, r: builtins.int = ..., with_replacement: builtins.bool = ...) -> Tensor: ...
def compile(model: Any = ..., **options: Any) -> Any: ...
def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def concat(
    tensors: Sequence[Tensor], dim: builtins.int = ..., *, out: Tensor | None = ..., **names: Any
) -> Tensor: ...
def concatenate(
    tensors: Sequence[Tensor], dim: builtins.int = ..., *, out: Tensor | None = ..., **names: Any
) -> Tensor: ...
def conj(input: Tensor) -> Tensor: ...
def conj_physical(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def constant_pad_nd(input: Tensor, pad: Sequence[builtins.int], value: Any = ...) -> Tensor: ...
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
def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[builtins.int, ...],
    padding: tuple[builtins.int, ...],
    dilation: tuple[builtins.int, ...],
    transposed: builtins.bool,
    output_padding: tuple[builtins.int, ...],
    groups: builtins.int,
) -> Tensor: ...
def copysign(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def corrcoef(input: Tensor) -> Tensor: ...
def cos(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def cos_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def cosh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def cosh_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    reduction: builtins.int = ...,
) -> Tensor: ...
def cosine_similarity(
    x1: Tensor, x2: Tensor, dim: builtins.int = ..., eps: builtins.float = ...
) -> Tensor: ...
def count_nonzero(input: Tensor, dim: builtins.int | Sequence[builtins.int] | None = ...) -> Tensor: ...
def cov(
    input: Tensor,
    *,
    correction: builtins.int = ...,
    fweights: Tensor | None = ...,
    aweights: Tensor | None = ...,
) -> Tensor: ...
def cross(
    input: Tensor, other: Tensor, dim: builtins.int | None = ..., *, out: Tensor | None = ...
) -> Tensor: ...
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[builtins.int],
    target_lengths: Tensor | Sequence[builtins.int],
    blank: builtins.int = ...,
    reduction: builtins.int = ...,
    zero_infinity: builtins.bool = ...,
) -> Tensor: ...
def cummax(input: Tensor, dim: builtins.int, *, out: Any = ...) -> Extremes: ...
def cummin(input: Tensor, dim: builtins.int, *, out: Any = ...) -> Extremes: ...
def cumprod(
    input: Tensor, dim: builtins.int | None = ..., *, dtype: Any = ..., out: Tensor | None = ..., **names: Any
) -> Tensor: ...
def cumsum(
    input: Tensor, dim: builtins.int | None = ..., *, dtype: Any = ..., out: Tensor | None = ..., **names: Any
) -> Tensor: ...
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = ..., *, dx: Any = ..., dim: builtins.int = ...
) -> Tensor: ...
def deg2rad(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def deg2rad_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def det(input: Tensor) -> Tensor: ...
def detach(input: Tensor) -> Tensor: ...
def detach_copy(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def diag(input: Tensor, diagonal: builtins.int = ..., *, out: Tensor | None = ...) -> Tensor: ...
def diag_embed(
    input: Tensor, offset: builtins.int = ..., dim1: builtins.int = ..., dim2: builtins.int = ...
) -> Tensor: ...
def diagflat(input: Tensor, offset: builtins.int = ...) -> Tensor: ...
def diagonal(
    input: Tensor, offset: builtins.int = ..., dim1: builtins.int = ..., dim2: builtins.int = ...
) -> Tensor: ...
def diagonal_copy(
    input: Tensor,
    offset: builtins.int = ...,
    dim1: builtins.int = ...,
    dim2: builtins.int = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: builtins.int = ..., dim1: builtins.int = ..., dim2: builtins.int = ...
) -> Tensor: ...
def diff(
    input: Tensor,
    n: builtins.int = ...,
    dim: builtins.int = ...,
    prepend: Tensor | None = ...,
    append: Tensor | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def digamma(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def dist(input: Tensor, other: Tensor, p: builtins.float = ...) -> Tensor: ...
def div(input: Any, other: Any, *, rounding_mode: str | None = ..., out: Tensor | None = ...) -> Tensor: ...
def divide(
    input: Any, other: Any, *, rounding_mode: str | None = ..., out: Tensor | None = ...
) -> Tensor: ...
def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def dropout(input: Tensor, p: builtins.float, train: builtins.bool) -> Tensor: ...
def dropout_(input: Tensor, p: builtins.float, train: builtins.bool) -> Tensor: ...
def dsplit(
    input: Tensor, indices_or_sections: Any = ..., *, indices: Any = ..., sections: Any = ...
) -> tuple[Tensor, ...]: ...
def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
def einsum(*args: Any) -> Tensor: ...
def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: builtins.int = ...,
    scale_grad_by_freq: builtins.bool = ...,
    sparse: builtins.bool = ...,
) -> Tensor: ...
def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: builtins.bool = ...,
    mode: builtins.int = ...,
    sparse: builtins.bool = ...,
    per_sample_weights: Tensor | None = ...,
    include_last_offset: builtins.bool = ...,
    padding_idx: builtins.int | None = ...,
) -> tuple[Tensor, Tensor, Tensor, Tensor]: ...
def embedding_renorm_(
    input: Tensor, indices: Tensor, max_norm: builtins.float, norm_type: builtins.float
) -> Tensor: ...
def empty(
    *sides: Any,
    size: Sequence[builtins.int] | None = ...,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
    memory_format: Any = ...,
) -> Tensor: ...
def empty_like(
    input: Tensor,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
    memory_format: Any = ...,
) -> Tensor: ...
def empty_permuted(
    size: Sequence[builtins.int],
    physical_layout: Sequence[builtins.int],
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def empty_strided(
    size: Sequence[builtins.int],
    stride: Sequence[builtins.int],
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def eq(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def equal(input: Tensor, other: Tensor) -> builtins.bool: ...
def erf(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def erf_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def erfc(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def erfc_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def erfinv(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def exp(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def exp2(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def exp2_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def exp_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def expand_copy(input: Tensor, *sizes_: Any, size: Any = ..., out: Tensor | None = ...) -> Tensor: ...
def expm1(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def expm1_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def eye(
    n: builtins.int,
    m: builtins.int | None = ...,
    *,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def feature_alpha_dropout(input: Tensor, p: builtins.float, train: builtins.bool) -> Tensor: ...
def feature_alpha_dropout_(input: Tensor, p: builtins.float, train: builtins.bool) -> Tensor: ...
def feature_dropout(input: Tensor, p: builtins.float, train: builtins.bool) -> Tensor: ...
def feature_dropout_(input: Tensor, p: builtins.float, train: builtins.bool) -> Tensor: ...
def fill(input: Tensor, value: Any) -> Tensor: ...
def fill_(input: Tensor, value: Any) -> Tensor: ...
def fix(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def fix_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def flatten(input: Tensor, start_dim: builtins.int = ..., end_dim: builtins.int = ...) -> Tensor: ...
def flip(input: Tensor, *dims_: Any, dims: Any = ...) -> Tensor: ...
def fliplr(input: Tensor) -> Tensor: ...
def flipud(input: Tensor) -> Tensor: ...
def float_power(input: Any, exponent: Any, *, out: Tensor | None = ...) -> Tensor: ...
def floor(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def floor_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def floor_divide(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def fmax(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def fmin(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def fmod(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def frac(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def frac_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def frexp(input: Tensor, *, out: Any = ...) -> Scaled: ...
def frobenius_norm(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None,
    keepdim: builtins.bool = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def from_dlpack(ext_tensor: Any, *, device: Any = ..., copy: builtins.bool | None = ...) -> Tensor: ...
def from_file(
    filename: str,
    shared: builtins.bool | None = ...,
    size: builtins.int | None = ...,
    *,
    dtype: Any = ...,
    **options: Any,
) -> Tensor: ...
def from_numpy(ndarray_: Any) -> Tensor: ...
def frombuffer(
    buffer: Any,
    *,
    dtype: Any,
    count: builtins.int = ...,
    offset: builtins.int = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor: ...
def full(
    size: Sequence[builtins.int],
    fill_value: builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def full_like(
    input: Tensor,
    fill_value: builtins.int | builtins.float | builtins.complex,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
    memory_format: Any = ...,
) -> Tensor: ...
def gather(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    *,
    sparse_grad: builtins.bool = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def gcd(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def gcd_(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def ge(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def geqrf(input: Tensor, *, out: Any = ...) -> Any: ...
def ger(input: Tensor, vec2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def get_autocast_cpu_dtype() -> dtype: ...
def get_autocast_dtype(device_type: str) -> dtype: ...
def get_autocast_gpu_dtype() -> dtype: ...
def get_default_device() -> device: ...
def get_default_dtype() -> dtype: ...
def get_deterministic_debug_mode() -> builtins.int: ...
def get_device(input: Tensor) -> builtins.int: ...
def get_float32_matmul_precision() -> str: ...
def get_num_interop_threads() -> builtins.int: ...
def get_num_threads() -> builtins.int: ...
def get_rng_state() -> Tensor: ...
def gradient(
    input: Tensor, *, spacing: Any = ..., dim: Any = ..., edge_order: builtins.int = ...
) -> tuple[Tensor, ...]: ...
def greater(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def greater_equal(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def grid_sampler(
    input: Tensor,
    grid: Tensor,
    interpolation_mode: builtins.int,
    padding_mode: builtins.int,
    align_corners: builtins.bool,
) -> Tensor: ...
def grid_sampler_2d(
    input: Tensor,
    grid: Tensor,
    interpolation_mode: builtins.int,
    padding_mode: builtins.int,
    align_corners: builtins.bool,
) -> Tensor: ...
def grid_sampler_3d(
    input: Tensor,
    grid: Tensor,
    interpolation_mode: builtins.int,
    padding_mode: builtins.int,
    align_corners: builtins.bool,
) -> Tensor: ...
def group_norm(
    input: Tensor,
    num_groups: builtins.int,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    eps: builtins.float = ...,
    cudnn_enabled: builtins.bool = ...,
) -> Tensor: ...
def gru(*given: Any) -> tuple[Tensor, ...]: ...
def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = ...,
    b_hh: Tensor | None = ...,
) -> Tensor: ...
def gt(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def hamming_window(
    window_length: builtins.int,
    periodic: builtins.bool = ...,
    alpha: builtins.float = ...,
    beta: builtins.float = ...,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    pin_memory: builtins.bool = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor: ...
def hann_window(
    window_length: builtins.int,
    periodic: builtins.bool = ...,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    pin_memory: builtins.bool = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor: ...
def hardshrink(input: Tensor, lambd: builtins.float = ..., *, out: Tensor | None = ...) -> Tensor: ...
def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: builtins.float = ..., reduction: builtins.int = ...
) -> Tensor: ...
def histc(
    input: Tensor,
    bins: builtins.int = ...,
    min: builtins.float = ...,
    max: builtins.float = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def histogram(
    input: Tensor,
    bins: Any,
    *,
    range: Sequence[builtins.float] | None = ...,
    weight: Tensor | None = ...,
    density: builtins.bool = ...,
    out: Any = ...,
) -> Histogram: ...
def histogramdd(
    input: Tensor,
    bins: Any,
    *,
    range: Sequence[builtins.float] | None = ...,
    weight: Tensor | None = ...,
    density: builtins.bool = ...,
) -> Histogram: ...
def hsplit(
    input: Tensor, indices_or_sections: Any = ..., *, indices: Any = ..., sections: Any = ...
) -> tuple[Tensor, ...]: ...
def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
def hypot(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def i0(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def i0_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def igamma(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def igammac(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def imag(input: Tensor) -> Tensor: ...
def index_add(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    source: Tensor,
    *,
    alpha: Any = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def index_copy(
    input: Tensor, dim: builtins.int, index: Tensor, source: Tensor, *, out: Tensor | None = ...
) -> Tensor: ...
def index_fill(input: Tensor, dim: builtins.int, index: Tensor, value: Any) -> Tensor: ...
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: builtins.bool = ...) -> Tensor: ...
def index_reduce(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: builtins.bool = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def index_select(input: Tensor, dim: builtins.int, index: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def initial_seed() -> builtins.int: ...
def inner(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: builtins.bool,
    momentum: builtins.float,
    eps: builtins.float,
    cudnn_enabled: builtins.bool,
) -> Tensor: ...
def inverse(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def is_autocast_cache_enabled() -> builtins.bool: ...
def is_autocast_cpu_enabled() -> builtins.bool: ...
def is_autocast_enabled(device_type: str = ...) -> builtins.bool: ...
def is_complex(input: Tensor) -> builtins.bool: ...
def is_conj(input: Tensor) -> builtins.bool: ...
def is_deterministic_algorithms_warn_only_enabled() -> builtins.bool: ...
def is_distributed(input: Tensor) -> builtins.bool: ...
def is_floating_point(input: Tensor) -> builtins.bool: ...
def is_grad_enabled() -> builtins.bool: ...
def is_inference(input: Tensor) -> builtins.bool: ...
def is_inference_mode_enabled() -> builtins.bool: ...
def is_neg(input: Tensor) -> builtins.bool: ...
def is_nonzero(input: Tensor) -> builtins.bool: ...
def is_same_size(input: Tensor, other: Tensor) -> builtins.bool: ...
def is_signed(input: Tensor) -> builtins.bool: ...
def is_storage(obj: Any) -> builtins.bool: ...
def is_tensor(obj: object) -> builtins.bool: ...
def is_warn_always_enabled() -> builtins.bool: ...
def isclose(
    input: Tensor,
    other: Tensor,
    rtol: builtins.float = ...,
    atol: builtins.float = ...,
    equal_nan: builtins.bool = ...,
) -> Tensor: ...
def isfinite(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def isin(
    elements: Any,
    test_elements: Any,
    *,
    assume_unique: builtins.bool = ...,
    invert: builtins.bool = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def isinf(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def isnan(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def isneginf(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def isposinf(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def isreal(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def istft(
    input: Tensor,
    n_fft: builtins.int,
    hop_length: builtins.int | None = ...,
    win_length: builtins.int | None = ...,
    window: Tensor | None = ...,
    center: builtins.bool = ...,
    normalized: builtins.bool = ...,
    onesided: builtins.bool | None = ...,
    length: builtins.int | None = ...,
    return_complex: builtins.bool = ...,
) -> Tensor: ...
def kaiser_window(
    window_length: builtins.int,
    periodic: builtins.bool = ...,
    beta: builtins.float = ...,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    pin_memory: builtins.bool = ...,
    requires_grad: builtins.bool = ...,
) -> Tensor: ...
def kl_div(
    input: Tensor, target: Tensor, reduction: builtins.int = ..., *, log_target: builtins.bool = ...
) -> Tensor: ...
def kron(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def kthvalue(
    input: Tensor,
    k: builtins.int,
    dim: builtins.int = ...,
    keepdim: builtins.bool = ...,
    *,
    out: Any = ...,
    **names: Any,
) -> Extremes: ...
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = ...,
    bias: Tensor | None = ...,
    eps: builtins.float = ...,
    cudnn_enable: builtins.bool = ...,
) -> Tensor: ...
def lcm(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def lcm_(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def ldexp_(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def le(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def lerp(input: Tensor, end: Tensor, weight: Any, *, out: Tensor | None = ...) -> Tensor: ...
def less(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def less_equal(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def lgamma(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def linspace(
    start: Any,
    end: Any,
    steps: builtins.int,
    *,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def load(
    f: Any,
    map_location: Any = ...,
    pickle_module: Any = ...,
    *,
    weights_only: builtins.bool | None = ...,
    mmap: builtins.bool | None = ...,
    **pickle_load_args: Any,
) -> Any: ...
def lobpcg(
    A: Tensor,
    k: builtins.int | None = ...,
    B: Tensor | None = ...,
    X: Tensor | None = ...,
    n: builtins.int | None = ...,
    iK: Tensor | None = ...,
    niter: builtins.int | None = ...,
    tol: builtins.float | None = ...,
    largest: builtins.bool | None = ...,
    method: str | None = ...,
    tracker: Any = ...,
    ortho_iparams: dict[str, Any] | None = ...,
    ortho_fparams: dict[str, Any] | None = ...,
    ortho_bparams: dict[str, Any] | None = ...,
) -> tuple[Tensor, Tensor]: ...
def log(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def log10(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def log10_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def log1p(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def log1p_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def log2(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def log2_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def log_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def log_softmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    _stacklevel: builtins.int = ...,
    dtype: Any = ...,
    **names: Any,
) -> Tensor: ...
def logaddexp(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def logaddexp2(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def logcumsumexp(input: Tensor, dim: builtins.int, *, out: Tensor | None = ...) -> Tensor: ...
def logdet(input: Tensor) -> Tensor: ...
def logical_and(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def logical_not(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def logical_or(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def logical_xor(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def logit(input: Tensor, eps: builtins.float | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
def logit_(input: Tensor, eps: builtins.float | None = ..., *, out: Tensor | None = ...) -> Tensor: ...
def logspace(
    start: Any,
    end: Any,
    steps: builtins.int,
    base: builtins.float = ...,
    *,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def logsumexp(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    *,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def lstm(*given: Any) -> tuple[Tensor, ...]: ...
def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = ...,
    b_hh: Tensor | None = ...,
) -> tuple[Tensor, Tensor]: ...
def lt(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def lu(A: Tensor, pivot: builtins.bool = ..., get_infos: builtins.bool = ..., out: Any = ...) -> Any: ...
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: builtins.bool = ...,
    unpack_pivots: builtins.bool = ...,
    *,
    out: Any = ...,
) -> Any: ...
def manual_seed(seed: builtins.int) -> Generator: ...
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: builtins.float = ...,
    reduction: builtins.int = ...,
) -> Tensor: ...
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor: ...
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor: ...
def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def matrix_exp(A: Tensor) -> Tensor: ...
def matrix_power(A: Tensor, n: builtins.int, *, out: Tensor | None = ...) -> Tensor: ...
def max(
    input: Tensor, dim: Any = ..., keepdim: builtins.bool = ..., *, out: Any = ..., **names: Any
) -> Any: ...
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
def max_pool3d(
    input: Tensor,
    kernel_size: builtins.int | tuple[builtins.int, ...],
    stride: builtins.int | tuple[builtins.int, ...] | None = ...,
    padding: builtins.int | tuple[builtins.int, ...] = ...,
    dilation: builtins.int | tuple[builtins.int, ...] = ...,
    ceil_mode: builtins.bool = ...,
    return_indices: builtins.bool = ...,
) -> Any: ...
def maximum(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def mean(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: Any = ...,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def median(
    input: Tensor, dim: Any = ..., keepdim: builtins.bool = ..., *, out: Any = ..., **names: Any
) -> Any: ...
def meshgrid(*tensors: Any, indexing: str | None = ...) -> tuple[Tensor, ...]: ...
def min(
    input: Tensor, dim: Any = ..., keepdim: builtins.bool = ..., *, out: Any = ..., **names: Any
) -> Any: ...
def minimum(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def mode(
    input: Tensor, dim: builtins.int = ..., keepdim: builtins.bool = ..., *, out: Any = ..., **names: Any
) -> Extremes: ...
def moveaxis(
    input: Tensor,
    source: builtins.int | Sequence[builtins.int],
    destination: builtins.int | Sequence[builtins.int],
) -> Tensor: ...
def movedim(
    input: Tensor,
    source: builtins.int | Sequence[builtins.int],
    destination: builtins.int | Sequence[builtins.int],
) -> Tensor: ...
def msort(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def mul(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def multinomial(
    input: Tensor,
    num_samples: builtins.int,
    replacement: builtins.bool = ...,
    *,
    generator: Generator | None = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def multiply(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def mvlgamma(input: Tensor, p: builtins.int, *, out: Tensor | None = ...) -> Tensor: ...
def nan_to_num(
    input: Tensor,
    nan: builtins.float | None = ...,
    posinf: builtins.float | None = ...,
    neginf: builtins.float | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def nan_to_num_(
    input: Tensor,
    nan: builtins.float | None = ...,
    posinf: builtins.float | None = ...,
    neginf: builtins.float | None = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def nanmean(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: Any = ...,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def nanmedian(
    input: Tensor, dim: Any = ..., keepdim: builtins.bool = ..., *, out: Any = ..., **names: Any
) -> Any: ...
def nanquantile(
    input: Tensor,
    q: Any,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
    *,
    interpolation: str = ...,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def nansum(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: Any = ...,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def narrow(
    input: Tensor, dim: builtins.int, start: builtins.int | Tensor, length: builtins.int
) -> Tensor: ...
def narrow_copy(
    input: Tensor,
    dim: builtins.int,
    start: builtins.int | Tensor,
    length: builtins.int,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def native_channel_shuffle(input: Tensor, groups: builtins.int) -> Tensor: ...
def ne(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def neg(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def neg_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def negative(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def negative_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def nextafter(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def nonzero(input: Tensor, *, out: Tensor | None = ..., as_tuple: builtins.bool = ...) -> Any: ...
def nonzero_static(
    input: Tensor, *, size: builtins.int, fill_value: builtins.int = ..., out: Tensor | None = ...
) -> Tensor: ...
def norm(
    input: Tensor,
    p: builtins.float | str | None = ...,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    out: Tensor | None = ...,
    dtype: Any = ...,
    **names: Any,
) -> Tensor: ...
def norm_except_dim(v: Tensor, pow: builtins.int = ..., dim: builtins.int = ...) -> Tensor: ...
def normal(
    mean: Any,
    std: Any = ...,
    size: Sequence[builtins.int] | None = ...,
    *,
    generator: Generator | None = ...,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def not_equal(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def nuclear_norm(
    input: Tensor, dim: Any = ..., keepdim: builtins.bool = ..., *, out: Tensor | None = ...
) -> Tensor: ...
def numel(input: Tensor) -> builtins.int: ...
def ones(
    *sides: Any,
    size: Sequence[builtins.int] | None = ...,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def ones_like(
    input: Tensor,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
    memory_format: Any = ...,
) -> Tensor: ...
def orgqr(input: Tensor, input2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def ormqr(
    input: Tensor,
    tau: Tensor,
    other: Tensor,
    left: builtins.bool = ...,
    transpose: builtins.bool = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: builtins.float = ..., eps: builtins.float = ..., keepdim: builtins.bool = ...
) -> Tensor: ...
def pca_lowrank(
    A: Tensor, q: builtins.int | None = ..., center: builtins.bool = ..., niter: builtins.int = ...
) -> Any: ...
def pdist(input: Tensor, p: builtins.float = ...) -> Tensor: ...
def permute(input: Tensor, *order_: Any, dims: Sequence[builtins.int] | None = ...) -> Tensor: ...
def permute_copy(
    input: Tensor, *order_: Any, dims: Sequence[builtins.int] | None = ..., out: Tensor | None = ...
) -> Tensor: ...
def pinverse(input: Tensor, rcond: builtins.float = ...) -> Tensor: ...
def pixel_shuffle(input: Tensor, upscale_factor: builtins.int) -> Tensor: ...
def pixel_unshuffle(input: Tensor, downscale_factor: builtins.int) -> Tensor: ...
def poisson(input: Tensor, generator: Generator | None = ...) -> Tensor: ...
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: builtins.bool,
    full: builtins.bool,
    eps: builtins.float,
    reduction: builtins.int,
) -> Tensor: ...
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def polygamma(n: builtins.int, input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def positive(input: Tensor) -> Tensor: ...
def pow(input: Any, exponent: Any, *, out: Tensor | None = ...) -> Tensor: ...
def prelu(input: Tensor, weight: Tensor) -> Tensor: ...
def prod(
    input: Tensor,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: Any = ...,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def promote_types(type1: dtype, type2: dtype) -> dtype: ...
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: builtins.bool = ...) -> Tensor: ...
def qr(input: Tensor, some: builtins.bool = ..., *, out: Any = ...) -> Any: ...
def quantile(
    input: Tensor,
    q: Any,
    dim: builtins.int | None = ...,
    keepdim: builtins.bool = ...,
    *,
    interpolation: str = ...,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def rad2deg(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def rad2deg_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def rand(
    *sides: Any,
    size: Sequence[builtins.int] | None = ...,
    generator: Generator | None = ...,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    pin_memory: builtins.bool = ...,
    requires_grad: builtins.bool = ...,
    memory_format: Any = ...,
) -> Tensor: ...
def randint(
    *args: Any,
    low: builtins.int | None = ...,
    high: builtins.int | None = ...,
    size: Sequence[builtins.int] | None = ...,
    generator: Generator | None = ...,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def randint_like(
    input: Tensor,
    *bounds: builtins.int,
    low: builtins.int | None = ...,
    high: builtins.int | None = ...,
    generator: Generator | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    pin_memory: builtins.bool = ...,
    requires_grad: builtins.bool = ...,
    memory_format: Any = ...,
) -> Tensor: ...
def randn(
    *sides: Any,
    size: Sequence[builtins.int] | None = ...,
    generator: Generator | None = ...,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    pin_memory: builtins.bool = ...,
    requires_grad: builtins.bool = ...,
    memory_format: Any = ...,
) -> Tensor: ...
def randperm(
    n: builtins.int,
    *,
    generator: Generator | None = ...,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def ravel(input: Tensor) -> Tensor: ...
def real(input: Tensor) -> Tensor: ...
def reciprocal(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def reciprocal_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def relu(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def relu_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def remainder(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def renorm(
    input: Tensor, p: builtins.float, dim: builtins.int, maxnorm: builtins.float, *, out: Tensor | None = ...
) -> Tensor: ...
def repeat_interleave(
    input: Tensor,
    repeats: Any = ...,
    dim: builtins.int | None = ...,
    *,
    output_size: builtins.int | None = ...,
) -> Tensor: ...
def reshape(input: Tensor, *shape: Any) -> Tensor: ...
def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = ...) -> Tensor: ...
def resolve_conj(input: Tensor) -> Tensor: ...
def resolve_neg(input: Tensor) -> Tensor: ...
def result_type(tensor1: Any, tensor2: Any) -> dtype: ...
def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = ..., eps: builtins.float | None = ...
) -> Tensor: ...
def rnn_relu(*given: Any) -> tuple[Tensor, ...]: ...
def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = ...,
    b_hh: Tensor | None = ...,
) -> Tensor: ...
def rnn_tanh(*given: Any) -> tuple[Tensor, ...]: ...
def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = ...,
    b_hh: Tensor | None = ...,
) -> Tensor: ...
def roll(
    input: Tensor,
    shifts: builtins.int | Sequence[builtins.int],
    dims: builtins.int | Sequence[builtins.int] | None = ...,
) -> Tensor: ...
def rot90(input: Tensor, k: builtins.int = ..., dims: Sequence[builtins.int] = ...) -> Tensor: ...
def round(input: Tensor, *, decimals: builtins.int = ..., out: Tensor | None = ...) -> Tensor: ...
def round_(input: Tensor, *, decimals: builtins.int = ..., out: Tensor | None = ...) -> Tensor: ...
def row_stack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
def rrelu(
    input: Tensor,
    lower: builtins.float = ...,
    upper: builtins.float = ...,
    training: builtins.bool = ...,
    generator: Generator | None = ...,
) -> Tensor: ...
def rrelu_(
    input: Tensor,
    lower: builtins.float = ...,
    upper: builtins.float = ...,
    training: builtins.bool = ...,
    generator: Generator | None = ...,
) -> Tensor: ...
def rsqrt(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def rsqrt_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def rsub(
    input: Tensor, other: Any, alpha: builtins.bool | builtins.int | builtins.float | builtins.complex = ...
) -> Tensor: ...
def save(
    obj: object,
    f: Any,
    pickle_module: Any = ...,
    pickle_protocol: builtins.int = ...,
    _use_new_zipfile_serialization: builtins.bool = ...,
    _disable_byteorder_record: builtins.bool = ...,
) -> None: ...
def scalar_tensor(
    s: Any,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def scatter(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    src: Any = ...,
    value: Any = ...,
    *,
    reduce: str | None = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def scatter_add(
    input: Tensor, dim: builtins.int, index: Tensor, src: Tensor, *, out: Tensor | None = ...
) -> Tensor: ...
def scatter_reduce(
    input: Tensor,
    dim: builtins.int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: builtins.bool = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: builtins.bool = ...,
    right: builtins.bool = ...,
    side: str | None = ...,
    sorter: Tensor | None = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def seed() -> builtins.int: ...
def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = ...,
    indices: Tensor | None = ...,
    offsets: Tensor | None = ...,
    axis: builtins.int = ...,
    unsafe: builtins.bool = ...,
    initial: Any = ...,
) -> Tensor: ...
def select(input: Tensor, dim: builtins.int, index: builtins.int) -> Tensor: ...
def select_copy(
    input: Tensor, dim: builtins.int, index: builtins.int, *, out: Tensor | None = ...
) -> Tensor: ...
def select_scatter(input: Tensor, src: Tensor, dim: builtins.int, index: builtins.int) -> Tensor: ...
def selu(input: Tensor) -> Tensor: ...
def selu_(input: Tensor) -> Tensor: ...
def set_autocast_cache_enabled(enabled: builtins.bool) -> None: ...
def set_autocast_cpu_dtype(dtype: dtype) -> None: ...
def set_autocast_cpu_enabled(enabled: builtins.bool) -> None: ...
def set_autocast_dtype(device_type: str, dtype: dtype) -> None: ...
def set_autocast_enabled(device_type: Any, enabled: Any = ...) -> None: ...
def set_autocast_gpu_dtype(dtype: dtype) -> None: ...
def set_default_device(device: Any) -> None: ...
def set_default_dtype(d: dtype) -> None: ...
def set_deterministic_debug_mode(debug_mode: builtins.int | str) -> None: ...
def set_float32_matmul_precision(precision: str) -> None: ...
def set_flush_denormal(mode: builtins.bool) -> builtins.bool: ...
def set_num_interop_threads(num: builtins.int) -> None: ...
def set_num_threads(num: builtins.int) -> None: ...
def set_printoptions(
    precision: builtins.int | None = ...,
    threshold: builtins.float | None = ...,
    edgeitems: builtins.int | None = ...,
    linewidth: builtins.int | None = ...,
    profile: str | None = ...,
    sci_mode: builtins.bool | None = ...,
) -> None: ...
def set_rng_state(new_state: Tensor) -> None: ...
def set_warn_always(b: builtins.bool) -> None: ...
def sgn(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sigmoid(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sigmoid_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sign(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def signbit(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sin(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sin_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sinc(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sinc_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sinh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sinh_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def slice_copy(
    input: Tensor,
    dim: builtins.int = ...,
    start: builtins.int | None = ...,
    end: builtins.int | None = ...,
    step: builtins.int = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: builtins.int = ...,
    start: builtins.int | None = ...,
    end: builtins.int | None = ...,
    step: builtins.int = ...,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def slogdet(input: Tensor, *, out: Any = ...) -> Any: ...
def softmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    _stacklevel: builtins.int = ...,
    dtype: Any = ...,
    **names: Any,
) -> Tensor: ...
def sort(
    input: Tensor,
    dim: builtins.int = ...,
    descending: builtins.bool = ...,
    *,
    stable: builtins.bool | None = ...,
    out: Any = ...,
    **names: Any,
) -> Extremes: ...
def split(
    tensor: Tensor,
    split_size_or_sections: builtins.int | Sequence[builtins.int] | None = ...,
    dim: builtins.int = ...,
    *,
    split_size: builtins.int | Sequence[builtins.int] | None = ...,
) -> tuple[Tensor, ...]: ...
def split_copy(
    input: Tensor, split_size: builtins.int, dim: builtins.int = ..., *, out: Any = ...
) -> Any: ...
def split_with_sizes(
    input: Tensor, split_sizes: Sequence[builtins.int], dim: builtins.int = ...
) -> tuple[Tensor, ...]: ...
def split_with_sizes_copy(
    input: Tensor, split_sizes: Sequence[builtins.int], dim: builtins.int = ..., *, out: Any = ...
) -> Any: ...
def sqrt(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sqrt_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def square(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def square_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def squeeze(input: Tensor, dim: builtins.int | Sequence[builtins.int] | None = ...) -> Tensor: ...
def squeeze_copy(
    input: Tensor, dim: builtins.int | Sequence[builtins.int] | None = ..., *, out: Tensor | None = ...
) -> Tensor: ...
def stack(
    tensors: Sequence[Tensor], dim: builtins.int = ..., *, out: Tensor | None = ..., **names: Any
) -> Tensor: ...
def std(
    input: Tensor,
    dim: Any = ...,
    unbiased: builtins.bool = ...,
    keepdim: builtins.bool = ...,
    *,
    correction: builtins.float | None = ...,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def std_mean(
    input: Tensor,
    dim: Any = ...,
    unbiased: builtins.bool = ...,
    keepdim: builtins.bool = ...,
    *,
    correction: builtins.float | None = ...,
    **names: Any,
) -> tuple[Tensor, Tensor]: ...
def stft(
    input: Tensor,
    n_fft: builtins.int,
    hop_length: builtins.int | None = ...,
    win_length: builtins.int | None = ...,
    window: Tensor | None = ...,
    center: builtins.bool = ...,
    pad_mode: str = ...,
    normalized: builtins.bool = ...,
    onesided: builtins.bool | None = ...,
    return_complex: builtins.bool | None = ...,
    align_to_window: builtins.bool | None = ...,
) -> Tensor: ...
def sub(
    input: Any,
    other: Any,
    *,
    alpha: builtins.int | builtins.float | builtins.complex = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def subtract(
    input: Any,
    other: Any,
    *,
    alpha: builtins.int | builtins.float | builtins.complex = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def sum(
    input: Tensor,
    dim: builtins.int | Sequence[builtins.int] | None = ...,
    keepdim: builtins.bool = ...,
    *,
    dtype: Any = ...,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def svd(
    input: Tensor, some: builtins.bool = ..., compute_uv: builtins.bool = ..., *, out: Any = ...
) -> Any: ...
def svd_lowrank(
    A: Tensor, q: builtins.int | None = ..., niter: builtins.int | None = ..., M: Tensor | None = ...
) -> Any: ...
def swapaxes(input: Tensor, axis0: builtins.int, axis1: builtins.int) -> Tensor: ...
def swapdims(input: Tensor, dim0: builtins.int, dim1: builtins.int) -> Tensor: ...
def t(input: Tensor) -> Tensor: ...
def t_copy(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def take(input: Tensor, index: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def take_along_dim(
    input: Tensor, indices: Tensor, dim: builtins.int | None = ..., *, out: Tensor | None = ...
) -> Tensor: ...
def tan(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def tan_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def tanh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def tanh_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def tensor(
    data: Any,
    *,
    dtype: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def tensor_split(
    input: Tensor,
    indices_or_sections: Any = ...,
    dim: builtins.int = ...,
    *,
    indices: Any = ...,
    sections: Any = ...,
) -> tuple[Tensor, ...]: ...
def tensordot(a: Tensor, b: Tensor, dims: Any = ..., out: Tensor | None = ...) -> Tensor: ...
def threshold(
    input: Tensor, threshold: builtins.float, value: builtins.float, *, out: Tensor | None = ...
) -> Tensor: ...
def threshold_(input: Tensor, threshold: builtins.float, value: builtins.float) -> Tensor: ...
def tile(input: Tensor, *dims_: Any, dims: Any = ...) -> Tensor: ...
def topk(
    input: Tensor,
    k: builtins.int,
    dim: builtins.int = ...,
    largest: builtins.bool = ...,
    sorted: builtins.bool = ...,
    *,
    out: Any = ...,
    **names: Any,
) -> Extremes: ...
def trace(input: Tensor) -> Tensor: ...
def transpose(input: Tensor, dim0: builtins.int, dim1: builtins.int) -> Tensor: ...
def transpose_copy(
    input: Tensor, dim0: builtins.int, dim1: builtins.int, *, out: Tensor | None = ...
) -> Tensor: ...
def trapezoid(y: Tensor, x: Tensor | None = ..., *, dx: Any = ..., dim: builtins.int = ...) -> Tensor: ...
def trapz(y: Tensor, x: Tensor | None = ..., *, dx: Any = ..., dim: builtins.int = ...) -> Tensor: ...
def triangular_solve(
    b: Tensor,
    A: Tensor,
    upper: builtins.bool = ...,
    transpose: builtins.bool = ...,
    unitriangular: builtins.bool = ...,
    *,
    out: Any = ...,
) -> Any: ...
def tril(input: Tensor, diagonal: builtins.int = ..., *, out: Tensor | None = ...) -> Tensor: ...
def tril_indices(
    row: builtins.int,
    col: builtins.int,
    offset: builtins.int = ...,
    *,
    dtype: Any = ...,
    device: Any = ...,
    layout: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: builtins.float = ...,
    p: builtins.float = ...,
    eps: builtins.float = ...,
    swap: builtins.bool = ...,
    reduction: builtins.int = ...,
) -> Tensor: ...
def triu(input: Tensor, diagonal: builtins.int = ..., *, out: Tensor | None = ...) -> Tensor: ...
def triu_indices(
    row: builtins.int,
    col: builtins.int,
    offset: builtins.int = ...,
    *,
    dtype: Any = ...,
    device: Any = ...,
    layout: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def true_divide(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def trunc(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def trunc_(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def typename(obj: Any) -> str: ...
def unbind(input: Tensor, dim: builtins.int = ...) -> tuple[Tensor, ...]: ...
def unbind_copy(input: Tensor, dim: builtins.int = ..., *, out: Any = ...) -> Any: ...
def unflatten(input: Tensor, dim: builtins.int, sizes: Sequence[builtins.int]) -> Tensor: ...
def unfold_copy(
    input: Tensor,
    dimension: builtins.int,
    size: builtins.int,
    step: builtins.int,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def unique(
    input: Tensor,
    sorted: builtins.bool = ...,
    return_inverse: builtins.bool = ...,
    return_counts: builtins.bool = ...,
    dim: builtins.int | None = ...,
) -> Any: ...
def unique_consecutive(
    input: Tensor,
    return_inverse: builtins.bool = ...,
    return_counts: builtins.bool = ...,
    dim: builtins.int | None = ...,
) -> Any: ...
def unravel_index(indices: Tensor, shape: builtins.int | Sequence[builtins.int]) -> tuple[Tensor, ...]: ...
def unsafe_chunk(input: Tensor, chunks: builtins.int, dim: builtins.int = ...) -> tuple[Tensor, ...]: ...
def unsafe_split(tensor: Tensor, split_size: builtins.int, dim: builtins.int = ...) -> tuple[Tensor, ...]: ...
def unsafe_split_with_sizes(
    input: Tensor, split_sizes: Sequence[builtins.int], dim: builtins.int = ...
) -> tuple[Tensor, ...]: ...
def unsqueeze(input: Tensor, dim: builtins.int) -> Tensor: ...
def unsqueeze_copy(input: Tensor, dim: builtins.int, *, out: Tensor | None = ...) -> Tensor: ...
def use_deterministic_algorithms(mode: builtins.bool, *, warn_only: builtins.bool = ...) -> None: ...
def vander(x: Tensor, N: builtins.int | None = ..., increasing: builtins.bool = ...) -> Tensor: ...
def var(
    input: Tensor,
    dim: Any = ...,
    unbiased: builtins.bool = ...,
    keepdim: builtins.bool = ...,
    *,
    correction: builtins.float | None = ...,
    out: Tensor | None = ...,
    **names: Any,
) -> Tensor: ...
def var_mean(
    input: Tensor,
    dim: Any = ...,
    unbiased: builtins.bool = ...,
    keepdim: builtins.bool = ...,
    *,
    correction: builtins.float | None = ...,
    **names: Any,
) -> tuple[Tensor, Tensor]: ...
def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def view_as_complex(input: Tensor) -> Tensor: ...
def view_as_real(input: Tensor) -> Tensor: ...
def view_copy(input: Tensor, size: Any = ..., dtype: Any = ..., *, out: Tensor | None = ...) -> Tensor: ...
def vsplit(
    input: Tensor, indices_or_sections: Any = ..., *, indices: Any = ..., sections: Any = ...
) -> tuple[Tensor, ...]: ...
def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = ...) -> Tensor: ...
def where(condition: Any, input: Any = ..., other: Any = ..., *, out: Tensor | None = ...) -> Any: ...
def xlogy(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def xlogy_(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def zero_(input: Tensor) -> Tensor: ...
def zeros(
    *sides: Any,
    size: Sequence[builtins.int] | None = ...,
    out: Tensor | None = ...,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
) -> Tensor: ...
def zeros_like(
    input: Tensor,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
    memory_format: Any = ...,
) -> Tensor: ...

__all__: list[str]
