"""What small arrays have along an axis: softmax, variance, running totals, order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from math import inf
from typing import Any

import tapegrad.kernels.cumulative as C
import tapegrad.kernels.loss as Q
import tapegrad.kernels.random as D
import tapegrad.kernels.reduce as R
import tapegrad.kernels.sort as S
from tapegrad.kernels.errstate import nameless
from tapegrad.native import vmath
from tapegrad.native.choice import over
from tapegrad.native.ir import F64, I64, Value
from tapegrad.native.rows import GIVEN, KEPT, LONG, MOST, ONE, SAME, Row, along


def _total(row: Row, term: Callable[[Value], Value]) -> Value:
    """The sum of what term(i) is."""
    f = row.f
    y = f.variable(f.value(0.0, F64))
    with f.loop(0, row.n) as i:
        y.set(y.get() + term(i))
    return y.get()


# ---- softmax


def _write_softmax(row: Row, logarithm: bool) -> None:
    f = row.f
    top = f.variable(f.value(-inf, F64))
    with f.loop(0, row.n) as i:
        x = row.get(i)
        top.set(f.select(x > top.get(), x, top.get()))

    def term(i: Value) -> Value:
        y = vmath.exp(f, row.get(i) - top.get())
        row.keep(i, y)
        return y

    total = _total(row, term)
    with f.loop(0, row.n) as i:
        if logarithm:
            row.put(i, row.get(i) - top.get() - vmath.log(f, total))
        else:
            row.put(i, row.kept(i) / total)


def _write_softmax_vjp(row: Row) -> None:
    total = _total(row, lambda i: row.get(i) * row.get(i, 1))
    with row.f.loop(0, row.n) as i:
        row.put(i, row.get(i, 1) * (row.get(i) - total))


def _write_log_softmax_vjp(row: Row) -> None:
    total = _total(row, row.get)
    with row.f.loop(0, row.n) as i:
        row.put(i, row.get(i) - vmath.exp(row.f, row.get(i, 1)) * total)


@cache
def _softmax(logarithm: bool) -> Any:
    return along("log_softmax" if logarithm else "softmax", lambda row: _write_softmax(row, logarithm))


@cache
def _softmax_vjp(logarithm: bool) -> Any:
    if logarithm:
        return along("log_softmax_vjp", _write_log_softmax_vjp, arrays=2)
    return along("softmax_vjp", _write_softmax_vjp, arrays=2)


@over(Q.softmax, few=True)
def softmax(body: Any, x: Any, dim: tuple[int, ...]) -> Any:
    """exp(x) / sum exp(x)."""
    y = _softmax(False)(x, *dim) if len(dim) == 1 else None
    return body(x, dim) if y is None else y


@over(Q.log_softmax, few=True)
def log_softmax(body: Any, x: Any, dim: tuple[int, ...]) -> Any:
    """x - log sum exp(x)."""
    y = _softmax(True)(x, *dim) if len(dim) == 1 else None
    return body(x, dim) if y is None else y


@over(Q.softmax_vjp, few=True)
def softmax_vjp(body: Any, g: Any, y: Any, dim: tuple[int, ...]) -> Any:
    """y (g - sum(g y))."""
    z = _softmax_vjp(False)(g, y, *dim) if len(dim) == 1 else None
    return body(g, y, dim) if z is None else z


@over(Q.log_softmax_vjp, few=True)
def log_softmax_vjp(body: Any, g: Any, y: Any, dim: tuple[int, ...]) -> Any:
    """g - exp(y) sum(g)."""
    z = _softmax_vjp(True)(g, y, *dim) if len(dim) == 1 else None
    return body(g, y, dim) if z is None else z


# ---- variance


def _write_spread(row: Row, root: bool, both: bool) -> None:
    """From the distances to the first element, so that it is 0 where all are equal; `both`: and the mean. (To
    0 if that element is inf: so is the mean, not nan.)"""
    f, correction = row.f, row.numbers[0]
    n, first = f.convert(row.n, F64), row.get(0)
    first = f.select((first - first).eq(0.0), first, 0.0)
    center = _total(row, lambda i: row.get(i) - first) / n

    def square(i: Value) -> Value:
        d = row.get(i) - first - center
        return d * d

    left = n - correction
    y = _total(row, square) / f.select(left > 0.0, left, 0.0)
    row.put(0, f.intrinsic("sqrt", y) if root else y)
    if both:
        row.put(1, first + center)


@cache
def _spread(root: bool, both: bool = False) -> Any:
    name = f"{'std' if root else 'var'}{'_mean' if both else ''}"
    numbers, becomes = (2, GIVEN) if both else (1, ONE)
    return along(name, lambda row: _write_spread(row, root, both), numbers=numbers, becomes=becomes)


def _of_rows(kernel: Any, x: Any, dim: Any, keepdim: Any, *numbers: float) -> Any:
    """What a kernel makes of the rows along one axis, or of all; None if it does not take them."""
    if keepdim or (dim is not None and len(dim) != 1):
        return None
    y = kernel(x, -1 if dim is None else dim[0], *numbers)
    return y if y is None or y.ndim else y[()]


@over(R.var, few=True)
def var(body: Any, x: Any, dim: Any, keepdim: Any, correction: float) -> Any:
    """The variance."""
    y = _of_rows(_spread(False), x, dim, keepdim, correction)
    return body(x, dim, keepdim, correction) if y is None else y


@over(R.std, few=True)
def std(body: Any, x: Any, dim: Any, keepdim: Any, correction: float) -> Any:
    """The standard deviation."""
    y = _of_rows(_spread(True), x, dim, keepdim, correction)
    return body(x, dim, keepdim, correction) if y is None else y


@over(R.spread_and_mean, few=True)
def spread_and_mean(body: Any, spread: Any, x: Any, dim: Any, keepdim: Any, correction: float) -> Any:
    """(the variance or the standard deviation, the mean) of all elements."""
    if dim is None and not keepdim and x.ndim:
        both = _spread(spread is R.std, True)(x if x.ndim == 1 else x.ravel(), 0, correction, 2)
        if both is not None:
            return both[0], both[1]
    return body(spread, x, dim, keepdim, correction)


# ---- draws


@cache
def _hits() -> Any:
    def write(row: Row) -> None:
        f = row.f
        with f.loop(0, row.n) as i:
            row.put(i, f.select(row.get(i) < row.get(i, 1), f.value(1.0, F64), 0.0))

    return along("hits", write, arrays=2)


@over(D.hits, few=True)
def hits(body: Any, drawn: Any, p: Any) -> Any:
    """1 where what was drawn is less than p."""
    y = _hits()(drawn, p, -1)
    return body(drawn, p) if y is None else y


# ---- running totals, whose bits are NumPy's


def _write_totals(row: Row, product: bool, back: bool) -> None:
    f = row.f
    y = f.variable(f.value(1.0 if product else 0.0, F64))
    with f.loop(0, row.n) as k:
        i = row.n - 1 - k if back else k
        y.set(y.get() * row.get(i) if product else y.get() + row.get(i))
        row.put(i, y.get())


@cache
def _totals(product: bool, back: bool) -> Any:
    name = f"cum{'prod' if product else 'sum'}{'_back' if back else ''}"
    return along(name, lambda row: _write_totals(row, product, back), longest=LONG, most=LONG)


@over(C.cumsum, few=True)
def cumsum(body: Any, x: Any, dim: int, back: bool = False) -> Any:
    """Running sums."""
    y = _totals(False, back)(x, dim)
    return body(x, dim, back) if y is None else y


@over(C.cumprod, few=True)
def cumprod(body: Any, x: Any, dim: int) -> Any:
    """Running products."""
    y = _totals(True, False)(x, dim)
    return body(x, dim) if y is None else y


@cache
def _log_totals() -> Any:
    def write(row: Row) -> None:
        f = row.f
        y = f.variable(f.value(-inf, F64))
        with f.loop(0, row.n) as i:
            y.set(vmath.FUNCTIONS["logaddexp"](f, y.get(), row.get(i)))
            row.put(i, y.get())

    return along("logcumsumexp", write, longest=64)  # of 128, NumPy is faster


@over(C.logcumsumexp, few=True)
def logcumsumexp(body: Any, x: Any, dim: int) -> Any:
    """The logarithm of running sums of exponentials."""
    y = _log_totals()(x, dim)
    return body(x, dim) if y is None else y


# ---- the smallest and the largest


def _extreme_of(row: Row, largest: bool) -> Value:
    f = row.f
    best = f.variable(row.get(0))
    with f.loop(1, row.n) as i:
        x = row.get(i)
        wins = (x > best.get() if largest else x < best.get()) | x.ne(x)
        best.set(f.select(wins, x, best.get()))
    return best.get()


@cache
def _extreme(largest: bool) -> Any:
    name = "amax" if largest else "amin"
    return along(name, lambda row: row.put(0, _extreme_of(row, largest)), becomes=ONE, most=LONG)


@cache
def _range() -> Any:
    def write(row: Row) -> None:
        row.put(0, _extreme_of(row, False))
        row.put(1, _extreme_of(row, True))

    return along("range", write, numbers=1, becomes=GIVEN)


@over(R.range_of, few=True)
def range_of(body: Any, x: Any) -> Any:
    """(the smallest, the largest)."""
    both = _range()(x if x.ndim == 1 else x.ravel(), 0, 2)
    return body(x) if both is None else (both[0], both[1])


@over(R.amax, few=True)
def amax(body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    """The largest value."""
    y = _of_rows(_extreme(True), x, dim, keepdim)
    return body(x, dim, keepdim) if y is None else y


@over(R.amin, few=True)
def amin(body: Any, x: Any, dim: Any, keepdim: Any) -> Any:
    """The smallest value."""
    y = _of_rows(_extreme(False), x, dim, keepdim)
    return body(x, dim, keepdim) if y is None else y


# ---- elements with their places

Choose = Callable[..., None]  # of a row, and what the kernel is told


def _counted(row: Row, holds: Callable[[Value], Value]) -> Value:
    """For how many places i holds(i) is true."""
    f = row.f
    n = f.variable(f.value(0, I64))
    with f.loop(0, row.n) as i:
        n.set(n.get() + f.convert(holds(i), I64))
    return n.get()


def _rank(row: Row, i: Value, largest: bool = False) -> Value:
    """How many elements come before element i in order: equal ones do if they stand before it; nan is larger
    than any number."""
    x = row.get(i)
    odd = x.ne(x)

    def before(j: Value) -> Value:
        y = row.get(j)
        strange = y.ne(y)
        beyond = (y > x) | (strange & ~odd) if largest else (y < x) | (odd & ~strange)
        return beyond | ((y.eq(x) | (odd & strange)) & (j < i))

    return _counted(row, before)


def _put_both(row: Row, i: Value | int, at: Value) -> None:
    row.put(i, row.get(at))
    row.put_place(i, at)


def _choose_first(row: Row, largest: bool) -> None:
    """The first of the largest; nan is."""
    f = row.f
    at, best = f.variable(f.value(0, I64)), f.variable(row.get(0))
    with f.loop(1, row.n) as i:
        x = row.get(i)
        wins = (x > best.get() if largest else x < best.get()) | x.ne(x)
        wins = wins & best.get().eq(best.get())
        best.set(f.select(wins, x, best.get()))
        at.set(f.select(wins, i, at.get()))
    _put_both(row, 0, at.get())


def _choose_running(row: Row, largest: bool) -> None:
    """The last of the largest so far; nan is."""
    f = row.f
    at, best = f.variable(f.value(0, I64)), f.variable(row.get(0))
    with f.loop(0, row.n) as i:
        x = row.get(i)
        wins = (x >= best.get() if largest else x <= best.get()) | x.ne(x)
        best.set(f.select(wins, x, best.get()))
        at.set(f.select(wins, i, at.get()))
        _put_both(row, i, at.get())


def _choose_few(row: Row, largest: bool) -> None:
    """Those that come first in order, so many as is given."""
    f = row.f
    k = f.convert(row.numbers[0], I64)
    with f.loop(0, row.n) as i:
        rank = _rank(row, i, largest)
        with f.when(rank < k):
            _put_both(row, rank, i)


def _choose_middle(row: Row, skip: bool) -> None:
    """The lower of the two in the middle; the first nan, or without any."""
    f = row.f
    odd = _counted(row, lambda i: row.get(i).ne(row.get(i)))
    n = row.n - odd
    kth = f.larger(n - 1, 0) // 2 if skip else f.select(odd > 0, n, (n - 1) // 2)
    with f.loop(0, row.n) as i, f.when(_rank(row, i).eq(kth)):
        _put_both(row, 0, i)


def _choose_kth(row: Row) -> None:
    """The one before which come so many as is given."""
    f = row.f
    with f.loop(0, row.n) as i, f.when(_rank(row, i).eq(f.convert(row.numbers[0], I64))):
        _put_both(row, 0, i)


def _choose_frequent(row: Row) -> None:
    """The last of the most frequent, the smallest of several; nan equals nothing."""
    f = row.f
    at, best, most = f.variable(f.value(0, I64)), f.variable(row.get(0)), f.variable(f.value(0, I64))
    with f.loop(0, row.n) as i:
        x, y = row.get(i), best.get()
        count = f.larger(_counted(row, lambda j: row.get(j).eq(x)), 1)
        first = (x <= y) | (y.ne(y) & x.eq(x))
        wins = (count > most.get()) | (count.eq(most.get()) & first)
        at.set(f.select(wins, i, at.get()))
        best.set(f.select(wins, x, y))
        most.set(f.select(wins, count, most.get()))
    _put_both(row, 0, at.get())


# For a kernel that finds places: what chooses elements of a row, what becomes of that, and the longest row.
# Where each element is compared with each, machine code is faster up to 32 of them (1.5 to 4 times; 0.5 to 2
# with 64), elsewhere up to as many as there may be (3 to 8 times).
_CHOICES: dict[Any, tuple[Choose, int, int]] = {
    R.argmax: (lambda row, _: _choose_first(row, True), ONE, MOST),
    R.argmin: (lambda row, _: _choose_first(row, False), ONE, MOST),
    C.cummax_at: (lambda row: _choose_running(row, True), SAME, LONG // 2),
    C.cummin_at: (lambda row: _choose_running(row, False), SAME, LONG // 2),
    S.topk: (_choose_few, GIVEN, 32),
    S.kth_at: (_choose_kth, ONE, 32),
    S.median_at: (_choose_middle, ONE, 32),
    S.mode_at: (_choose_frequent, ONE, 32),
}


@cache
def _choosing(where: Any, keepdim: bool, numbers: int, told: tuple[bool, ...]) -> Any:
    choose, becomes, longest = _CHOICES[where]
    return along(
        f"{where.__name__}_{'_'.join(map(str, (keepdim, *told)))}",
        lambda row: choose(row, *told),
        numbers=numbers,
        becomes=KEPT if becomes == ONE and keepdim else becomes,
        places=True,
        longest=longest,
        most=max(MOST, longest),
    )


@lru_cache(256, typed=True)
def _prepared(where: Any, keepdim: bool, args: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """(the builtin for a kernel that finds places, the numbers that it is called with). The truth values
    among the kernel's arguments are told to those who write the code."""
    told = tuple([a for a in args if type(a) is bool])
    numbers = [a for a in args if type(a) is not bool]
    return _choosing(where, keepdim, len(numbers), told), numbers


@over(R.chosen, few=True)
def chosen(body: Any, where: Any, x: Any, dim: int, keepdim: Any, args: tuple[Any, ...]) -> Any:
    """Elements and their places."""
    found = None
    if x.size <= LONG and where in _CHOICES:
        kernel, numbers = _prepared(where, keepdim, args)
        found = kernel(x, dim, *numbers)
    return body(where, x, dim, keepdim, args) if found is None else found


@over(S.middle, few=True)
def middle(body: Any, x: Any, dim: Any, keepdim: Any, skip: bool) -> Any:
    """The lower of the two middle elements of all."""
    if dim is None and x.ndim and x.size:
        found = _prepared(S.median_at, False, (skip,))[0](x if x.ndim == 1 else x.ravel(), 0)
        if found is not None:
            return found[0][()]
    return body(x, dim, keepdim, skip)


nameless(globals())
