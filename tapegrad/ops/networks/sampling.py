"""Images read at places that a grid says, between the pixels; grids of affine maps."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np

from tapegrad._errors import choices, describe, say_once, sizes
from tapegrad.define import cast, offer
from tapegrad.dtypes import F4, FLOATING, NARROW
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.interpolation import cubic_weights
from tapegrad.naming import argument
from tapegrad.ops.elementary import round
from tapegrad.ops.gather import gather
from tapegrad.ops.linalg import matmul
from tapegrad.ops.pairs import fmod
from tapegrad.ops.pointwise import abs, floor, isfinite, sign, where
from tapegrad.ops.shape import mT
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import standalone

_MODES = ("bilinear", "nearest", "bicubic")
_BORDERS = ("zeros", "border", "reflection")


def _pixels(at: Tensor, n: int, aligned: bool) -> Tensor:
    """Places from -1 to 1 as numbers of pixels."""
    return (at + 1) / 2 * (n - 1) if aligned else ((at + 1) * n - 1) / 2


def _inside(at: Tensor, n: int, border: str, aligned: bool, blocks: bool) -> Tensor:
    """Places where the border puts them. As in torch nan is then at 0, and in blocks at the end; with zeros
    it is in blocks outside."""
    if border == "zeros":
        return where(isfinite(at), at, -2.0) if blocks else at
    low, high = (0.0, n - 1.0) if aligned else (-0.5, n - 0.5)
    if border == "reflection" and low < high:
        far = abs(at - low)
        rest, turns = fmod(far, high - low), floor(far.detach() / (high - low))
        at = where(turns % 2 == 0, rest + low, high - rest)
    beyond = ~(at < n - 1) if blocks else at >= n - 1
    clipped: Tensor = where(beyond, n - 1.0, where(at > 0, at, 0.0))
    return clipped


def _read(flat: Tensor, at: list[Tensor], size: tuple[int, ...]) -> Tensor:
    """The pixels at whole places; zero outside. flat [N, C, pixels], at [N, places] per axis."""
    index, seen = None, None
    for place, n in zip(at, size, strict=True):
        within = (place >= 0) & (place <= n - 1)
        k = where(within, place, 0.0).long()
        index = k if index is None else index * n + k
        seen = within if seen is None else seen & within
    assert index is not None and seen is not None
    n, c = flat.shape[:2]
    values = gather(flat, -1, index.unsqueeze(1).expand(n, c, index.shape[-1]))
    pixels: Tensor = where(seen.unsqueeze(1), values, 0.0)
    return pixels


def _neighbours(at: Tensor, mode: str) -> list[tuple[Tensor, Any]]:
    """Whole places around each place along an axis, with their weights."""
    if mode == "nearest":
        return [(round(at.detach()), None)]
    first = floor(at.detach())
    share = at - first
    if mode == "bilinear":
        return [(first, 1 - share), (first + 1, share)]
    return [(first + k - 1, weight) for k, weight in enumerate(cubic_weights(share, -0.75))]


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """input at the places that grid says: x and y (and z) from -1 to 1 each.

    mode: 'bilinear', 'nearest', or 'bicubic' (2-d). padding_mode: what is outside, 'zeros', 'border' or
    'reflection'. align_corners: -1 and 1 are the middles of the outer pixels, instead of their edges.
    Shapes: input [N, C, H, W], grid [N, H', W', 2] -> [N, C, H', W']; or one dimension more, with 3.
    Raises: ValueError for other modes, RuntimeError for shapes that do not fit, IndexError for numbers.
    """
    op = "grid_sample"
    if mode not in _MODES or padding_mode not in _BORDERS:
        raise ValueError(
            f"{op}: mode is {mode!r} and padding_mode {padding_mode!r}; {choices(_MODES)}, and "
            f"{choices(_BORDERS)} are needed."
        )
    if align_corners is None:
        say_once(f"{op}: align_corners is not given, and False is taken, as torch does since 1.3.")
    x, at = need_tensor(input, op), need_tensor(grid, op, "grid")
    n, shape, places = x._a.ndim - 2, x._a.shape, at._a.shape
    fits = n in (2, 3) and places[-1:] == (n,) and len(places) == n + 2 and places[0] == shape[0]
    if not fits or 0 in shape[2:]:
        raise (RuntimeError if shape and places else IndexError)(
            f"{op}: {argument('input', x)} is {sizes(shape)} and {argument('grid', at)} {sizes(places)}; "
            "[N, C, H, W] with [N, H', W', 2], or [N, C, D, H, W] with [N, D', H', W', 3] is needed."
        )
    if mode == "bicubic" and n == 3:
        raise RuntimeError(f"{op}: mode is 'bicubic' and input {sizes(shape)}; [N, C, H, W] is needed.")
    if x._kind.kind not in FLOATING:
        raise NotImplementedError(f"{op}: input is {describe(x)}; a floating point tensor is needed.")
    if x._kind is not at._kind:
        raise RuntimeError(f"{op}: input is {x.dtype} and grid {at.dtype}; they must be equal.")
    if x._kind.char in NARROW:  # rounded once
        return cast(_sampled(cast(x, F4), cast(at, F4), mode, padding_mode, bool(align_corners)), x._kind)
    return _sampled(x, at, mode, padding_mode, bool(align_corners))


def _sampled(x: Tensor, grid: Tensor, mode: str, border: str, aligned: bool) -> Tensor:
    n = x.dim() - 2
    size, out = x.shape[2:], grid.shape[1:-1]
    flat = x.reshape(*x.shape[:2], prod(size))
    grid = grid.reshape(grid.shape[0], prod(out), n)
    axes = []
    for k, m in enumerate(size):
        at = _pixels(grid[..., n - 1 - k], m, aligned)
        if mode == "bicubic":  # it is the pixels that go inside
            axes.append([(_inside(p, m, border, aligned, False), w) for p, w in _neighbours(at, mode)])
        else:
            axes.append(_neighbours(_inside(at, m, border, aligned, n == 3), mode))
    total = None
    for each in product(*axes):
        part = _read(flat, [p for p, _ in each], size)
        for _, weight in each:
            part = part if weight is None else part * weight.unsqueeze(1)
        total = part if total is None else total + part
    assert total is not None
    if mode == "nearest":  # places do not count, but have gradients, of zeros
        total = total - (abs(sign(grid)) * 0).sum(-1).unsqueeze(1)
    return standalone(total.reshape(*x.shape[:2], *out))  # type: ignore[no-any-return] # a Tensor


def _places(n: int, aligned: bool) -> Any:
    """n places from -1 to 1: the middles of pixels."""
    at = np.linspace(-1, 1, n) if n > 1 else np.zeros(n)
    return at if aligned else at * (n - 1) / n


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """The places for grid_sample that an affine map of each image gives, for results of a size.

    Shapes: theta [N, 2, 3] for size (N, C, H, W) -> [N, H, W, 2]; [N, 3, 4] for (N, C, D, H, W) ->
    [N, D, H, W, 3].
    Raises: ValueError for another theta, NotImplementedError for other sizes.
    """
    op, size = "affine_grid", tuple(size)
    t, n = need_tensor(theta, op, "theta"), len(size) - 2
    if t._kind.kind not in FLOATING:
        raise ValueError(f"{op}: theta is {describe(t)}; a floating point tensor is needed.")
    if n not in (2, 3):
        raise NotImplementedError(f"{op}: size is {size}; (N, C, H, W) or (N, C, D, H, W) is needed.")
    if t._a.ndim != 3 or t._a.shape[1:] != (n, n + 1):
        raise ValueError(
            f"{op}: {argument('theta', t)} is {sizes(t._a.shape)} and size {size}; [N, {n}, {n + 1}] fits."
        )
    if min(size) < 1:
        raise ValueError(f"{op}: size is {size}; positive numbers are needed.")
    if t._a.shape[0] != size[0]:
        raise RuntimeError(f"{op}: theta is {sizes(t._a.shape)} and size {size}; N must be equal.")
    if align_corners is None:
        say_once(f"{op}: align_corners is not given, and False is taken, as torch does since 1.3.")
    each = np.meshgrid(*[_places(m, bool(align_corners)) for m in size[2:]], indexing="ij")
    base = np.stack([*each[::-1], np.ones(size[2:])], -1).reshape(-1, n + 1).astype(t._kind)
    return standalone(matmul(wrap(base), mT(t)).reshape(size[0], *size[2:], n))  # type: ignore[no-any-return] # a Tensor


def affine_grid_generator(theta: Tensor, size: Any, align_corners: bool) -> Tensor:
    """affine_grid."""
    return affine_grid(theta, size, align_corners)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """grid_sample, with the modes by number. Raises: RuntimeError for other numbers."""
    if not (0 <= interpolation_mode < len(_MODES) and 0 <= padding_mode < len(_BORDERS)):
        raise RuntimeError(
            f"grid_sampler: interpolation_mode is {interpolation_mode} and padding_mode {padding_mode}; 0 "
            "to 2 are needed."
        )
    return grid_sample(input, grid, _MODES[interpolation_mode], _BORDERS[padding_mode], align_corners)


def grid_sampler_2d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """grid_sampler of images."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


def grid_sampler_3d(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """grid_sampler of blocks."""
    return grid_sampler(input, grid, interpolation_mode, padding_mode, align_corners)


offer(globals(), functions="affine_grid_generator grid_sampler grid_sampler_2d grid_sampler_3d")
offer(globals(), functions="affine_grid grid_sample", namespace="nn")
nameless(globals())
