"""Parameter: the tensors that a Module owns and an optimizer trains."""

from __future__ import annotations

from typing import Any

from tapegrad._printing import text
from tapegrad.ops.create import empty
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, like
from tapegrad.views import box, check_inference


class Parameter(Tensor):
    """A leaf that a Module registers when it is assigned as an attribute. It shares the memory of `data`.

    Source: torch.nn.Parameter.
    """

    @classmethod
    def make(cls, data: Tensor | None = None, requires_grad: bool = True) -> Tensor:
        """What the constructor does."""
        if requires_grad and data is not None:
            check_inference(need_tensor(data, "Parameter", "data"), "Parameter")
        return like(
            cls, Tensor()._a if data is None else box(need_tensor(data, "Parameter", "data")), requires_grad
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A copy in memory of its own, without the gradient and attributes, as torch makes it."""
        a = self._a
        t = memo[id(self)] = like(type(self), a.copy("K") if a.ndim else a.copy(), self.requires_grad)
        return t

    def __repr__(self) -> str:
        return f"Parameter containing:\n{text(self)}"


class _Uninitialized:
    """What a lazy module holds until it knows a shape. Everything but the dtype waits for `materialize`."""

    __slots__ = ()
    _becomes: type[Tensor]

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become a Parameter or a Tensor of that shape, whose values are not set."""
        tensor: Any = self
        tensor.data = empty(tuple(shape), device=device, dtype=tensor.dtype if dtype is None else dtype)
        tensor.__class__ = self._becomes

    @property
    def shape(self) -> Any:
        """Raises: RuntimeError, there is none yet."""
        raise RuntimeError(
            f"shape: this is an {type(self).__name__}, which has none; call the module with an input first, "
            "or load a state_dict."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Another one."""
        tensor: Any = self
        copy: Any = type(self)
        memo[id(self)] = new = copy(tensor.requires_grad, dtype=tensor.dtype)
        return new

    def __reduce_ex__(self, protocol: Any) -> Any:
        tensor: Any = self
        return type(self), (tensor.requires_grad,)


class UninitializedParameter(_Uninitialized, Parameter):
    """A Parameter whose shape is not known yet. Source: torch.nn.UninitializedParameter."""

    _becomes = Parameter

    @classmethod
    def make(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Tensor:  # type: ignore[override] # other arguments
        """What the constructor does."""
        return like(cls, empty(0, device=device, dtype=dtype)._a, requires_grad)


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer whose shape is not known yet. Source: torch.nn.UninitializedBuffer."""

    _becomes = Tensor

    @classmethod
    def make(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> Tensor:
        """What the constructor does."""
        return like(cls, empty(0, device=device, dtype=dtype)._a, requires_grad)


def is_lazy(param: Any) -> bool:
    """Whether it has no shape yet."""
    return isinstance(param, _Uninitialized)
