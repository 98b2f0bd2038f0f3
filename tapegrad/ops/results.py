"""Results of several tensors, which torch calls `torch.return_types`: tuples whose entries have names."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from tapegrad._errors import describe
from tapegrad.define import store
from tapegrad.tensor import Tensor

KINDS: dict[str, type[tuple[Any, ...]]] = {}  # by torch's names


class Extremes(NamedTuple):
    """The values along a dimension and where they were."""

    values: Tensor
    indices: Tensor


class Range(NamedTuple):
    """The smallest and the largest."""

    min: Tensor
    max: Tensor


class Histogram(NamedTuple):
    """How many elements lie in each bin, and where the bins end."""

    hist: Tensor
    bin_edges: Any


class Scaled(NamedTuple):
    """Numbers as mantissa * 2 ** exponent."""

    mantissa: Tensor
    exponent: Tensor


_N = TypeVar("_N", bound=tuple[Any, ...])


def kind(name: str, fields: type[_N]) -> type[_N]:
    """The class `torch.return_types.name`, with the given fields."""

    def show(self: Any) -> str:
        parts = [f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True)]
        return f"torch.return_types.{name}(\n" + ",\n".join(parts) + ")"

    body = {"__slots__": (), "__module__": "tapegrad.return_types", "__doc__": fields.__doc__}
    made: Any = type(name, (fields,), body | {"__repr__": show})
    KINDS[name] = made
    return made  # type: ignore[no-any-return] # a class with these fields


def written(result: _N, out: Any, op: str) -> _N:
    """`out=` of a function with several results: each is written into its tensor. The result if out is None.

    Raises: TypeError unless there are as many tensors as results; what `store` raises.
    """
    if out is None:
        return result
    if not isinstance(out, (tuple, list)) or len(out) != len(result):
        given = f"{len(out)} tensors" if isinstance(out, (tuple, list)) else describe(out)
        raise TypeError(f"{op}: out is {given}; a tuple of {len(result)} tensors is needed.")
    parts = [store(r, o, op, exact=True) for r, o in zip(result, out, strict=True)]
    return type(result)(*parts)
