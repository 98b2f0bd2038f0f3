"""Apple's GPUs, which are not used here: questions are answered, what needs a device says so."""

from typing import NoReturn

from tapegrad.devices import no_device


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Accepted, without effect, as in torch without MPS."""


def seed() -> None:
    """Without effect."""


def empty_cache() -> NoReturn:
    """Raises: RuntimeError: there is no MPS."""
    raise no_device("mps.empty_cache", "mps")


def synchronize() -> NoReturn:
    """Raises: RuntimeError: there is no MPS."""
    raise no_device("mps.synchronize", "mps")


def current_allocated_memory() -> NoReturn:
    """Raises: RuntimeError: there is no MPS."""
    raise no_device("mps.current_allocated_memory", "mps")
