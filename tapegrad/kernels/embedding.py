"""Rows of a table by their numbers, and sums of rows back into a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless

ROUNDS = 16  # up to so many equal numbers, a pass for each is faster than np.add.reduceat


def take_rows(table: Any, index: Any) -> Any:
    """The rows of a table that index names."""
    return table.take(index, 0)


def rows(table: Any, index: Any, share: Any) -> Any:
    """The rows of a table that index names, times share, which has a number per index (None: 1)."""
    taken = take_rows(table, index)
    return taken if share is None else taken * share[..., None]


def shared_out(g: Any, share: Any) -> Any:
    """The rows of g times share (None: 1); rows with the share 0 are 0, also if they are not finite."""
    if share is None:
        return g
    g = g * share[..., None]
    g[share == 0] = 0
    return g


def add_rows(g: Any, index: Any, share: Any, shape: tuple[int, ...]) -> Any:
    """The adjoint: zeros of a table's shape, to which the rows of g were added.

    Rows of one number are added in their order, one after the other.
    """
    table = np.zeros(shape, g.dtype)
    flat = index.reshape(-1)
    if not flat.size or not table.size:
        return table
    g = shared_out(g, share).reshape(flat.size, shape[1])
    order = flat.argsort(kind="stable")
    sorted_ = flat[order]
    starts = np.flatnonzero(np.concatenate(([True], sorted_[1:] != sorted_[:-1])))
    if starts.size == flat.size:
        table[flat] = g
        return table
    g, numbers, lengths = g[order], sorted_[starts], np.diff(starts, append=flat.size)
    if int(lengths.max()) > ROUNDS:
        table[numbers] = np.add.reduceat(g, starts, axis=0)
        return table
    table[numbers] = g[starts]
    for k in range(1, int(lengths.max())):  # what comes for the k-th time
        again = np.flatnonzero(lengths > k)
        table[numbers[again]] += g[starts[again] + k]
    return table


nameless(globals())
