"""From one dtype, device or class to another; detaching."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.pointwise as P
from tapegrad._errors import sizes
from tapegrad._state import special
from tapegrad.define import cast, elementwise, offer
from tapegrad.define.base import run
from tapegrad.devices import check_device, device
from tapegrad.dtypes import F4, F8, NAMES, as_numpy, dtype, of
from tapegrad.kernels.errstate import again, nameless
from tapegrad.levels import Storage
from tapegrad.memory import alias
from tapegrad.observers import left
from tapegrad.ops import pointwise
from tapegrad.promotion import broadcast, need_tensor
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import box, is_view, leave


def to(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """input in another dtype or on another device: to(dtype), to(device), to(device, dtype),
    to(other_tensor).

    Keywords: dtype, device, copy (a copy even where nothing changes), non_blocking and memory_format (no
    effect here).
    Raises: RuntimeError for a device that is not here, TypeError for an argument that is none of these.
    """
    flags = [x for x in args if isinstance(x, bool)]  # non_blocking, copy
    kind, where, copy = kwargs.get("dtype"), kwargs.get("device"), kwargs.get("copy", flags[1:2] == [True])
    unknown = set(kwargs) - {"dtype", "device", "copy", "non_blocking", "memory_format", "other"}
    if unknown:
        raise TypeError(
            f"to: {sorted(unknown)[0]!r} is no argument; dtype, device, copy, non_blocking, memory_format "
            "are."
        )
    for x in (*args, *([kwargs["other"]] if "other" in kwargs else [])):
        if isinstance(x, dtype) or x in (float, int, bool, complex):
            kind = x
        elif isinstance(x, (str, device)):
            where = x
        elif isinstance(x, Tensor):
            kind = x.dtype
        elif x is not None and not isinstance(x, bool):
            raise TypeError(f"to: {type(x).__name__} is given; a dtype, a device or a Tensor is needed.")
    check_device(where, "to")
    wanted = input._a.dtype if kind is None else as_numpy(kind, "to")
    return cast(input, wanted) if copy or wanted is not input._a.dtype else input


_NAMES = {
    "float64": "Double",
    "float32": "Float",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "int64": "Long",
    "int32": "Int",
    "int16": "Short",
    "int8": "Char",
    "uint8": "Byte",
    "bool": "Bool",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}
LEGACY = {f"torch.{v}Tensor": NAMES[k] for k, v in _NAMES.items()}


def type_(input: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type, such as 'torch.FloatTensor'; with a dtype or such a name, the tensor in
    it.

    Raises: ValueError for an unknown name.
    """
    if dtype is None:
        return f"torch.{_NAMES[input.dtype.name]}Tensor"
    dtype = getattr(dtype, "dtype", dtype)  # torch.DoubleTensor has one
    if isinstance(dtype, str):
        if dtype not in LEGACY:
            raise ValueError(f"type: {dtype!r} is no type; a dtype such as torch.float64 is needed.")
        dtype = LEGACY[dtype]
    return to(input, dtype)


def type_as(input: Tensor, other: Tensor) -> Tensor:
    """input in the dtype of other."""
    return to(input, need_tensor(other, "type_as", "other").dtype)


def _converter(name: str, kind: dtype) -> Any:
    def convert(input: Tensor, memory_format: Any = None) -> Tensor:
        return input if input._a.dtype is kind.numpy else cast(input, kind.numpy)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"input in {kind.name}; input itself if it is already."
    return convert


float_, double, half = (_converter(n, NAMES[n]) for n in ("float", "double", "half"))
bfloat16 = _converter("bfloat16", NAMES["bfloat16"])
long, int_, short = (_converter(n, NAMES[n]) for n in ("long", "int", "short"))
char, byte, bool_ = (
    _converter("char", NAMES["int8"]),
    _converter("byte", NAMES["uint8"]),
    _converter("bool", NAMES["bool"]),
)


