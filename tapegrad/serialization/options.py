"""What holds for all files: checksums, how memory is mapped, which byte order is meant. Source:
torch.serialization."""

from __future__ import annotations

import mmap
import sys
from enum import Enum
from types import TracebackType


class LoadEndianness(Enum):
    """The byte order of files that do not say theirs."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


class _Options:
    checks = True
    order: LoadEndianness | None = None
    flags: int = getattr(mmap, "MAP_PRIVATE", 0)  # which Windows has no word for


options = _Options()


def get_crc32_options() -> bool:
    """Whether files are written, and read, with checksums."""
    return options.checks


def set_crc32_options(compute_crc32: bool) -> None:
    """Whether files are written with checksums, and these are compared when a file is read."""
    options.checks = bool(compute_crc32)


def get_default_load_endianness() -> LoadEndianness | None:
    """What set_default_load_endianness was given."""
    return options.order


def set_default_load_endianness(endianness: LoadEndianness | None) -> None:
    """The byte order of files that do not say theirs (None: little). Raises: TypeError for anything else."""
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError(f"set_default_load_endianness: {endianness!r} is given; a LoadEndianness is needed.")
    options.order = endianness


def default_order() -> str:
    """The byte order of a file that does not say its own: "little" or "big"."""
    if options.order is LoadEndianness.NATIVE:
        return sys.byteorder
    return "big" if options.order is LoadEndianness.BIG else "little"


def get_default_mmap_options() -> int:
    """The flags for load(mmap=True)."""
    return options.flags


class set_default_mmap_options:
    """Flags for load(mmap=True), from now on or for the time of a with block: mmap.MAP_PRIVATE, where writes
    stay here, or mmap.MAP_SHARED, where they go to the file. Raises: ValueError for other flags."""

    def __init__(self, flags: int) -> None:
        if flags not in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
            raise ValueError(
                f"set_default_mmap_options: {flags} is given; mmap.MAP_PRIVATE or mmap.MAP_SHARED is needed."
            )
        self._before = options.flags
        options.flags = flags

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        options.flags = self._before


def is_shared() -> bool:
    """Whether writes to mapped tensors go to the file."""
    shared: int | None = getattr(mmap, "MAP_SHARED", None)
    return options.flags == shared
