"""Compiled kernels on disk: one file per kernel in the user's cache folder, so that the next process loads it
in a millisecond.

A file is code that will run with the user's rights. So the folder is used only if it belongs to the user and
nobody else may write into it, and a file only if its checksum holds. Anything else is as if there were no
cache. Several processes may share it: a file appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import sys
from functools import cache
from pathlib import Path
from typing import Any

LIMIT = 64 * 2**20  # bytes; beyond, the files that were not used for longest go
_FORMAT = 2  # of the files: another number, another folder
_DIGEST = 32


def location() -> Path:
    """Where the user's caches are: TAPEGRAD_CACHE_DIR, or the platform's place."""
    if chosen := os.environ.get("TAPEGRAD_CACHE_DIR"):
        return Path(chosen)
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "tapegrad"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "tapegrad"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "tapegrad"


@cache
def folder() -> Path | None:
    """The folder of the kernels, made if need be. None if there is none that is safe to use."""
    try:
        path = location() / f"kernels-{_FORMAT}"
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = path.stat()
    except (OSError, RuntimeError):  # no home, a read-only disk
        return None
    if hasattr(os, "getuid") and (
        about.st_uid != os.getuid() or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        return None
    return path


def key(*parts: str) -> str:
    """The name under which what these parts describe is kept."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def load(name: str) -> bytes | None:
    """The object code of that name. None if there is none that is whole."""
    place = folder()
    if place is None:
        return None
    path = place / f"{name}.o"
    try:
        content = path.read_bytes()
        os.utime(path)  # it was used: it stays
    except OSError:
        return None
    found = _opened(content)
    return None if found is None else found[1]


def _opened(content: bytes) -> tuple[dict[str, Any], bytes] | None:
    """(what is known of the code, the code) of a file's content; None if it is not what was written."""
    rest = content[_DIGEST:]
    if hashlib.sha256(rest).digest() != content[:_DIGEST]:
        return None
    head, _, code = rest.partition(b"\n")
    return json.loads(head), code


def save(name: str, code: bytes, about: dict[str, Any]) -> None:
    """Keep object code, and what is known of it, if that is possible."""
    place = folder()
    if place is None:
        return
    scratch = place / f".{secrets.token_hex(8)}.tmp"
    content = json.dumps(about).encode() + b"\n" + code
    try:
        with scratch.open("xb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(scratch, place / f"{name}.o")
    except OSError:  # a full disk: the next process compiles again
        scratch.unlink(missing_ok=True)
        return
    _trim(place)


def entries() -> list[dict[str, Any]]:
    """What is known of each kernel that is kept."""
    place = folder()
    found = []
    for path in sorted(place.glob("*.o")) if place is not None else ():
        try:
            opened = _opened(path.read_bytes())
        except OSError:  # another process has removed it
            continue
        if opened is not None:
            found.append({**opened[0], "bytes": len(opened[1])})
    return found


def _trim(place: Path) -> None:
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
        Path(path).unlink(missing_ok=True)
        total -= size
        if total <= LIMIT // 2:
            return
