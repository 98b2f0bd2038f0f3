"""Fourier transforms, as torch.fft names them. Their definitions are under `tapegrad/ops`."""

from tapegrad.absent import missing
from tapegrad.public import FUNCTIONS

__all__ = sorted(FUNCTIONS["fft"])
globals().update(FUNCTIONS["fft"])


def __getattr__(name: str) -> object:
    raise missing("torch.fft", name)
