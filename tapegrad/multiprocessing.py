"""torch.multiprocessing: Python's own, and `spawn`. Tensors travel as copies, not in shared memory."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
from collections.abc import Callable
from multiprocessing import *  # noqa: F403 # that is what it is in torch, too
from typing import Any

__all__ = [
    *multiprocessing.__all__,
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


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> Any:
    """Call fn(i, *args) in nprocs processes, i from 0, and wait for them; without `join`, a list of them.

    Raises: RuntimeError if one of them fails; the others are ended.
    Source: torch.multiprocessing.spawn.
    """
    context: Any = multiprocessing.get_context(start_method)
    processes = [context.Process(target=fn, args=(i, *args), daemon=daemon) for i in range(nprocs)]
    for p in processes:
        p.start()
    if not join:
        return processes
    running = dict(enumerate(processes))
    try:
        while running:
            multiprocessing.connection.wait([p.sentinel for p in running.values()])
            for i in [i for i, p in running.items() if not p.is_alive()]:
                code = running.pop(i).exitcode
                if code:
                    raise RuntimeError(
                        f"spawn: process {i} ended with exit code {code}; its output says why."
                    )
    finally:
        for p in running.values():
            p.terminate()
            p.join()
    return None
