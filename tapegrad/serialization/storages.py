"""Memory by the names that files have for it: torch's storage classes and dtypes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pickle import UnpicklingError
from typing import Any, NamedTuple

import numpy as np

from tapegrad import dtypes
from tapegrad._errors import say_once
from tapegrad.ops.memory import UntypedStorage

# torch's storage classes: a name for each dtype, from the time before a tensor's dtype was its own.
CLASSES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "BFloat16Storage": "bfloat16",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}
CLASS_OF = {dtype: name for name, dtype in CLASSES.items()}


class Foreign(NamedTuple):
    """A dtype that only files have. raw: where its NumPy form comes from. here: the dtype its numbers get."""

    name: str
    here: str

    @property
    def numpy(self) -> Any:
        """Its NumPy dtype. Raises: ImportError without ml_dtypes, for an 8-bit float."""
        return _eight_bits(self.name) if self.name.startswith("float8") else np.dtype(self.name)

    def __repr__(self) -> str:
        return f"torch.{self.name}"


FOREIGN = {
    f.name: f
    for f in (
        Foreign("uint16", "int32"),
        Foreign("uint32", "int64"),
        Foreign("uint64", "int64"),
        Foreign("float8_e4m3fn", "float32"),
        Foreign("float8_e5m2", "float32"),
        Foreign("float8_e4m3fnuz", "float32"),
        Foreign("float8_e5m2fnuz", "float32"),
        Foreign("float8_e8m0fnu", "float32"),
    )
}


@cache
def _eight_bits(name: str) -> Any:
    return np.dtype(getattr(dtypes.extra_floats(), name))


class StorageType:
    """A storage class of torch, as files name it. Source: torch.serialization.StorageType."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def dtype(self) -> dtypes.dtype:
        """The dtype of its elements."""
        return dtypes.named(CLASSES[self.name]) if self.name in CLASSES else dtypes.uint8

    def __repr__(self) -> str:
        return f"StorageType(dtype={self.dtype})"


class Held(UntypedStorage):
    """What a file has for a storage: its bytes, and the dtype that it names with them, if it names one."""

    __slots__ = ("_native", "dtype", "raw")

    def __init__(self, raw: Any, dtype: dtypes.dtype | None) -> None:
        super().__init__(raw)
        self.raw, self.dtype = raw, dtype
        self._native: dict[str, Any] = {}

    def typed(self, wanted: Any) -> Any:
        """The bytes as elements of a dtype; a foreign one's numbers as those of one that is here.

        Raises: UnpicklingError if they are not whole elements.
        """
        kind = wanted.numpy
        if self.raw.nbytes % kind.itemsize:
            raise UnpicklingError(f"load: {self.raw.nbytes} bytes are given; {wanted} does not divide them.")
        if not isinstance(wanted, Foreign):
            return self.raw.view(kind)
        if wanted.name not in self._native:
            self._native[wanted.name] = native(self.raw.view(kind), wanted)
        return self._native[wanted.name]


def native(a: Any, dtype: Foreign) -> Any:
    """A foreign dtype's numbers, exactly, in one that is here; says so once. Raises: RuntimeError where one
    is too large."""
    if dtype.name == "uint64" and a.size and a.max() > np.iinfo(np.int64).max:
        raise RuntimeError(f"load: there is a {a.max()} of dtype torch.uint64, which no dtype here can hold.")
    say_once(f"load: there are no tensors of {dtype} here; they are loaded as torch.{dtype.here}, exactly.")
    return a.astype(dtypes.named(dtype.here).numpy)


def swapped(raw: Any, kind: Any) -> Any:
    """Bytes from a machine of the other byte order."""
    width = kind.itemsize // 2 if kind.kind == "c" else kind.itemsize
    return raw.reshape(-1, width)[:, ::-1].reshape(-1).copy()


LITTLE = sys.byteorder == "little"
Restore = Callable[[UntypedStorage, str], UntypedStorage | None]


def restorer(map_location: Any) -> Restore:
    """What says where a storage goes that was at a place: of a `map_location` argument."""
    if map_location is None:
        return _here
    if isinstance(map_location, dict):
        return lambda storage, place: _here(storage, map_location.get(place, place))
    if callable(map_location) and not hasattr(map_location, "index"):
        return lambda storage, place: map_location(storage, place) or _here(storage, place)
    named = map_location.decode() if isinstance(map_location, bytes) else str(map_location)
    return lambda storage, place: _here(storage, named)


def _here(storage: UntypedStorage, place: str) -> UntypedStorage:
    """Source: torch.serialization.default_restore_location."""
    kind = str(place).partition(":")[0]
    if kind == "cpu":
        return storage
    if kind in ("cuda", "mps", "xpu", "hpu", "privateuse1"):
        raise RuntimeError(
            f"load: the file has tensors of device {place}, which is not here (torch.cuda.is_available() is "
            "False); pass map_location='cpu'."
        )
    raise RuntimeError(f"load: there is no device {place!r} to put storages on; pass map_location='cpu'.")
