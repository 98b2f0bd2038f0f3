"""Special functions, as torch.special names them. Their definitions are under `tapegrad/ops`."""

from tapegrad.absent import missing
from tapegrad.public import FUNCTIONS

__all__ = sorted(FUNCTIONS["special"])
globals().update(FUNCTIONS["special"])


def __getattr__(name: str) -> object:
    raise missing("torch.special", name)
