"""More ways to make tensors: like another one (`x.new_zeros`), by strides, on memory that others own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

import tapegrad.kernels.filling as filling
from tapegrad._errors import say_once, sizes
from tapegrad.define import offer
from tapegrad.devices import check_device
from tapegrad.dtypes import as_numpy, of
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import empty_like as template
from tapegrad.kernels.memory import restrided
from tapegrad.levels import Storage
from tapegrad.ops.create import (
    array_of,
    fill,
    filled,
    kind_of,
    leaf,
    native,
    plain_number,
    shape_of,
)
from tapegrad.ops.pointwise import Number
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap

# ---- like another tensor


def _like(op: str, input: Any, dtype: Any, device: Any) -> Any:
    """An array of the shape, the dtype and the layout of input."""
    if device is not None:
        check_device(device, op)
    a = need_tensor(input, op)._a
    kind = input._kind if dtype is None else as_numpy(dtype, op)
    if type(a) is ndarray or not isinstance(a, Storage):
        return template(a, kind)
    return np.empty(a.shape, kind)  # the same for every entry; what is written into it may differ


def zeros_like(
    input: Tensor,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Zeros of the shape and dtype of input."""
    a = _like("zeros_like", input, dtype, device)
    filling.fill(a, 0)
    return leaf(a, requires_grad)


