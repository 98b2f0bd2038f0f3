"""safetensors files: a JSON header, and the tensors' bytes behind it. Nothing in them can run.

Source: https://github.com/huggingface/safetensors, format 0.x; the functions are those of safetensors.torch.
There are no checksums in the format: a file that is cut short is refused, a changed byte of a tensor is not
seen. Tensors that share memory are written each with its own.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
from collections.abc import Mapping
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from tapegrad import dtypes
from tapegrad._errors import describe
from tapegrad._files import atomic_file
from tapegrad.devices import check_device
from tapegrad.serialization.storages import FOREIGN, Foreign, native, swapped
from tapegrad.tensor import Tensor, wrap

# In the order of the reference implementation, which puts wide ones first into a file.
CODES: dict[str, str] = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "I16": "int16",
    "U16": "uint16",
    "F16": "float16",
    "BF16": "bfloat16",
    "I32": "int32",
    "U32": "uint32",
    "F32": "float32",
    "C64": "complex64",
    "F64": "float64",
    "I64": "int64",
    "U64": "uint64",
}
_RANK = {code: i for i, code in enumerate(CODES)}
_CODE_OF = {name: code for code, name in CODES.items()}
_LONGEST = 100_000_000  # bytes of a header
_LITTLE = sys.byteorder == "little"


class SafetensorError(Exception):
    """A file that is no safetensors file, or a damaged one."""


class _Place(NamedTuple):
    code: str
    shape: tuple[int, ...]
    begin: int
    end: int


# ---- writing


def save_file(
    tensors: Mapping[str, Tensor],
    filename: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
    *,
    dtypes: Mapping[str, str] | None = None,
) -> None:
    """Write tensors by name, with texts by name as `metadata`; the file is replaced in one step.

    dtypes: other codes for some, such as {"weight": "F8_E4M3"}; numbers are rounded to them.
    Raises: ValueError for what is no tensor, a dtype that such files have not; OSError.
    """
    parts = _parts(tensors, metadata, dtypes or {})
    with atomic_file(filename) as file:
        for part in parts:
            file.write(part)


def save(
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str] | None = None,
    *,
    dtypes: Mapping[str, str] | None = None,
) -> bytes:
    """The same as bytes."""
    return b"".join(bytes(part) for part in _parts(tensors, metadata, dtypes or {}))


def _parts(tensors: Mapping[str, Tensor], metadata: Any, codes: Mapping[str, str]) -> list[Any]:
    if unknown := codes.keys() - tensors.keys():
        raise ValueError(f"save_file: dtypes are given for {sorted(unknown)}, and there are no such tensors.")
    arrays = {name: _array(name, t, codes.get(name)) for name, t in tensors.items()}
    names = sorted(arrays, key=lambda name: (-_RANK[arrays[name][0]], name))
    header: dict[str, Any] = {"__metadata__": _texts(metadata)} if metadata else {}
    at = 0
    for name in names:
        code, a = arrays[name]
        header[name] = {"dtype": code, "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    bodies = [np.ascontiguousarray(arrays[name][1]).reshape(-1).view(np.uint8) for name in names]
    return [struct.pack("<Q", len(text)), text, *bodies]


def _array(name: Any, t: Any, code: str | None) -> tuple[str, Any]:
    """A tensor's code, and its elements in the order of rows."""
    if not isinstance(name, str) or name == "__metadata__" or not isinstance(t, Tensor):
        raise ValueError(f"save_file: {name!r} is {describe(t)}; strings as names, and tensors, are needed.")
    code = code or _CODE_OF.get(t.dtype.name)
    if code not in CODES:
        raise ValueError(f"save_file: {name!r} is {t.dtype} as {code}; one of {', '.join(CODES)} is needed.")
    a = t.detach()._a
    a = a if CODES[code] == t.dtype.name else _converted(name, a, code)
    return code, a if _LITTLE else a.byteswap()


def _converted(name: str, a: Any, code: str) -> Any:
    """The elements in another dtype: floats rounded as torch does, integers exactly."""
    kind = _dtype(code).numpy
    if code == "F8_E4M3":
        return a.clip(-448, 448).astype(kind)  # it has no infinity
    if kind.kind not in "biu":
        return a.astype(kind)
    with np.errstate(invalid="ignore"):
        converted = a.astype(kind)
    if not np.array_equal(converted, a):
        raise ValueError(f"save_file: {name!r} has numbers that are none of {code}.")
    return converted


