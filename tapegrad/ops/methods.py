"""Every operation onto Tensor: methods, operators, in-place forms."""

from __future__ import annotations

from typing import Any

from tapegrad.absent import explain_absent
from tapegrad.define import inplace
from tapegrad.ops import (
    index,
    linalg,
    parts,
    pointwise,
    put,
)
from tapegrad.public import FUNCTIONS, IN_PLACE, METHODS, PROPERTIES, WRITERS
from tapegrad.tensor import Tensor

# Python's operators of two operands.
_PLAIN: dict[str, Any] = {
    "add": pointwise._add,
    "sub": pointwise._sub,
    "mul": pointwise.mul,
    "truediv": pointwise.true_divide,
    "floordiv": pointwise.floor_divide,
    "mod": pointwise.remainder,
    "and": pointwise.bitwise_and,
    "or": pointwise.bitwise_or,
    "xor": pointwise.bitwise_xor,
    "lshift": pointwise.bitwise_left_shift,
    "rshift": pointwise.bitwise_right_shift,
    "eq": pointwise.eq,
    "ne": pointwise.ne,
    "lt": pointwise.lt,
    "le": pointwise.le,
    "gt": pointwise.gt,
    "ge": pointwise.ge,
}


def _invert(self: Tensor) -> Any:
    if self._kind.kind not in "iub":
        raise TypeError(f"invert: {self.dtype} is given; ~ is defined for integers and bool.")
    return pointwise.bitwise_not(self)


def _iter(self: Tensor) -> Any:
    if not self._a.ndim:
        raise TypeError("iter: a 0-d tensor has no entries; use .item().")
    return iter(parts.unbind(self))


def _pow(self: Tensor, exponent: Any) -> Any:
    try:
        return pointwise.pow(self, exponent)
    except TypeError:
        return NotImplemented


def _matmul(self: Tensor, other: Any) -> Any:
    return linalg.matmul(self, other) if isinstance(other, Tensor) else NotImplemented


def _operators() -> dict[str, Any]:
    p = pointwise
    found = {f"__{k}__": f.operator for k, f in _PLAIN.items()}
    found |= {f"__r{k}__": _PLAIN[k].operator for k in ("add", "mul", "and", "or", "xor")}
    in_place = ("add", "sub", "mul", "truediv", "floordiv", "mod", "and", "or", "xor", "lshift", "rshift")
    found |= {f"__i{k}__": inplace(_PLAIN[k], f"{_PLAIN[k].op.name}_") for k in in_place}
    return found | {
        "__rsub__": p.rsub.operator,
        "__rtruediv__": lambda self, other: p.reciprocal(self) * other,
        "__rfloordiv__": lambda self, other: p.floor_divide(other, self),
        "__rmod__": lambda self, other: p.remainder(other, self),
        "__rlshift__": lambda self, other: p.bitwise_left_shift(other, self),
        "__rrshift__": lambda self, other: p.bitwise_right_shift(other, self),
        "__neg__": p.neg,
        "__pos__": lambda self: self,
        "__abs__": p.abs,
        "__invert__": _invert,
        "__pow__": _pow,
        "__rpow__": lambda self, other: p.pow(other, self),
        "__ipow__": inplace(p.pow, "pow_"),
        "__matmul__": _matmul,
        "__rmatmul__": lambda self, other: NotImplemented,
        "__getitem__": index.index,
        "__setitem__": put.set_index,
        "__iter__": _iter,
    }


def methods() -> dict[str, Any]:
    """Every method and operator by its name."""
    return METHODS | {name: inplace(f, name) for name, f in IN_PLACE.items()} | _operators()


def bind() -> None:
    """Put them onto Tensor, and those that write among the functions, where torch has them there, too."""
    bound = methods()
    for name, f in bound.items():
        setattr(Tensor, name, f)
    FUNCTIONS[""] |= {name: bound[name] for name in WRITERS}
    for name, f in PROPERTIES.items():
        setattr(Tensor, name, f if isinstance(f, property) else property(f))
    explain_absent(Tensor)
