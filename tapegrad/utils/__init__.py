"""torch.utils: `checkpoint`."""

from tapegrad.utils import checkpoint

__all__ = ["checkpoint"]
