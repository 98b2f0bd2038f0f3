"""torch.hub: models from a folder or a GitHub repository with a hubconf.py, and files from the network."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from tapegrad._errors import describe
from tapegrad.hub.downloading import download_url_to_file, get_dir, load_state_dict_from_url, set_dir
from tapegrad.hub.github import fetched

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]


def load(
    repo_or_dir: str,
    model: str,
    *args: Any,
    source: str = "github",
    trust_repo: bool | str | None = "check",
    force_reload: bool = False,
    verbose: bool = True,
    skip_validation: bool = False,
    **kwargs: Any,
) -> Any:
    """What the function `model` of a hubconf.py returns for the other arguments.

    repo_or_dir: with source="local" a folder; else a repository, "owner/name" or "owner/name:ref", which is
    downloaded once, or anew with force_reload. trust_repo: whether its code may run: "check" asks, unless it
    is known. skip_validation: do not ask GitHub whether the ref is the repository's own. verbose: has no
    effect, as nothing is printed.
    The code runs as it stands: for its `import torch` to be tapegrad, `import tapegrad.as_torch` before, or
    start the program with `python -m tapegrad run`.
    Raises: ValueError for another source; FileNotFoundError without hubconf.py; RuntimeError if it lacks the
    function, or a package it depends on is absent; see also `download_url_to_file`.
    Source: torch.hub.load.
    """
    if source.lower() not in ("github", "local"):
        raise ValueError(f"hub.load: source is {source!r}; 'github' or 'local' is needed.")
    local = source.lower() == "local"
    folder = Path(repo_or_dir) if local else fetched(repo_or_dir, force_reload, trust_repo, skip_validation)
    with _found_in(folder):
        return _entry(_hubconf(folder), model)(*args, **kwargs)


def list(
    github: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: bool | str | None = "check",
    verbose: bool = True,
) -> builtins.list[str]:
    """The names of the functions that a repository's hubconf.py offers. Arguments: see `load`.

    Source: torch.hub.list.
    """
    folder = fetched(github, force_reload, trust_repo, skip_validation)
    with _found_in(folder):
        module = _hubconf(folder)
    return [name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))]


def help(
    github: str,
    model: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: bool | str | None = "check",
) -> str | None:
    """The docstring of a function of a repository's hubconf.py. Arguments: see `load`.

    Source: torch.hub.help.
    """
    folder = fetched(github, force_reload, trust_repo, skip_validation)
    with _found_in(folder):
        return _entry(_hubconf(folder), model).__doc__


@contextmanager
def _found_in(folder: Path) -> Iterator[None]:
    """A block in which a folder's modules can be imported."""
    path = str(folder)
    sys.path.insert(0, path)
    try:
        yield
    finally:
        if path in sys.path:
            sys.path.remove(path)


def _hubconf(folder: Path) -> Any:
    path = folder / "hubconf.py"
    if not path.is_file():
        raise FileNotFoundError(
            f"hub: {folder} has no hubconf.py, the file that says which models there are."
        )
    spec = spec_from_file_location("hubconf.py", path)
    assert spec is not None and spec.loader is not None  # a file that ends in .py
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _entry(module: Any, model: Any) -> Callable[..., Any]:
    """The function of that name."""
    if not isinstance(model, str):
        raise ValueError(f"hub: model is {describe(model)}; the name of a function of hubconf.py is needed.")
    absent = [name for name in getattr(module, "dependencies", None) or () if find_spec(name) is None]
    if absent:
        raise RuntimeError(
            f"hub: hubconf.py needs {', '.join(absent)}; install it: pip install {' '.join(absent)}"
        )
    entry = getattr(module, model, None)
    if not callable(entry):
        there = [name for name in dir(module) if not name.startswith("_") and callable(getattr(module, name))]
        raise RuntimeError(f"hub: hubconf.py has no function {model!r}; it has {', '.join(there) or 'none'}.")
    found: Callable[..., Any] = entry
    return found
