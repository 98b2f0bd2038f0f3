"""Operands that are not simply two tensors of one dtype: numbers, arrays, mixed dtypes; and what cannot
be combined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import isfinite
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad._errors import describe, sizes
from tapegrad._state import default
from tapegrad.dtypes import F4, F8, FLOAT, FLOATING, NARROW, REAL, limits, of, promote, result
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.tape import Op
from tapegrad.tensor import Tensor, wrap

NUMBERS = (bool, int, float, complex)
# Beside a narrow tensor, torch takes a number (or a 0-d tensor) in float32 as the second operand of
# these ops, and elsewhere rounded.
UNROUNDED = ("mul", "div")
_MOST = float(np.finfo("f4").max)


def not_a_tensor(op: str, argument: str, x: Any) -> TypeError:
    """The error for an operand that is no Tensor."""
    return TypeError(
        f"{op}: {argument} is {type(x).__name__}; a Tensor is needed. Wrap it in torch.tensor(...)."
    )


def need_tensor(x: Any, op: str, argument: str = "input") -> Tensor:
    """x if it is a Tensor. Raises: TypeError otherwise."""
    if not isinstance(x, Tensor):
        raise not_a_tensor(op, argument, x)
    return x


def real_only(op: str, xs: Sequence[Any], error: type[Exception] = NotImplementedError) -> None:
    """Raises: `error` if one of the operands is complex, for what needs an order of numbers."""
    for x in xs:
        if isinstance(x, complex) or (isinstance(x, Tensor) and x._kind.kind == "c"):
            raise error(f"{op}: {describe(x)} is given; real numbers are needed. Use .abs() or .real first.")


def check_real(op: Op, xs: Sequence[Any]) -> None:
    """An op's `check`: no complex operands."""
    real_only(op.name, xs)


def check_order(op: Op, xs: Sequence[Any]) -> None:
    """The same where torch raises another class."""
    real_only(op.name, xs, RuntimeError)


def number(x: Any, dtype: Any) -> Any:
    """A Python number as a NumPy scalar of `dtype`; integers wrap around, as in torch."""
    if type(x) is float and (dtype is F4 or dtype is F8):
        return dtype.type(x)
    return np.asarray(x).astype(dtype)[()]


def is_usual(x: Any) -> bool:
    """Whether x is None, or a Python number that float32 and float64 can hold."""
    return x is None or (type(x) in (float, int) and -_MOST <= x <= _MOST)


@cache
def _range_of(dtype: Any) -> tuple[Any, Any]:
    """The least and the largest number that a real dtype takes."""
    if dtype.kind in FLOATING:
        most = float(limits(dtype).max)
        return -most, most
    info = np.iinfo(dtype)
    return (info.min if dtype.kind == "i" else -info.max), info.max  # unsigned ones wrap around, as in torch


def fitting(x: Any, dtype: Any, op: str) -> Any:
    """`number(x, dtype)`, for values that are stored. Raises: RuntimeError if dtype cannot hold x."""
    if type(x) is float and (dtype is F4 or dtype is F8) and -_MOST <= x <= _MOST:
        return dtype.type(x)
    check_fitting(x, dtype, op)
    return number(x.real if isinstance(x, complex) and dtype.kind in REAL else x, dtype)


def check_fitting(x: Any, dtype: Any, op: str) -> None:
    """Raises: RuntimeError if dtype cannot hold x."""
    if dtype.kind in REAL and not isinstance(x, complex):
        least, most = _range_of(dtype)
        if not least <= x <= most and (dtype.kind not in FLOATING or isfinite(x)):
            raise RuntimeError(
                f"{op}: {x} does not fit {of(dtype)}, which goes to {most}; use a wider dtype."
            )
    if dtype.kind in REAL and isinstance(x, complex) and x.imag:
        raise RuntimeError(f"{op}: {x} does not fit {of(dtype)}, which has no imaginary part; use its .real.")


def result_dtype(xs: Sequence[Any]) -> Any:
    """The NumPy dtype of Tensors and numbers together."""
    arrays = [x._a for x in xs if isinstance(x, Tensor)]
    return result(
        [a.dtype for a in arrays if a.ndim],
        [a.dtype for a in arrays if not a.ndim],
        [x for x in xs if not isinstance(x, Tensor)],
    )


def _numpy_dtype(xs: Sequence[Any]) -> Any:
    """The dtype that NumPy gives the tensors' values and the numbers together."""
    return of(np.result_type(*[x._a.dtype if isinstance(x, Tensor) else x for x in xs])).numpy


def two(op: Op, a: Any, b: Any, cast: Callable[[Tensor, Any], Tensor]) -> Any:
    """`operands` of two tensors with dimensions, of which one is of the float32 or float64 that both become;
    None for others."""
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or not a._a.ndim or not b._a.ndim:
        return None
    kind = promote(a._kind, b._kind)
    if (kind is not F4 and kind is not F8) or op.check not in (None, check_real, check_order):
        return None
    return a if a._kind is kind else cast(a, kind), b if b._kind is kind else cast(b, kind)


