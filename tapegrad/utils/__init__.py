"""torch.utils: `checkpoint`, `data` and `tensorboard`."""

from importlib import import_module
from typing import Any

from tapegrad.absent import missing
from tapegrad.utils import checkpoint

__all__ = ["checkpoint", "data", "tensorboard"]


def __getattr__(name: str) -> Any:
    if name in ("_pytree", "data", "tensorboard"):  # loaded when first used
        return import_module(f"tapegrad.utils.{name}")
    raise missing("torch.utils", name)
