"""A column by a row."""

from __future__ import annotations

from typing import Any

import tapegrad.kernels.linalg as L
from tapegrad.kernels.errstate import nameless
from tapegrad.native.choice import over
from tapegrad.native.pointwise import Pointwise

LEAST = 1 << 17  # elements of the result from which this is faster

_times = Pointwise("outer", "a * b", "ab")


@over(L.outer)
def outer(body: Any, x: Any, y: Any) -> Any:
    """Column times row."""
    found = _times(x.reshape(-1, 1), y) if x.size * y.size >= LEAST else None
    return body(x, y) if found is None else found


nameless(globals())