def operands(
    op: Op, xs: Sequence[Any], floats: bool, cast: Callable[[Tensor, Any], Tensor], operator: bool = False
) -> Any:
    """The operands as Tensors of one dtype, by torch's promotion; `cast` records the conversions.

    floats: integers become the default dtype. operator: NotImplemented for a type that is not ours, so that
    Python asks the other operand. With an ndarray among them the dtype is NumPy's, as torch leaves such
    operators to NumPy. Raises: TypeError for a type that is not ours otherwise.
    """
    known: list[Any] = []
    arrays = False
    for i, x in enumerate(xs):
        if isinstance(x, (Tensor, *NUMBERS)) and not isinstance(x, np.generic):
            known.append(x)
        elif isinstance(x, np.generic):
            known.append(x.item())
        elif isinstance(x, ndarray):
            known.append(wrap(x.astype(of(x.dtype).numpy, copy=False)))
            arrays = True
        elif operator:
            return NotImplemented
        else:
            raise not_a_tensor(op.name, ("input", "other")[i] if len(xs) < 3 else f"argument {i + 1}", x)
    if op.check is not None:
        op.check(op, known)
    dtype = _numpy_dtype(known) if arrays else result_dtype(known)
    if floats and of(dtype).category < FLOAT:
        dtype = F8 if arrays else default.dtype
    second = F4 if dtype.char in NARROW and op.name in UNROUNDED else dtype
    return [_operand(x, dtype, second if i else dtype, cast) for i, x in enumerate(known)]


def _operand(x: Any, dtype: Any, alone: Any, cast: Callable[[Tensor, Any], Tensor]) -> Tensor:
    """x in a dtype; a number, or a 0-d tensor of another dtype, in the dtype `alone`."""
    if not isinstance(x, Tensor):
        return wrap(number(x, alone))
    return x if x._kind is dtype else cast(x, dtype if x._a.ndim else alone)


def broadcast(op: str, *, core: int = 0, **tensors: Tensor) -> tuple[int, ...]:
    """The shape to which tensors broadcast, each by the name of its argument; the last `core` dimensions of
    each left out. Raises: RuntimeError if they do not."""
    try:
        return np.broadcast_shapes(*[x._a.shape[: x._a.ndim - core] for x in tensors.values()])
    except ValueError:
        given = " and ".join(f"{argument(name, x)} is {sizes(x._a.shape)}" for name, x in tensors.items())
        which = f"all but the last {core} dimensions" if core else "they"
        raise RuntimeError(
            f"{op}: {given}; {which} must broadcast: sizes be equal, or one of them 1."
        ) from None


def refused(op: Op, xs: Sequence[Any]) -> RuntimeError:
    """Why the kernel refused: shapes that do not broadcast, or (NotImplementedError) a dtype without that
    operation."""
    tensors = [x for x in xs if isinstance(x, Tensor)]
    try:
        np.broadcast_shapes(*[t._a.shape for t in tensors])
    except ValueError:
        return RuntimeError(f"{op.name}: {_clash(tensors)}")
    kinds = " and ".join(argument(describe(x), x) for x in tensors)
    cure = (
        " Use logical operations (&, |, ~, ^) on bool."
        if "bool" in kinds
        else " Convert first, e.g. with .float()."
    )
    return NotImplementedError(f"{op.name}: {kinds} given, for which {op.name} is not defined.{cure}")


def _clash(tensors: Sequence[Tensor]) -> str:
    shapes = [t._a.shape for t in tensors]
    for k in range(1, max(map(len, shapes)) + 1):
        met = list(dict.fromkeys([s[-k] for s in shapes if len(s) >= k and s[-k] != 1]))
        if len(met) > 1:
            break
    first, last = argument("input", tensors[0]), argument("other", tensors[-1])
    named = f"{first} is {sizes(shapes[0])} and {last} is {sizes(shapes[-1])}"
    if len(shapes) > 2:
        named = "the shapes are " + ", ".join(argument(sizes(t._a.shape), t) for t in tensors)
    return f"{named}; dimension {-k} has {met[0]} and {met[1]}, which must be equal, or one of them 1."


def mismatch(name: str, cores: Sequence[tuple[str, ...]], input: Any, other: Any, batched: bool) -> Exception:
    """Why a matrix product of two operands does not exist. `cores`: the named core dimensions of each."""
    for what, x in (("input", input), ("other", other)):
        if not isinstance(x, Tensor):
            return not_a_tensor(name, what, x)
    x, y = input._a, other._a
    for what, t, a, core in (("input", input, x, cores[0]), ("other", other, y, cores[1])):
        if a.ndim != len(core) and not (batched and a.ndim > len(core)):
            least = " or more" if batched else ""
            return RuntimeError(
                f"{name}: {argument(what, t)} is {sizes(a.shape)} ({a.ndim}-d); a {len(core)}-d{least} "
                "tensor is needed."
            )
    if x.dtype != y.dtype:
        return RuntimeError(
            f"{name}: {argument('input', input)} is {of(x.dtype)} and {argument('other', other)} is "
            f"{of(y.dtype)}; they must be equal. "
            f"Convert one, e.g. with .to({of(x.dtype)})."
        )
    return RuntimeError(f"{name}: {_core_clash(cores, input, other)}")


_ORDINALS = {1: "last", 2: "second-last"}


def _core_clash(cores: Sequence[tuple[str, ...]], input: Tensor, other: Tensor) -> str:
    first, second = cores
    a, b = input._a.shape, other._a.shape
    given = f"{argument('input', input)} is {sizes(a)} and {argument('other', other)} is {sizes(b)}"
    for label in first:
        if label not in second:
            continue
        i, j = len(first) - first.index(label), len(second) - second.index(label)
        if a[-i] != b[-j]:
            hint = ""
            if len(second) > 1 and a[-i] == b[-3 + j]:
                hint = " Did you mean other.mT?"
            return (
                f"{given}; input's {_ORDINALS[i]} size ({a[-i]}) must equal other's {_ORDINALS[j]} "
                f"({b[-j]}).{hint}"
            )
    return f"{given}; their leading sizes must be equal, or one of them 1."


nameless(globals())
