"""tapegrad: PyTorch's automatic differentiation as a small Python package. `import tapegrad as torch`."""

import math
from importlib import import_module
from typing import Any

from tapegrad import autograd, settings
from tapegrad._errors import TapegradWarning
from tapegrad._printing import set_printoptions
from tapegrad.absent import missing as _missing
from tapegrad.autograd import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from tapegrad.devices import MEMORY_FORMATS, device, layout, memory_format
from tapegrad.devices import strided_layout as strided
from tapegrad.dtypes import NAMES as _DTYPES
from tapegrad.dtypes import (
    dtype,
    finfo,
    get_default_dtype,
    iinfo,
    set_default_dtype,
)
from tapegrad.legacy import TYPES as _TYPES
from tapegrad.ops.random import Generator, default_generator
from tapegrad.public import FUNCTIONS
from tapegrad.settings import __all__ as _SETTINGS
from tapegrad.tensor import Size, Tensor
from tapegrad.version import __version__

_FUNCTIONS = FUNCTIONS[""]
e, inf, nan, pi, newaxis = math.e, math.inf, math.nan, math.pi, None

__all__ = [
    "GradScaler",
    "amp",
    "autocast",
    "distributed",
    "hub",
    "jit",
    "multiprocessing",
    "onnx",
    "profiler",
    "Generator",
    "Size",
    "TapegradWarning",
    "Tensor",
    "__version__",
    "autograd",
    "default_generator",
    "device",
    "distributions",
    "dtype",
    "enable_grad",
    "explain",
    "fft",
    "finfo",
    "func",
    "get_default_dtype",
    "iinfo",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "linalg",
    "nn",
    "no_grad",
    "optim",
    "profile",
    "random",
    "load",
    "return_types",
    "save",
    "serialization",
    "set_default_dtype",
    "set_grad_enabled",
    "set_printoptions",
    "special",
    "strided",
    "types",
    "xpu",
    "version",
    "mps",
    "cuda",
    "cpu",
    "backends",
    "accelerator",
    "memory_format",
    "layout",
    "newaxis",
    "pi",
    "nan",
    "inf",
    "e",
    "utils",
    "viz",
    "vmap",
    *MEMORY_FORMATS,
    *_DTYPES,
    *_FUNCTIONS,
    *_SETTINGS,
    *_TYPES,
]

globals().update(_DTYPES)  # torch.float32 and all its siblings and aliases
globals().update(MEMORY_FORMATS | _FUNCTIONS | _TYPES | {name: getattr(settings, name) for name in _SETTINGS})

# Loaded when first used.
_LAZY = (
    "amp",
    "distributed",
    "hub",
    "jit",
    "multiprocessing",
    "onnx",
    "profiler",
    "accelerator",
    "backends",
    "cpu",
    "cuda",
    "distributions",
    "mps",
    "version",
    "xpu",
    "fft",
    "func",
    "linalg",
    "nn",
    "optim",
    "random",
    "return_types",
    "serialization",
    "special",
    "testing",
    "types",
    "utils",
    "viz",
)
_AUTOCAST = (
    "autocast_decrement_nesting",
    "autocast_increment_nesting",
    "clear_autocast_cache",
    "get_autocast_cpu_dtype",
    "get_autocast_dtype",
    "get_autocast_gpu_dtype",
    "is_autocast_cache_enabled",
    "is_autocast_cpu_enabled",
    "is_autocast_enabled",
    "set_autocast_cache_enabled",
    "set_autocast_cpu_dtype",
    "set_autocast_cpu_enabled",
    "set_autocast_dtype",
    "set_autocast_enabled",
    "set_autocast_gpu_dtype",
)
_LAZY_NAMES = dict.fromkeys(_AUTOCAST, "amp.switches") | {
    "GradScaler": "amp",
    "autocast": "amp",
    "empty_cache": "tiers",
    "explain": "viz",
    "memory_stats": "tiers",
    "profile": "profiling",
    "load": "serialization",
    "save": "serialization",
    "vmap": "func",
}
# Functions of networks: their files offer them when they load.
_OF_NETWORKS = (
    "adaptive_avg_pool1d",
    "adaptive_max_pool1d",
    "affine_grid_generator",
    "alpha_dropout",
    "alpha_dropout_",
    "avg_pool1d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolution",
    "cosine_embedding_loss",
    "ctc_loss",
    "dropout",
    "dropout_",
    "embedding",
    "embedding_bag",
    "embedding_renorm_",
    "feature_alpha_dropout",
    "feature_alpha_dropout_",
    "feature_dropout",
    "feature_dropout_",
    "grid_sampler",
    "grid_sampler_2d",
    "grid_sampler_3d",
    "group_norm",
    "gru",
    "gru_cell",
    "hinge_embedding_loss",
    "instance_norm",
    "kl_div",
    "layer_norm",
    "lstm",
    "lstm_cell",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool3d",
    "poisson_nll_loss",
    "rms_norm",
    "rnn_relu",
    "rnn_relu_cell",
    "rnn_tanh",
    "rnn_tanh_cell",
    "triplet_margin_loss",
)
__all__ += (*_OF_NETWORKS, *_AUTOCAST)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(f"tapegrad.{name}")
    if name in _LAZY_NAMES:
        return getattr(import_module(f"tapegrad.{_LAZY_NAMES[name]}"), name)
    if name in _OF_NETWORKS:
        import_module("tapegrad.ops.networks")
        globals().update({found: _FUNCTIONS[found] for found in _OF_NETWORKS})  # from now on without this
        return _FUNCTIONS[name]
    raise _missing("torch", name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
