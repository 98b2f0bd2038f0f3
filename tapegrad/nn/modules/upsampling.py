"""Images in other sizes as modules."""

from __future__ import annotations

from typing import Any

from tapegrad.nn.modules.module import Module
from tapegrad.ops.networks.interpolation import interpolate
from tapegrad.tensor import Tensor

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]

Sizes = int | tuple[int, ...] | None
Ratios = float | tuple[float, ...] | None


class Upsample(Module):
    """The input in another size. Source: torch.nn.Upsample."""

    def __init__(
        self,
        size: Sizes = None,
        scale_factor: Ratios = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        self.scale_factor: Any = None
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple([float(factor) for factor in scale_factor])
        elif scale_factor:
            self.scale_factor = float(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """interpolate(input, size, scale_factor, mode, ...)."""
        return interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        """The arguments."""
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """The nearest pixels. Source: torch.nn.UpsamplingNearest2d."""

    def __init__(self, size: Sizes = None, scale_factor: Ratios = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Between the pixels, linearly; corners stay. Source: torch.nn.UpsamplingBilinear2d."""

    def __init__(self, size: Sizes = None, scale_factor: Ratios = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
