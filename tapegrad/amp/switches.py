"""What is set of autocast in this thread, by torch's names: torch.is_autocast_enabled and its kin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tapegrad._errors import describe
from tapegrad._state import autocast
from tapegrad.amp.casting import switch
from tapegrad.dtypes import bfloat16, dtype, float16

# The devices that torch knows, and of these what has autocast there. Only "cpu" has an effect here.
AVAILABLE = frozenset(("cpu", "cuda", "ipu", "xpu", "maia", "xla", "mps", "hpu", "mtia", "privateuseone"))
DEVICES = AVAILABLE | {"mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "lazy", "vulkan", "meta"}
_BFLOAT16 = ("cpu", "xla", "hpu", "maia")  # whose dtype is bfloat16 unless it was set; others' is float16


def _device(op: str, device_type: Any, among: frozenset[str] = AVAILABLE) -> str:
    if not isinstance(device_type, str):
        raise TypeError(f"{op}: device_type is {describe(device_type)}; a str such as 'cpu' is needed.")
    if device_type not in among:
        raise RuntimeError(f"{op}: device_type is {device_type!r}; 'cpu' is needed.")
    return device_type


def _flag(op: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{op}: enabled is {describe(value)}; True or False is needed.")
    return value


def is_autocast_available(device_type: str) -> bool:
    """Whether torch has autocast for a type of device. It has an effect on 'cpu' alone.

    Raises: RuntimeError for no type of device. Source: torch.amp.is_autocast_available.
    """
    return _device("is_autocast_available", device_type, DEVICES) in AVAILABLE


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether operations of this thread on such devices cast their arguments."""
    return autocast.enabled.get(_device("is_autocast_enabled", device_type), False)


def set_autocast_enabled(device_type: Any, enabled: Any = None) -> None:
    """set_autocast_enabled(device_type, enabled), or (enabled) for 'cuda': cast from now on, or not.

    Raises: ImportError if the dtype is bfloat16 and ml_dtypes is not there.
    """
    if enabled is None:
        device_type, enabled = "cuda", device_type
    flag, device = _flag("set_autocast_enabled", enabled), _device("set_autocast_enabled", device_type)
    if device == "cpu":
        switch(flag)
    autocast.enabled[device] = flag


def get_autocast_dtype(device_type: str) -> dtype:
    """To which dtype operations on such devices cast: bfloat16 on 'cpu', float16 elsewhere, unless it was
    set."""
    device = _device("get_autocast_dtype", device_type)
    found: dtype = autocast.dtypes.get(device, bfloat16 if device in _BFLOAT16 else float16)
    return found


def set_autocast_dtype(device_type: str, dtype: dtype) -> None:
    """Set to which dtype operations on such devices cast."""
    autocast.dtypes[_device("set_autocast_dtype", device_type)] = dtype


def is_autocast_cache_enabled() -> bool:
    """Whether weights are converted once in a block, and not for each operation."""
    return autocast.cached


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Set whether weights are converted once in a block."""
    autocast.cached = _flag("set_autocast_cache_enabled", enabled)


def clear_autocast_cache() -> None:
    """Forget to what weights were converted."""
    autocast.cache.clear()


def autocast_increment_nesting() -> int:
    """Enter one more block: in how many the thread is now."""
    autocast.nesting += 1
    return autocast.nesting


def autocast_decrement_nesting() -> int:
    """Leave a block: in how many the thread is now."""
    autocast.nesting -= 1
    return autocast.nesting


# ---- for what runs again


class Kept:
    """What is set for the CPU now, to run something under it, now and again. Each time weights are converted
    anew, so that the same operations are recorded."""

    def __init__(self) -> None:
        self.enabled, self.dtype = is_autocast_enabled("cpu"), get_autocast_dtype("cpu")

    @contextmanager
    def __call__(self) -> Iterator[None]:
        was, cache, on = Kept(), autocast.cache, autocast.on
        self._set()
        autocast.cache = {}
        try:
            yield
        finally:
            autocast.cache = cache
            was._set()
            autocast.on = on

    def _set(self) -> None:
        set_autocast_dtype("cpu", self.dtype)
        set_autocast_enabled("cpu", self.enabled)


# ---- names of before there was device_type


def is_autocast_cpu_enabled() -> bool:
    """is_autocast_enabled("cpu")."""
    return is_autocast_enabled("cpu")


def set_autocast_cpu_enabled(enabled: bool) -> None:
    """set_autocast_enabled("cpu", enabled)."""
    set_autocast_enabled("cpu", enabled)


def get_autocast_cpu_dtype() -> dtype:
    """get_autocast_dtype("cpu")."""
    return get_autocast_dtype("cpu")


def set_autocast_cpu_dtype(dtype: dtype) -> None:
    """set_autocast_dtype("cpu", dtype)."""
    set_autocast_dtype("cpu", dtype)


def get_autocast_gpu_dtype() -> dtype:
    """get_autocast_dtype("cuda")."""
    return get_autocast_dtype("cuda")


def set_autocast_gpu_dtype(dtype: dtype) -> None:
    """set_autocast_dtype("cuda", dtype)."""
    set_autocast_dtype("cuda", dtype)
