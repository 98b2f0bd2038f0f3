"""Differences of neighbours along an axis, and the way back.

An array is seen as rows of [n, width]: neighbours are `width` apart, and a row is gone over at once.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import tapegrad.kernels.cumulative as C
from tapegrad.kernels.errstate import nameless
from tapegrad.native import narrow
from tapegrad.native.call import Body, build
from tapegrad.native.choice import fits, over, rows
from tapegrad.native.ir import I64, Type
from tapegrad.native.memory import empty
from tapegrad.native.pointwise import Pointwise
from tapegrad.native.strips import parted
from tapegrad.native.target import host

LEAST = 1 << 13  # elements from which this is faster
LEAST_OTHERS = 1 << 17  # the same of whole numbers, and what does not lie in order
PART = 1 << 14  # elements of a row that a thread goes over
GRAIN = 1 << 14  # elements that are worth a thread
_TURNED = 3  # elements of a row with which it is faster turned: a vector has more
_LEAST_TURNED = 3 * narrow.LEAST

_less = Pointwise("diff", "a - b", "ab")


@cache
def _kernel(t: Type, back: bool, split: bool) -> Any:
    """y[i] = x[i + width] - x[i], or back x[i - width] - x[i], in which what is outside of a row is 0. Units
    are rows, or with `split` parts of them."""
    wide = host().wide(t)

    def write(f: Body) -> None:
        width, n, parts = f["width"], f["n"], f["parts"]
        out = n + width if back else n - width
        with f.loop(f.low, f.high) as unit:
            row, start, end = unit, f.value(0, I64), out
            if split:  # a division takes as long as a short row
                row = unit // parts
                start = (unit - row * parts) * f["length"]
                end = f.smaller(start + f["length"], out)
            x, y = f["x"].at(row * n, t), f["y"].at(row * out, t)
            with f.loop(start, end, wide.lanes) as i:
                inside, known, late = (f.first(f.smaller(k - i, wide.lanes), wide) for k in (end, n, width))
                if back:
                    # Where the mask is false throughout, no page that is not there: it takes a microsecond.
                    start_of = f.select(i + wide.lanes <= width, f.value(0, I64), i - width)
                    before = f.load(x.at(start_of, t), wide, inside & ~late)
                    here = f.load(x.at(f.select(i < n, i, f.value(0, I64)), t), wide, inside & known)
                else:
                    before, here = (f.load(x.at(k, t), wide, inside) for k in (i + width, i))
                f.store(y.at(i, t), before - here, inside)

    name = f"{'un' if back else ''}diff_{t}{'_parts' if split else ''}"
    numbers = "units:i n:i width:i parts:i length:i grain:i"
    return build(name, f"y:w x:r {numbers}", write, over="units", grain="grain")


def _along(x: Any, dim: int, size: int, back: bool) -> Any:
    """Either of them, of so many entries; None if that is not for here."""
    t = fits(x, least=LEAST)
    if t is None:
        return None
    if (
        dim == x.ndim - 1
        and x.shape[dim] > 0
        and max(size, x.shape[dim]) <= _TURNED
        and x.size >= _LEAST_TURNED
    ):
        return _turned(x, size, back)
    outer, n, width = rows(x.shape, dim)
    y = empty((*x.shape[:dim], size, *x.shape[dim + 1 :]), x.dtype)
    length = size * width
    if y.size:
        parts, part = parted(length, PART, 64)
        _kernel(t, back, parts > 1)(y, x, outer * parts, n * width, width, parts, part, max(1, GRAIN // part))
    return y


def _turned(x: Any, size: int, back: bool) -> Any:
    """The same along rows of a few elements, which are columns on the way."""
    k = x.shape[-1]
    y = _along(x.reshape(1, -1) if k == 1 else narrow.columns(x), 0, size, back)
    shape = (*x.shape[:-1], size)
    return y.reshape(shape) if size == 1 else narrow.rows_of(y, shape)


@over(C.diff)
def diff(body: Any, x: Any, dim: int) -> Any:
    """Each element less the one before."""
    if x.size < LEAST or x.dtype.kind == "b":
        return body(x, dim)
    found = _along(x, dim, x.shape[dim] - 1, False)
    if found is None and x.size >= LEAST_OTHERS:
        late, early = C.ends(dim)
        found = _less(x[late], x[early])
    return body(x, dim) if found is None else found


@over(C.undiff)
def undiff(body: Any, g: Any, dim: int, size: int) -> Any:
    """The adjoint of `diff` of so many elements."""
    found = _along(g, dim, size, True) if size > 1 else None
    return body(g, dim, size) if found is None else found


nameless(globals())
