"""torch.amp: mixed precision, as far as it exists on one CPU."""

from typing import Any

from tapegrad.absent import missing
from tapegrad.amp.autocast_mode import autocast, is_autocast_available
from tapegrad.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "is_autocast_available"]


def __getattr__(name: str) -> Any:
    raise missing("torch.amp", name)
