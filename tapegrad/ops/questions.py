"""What a tensor is: where it lies, of which type; and which dtype results have."""

from __future__ import annotations

from typing import Any

from tapegrad import dtypes
from tapegrad.define import offer
from tapegrad.devices import no_device, strided_layout
from tapegrad.dtypes import dtype, of
from tapegrad.ops.memory import UntypedStorage
from tapegrad.promotion import need_tensor, result_dtype
from tapegrad.tensor import Tensor


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of an operation on two tensors or numbers."""
    return of(result_dtype([tensor1, tensor2]))


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that both can be converted to, by torch's rules. Raises: TypeError for no dtype."""
    return of(
        dtypes.promote(dtypes.as_numpy(type1, "promote_types"), dtypes.as_numpy(type2, "promote_types"))
    )


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether an in-place operation may convert from one dtype to another: not to a lower category (float to
    integer)."""
    return from_.category <= to.category


def typename(obj: Any) -> str:
    """The name of a tensor's type, such as 'torch.FloatTensor', or of any object's class."""
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if isinstance(obj, type) else type(obj)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module.replace('tapegrad', 'torch')}{kind.__qualname__}"


def is_storage(obj: Any) -> bool:
    """Whether an object is the memory of a tensor."""
    return isinstance(obj, UntypedStorage)


def get_device(input: Tensor) -> int:
    """-1: the number of the CPU."""
    need_tensor(input, "get_device")
    return -1


def is_distributed(input: Tensor) -> bool:
    """False."""
    return False


def is_pinned(input: Tensor, device: Any = None) -> bool:
    """False: there is no device that would read it."""
    return False


def is_shared(input: Tensor) -> bool:
    """False: no other process sees the memory."""
    return False


def pin_memory(input: Tensor, device: Any = None) -> Tensor:
    """Raises: RuntimeError, as in torch without a device."""
    raise no_device("pin_memory", "accelerator")


def cuda(input: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """Raises: AssertionError: there is no CUDA. Use .to(device) with the device that is_available() chose."""
    raise no_device("cuda", "cuda")


def as_subclass(input: Tensor, cls: type[Tensor]) -> Tensor:
    """The same memory and graph as a tensor of a subclass. Raises: TypeError for another class."""
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError(f"as_subclass: {cls!r} is given; a subclass of Tensor is needed.")
    view = input.view(input.shape)
    view.__class__ = cls  # slots are those of Tensor
    return view


def const_data_ptr(input: Tensor) -> int:
    """The address of the first element, for reading."""
    return input.data_ptr()


def _no(name: str) -> Any:
    def answer(input: Tensor) -> bool:
        return False

    answer.__name__ = name
    answer.__doc__ = "False: tensors here are dense, and on the CPU."
    return answer


def _is_cpu(input: Tensor) -> bool:
    """True."""
    return True


def _layout(input: Tensor) -> Any:
    """torch.strided, as every tensor here."""
    return strided_layout


_NOT = [
    "is_cuda",
    "is_ipu",
    "is_maia",
    "is_meta",
    "is_mkldnn",
    "is_mps",
    "is_mtia",
    "is_nested",
    "is_quantized",
    "is_sparse",
    "is_sparse_csr",
    "is_vulkan",
    "is_xla",
    "is_xpu",
]


offer(
    globals(),
    functions="can_cast get_device is_distributed is_storage promote_types result_type typename",
    methods="as_subclass const_data_ptr cuda get_device is_distributed is_pinned is_shared pin_memory",
    properties={"is_cpu": _is_cpu, "layout": _layout, **{name: _no(name) for name in _NOT}},
)