def cpu(input: Tensor, memory_format: Any = None) -> Tensor:
    """input: everything is on the CPU."""
    return input


# What has no derivative drops the tangent that a storage may hold.
_without_tangent = elementwise("detach", lambda x: x, arity=1)


def detach(input: Tensor) -> Tensor:
    """The same memory outside the graph: no gradient flows through it, and a write to one shows in the
    other."""
    if type(input) is Tensor and type(input._a) is ndarray and input._cold is None and not special.alert:
        own = wrap(input._a)
        own._cold = None
        return own
    x = box(need_tensor(input, "detach"))
    t: Tensor = alias(input, wrap(run(_without_tangent.op, (x,)) if isinstance(x, Storage) else x), True)
    if special.alert and input._node is not None:
        left(input, "detach()", t)
    return t


def detach_(input: Tensor) -> Tensor:
    """Take input itself out of the graph. Raises: RuntimeError for a view, whose base would keep its
    history."""
    if is_view(need_tensor(input, "detach_")):
        raise RuntimeError(f"detach_: this Tensor{sizes(input._a.shape)} is a view; use detach().")
    if special.alert and input._node is not None:
        left(input, "detach_()")
    if input.is_leaf:
        return input.requires_grad_(False)
    n = input._node
    assert n is not None  # no leaf
    kept = None if n.rare is None else n.rare.grad
    leave(input, n)
    input._node = None
    if kept is not None:
        input.grad = kept
    return input


def numel(input: Tensor) -> int:
    """The number of elements."""
    return need_tensor(input, "numel").numel()


def is_tensor(obj: object) -> bool:
    """Whether obj is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether input's dtype is a floating point one."""
    return need_tensor(input, "is_floating_point").is_floating_point()


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have one shape and equal elements."""
    a, b = need_tensor(input, "equal")._a, need_tensor(other, "equal", "other")._a
    if type(a) is ndarray and type(b) is ndarray:
        return a.shape == b.shape and bool(np.count_nonzero(a == b) == a.size)
    return a.shape == b.shape and bool(np.array_equal(a, b))


def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Where |input - other| <= atol + rtol * |other|.

    Raises: RuntimeError for mixed dtypes, shapes that do not broadcast, negative tolerances.
    """
    a, b = need_tensor(input, "isclose")._a, need_tensor(other, "isclose", "other")._a
    kind = a.dtype
    if kind is not b.dtype:
        raise RuntimeError(f"isclose: input is {of(a.dtype)} and other is {of(b.dtype)}; they must be equal.")
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose: rtol is {rtol} and atol is {atol}; both must be 0 or more.")
    if isinstance(a, Storage) or isinstance(b, Storage):
        return _isclose_inside(input.detach(), other.detach(), rtol, atol, equal_nan)
    if a.shape != b.shape:
        broadcast("isclose", input=input, other=other)
    if (kind is not F4 and kind is not F8) or type(rtol) is not float or type(atol) is not float:
        return wrap(again(np.isclose, a, b, rtol, atol, equal_nan))
    try:
        return wrap(P.isclose(a, b, rtol, atol, equal_nan))
    except FloatingPointError:
        return wrap(again(P.isclose, a, b, rtol, atol, equal_nan))


def _isclose_inside(x: Tensor, y: Tensor, rtol: float, atol: float, equal_nan: bool) -> Tensor:
    """The same in operations."""
    near = pointwise.abs(x - y) <= pointwise.abs(y) * rtol + atol
    close = (x == y) | (pointwise.isfinite(y) & near)
    return close | (pointwise.isnan(x) & pointwise.isnan(y)) if equal_nan else close


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether isclose holds everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


offer(
    globals(),
    functions="is_floating_point is_tensor numel",
    methods="bfloat16 byte char cpu detach_ double half long short to type_as",
    both="allclose detach equal isclose",
    named={"bool": bool_, "float": float_, "int": int_, "type": type_},
)
nameless(globals())
