"""Which pixels each pixel of a smaller or larger image reads, along one axis: tables for `resampling`.

scale is the distance of neighbours in the source. All is computed in the dtype of the image, as torch does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.resampling import Table


def _scale(n: int, m: int, aligned: bool, factor: float | None, dtype: Any) -> Any:
    if aligned:
        return dtype.type(n - 1) / dtype.type(m - 1) if m > 1 else dtype.type(0)
    return dtype.type(1 / factor) if factor else dtype.type(n) / dtype.type(m)


def _sources(n: int, m: int, aligned: bool, factor: float | None, dtype: Any) -> Any:
    """Where the middles of m pixels lie among n."""
    scale, at = _scale(n, m, aligned, factor, dtype), np.arange(m, dtype=dtype)
    if aligned:
        return scale * at
    half = dtype.type(0.5)
    return scale * (at + half) - half


def _nearest(n: int, m: int, factor: float | None, exact: bool) -> Table:
    at = np.arange(m)
    if not exact and m in (n, 2 * n):
        return Table(n, (at * n // m)[None])
    f4 = np.dtype("f4")
    scale = _scale(n, m, False, factor, f4)
    places = (at.astype(f4) + f4.type(0.5)) * scale if exact else at.astype(f4) * scale
    return Table(n, np.minimum(places.astype(np.int64), n - 1)[None])


def _linear(n: int, m: int, aligned: bool, factor: float | None, dtype: Any) -> Table:
    if n == m:
        return Table(n, np.arange(n)[None])
    source = np.maximum(_sources(n, m, aligned, factor, dtype), dtype.type(0))
    first = np.minimum(source.astype(np.int64), n - 1)
    share = np.clip(source - first.astype(dtype), dtype.type(0), dtype.type(1))
    return Table(n, np.stack([first, np.minimum(first + 1, n - 1)]), np.stack([1 - share, share]))


def cubic_weights(t: Any, a: float) -> list[Any]:
    """The weights of the four neighbours of a place at distance t behind the second of them."""

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _cubic(n: int, m: int, aligned: bool, factor: float | None, dtype: Any) -> Table:
    source = _sources(n, m, aligned, factor, dtype)
    first = np.floor(source)
    weights = cubic_weights(np.clip(source - first, dtype.type(0), dtype.type(1)), -0.75)
    at = first.astype(np.int64) + np.arange(-1, 3)[:, None]
    return Table(n, at.clip(0, n - 1), np.stack(weights).astype(dtype))


def _triangle(x: Any) -> Any:
    return np.maximum(1 - np.abs(x), 0)


def _cubic_filter(x: Any) -> Any:
    x, a = np.abs(x), -0.5
    inner = ((a + 2) * x - (a + 3)) * x * x + 1
    return np.where(x < 1, inner, np.where(x < 2, ((x - 5) * x + 8) * x * a - 4 * a, 0))


def _lanczos(x: Any) -> Any:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


_FILTERS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "linear": (_triangle, 1),
    "cubic": (_cubic_filter, 2),
    "lanczos": (_lanczos, 3),
}


def _smooth(kind: str, n: int, m: int, aligned: bool, factor: float | None, dtype: Any) -> Table:
    """A filter over all pixels that a smaller image's pixel covers."""
    wave, reach = _FILTERS[kind]
    scale = _scale(n, m, aligned, factor, dtype)
    width = dtype.type(max(scale, 1))
    support = reach * width
    middle = scale * (np.arange(m, dtype=dtype) + dtype.type(0.5))
    first = np.maximum((middle - support + dtype.type(0.5)).astype(np.int64), 0)
    last = np.minimum((middle + support + dtype.type(0.5)).astype(np.int64), n)
    at = first + np.arange(int((last - first).max()))[:, None]
    weights = wave((at.astype(dtype) - middle + dtype.type(0.5)) / width)
    weights = np.where(at < last, weights, 0)
    weights = weights / weights.sum(0)
    return Table(n, np.where(at < last, at, -1), weights.astype(dtype))


@lru_cache(1000)
def table(kind: str, n: int, m: int, aligned: bool, factor: float | None, dtype: Any, smooth: bool) -> Table:
    """m pixels from n. kind: nearest, nearest-exact, linear, cubic, lanczos; factor: m / n as it was
    given."""
    if kind.startswith("nearest"):
        return _nearest(n, m, factor, kind == "nearest-exact")
    if smooth:
        return _smooth(kind, n, m, aligned, factor, dtype)
    return (_linear if kind == "linear" else _cubic)(n, m, aligned, factor, dtype)


nameless(globals())
