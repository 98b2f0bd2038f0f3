"""Samples of a dataset for what a sampler says, put together. Source: torch.utils.data._utils.fetch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tapegrad.utils.data._utils.collate import is_default
from tapegrad.utils.data.dataset import IterableDataset, collated


class Fetching(NamedTuple):
    """How a loader fetches. batches: whether the sampler gives lists of indices."""

    dataset: Any
    batches: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool

    def start(self) -> Callable[[Any], Any]:
        """A function from what the sampler gives to a batch; it raises StopIteration at the end of an
        IterableDataset."""
        if isinstance(self.dataset, IterableDataset):
            return _in_turn(self)
        if not self.batches:
            return lambda index: self.collate_fn(self.dataset[index])
        return _by_index(self)


def _by_index(f: Fetching) -> Callable[[Any], Any]:
    dataset, collate_fn = f.dataset, f.collate_fn
    many = getattr(dataset, "__getitems__", None)

    def fetch(indices: Any) -> Any:
        if is_default(collate_fn):
            found = collated(dataset, indices)
            if found is not None:
                return found
        return collate_fn(many(indices) if many else [dataset[i] for i in indices])

    return fetch


def _in_turn(f: Fetching) -> Callable[[Any], Any]:
    samples, ended = iter(f.dataset), False

    def fetch(indices: Any) -> Any:
        nonlocal ended
        if ended:
            raise StopIteration
        if not f.batches:
            return f.collate_fn(next(samples))
        batch = []
        for _ in indices:
            try:
                batch.append(next(samples))
            except StopIteration:
                ended = True
                break
        if not batch or (f.drop_last and ended):
            raise StopIteration
        return f.collate_fn(batch)

    return fetch
