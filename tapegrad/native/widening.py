"""Short rows of operands that broadcast, put together: many become one long one.

What differs from row to row is written out as often as the row is long; what comes again after some rows is
there until it does. So a bias, a column, pairs of points are gone over as contiguous memory is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.shape import copied
from tapegrad.native import narrow

# How an operand takes part: all of it in order; along a row; one value per row; one value.
FULL, ROW, STILL, CONSTANT = "f", "r", "s", "c"
BLOCK = 2048  # elements of a row where there are no rows


def widened(ys: Sequence[Any], plan: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """(operands, modes, rows, columns, numbers, how the operands were made) where many short rows are one
    long one; None for other operands, and where what comes again does so too late."""
    _, modes, rows, size, short, numbers = plan
    ways = list(zip(ys, modes, numbers[::3], numbers[1::3], strict=True))
    if any(y.itemsize not in narrow.SIZES and _differs(mode, each) for y, mode, each, _ in ways):
        return None
    again = [each * many for _, mode, each, many in ways if mode in (ROW, STILL)]  # after so many rows
    period = max([n for n in again if n < rows], default=1)
    period *= max(1, BLOCK // (period * short))
    if period > rows or any(n < rows and period % n for n in again):
        return None
    columns, found, made, new = period * short, [], [], ""
    for y, mode, each, many in ways:
        make: Callable[[Any], Any] = _itself
        if _differs(mode, each):
            make = partial(_written_out, mode=mode, short=short, each=each, many=many)
        y = make(y)
        new += FULL if y.size == size else ROW if y.size > 1 else CONSTANT
        if new[-1] == ROW and y.size < columns:
            make = partial(_repeated, before=make, columns=columns)
            y = _repeated(y, _itself, columns)
        found.append(y)
        made.append(make)
    return found, new, -(-size // columns), columns, [1, 1, 0] * len(ys), made


def copies(modes: str, numbers: Sequence[int]) -> bool:
    """Whether an operand is written out in the size of the result."""
    return any(_differs(mode, each) for mode, each in zip(modes, numbers[::3], strict=True))


def _itself(y: Any) -> Any:
    return y


def _repeated(y: Any, before: Callable[[Any], Any], columns: int) -> Any:
    """What `before` makes of an operand as often as there is room for in so many columns."""
    row = before(y).reshape(-1)
    y = np.empty((columns // row.size, row.size), row.dtype)
    y[:] = row
    return y


def _differs(mode: str, each: int) -> bool:
    """Whether an operand's rows are not one behind the other in memory, as those of the result are."""
    return mode == STILL or (mode == ROW and each > 1)


def _written_out(y: Any, mode: str, short: int, each: int, many: int) -> Any:
    """The rows of an operand whose `many` rows, or numbers for rows, hold for `each` rows one behind the
    other."""
    if mode == ROW:
        return narrow.tiled(y.reshape(many, short), each)
    if each * short <= narrow.MOST:
        return narrow.repeated(y.reshape(-1), each * short)
    return copied(np.broadcast_to(y.reshape(many, 1), (many, each * short)))


nameless(globals())
