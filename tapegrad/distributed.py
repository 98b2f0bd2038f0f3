"""torch.distributed: there is one process. Questions are answered so; what needs others is refused."""

from __future__ import annotations

from typing import Any, NoReturn

from tapegrad.absent import missing

__all__ = [
    "barrier",
    "destroy_process_group",
    "get_rank",
    "get_world_size",
    "init_process_group",
    "is_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
]


def is_available() -> bool:
    """False. Source: torch.distributed.is_available."""
    return False


is_gloo_available = is_mpi_available = is_nccl_available = is_available
is_initialized = is_torchelastic_launched = is_available


_WHY = "there is no process group; ask distributed.is_available() first, which is False."


def init_process_group(*_: Any, **__: Any) -> NoReturn:
    """Raises: RuntimeError."""
    raise RuntimeError(f"distributed.init_process_group: {_WHY}")


def destroy_process_group(*_: Any, **__: Any) -> NoReturn:
    """Raises: ValueError, as in torch without a process group."""
    raise ValueError(f"distributed.destroy_process_group: {_WHY}")


def get_rank(*_: Any, **__: Any) -> NoReturn:
    """Raises: ValueError, as in torch without a process group."""
    raise ValueError(f"distributed.get_rank: {_WHY}")


def get_world_size(*_: Any, **__: Any) -> NoReturn:
    """Raises: ValueError, as in torch without a process group."""
    raise ValueError(f"distributed.get_world_size: {_WHY}")


def barrier(*_: Any, **__: Any) -> NoReturn:
    """Raises: ValueError, as in torch without a process group."""
    raise ValueError(f"distributed.barrier: {_WHY}")


def __getattr__(name: str) -> Any:
    raise missing("torch.distributed", name)
