"""What both storages share: an array's attributes and operators, and the errors outside of their level."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from tapegrad._errors import sizes
from tapegrad._state import watch
from tapegrad.define.base import OPS, run
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Leaked, Storage


def _binary(key: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    # The check is not only for users: a wrapper's fast path must not get by with these operators, since the
    # node that it makes would lie outside of the level.
    def operate(self: Any, other: Any) -> Any:
        self.check(key)
        if isinstance(other, Storage):
            other.check(key)
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

    def arrays(self) -> Iterator[Any]:
        """The arrays under it."""
        raise NotImplementedError

    def check(self, what: str) -> None:
        """Raises: RuntimeError if the transform that it belongs to has ended."""
        if self.level not in watch().levels:
            raise Leaked(
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

    __add__, __radd__ = _binary("add"), _binary("add", True)
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
        self.check("neg")
        return run(OPS["neg"], (self,))

    def __invert__(self) -> Any:
        self.check("bitwise_not")
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
