"""Datasets: what has samples by number, and what yields them. Source: torch.utils.data.dataset."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from tapegrad._errors import say, sizes
from tapegrad.dtypes import int64
from tapegrad.ops.along import index_select
from tapegrad.ops.create import tensor as make
from tapegrad.ops.random import Generator, default_generator, randperm
from tapegrad.tensor import Tensor

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

T = TypeVar("T", covariant=True)


class Dataset(Generic[T]):
    """Samples by number (or by another key): define `__getitem__`, and `__len__` for most uses.

    With `__getitems__(indices)`, a DataLoader asks for the samples of a batch at once.
    """

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError(f"{type(self).__name__}: define __getitem__(self, index).")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T], Iterable[T]):
    """Samples one after another: define `__iter__`. Each worker of a DataLoader has a copy and goes through
    all of it, unless `__iter__` asks get_worker_info() which part is its own."""

    def __add__(self, other: Dataset[Any]) -> ChainDataset[Any]:  # type: ignore[override] # as in torch
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """The rows of tensors: sample i has row i of each. A DataLoader takes the rows of a batch at once.

    Shapes: all first dimensions are equal. Raises: AssertionError if they are not.
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        if any(t.size(0) != tensors[0].size(0) for t in tensors):
            shapes = ", ".join(sizes(t.shape) for t in tensors)
            raise AssertionError(f"TensorDataset: the tensors are {shapes}; all must have as many rows.")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([t[index] for t in self.tensors])

    def __len__(self) -> int:
        return self.tensors[0].size(0)


def collated(dataset: Any, indices: Sequence[int]) -> list[Tensor] | None:
    """What default_collate makes of these samples, if they are rows of tensors: one index per tensor and not
    one per row. None for other datasets, and for subclasses that have a `__getitem__` of their own."""
    kind = type(dataset)
    while issubclass(kind, Subset) and kind.__getitems__ is Subset.__getitems__:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
        kind = type(dataset)
    if not issubclass(kind, TensorDataset) or kind.__getitem__ is not TensorDataset.__getitem__:
        return None
    if hasattr(kind, "__getitems__") or any(t.requires_grad for t in dataset.tensors):
        return None
    if type(indices) is not list or not indices:  # a sampler of the user's
        return None
    places = make(indices)
    if places.dtype is not int64 or min(indices) < 0:
        return None
    return [index_select(t, 0, places) for t in dataset.tensors]


class StackDataset(Dataset[Any]):
    """Datasets side by side: sample i is a tuple, or for named ones a dictionary, of their samples i.

    Raises: ValueError for both, for none, and for different lengths.
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError(
                f"StackDataset: {len(args)} datasets are given without names and {len(kwargs)} with; one or "
                "more are needed, all with or all without."
            )
        self.datasets = args or kwargs
        lengths = [len(d) for d in args or kwargs.values()]
        if len(set(lengths)) > 1:
            raise ValueError(f"StackDataset: the datasets have {lengths} samples; all must have as many.")
        self._length = lengths[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: d[index] for name, d in self.datasets.items()}
        return tuple([d[index] for d in self.datasets])

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        """The samples of these indices. Raises: ValueError if a dataset gives more or fewer."""
        if isinstance(self.datasets, dict):
            columns = [_samples(d, indices) for d in self.datasets.values()]
            return [dict(zip(self.datasets, row, strict=True)) for row in zip(*columns, strict=True)]
        return list(zip(*[_samples(d, indices) for d in self.datasets], strict=True))

    def __len__(self) -> int:
        return self._length


def _samples(dataset: Any, indices: list[Any]) -> list[Any]:
    if not callable(getattr(dataset, "__getitems__", None)):
        return [dataset[i] for i in indices]
    found: list[Any] = dataset.__getitems__(indices)
    if len(found) != len(indices):
        raise ValueError(
            f"StackDataset: __getitems__ of {type(dataset).__name__} gives {len(found)} samples for "
            f"{len(indices)} indices."
        )
    return found


class ConcatDataset(Dataset[T]):
    """Datasets one after another. Raises: AssertionError for none, or for an IterableDataset."""

    datasets: list[Any]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("ConcatDataset: no datasets are given; one or more are needed.")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise AssertionError("ConcatDataset: an IterableDataset is given; use ChainDataset.")
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Sequence[Any]) -> list[int]:
        """Where each ends."""
        return list(accumulate(len(d) for d in sequence))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T:
        if idx < 0:
            if -idx > len(self):
                raise ValueError(f"ConcatDataset: index {idx} is given; there are {len(self)} samples.")
            idx += len(self)
        i = bisect_right(self.cumulative_sizes, idx)
        found: T = self.datasets[i][idx - (self.cumulative_sizes[i - 1] if i else 0)]
        return found


class ChainDataset(IterableDataset[T]):
    """IterableDatasets one after another. Raises: AssertionError, when it is used, for others."""

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets = datasets

    def _checked(self) -> Iterator[Any]:
        for d in self.datasets:
            if not isinstance(d, IterableDataset):
                raise AssertionError(f"ChainDataset: a {type(d).__name__} is given; use ConcatDataset.")
            yield d

    def __iter__(self) -> Iterator[T]:
        for d in self._checked():
            yield from d

    def __len__(self) -> int:
        return sum(len(d) for d in self._checked())


class Subset(Dataset[T]):
    """The samples of a dataset at these indices.

    Raises: NotImplementedError for a subclass that has a `__getitem__` of its own without `__getitems__`,
    which a DataLoader calls.
    """

    dataset: Dataset[T]
    indices: Sequence[int]

    def __init__(self, dataset: Dataset[T], indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices
        kind = type(self)
        own = kind.__getitem__ is not Subset.__getitem__
        if own and kind.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{kind.__name__}: __getitem__ is defined and __getitems__ is not, which a DataLoader calls; "
                "define it, e.g. as [self[i] for i in indices]."
            )

    def __getitem__(self, idx: Any) -> T:
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[T]:
        """The samples of these indices."""
        inner = [self.indices[i] for i in indices]
        if callable(getattr(self.dataset, "__getitems__", None)):
            found: list[T] = self.dataset.__getitems__(inner)  # type: ignore[attr-defined] # found just now
            return found
        return [self.dataset[i] for i in inner]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Dataset[T], lengths: Sequence[int | float], generator: Generator | None = default_generator
) -> list[Subset[T]]:
    """Parts of a dataset, of these lengths or of these fractions (which add up to 1), drawn at random.

    Raises: ValueError if the lengths do not add up to the dataset's, or a fraction is not between 0 and 1.
    """
    n = len(dataset)  # type: ignore[arg-type] # most have a length
    whole = [int(k) for k in lengths]
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        if any(not 0 <= f <= 1 for f in lengths):
            raise ValueError(f"random_split: fractions are {[*lengths]}; each must be between 0 and 1.")
        whole = [math.floor(n * f) for f in lengths]
        for i in range(n - sum(whole)):
            whole[i % len(whole)] += 1
        if 0 in whole:
            say(f"random_split: a part of {n} samples in fractions {[*lengths]} is empty.")
    elif sum(lengths) != n:
        raise ValueError(f"random_split: lengths are {[*lengths]}; they must add up to {n}.")
    indices = randperm(n, generator=generator).tolist()
    return [Subset(dataset, indices[end - k : end]) for end, k in zip(accumulate(whole), whole, strict=True)]
