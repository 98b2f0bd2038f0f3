"""torch.utils: `checkpoint`, `data`, `dlpack` and `tensorboard`."""

from importlib import import_module
from typing import Any

from tapegrad.absent import missing
from tapegrad.utils import checkpoint

__all__ = ["checkpoint", "data", "dlpack", "tensorboard"]


def __getattr__(name: str) -> Any:
    if name in ("_pytree", "data", "dlpack", "tensorboard"):  # loaded when first used
        return import_module(f"tapegrad.utils.{name}")
    raise missing("torch.utils", name)
