"""Differences, numerical derivatives, and integrals by the trapezoidal rule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels.cumulative as C
from tapegrad._errors import sizes
from tapegrad._state import default
from tapegrad.define import Function, cast, finish, linear, offer
from tapegrad.dtypes import B1, INEXACT, U1
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.cumulative import cumsum
from tapegrad.ops.index import index
from tapegrad.ops.pointwise import add, mul
from tapegrad.ops.reduce import sum
from tapegrad.ops.shape import cat, dims_of, reshape
from tapegrad.ops.write import copied
from tapegrad.promotion import NUMBERS, need_tensor
from tapegrad.tensor import Tensor, axis, wrap

_diff: Function = linear(
    "diff",
    C.diff,
    lambda F, g, shape, dim: F.apply(_undiff.op, g, dim, shape[dim]),
    title="SubBackward0",
    batch=B.along,
    widens=True,
)
_undiff: Function = linear(
    "undiff",
    C.undiff,
    lambda F, g, shape, dim, _: F.apply(_diff.op, g, dim),
    batch=B.along,
    widens=True,
)
_trapezoid: Function = linear(
    "trapezoid",
    C.trapezoid,
    lambda F, g, shape, dim, dx: F.apply(_untrapezoid.op, g, dim, dx, shape[dim]),
    title="MulBackward1",
    batch=B.at_dim,
    widens=True,
)
_untrapezoid: Function = linear(
    "untrapezoid",
    C.untrapezoid,
    lambda F, g, shape, dim, dx, _: F.apply(_trapezoid.op, g, dim, dx),
    batch=B.at_dim,
    widens=True,
)
# By numbers: torch divides and multiplies here by what its nodes need not save.
_over: Function = linear(
    "over",
    lambda x, n: x / x.dtype.type(n),
    lambda F, g, _, n: F.apply(_over.op, g, n),
    title="DivBackward1",
    batch=B.same,
    widens=True,
)
_times: Function = linear(
    "times",
    lambda x, n: x * x.dtype.type(n),
    lambda F, g, _, n: F.apply(_times.op, g, n),
    title="MulBackward1",
    batch=B.same,
    widens=True,
)


# ---- differences


def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The differences of neighbours along a dimension, n times over; of bool whether they differ.

    prepend, append: what stands before and behind the input.
    Raises: RuntimeError for a 0-d input, negative n, and ends that do not fit.
    """
    x = need_tensor(input, "diff")
    if not x._a.ndim:
        raise RuntimeError("diff: input is 0-d; 1-d or more is needed.")
    i = axis(dim, x._a.ndim, "diff")
    if n < 0:
        raise RuntimeError(f"diff: n is {n}; 0 or more is needed.")
    parts = [p for p in (prepend, x, append) if p is not None]
    for p in parts:
        _check_end(need_tensor(p, "diff", "prepend or append"), x, i)
    joined = cat(parts, i) if len(parts) > 1 else x
    if n == 0:
        return finish(copied(joined.detach(), joined.clone()), out, "diff")
    if not joined._a.shape[i]:
        return finish(joined, out, "diff")
    for _ in range(n):
        joined = _diff(joined, i)
    return finish(joined, out, "diff")


def _check_end(end: Tensor, x: Tensor, dim: int) -> None:
    a, b = end._a.shape, x._a.shape
    if len(a) != len(b) or a[:dim] + a[dim + 1 :] != b[:dim] + b[dim + 1 :]:
        raise RuntimeError(
            f"diff: input is {sizes(b)} and prepend or append {sizes(a)}; they must be equal except at "
            f"dimension {dim}."
        )


def _at(x: Tensor, dim: int, start: int | None, stop: int | None) -> Tensor:
    return index(x, (*(slice(None),) * dim, slice(start, stop)))


def _apart(x: Tensor, dim: int, h: Any, edge_order: int) -> Tensor:
    """The derivative along `dim` where points are h apart."""
    middle = _over(_per(_at(x, dim, 2, None) - _at(x, dim, None, -2), h), 2)
    if edge_order == 1:
        first = _at(x, dim, 1, 2) - _at(x, dim, 0, 1)
        last = _at(x, dim, -1, None) - _at(x, dim, -2, -1)
    else:
        first = _weighted(x, dim, ((0, -1.5), (1, 2), (2, -0.5)))
        last = _weighted(x, dim, ((-1, 1.5), (-2, -2), (-3, 0.5)))
    return cat((_per(first, h), middle, _per(last, h)), dim)


