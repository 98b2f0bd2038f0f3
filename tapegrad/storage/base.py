"""What both storages share: an array's attributes and operators, and the errors outside of their level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, NoReturn

import numpy as np

from tapegrad._errors import sizes
from tapegrad._state import watch
from tapegrad.define.base import OPS, run
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Storage


def _binary(key: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    def operate(self: Any, other: Any) -> Any:
        return run(OPS[key], (other, self) if swapped else (self, other))

    return operate


class Flags:
    """As ndarray.flags, for one entry."""

    __slots__ = ("c_contiguous", "writeable")

    def __init__(self, c_contiguous: bool, writeable: bool) -> None:
        self.c_contiguous, self.writeable = c_contiguous, writeable


class Values(Storage):
    """A storage of numbers. `shape`, `dtype` and what follows from them are those of one entry."""

    __slots__ = ("dtype", "level", "ndim", "shape")
    base = None  # nobody but its tensor and its views hold it

    def combine(self, op: Any, xs: Sequence[Any], args: tuple[Any, ...]) -> Any:
        """The op on arrays and storages, of which this one has the youngest level."""
        raise NotImplementedError

    def arrays(self) -> Iterator[Any]:
        """The arrays under it."""
        raise NotImplementedError

    def apply(self, op: Any, xs: Sequence[Any], args: tuple[Any, ...]) -> Any:
        """The same, if the transform still runs. Raises: RuntimeError for a value that has left it."""
        if self.level not in watch().levels:
            self.leaked(op.name)
        return self.combine(op, xs, args)

    def leaked(self, what: str) -> NoReturn:
        """Raises: RuntimeError."""
        raise RuntimeError(
            f"{what}: this tensor{sizes(self.shape)} was made inside a transform (vmap or jvp) that has "
            "ended; return it from the transformed function instead of storing it elsewhere."
        )

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return int(self.dtype.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * self.itemsize

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """In another dtype."""
        return self if self.dtype == dtype and not copy else run(OPS["to_copy"], (self,), (dtype, self.dtype))

    def copy(self, order: str = "C") -> Any:
        """A copy."""
        return run(OPS["clone"], (self,))

    def reshape(self, *shape: Any) -> Any:
        """In another shape."""
        new = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        return run(OPS["view"], (self,), (tuple(new),))

    def __add__(self, other: Any) -> Any:
        # A sweep adds cotangents also when the transform that made them has ended.
        return self._youngest(other).combine(OPS["add"], (self, other), ())

    def __radd__(self, other: Any) -> Any:
        return self._youngest(other).combine(OPS["add"], (other, self), ())

    def _youngest(self, other: Any) -> Values:
        return other if isinstance(other, Values) and other.level.id > self.level.id else self

    __sub__, __rsub__ = _binary("sub"), _binary("sub", True)
    __mul__, __rmul__ = _binary("mul"), _binary("mul", True)
    __truediv__, __rtruediv__ = _binary("div"), _binary("div", True)
    __and__, __rand__ = _binary("bitwise_and"), _binary("bitwise_and", True)
    __or__, __ror__ = _binary("bitwise_or"), _binary("bitwise_or", True)
    __lt__, __le__, __gt__, __ge__ = _binary("lt"), _binary("le"), _binary("gt"), _binary("ge")
    __eq__ = _binary("eq")
    __ne__ = _binary("ne")
    __hash__ = None  # type: ignore[assignment] # as an array

    def __neg__(self) -> Any:
        return run(OPS["neg"], (self,))

    def __invert__(self) -> Any:
        return run(OPS["bitwise_not"], (self,))

    def __len__(self) -> int:
        return int(self.shape[0])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self.value("numpy"), dtype)

    def value(self, what: str) -> Any:
        """The array or number that Python code asks for (item, numpy, a branch)."""
        raise NotImplementedError

    def item(self) -> Any:
        """The one element."""
        return self.value("item").item()

    def tolist(self) -> Any:
        """Nested lists."""
        return self.value("tolist").tolist()

    def __bool__(self) -> bool:
        return bool(self.value("bool"))


nameless(globals())
