"""`import tapegrad.as_torch`: from then on `import torch` and its submodules give tapegrad's.

`torch` and `torch.version` are copies of tapegrad's modules that say `__version__ = "2.13.0"`, the version
whose behaviour this is; all others are tapegrad's own, under a second name.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

__all__ = ["VERSION", "install", "uninstall"]

VERSION = "2.13.0"
_COPIES = ("torch", "torch.version")


def _ours(name: str) -> str:
    return "tapegrad" + name.removeprefix("torch")


class _Loader(Loader):
    """Gives tapegrad's module for a name of torch's."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(_ours(spec.name))
        if spec.name in _COPIES:
            return _copied(spec.name, module)
        self.own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        if hasattr(self, "own"):  # the import system has put torch's spec in its place
            module.__spec__ = self.own


def _copied(name: str, module: ModuleType) -> ModuleType:
    twin = ModuleType(name, module.__doc__)
    own = ("__name__", "__spec__", *[k for k in vars(module) if f"{name}.{k}" in _COPIES])
    twin.__dict__.update({k: v for k, v in vars(module).items() if k not in own})
    twin.__dict__.update(__version__=VERSION, __package__=name.partition(".")[0], __loader__=None)

    def lazy(attribute: str) -> Any:
        """What loads when first used; submodules by their names under torch."""
        value = getattr(module, attribute)
        return import_module(f"{name}.{attribute}") if isinstance(value, ModuleType) else value

    twin.__dict__["__getattr__"] = lazy
    return twin


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname != "torch" and not fullname.startswith("torch."):
            return None
        try:
            found = find_spec(_ours(fullname))
        except ModuleNotFoundError:  # a parent of it is no package
            found = None
        if found is None:
            raise ModuleNotFoundError(f"{fullname}: tapegrad has no such module.", name=fullname)
        return ModuleSpec(fullname, _Loader(), is_package=found.submodule_search_locations is not None)


_finder = _Finder()


def _torch_modules() -> list[str]:
    return [name for name in sys.modules if name == "torch" or name.startswith("torch.")]


def install() -> None:
    """Let `torch` be tapegrad in this process.

    Raises: ImportError if torch itself was imported before.
    """
    if _finder in sys.meta_path:
        return
    if "torch" in sys.modules:
        raise ImportError("as_torch: torch is imported already; import tapegrad.as_torch before it.")
    sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Let `torch` be what it was, for what is imported from now on."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        for name in _torch_modules():
            del sys.modules[name]


install()
