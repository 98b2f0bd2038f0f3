"""Files that are written whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["atomic_file", "atomic_write"]


def atomic_write(path: str | os.PathLike[str], text: str | bytes) -> None:
    """Replaces a file's content (text as UTF-8) in one step; see `atomic_file`.

    Raises: OSError if the folder or the file cannot be written; UnicodeEncodeError for lone surrogates.
    """
    content = text.encode() if isinstance(text, str) else text
    with atomic_file(path) as file:
        file.write(content)


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write, which takes the place of `path` at the end: readers see the old or the new content,
    never a part.

    A link is followed, an existing file keeps its permissions, and after a failure nothing has changed.

    Raises: OSError if the folder or the file cannot be written.
    Source: POSIX rename, which os.replace calls: atomic within one folder.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        with target.open("wb") as file:  # a device or a pipe must not be replaced, and a folder raises here
            yield file
        return
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"save: {path} lies in a folder that does not exist; make {target.parent} first."
        )
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the new name on an empty file
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
