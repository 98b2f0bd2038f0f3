"""torch.save."""

from __future__ import annotations

import io
import os
import pickle
import sys
from pathlib import PurePath
from typing import Any

from tapegrad._files import atomic_file
from tapegrad.serialization import legacy
from tapegrad.serialization.archive import Writer
from tapegrad.serialization.options import options
from tapegrad.serialization.pickling import Pickler

PROTOCOL = 2


def save(
    obj: object,
    f: Any,
    pickle_module: Any = pickle,
    pickle_protocol: int = PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Write an object to a file, given by its path or as an open one, in torch's format.

    Tensors that share memory will share it again. A file that is given by its path is replaced in one step:
    if anything fails, or the program ends meanwhile, it is as it was.

    Raises: RuntimeError if the file cannot be written; AttributeError, TypeError, pickle.PicklingError for
    objects that cannot be pickled.
    Source: torch.save.
    """
    if pickle_module is not pickle:
        raise RuntimeError(f"save: pickle_module is {pickle_module!r}; only pickle itself is supported.")
    is_path = isinstance(f, (str, os.PathLike))
    if not is_path and not hasattr(f, "write"):
        raise AttributeError(
            f"save: f is {type(f).__name__}; a path, or a file with a write method, is needed."
        )
    content = io.BytesIO()
    pickler = Pickler(content, pickle_protocol, numbered=_use_new_zipfile_serialization)
    pickler.dump(obj)  # before the file is touched

    def write(file: Any, name: str) -> None:
        if not _use_new_zipfile_serialization:
            legacy.write(file, content.getbuffer(), pickler.storages, pickle_protocol)
            return
        archive = Writer(file, name, options.checks)
        archive.add("data.pkl", content.getbuffer())
        archive.add(".format_version", b"1")
        archive.add(".storage_alignment", b"64")
        if not _disable_byteorder_record:
            archive.add("byteorder", sys.byteorder.encode())
        for key, (storage, _) in pickler.storages.items():
            archive.add(f"data/{key}", storage.bytes())
        archive.close()

    if not is_path:
        write(f, "archive")
        if hasattr(f, "flush"):
            f.flush()
        return
    try:
        with atomic_file(f) as file:
            write(file, PurePath(os.path.basename(os.fspath(f))).stem)
    except OSError as e:
        raise RuntimeError(f"save: {f} cannot be written ({e}); what was there before is unchanged.") from e
