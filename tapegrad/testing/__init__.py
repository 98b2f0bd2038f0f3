"""What tests of tapegrad, and of code built on it, need: samples of every op, finite differences."""

from importlib import import_module
from typing import Any

_LAZY = ("differences", "samples")  # loaded when first used

__all__ = ["differences", "samples"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(f"tapegrad.testing.{name}")
    raise AttributeError(f"module 'tapegrad.testing' has no attribute {name!r}")
