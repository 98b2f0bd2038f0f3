"""DistributedSampler: the part of the samples that one of several processes takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tapegrad.ops.random import Generator, randperm
from tapegrad.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every num_replicas-th sample from rank on, after a shuffle that is the same in all processes.

    Call set_epoch before each epoch, or all have one order. There is no process group here that could tell
    num_replicas and rank, so both must be given.

    Raises: RuntimeError without them; ValueError for a rank that there is not.
    Source: torch.utils.data.distributed.DistributedSampler.
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "DistributedSampler: no process group is here to ask; pass num_replicas= and rank=."
            )
        if not 0 <= rank < num_replicas:
            raise ValueError(f"DistributedSampler: rank is {rank}; it must be from 0 to {num_replicas - 1}.")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.epoch, self.drop_last, self.shuffle, self.seed = 0, drop_last, shuffle, seed
        n = len(dataset)
        self.num_samples = n // num_replicas if drop_last else math.ceil(n / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        if self.shuffle:
            indices = randperm(n, generator=Generator().manual_seed(self.seed + self.epoch)).tolist()
        else:
            indices = [*range(n)]
        if n:
            indices *= math.ceil(self.total_size / n) or 1  # the first come again, so that all have as many
        return iter(indices[: self.total_size][self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Another order for this epoch."""
        self.epoch = epoch
