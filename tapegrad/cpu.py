"""The processor, as torch.cpu shows it."""

from typing import Any


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
