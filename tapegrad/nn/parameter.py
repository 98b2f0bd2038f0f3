"""Parameter: the tensors that a Module owns and an optimizer trains."""

from __future__ import annotations

from typing import Any

from tapegrad._printing import text
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
