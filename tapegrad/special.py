"""Special functions, as torch.special names them. Their definitions are under `tapegrad/ops`."""

from tapegrad.public import FUNCTIONS

__all__ = sorted(FUNCTIONS["special"])
globals().update(FUNCTIONS["special"])
