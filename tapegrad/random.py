"""torch.random: the default stream of random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tapegrad.absent import missing
from tapegrad.ops.random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


@contextmanager
def fork_rng(
    devices: Any = None, enabled: bool = True, *names: str, device_type: str | None = None
) -> Iterator[None]:
    """What is drawn within a `with` block leaves the default stream where it was before.

    devices, device_type and further names: accepted; there is only the CPU.
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)


def __getattr__(name: str) -> object:
    raise missing("torch.random", name)
