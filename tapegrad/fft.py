"""Fourier transforms, as torch.fft names them. Their definitions are under `tapegrad/ops`."""

from tapegrad.public import FUNCTIONS

__all__ = sorted(FUNCTIONS["fft"])
globals().update(FUNCTIONS["fft"])
