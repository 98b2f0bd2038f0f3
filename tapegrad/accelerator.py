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


class device_index:
    """A context that selects a device by its index; None selects none.

    Raises: RuntimeError on entering, for an index.
    """

    def __init__(self, device: int | None, /) -> None:
        self.idx = device

    def __enter__(self) -> None:
        if self.idx is not None:
            raise no_device("accelerator.device_index", "accelerator")

    def __exit__(self, *_: object) -> None:
        pass


def synchronize(device: Any = None) -> NoReturn:
    """Raises: RuntimeError."""
    raise no_device("accelerator.synchronize", "accelerator")
