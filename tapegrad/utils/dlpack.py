"""torch.utils.dlpack: memory shared with other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.ops.new import from_dlpack as _from_arrays
from tapegrad.ops.new import to_dlpack

__all__ = ["from_dlpack", "to_dlpack"]


class _Held:
    """A capsule as an array that gives it away."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the CPU, the only one that there is


class _Writable:
    """An array's memory, which may be written: capsules without a version do not say so, and NumPy takes them
    for read-only, but nobody may give away other memory in one."""

    def __init__(self, a: Any) -> None:
        self.owner = a
        self.__array_interface__ = {**a.__array_interface__, "data": (a.ctypes.data, False)}


def from_dlpack(ext_tensor: Any) -> Any:
    """A tensor on the memory of another library's array, or of a capsule (which can be used once).

    Raises: BufferError or RuntimeError for what cannot be taken over.
    """
    if type(ext_tensor).__name__ != "PyCapsule":
        return _from_arrays(ext_tensor)
    return _from_arrays(np.asarray(_Writable(np.from_dlpack(_Held(ext_tensor)))))
