"""Running sums, products and extremes, differences, and the trapezoidal rule."""

from __future__ import annotations

from typing import Any

import numpy as np

import tapegrad.define.batching as B
import tapegrad.kernels as K
import tapegrad.kernels.cumulative as C
from tapegrad.define import OUT, Function, finish, inplace, linear, offer, opaque
from tapegrad.dtypes import B1, INEXACT, as_numpy
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.picking import found, picking
from tapegrad.ops.reduce import in_dtype, is_float
from tapegrad.ops.results import Extremes, kind, written
from tapegrad.ops.shape import numpy_names
from tapegrad.promotion import need_tensor, real_only
from tapegrad.tensor import Tensor, axis

# ---- running totals

_cumsum: Function = linear(
    "cumsum",
    C.cumsum,
    lambda F, g, shape, dim, back: F.apply(_cumsum.op, g, dim, not back),
    batch=B.along,
    widens=True,
)
_shift: Function = linear(
    "shift",
    C.shift,
    lambda F, g, shape, dim, by: F.apply(_shift.op, g, dim, -by),
    title="PadBackward0",
    batch=B.along,
)


def _recurrence_of_batch(batch: Any, op: Any, xs: Any, args: Any) -> Any:
    return batch.run(op, *[batch.full(x) for x in xs], args=(args[0] + 1, args[1]))


def _carried(F: Any, g: Any, a: Any, dim: int, back: bool) -> Any:
    """The cotangent of b in `recur`: the same recurrence, from the other end."""
    return F.recur(F.apply(_shift.op, a, dim, 1 if back else -1), g, dim, not back)


recur = opaque(
    "recur",
    C.recur,
    saves=((0, OUT), (0,)),
    d=(
        lambda F, g, a, y, dim, back: (
            _carried(F, g, a, dim, back) * F.apply(_shift.op, y, dim, -1 if back else 1)
        ),
        _carried,
    ),
    shapes=False,
    batch=_recurrence_of_batch,
)


def _cumprod_rule(F: Any, g: Any, x: Any, y: Any, dim: int) -> Any:
    """The product before each element, times the sum over those after it, which is a recurrence: division
    by the element would fail at zeros."""
    if not x.ndim or x.shape[dim] == 1:
        return g
    if F is K and not (x == 0).any():
        return C.cumsum(g * y, dim, True) / x
    first = np.arange(x.shape[dim]).reshape((-1, *(1,) * (x.ndim - 1 - dim))) == 0
    before = F.where(first, 1, F.apply(_shift.op, y, dim, 1))
    return before * F.recur(F.apply(_shift.op, x, dim, -1), g, dim, True)


def _logcumsumexp_rule(F: Any, g: Any, x: Any, y: Any, dim: int) -> Any:
    """g[i] exp(x[j] - y[i]) summed over i >= j; no exponent is positive."""
    if not x.ndim:
        return g
    after = F.apply(_shift.op, y, dim, -1)
    if F.is_complex(x):
        last = np.arange(x.shape[dim]).reshape((-1, *(1,) * (x.ndim - 1 - dim))) == x.shape[dim] - 1
        steps = F.exp(F.where((y == after) | last, 0, y - after))
    else:
        steps = F.exp(F.where(y >= after, 0, y - after))  # nan stays
    return F.exp(x - y) * F.recur(steps, g, dim, True)


_cumprod = opaque("cumprod", C.cumprod, saves=((0, OUT),), d=(_cumprod_rule,), shapes=False, batch=B.along)
_logcumsumexp = opaque(
    "logcumsumexp", C.logcumsumexp, saves=((0, OUT),), d=(_logcumsumexp_rule,), shapes=False, batch=B.along
)
_cummax_at = opaque("cummax.at", C.cummax_at, d=(None,), batch=B.along)
_cummin_at = opaque("cummin.at", C.cummin_at, d=(None,), batch=B.along)
_pick_cummax = picking("cummax", "CummaxBackward0", again=True)
_pick_cummin = picking("cummin", "CumminBackward0", again=True)
_cummax_kind, _cummin_kind = kind("cummax", Extremes), kind("cummin", Extremes)


