"""Batches of samples. Source: torch.utils.data._utils.collate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from copy import copy
from typing import Any

import numpy as np

from tapegrad.dtypes import float64
from tapegrad.ops.create import as_tensor, tensor
from tapegrad.ops.shape import stack
from tapegrad.tensor import Tensor

Map = dict[type | tuple[type, ...], Callable[..., Any]]
_TEXTS = "SaUO"  # letters of NumPy dtypes that no tensor has


def default_convert(data: Any) -> Any:
    """One sample with its NumPy arrays and numbers as tensors, in the containers that it has."""
    if isinstance(data, Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)) and not isinstance(data, np.str_):
        return data if isinstance(data, np.ndarray) and _is_text(data) else as_tensor(data)
    if isinstance(data, Mapping):
        return _mapped(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple):
        items = [default_convert(x) for x in data]
        return type(data)(*items) if hasattr(data, "_fields") else items
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _listed(data, [default_convert(x) for x in data])
    return data


def _is_text(a: Any) -> bool:
    return any(letter in a.dtype.str for letter in _TEXTS)


def _mapped(like: Any, content: dict[Any, Any]) -> Any:
    """The content in a mapping of the same kind, if that can be made."""
    try:
        if not isinstance(like, MutableMapping):
            return type(like)(content)
        clone = copy(like)
        clone.update(content)
        return clone
    except TypeError:
        return content


def _listed(like: Any, content: list[Any]) -> Any:
    try:
        if not isinstance(like, MutableSequence):
            return type(like)(content)
        clone = copy(like)
        for i, x in enumerate(content):
            clone[i] = x
        return clone
    except TypeError:
        return content


def collate(batch: Any, *, collate_fn_map: Map | None = None) -> Any:
    """A batch of samples as one, by what collate_fn_map says for their type, or element by element.

    Raises: TypeError for samples of another type; RuntimeError for sequences of different lengths.
    """
    first = batch[0]
    if collate_fn_map is not None:
        found = collate_fn_map.get(type(first)) or next(
            (f for kind, f in collate_fn_map.items() if isinstance(first, kind)), None
        )
        if found is not None:
            return found(batch, collate_fn_map=collate_fn_map)

    def together(samples: Any) -> Any:
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        return _mapped(first, {key: together([d[key] for d in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*map(together, zip(*batch, strict=False)))
    if isinstance(first, Sequence):
        lengths = {len(x) for x in batch}
        if len(lengths) > 1:
            raise RuntimeError(f"collate: samples have {sorted(lengths)} elements; all must have as many.")
        columns = [together(column) for column in zip(*batch, strict=True)]
        return columns if isinstance(first, tuple) else _listed(first, columns)
    raise _refused(type(first).__name__)


def _refused(what: Any) -> TypeError:
    return TypeError(
        f"collate: samples are {what}; tensors, NumPy arrays, numbers, strings, and dictionaries and lists "
        "of these are needed. Pass a collate_fn that makes batches of yours."
    )


def collate_tensor_fn(batch: Any, *, collate_fn_map: Map | None = None) -> Tensor:
    """Tensors along a new first dimension."""
    return stack(batch)


def collate_numpy_array_fn(batch: Any, *, collate_fn_map: Map | None = None) -> Any:
    """Arrays as tensors along a new first dimension. Raises: TypeError for texts and objects."""
    if _is_text(batch[0]):
        raise _refused(batch[0].dtype)
    return collate([as_tensor(a) for a in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch: Any, *, collate_fn_map: Map | None = None) -> Tensor:
    """NumPy's numbers as a tensor of their dtype."""
    return as_tensor(np.stack(batch))


def collate_float_fn(batch: Any, *, collate_fn_map: Map | None = None) -> Tensor:
    """Python's floats as float64."""
    return tensor(batch, dtype=float64)


def collate_int_fn(batch: Any, *, collate_fn_map: Map | None = None) -> Tensor:
    """Python's integers as int64, its bools as bool."""
    return tensor(batch)


def collate_str_fn(batch: Any, *, collate_fn_map: Map | None = None) -> Any:
    """Texts as they are."""
    return batch


default_collate_fn_map: Map = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_collate(batch: Any) -> Any:
    """A batch of samples as one: tensors and arrays along a new first dimension, numbers as a tensor, the
    elements of dictionaries and sequences each by themselves.

    Raises: TypeError for samples of another type; RuntimeError for sequences of different lengths.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def is_default(collate_fn: Any) -> bool:
    """Whether tensors are put together as they are here, whatever else the user has changed."""
    return collate_fn is default_collate and default_collate_fn_map.get(Tensor) is collate_tensor_fn
