"""Made by tools/stubs.py from the registry of operations. Do not edit."""

import builtins
from collections.abc import Sequence
from typing import Any

from tapegrad import accelerator as accelerator
from tapegrad import autograd as autograd
from tapegrad import backends as backends
from tapegrad import cpu as cpu
from tapegrad import cuda as cuda
from tapegrad import fft as fft
from tapegrad import func as func
from tapegrad import linalg as linalg
from tapegrad import mps as mps
from tapegrad import nn as nn
from tapegrad import optim as optim
from tapegrad import return_types as return_types
from tapegrad import special as special
from tapegrad import utils as utils
from tapegrad import version as version
from tapegrad import viz as viz
from tapegrad import xpu as xpu
from tapegrad._errors import TapegradWarning as TapegradWarning
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
from tapegrad.ops.results import Extremes, Histogram, Range
from tapegrad.tensor import Size as Size
from tapegrad.tensor import Tensor as Tensor
from tapegrad.viz import explain as explain

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
def absolute(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
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
def as_strided(
    input: Tensor,
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
def bernoulli(
    input: Tensor,
    p: builtins.float | None = ...,
    *,
    generator: Generator | None = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def bincount(input: Tensor, weights: Tensor | None = ..., minlength: builtins.int = ...) -> Tensor: ...
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = ...) -> Tensor: ...
def bitwise_and(
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
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def broadcast_to(input: Tensor, *shape: Any) -> Tensor: ...
def bucketize(
    input: Any,
    boundaries: Tensor,
    *,
    out_int32: builtins.bool = ...,
    right: builtins.bool = ...,
    out: Tensor | None = ...,
) -> Tensor: ...
def can_cast(from_: dtype, to: dtype) -> builtins.bool: ...
def cat(
    tensors: Sequence[Tensor], dim: builtins.int = ..., *, out: Tensor | None = ..., **names: Any
) -> Tensor: ...
def cdist(x1: Tensor, x2: Tensor, p: builtins.float = ..., compute_mode: str = ...) -> Tensor: ...
def ceil(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def chain_matmul(*matrices: Tensor, out: Tensor | None = ...) -> Tensor: ...
def cholesky(input: Tensor, upper: builtins.bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def cholesky_inverse(L: Tensor, upper: builtins.bool = ..., *, out: Tensor | None = ...) -> Tensor: ...
def cholesky_solve(
    B: Tensor, L: Tensor, upper: builtins.bool = ..., *, out: Tensor | None = ...
) -> Tensor: ...
def chunk(input: Tensor, chunks: builtins.int, dim: builtins.int = ...) -> tuple[Tensor, ...]: ...
def clamp(input: Tensor, min: Any = ..., max: Any = ..., *, out: Tensor | None = ...) -> Tensor: ...
def clamp_max(input: Tensor, max: Any) -> Tensor: ...
def clamp_min(input: Tensor, min: Any) -> Tensor: ...
def clip(input: Tensor, min: Any = ..., max: Any = ..., *, out: Tensor | None = ...) -> Tensor: ...
def clone(input: Tensor, *, memory_format: Any = ...) -> Tensor: ...
def compile(model: Any = ..., **options: Any) -> Any: ...
def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def conj(input: Tensor) -> Tensor: ...
def conj_physical(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def corrcoef(input: Tensor) -> Tensor: ...
def cos(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
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
def det(input: Tensor) -> Tensor: ...
def diagonal(
    input: Tensor, offset: builtins.int = ..., dim1: builtins.int = ..., dim2: builtins.int = ...
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
def dist(input: Tensor, other: Tensor, p: builtins.float = ...) -> Tensor: ...
def div(input: Any, other: Any, *, rounding_mode: str | None = ..., out: Tensor | None = ...) -> Tensor: ...
def divide(
    input: Any, other: Any, *, rounding_mode: str | None = ..., out: Tensor | None = ...
) -> Tensor: ...
def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]: ...
def einsum(*args: Any) -> Tensor: ...
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
def exp(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
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
def flatten(input: Tensor, start_dim: builtins.int = ..., end_dim: builtins.int = ...) -> Tensor: ...
def floor(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def floor_divide(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
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
    memory_format: Any = ...,
) -> Tensor: ...
def ge(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def geqrf(input: Tensor, *, out: Any = ...) -> Any: ...
def ger(input: Tensor, vec2: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
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
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]: ...
def imag(input: Tensor) -> Tensor: ...
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: builtins.bool = ...) -> Tensor: ...
def initial_seed() -> builtins.int: ...
def inner(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def inverse(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def is_complex(input: Tensor) -> builtins.bool: ...
def is_conj(input: Tensor) -> builtins.bool: ...
def is_deterministic_algorithms_warn_only_enabled() -> builtins.bool: ...
def is_distributed(input: Tensor) -> builtins.bool: ...
def is_floating_point(input: Tensor) -> builtins.bool: ...
def is_grad_enabled() -> builtins.bool: ...
def is_inference(input: Tensor) -> builtins.bool: ...
def is_inference_mode_enabled() -> builtins.bool: ...
def is_neg(input: Tensor) -> builtins.bool: ...
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
def le(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
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
def log(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def log_softmax(
    input: Tensor,
    dim: builtins.int | None = ...,
    _stacklevel: builtins.int = ...,
    dtype: Any = ...,
    **names: Any,
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
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def matrix_exp(A: Tensor) -> Tensor: ...
def matrix_power(A: Tensor, n: builtins.int, *, out: Tensor | None = ...) -> Tensor: ...
def max(
    input: Tensor, dim: Any = ..., keepdim: builtins.bool = ..., *, out: Any = ..., **names: Any
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
def ne(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def neg(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def negative(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
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
def pinverse(input: Tensor, rcond: builtins.float = ...) -> Tensor: ...
def poisson(input: Tensor, generator: Generator | None = ...) -> Tensor: ...
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def pow(input: Any, exponent: Any, *, out: Tensor | None = ...) -> Tensor: ...
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
def relu(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def remainder(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def renorm(
    input: Tensor, p: builtins.float, dim: builtins.int, maxnorm: builtins.float, *, out: Tensor | None = ...
) -> Tensor: ...
def reshape(input: Tensor, *shape: Any) -> Tensor: ...
def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = ...) -> Tensor: ...
def resolve_conj(input: Tensor) -> Tensor: ...
def resolve_neg(input: Tensor) -> Tensor: ...
def result_type(tensor1: Any, tensor2: Any) -> dtype: ...
def round(input: Tensor, *, decimals: builtins.int = ..., out: Tensor | None = ...) -> Tensor: ...
def scalar_tensor(
    s: Any,
    *,
    dtype: Any = ...,
    layout: Any = ...,
    device: Any = ...,
    requires_grad: builtins.bool = ...,
    pin_memory: builtins.bool = ...,
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
def select(input: Tensor, dim: builtins.int, index: builtins.int) -> Tensor: ...
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
def sign(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def sin(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def slogdet(input: Tensor) -> Any: ...
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
    tensor: Tensor, split_size_or_sections: builtins.int | Sequence[builtins.int], dim: builtins.int = ...
) -> tuple[Tensor, ...]: ...
def split_with_sizes(
    input: Tensor, split_sizes: Sequence[builtins.int], dim: builtins.int = ...
) -> tuple[Tensor, ...]: ...
def sqrt(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def squeeze(input: Tensor, dim: builtins.int | Sequence[builtins.int] | None = ...) -> Tensor: ...
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
def tanh(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
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
def true_divide(
    input: Tensor | builtins.int | builtins.float | builtins.complex,
    other: Tensor | builtins.int | builtins.float | builtins.complex,
    *,
    out: Tensor | None = ...,
) -> Tensor: ...
def trunc(input: Tensor, *, out: Tensor | None = ...) -> Tensor: ...
def typename(obj: Any) -> str: ...
def unbind(input: Tensor, dim: builtins.int = ...) -> tuple[Tensor, ...]: ...
def unflatten(input: Tensor, dim: builtins.int, sizes: Sequence[builtins.int]) -> Tensor: ...
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
def unsafe_chunk(input: Tensor, chunks: builtins.int, dim: builtins.int = ...) -> tuple[Tensor, ...]: ...
def unsafe_split(tensor: Tensor, split_size: builtins.int, dim: builtins.int = ...) -> tuple[Tensor, ...]: ...
def unsafe_split_with_sizes(
    input: Tensor, split_sizes: Sequence[builtins.int], dim: builtins.int = ...
) -> tuple[Tensor, ...]: ...
def unsqueeze(input: Tensor, dim: builtins.int) -> Tensor: ...
def use_deterministic_algorithms(mode: builtins.bool, *, warn_only: builtins.bool = ...) -> None: ...
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
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]: ...
def where(condition: Any, input: Any = ..., other: Any = ..., *, out: Tensor | None = ...) -> Any: ...
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
    memory_format: Any = ...,
) -> Tensor: ...

__all__: list[str]