def _per(x: Tensor, h: Any) -> Tensor:
    return x / h if isinstance(h, Tensor) else _over(x, h)


def _weighted(x: Tensor, dim: int, terms: Sequence[tuple[int, float]]) -> Tensor:
    """The sum of a few points, each times its number."""
    first, *rest = [_times(_at(x, dim, i, i + 1 or None), n) for i, n in terms]
    return reduce(add, rest, first)


def _at_places(x: Tensor, dim: int, places: Tensor, edge_order: int) -> Tensor:
    """The derivative along `dim` at points of these coordinates: of the parabola through each three."""
    h = _diff(places, 0)
    wide = (1,) * (x._a.ndim - 1 - dim)

    def of(start: int | None, stop: int | None) -> Tensor:
        return reshape(_at(h, 0, start, stop), -1, *wide)

    def through(left: Tensor, right: Tensor, *at: tuple[int | None, int | None]) -> Tensor:
        a = -right / (left * (left + right))
        b = (right - left) / (left * right)
        c = left / (right * (left + right))
        return a * _at(x, dim, *at[0]) + b * _at(x, dim, *at[1]) + c * _at(x, dim, *at[2])

    middle = through(of(None, -1), of(1, None), (None, -2), (1, -1), (2, None))
    if edge_order == 1:
        first = (_at(x, dim, 1, 2) - _at(x, dim, 0, 1)) / of(0, 1)
        last = (_at(x, dim, -1, None) - _at(x, dim, -2, -1)) / of(-1, None)
    else:
        first = _parabola_end(x, dim, of(0, 1), of(1, 2), (0, 1, 2))
        last = -_parabola_end(x, dim, of(-1, None), of(-2, -1), (-1, -2, -3))
    return cat((first, middle, last), dim)


def _parabola_end(x: Tensor, dim: int, near: Tensor, far: Tensor, at: tuple[int, int, int]) -> Tensor:
    """The derivative at the end of three points, of which `near` and `far` are the distances."""
    a = -(near * 2 + far) / (near * (near + far))
    b = (near + far) / (near * far)
    c = -near / (far * (near + far))
    x0, x1, x2 = (_at(x, dim, i, i + 1 or None) for i in at)
    return a * x0 + b * x1 + c * x2


