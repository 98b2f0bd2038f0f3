"""DataLoader: batches of a dataset, made here or by worker processes. Source: torch.utils.data.dataloader."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

from tapegrad._errors import choices, say, say_once
from tapegrad.ops.random import Generator
from tapegrad.utils.data._utils.collate import default_collate, default_convert
from tapegrad.utils.data._utils.fetch import Fetching
from tapegrad.utils.data._utils.worker import get_worker_info
from tapegrad.utils.data._utils.workers import Workers
from tapegrad.utils.data.dataset import IterableDataset
from tapegrad.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler, drawn_seed

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T = TypeVar("T", covariant=True)
_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class _Forever:
    """For a dataset that needs no indices."""

    def __iter__(self) -> Iterator[None]:
        while True:
            yield None


class DataLoader(Generic[T]):
    """The batches of a dataset, in the order that torch has for the same seed; each loop over it is an epoch.

    shuffle: draw a new order for each epoch, from `generator` or the default one. collate_fn: makes a batch
    of a list of samples; the default stacks tensors. num_workers: processes that make batches ahead,
    prefetch_factor each. Worker i has the seed base_seed + i; an exception there is raised here, with its
    traceback. timeout: seconds to wait for a batch. pin_memory is accepted; there is no device to pin it for.

    Raises: ValueError, TypeError for arguments that do not fit together.
    """

    _iterator: _Epoch | None = None
    _made = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Any = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Any = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        _check_samplers(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset, self.generator = dataset, generator
        self.num_workers, self.persistent_workers, self.in_order = num_workers, persistent_workers, in_order
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.timeout, self.worker_init_fn = timeout, worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        sampler = _default_sampler(dataset, shuffle, generator) if sampler is None else sampler
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self._made = True
        self.check_worker_number_rationality()

    def __setattr__(self, name: str, value: Any) -> None:
        if self._made and name in _FIXED:
            raise ValueError(f"DataLoader: {name} cannot be set; make another loader.")
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> Any:
        """How processes are started; None is Python's default."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None and not self.num_workers:
            raise ValueError("DataLoader: multiprocessing_context is given, and num_workers is 0.")
        if isinstance(context, str):
            methods = multiprocessing.get_all_start_methods()
            if context not in methods:
                raise ValueError(
                    f"DataLoader: multiprocessing_context is {context!r}; {choices(methods)} is needed."
                )
            context = multiprocessing.get_context(context)
        if context is not None and not isinstance(context, BaseContext):
            raise TypeError(
                f"DataLoader: multiprocessing_context is {context!r}; a name or context is needed."
            )
        self._context = context

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def fetching(self) -> Fetching:
        """What fetches batches needs to know."""
        return Fetching(self.dataset, self.batch_sampler is not None, self.collate_fn, self.drop_last)

    def __iter__(self) -> Iterator[T]:
        if not self.persistent_workers:
            return _iterator(self)
        if self._iterator is None:
            self._iterator = _iterator(self)
        else:
            self._iterator.restart(self)
        return self._iterator

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler)
        n = self._told = len(self.dataset)  # type: ignore[arg-type] # as its class says, or a TypeError
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)

    _told: int | None = None  # the length that an IterableDataset has claimed

    def check_worker_number_rationality(self) -> None:
        """Warn if there are more workers than processors."""
        most = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        if self.num_workers > (most or self.num_workers):
            say(
                f"DataLoader: num_workers is {self.num_workers} and there are {most} processors; more "
                "workers than that make it slower."
            )


def _check_workers(num_workers: int, timeout: float, prefetch: int | None, persistent: bool) -> None:
    if num_workers < 0 or timeout < 0:
        raise ValueError(
            f"DataLoader: num_workers is {num_workers} and timeout {timeout}; 0 or more is needed."
        )
    if prefetch is not None and (not num_workers or prefetch < 0):
        raise ValueError(
            f"DataLoader: prefetch_factor is {prefetch} with {num_workers} workers; it says how many batches "
            "each worker makes ahead. Leave it out, or pass num_workers=."
        )
    if persistent and not num_workers:
        raise ValueError("DataLoader: persistent_workers is set, and num_workers is 0.")


