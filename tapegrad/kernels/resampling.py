"""Linear maps along single axes, of which each result reads a few elements: padding by what is there, smaller
and larger images. A `Table` says which, and with what weights; its adjoint is a table, too."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless

EVERY: tuple[Any, ...] = ()  # all results


class Table:
    """A map of n numbers to m: result j is the sum over t of weight[t, j] * x[index[t, j]].

    index [taps, m], -1 where a tap is not used; weight [taps, m], or None for ones.
    """

    __slots__ = ("_adjoint", "index", "n", "taps", "weight")

    def __init__(self, n: int, index: Any, weight: Any = None) -> None:
        self.n, self.index, self.weight = n, index, weight
        self.taps = [_tap(at, None if weight is None else weight[t]) for t, at in enumerate(index)]
        self._adjoint: Table | None = None

    @property
    def m(self) -> int:
        """How many results there are."""
        return int(self.index.shape[1])

    def adjoint(self) -> Table:
        """The table of the transposed map."""
        if self._adjoint is None:
            self._adjoint = _transposed(self)
        return self._adjoint

    def __call__(self, x: Any, axis: int) -> Any:
        """The map along an axis."""
        before, behind = (slice(None),) * axis, (1,) * (x.ndim - 1 - axis)
        shape = (*x.shape[:axis], self.m, *x.shape[axis + 1 :])
        y, fresh = None, False
        for places, at, weight in self.taps:
            view = type(at) is slice
            part = x[(*before, at)] if view else x.take(at, axis)
            if weight is not None:
                part = part * weight.astype(x.dtype, copy=False).reshape(-1, *behind)
            if y is None and places == EVERY:
                y, fresh = part, not view or weight is not None
                continue
            if y is None:
                y = np.zeros(shape, x.dtype)
            elif not fresh:
                y = y.copy()
            fresh = True
            y[(*before, *places)] += part
        return np.zeros(shape, x.dtype) if y is None else y


def _tap(at: Any, weight: Any) -> tuple[Any, Any, Any]:
    """(the results that it adds to, as an index, which elements it reads, their weights: None for ones)."""
    places, used = EVERY, np.flatnonzero(at >= 0)
    if used.size < at.size:
        places, at = (_as_slice(used),), at[used]
        weight = None if weight is None else weight[used]
    if weight is not None and (weight == 1).all():
        weight = None
    return places, _as_slice(at), weight


def _as_slice(at: Any) -> Any:
    """Numbers with equal steps as a slice."""
    if at.size == 0:
        return slice(0, 0)
    step = int(at[1] - at[0]) if at.size > 1 else 1
    if step == 0 or (np.diff(at) != step).any():
        return at
    stop = int(at[-1]) + (1 if step > 0 else -1)
    return slice(int(at[0]), None if stop < 0 else stop, step)


def _transposed(table: Table) -> Table:
    taps, m = table.index.shape
    every = table.index.T.reshape(-1)  # in the order of results
    order = np.argsort(every, kind="stable")
    order = order[every[order] >= 0]
    source = every[order]
    counts = np.bincount(source, minlength=table.n)
    tap = np.arange(source.size) - np.repeat(np.cumsum(counts) - counts, counts)
    index = np.full((int(counts.max(initial=0)), table.n), -1)
    index[tap, source] = order // taps
    if table.weight is None:
        return Table(m, index)
    weight = np.zeros(index.shape, table.weight.dtype)
    weight[tap, source] = table.weight.T.reshape(-1)[order]
    return Table(m, index, weight)


def resampled(x: Any, tables: tuple[Table | None, ...]) -> Any:
    """The maps along the last axes, one each; None leaves an axis as it is. The result shares no memory."""
    given = x
    for k, table in enumerate(tables):
        if table is not None:
            x = table(x, x.ndim - len(tables) + k)
    return x if x is not given and x.base is None and x.flags.c_contiguous else x.copy("C")


nameless(globals())
