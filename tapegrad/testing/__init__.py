"""What tests of tapegrad, and of code built on it, need: comparisons, samples of ops, finite differences."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tapegrad.testing.comparing import assert_allclose, assert_close

_LAZY = ("comparing", "differences", "samples")  # loaded when first used

__all__ = ["assert_allclose", "assert_close", "comparing", "differences", "samples"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(f"tapegrad.testing.{name}")
    if name in ("assert_allclose", "assert_close"):
        return getattr(import_module("tapegrad.testing.comparing"), name)
    raise AttributeError(f"module 'tapegrad.testing' has no attribute {name!r}")
