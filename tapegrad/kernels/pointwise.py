"""Pointwise bodies that are not one NumPy ufunc."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad.dtypes import FLOATING
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.filling import zeros
from tapegrad.kernels.standing import at_once

_constants: defaultdict[Any, dict[Any, Any]] = defaultdict(dict)
_MOST = 512  # a loop over changing numbers must not grow the table


def constant(x: complex, dtype: Any) -> Any:
    """A Python number as a shared read-only 0-d array of `dtype`.

    NumPy takes 0.4 us to make an array of a Python number in every ufunc call: as long as the arithmetic of a
    small array itself. Numbers that recur (2.0, 0.5, a learning rate) are therefore kept.
    """
    table = _constants[dtype]
    found = table.get(x or str(x))  # 0.0 and -0.0 are equal, and two values
    if found is None:
        found = np.array(x).astype(dtype)
        found.flags.writeable = False
        if len(table) < _MOST:
            table[x or str(x)] = found
    return found


def some(mask: Any) -> bool:
    """Whether a bool array holds anywhere: its any() takes seven times as long, and to count, which is
    Python, four times that of looking into a copy of a small one."""
    return 1 in mask.tobytes() if mask.size <= 1024 else bool(np.count_nonzero(mask))


def zero(dtype: Any) -> Any:
    """0 as a shared 0-d array."""
    found = _zeros.get(dtype)
    if found is None:
        found = _zeros[dtype] = np.zeros((), dtype)
        found.flags.writeable = False
    return found


_zeros: dict[Any, Any] = {}


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where `condition`, else `b`; a number takes the other one's dtype."""
    if type(condition) is not ndarray and type(a) is not ndarray and type(b) is not ndarray:
        kind = getattr(a, "dtype", None) or getattr(b, "dtype", None)
        value = a if condition else b
        return kind.type(value) if kind is not None else np.asarray(value)[()]
    if type(a) in (int, float) and hasattr(b, "dtype"):
        a = constant(a, b.dtype)
    elif type(b) in (int, float) and hasattr(a, "dtype"):
        b = constant(b, a.dtype)
    return np.where(condition, a, b)


def relu_of_floats(x: Any) -> Any:
    """max(x, 0): nan stays, and so does the sign of -0 (processors take the second of two zeros)."""
    if type(x) is not ndarray:
        return x if not x < 0 else x.dtype.type(0)
    return np.maximum(zero(x.dtype), x)


def relu(x: Any) -> Any:
    """max(x, 0) in any dtype. Raises: RuntimeError for bool."""
    if x.dtype.kind == "b":
        raise RuntimeError("relu: input is bool; numbers are needed. Convert first, e.g. with .float().")
    return relu_of_floats(x)


