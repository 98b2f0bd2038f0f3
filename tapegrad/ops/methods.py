"""Every operation onto Tensor: methods, operators, in-place forms."""

from __future__ import annotations

from typing import Any

from tapegrad.define import inplace
from tapegrad.ops import convert, index, linalg, nn, pointwise, random, reduce, shape
from tapegrad.tensor import Tensor

# name -> function with the tensor as its first argument
_SAME = (
    (
        pointwise,
        "abs add bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clamp_max clamp_min cos div eq "
        "exp floor "
        "floor_divide ge gt isfinite isinf isnan le log logical_and logical_not logical_or logical_xor lt "
        "maximum "
        "minimum mul ne neg pow reciprocal relu remainder round sigmoid sign sin sqrt sub tanh trunc",
    ),
    (reduce, "all amax amin any argmax argmin max mean min norm prod std sum var"),
    (
        shape,
        "broadcast_to chunk clone contiguous expand expand_as flatten permute ravel reshape reshape_as "
        "split squeeze t "
        "transpose unbind unflatten unsqueeze view view_as",
    ),
    (index, "copy_ index_put"),
    (linalg, "addmm bmm dot matmul mm mv outer"),
    (nn, "log_softmax softmax"),
    (random, "bernoulli bernoulli_ exponential_ normal_ random_ uniform_"),
    (
        convert,
        "allclose byte char cpu detach detach_ double equal fill_ half isclose long short to type_as zero_",
    ),
)
_RENAMED = {
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
    "true_divide": pointwise.div,
    "type": convert.type_,
}
# These also exist with a trailing underscore, writing their result into the tensor.
_IN_PLACE = (
    "abs add bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clamp_max clamp_min clip cos div eq "
    "exp floor "
    "floor_divide ge gt index_put le log logical_and logical_not logical_or logical_xor lt mul multiply ne "
    "neg negative "
    "pow reciprocal relu remainder round sigmoid sign sin sqrt sub subtract tanh true_divide trunc addmm"
)


def _reflected(name: str, f: Any) -> Any:
    def call(self: Tensor, other: Any) -> Any:
        return f(self, other)

    call.__name__ = call.__qualname__ = name
    return call


def _pow(self: Tensor, exponent: Any) -> Any:
    try:
        return pointwise.pow(self, exponent)
    except TypeError:
        return NotImplemented


def _matmul(self: Tensor, other: Any) -> Any:
    return linalg.matmul(self, other) if isinstance(other, Tensor) else NotImplemented


def _operators() -> dict[str, Any]:
    p = pointwise
    plain: dict[str, Any] = {
        "add": p._add,
        "sub": p._sub,
        "mul": p.mul,
        "truediv": p._div,
        "floordiv": p.floor_divide,
        "mod": p.remainder,
        "and": p.bitwise_and,
        "or": p.bitwise_or,
        "xor": p.bitwise_xor,
        "eq": p.eq,
        "ne": p.ne,
        "lt": p.lt,
        "le": p.le,
        "gt": p.gt,
        "ge": p.ge,
    }
    found = {f"__{k}__": f.operator for k, f in plain.items()}
    found |= {f"__r{k}__": plain[k].operator for k in ("add", "mul", "and", "or", "xor")}
    found |= {
        f"__i{k}__": inplace(plain[k], f"__i{k}__")
        for k in ("add", "sub", "mul", "truediv", "floordiv", "mod")
    }
    found |= {f"__i{k}__": inplace(plain[k], f"__i{k}__") for k in ("and", "or", "xor")}
    return found | {
        "__rsub__": p.rsub.operator,
        "__rtruediv__": lambda self, other: p.reciprocal(self) * other,
        "__rfloordiv__": lambda self, other: p.floor_divide(other, self),
        "__rmod__": lambda self, other: p.remainder(other, self),
        "__neg__": p.neg,
        "__pos__": lambda self: self,
        "__abs__": p.abs,
        "__invert__": p.bitwise_not,
        "__pow__": _pow,
        "__rpow__": lambda self, other: p.pow(other, self),
        "__ipow__": inplace(p.pow, "__ipow__"),
        "__matmul__": _matmul,
        "__rmatmul__": lambda self, other: NotImplemented,
        "__getitem__": index.index,
        "__setitem__": index.set_index,
        "__iter__": lambda self: iter(shape.unbind(self)),
    }


def methods() -> dict[str, Any]:
    """Every method and operator by its name."""
    found = {name: getattr(module, name) for module, names in _SAME for name in names.split()} | _RENAMED
    found |= {f"{name}_": inplace(found[name], f"{name}_") for name in _IN_PLACE.split()}
    return found | _operators()


def bind() -> None:
    """Put them onto Tensor."""
    for name, f in methods().items():
        setattr(Tensor, name, f)
    for name, f in (("T", shape.T), ("mT", shape.mT)):
        setattr(Tensor, name, property(f))
