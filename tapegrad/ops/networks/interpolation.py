"""Images in other sizes."""

from __future__ import annotations

from operator import index
from typing import Any

from tapegrad._errors import describe, say_once, sizes
from tapegrad.define import Function, cast, offer
from tapegrad.dtypes import F4, F8, FLOATING, U1
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.interpolation import table
from tapegrad.naming import argument
from tapegrad.ops.elementary import round
from tapegrad.ops.networks import adaptive
from tapegrad.ops.networks.resampling import resampling
from tapegrad.ops.pointwise import clamp
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

# What the modes do along an axis, and for how many dimensions they are.
_KINDS: dict[str, tuple[int, ...]] = {"nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "area": (1, 2, 3)}
_KINDS |= {"linear": (1,), "bilinear": (2,), "trilinear": (3,), "bicubic": (2,), "lanczos": (2,)}
_ALONG = {"linear": "linear", "bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}
_ALONG |= {"lanczos": "lanczos", "nearest": "nearest", "nearest-exact": "nearest-exact"}
_AREA = {1: adaptive.adaptive_avg_pool1d, 2: adaptive.adaptive_avg_pool2d, 3: adaptive.adaptive_avg_pool3d}


def _op(mode: str, n: int, smooth: bool = False) -> Function:
    name = "".join(part.capitalize() for part in mode.split("-"))
    return resampling(
        f"interpolate.{mode}{n}d{'.smooth' if smooth else ''}",
        f"Upsample{name}{n}D{'Aa' if smooth else ''}Backward0",
    )


_OPS = {
    (mode, n, False): _op(mode, n)
    for mode, ns in _KINDS.items()
    for n in ns
    if mode not in ("area", "lanczos")
}
_OPS |= {(mode, 2, True): _op(mode, 2, True) for mode in ("bilinear", "bicubic", "lanczos")}


def _target(x: Tensor, n: int, size: Any, factor: Any, again: bool) -> tuple[list[int], list[float | None]]:
    """The sizes of the result, and the factors if these say where its pixels lie.

    Raises: ValueError unless one of size and factor is given, with a number per dimension.
    """
    if (size is None) == (factor is None):
        raise ValueError(f"interpolate: size is {size} and scale_factor {factor}; one of them is needed.")
    given = factor if size is None else size
    each = list(given) if isinstance(given, (list, tuple)) else [given] * n
    if len(each) != n:
        raise ValueError(
            f"interpolate: {argument('input', x)} is {sizes(x._a.shape)} and "
            f"{'scale_factor' if size is None else 'size'} {given}; {n} numbers are needed."
        )
    if size is not None:
        if again:
            raise ValueError(
                "interpolate: recompute_scale_factor is given with size; it means nothing there."
            )
        try:
            return [index(m) for m in each], [None] * n
        except TypeError:
            raise TypeError(f"interpolate: size is {size!r}; integers are needed.") from None
    found = [int(m * f) for m, f in zip(x._a.shape[2:], each, strict=True)]
    return found, [None] * n if again else each


def interpolate(
    input: Tensor,
    size: int | tuple[int, ...] | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """input in another size: `size`, or scale_factor times its own.

    mode: 'nearest', 'nearest-exact', 'area', 'linear' (3-d input), 'bilinear', 'bicubic', 'lanczos' (4-d),
    'trilinear' (5-d). align_corners: the middles of the outer pixels stay outside, instead of their edges.
    antialias: smaller images see all pixels.
    Shapes: [N, C, L], [N, C, H, W] or [N, C, D, H, W].
    Raises: ValueError for arguments that exclude each other, NotImplementedError for other modes or dtypes.
    """
    x = need_tensor(input, "interpolate")
    n = x._a.ndim - 2
    if mode in ("nearest", "area", "nearest-exact") and align_corners is not None:
        raise ValueError(f"interpolate: align_corners is given and mode {mode!r}, which has none.")
    aligned = bool(align_corners)
    if not 1 <= n <= 3 or n not in _KINDS.get(mode, ()):
        raise NotImplementedError(
            f"interpolate: {argument('input', x)} is {describe(x)} and mode {mode!r}; 'nearest', "
            "'nearest-exact', 'area' (3-d to 5-d), 'linear' (3-d), 'bilinear', 'bicubic', 'lanczos' (4-d) or "
            "'trilinear' (5-d) is needed."
        )
    again = bool(recompute_scale_factor) or (mode == "area" and size is None)
    out, factors = _target(x, n, size, scale_factor, again)
    _check(x, mode, aligned, antialias, out)
    if mode == "area":
        return _AREA[n](x, tuple(out))
    kind = x._kind if x._kind is F4 or x._kind is F8 else F4
    tables = tuple(
        [
            table(_ALONG[mode], m, k, aligned, factor, kind, bool(antialias))
            for m, k, factor in zip(x._a.shape[2:], out, factors, strict=True)
        ]
    )
    if x._kind is U1 and not mode.startswith("nearest"):
        return cast(clamp(round(_OPS[mode, n, bool(antialias)](cast(x, F4), tables)), 0, 255), U1)
    return _OPS[mode, n, bool(antialias)](x, tables)


def _check(x: Tensor, mode: str, aligned: bool, smooth: bool, out: list[int]) -> None:
    """Raises: ValueError for options that the mode has not, RuntimeError for sizes, NotImplementedError for
    dtypes."""
    if smooth and mode not in ("bilinear", "bicubic", "lanczos"):
        raise ValueError(
            f"interpolate: antialias is given and mode {mode!r}; 'bilinear', 'bicubic' or 'lanczos' has it."
        )
    if mode == "lanczos" and (aligned or not smooth):
        raise ValueError("interpolate: mode is 'lanczos'; antialias=True is needed, and align_corners=False.")
    if mode == "area":
        return
    if 0 in x._a.shape[1:] or min(out) < 1:
        raise RuntimeError(
            f"interpolate: {argument('input', x)} is {sizes(x._a.shape)} and the result would be {out}; all "
            "sizes but the batch's must be positive."
        )
    if x._kind.kind not in FLOATING and x._kind is not U1:
        raise NotImplementedError(f"interpolate: input is {describe(x)}; floating point or uint8 is needed.")


def upsample(
    input: Tensor,
    size: int | tuple[int, ...] | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """interpolate by its old name."""
    say_once("upsample: this name is old; use interpolate.")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: Tensor,
    size: int | tuple[int, ...] | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
) -> Tensor:
    """interpolate with mode='nearest', by its old name."""
    say_once("upsample_nearest: this name is old; use interpolate.")
    return interpolate(input, size, scale_factor, "nearest")


def upsample_bilinear(
    input: Tensor,
    size: int | tuple[int, ...] | None = None,
    scale_factor: float | tuple[float, ...] | None = None,
) -> Tensor:
    """interpolate with mode='bilinear' and align_corners=True, by its old name."""
    say_once("upsample_bilinear: this name is old; use interpolate with align_corners=True.")
    return interpolate(input, size, scale_factor, "bilinear", True)


offer(
    globals(),
    functions="interpolate upsample upsample_bilinear upsample_nearest",
    namespace="nn",
)
nameless(globals())