def _texts(metadata: Any) -> dict[str, str]:
    if not all(isinstance(x, str) for pair in metadata.items() for x in pair):
        raise ValueError(f"save_file: metadata is {metadata!r}; strings by strings are needed.")
    return dict(metadata)


# ---- reading


def load_file(filename: str | os.PathLike[str], device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a file by their names.

    Raises: SafetensorError if it is no such file, or a damaged one; OSError.
    """
    check_device(device, "load_file")
    with Path(filename).open("rb") as file:
        return _all(_mapped(file), str(filename))


def load(data: bytes) -> dict[str, Tensor]:
    """The same of bytes."""
    return _all(np.frombuffer(data, np.uint8), "the data")


def _all(content: Any, source: str) -> dict[str, Tensor]:
    begin, places, _ = _header(content, source)
    return {name: _tensor(content, begin, place).clone() for name, place in places.items()}


def _tensor(content: Any, begin: int, place: _Place) -> Tensor:
    raw = content[begin + place.begin : begin + place.end]
    dtype = _dtype(place.code)
    raw = raw if _LITTLE else swapped(raw, dtype.numpy)
    a = raw.view(dtype.numpy).reshape(place.shape)
    return wrap(native(a, dtype) if isinstance(dtype, Foreign) else a)


def _dtype(code: str) -> Any:
    name = CODES[code]
    return FOREIGN.get(name) or dtypes.named(name)


def _header(content: Any, source: str) -> tuple[int, dict[str, _Place], dict[str, str]]:
    """Where the tensors begin, where each lies from there on, and the texts."""
    n = struct.unpack("<Q", content[:8].tobytes())[0] if content.size >= 8 else -1
    if not 2 <= n <= min(_LONGEST, content.size - 8):
        raise SafetensorError(f"load_file: {source} is no safetensors file, or it ends within its header.")
    try:
        header = json.loads(content[8 : 8 + n].tobytes(), object_pairs_hook=_once)
        texts = header.pop("__metadata__", None) or {}
        places = {name: _place(name, entry) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise SafetensorError(f"load_file: the header of {source} is damaged ({e}).") from e
    at = 0
    for place in sorted(places.values(), key=lambda p: (p.begin, p.end)):
        if place.begin != at:
            raise SafetensorError(f"load_file: {source} is damaged: its tensors overlap, or leave gaps.")
        at = place.end
    if 8 + n + at != content.size:
        raise SafetensorError(
            f"load_file: {source} is damaged: its tensors need {at} bytes, and it has {content.size - 8 - n}."
        )
    return 8 + n, places, texts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _place(name: str, entry: Any) -> _Place:
    begin, end = entry["data_offsets"]
    code, shape = entry["dtype"], tuple(entry["shape"])
    if code not in CODES or any(type(x) is not int or x < 0 for x in (*shape, begin, end)):
        raise ValueError(f"{name!r} is {code} {list(shape)} at {begin}")
    width = _dtype(code).numpy.itemsize
    if prod(shape) * width != end - begin:
        raise ValueError(f"{name!r} is {code} {list(shape)} in {end - begin} bytes")
    return _Place(code, shape, begin, end)


class safe_open:
    """A file of which single tensors are read: `with safe_open(path) as f: f.get_tensor(name)`.

    Tensors show the file itself, of which no page is read before it is used or copied before it is written.
    Raises: SafetensorError, OSError as load_file does.
    """

    def __init__(self, filename: str | os.PathLike[str], framework: str = "pt", device: Any = "cpu") -> None:
        check_device(device, "safe_open")
        with Path(filename).open("rb") as file:
            self._content = _mapped(file)
        self._begin, self._places, self._texts = _header(self._content, str(filename))

    def __enter__(self) -> safe_open:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass  # the tensors hold what they show

    def keys(self) -> list[str]:
        """The names of the tensors, sorted."""
        return sorted(self._places)

    offset_keys = keys

    def metadata(self) -> dict[str, str] | None:
        """The texts by name."""
        return self._texts or None

    def get_tensor(self, name: str) -> Tensor:
        """A tensor. Raises: SafetensorError if there is none of that name."""
        if name not in self._places:
            raise SafetensorError(f"get_tensor: there is no tensor {name!r}; there are {self.keys()}.")
        return _tensor(self._content, self._begin, self._places[name])

    def get_slice(self, name: str) -> Tensor:
        """A tensor to be indexed; only what the index takes is read."""
        return self.get_tensor(name)


def _mapped(file: BinaryIO) -> Any:
    if not os.fstat(file.fileno()).st_size:
        return np.empty(0, np.uint8)
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), np.uint8)
