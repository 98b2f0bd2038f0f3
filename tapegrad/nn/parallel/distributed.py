"""DistributedDataParallel, which needs several processes."""

from __future__ import annotations

from typing import Any

from tapegrad.nn.modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """A module over several processes, of which there is one: it can be named, and tested for, not made.

    Raises: ValueError, as in torch without a process group.
    Source: torch.nn.parallel.DistributedDataParallel.
    """

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        raise ValueError(
            "DistributedDataParallel: there is no process group, and there cannot be one; ask "
            "torch.distributed.is_available() first, which is False, or use the module itself."
        )
