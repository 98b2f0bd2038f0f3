"""Every operation onto Tensor: methods, operators, in-place forms."""

from __future__ import annotations

from typing import Any

from tapegrad.define import inplace
from tapegrad.ops import (
    convert,
    index,
    linalg,
    memory,
    nn,
    parts,
    pointwise,
    random,
    reduce,
    shape,
    views,
    write,
)
from tapegrad.tensor import Tensor

# name -> function with the tensor as its first argument
_SAME = (
    (
        pointwise,
        "abs add bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clamp_max clamp_min cos div eq "
        "exp floor floor_divide ge gt isfinite isinf isnan le log logical_and logical_not logical_or "
        "logical_xor lt maximum minimum mul ne neg pow reciprocal relu remainder round sigmoid sign sin sqrt "
        "sub tanh trunc",
    ),
    (reduce, "all amax amin any argmax argmin max mean min norm prod std sum var"),
    (
        shape,
        "broadcast_to clone contiguous expand expand_as flatten permute ravel reshape reshape_as squeeze t "
        "transpose unflatten unsqueeze view view_as",
    ),
    (
        parts,
        "chunk dsplit hsplit split split_with_sizes tensor_split unbind unsafe_chunk unsafe_split "
        "unsafe_split_with_sizes vsplit",
    ),
    (views, "adjoint as_strided diagonal movedim moveaxis narrow select swapaxes swapdims unfold"),
    (index, "index_put"),
    (linalg, "addmm bmm dot matmul mm mv outer"),
    (nn, "log_softmax softmax"),
    (random, "bernoulli bernoulli_ exponential_ normal_ random_ uniform_"),
    (
        convert,
        "allclose byte char cpu detach detach_ double equal half isclose long short to type_as",
    ),
    (write, "copy_ fill_ zero_"),
    (memory, "is_inference is_set_to resize_ resize_as_ set_ storage_offset untyped_storage"),
)
_RENAMED = {
    "_is_view": memory.is_a_view,
    "absolute": pointwise.abs,
    "bool": convert.bool_,
    "clip": pointwise.clamp,
    "divide": pointwise.div,
    "float": convert.float_,
    "greater": pointwise.gt,
    "greater_equal": pointwise.ge,
    "int": convert.int_,
    "less": pointwise.lt,
    "less_equal": pointwise.le,
    "multiply": pointwise.mul,
    "negative": pointwise.neg,
    "not_equal": pointwise.ne,
    "subtract": pointwise.sub,
    "true_divide": pointwise._div,
    "type": convert.type_,
}
# These also exist with a trailing underscore, writing their result into the tensor.
_IN_PLACE = (
    "abs absolute add addmm bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clamp_max clamp_min "
    "clip cos div divide eq exp floor floor_divide ge greater greater_equal gt index_put le less less_equal "
    "log logical_and logical_not logical_or logical_xor lt mul multiply ne neg negative not_equal pow "
    "reciprocal relu remainder round sigmoid sign sin sqrt sub subtract tanh true_divide trunc"
)


# Python's operators of two operands.
_PLAIN: dict[str, Any] = {
    "add": pointwise._add,
    "sub": pointwise._sub,
    "mul": pointwise.mul,
    "truediv": pointwise._div,
    "floordiv": pointwise.floor_divide,
    "mod": pointwise.remainder,
    "and": pointwise.bitwise_and,
    "or": pointwise.bitwise_or,
    "xor": pointwise.bitwise_xor,
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


def _where(self: Tensor, condition: Tensor, other: Any) -> Any:
    """This tensor where condition holds, else other. See torch.where."""
    return pointwise.where(condition, self, other)


def _matmul(self: Tensor, other: Any) -> Any:
    return linalg.matmul(self, other) if isinstance(other, Tensor) else NotImplemented


def _operators() -> dict[str, Any]:
    p = pointwise
    found = {f"__{k}__": f.operator for k, f in _PLAIN.items()}
    found |= {f"__r{k}__": _PLAIN[k].operator for k in ("add", "mul", "and", "or", "xor")}
    in_place = ("add", "sub", "mul", "truediv", "floordiv", "mod", "and", "or", "xor")
    found |= {f"__i{k}__": inplace(_PLAIN[k], f"{_PLAIN[k].op.name}_") for k in in_place}
    return found | {
        "__rsub__": p.rsub.operator,
        "__rtruediv__": lambda self, other: p.reciprocal(self) * other,
        "__rfloordiv__": lambda self, other: p.floor_divide(other, self),
        "__rmod__": lambda self, other: p.remainder(other, self),
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
        "__setitem__": index.set_index,
        "__iter__": _iter,
    }


def methods() -> dict[str, Any]:
    """Every method and operator by its name."""
    found = {name: getattr(module, name) for module, names in _SAME for name in names.split()} | _RENAMED
    found["where"] = _where
    found |= {f"{name}_": inplace(found[name], f"{name}_") for name in _IN_PLACE.split()}
    return found | _operators()


PROPERTIES = {
    "H": views.H,
    "T": shape.T,
    "mH": views.adjoint,
    "mT": shape.mT,
    "_base": memory.base,
    "_version": memory.version,
}


def bind() -> None:
    """Put them onto Tensor."""
    for name, f in methods().items():
        setattr(Tensor, name, f)
    for name, f in PROPERTIES.items():
        setattr(Tensor, name, property(f))