def cumsum(
    input: Tensor, dim: int | None = None, *, dtype: Any = None, out: Tensor | None = None, **names: Any
) -> Tensor:
    """Running sums along a dimension; integers and bool add up in int64."""
    i, x = _checked(input, dim, dtype, names, "cumsum")
    return finish(_cumsum(x, i, False), out, "cumsum", exact=True)


def cumprod(
    input: Tensor, dim: int | None = None, *, dtype: Any = None, out: Tensor | None = None, **names: Any
) -> Tensor:
    """Running products along a dimension; integers and bool multiply in int64."""
    i, x = _checked(input, dim, dtype, names, "cumprod")
    return finish(_cumprod(x, i), out, "cumprod", exact=True)


def _in_place(op: str, total: Any) -> Any:
    """The in-place form: in the target's own dtype."""

    def call(input: Tensor, dim: int | None = None, *, dtype: Any = None, **names: Any) -> Tensor:
        i = _dim(input, dim, names, op)
        if dtype is not None and as_numpy(dtype, op) is not input._kind:
            raise RuntimeError(f"{op}: the target is {input.dtype} and dtype is {dtype}; they must be equal.")
        if input._kind is B1 and input._a.ndim:
            raise NotImplementedError(
                f"{op}: the target is bool, which cannot hold totals; use .int() first."
            )
        result: Tensor = total(input, i)
        return result

    return inplace(call, op)


def _checked(input: Any, dim: Any, dtype: Any, names: dict[str, Any], op: str) -> tuple[int, Tensor]:
    x = input if dtype is None and is_float(input) else in_dtype(input, dtype, op)
    if type(dim) is int and 0 <= dim < x._a.ndim and not names:
        return dim, x
    return _dim(x, dim, names, op), x


def _dim(x: Tensor, dim: Any, names: dict[str, Any], op: str) -> int:
    if names:
        dim, _ = numpy_names(op, names, dim)
    if dim is None:
        raise TypeError(f"{op}: dim is missing; say along which dimension, e.g. dim=0.")
    return axis(dim, x._a.ndim, op)


def logcumsumexp(input: Tensor, dim: int, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of running sums of exponentials along a dimension.

    Raises: NotImplementedError unless the input is floating point.
    """
    x = need_tensor(input, "logcumsumexp")
    i = axis(dim, x._a.ndim, "logcumsumexp")
    if x._kind.kind not in INEXACT:
        raise NotImplementedError(
            f"logcumsumexp: input is {x.dtype}; a floating point tensor is needed. Use .float() first."
        )
    return finish(_logcumsumexp(x, i), out, "logcumsumexp", exact=True)


def _check_order(x: Tensor, op: str) -> None:
    if x._kind.kind == "c":
        real_only(op, (x,), NotImplementedError if x._a.ndim else RuntimeError)


def cummax(input: Tensor, dim: int, *, out: Any = None) -> Extremes:
    """The running largest values along a dimension and their indices, the last of equals; nan is largest."""
    x = need_tensor(input, "cummax")
    i = axis(dim, x._a.ndim, "cummax")
    _check_order(x, "cummax")
    result = found(_cummax_kind, _cummax_at, _pick_cummax, x, i, True)
    return result if out is None else written(result, out, "cummax")


def cummin(input: Tensor, dim: int, *, out: Any = None) -> Extremes:
    """The running smallest values along a dimension and their indices, the last of equals; nan is
    smallest."""
    x = need_tensor(input, "cummin")
    i = axis(dim, x._a.ndim, "cummin")
    _check_order(x, "cummin")
    result = found(_cummin_kind, _cummin_at, _pick_cummin, x, i, True)
    return result if out is None else written(result, out, "cummin")


offer(
    globals(),
    both="cummax cummin cumprod cumsum logcumsumexp",
    named={
        "cumprod_": _in_place("cumprod_", _cumprod),
        "cumsum_": _in_place("cumsum_", lambda x, dim: _cumsum(x, dim, False)),
    },
    rules="recur",
)
nameless(globals())
