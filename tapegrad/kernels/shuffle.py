"""Channels and pixels that change places."""

from __future__ import annotations

from typing import Any

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.shape import contiguous


def pixel_shuffle(x: Any, r: int) -> Any:
    """[*, C * r * r, H, W] as [*, C, H * r, W * r]."""
    *lead, c, h, w = x.shape
    k, n = c // (r * r), len(lead)
    y = x.reshape((*lead, k, r, r, h, w))
    y = y.transpose((*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return contiguous(y).reshape((*lead, k, h * r, w * r))


def pixel_unshuffle(x: Any, r: int) -> Any:
    """[*, C, H * r, W * r] as [*, C * r * r, H, W]."""
    *lead, c, h, w = x.shape
    h, w, n = h // r, w // r, len(lead)
    y = x.reshape((*lead, c, h, r, w, r))
    y = y.transpose((*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return contiguous(y).reshape((*lead, c * r * r, h, w))


def channel_shuffle(x: Any, groups: int, dim: int) -> Any:
    """The channels of each group, the first ones first."""
    before, n, behind = x.shape[:dim], x.shape[dim], x.shape[dim + 1 :]
    y = x.reshape((*before, groups, n // groups, *behind))
    return contiguous(y.swapaxes(dim, dim + 1)).reshape(x.shape)


nameless(globals())
