"""Pools that are given by the size of their result, by chance, or undone: their windows differ in size, or
stand anywhere."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

import tapegrad.kernels.pooling as P
from tapegrad._errors import describe, sizes
from tapegrad.define import Function, indexing, linear, offer
from tapegrad.dtypes import FLOATING, I8
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.resampling import Table
from tapegrad.levels import arrays_of
from tapegrad.naming import argument
from tapegrad.ops.gather import gather
from tapegrad.ops.networks.geometry import need_samples, numbers
from tapegrad.ops.networks.resampling import resampling
from tapegrad.ops.pointwise import where
from tapegrad.ops.random import rand
from tapegrad.ops.reduce import mean
from tapegrad.ops.series import arange
from tapegrad.ops.shape import squeeze, unsqueeze
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap

Sizes = int | tuple[int, ...]
OptionalSizes = int | tuple[int | None, ...] | None

_AVG = {
    n: resampling(f"adaptive_avg_pool{n}d", title)
    for n, title in (
        (1, "SqueezeBackward1"),  # torch pools an image of one line
        (2, "AdaptiveAvgPool2DBackward0"),
        (3, "AdaptiveAvgPool3DBackward0"),
    )
}


def _moved(B: Any, op: Any, xs: Any, args: Any) -> Any:
    """Of an op (x, at, n, ...) over the last n axes, with an index per element."""
    at, n, *shape = args
    if op.name != "max_unpool" and shape:
        shape = [(B.size, *shape[0])]
    return B.run(op, B.full(xs[0]), args=(B.full(at), n, *shape))


def _picking(key: str, title: str) -> Function:
    """An op that picks elements: call(x, at, n)."""
    return indexing(
        (key, f"{key}.back"),
        P.picked,
        P.gathered_back,
        titles=(title, "ScatterBackward0"),
        batch=(_moved, _moved),
    )[0]


_MAX = {
    n: _picking(f"adaptive_max_pool{n}d", title)
    for n, title in (
        (1, "SqueezeBackward1"),
        (2, "AdaptiveMaxPool2DBackward0"),
        (3, "AdaptiveMaxPool3DBackward0"),
    )
}
_FRACTIONAL = {n: _picking(f"fractional_max_pool{n}d", f"FractionalMaxPool{n}DBackward0") for n in (2, 3)}
_pick = _picking("max_unpool.back", "GatherBackward0")
_UNPOOL = {
    n: linear(
        f"max_unpool.{n}d",
        P.placed,
        lambda F, g, _, at, n, size: F.apply(_pick.op, g, at, n),
        title="SqueezeBackward1" if n == 1 else f"MaxUnpool{n}DBackward0",
        kind="indexing",
        batch=_moved,
    )
    for n in (1, 2, 3)
}
for _f in (*_AVG.values(), *_UNPOOL.values()):
    _f.op.reads = ((),)  # torch saves the input, or where it goes: a graph through it can be used once


@lru_cache(1000)
def _windows(n: int, m: int) -> tuple[Any, Any]:
    """m windows over n elements: which elements, [width, m], the last one again where a window is narrower;
    and how wide each is."""
    at = np.arange(m)
    first, last = at * n // m, -(-(at + 1) * n // m)
    width = int((last - first).max(initial=0))
    return np.minimum(first + np.arange(width)[:, None], last - 1), last - first


@lru_cache(1000)
def means(n: int, m: int) -> Table:
    """The means of m windows over n elements."""
    index, widths = _windows(n, m)
    used = np.arange(index.shape[0])[:, None] < widths
    return Table(n, np.where(used, index, -1), np.broadcast_to(1 / widths, index.shape))


def _check_longer(op: str, n: int, input: Any, size: Any) -> None:
    """Raises: ValueError for an input that has no more dimensions than sizes are listed, as in torch."""
    if n > 1 and isinstance(size, (tuple, list)) and len(size) >= need_tensor(input, op)._a.ndim:
        raise ValueError(
            f"{op}: {argument('input', input)} is {describe(input)} and output_size {size!r}; {n + 1} or "
            f"{n + 2} dimensions are needed."
        )


def _target(op: str, n: int, input: Any, size: Any) -> tuple[Tensor, tuple[int, ...]]:
    """input, and the result's sizes. Raises: RuntimeError, NotImplementedError for integers."""
    _check_longer(op, n, input, size)
    x = need_samples(input, n, op)
    given = (size,) * n if size is None or isinstance(size, int) else size
    if isinstance(given, (tuple, list)):
        if len(given) != n and n > 1:
            raise RuntimeError(f"{op}: output_size is {size!r}; {n} numbers (or None) are needed.")
        given = tuple([x._a.shape[k - n] if m is None and n > 1 else m for k, m in enumerate(given)])
    wanted = numbers(given, n, "output_size", op)
    if 0 in (x._a.shape[-n:] if n < 3 and "avg" in op else x._a.shape[1:]):
        raise RuntimeError(
            f"{op}: {argument('input', x)} is {sizes(x._a.shape)}; only the batch may be empty."
        )
    if x._kind.kind not in FLOATING:
        raise NotImplementedError(f"{op}: input is {describe(x)}; a floating point tensor is needed.")
    return x, wanted


