"""STORED.F: the namespace in which rules run on arrays and storages alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tapegrad.kernels as K
from tapegrad import ops
from tapegrad.define.base import run
from tapegrad.domains import STORED
from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Level, Storage, youngest
from tapegrad.tensor import Tensor, wrap

_ARRAYS = (np.ndarray, np.generic, Storage)


def _as_tensor(x: Any) -> Any:
    if isinstance(x, _ARRAYS):
        return wrap(x)
    return [_as_tensor(v) for v in x] if type(x) is list else x


def _of(name: str) -> Callable[..., Any]:
    """The function of that name: the kernel on arrays, the op on storages."""
    kernel, op = getattr(K, name, None), getattr(ops, name)

    def call(*args: Any) -> Any:
        if kernel is not None and youngest(args[0] if type(args[0]) is list else args, args) is None:
            return kernel(*args)
        result = op(*[_as_tensor(x) for x in args])
        return result._a if isinstance(result, Tensor) else result

    call.__name__ = name
    return call


class Namespace:
    """Each op by its name, made when it is first asked for."""

    records = False

    def apply(self, op: Any, x: Any, *args: Any) -> Any:
        """An op on an array or storage."""
        return run(op, (x,), args)

    def __getattr__(self, name: str) -> Any:
        f = _of(name)
        setattr(self, name, f)
        return f


def bind() -> None:
    """Set it where lower layers look for it."""
    STORED.F = Level.F = Namespace()


nameless(globals())
