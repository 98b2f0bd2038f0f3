"""Reductions of segments: neighbours along an axis, so many at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless

# By what a segment is reduced, and what an empty one gives.
_UFUNCS: dict[str, tuple[Any, float]] = {
    "sum": (np.add, 0),
    "mean": (np.add, 0),
    "prod": (np.multiply, 1),
    "max": (np.maximum, -np.inf),
    "min": (np.minimum, np.inf),
}


def segment_reduce(x: Any, dim: int, how: str, counts: Any, initial: float | None) -> Any:
    """The sum, product, ... of the first counts[0] entries of x along an axis, of the next counts[1], ...

    initial: what each segment starts with. The mean divides their sum by the number of entries, and is
    `initial`, or nan, where there are none.
    """
    ufunc, identity = _UFUNCS[how]
    start = identity if initial is None else initial
    shape = (*x.shape[:dim], counts.size, *x.shape[dim + 1 :])
    y = np.full(shape, start, x.dtype)
    filled = counts > 0
    if filled.any():
        at = (slice(None),) * dim + (filled,)
        found = ufunc.reduceat(x, (np.cumsum(counts) - counts)[filled], dim)
        y[at] = found if initial is None else ufunc(found, y[at])
    if how == "mean":
        n = np.maximum(counts, int(initial is not None)).astype(x.dtype)
        y /= n.reshape((-1, *(1,) * (x.ndim - 1 - dim)))
    return y


nameless(globals())
