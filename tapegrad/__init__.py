"""tapegrad: PyTorch's automatic differentiation as a small Python package. `import tapegrad as torch`."""

from importlib import import_module
from typing import Any

from tapegrad import autograd
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
from tapegrad.devices import device
from tapegrad.dtypes import NAMES as _DTYPES
from tapegrad.dtypes import (
    dtype,
    finfo,
    get_default_dtype,
    iinfo,
    set_default_dtype,
)
from tapegrad.ops.random import Generator, default_generator
from tapegrad.public import FUNCTIONS
from tapegrad.tensor import Size, Tensor

__version__ = "0.1.0"

_FUNCTIONS = FUNCTIONS[""]

__all__ = [
    "Generator",
    "Size",
    "TapegradWarning",
    "Tensor",
    "__version__",
    "autograd",
    "default_generator",
    "device",
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
    "set_default_dtype",
    "set_grad_enabled",
    "set_printoptions",
    "special",
    "strided",
    "utils",
    "viz",
    "vmap",
    *_DTYPES,
    *_FUNCTIONS,
]

strided = "torch.strided"  # the layout of every tensor here
globals().update(_DTYPES)  # torch.float32 and all its siblings and aliases
globals().update(_FUNCTIONS)

# Loaded when first used.
_LAZY = ("fft", "func", "linalg", "nn", "optim", "special", "testing", "utils", "viz")
_LAZY_NAMES = {"explain": "viz", "vmap": "func"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(f"tapegrad.{name}")
    if name in _LAZY_NAMES:
        return getattr(import_module(f"tapegrad.{_LAZY_NAMES[name]}"), name)
    raise _missing("torch", name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