def gradient(
    input: Tensor, *, spacing: Any = None, dim: Any = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """The derivatives along dimensions (all, or those in `dim`), from values at points.

    spacing: their distance, one per dimension, or a tensor of coordinates per dimension. edge_order: of the
    formula at the two ends, 1 or 2.
    Raises: RuntimeError for uint8, too few points, and spacings that do not fit.
    """
    x = need_tensor(input, "gradient")
    dims = dims_of(dim, x._a.ndim, "gradient")
    if not x._a.ndim and (isinstance(dim, int) or dim):
        raise IndexError(f"gradient: input is 0-d and dim is {dim}; 1-d or more is needed.")
    every = tuple(range(x._a.ndim)) if dims is None else dims
    steps = _spacings(spacing, len(every))
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient: edge_order is {edge_order}; 1 or 2 is needed.")
    if x._kind is U1:
        raise RuntimeError("gradient: input is uint8; use .float() first.")
    if any(x._a.shape[i] <= edge_order for i in every):
        raise RuntimeError(
            f"gradient: input is {sizes(x._a.shape)}; each dimension needs {edge_order + 1} points or more."
        )
    for i, h in zip(every, steps, strict=True):
        if isinstance(h, Tensor) and h._a.ndim and h._a.size <= edge_order:
            # torch compares their number with that of the inner points first, if there are several
            raise (RuntimeError if x._a.shape[i] > 3 else IndexError)(
                f"gradient: spacing has a tensor {sizes(h._a.shape)}; {edge_order + 1} coordinates or "
                "more are needed."
            )
    if x._kind.kind in "ib":
        x = cast(x, default.dtype)
    return tuple(
        [
            _at_places(x, i, h, edge_order)
            if isinstance(h, Tensor) and h._a.ndim
            else _apart(x, i, h, edge_order)
            for i, h in zip(every, steps, strict=True)
        ]
    )


def _spacings(spacing: Any, count: int) -> list[Any]:
    if spacing is None:
        return [1] * count
    if isinstance(spacing, Tensor):
        if spacing._a.ndim or spacing.requires_grad:
            grad = " and requires grad" if spacing.requires_grad else ""
            raise TypeError(
                f"gradient: spacing is a tensor {sizes(spacing._a.shape)}{grad}; pass a number, or a tuple "
                "of tensors."
            )
        return [spacing.detach()] * count
    if isinstance(spacing, NUMBERS):
        return [spacing] * count
    if len(spacing) != count:
        raise RuntimeError(
            f"gradient: spacing has {len(spacing)} entries for {count} dimensions; they must be as many."
        )
    for s in spacing:
        if isinstance(s, Tensor) and s._a.ndim != 1:
            raise RuntimeError(
                f"gradient: spacing has a tensor {sizes(s._a.shape)}; coordinates must be 1-d."
            )
    return list(spacing)


# ---- integrals


def _points(op: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Tensor, int]:
    """(y, the dimension)."""
    values = need_tensor(y, op, "y")
    if not values._a.ndim:
        raise IndexError(f"{op}: y is 0-d; 1-d or more is needed.")
    i = axis(dim, values._a.ndim, op)
    given = (values,) if x is None else (values, need_tensor(x, op, "x"))
    if any(v._kind is B1 for v in given):
        raise RuntimeError(f"{op}: bool is given; numbers are needed. Use .float() first.")
    if x is not None and dx is not None:
        raise TypeError(f"{op}: x and dx={dx} are given; pass one of them.")
    return values, i


def _widths(op: str, values: Tensor, x: Tensor, i: int) -> Tensor:
    """The distances of the points, such that they broadcast with the values."""
    if x._a.ndim == 1:
        if x._a.shape[0] != values._a.shape[i]:
            raise RuntimeError(
                f"{op}: y is {sizes(values._a.shape)} and x {sizes(x._a.shape)}; x needs one value per "
                f"point of dimension {i}."
            )
        x = reshape(x, -1, *(1,) * (values._a.ndim - 1 - i))
    lead = values._a.ndim - x._a.ndim
    if i < lead:  # it has one point there
        if values._a.shape[i] > 2:
            raise RuntimeError(f"{op}: x is {sizes(x._a.shape)}; it must have dimension {i} of y.")
        x = reshape(x, (*(1,) * lead, *x._a.shape))
        lead = 0
    return _diff(x, i - max(lead, 0))


def _areas(y: Tensor, widths: Any, dim: int) -> Tensor:
    """Twice the area between neighbours."""
    return mul(widths, _sums(y, dim))


def _sums(y: Tensor, dim: int) -> Tensor:
    """Each two neighbours added."""
    return _at(y, dim, None, -1) + _at(y, dim, 1, None)


def _inexact(x: Tensor) -> Tensor:
    return x if x._kind.kind in INEXACT else cast(x, default.dtype)


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along a dimension by the trapezoidal rule, over points x, or dx (1) apart.

    Shapes: x [n], or one that broadcasts with y.
    Raises: RuntimeError for bool, and for x that does not fit.
    """
    values, i = _points("trapezoid", y, x, dx, dim)
    if not values._a.shape[i]:  # of no points it is 0 without a graph, as torch's
        return wrap(np.zeros((*values._a.shape[:i], *values._a.shape[i + 1 :]), values._kind))
    if x is None:
        return _trapezoid(_inexact(values), i, 1.0 if dx is None else float(dx))
    total = sum(_areas(values, _widths("trapezoid", values, x, i), i), i)
    return _over(_inexact(total), 2)


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral along a dimension by the trapezoidal rule: see `trapezoid`."""
    values, i = _points("cumulative_trapezoid", y, x, dx, dim)
    if x is None:
        return cumsum(_times(_sums(_inexact(values), i), (1.0 if dx is None else dx) / 2), i)
    total = cumsum(_areas(values, _widths("cumulative_trapezoid", values, x, i), i), i)
    return _over(_inexact(total), 2)


trapz = trapezoid  # its old name


offer(globals(), functions="cumulative_trapezoid gradient trapezoid trapz", both="diff")
nameless(globals())
