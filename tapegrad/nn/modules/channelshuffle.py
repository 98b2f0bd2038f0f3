"""Channels that change places, as a module."""

from __future__ import annotations

from tapegrad.nn.modules.module import Module
from tapegrad.ops.shuffle import channel_shuffle
from tapegrad.tensor import Tensor

__all__ = ["ChannelShuffle"]


class ChannelShuffle(Module):
    """The channels of all groups, the first of each first. Source: torch.nn.ChannelShuffle."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """channel_shuffle(input, groups)."""
        return channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"groups={self.groups}"
