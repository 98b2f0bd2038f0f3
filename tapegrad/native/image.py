"""Object code made ready to run: linked once, when it is compiled, so that a later process needs no LLVM.

LLVM's library has 180 MB, and loading it takes a tenth of a second, which was most of what a start took. What
its linker does for our kernels is little: they are position-independent, so that all that depends on where
they lie is a table of addresses of what they use.

An image is what stands in memory, from a page's start on: the table, code and constants, and from another
page on what may be written. It is made of the object files of Linux on x86-64; others are left to LLVM.

Source: System V Application Binary Interface, AMD64 Architecture Processor Supplement.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

_PAGE = 4096
_ALIKE = b"\x7fELF\x02\x01"  # 64 bits, the low byte first
_OBJECT, _X86_64 = 1, 62
_SYMBOLS, _RELOCATIONS, _ZEROES = 2, 4, 8  # kinds of sections
_WRITABLE, _LOADED = 1, 2  # of a section's flags
_RELATIVE, _CALL, _THROUGH_TABLE = 2, 4, (9, 41, 42)  # kinds of relocations
_STUB = 8  # bytes of a jump through the table


class Image(NamedTuple):
    """code: what follows the table. table: for each of its words, whose address it is: a name, or a place in
    the image. exports: the places of functions. fixed: how many bytes there are, with the table, before those
    that may be written; size: how many in all."""

    code: bytes
    table: list[str | int]
    exports: dict[str, int]
    fixed: int
    size: int


class Unknown(Exception):
    """What is not linked here."""


class _Section(NamedTuple):
    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


class _Symbol(NamedTuple):
    name: str
    section: int  # 0: it is elsewhere
    value: int
    shared: bool


def linked(code: bytes) -> Image | None:
    """The image of an object file. None if it is of another platform, or has what our kernels have not."""
    try:
        return _Linker(code).image()
    except (Unknown, struct.error, ValueError, IndexError):
        return None


class _Linker:
    def __init__(self, code: bytes) -> None:
        kind, machine = struct.unpack_from("<HH", code, 16)
        if not code.startswith(_ALIKE) or (kind, machine) != (_OBJECT, _X86_64):
            raise Unknown("another platform")
        self.file = code
        (start,), (many,) = struct.unpack_from("<Q", code, 40), struct.unpack_from("<H", code, 60)
        self.sections = [
            _Section(*struct.unpack_from("<IIQQQQIIQQ", code, start + 64 * k)) for k in range(many)
        ]
        self.symbols = self._symbols()
        self.changes = list(self._changes())
        self.table: list[str | int] = []
        self.stubs: dict[str, int] = {}
        self.places: dict[int, int] = {}
        self.out = bytearray()

    def _symbols(self) -> list[_Symbol]:
        found = []
        for s in self.sections:
            if s.kind != _SYMBOLS:
                continue
            names = self.sections[s.link].offset
            for at in range(s.offset, s.offset + s.size, 24):
                name, info, _, section, value, _ = struct.unpack_from("<IBBHQQ", self.file, at)
                end = self.file.index(b"\0", names + name)
                found.append(_Symbol(self.file[names + name : end].decode(), section, value, info >> 4 != 0))
        return found

    def _changes(self) -> Any:
        """(the section, the place in it, the kind, the symbol, what is added) of each relocation."""
        for s in self.sections:
            if s.kind == _RELOCATIONS and self.sections[s.info].flags & _LOADED:
                for at in range(s.offset, s.offset + s.size, 24):
                    place, what, more = struct.unpack_from("<QQq", self.file, at)
                    yield s.info, place, what & 0xFFFFFFFF, self.symbols[what >> 32], more

    def image(self) -> Image:
        """Put everything in its place."""
        through = [s for _, _, kind, s, _ in self.changes if kind in _THROUGH_TABLE]
        called = [s for _, _, kind, s, _ in self.changes if kind == _CALL and not s.section]
        used = list(dict.fromkeys([*through, *called]))
        self.out = bytearray(8 * len(used))
        self._put(writable=False)
        self._jumps(used, [s.name for s in dict.fromkeys(called)])
        self._to_page()
        fixed = len(self.out)
        self._put(writable=True)
        size = len(self.out)
        self.table = [self._place(s) if s.section else s.name for s in used]
        for change in self.changes:
            self._change(used, *change)
        functions = {s.name: self._place(s) for s in self.symbols if s.shared and s.section in self.places}
        code = bytes(self.out[8 * len(used) :]).rstrip(b"\0")
        return Image(code, self.table, functions, fixed, size)

    def _to_page(self) -> None:
        self.out += bytes(-len(self.out) % _PAGE)

    def _put(self, writable: bool) -> None:
        """Copy the sections that are loaded."""
        for k, s in enumerate(self.sections):
            if s.flags & _LOADED and bool(s.flags & _WRITABLE) is writable:
                self.out += bytes(-len(self.out) % (s.align or 1))
                self.places[k] = len(self.out)
                self.out += bytes(s.size) if s.kind == _ZEROES else self.file[s.offset : s.offset + s.size]

    def _jumps(self, used: list[_Symbol], names: list[str]) -> None:
        """Write a jump for each function elsewhere: calls reach 2 GB, and it may be farther away."""
        self.out += bytes(-len(self.out) % _STUB)
        words = {s.name: 8 * k for k, s in enumerate(used) if not s.section}
        for name in names:
            self.stubs[name] = len(self.out)
            self.out += b"\xff\x25" + struct.pack("<i", words[name] - len(self.out) - 6) + b"\xcc\xcc"

    def _place(self, symbol: _Symbol) -> int:
        if symbol.section not in self.places:
            raise Unknown(symbol.name)
        return self.places[symbol.section] + symbol.value

    def _change(
        self, used: list[_Symbol], section: int, place: int, kind: int, symbol: _Symbol, more: int
    ) -> None:
        if kind in _THROUGH_TABLE:
            to = 8 * used.index(symbol)
        elif kind == _CALL and not symbol.section:
            to = self.stubs[symbol.name]
        elif kind in (_RELATIVE, _CALL):
            to = self._place(symbol)
        else:
            raise Unknown(f"relocation {kind}")
        at = self.places[section] + place
        struct.pack_into("<i", self.out, at, to + more - at)


@cache
def _system() -> tuple[Any, Any]:
    """(mmap, mprotect) of the C library. (A mapping of Python's would end with the process's last objects,
    when threads may still run in it.)"""
    library = ctypes.CDLL(None, use_errno=True)
    word = ctypes.c_size_t
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [ctypes.c_void_p, word, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    library.mprotect.argtypes = [ctypes.c_void_p, word, ctypes.c_int]
    return library.mmap, library.mprotect


_FAILED = ctypes.c_void_p(-1).value
_READ_WRITE, _READ_RUN, _OWN_MEMORY = 3, 5, 0x22  # as Linux has them


def placed(image: Image, symbols: Mapping[str, int]) -> dict[str, int]:
    """The addresses of an image's functions, which from now on are in memory for good.

    symbols: the addresses of what it uses, by name; what is not there are functions of the C library.
    Raises: OSError if the system gives no memory that code can run in.
    """
    mmap, protect = _system()
    start = mmap(None, image.size, _READ_WRITE, _OWN_MEMORY, -1, 0)
    if start == _FAILED:
        raise OSError(ctypes.get_errno(), "no memory for machine code")
    words = [start + x if isinstance(x, int) else symbols.get(x) or _found(x) for x in image.table]
    content = struct.pack(f"<{len(words)}Q", *words) + image.code
    ctypes.memmove(start, content, len(content))
    if protect(start, image.fixed, _READ_RUN):
        raise OSError(ctypes.get_errno(), "the system lets no code run that was written")
    return {name: start + place for name, place in image.exports.items()}


def _found(name: str) -> int:
    """The address of a function of the C library."""
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
