"""Parameters as one vector."""

from __future__ import annotations

from collections.abc import Iterable

from tapegrad.ops.shape import cat
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of the parameters, one after the other. It can be differentiated."""
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Let the parameters show the parts of a vector, in their shapes.

    Raises: TypeError for what is no Tensor.
    """
    need_tensor(vec, "vector_to_parameters", "vec")
    at = 0
    for p in parameters:
        n = p.numel()
        p.data = vec[at : at + n].view_as(p).data
        at += n