def _check_samplers(
    dataset: Any, batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if isinstance(dataset, IterableDataset):
        for name, value in (
            ("shuffle", shuffle or None),
            ("sampler", sampler),
            ("batch_sampler", batch_sampler),
        ):
            if value is not None:
                raise ValueError(
                    f"DataLoader: {name} is {value!r}; an IterableDataset gives its samples in its own order."
                )
    if sampler is not None and shuffle:
        raise ValueError("DataLoader: sampler and shuffle are given; one of them says the order.")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "DataLoader: batch_sampler says all that batch_size, shuffle, sampler and drop_last say; leave "
            "them out."
        )
    if batch_size is None and drop_last:
        raise ValueError("DataLoader: drop_last is set, and with batch_size=None there are no batches.")


def _default_sampler(dataset: Any, shuffle: bool | None, generator: Generator | None) -> Any:
    if isinstance(dataset, IterableDataset):
        return _Forever()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


def _iterator(loader: DataLoader[Any]) -> _Epoch:
    if loader.pin_memory:
        say_once(
            "DataLoader: pin_memory is set, and there is no device that could use it; it changes nothing."
        )
    return (_ByWorkers if loader.num_workers else _Here)(loader)


class _Epoch(Iterator[Any]):
    """One loop over a loader."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._sampler = loader._index_sampler  # not the loader, which may hold this epoch
        self._indices = iter(self._sampler)
        self._base_seed = drawn_seed(loader.generator)
        self._begin(loader)

    def _begin(self, loader: DataLoader[Any]) -> None:
        self._told, self._yielded = loader._told, 0

    def restart(self, loader: DataLoader[Any]) -> None:
        """Begin the next epoch with the same workers."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError("DataLoader: an epoch in progress cannot be pickled; pickle the loader.")

    def __next__(self) -> Any:
        batch = self._next()
        self._yielded += 1
        if self._told is not None and self._yielded > self._told:
            self._complain(self._told)
        return batch

    def _next(self) -> Any:
        raise NotImplementedError

    def _complain(self, told: int) -> None:
        say(
            f"DataLoader: the IterableDataset said that it has {told} samples, and this is number "
            f"{self._yielded}. With workers each goes through all of it; see get_worker_info()."
        )


class _Here(_Epoch):
    def __init__(self, loader: DataLoader[Any]) -> None:
        if loader.timeout:
            raise AssertionError(f"DataLoader: timeout is {loader.timeout}; without workers it must be 0.")
        super().__init__(loader)
        self._fetch = loader.fetching().start()

    def _next(self) -> Any:
        return self._fetch(next(self._indices))


class _ByWorkers(_Epoch):
    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        ahead = loader.prefetch_factor or 0
        if not ahead:
            raise AssertionError("DataLoader: prefetch_factor is 0; with workers it must be 1 or more.")
        self._ahead = ahead * loader.num_workers
        self._workers = Workers(
            loader.multiprocessing_context or multiprocessing.get_context(),
            loader.fetching(),
            self._base_seed,
            loader.worker_init_fn,
            loader.num_workers,
            loader.timeout,
            loader.in_order,
        )
        self._stay = loader.persistent_workers
        self._fill()

    def _fill(self) -> None:
        self._indices = iter(self._sampler)  # once more, as torch does
        for _ in range(self._ahead):
            self._give()

    def restart(self, loader: DataLoader[Any]) -> None:
        """Begin the next epoch with the same workers."""
        self._begin(loader)
        self._workers.restart()
        self._fill()

    def _give(self) -> None:
        for indices in self._indices:
            self._workers.give(indices)
            break

    def _next(self) -> Any:
        try:
            return self._workers.next(self._give)
        except StopIteration:
            if not self._stay:
                self._workers.close()
            raise
