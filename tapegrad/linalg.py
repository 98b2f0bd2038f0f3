"""Linear algebra, as torch.linalg names it. The definitions are under `tapegrad/ops`."""

from tapegrad._errors import LinAlgError
from tapegrad.absent import missing
from tapegrad.public import FUNCTIONS

__all__ = ["LinAlgError", *sorted(FUNCTIONS["linalg"])]
globals().update(FUNCTIONS["linalg"])


def __getattr__(name: str) -> object:
    raise missing("torch.linalg", name)
