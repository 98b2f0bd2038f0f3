"""Linear algebra, as torch.linalg names them. Their definitions are under `tapegrad/ops`."""

from tapegrad.absent import missing
from tapegrad.public import FUNCTIONS

__all__ = sorted(FUNCTIONS["linalg"])
globals().update(FUNCTIONS["linalg"])


def __getattr__(name: str) -> object:
    raise missing("torch.linalg", name)
