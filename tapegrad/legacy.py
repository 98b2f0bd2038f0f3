"""torch.FloatTensor and its siblings: old names for "a tensor of that dtype"."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.dtypes import dtype
from tapegrad.ops.convert import LEGACY
from tapegrad.ops.create import array_of
from tapegrad.tensor import Size, Tensor, wrap


class _TensorType(type):
    """The class of these names: calling one makes a Tensor, isinstance asks for the dtype."""

    dtype: dtype

    def __call__(cls, *args: Any) -> Tensor:
        first = args[0] if args else None
        if isinstance(first, Tensor):
            if first.dtype is not cls.dtype:
                raise TypeError(f"{cls.__name__}: a {first.dtype} tensor is given; use .to({cls.dtype}).")
            return first.detach()
        if len(args) == 1 and not isinstance(first, (int, Size)):
            return wrap(array_of(first, None, True).astype(cls.dtype.numpy))
        return wrap(np.empty(first if isinstance(first, Size) else args or (0,), cls.dtype.numpy))

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, Tensor) and x.dtype is cls.dtype

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


TYPES: dict[str, Any] = {
    full.removeprefix("torch."): _TensorType(
        full.removeprefix("torch."),
        (),
        {"dtype": kind, "__doc__": f"A {kind} tensor: of sizes, uninitialised, or with a copy of data."},
    )
    for full, kind in LEGACY.items()
}
