"""torch's zip archives: entries that are stored as they are, each starting at a multiple of 64 bytes.

Source: caffe2/serialize/inline_container.cc and miniz of torch 2.13. `Writer` writes what these write, byte
for byte.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
import zlib
from hashlib import sha256
from typing import Any, BinaryIO, NamedTuple

import numpy as np

ALIGNMENT = 64
_MOST = 0xFFFFFFFF  # of what 32 bits hold; from there on a zip64 field has it
_NAMED_UTF8, _SIZES_FOLLOW = 0x0800, 0x0008
_LOCAL, _CENTRAL = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L")
_END64, _WHERE64, _END = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL"), struct.Struct("<4s4H2LH")


class _Entry(NamedTuple):
    name: bytes
    start: int
    size: int
    crc: int


class Writer:
    """Writes an archive to a file, from front to back and without going back.

    name: the folder inside of the archive that all entries are in. checks: whether checksums are written.
    """

    def __init__(self, file: Any, name: str, checks: bool = True) -> None:
        self._file, self._name, self._checks = file, name, checks
        self._at = 0
        self._entries: list[_Entry] = []

    def _put(self, *parts: Any) -> None:
        for part in parts:
            self._file.write(part)
            self._at += memoryview(part).nbytes

    def add(self, name: str, content: Any) -> None:
        """Write an entry."""
        path, size = f"{self._name}/{name}".encode(), memoryview(content).nbytes
        start, crc = self._at, zlib.crc32(content) if self._checks else 0
        wide = _wide(size, start)
        begins = start + _LOCAL.size + len(path) + len(wide) + 4
        pad = -begins % ALIGNMENT
        flags = _NAMED_UTF8 | (_SIZES_FOLLOW if size else 0)
        extra = wide + struct.pack("<2sH", b"FB", pad) + b"Z" * pad
        self._put(_LOCAL.pack(b"PK\3\4", 0, flags, 0, 0, 0, 0, 0, 0, len(path), len(extra)), path, extra)
        if size:
            form = "<4sL2Q" if wide else "<4s3L"
            self._put(content, struct.pack(form, b"PK\7\x08", crc, size, size))
        self._entries.append(_Entry(path, start, size, crc))

    def close(self) -> None:
        """Write what stands at the end: version, fingerprint, and the list of all entries."""
        self.add("version", b"3\n")
        names = sha256(b"\n".join(e.name for e in self._entries)).digest()[:8]
        total = 0
        for e in self._entries:
            total = zlib.crc32(e.crc.to_bytes(4, "little"), total)
        self.add(".data/serialization_id", b"%020d%020d" % (int.from_bytes(names, "little"), total))
        begins, n = self._at, len(self._entries)
        for e in self._entries:
            self._list(e)
        ends = self._at
        length = ends - begins
        self._put(_END64.pack(b"PK\6\6", _END64.size - 12, 0x31E, 45, 0, 0, n, n, length, begins))
        self._put(_WHERE64.pack(b"PK\6\7", 0, ends, 1))
        few, short, first = min(n, 0xFFFF), min(length, _MOST), min(begins, _MOST)
        self._put(_END.pack(b"PK\5\6", 0, 0, few, few, short, first, 0))

    def _list(self, e: _Entry) -> None:
        wide = _wide(e.size, e.start)
        flags = _NAMED_UTF8 | (_SIZES_FOLLOW if e.size else 0)
        size, start = min(e.size, _MOST), min(e.start, _MOST)
        times, rest = (0, 0, 0), (0, 0, 0, 0)
        head = (b"PK\1\2", 0, 0, flags, *times, e.crc, size, size, len(e.name), len(wide), *rest, start)
        self._put(_CENTRAL.pack(*head), e.name, wide)


def _wide(size: int, start: int) -> bytes:
    """The zip64 field of an entry that is too large, or lies too far behind, for 32 bits."""
    numbers = ([size, size] if size >= _MOST else []) + ([start] if start >= _MOST else [])
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""


class Reader:
    """Reads an archive from a seekable file, from its present position on.

    checks: whether checksums are compared.
    Raises: RuntimeError if the archive is incomplete or does not fit together; so do all methods.
    """

    def __init__(self, file: BinaryIO, checks: bool = True) -> None:
        self._file, self._checks = file, checks
        self._map: mmap.mmap | None = None
        try:
            self._zip = zipfile.ZipFile(file)
            self._folder, self._places = self._look_through()
        except (ValueError, struct.error, EOFError, OSError, NotImplementedError, zipfile.BadZipFile) as e:
            raise _corrupt(f"its list of entries cannot be read ({e})") from e
        if "data.pkl" not in self._places:
            raise _corrupt("it is a zip file without a data.pkl, so torch.save has not written it")

    def _look_through(self) -> tuple[str, dict[str, tuple[zipfile.ZipInfo, int]]]:
        """The folder, and each entry by its name in there with the place where its content starts."""
        folder, found = "", {}
        for entry in self._zip.infolist():
            self._file.seek(entry.header_offset)
            head = self._file.read(_LOCAL.size)
            signature, *_, length, extra = _LOCAL.unpack(head)
            name = self._file.read(length).decode()
            if signature != b"PK\3\4" or name != entry.orig_filename:
                raise zipfile.BadZipFile(f"{entry.orig_filename!r} is not where the list says")
            folder, _, short = name.partition("/")
            if short in found:
                raise zipfile.BadZipFile(f"there are two entries {short!r}")
            found[short] = entry, entry.header_offset + _LOCAL.size + length + extra
        return folder, found

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def read(self, name: str) -> bytes:
        """A small entry."""
        entry, _ = self._entry(name)
        if not entry.compress_type:
            return bytes(self.array(name, entry.file_size))
        try:
            return self._zip.read(entry)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as e:
            raise _corrupt(f"{name} cannot be unpacked ({e})") from e

    def array(self, name: str, size: int) -> Any:
        """The `size` bytes of an entry as a new uint8 array; writable."""
        entry, start = self._entry(name)
        if entry.file_size != size:
            raise _corrupt(f"{name} has {entry.file_size} bytes, and {size} are needed")
        if entry.compress_type:
            return np.frombuffer(bytearray(self.read(name)), np.uint8)
        found = self._mapped(start, size)
        if found is None:
            found = np.empty(size, np.uint8)
            self._file.seek(start)
            if self._fill(found.data) != size:
                raise _corrupt(f"it ends within {name}")
        if self._checks and zlib.crc32(found) != entry.CRC:
            raise _corrupt(
                f"the checksum of {name} does not fit its {size} bytes; if the file was written without "
                "checksums, call torch.serialization.set_crc32_options(False) first"
            )
        return found

    def _fill(self, target: memoryview) -> int:
        if hasattr(self._file, "readinto"):
            return int(self._file.readinto(target))
        content = self._file.read(len(target))
        target[: len(content)] = content
        return len(content)

    def _mapped(self, start: int, size: int) -> Any:
        if self._map is None or not size:
            return None
        if start + size > len(self._map):
            raise _corrupt("it ends within an entry")
        return np.frombuffer(self._map, np.uint8, size, start)

    def map(self, shared: bool) -> None:
        """From now on arrays show the file itself: a private copy of each page that is written, or the
        file's own."""
        access = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
        self._map = mmap.mmap(self._file.fileno(), 0, access=access)

    def _entry(self, name: str) -> tuple[zipfile.ZipInfo, int]:
        found = self._places.get(name)
        if found is None:
            raise _corrupt(f"there is no entry {name}")
        return found


def _corrupt(why: str) -> RuntimeError:
    return RuntimeError(f"load: the file is damaged: {why}. Load an intact copy of it.")
