"""Variable, which old programs wrap tensors in: tensors do all that themselves since torch 0.4."""

from __future__ import annotations

from typing import Any

from tapegrad._errors import describe
from tapegrad.tensor import Tensor


class _Meta(type):
    def __instancecheck__(cls, x: object) -> bool:
        return isinstance(x, Tensor)


class Variable(metaclass=_Meta):
    """Variable(data, requires_grad=False) is data.detach(), a Tensor; and every Tensor is a Variable.

    Raises: TypeError unless data is a Tensor.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        """The tensor without its history. volatile: as in torch, it does nothing any more; see `no_grad`."""
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable: data is {describe(data)}; a Tensor is needed: torch.tensor(data).")
        return data.detach().requires_grad_(requires_grad)