@at_once
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)): exp overflows to inf on the far left, which gives the exact limit 0."""
    y = np.negative(x)
    if type(y) is not ndarray:  # of a 0-d array, too
        y = np.exp(y)
        return y.dtype.type(1) / (y + y.dtype.type(1))
    np.exp(y, y)
    y += constant(1.0, y.dtype)
    return np.reciprocal(y, y)


def gate(g: Any, y: Any) -> Any:
    """g where y is above 0 (or nan), else 0."""
    if type(g) is ndarray and g.size > LARGE and g.dtype.char in "fd" and g.shape == y.shape:
        return masked(g, ~(y <= 0))
    return where(y <= 0, 0, g)


LARGE = 1000


def masked(x: Any, keep: Any) -> Any:
    """x where `keep`, else 0: a product of integers, whatever x holds, and ten times as fast as np.where."""
    return (x.view(f"i{x.itemsize}") * keep.view("i1")).view(x.dtype)


def sign(x: Any) -> Any:
    """-1, 0 or 1; 0 for nan, as torch has it."""
    if x.dtype.kind not in FLOATING:
        return x.copy() if x.dtype.kind == "b" else np.sign(x)
    y = np.sign(x)
    odd = np.isnan(y)
    return np.where(odd, zero(x.dtype), y)[()] if some(odd) else y


def left_shift(x: Any, y: Any) -> Any:
    """x << y; 0 where y is no number of bits. Raises: TypeError for bool."""
    _numbers_only(x)
    return np.left_shift(x, y)


def right_shift(x: Any, y: Any) -> Any:
    """x >> y; all sign where y is no number of bits. Raises: TypeError for bool."""
    _numbers_only(x)
    return np.right_shift(x, y)


def _numbers_only(x: Any) -> None:
    if x.dtype.kind == "b":
        raise TypeError("bool")


def abs(x: Any) -> Any:
    """The absolute value. Raises: TypeError for bool, as torch has it."""
    _numbers_only(x)
    return np.abs(x)


def _rounding(name: str, f: Any) -> Any:
    def kernel(x: Any) -> Any:
        _numbers_only(x)
        return x.copy() if x.dtype.kind in "iu" else f(x)

    kernel.__name__ = kernel.__qualname__ = name
    kernel.__doc__ = f"{f.__name__} of floats; integers are whole already. Raises: TypeError for bool."
    return kernel


floor, ceil, trunc = (_rounding(f.__name__, f) for f in (np.floor, np.ceil, np.trunc))
round = _rounding("round", np.rint)


def round_to(x: Any, decimals: int) -> Any:
    """x with so many decimals; negative ones are places before the point."""
    scale = constant(10.0 ** (decimals if decimals > 0 else -decimals), x.dtype)
    return np.rint(x * scale) / scale if decimals > 0 else np.rint(x / scale) * scale


def clamp(x: Any, low: Any, high: Any) -> Any:
    """x limited to [low, high]; a bound that is None is open; high wins where low > high; nan stays.

    Of two zeros the processor takes the second: that of x.
    """
    if low is not None:
        x = np.maximum(constant(low, x.dtype) if type(low) is float else low, x)
    if high is not None:
        x = np.minimum(constant(high, x.dtype) if type(high) is float else high, x)
    return x


def at_least(x: Any, low: Any) -> Any:
    """The larger of x and low; of two zeros that of x."""
    return np.maximum(low, x)


def at_most(x: Any, high: Any) -> Any:
    """The smaller of x and high; of two zeros that of x."""
    return np.minimum(high, x)


def inside(x: Any, low: Any, high: Any) -> Any:
    """Whether low <= x <= high; a bound that is None is open. Written with operators: it serves Tensors
    as well."""
    if low is None:
        return x <= high
    return x >= low if high is None else (x >= low) & (x <= high)


def power(x: Any, n: Any) -> Any:
    """x to the power n. Integers to negative integer powers in an array are rounded towards 0, as in torch.

    Raises: RuntimeError for an integer to a negative number, TypeError for bool.
    """
    if getattr(x, "dtype", None) is not None and x.dtype.kind in "iub":
        if n is True or n is False:  # the one power of bool that torch has
            return x.copy() if n else np.ones_like(x)
        _numbers_only(x)
        below = np.less(n, 0)
        if not np.any(below):
            return np.power(x, n)
        if not hasattr(n, "dtype"):
            raise RuntimeError(
                "pow: an integer base with a negative integer exponent has no integer result; use x.float()."
            )
        sign = np.where(np.equal(x, 1), 1, np.where(np.equal(x, -1), 1 - 2 * (n % 2), 0))
        return np.where(below, sign, np.power(x, np.where(below, 0, n))).astype(np.result_type(x, n))[()]
    if n.__class__ is float and n == -0.5:  # torch's -inf for -0, where C's pow has inf
        return 1 / np.sqrt(x)
    return x**n


def _size(x: Any) -> int:
    return x.size if hasattr(x, "dtype") else 1


def _integers(x: Any, y: Any, op: str) -> bool:
    """Whether to divide integers. Raises: RuntimeError for a division by zero of them, TypeError for bool."""
    first: Any = getattr(x, "dtype", None)
    second = getattr(y, "dtype", None)
    dtype: Any = first if first is second else np.result_type(x, y)
    kind = dtype.kind
    if kind == "f":
        return False
    if kind == "b":
        raise TypeError("bool")
    if kind in "iu" and _size(x) and np.count_nonzero(y) != _size(y):
        raise RuntimeError(f"{op}: integers are divided by zero; use floats for inf and nan.")
    return kind in "iu"


def floor_divide(x: Any, y: Any) -> Any:
    """floor(x / y). Raises: RuntimeError for an integer division by zero, TypeError for bool."""
    if _integers(x, y, "floor_divide"):
        return np.floor_divide(x, y)
    # NumPy gives nan for x // 0.0 where torch gives the quotient's infinity.
    q = np.floor_divide(x, y)
    nothing = np.equal(y, zero(q.dtype))
    return np.where(nothing, np.divide(x, y), q)[()] if some(nothing) else q


def isclose(x: Any, y: Any, rtol: float, atol: float, equal_nan: bool) -> Any:
    """Where |x - y| <= atol + rtol |y|, of one floating dtype: as NumPy has it, without its looks at what it
    was given."""
    most = np.abs(y) * constant(rtol, y.dtype) + constant(atol, y.dtype)
    close = (np.abs(x - y) <= most) & np.isfinite(y) | (x == y)
    return close | (np.isnan(x) & np.isnan(y)) if equal_nan else close


def trunc_divide(x: Any, y: Any) -> Any:
    """x / y rounded towards zero.

    Raises: RuntimeError for an integer division by zero, TypeError for bool.
    """
    if not _integers(x, y, "div"):
        return np.trunc(np.divide(x, y))
    below = np.floor_divide(x, y)
    return below + ((below < 0) & (np.remainder(x, y) != 0)).astype(below.dtype)


def remainder(x: Any, y: Any) -> Any:
    """x - floor(x / y) * y: the sign of the divisor, but a zero has the sign of x.

    Raises: RuntimeError for an integer modulo by zero, TypeError for bool.
    """
    r = np.remainder(x, y)
    if _integers(x, y, "remainder"):
        return r
    nothing = np.equal(r, zero(r.dtype))
    return np.where(nothing, np.copysign(r, x), r)[()] if some(nothing) else r


def rsub(x: Any, y: Any) -> Any:
    """y - x."""
    return y - x


def zeros_like(x: Any) -> Any:
    """Zeros of the shape and dtype of x."""
    return zeros(x.shape, x.dtype)


def blank(shape: tuple[int, ...], like: Any) -> Any:
    """Zeros of a shape, in the dtype of `like`."""
    return zeros(shape, like.dtype)


nameless(globals())
