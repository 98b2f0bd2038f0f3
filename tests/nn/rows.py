"""What a row of the tables of modules is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tapegrad.testing.samples import Array, Name
from tapegrad.testing.samples.base import Call, x


@dataclass(frozen=True)
class Sample:
    """A module by its name, the arguments that make it, and those of one call."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[Any, ...] = (x(3, 4),)
    ulps: int = 16
    second: bool = True  # whether torch's second gradients are right

    def __repr__(self) -> str:
        made = ", ".join([*map(repr, self.args), *[f"{k}={v!r}" for k, v in self.kwargs.items()]])
        return f"{self.name}({made})({', '.join(map(repr, self.inputs))})"


def of(name: str, *args: Any, inputs: tuple[Any, ...] | None = None, **kwargs: Any) -> Sample:
    """A row, as its arguments would be written."""
    return Sample(name, args, kwargs) if inputs is None else Sample(name, args, kwargs, inputs)


def in_doubles(s: Sample, ulps: int) -> Sample:
    """The row in float64: of what amplifies rounding, so that what is compared are more than few digits."""
    inputs = Call(s.inputs).map(Array, lambda a: a.in_doubles()).args
    return replace(s, kwargs={**s.kwargs, "dtype": Name("float64")}, inputs=inputs, ulps=ulps)
