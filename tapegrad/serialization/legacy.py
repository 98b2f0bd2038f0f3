"""The format of torch before 1.6: pickles one after another, and the bytes of the storages behind them.

Source: torch.serialization._legacy_save and _legacy_load. There are no checksums in it. What is even older,
tar files, is refused.
"""

from __future__ import annotations

import pickle
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tapegrad import dtypes
from tapegrad.ops.memory import UntypedStorage
from tapegrad.serialization.storages import Held, Restore, swapped

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
_SIZES = {"short": 2, "int": 4, "long": 4}


def write(file: Any, content: Any, storages: Mapping[str, tuple[UntypedStorage, int]], protocol: int) -> None:
    """Write a pickle and its storages, given with the sizes of their elements."""
    info = {"protocol_version": VERSION, "little_endian": sys.byteorder == "little", "type_sizes": _SIZES}
    for head in (MAGIC, VERSION, info):
        pickle.dump(head, file, protocol)
    file.write(content)
    keys = sorted(storages)
    pickle.dump(keys, file, protocol)
    for key in keys:
        storage, width = storages[key]
        file.write(struct.pack("<q", storage.nbytes() // width))
        file.write(storage.bytes())


def read(file: Any, unpickle: Callable[[Any, Any], Any], restore: Restore) -> Any:
    """The object in a file. unpickle: reads one pickle, with a function for its storages.

    Raises: UnpicklingError if it is no such file; RuntimeError if it is incomplete.
    """
    begin = file.tell()
    if file.read(8)[:1] != b"\x80":
        raise pickle.UnpicklingError("load: torch.save has not written this file.")
    file.seek(begin)
    if unpickle(file, None) != MAGIC:
        raise RuntimeError("load: the file does not begin with torch's magic number.")
    if unpickle(file, None) != VERSION:
        raise RuntimeError("load: the file is of another version of torch's old format than 1001.")
    info = unpickle(file, None)
    if not isinstance(info, dict):
        raise RuntimeError("load: the file is damaged: it does not say which machine wrote it.")
    storages = _Storages(restore, file, not info.get("little_endian", True))
    found = unpickle(file, storages.of)
    storages.fill(unpickle(file, None))
    return found


class _Storages:
    """Storages whose bytes come last. Their memory is there at once, so that tensors can be made over it."""

    def __init__(self, restore: Restore, file: Any, big: bool) -> None:
        self._restore, self._file, self._swaps = restore, file, big == (sys.byteorder == "little")
        self._held: dict[str, Held] = {}
        at = file.tell()
        self._most = file.seek(0, 2)
        file.seek(at)

    def of(self, pid: Any) -> Any:
        """What a pickle refers to: a storage, or a part of one."""
        kind, *rest = pid
        if kind == "module":  # a class, with its source for comparison
            return rest[0]
        named, key, place, count, view = rest
        dtype = getattr(named, "dtype", dtypes.uint8)
        held = self._held.get(key)
        if held is None:
            size = count * dtype.itemsize
            if not 0 <= size <= self._most:
                raise _short(key)
            place = place.decode() if isinstance(place, bytes) else place
            here = self._restore(UntypedStorage(np.empty(size, np.uint8)), place)
            assert here is not None  # what restore promises
            held = self._held[key] = Held(here.bytes(), dtype)
        if view is None:
            return held
        _, offset, size = view
        part = held.raw[offset * dtype.itemsize : (offset + size) * dtype.itemsize]
        return Held(part, dtype)

    def fill(self, keys: list[str]) -> None:
        """Read the bytes."""
        if sorted(keys) != sorted(self._held):
            raise RuntimeError("load: the file is damaged: its tensors and its list of storages differ.")
        for key in keys:
            held = self._held[key]
            assert held.dtype is not None  # old files name one
            (count,) = struct.unpack("<q", self._exactly(8, key))
            if count * held.dtype.itemsize != held.raw.nbytes:
                raise RuntimeError(f"load: the file is damaged: the size of storage {key} is wrong.")
            raw = np.frombuffer(self._exactly(held.raw.nbytes, key), np.uint8)
            if self._swaps:
                raw = swapped(raw, held.dtype.numpy)
            held.raw[...] = raw

    def _exactly(self, n: int, key: str) -> bytes:
        found: bytes = self._file.read(n)
        if len(found) < n:
            raise _short(key)
        return found


def _short(key: str) -> RuntimeError:
    return RuntimeError(
        f"load: the file is damaged: it ends within storage {key}. Load an intact copy of it."
    )
