"""The classes of results of several tensors, by the names of the functions that return them."""

from tapegrad.ops.results import KINDS

__all__ = sorted(KINDS)
globals().update(KINDS)
