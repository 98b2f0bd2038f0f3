"""Gradients that are limited before a step."""

from __future__ import annotations

from collections.abc import Iterable

from tapegrad.autograd import no_grad
from tapegrad.ops.create import zeros
from tapegrad.ops.norms import norms, scale_, vector_norm
from tapegrad.tensor import Tensor

Tensors = Tensor | Iterable[Tensor]


def _listed(parameters: Tensors) -> list[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else list(parameters)


def _grads(parameters: Tensors) -> list[Tensor]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all elements of some tensors, as one vector.

    Raises: RuntimeError with error_if_nonfinite, if it is not finite.
    """
    listed = _listed(tensors)
    if not listed:
        return zeros(())
    with no_grad():
        total: Tensor = vector_norm(norms(listed, float(norm_type)), float(norm_type))
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"get_total_norm: the norm is {total.item()}; with error_if_nonfinite=True it must be finite."
        )
    return total


def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the parameters' gradients by max_norm / total_norm, if that is below 1."""
    grads = _grads(parameters)
    with no_grad():
        factor = (max_norm / (total_norm + 1e-6)).clamp(max=1.0)
        scale_(grads, factor)


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the parameters' gradients together so that their norm is at most max_norm; returns the norm that
    they had.

    Raises: RuntimeError with error_if_nonfinite, if it is not finite; nothing has changed then.
    """
    listed = _listed(parameters)
    total = get_total_norm(_grads(listed), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, total)
    return total


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Limit each element of the parameters' gradients to [-clip_value, clip_value]."""
    with no_grad():
        for g in _grads(parameters):
            g.clamp_(-float(clip_value), float(clip_value))
