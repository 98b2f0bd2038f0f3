"""Files from the network, kept in a folder."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from tapegrad._files import atomic_file
from tapegrad.serialization import load

_CHUNK = 2**17


class _Place:
    """Where downloads are kept, if the user has said so."""

    folder: str | None = None


def get_dir() -> str:
    """The folder for downloads: $TORCH_HOME/hub, by default ~/.cache/torch/hub, as torch's.

    Source: torch.hub.get_dir.
    """
    if _Place.folder is not None:
        return _Place.folder
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return os.path.join(os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch"))), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Set the folder for downloads. Source: torch.hub.set_dir."""
    _Place.folder = os.path.expanduser(os.fspath(d))


def opened(url: Any) -> Any:
    """What urlopen gives. Raises: URLError with what to do if it cannot be reached."""
    try:
        return urlopen(url)
    except HTTPError:
        raise
    except URLError as e:
        shown = url if isinstance(url, str) else url.full_url
        raise URLError(
            f"hub: {shown} cannot be reached ({e.reason}); check the network, or fetch it by other means."
        ) from e


def _shown(progress: bool, size: int | None) -> tuple[Callable[[int], Any], Callable[[], Any]]:
    """What is told of each part, and of the end: a bar where a terminal waits and tqdm is installed."""
    if not progress or not sys.stderr.isatty() or not find_spec("tqdm"):
        return (lambda _: None), (lambda: None)
    bar = import_module("tqdm").tqdm(total=size, unit="B", unit_scale=True, unit_divisor=1024)
    return bar.update, bar.close


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Write what a URL gives into the file dst, whole or not at all.

    hash_prefix: with what its SHA-256, in hexadecimal, must begin. progress: show a bar, where a terminal
    waits and tqdm is installed.
    Raises: URLError if it cannot be reached, HTTPError if it is not there; RuntimeError for another hash,
    FileNotFoundError without the folder, OSError. The file is then as it was.
    Source: torch.hub.download_url_to_file.
    """
    target = Path(dst).expanduser()
    if not target.parent.is_dir():
        raise FileNotFoundError(f"download_url_to_file: there is no folder {target.parent}; make it first.")
    with opened(Request(url, headers={"User-Agent": "torch.hub"})) as source, atomic_file(target) as file:
        length = source.headers.get("Content-Length")
        size, digest, got = (None if length is None else int(length)), sha256(), 0
        told, end = _shown(progress, size)
        try:
            while part := source.read(_CHUNK):
                file.write(part)
                digest.update(part)
                got += len(part)
                told(len(part))
        finally:
            end()
        if size is not None and got < size:
            raise URLError(f"hub: {url} broke off after {got} of {size} bytes; try again.")
        if not digest.hexdigest().startswith(hash_prefix or ""):
            raise RuntimeError(
                f"download_url_to_file: the SHA-256 of {url} is {digest.hexdigest()}, and it must begin with "
                f"{hash_prefix}; nothing was written."
            )


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """torch.load of the file at a URL, which is downloaded into model_dir (get_dir()/checkpoints) unless it
    is there.

    check_hash: its name is like "name-0123abcd.pth", where the end is the beginning of its SHA-256.
    file_name: how it is named here, if not as in the URL. weights_only=False, torch's default, lets the
    file run code: do that only with files that you trust.
    Raises: what `download_url_to_file` and torch.load raise.
    Source: torch.hub.load_state_dict_from_url.
    """
    folder = Path(get_dir(), "checkpoints") if model_dir is None else Path(model_dir)
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    if not (folder / name).exists():
        found = re.search(r"-([a-f0-9]*)\.", name) if check_hash else None
        download_url_to_file(url, str(folder / name), found.group(1) if found else None, progress)
    return load(folder / name, map_location, weights_only=weights_only)
