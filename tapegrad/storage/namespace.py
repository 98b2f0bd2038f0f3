"""STORED.F: the namespace in which rules run on arrays and storages alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tapegrad.kernels as K
from tapegrad.define.base import OPS, run
from tapegrad.domains import STORED, on_arrays
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Level, youngest


def _of(name: str) -> Callable[..., Any]:
    """The function of that name: the kernel on arrays, the op on storages."""
    kernel, by_op = vars(K).get(name), on_arrays(name)
    if by_op is None:
        raise AttributeError(f"F: there is no operation {name!r}.")

    def call(*args: Any, **kwargs: Any) -> Any:
        if kernel is not None and youngest(args[0] if type(args[0]) is list else args, args) is None:
            return kernel(*args, **kwargs)
        return by_op(*args, **kwargs)

    call.__name__ = name
    return call


class Namespace:
    """Each op by its name, made when it is first asked for. What most rules call needs no Tensors around its
    operands: it goes straight to the op."""

    records = False

    def apply(self, op: Any, x: Any, *args: Any) -> Any:
        """An op on an array or storage."""
        return run(op, (x,), args)

    def mm(self, a: Any, b: Any) -> Any:
        """Matrix times matrix."""
        return run(OPS["mm"], (a, b))

    def mT(self, x: Any) -> Any:
        """A matrix transposed."""
        return run(OPS["transpose"], (x,), (x.ndim - 2, x.ndim - 1))

    def sum_to(self, x: Any, shape: tuple[int, ...]) -> Any:
        """What undoes a broadcast."""
        return x if x.shape == shape else run(OPS["sum_to"], (x,), (shape,))

    def putitem(self, g: Any, index: Any, shape: tuple[int, ...]) -> Any:
        """Zeros with g at a basic index."""
        return run(OPS["putitem"], (g,), (index, shape))

    def __getattr__(self, name: str) -> Any:
        f = _of(name)
        setattr(self, name, f)
        return f


def bind() -> None:
    """Set it where lower layers look for it."""
    STORED.F = Level.F = Namespace()


nameless(globals())
