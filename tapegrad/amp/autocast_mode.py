"""autocast: operations in a narrower dtype."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from typing import Any

import numpy as np

from tapegrad import _state
from tapegrad._errors import describe, say
from tapegrad.amp.switches import (
    autocast_decrement_nesting,
    autocast_increment_nesting,
    clear_autocast_cache,
    get_autocast_dtype,
    is_autocast_available,
    is_autocast_cache_enabled,
    is_autocast_enabled,
    set_autocast_cache_enabled,
    set_autocast_dtype,
    set_autocast_enabled,
)
from tapegrad.dtypes import bfloat16, dtype, float16, float64
from tapegrad.tensor import Tensor

__all__ = ["autocast", "autocast_decorator", "custom_bwd", "custom_fwd", "is_autocast_available"]


class autocast:
    """A block, or a decorator, in which operations of this thread run in the dtype that suits them: products
    and convolutions in bfloat16 (or float16), losses, norms of matrices and Fourier transforms in float32,
    everything else in the dtype of its arguments. Parameters stay in float32, and so do their gradients.

    device_type: 'cpu'. For 'cuda', which is not here, it warns and changes nothing, as in torch; other
    devices change nothing. dtype: bfloat16, which needs the package ml_dtypes, or float16. With another dtype
    it warns and changes nothing. cache_enabled: a weight is converted once in the outermost block, and again
    after it was written.
    Raises: ImportError for bfloat16 without ml_dtypes, at the beginning of the block; RuntimeError for a
    device that torch does not know.
    Source: torch.amp.autocast.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"autocast: device_type is {device_type!r}; a str such as 'cpu' is needed.")
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        if not is_autocast_available(device_type):
            raise RuntimeError(f"autocast: device_type is {device_type!r}; 'cpu' is needed.")
        self._cache_enabled = is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        if enabled and device_type == "cuda":
            say("autocast: device_type is 'cuda', which is not there; autocast is disabled.")
            enabled = False
        elif enabled and self.fast_dtype not in (bfloat16, float16):
            say(f"autocast: dtype is {self.fast_dtype!r}; bfloat16 or float16 is needed. It is disabled.")
            enabled = False
        self._enabled = enabled

    def __enter__(self) -> autocast:
        on = _state.autocast.on
        before = (
            is_autocast_cache_enabled(),
            is_autocast_enabled(self.device),
            get_autocast_dtype(self.device),
        )
        set_autocast_dtype(self.device, self.fast_dtype)
        try:
            set_autocast_enabled(self.device, self._enabled)
        except ImportError:
            set_autocast_dtype(self.device, before[2])
            raise
        self.prev_cache_enabled, self.prev, self.prev_fastdtype = before
        self._on = on
        autocast_increment_nesting()
        set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, *_: object) -> None:
        if autocast_decrement_nesting() == 0:
            clear_autocast_cache()
        set_autocast_enabled(self.device, self.prev)
        set_autocast_dtype(self.device, self.prev_fastdtype)
        set_autocast_cache_enabled(self.prev_cache_enabled)
        _state.autocast.on = self._on  # off within a sweep

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(func):
            raise TypeError(
                f"autocast: func is {describe(func)}; a function to decorate is needed. "
                "For a block write: with torch.autocast(device_type):"
            )
        return autocast_decorator(self, func)


def autocast_decorator(autocast_instance: autocast, func: Callable[..., Any]) -> Callable[..., Any]:
    """func, run in the block that an autocast describes."""

    @wraps(func)
    def decorate_autocast(*args: Any, **kwargs: Any) -> Any:
        with autocast_instance:
            return func(*args, **kwargs)

    return decorate_autocast


# ---- Functions of the user


def _cast(value: Any, device_type: str, dtype: dtype) -> Any:
    """A value with the floats in it in a dtype, also in containers; float64 and arrays as they are."""
    if isinstance(value, Tensor):
        eligible = (
            value.is_floating_point() and value.device.type == device_type and value.dtype is not float64
        )
        return value.to(dtype) if eligible else value
    if isinstance(value, (str, bytes, np.ndarray)):
        return value
    if isinstance(value, Mapping):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()}
    if isinstance(value, Iterable):
        converted = (_cast(v, device_type, dtype) for v in value)
        return type(value)(converted) if isinstance(value, (list, tuple)) else converted
    return value


def _needs_device(op: str, device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"{op}: device_type is {device_type!r}; a str such as 'cpu' is needed.")


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: dtype | None = None
) -> Any:
    """Decorate the forward of an autograd.Function: in an autocast block its floats are cast to cast_inputs
    and it runs without autocast; without cast_inputs it runs as everything else in the block.

    Raises: ValueError unless device_type is a str. Source: torch.amp.custom_fwd.
    """
    _needs_device("custom_fwd", device_type)
    if fwd is None:
        return partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @wraps(fwd)
    def decorate_fwd(*args: Any, **kwargs: Any) -> Any:
        ctx, on = args[0], is_autocast_enabled(device_type)
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = on and cast_inputs is None
        if cast_inputs is None or not on:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(*_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))

    return decorate_fwd


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Decorate the backward of an autograd.Function: it runs with autocast as its forward did.

    Raises: ValueError unless device_type is a str. Source: torch.amp.custom_bwd.
    """
    _needs_device("custom_bwd", device_type)
    if bwd is None:
        return partial(custom_bwd, device_type=device_type)

    @wraps(bwd)
    def decorate_bwd(*args: Any, **kwargs: Any) -> Any:
        ctx = args[0]
        with autocast(device_type, ctx._dtype, ctx._fwd_used_autocast):
            return bwd(*args, **kwargs)

    return decorate_bwd
