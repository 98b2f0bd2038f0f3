"""Whatever accelerator there is: none."""

from typing import Any, NoReturn

from tapegrad.devices import no_device


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None: there is no accelerator."""


def current_device_index() -> NoReturn:
    """Raises: RuntimeError."""
    raise no_device("accelerator.current_device_index", "accelerator")


def set_device_index(device: Any) -> NoReturn:
    """Raises: RuntimeError."""
    raise no_device("accelerator.set_device_index", "accelerator")


def synchronize(device: Any = None) -> NoReturn:
    """Raises: RuntimeError."""
    raise no_device("accelerator.synchronize", "accelerator")