def _adaptive_avg(n: int, input: Any, size: Any) -> Tensor:
    op = f"adaptive_avg_pool{n}d"
    if (size == 1 and type(size) is int) or size in ((1,) * n, [1] * n):  # torch's, too, is a mean
        _check_longer(op, n, input, size)
        if n == 1:  # torch pools an image of one line
            return squeeze(mean(unsqueeze(need_samples(input, n, op), -2), (-2, -1), True), -2)
        return mean(need_tensor(input, op), tuple(range(-n, 0)), True)
    x, wanted = _target(op, n, input, size)
    return _AVG[n](x, tuple([means(m, k) for m, k in zip(x._a.shape[-n:], wanted, strict=True)]))


def adaptive_avg_pool1d(input: Tensor, output_size: Sizes) -> Tensor:
    """The means of output_size windows of (nearly) equal widths.

    Shapes: [N, C, L] or [C, L]. Raises: RuntimeError for other shapes, NotImplementedError for integers.
    """
    return _adaptive_avg(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: OptionalSizes) -> Tensor:
    """The means of windows of (nearly) equal sizes, as many as output_size says; None: as many as there are
    elements.

    Shapes: [N, C, H, W] or [C, H, W]. Raises: RuntimeError for other shapes, NotImplementedError for
    integers.
    """
    return _adaptive_avg(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: OptionalSizes) -> Tensor:
    """The means of windows of (nearly) equal sizes, as many as output_size says; None: as many as there are
    elements.

    Shapes: [N, C, D, H, W] or [C, D, H, W]. Raises: RuntimeError for other shapes, NotImplementedError for
    integers.
    """
    return _adaptive_avg(3, input, output_size)


# ---- maxima of windows anywhere


def _largest(pick: Function, x: Tensor, table: Tensor, out: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The largest elements of windows, and which of the last axes' elements these are; table [..., windows,
    width] has the elements of each."""
    n, lead = len(out), x.shape[: x.dim() - len(out)]
    rows, width = table.shape[-2:]
    table = table.expand(*lead, rows, width)
    seen = gather(
        x.detach().reshape(*lead, prod(x.shape[-n:])), -1, table.reshape(*lead, rows * width)
    ).reshape(table.shape)
    which = _chosen(seen) if seen.numel() else table.new_zeros(*lead, rows, 1)
    at = gather(table, -1, which).reshape(*lead, *out)
    return pick(x, at._a, n), at


def _chosen(seen: Tensor) -> Tensor:
    """The place of the first maximum of each row, or of its last nan."""
    which = seen.argmax(-1, True)
    if any(np.isnan(a).any() for a in arrays_of(gather(seen, -1, which)._a)):
        last = (seen.isnan() * arange(1, seen.shape[-1] + 1)).amax(-1, True)
        which = where(last > 0, last - 1, which)
    return which


def _tabled(places: list[Any], size: tuple[int, ...]) -> Any:
    """Windows that are products of intervals, as one table: places[k] [..., m, width] along axis k."""
    table, n = None, len(size)
    for k, at in enumerate(places):
        shape = [1] * (2 * n)
        shape[k], shape[n + k] = at.shape[-2:]
        at = at.reshape((*at.shape[:-2], *shape))
        table = at if table is None else table * size[k] + at
    assert table is not None
    lead, counts = table.shape[: -2 * n], table.shape[-2 * n :]
    return table.reshape((*lead, prod(counts[:n]), prod(counts[n:])))


def _adaptive_max(n: int, input: Any, size: Any, both: bool) -> Any:
    x, wanted = _target(f"adaptive_max_pool{n}d", n, input, size)
    shape = x._a.shape[-n:]
    places = [_windows(m, k)[0].T for m, k in zip(shape, wanted, strict=True)]
    found = _largest(_MAX[n], x, wrap(_tabled(places, shape)), wanted)
    return found if both else found[0]


def adaptive_max_pool1d(input: Tensor, output_size: Sizes, return_indices: bool = False) -> Any:
    """The largest elements of output_size windows of (nearly) equal widths; with return_indices also which
    these are.

    Shapes: [N, C, L] or [C, L]. Raises: RuntimeError for other shapes, NotImplementedError for integers.
    """
    return _adaptive_max(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: OptionalSizes, return_indices: bool = False) -> Any:
    """The largest elements of windows of (nearly) equal sizes, as many as output_size says; with
    return_indices also which these are.

    Shapes: [N, C, H, W] or [C, H, W]. Raises: RuntimeError for other shapes, NotImplementedError for
    integers.
    """
    return _adaptive_max(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: OptionalSizes, return_indices: bool = False) -> Any:
    """The largest elements of windows of (nearly) equal sizes, as many as output_size says; with
    return_indices also which these are.

    Shapes: [N, C, D, H, W] or [C, D, H, W]. Raises: RuntimeError for other shapes, NotImplementedError for
    integers.
    """
    return _adaptive_max(3, input, output_size, return_indices)


def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: Sizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool1d, and which elements these are."""
    return _adaptive_max(1, input, output_size, True)  # type: ignore[no-any-return] # a pair of Tensors


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: OptionalSizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool2d, and which elements these are."""
    return _adaptive_max(2, input, output_size, True)  # type: ignore[no-any-return] # a pair of Tensors


def adaptive_max_pool3d_with_indices(
    input: Tensor, output_size: OptionalSizes, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool3d, and which elements these are."""
    return _adaptive_max(3, input, output_size, True)  # type: ignore[no-any-return] # a pair of Tensors


