"""What the distributions share. Source: torch.distributions.utils."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Generic, TypeVar, overload

from tapegrad._errors import describe
from tapegrad.autograd import enable_grad
from tapegrad.dtypes import finfo, get_default_dtype
from tapegrad.ops.create import empty, tensor
from tapegrad.ops.joins import broadcast_tensors
from tapegrad.ops.random import rand
from tapegrad.ops.series import arange
from tapegrad.tensor import Size, Tensor

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

R = TypeVar("R")
euler_constant = 0.57721566490153286060


def is_number(x: Any) -> bool:
    """Whether x is a number of Python's."""
    return isinstance(x, (bool, int, float))


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers, as tensors of one shape; the numbers in the dtype of the first tensor.

    Raises: ValueError for anything else.
    """
    for v in values:
        if not isinstance(v, Tensor) and not is_number(v):
            raise ValueError(f"broadcast_all: {describe(v)} is given; tensors and numbers are needed.")
    kind = next((v.dtype for v in values if isinstance(v, Tensor)), get_default_dtype())
    tensors = [v if isinstance(v, Tensor) else tensor(v, dtype=kind) for v in values]
    return tuple(broadcast_tensors(*tensors))


def standard_normal(shape: Any, like: Tensor) -> Tensor:
    """Standard normal numbers in a shape, in the dtype of `like`."""
    return empty(shape, dtype=like.dtype).normal_()


def uniform_like(like: Tensor, shape: Any) -> Tensor:
    """Uniform numbers in [0, 1) in a shape, in the dtype of `like`."""
    return rand(shape, dtype=like.dtype)


def sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """The sum over the last `dim` dimensions."""
    return value.reshape(*value.shape[:-dim], -1).sum(-1) if dim else value


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities from log odds (is_binary), or from logarithms along the last dimension."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities moved away from 0 and 1 by the dtype's eps."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Log odds (is_binary), or logarithms, of probabilities."""
    inside = clamp_probs(probs)
    return inside.log() - (-inside).log1p() if is_binary else inside.log()


class lazy_property(Generic[R]):  # torch's name
    """An attribute that is computed, with gradients, when it is first read."""

    def __init__(self, wrapped: Callable[[Any], R]) -> None:
        self.wrapped = wrapped
        update_wrapper(self, wrapped)  # type: ignore[arg-type] # for its name and docstring

    @overload
    def __get__(self, instance: None, owner: Any = None) -> lazy_property[R]: ...

    @overload
    def __get__(self, instance: object, owner: Any = None) -> R: ...

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def _below(n: int, diag: int) -> Tensor:
    """Where a matrix has its lower triangle, up to diagonal `diag`."""
    return arange(n) < arange(n).view(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements of the lower triangle, row by row.

    Shapes: [..., n, n] to [..., k]. Raises: ValueError for a diagonal outside of the matrix.
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"tril_matrix_to_vec: diag is {diag}; it must lie in [{-n}, {n - 1}].")
    return mat[..., _below(n, diag)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The lower triangular matrix whose elements, row by row, these are.

    Shapes: [..., k] to [..., n, n]. Raises: ValueError for a k that no n gives.
    """
    k = vec.shape[-1]
    odd = 1 + 2 * diag
    exact = (-odd + (odd**2 + 8 * k + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    n = round(exact)
    if n - exact > finfo(vec.dtype).eps:
        raise ValueError(f"vec_to_tril_matrix: {k} elements are given; no lower triangle has that many.")
    mat = vec.new_zeros((*vec.shape[:-1], n, n))
    mat[..., _below(n, diag)] = vec
    return mat


def size(shape: Any) -> Size:
    """A shape as torch.Size."""
    return shape if isinstance(shape, Size) else Size(shape)
