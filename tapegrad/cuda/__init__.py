"""CUDA, which is not here: questions are answered, seeds accepted, and what needs a device says so.

Scripts ask `torch.cuda.is_available()` and go on without.
"""

from __future__ import annotations

from collections import OrderedDict
from importlib import import_module
from typing import Any, NoReturn

from tapegrad.devices import device as _device
from tapegrad.devices import no_device


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def get_arch_list() -> list[str]:
    """No architectures."""
    return []


def manual_seed(seed: int) -> None:
    """Accepted, without effect, as in torch without CUDA."""


def manual_seed_all(seed: int) -> None:
    """Accepted, without effect, as in torch without CUDA."""


def seed() -> None:
    """Without effect."""


def seed_all() -> None:
    """Without effect."""


def empty_cache() -> None:
    """Without effect: there is no cache."""


def reset_peak_memory_stats(device: Any = None) -> None:
    """Without effect: nothing is allocated on a device."""


def _nothing(device: Any = None) -> int:
    """0: nothing is allocated on a device."""
    return 0


memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _nothing


def memory_stats(device: Any = None) -> OrderedDict[str, Any]:
    """Nothing."""
    return OrderedDict()


def set_device(device: Any) -> None:
    """Only a negative index, which means no device. Raises: AssertionError for a device."""
    if not (isinstance(device, int) and device < 0):
        raise no_device("set_device", "cuda")


class device:
    """A context that selects a device; None or a negative index selects none.

    Raises: AssertionError on entering, for a device.
    """

    def __init__(self, device: Any) -> None:
        self.idx = -1 if device is None else device if isinstance(device, int) else _device(device).index or 0

    def __enter__(self) -> None:
        if self.idx >= 0:
            raise no_device("cuda.device", "cuda")

    def __exit__(self, *_: object) -> None:
        pass


def _lacking(name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> NoReturn:
        raise no_device(f"cuda.{name}", "cuda")

    call.__name__ = call.__qualname__ = name
    call.__doc__ = "Needs CUDA. Raises: AssertionError."
    return call


_NEED = [
    "Event",
    "Stream",
    "current_device",
    "current_stream",
    "default_stream",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "init",
    "initial_seed",
    "ipc_collect",
    "mem_get_info",
    "memory_summary",
    "set_per_process_memory_fraction",
    "set_rng_state",
    "stream",
    "synchronize",
]
globals().update({_name: _lacking(_name) for _name in _NEED})


def __getattr__(name: str) -> Any:
    """amp, which loads when first used. Raises: AttributeError for what is not here."""
    if name == "amp":
        return import_module("tapegrad.cuda.amp")
    raise AttributeError(f"torch.cuda of tapegrad has no {name!r}: there is no CUDA.")
