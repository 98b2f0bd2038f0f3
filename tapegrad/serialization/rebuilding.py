"""The functions that files name to make tensors, and what they get from us. Source: torch._utils."""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

from tapegrad import dtypes
from tapegrad.devices import strided_layout
from tapegrad.kernels.memory import restrided
from tapegrad.nn.parameter import Parameter
from tapegrad.serialization.storages import Held
from tapegrad.tensor import Tensor, TensorType, like


def rebuild_tensor(storage: Any, storage_offset: Any, size: Any, stride: Any) -> Tensor:
    """A tensor over a storage. Raises: UnpicklingError if it would reach beyond it."""
    return like(Tensor, _over(storage, None, storage_offset, size, stride), False)


def rebuild_tensor_v2(
    storage: Any,
    storage_offset: Any,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    metadata: Any = None,
) -> Tensor:
    """The same, with what is known of its gradient; metadata says whether its values are to be conjugated or
    negated, as torch notes them."""
    return _leaf(_over(storage, None, storage_offset, size, stride), requires_grad, metadata)


def rebuild_tensor_v3(
    storage: Any,
    storage_offset: Any,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Tensor:
    """The same over a storage that has no dtype of its own."""
    return _leaf(_over(storage, dtype, storage_offset, size, stride), requires_grad, metadata)


def _leaf(a: Any, requires_grad: bool, metadata: Any) -> Tensor:
    if metadata:
        a = a.conj() if metadata.get("conj") else a
        a = -a if metadata.get("neg") else a
    return like(Tensor, a, bool(requires_grad))


def _over(held: Any, dtype: Any, offset: Any, size: Any, stride: Any) -> Any:
    if not isinstance(held, Held):
        raise UnpicklingError(f"load: a tensor is to show {type(held).__name__}; a storage is needed.")
    a = held.typed(dtype or held.dtype or dtypes.uint8)
    steps = [int(s) for s in stride]
    try:
        if offset < 0 or min(steps, default=0) < 0 or len(size) != len(steps):
            raise ValueError
        return restrided(a, tuple(size), tuple([s * a.itemsize for s in steps]), offset * a.itemsize)
    except (ValueError, TypeError, OverflowError) as e:
        raise UnpicklingError(
            f"load: a tensor of size {list(size)} with strides {steps} from {offset!r} on lies beyond its "
            f"storage of {a.size} elements; the file is damaged."
        ) from e


def rebuild_parameter(data: Tensor, requires_grad: bool, backward_hooks: Any) -> Tensor:
    """A Parameter around a tensor's memory."""
    return Parameter.make(data, requires_grad)


def rebuild_parameter_with_state(
    data: Tensor, requires_grad: bool, backward_hooks: Any, state: Any
) -> Tensor:
    """A Parameter with attributes."""
    return with_attributes(Parameter.make(data, requires_grad), state)


def rebuild_from_type(func: Any, type: type[Tensor], args: Any, state: Any) -> Tensor:
    """A tensor with attributes, or of a class of the user's own. Raises: UnpicklingError for others."""
    if func not in REBUILDERS or not (isinstance(type, TensorType) and issubclass(type, Tensor)):
        raise UnpicklingError(f"load: {type!r} made by {func!r} is no tensor that is known.")
    t = func(*args)
    if t.__class__ is not type:
        t = like(type, t._a, t.requires_grad)
    if "__setstate__" in vars(type):
        t.__setstate__(state)  # type: ignore[attr-defined] # found just now
        return t
    return with_attributes(t, state)


def with_attributes(t: Tensor, state: Any) -> Tensor:
    """The tensor with the attributes that a file has for it."""
    named, slots = state if isinstance(state, tuple) else (state, None)
    if slots:
        raise UnpicklingError(f"load: a tensor's slots {sorted(slots)} are given; attributes are needed.")
    t.__dict__.update(named or {})
    return t


def layout_named(name: str) -> Any:
    """Source: torch.serialization._get_layout."""
    if name != "torch.strided":
        raise UnpicklingError(f"load: layout {name} is not here; tensors are strided.")
    return strided_layout


REBUILDERS = (
    rebuild_tensor,
    rebuild_tensor_v2,
    rebuild_tensor_v3,
    rebuild_parameter,
    rebuild_parameter_with_state,
)
