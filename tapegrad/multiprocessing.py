"""torch.multiprocessing: Python's own, and `spawn`. Tensors travel as copies, not in shared memory."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from collections.abc import Callable
from multiprocessing import *  # noqa: F403 # that is what it is in torch, too
from typing import Any

__all__ = [
    *multiprocessing.__all__,
    "SpawnContext",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
]


def get_all_sharing_strategies() -> set[str]:
    """{'file_system'}. Source: torch.multiprocessing.get_all_sharing_strategies."""
    return {"file_system"}


def get_sharing_strategy() -> str:
    """'file_system'; nothing is shared. Source: torch.multiprocessing.get_sharing_strategy."""
    return "file_system"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted for torch's strategies, and changes nothing.

    Raises: ValueError for others.
    """
    if new_strategy not in ("file_descriptor", "file_system"):
        raise ValueError(
            f"set_sharing_strategy: new_strategy is {new_strategy!r}; 'file_descriptor' or 'file_system' is "
            "needed."
        )


class SpawnContext:
    """The processes that `spawn` has started. Source: torch.multiprocessing.SpawnContext."""

    def __init__(self, processes: list[Any]) -> None:
        self.processes = processes

    def pids(self) -> list[int]:
        """Their numbers."""
        return [p.pid for p in self.processes]

    def join(self, timeout: float | None = None) -> bool:
        """Wait until one has failed, all have ended, or so many seconds have passed; whether all have ended.

        Raises: RuntimeError if one has failed; the others are ended.
        """
        running = [p for p in self.processes if p.is_alive()]
        if running:
            multiprocessing.connection.wait([p.sentinel for p in running], timeout)
        for i, p in enumerate(self.processes):
            if p.exitcode:
                for other in self.processes:
                    other.terminate()
                    other.join()
                raise RuntimeError(f"spawn: process {i} ended with exit code {p.exitcode}; see its output.")
        return all(p.exitcode == 0 for p in self.processes)


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> SpawnContext | None:
    """Call fn(i, *args) in nprocs processes, i from 0, and wait for them; without `join`, their context.

    Raises: RuntimeError if one of them fails; the others are ended.
    Source: torch.multiprocessing.spawn.
    """
    context: Any = multiprocessing.get_context(start_method)
    started = SpawnContext(
        [context.Process(target=fn, args=(i, *args), daemon=daemon) for i in range(nprocs)]
    )
    for p in started.processes:
        p.start()
    if not join:
        return started
    while not started.join():
        pass
    return None
