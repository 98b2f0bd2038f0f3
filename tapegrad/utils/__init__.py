"""torch.utils: `checkpoint` and `data`."""

from importlib import import_module
from typing import Any

from tapegrad.utils import checkpoint

__all__ = ["checkpoint", "data"]


def __getattr__(name: str) -> Any:
    if name == "data":  # loaded when first used
        return import_module("tapegrad.utils.data")
    raise AttributeError(f"torch.utils of tapegrad has no {name!r}.")
