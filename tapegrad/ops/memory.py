"""The memory under tensors: which it is, who else shows it, and giving a tensor another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tapegrad._errors import describe, sizes
from tapegrad.define import linear, newborn, offer
from tapegrad.define.base import run
from tapegrad.define.batching import same
from tapegrad.dtypes import as_numpy
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.memory import buffer_of, bytes_of, in_one_piece, offset_of, restrided
from tapegrad.kernels.strided import geometry_of, row_major
from tapegrad.memory import alias, replace_memory, resize, version_of
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, wrap
from tapegrad.views import (
    base_of,
    box,
    check_history,
    check_inference,
    cold_of,
    is_view,
)
from tapegrad.views import is_inference as made_in_inference_mode


class UntypedStorage:
    """The memory that a tensor shows, or shows a part of. Source: torch.UntypedStorage."""

    __slots__ = ("_a",)

    def __init__(self, a: Any) -> None:
        self._a = buffer_of(a)

    def nbytes(self) -> int:
        """How many bytes it has."""
        return int(self._a.nbytes)

    size = __len__ = nbytes

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return int(self._a.__array_interface__["data"][0])

    def bytes(self) -> Any:
        """Its bytes, in their order, as an array that shares them. Raises: ValueError unless in_one_piece."""
        return bytes_of(self._a)

    def in_one_piece(self) -> bool:
        """Whether nothing of others lies between its bytes."""
        return in_one_piece(self._a)

    def cpu(self) -> UntypedStorage:
        """Itself: everything is on the CPU."""
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and self.data_ptr() == other.data_ptr()

    def __hash__(self) -> int:
        return hash(self.data_ptr())


def untyped_storage(input: Tensor) -> UntypedStorage:
    """The memory that input shows, whole. Views of one tensor have the same."""
    return UntypedStorage(box(input))


def storage_offset(input: Tensor) -> int:
    """Where in its storage input's first element lies, in elements."""
    return offset_of(box(input)) // input.itemsize


def is_set_to(input: Tensor, tensor: Tensor) -> bool:
    """Whether both show the same memory in the same shape and order."""
    a, b = box(input), box(need_tensor(tensor, "is_set_to", "tensor"))
    same = a.shape == b.shape and a.strides == b.strides
    return bool(same and a.__array_interface__["data"] == b.__array_interface__["data"])


def is_inference(input: Tensor) -> bool:
    """Whether input was made in inference mode."""
    return made_in_inference_mode(input)


def is_a_view(input: Tensor) -> bool:
    """Whether input is a view that autograd knows of."""
    return is_view(input)


def base(self: Tensor) -> Tensor | None:
    """The tensor of which this is a view; None if it is none."""
    return base_of(self) if is_view(self) else None


def version(self: Tensor) -> int:
    """How often its memory was written in place. Raises: RuntimeError for an inference tensor."""
    return version_of(self)


def set_(
    input: Tensor,
    source: Tensor | UntypedStorage | None = None,
    storage_offset: int = 0,
    size: Sequence[int] | None = None,
    stride: Sequence[int] | None = None,
) -> Tensor:
    """Let input show the memory of source, in source's shape or in the given one; without source, nothing.

    Raises: RuntimeError for another dtype, a tensor that requires grad, a region beyond the memory.
    """
    check_history(input, "set_")
    if input.requires_grad and input._node is not None and input._node.op is not None:
        raise RuntimeError(f"set_: {describe(input)} was computed; giving it other memory has no derivative.")
    if source is None:
        a = np.empty(0, input._kind)
    elif isinstance(source, UntypedStorage):
        a = source.bytes().view(input._kind)
    else:
        a = box(need_tensor(source, "set_", "source"))
        if source._kind is not input._kind:
            raise RuntimeError(f"set_: source is {source.dtype} and input {input.dtype}; they must be equal.")
        if source.requires_grad:
            raise RuntimeError("set_: source requires grad, and this has no derivative; use detach().")
    if size is not None:
        if stride is None:
            stride = row_major(tuple(size))
        a = _region(a, tuple(size), tuple(stride), storage_offset, "set_")
    replace_memory(input, a)
    cold_of(input).count += 1
    return input


def _region(a: Any, shape: tuple[int, ...], steps: tuple[int, ...], offset: int, op: str) -> Any:
    try:
        return restrided(a, shape, tuple([s * a.itemsize for s in steps]), offset * a.itemsize)
    except ValueError:
        raise RuntimeError(
            f"{op}: size {sizes(shape)} with stride {steps} from {offset} on must lie in the memory of "
            f"{buffer_of(a).nbytes // a.itemsize} elements."
        ) from None


def resize_(input: Tensor, *shape: Any, size: Any = None, memory_format: Any = None) -> Tensor:
    """Another shape over the same memory, in row-major order. A larger one gets new memory, in which what is
    beyond the old elements is undefined.

    Raises: RuntimeError for a tensor that requires grad, negative sizes, and where new memory is needed but
    others show the old.
    """
    shape = shape if size is None else (size,)
    new = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    check_inference(input, "resize_")
    if input.requires_grad:
        raise RuntimeError(f"resize_: {describe(input)} requires grad; use reshape() or an index instead.")
    if any(n < 0 for n in new):
        raise RuntimeError(f"resize_: sizes are {sizes(new)}; they must be 0 or more.")
    resize(input, new, "resize_")
    return input


def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """resize_ to the shape of another tensor."""
    return resize_(input, *need_tensor(the_template, "resize_as_", "the_template")._a.shape)


# ---- other dtypes


def view_arguments(names: dict[str, Any]) -> tuple[Any, ...]:
    """What view(dtype=...) or view(size=...) names, as if it were not named."""
    if set(names) not in ({"dtype"}, {"size"}):
        raise TypeError(f"view: {sorted(names)} are given; sizes, or dtype=, are needed.")
    return tuple(names.values())


_bytes = linear("view.bytes", lambda x, dtype: x.view(dtype), None, batch=same)
_bytes.op.vjp = None


def view_dtype(input: Tensor, dtype: Any) -> Tensor:
    """The bytes of input as elements of another dtype, which is outside the graph.

    Raises: RuntimeError if its elements are wider or narrower and the last dimension does not allow that.
    """
    x, kind = box(input), as_numpy(dtype, "view")
    old, new = x.dtype.itemsize, kind.itemsize
    if old != new:
        shape, steps, start = geometry_of(x)
        if not x.size:
            steps = tuple(row_major(shape))  # NumPy has no strides for nothing
        fits = bool(shape) and steps[-1] == 1
        if fits and new > old:
            fits = all(n * old % new == 0 for n in (shape[-1], start, *steps[:-1]))
        if not fits:
            raise RuntimeError(
                f"view: {describe(input)} with strides {input.stride()} cannot be seen as {dtype}; its last "
                "dimension must lie in one piece, and hold whole elements, also from row to row."
            )
    t: Tensor = alias(input, newborn(wrap(run(_bytes.op, (x,), (kind,)))), True)
    return t


offer(
    globals(),
    methods="is_set_to resize_ set_ storage_offset untyped_storage",
    both="is_inference resize_as_",
    named={"_is_view": is_a_view},
    properties={"_base": base, "_version": version},
)
nameless(globals())
