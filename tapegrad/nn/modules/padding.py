"""Borders as modules."""

from __future__ import annotations

from typing import Any

from tapegrad._errors import describe
from tapegrad.nn.modules.module import Module
from tapegrad.nn.modules.utils import _ntuple, _pair, _quadruple
from tapegrad.ops.networks.padding import pad
from tapegrad.tensor import Tensor

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Pad(Module):
    _mode: str
    _sides: Any
    padding: tuple[int, ...]

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__()
        self.padding = type(self)._sides(padding)

    def forward(self, input: Tensor) -> Tensor:
        """pad(input, padding)."""
        return pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.padding}"


class _CircularPadNd(_Pad):
    _mode = "circular"

    def _check_input_dim(self, input: Tensor) -> None:
        n = len(self.padding) // 2
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(
                f"{type(self).__name__}: input is {describe(input)}; {n + 1} or {n + 2} dimensions are "
                "needed."
            )

    def forward(self, input: Tensor) -> Tensor:
        """pad(input, padding, "circular"). Raises: ValueError for other numbers of dimensions."""
        self._check_input_dim(input)
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """A border from the other end. Source: torch.nn.CircularPad1d."""

    _sides = staticmethod(_pair)


class CircularPad2d(_CircularPadNd):
    """A border from the other end. Source: torch.nn.CircularPad2d."""

    _sides = staticmethod(_quadruple)


class CircularPad3d(_CircularPadNd):
    """A border from the other end. Source: torch.nn.CircularPad3d."""

    _sides = staticmethod(_ntuple(6))


class _ConstantPadNd(_Pad):
    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """pad(input, padding, value=value)."""
        return pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """A border of one number. Source: torch.nn.ConstantPad1d."""

    _sides = staticmethod(_pair)


class ConstantPad2d(_ConstantPadNd):
    """A border of one number. Source: torch.nn.ConstantPad2d."""

    _sides = staticmethod(_quadruple)


class ConstantPad3d(_ConstantPadNd):
    """A border of one number. Source: torch.nn.ConstantPad3d."""

    _sides = staticmethod(_ntuple(6))


class ReflectionPad1d(_Pad):
    """A border that mirrors the input. Source: torch.nn.ReflectionPad1d."""

    _mode, _sides = "reflect", staticmethod(_pair)


class ReflectionPad2d(_Pad):
    """A border that mirrors the input. Source: torch.nn.ReflectionPad2d."""

    _mode, _sides = "reflect", staticmethod(_quadruple)


class ReflectionPad3d(_Pad):
    """A border that mirrors the input. Source: torch.nn.ReflectionPad3d."""

    _mode, _sides = "reflect", staticmethod(_ntuple(6))


class ReplicationPad1d(_Pad):
    """A border that repeats the edge. Source: torch.nn.ReplicationPad1d."""

    _mode, _sides = "replicate", staticmethod(_pair)


class ReplicationPad2d(_Pad):
    """A border that repeats the edge. Source: torch.nn.ReplicationPad2d."""

    _mode, _sides = "replicate", staticmethod(_quadruple)


class ReplicationPad3d(_Pad):
    """A border that repeats the edge. Source: torch.nn.ReplicationPad3d."""

    _mode, _sides = "replicate", staticmethod(_ntuple(6))


class ZeroPad1d(ConstantPad1d):
    """A border of zeros. Source: torch.nn.ZeroPad1d."""

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """A border of zeros. Source: torch.nn.ZeroPad2d."""

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """A border of zeros. Source: torch.nn.ZeroPad3d."""

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.padding}"
