"""The processor, as torch.cpu shows it."""

from importlib import import_module
from typing import Any

from tapegrad.absent import missing


def is_available() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """The only device."""
    return "cpu"


def synchronize(device: Any = None) -> None:
    """Without effect: every operation is done when its call returns."""


def __getattr__(name: str) -> Any:
    """amp, which loads when first used. Raises: AttributeError for what is not here."""
    if name == "amp":
        return import_module("tapegrad.cpu.amp")
    raise missing("torch.cpu", name)
