"""Compiled kernels on disk: one file per kernel in the user's cache folder, so that the next process loads it
in a millisecond.

A file is code that will run with the user's rights. So the folder is used only if it belongs to the user and
nobody else may write into it, and a file only if its checksum holds. Anything else is as if there were no
cache. Several processes may share it: a file appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from contextlib import suppress
from functools import cache
from typing import Any

try:  # hashlib gives the same function, after it has loaded OpenSSL, which takes 8 ms
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

LIMIT = 64 * 2**20  # bytes; beyond, the files that were not used for longest go
_FORMAT = 3  # of the files: another number, another folder
_DIGEST = 32
KERNEL, MACHINE = ".o", ".machine"  # kinds of files


def location() -> str:
    """Where the user's caches are: TAPEGRAD_CACHE_DIR, or the platform's place. "" where there is none."""
    if chosen := os.environ.get("TAPEGRAD_CACHE_DIR"):
        return chosen
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        return ""
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches", "tapegrad")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
        return os.path.join(local, "tapegrad")
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "tapegrad")


@cache
def folder() -> str | None:
    """The folder of the kernels, made if need be. None if there is none that is safe to use."""
    if not (place := location()):
        return None
    path = os.path.join(place, f"kernels-{_FORMAT}")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        about = os.stat(path)
    except OSError:  # a read-only disk
        return None
    if hasattr(os, "getuid") and (
        about.st_uid != os.getuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        return None
    return path


def key(*parts: str) -> str:
    """The name under which what these parts describe is kept."""
    return _digest("\0".join(parts).encode()).hex()


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=_DIGEST).digest()


def load(name: str, kind: str = KERNEL) -> tuple[dict[str, Any], bytes] | None:
    """(what is known of it, the machine code) of that name. None if there is none that is whole."""
    place = folder()
    if place is None:
        return None
    path = os.path.join(place, name + kind)
    try:
        with open(path, "rb") as file:
            content = file.read()
        os.utime(path)  # it was used: it stays
    except OSError:
        return None
    return _opened(content)


def _opened(content: bytes) -> tuple[dict[str, Any], bytes] | None:
    """(what is known of the code, the code) of a file's content; None if it is not what was written."""
    rest = content[_DIGEST:]
    if _digest(rest) != content[:_DIGEST]:
        return None
    head, _, code = rest.partition(b"\n")
    return json.loads(head), code


def save(name: str, code: bytes, about: dict[str, Any], kind: str = KERNEL) -> None:
    """Keep machine code, and what is known of it, if that is possible."""
    place = folder()
    if place is None:
        return
    scratch = os.path.join(place, f".{os.urandom(8).hex()}.tmp")
    content = json.dumps(about).encode() + b"\n" + code
    try:
        with open(scratch, "xb") as file:
            file.write(_digest(content) + content)
        os.replace(scratch, os.path.join(place, name + kind))
    except OSError:  # a full disk: the next process compiles again
        _remove(scratch)
        return
    _trim(place)


def _remove(path: str) -> None:
    """Remove a file, if it is still there."""
    with suppress(FileNotFoundError):
        os.unlink(path)


def entries() -> list[dict[str, Any]]:
    """What is known of each kernel that is kept."""
    place = folder()
    found = []
    for name in sorted(os.listdir(place)) if place is not None else ():
        if not name.endswith(KERNEL):
            continue
        try:
            with open(os.path.join(place or "", name), "rb") as file:
                opened = _opened(file.read())
        except OSError:  # another process has removed it
            continue
        if opened is not None:
            found.append({**opened[0], "bytes": len(opened[1])})
    return found


def _trim(place: str) -> None:
    """Remove what was not used for longest, down to half of the limit."""
    found = []
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                about = entry.stat()
                found.append((about.st_mtime, about.st_size, entry.path))
    except OSError:  # another process removes, too
        return
    total = sum(size for _, size, _ in found)
    if total <= LIMIT:
        return
    for _, size, path in sorted(found):
        _remove(path)
        total -= size
        if total <= LIMIT // 2:
            return