def ones_like(
    input: Tensor,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Ones of the shape and dtype of input."""
    a = _like("ones_like", input, dtype, device)
    filling.fill(a, 1)
    return leaf(a, requires_grad)


def empty_like(
    input: Tensor,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Uninitialised memory of the shape and dtype of input."""
    return leaf(_like("empty_like", input, dtype, device), requires_grad)


def full_like(
    input: Tensor,
    fill_value: Number,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """One number in the shape and dtype of input."""
    value = plain_number(fill_value, "full_like", "fill_value")
    a = _like("full_like", input, dtype, device)
    fill("full_like", a, value)
    return leaf(a, requires_grad)


def _new(name: str, make: Any, what: str) -> Any:
    def call(
        input: Tensor,
        *sides: Any,
        size: Sequence[int] | None = None,
        dtype: Any = None,
        device: Any = None,
        layout: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
    ) -> Tensor:
        check_device(device, name)
        kind = kind_of(dtype, name, input._kind)
        return leaf(make(shape_of(sides, name, size), kind), requires_grad)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{what} of a shape, in the dtype of input unless another is given."
    return call


new_zeros = _new("new_zeros", filling.zeros, "Zeros")
new_ones = _new("new_ones", filling.ones, "Ones")
new_empty = _new("new_empty", filling.empty, "Uninitialised memory")


def new_full(
    input: Tensor,
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """One number in a shape, in the dtype of input unless another is given."""
    check_device(device, "new_full")
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    return leaf(filled("new_full", size, value, kind_of(dtype, "new_full", input._kind)), requires_grad)


def new_tensor(
    input: Tensor,
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    layout: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new leaf with a copy of data, in the dtype of input unless another is given. See torch.tensor."""
    check_device(device, "new_tensor")
    if isinstance(data, Tensor):
        say_once("new_tensor: data is a Tensor; to copy one, use .detach().clone() (and .requires_grad_()).")
    kind = kind_of(dtype, "new_tensor", input._kind)
    return leaf(array_of(data, kind, True), requires_grad)


def new(input: Tensor, *args: Any) -> Tensor:
    """A tensor of the dtype of input: of sizes, uninitialised, or with a copy of data. torch's old way of
    `new_empty` and `new_tensor`."""
    if len(args) == 1 and not isinstance(args[0], int):
        return leaf(array_of(args[0], input._kind, True))
    return leaf(np.empty(args or (0,), input._kind))


def scalar_tensor(
    s: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A number as a 0-d tensor of the default dtype, unless another is given."""
    check_device(device, "scalar_tensor")
    kind = kind_of(dtype, "scalar_tensor")
    return leaf(filled("scalar_tensor", (), s, kind), requires_grad)


# ---- by strides


def _by_strides(shape: Any, strides: Any, kind: Any, op: str) -> ndarray:
    shape, steps = shape_of((tuple(shape),), op), tuple(strides)
    if len(shape) != len(steps):
        raise RuntimeError(
            f"{op}: size is {sizes(shape)} and stride {sizes(steps)}; they must have as many entries."
        )
    if any(s < 0 for s in steps):
        raise RuntimeError(f"{op}: stride is {sizes(steps)}; strides must be 0 or more.")
    reach = 0 if 0 in shape else 1 + sum((n - 1) * s for n, s in zip(shape, steps, strict=True))
    buffer = np.empty(reach, kind)
    a: ndarray = restrided(buffer, shape, tuple([s * kind.itemsize for s in steps]))
    return a


def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Uninitialised memory of a shape whose neighbours lie `stride` elements apart, per dimension.

    Raises: RuntimeError for negative strides, or other than one per dimension.
    """
    check_device(device, "empty_strided")
    kind = kind_of(dtype, "empty_strided")
    return leaf(_by_strides(size, stride, kind, "empty_strided"), requires_grad)


def new_empty_strided(
    input: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """As empty_strided, in the dtype of input unless another is given."""
    check_device(device, "new_empty_strided")
    kind = kind_of(dtype, "new_empty_strided", input._kind)
    return leaf(_by_strides(size, stride, kind, "new_empty_strided"), requires_grad)


def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Uninitialised memory of a shape without gaps, its dimensions ordered in memory as physical_layout says.

    Raises: RuntimeError unless physical_layout is a permutation of the dimensions.
    """
    shape = shape_of((tuple(size),), "empty_permuted")
    if sorted(physical_layout) != list(range(len(shape))):
        raise RuntimeError(
            f"empty_permuted: physical_layout is {tuple(physical_layout)} and size {sizes(shape)}; each "
            "dimension is needed once."
        )
    steps, step = [0] * len(shape), 1
    for d in reversed(physical_layout):
        steps[d], step = step, step * shape[d]
    return empty_strided(shape, steps, dtype=dtype, device=device, requires_grad=requires_grad)


# ---- on memory that others own


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-d tensor on the memory of an object with Python's buffer protocol (bytearray, memoryview, mmap).

    count: elements, -1 for all. offset: bytes to leave out at the start. Memory that is read-only (bytes)
    cannot be written through the tensor.
    Raises: ValueError for an object without a buffer, or if the numbers do not fit its length.
    """
    kind = as_numpy(dtype, "frombuffer")
    try:
        length = memoryview(buffer).nbytes
    except TypeError:
        name = type(buffer).__name__
        raise ValueError(
            f"frombuffer: a {name} has no buffer; pass e.g. a bytearray or a memoryview."
        ) from None
    if not length or not count:
        raise ValueError(f"frombuffer: the buffer has {length} bytes and count is {count}; neither may be 0.")
    if not 0 <= offset < length:
        raise ValueError(
            f"frombuffer: offset is {offset} and the buffer has {length} bytes; it must be inside."
        )
    if count < 0 and (length - offset) % kind.itemsize:
        raise ValueError(
            f"frombuffer: {length - offset} bytes are given and {of(kind)} has {kind.itemsize}; a multiple "
            "is needed, or count."
        )
    if count > 0 and offset + count * kind.itemsize > length:
        raise ValueError(
            f"frombuffer: count is {count} and offset {offset}: {offset + count * kind.itemsize} bytes are "
            f"needed, and the buffer has {length}; pass a smaller count."
        )
    t = wrap(np.frombuffer(buffer, kind, count, offset))
    return t.requires_grad_() if requires_grad else t


def from_file(
    filename: str, shared: bool | None = None, size: int | None = 0, *, dtype: Any = None, **options: Any
) -> Tensor:
    """A 1-d tensor of `size` elements on a file, mapped into memory. shared: writes go to the file, which is
    made or lengthened if needed; otherwise they stay in memory."""
    kind = kind_of(dtype, "from_file")
    n = int(size or 0)
    if shared:
        with open(filename, "ab") as f:
            f.truncate(max(f.tell(), n * kind.itemsize))
    return wrap(np.asarray(np.memmap(filename, kind, "r+" if shared else "c", shape=(n,))))


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor on the memory of an array of another library (NumPy, PyTorch, JAX, CuPy on the CPU, ...) by
    DLPack, without a copy; memory with negative strides is copied.

    copy: True for a copy in any case, False for an error where one is needed.
    Raises: BufferError or RuntimeError for what cannot be taken over.
    """
    check_device(device, "from_dlpack")
    if isinstance(ext_tensor, Tensor):
        return ext_tensor.detach().clone() if copy else ext_tensor.detach()
    if not hasattr(ext_tensor, "__dlpack__"):
        name = type(ext_tensor).__name__
        raise RuntimeError(f"from_dlpack: a {name} has no __dlpack__(); pass an array, or use torch.tensor.")
    a = ext_tensor if isinstance(ext_tensor, ndarray) else np.from_dlpack(ext_tensor)
    if copy or any(s < 0 for s in a.strides):
        if copy is False:
            raise BufferError("from_dlpack: the array has negative strides, and copy is False; pass a copy.")
        a = a.copy()
    return wrap(native(a))


def to_dlpack(
    input: Tensor,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: Any = None,
    copy: bool | None = None,
) -> Any:
    """The tensor's memory as a DLPack capsule, for from_dlpack() of another library.

    Raises: BufferError if it requires grad.
    """
    if input.requires_grad:
        raise BufferError("dlpack: the tensor requires grad, and others would lose the graph; detach() it.")
    return input.numpy().__dlpack__(max_version=max_version, dl_device=dl_device, copy=copy)


def dlpack_device(input: Tensor) -> tuple[int, int]:
    """DLPack's number of the CPU, and 0."""
    return 1, 0


offer(
    globals(),
    functions=(
        "empty_like empty_permuted empty_strided from_dlpack from_file frombuffer full_like ones_like "
        "scalar_tensor zeros_like"
    ),
    methods="new new_empty new_empty_strided new_full new_ones new_tensor new_zeros",
    named={"__dlpack__": to_dlpack, "__dlpack_device__": dlpack_device},
)
nameless(globals())