def _starts(sample: Tensor, n: int, m: int, k: int) -> Tensor:
    """Where m windows of k among n elements begin: at about equal distances, shifted by a sample per
    channel."""
    step = (n - k) / max(m - 1, 1)
    sample = sample.unsqueeze(-1)
    at = arange(m)
    shifted = ((at.to(sample.dtype) + sample) * step).long() - (sample * step).long()
    starts: Tensor = where(at == m - 1, n - k, shifted)
    return starts


def _fractional(n: int, input: Any, kernel: Any, size: Any, ratio: Any, both: bool, samples: Any) -> Any:
    op = f"fractional_max_pool{n}d"
    x = need_samples(input, n, op)
    shape = x._a.shape[-n:]
    if size is None and ratio is None:
        raise ValueError(f"{op}: neither output_size nor output_ratio is given; one is needed.")
    if size is None:
        ratios = ratio if isinstance(ratio, (tuple, list)) else (ratio,) * n
        size = tuple([int(m * r) for m, r in zip(shape, ratios, strict=True)])
    k, wanted = numbers(kernel, n, "kernel_size", op, 1), numbers(size, n, "output_size", op, 1)
    if any(width + m - (n == 2) > full for width, m, full in zip(k, wanted, shape, strict=True)):
        raise RuntimeError(
            f"{op}: {argument('input', x)} is {sizes(x._a.shape)}, kernel_size {k} and output_size {wanted}; "
            "the windows do not fit. Use fewer or smaller ones."
        )
    lead = x._a.shape[:-n]
    if samples is None:
        samples = rand(*((1,) if len(lead) == 1 else ()), *lead, n, dtype=x.dtype)
    if samples.dim() == len(lead) + 2:
        samples = samples[0]
    order = range(n) if n == 3 else (1, 0)  # torch's image has the sample of its columns first
    starts = [_starts(samples[..., i], shape[j], wanted[j], k[j]) for j, i in enumerate(order)]
    places = [at.unsqueeze(-1) + arange(width) for at, width in zip(starts, k, strict=True)]
    found = _largest(_FRACTIONAL[n], x, _tabled(places, shape), wanted)
    return found if both else found[0]


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: float | tuple[float, float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The largest elements of windows that begin at random places, as many as output_size says, or
    output_ratio times the input's size.

    Shapes: [N, C, H, W] or [C, H, W].
    Raises: ValueError without output_size and output_ratio, RuntimeError for windows that do not fit.
    Source: B. Graham, "Fractional Max-Pooling" (2014).
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: float | tuple[float, float, float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """The largest elements of windows that begin at random places, as many as output_size says, or
    output_ratio times the input's size.

    Shapes: [N, C, D, H, W] or [C, D, H, W].
    Raises: ValueError without output_size and output_ratio, RuntimeError for windows that do not fit.
    Source: B. Graham, "Fractional Max-Pooling" (2014).
    """
    return _fractional(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: float | tuple[float, float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """fractional_max_pool2d, and which elements these are."""
    return _fractional(2, input, kernel_size, output_size, output_ratio, True, _random_samples)  # type: ignore[no-any-return] # a pair of Tensors


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: float | tuple[float, float, float] | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """fractional_max_pool3d, and which elements these are."""
    return _fractional(3, input, kernel_size, output_size, output_ratio, True, _random_samples)  # type: ignore[no-any-return] # a pair of Tensors


# ---- the reverse


def _unpooled_size(op: str, n: int, x: Tensor, kernel: Any, stride: Any, padding: Any, size: Any) -> Any:
    k = numbers(kernel, n, "kernel_size", op, 1)
    s = k if stride is None else numbers(stride, n, "stride", op, 1)
    p = numbers(padding, n, "padding", op)
    usual = [(m - 1) * b + a - 2 * c for m, a, b, c in zip(x._a.shape[-n:], k, s, p, strict=True)]
    if size is None:
        if min(usual) < 0:
            raise ValueError(f"{op}: the result would be {usual}; pass output_size, or less padding.")
        return tuple(usual)
    wanted = tuple(size)[2:] if len(size) == n + 2 else tuple(size)
    if len(wanted) != n:
        raise ValueError(f"{op}: output_size is {list(size)}; {n} or {n + 2} numbers are needed.")
    if any(not u - b < w < u + b for u, w, b in zip(usual, wanted, s, strict=True)):
        raise ValueError(f"{op}: output_size is {list(size)}; less than {s} from {usual} is needed.")
    return wanted


def _unpool(n: int, input: Any, indices: Any, kernel: Any, stride: Any, padding: Any, size: Any) -> Tensor:
    op = f"max_unpool{n}d"
    if need_tensor(input, op)._a.ndim < n:
        raise IndexError(f"{op}: input is {describe(input)}; {n + 1} or {n + 2} dimensions are needed.")
    wanted = _unpooled_size(op, n, input, kernel, stride, padding, size)
    x, at = need_samples(input, n, op), need_tensor(indices, op, "indices")
    if at._kind is not I8 or at._a.shape != x._a.shape:
        raise RuntimeError(f"{op}: indices are {describe(at)}; int64{sizes(x._a.shape)} is needed.")
    count = prod(wanted)
    if type(at._a) is np.ndarray and at._a.size and (at._a.min() < 0 or at._a.max() >= count):
        raise RuntimeError(
            f"{op}: indices are from {at._a.min()} to {at._a.max()} and the result {sizes(wanted)}; 0 to "
            f"{count - 1} is needed."
        )
    return _UNPOOL[n](x, at._a, n, wanted)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Zeros with the elements of input where max_pool1d found them, as its indices say.

    Shapes: [N, C, L] or [C, L], indices int64 of the same shape.
    Raises: RuntimeError for other indices, ValueError for an output_size that max_pool1d would not reduce so.
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Zeros with the elements of input where max_pool2d found them, as its indices say.

    Shapes: [N, C, H, W] or [C, H, W], indices int64 of the same shape.
    Raises: RuntimeError for other indices, ValueError for an output_size that max_pool2d would not reduce so.
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Any = None,
) -> Tensor:
    """Zeros with the elements of input where max_pool3d found them, as its indices say.

    Shapes: [N, C, D, H, W] or [C, D, H, W], indices int64 of the same shape.
    Raises: RuntimeError for other indices, ValueError for an output_size that max_pool3d would not reduce so.
    """
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


offer(globals(), functions="adaptive_avg_pool1d")
offer({"adaptive_max_pool1d": adaptive_max_pool1d_with_indices}, functions="adaptive_max_pool1d")
offer(
    globals(),
    functions=(
        "adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d "
        "adaptive_max_pool3d adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices "
        "adaptive_max_pool3d_with_indices fractional_max_pool2d fractional_max_pool2d_with_indices "
        "fractional_max_pool3d fractional_max_pool3d_with_indices max_unpool1d "
        "max_unpool2d max_unpool3d"
    ),
    namespace="nn",
)
nameless(globals())
