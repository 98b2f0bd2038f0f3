"""Parameter: the tensors that a Module owns and an optimizer trains; also those whose shape is not known
yet."""

from __future__ import annotations

from typing import Any

from tapegrad._printing import text
from tapegrad.ops.create import empty
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor, TensorType, like, wrap
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


class BufferType(TensorType):
    """The class of Buffer: which tensors are buffers is written on them."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return getattr(instance, "_is_buffer", False) is True


class Buffer(Tensor, metaclass=BufferType):
    """A tensor that a Module registers as a buffer when it is assigned as an attribute. It shows the memory
    of `data`, and is of the class Tensor. persistent: whether it is part of state_dict.

    Source: torch.nn.Buffer.
    """

    @classmethod
    def make(cls, data: Tensor | None = None, *, persistent: bool = True) -> Tensor:
        """What the constructor does."""
        given = empty(0) if data is None else need_tensor(data, "Buffer", "data")
        return _noted(given.detach().requires_grad_(given.requires_grad), persistent)


def _noted(t: Tensor, persistent: bool) -> Tensor:
    """t, which says that it is a buffer."""
    t.__dict__.update(persistent=persistent, _is_buffer=True)
    return t


_STORAGE: Any = vars(Tensor)["_a"]  # the slot below


class UninitializedTensorMixin(Tensor):
    """A tensor whose shape is not known yet. It has a dtype and can be converted; `materialize` gives it a
    shape and makes it a tensor as others. Everything else raises ValueError.

    Source: torch.nn.parameter.UninitializedTensorMixin.
    """

    cls_to_become: Any

    @property
    def _a(self) -> Any:
        raise ValueError(
            f"{type(self).__name__}: its shape is not known yet; call the module once, on data of the right "
            "shape, before its parameters are used."
        )

    @_a.setter
    def _a(self, a: Any) -> None:
        _STORAGE.__set__(self, a)

    @classmethod
    def _of(cls, requires_grad: bool, device: Any, dtype: Any) -> Tensor:
        return like(cls, empty(0, device=device, dtype=dtype)._a, requires_grad)

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give it memory of a shape, without values. It is a tensor of another class from then on."""
        values = empty(shape, device=device, dtype=self.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become
        self.data = values

    @property
    def shape(self) -> Any:
        """Raises: RuntimeError, as torch has it, and for what asks for sizes."""
        raise RuntimeError(
            f"{type(self).__name__}: its shape is not known yet; call the module once, on data of the right "
            "shape."
        )

    @property
    def data(self) -> Tensor:
        """Nothing, in its dtype."""
        return wrap(_STORAGE.__get__(self))

    @data.setter
    def data(self, other: Tensor) -> None:
        self._a, self._kind = other._a, other._kind

    def _like(self, other: Tensor) -> Tensor:
        return self._of(self.requires_grad, None, other.dtype)

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """The same in another dtype."""
        return self._like(self.data.to(*args, **kwargs))

    def float(self, *args: Any, **kwargs: Any) -> Tensor:
        """The same in float32."""
        return self._like(self.data.float(*args, **kwargs))

    def double(self, *args: Any, **kwargs: Any) -> Tensor:
        """The same in float64."""
        return self._like(self.data.double(*args, **kwargs))

    def half(self, *args: Any, **kwargs: Any) -> Tensor:
        """The same in float16."""
        return self._like(self.data.half(*args, **kwargs))

    def bfloat16(self, *args: Any, **kwargs: Any) -> Tensor:
        """The same in bfloat16."""
        return self._like(self.data.bfloat16(*args, **kwargs))

    def cpu(self, *args: Any, **kwargs: Any) -> Tensor:
        """Itself."""
        return self

    def detach(self) -> Tensor:
        """Itself: there are no values that could be shared."""
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        t = memo[id(self)] = self._like(self)
        return t

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, None, self.dtype)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A Parameter whose shape is not known yet. Source: torch.nn.UninitializedParameter."""

    cls_to_become = Parameter

    @classmethod
    def make(  # type: ignore[override] # its own arguments, as in torch
        cls, requires_grad: bool = True, device: Any = None, dtype: Any = None
    ) -> Tensor:
        """What the constructor does."""
        return cls._of(requires_grad, device, dtype)


class UninitializedBuffer(UninitializedTensorMixin):
    """A buffer whose shape is not known yet. Source: torch.nn.UninitializedBuffer."""

    cls_to_become = Tensor

    @classmethod
    def make(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> Tensor:
        """What the constructor does."""
        return _noted(cls._of(requires_grad, device, dtype), persistent)


def is_lazy(param: Any) -> bool:
    """Whether it is a parameter or buffer whose shape is not known yet."""
    return isinstance(param, UninitializedTensorMixin)
