"""torch.load."""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from tapegrad._errors import say
from tapegrad.dtypes import uint8
from tapegrad.ops.memory import UntypedStorage
from tapegrad.serialization import legacy, safetensors
from tapegrad.serialization.archive import Reader
from tapegrad.serialization.names import SAFE, marked
from tapegrad.serialization.options import default_order, is_shared, options
from tapegrad.serialization.storages import Held, Restore, restorer, swapped
from tapegrad.serialization.unpickling import Restricted, Unpickler, names_in

Unpickle = Callable[[Any, Any], Any]


def load(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read an object that save, here or in torch, has written to a file, given by its path or as an open one.

    weights_only: whether a file may name only tensors, containers, numbers, strings, and what
    torch.serialization.add_safe_globals was given (the default). Without it a file runs whatever code it
    brings: do that only with files that you trust.
    map_location: where tensors go that were on a device that is not here: "cpu", a dictionary of
    places, a function. mmap: tensors show the file itself; a page is copied when it is first written.

    Raises: pickle.UnpicklingError for what is not allowed or no such file; RuntimeError for a file that is
    damaged, a device that is not here; EOFError for an empty file; OSError.
    Source: torch.load.
    """
    weights_only = _is_restricted(weights_only, pickle_module)
    if weights_only and pickle_module is not None:
        raise RuntimeError("load: weights_only=True has an unpickler of its own; leave pickle_module out.")
    if pickle_module not in (None, pickle):
        raise RuntimeError(f"load: pickle_module is {pickle_module!r}; only pickle itself is supported.")
    if weights_only and pickle_load_args:
        say(f"load: {', '.join(pickle_load_args)} can be given with weights_only=False only.")
    if _is_path(f) and os.fspath(f).endswith(".safetensors"):
        return safetensors.load_file(f)
    unpickle = _restricted if weights_only else _freely({"encoding": "utf-8", **pickle_load_args})
    with _opened(f, writes=bool(mmap) and is_shared()) as file:
        if not _is_zip(file):
            return legacy.read(_unmapped(file, mmap), unpickle, restorer(map_location))
        archive = Reader(file, options.checks)
        if mmap:
            if not _is_path(f):
                raise ValueError("load: f is an open file; with mmap=True its path is needed.")
            archive.map(is_shared())
        return _read(archive, unpickle, restorer(map_location))


def _is_restricted(weights_only: bool | None, pickle_module: Any) -> bool:
    """What the argument means, after torch's two variables of the environment have had their say.

    Raises: RuntimeError if both are set.
    """
    always, never = (
        os.environ.get(f"TORCH_FORCE_{name}_LOAD", "0").lower() in ("1", "y", "yes", "true")
        for name in ("WEIGHTS_ONLY", "NO_WEIGHTS_ONLY")
    )
    if always and never:
        raise RuntimeError(
            "load: TORCH_FORCE_WEIGHTS_ONLY_LOAD and TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD are both set; one of "
            "them is needed, or none."
        )
    if never and weights_only is None:
        say("load: TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD is set, so the file may run whatever code it brings.")
        return False
    return always or (pickle_module is None if weights_only is None else weights_only)


def _restricted(file: Any, persistent: Any) -> Any:
    return Restricted(file, persistent).load()


def _freely(given: dict[str, Any]) -> Unpickle:
    return lambda file, persistent: Unpickler(file, persistent, **given).load()


def _is_path(f: Any) -> bool:
    return isinstance(f, (str, os.PathLike))


def _opened(f: Any, writes: bool = False) -> AbstractContextManager[Any]:
    if _is_path(f):
        return Path(f).open("r+b" if writes else "rb")
    if not hasattr(f, "read") or not hasattr(f, "seek"):
        raise AttributeError(
            f"load: f is {type(f).__name__}; a path, or a file with read and seek, is needed. Put "
            "bytes into an io.BytesIO."
        )
    return nullcontext(f)


def _is_zip(file: Any) -> bool:
    at = file.tell()
    begins: bytes = file.read(4)
    file.seek(at)
    if not begins:
        raise EOFError("load: the file is empty.")
    return begins == b"PK\3\4"


def _unmapped(file: Any, mmap: bool | None) -> Any:
    if mmap:
        raise RuntimeError("load: mmap=True needs a file in torch's zip format; this one is older.")
    return file


def _read(archive: Reader, unpickle: Unpickle, restore: Restore) -> Any:
    if "constants.pkl" in archive:
        raise RuntimeError("load: the file is a TorchScript program; save a state_dict instead.")
    order = archive.read("byteorder").decode() if "byteorder" in archive else default_order()
    if order not in ("little", "big"):
        raise ValueError(f"load: the file's byte order is {order!r}; 'little' or 'big' is needed.")
    found: dict[str, Held] = {}

    def storage(pid: Any) -> Held:
        named, key, place, count = pid[1:]
        if key not in found:
            dtype = getattr(named, "dtype", None)
            raw = archive.array(f"data/{key}", count * (dtype or uint8).itemsize)
            if order != sys.byteorder:
                if dtype is None:
                    raise RuntimeError("load: the file has bytes of another order, without a dtype.")
                raw = swapped(raw, dtype.numpy)
            here = restore(UntypedStorage(raw), place.decode() if isinstance(place, bytes) else place)
            assert here is not None  # what restore promises
            found[key] = Held(here.bytes(), dtype)
        return found[key]

    return unpickle(io.BytesIO(archive.read("data.pkl")), storage)


def get_unsafe_globals_in_checkpoint(f: Any) -> list[str]:
    """The names in a file that weights_only=True does not allow; nothing of it is run."""
    with _opened(f) as file:
        if not _is_zip(file):
            raise ValueError("get_unsafe_globals_in_checkpoint: the file must be in torch's zip format.")
        named = names_in(Reader(file, options.checks).read("data.pkl"))
    return sorted(named - SAFE.keys() - marked().keys())
