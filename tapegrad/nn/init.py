"""Initial values of parameters, drawn from torch's streams."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

from tapegrad._errors import choices, describe, say
from tapegrad.autograd import no_grad
from tapegrad.ops.arrange import diag
from tapegrad.ops.create import eye as _eye
from tapegrad.ops.decompose import qr
from tapegrad.ops.new import empty_like
from tapegrad.ops.pointwise import where
from tapegrad.ops.random import Generator, randperm
from tapegrad.tensor import Tensor

_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps a signal's spread through a nonlinearity; `param` is leaky_relu's slope (0.01).

    Raises: ValueError for an unknown nonlinearity.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"calculate_gain: param is {param!r}; a number is needed.")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity.startswith("conv"):
        return 1.0
    if nonlinearity not in _GAINS:
        raise ValueError(
            f"calculate_gain: nonlinearity is {nonlinearity!r}; {choices([*_GAINS, 'leaky_relu'])} is needed."
        )
    return _GAINS[nonlinearity]


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    if tensor.dim() < 2:
        raise ValueError(
            f"init: tensor is {describe(tensor)}, which has no fan-in and fan-out; 2-d or more is needed."
        )
    field = math.prod([int(n) for n in tensor.shape[2:]])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"init: mode is {mode!r}; 'fan_in' or 'fan_out' is needed.")
    return _calculate_fan_in_and_fan_out(tensor)[mode.lower() == "fan_out"]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform numbers from a to b."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Normal numbers."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number everywhere."""
    with no_grad():
        return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix. Raises: ValueError unless 2-d."""
    if tensor.dim() != 2:
        raise ValueError(f"eye_: tensor is {describe(tensor)}; two dimensions are needed.")
    with no_grad():
        return tensor.copy_(_eye(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Weights of a convolution that keep as many channels as they are as there are.

    Raises: ValueError unless 3-d to 5-d, and groups divides the first size.
    """
    if not 3 <= tensor.dim() <= 5 or tensor.shape[0] % groups:
        raise ValueError(
            f"dirac_: tensor is {describe(tensor)} and groups {groups}; three to five dimensions are needed, "
            "the first of which groups divides."
        )
    each = tensor.shape[0] // groups
    middle = tuple([n // 2 for n in tensor.shape[2:]])
    with no_grad():
        tensor.zero_()
        for g in range(groups):
            for k in range(min(each, tensor.shape[1])):
                tensor[(g * each + k, k, *middle)] = 1
    return tensor


def _empty(tensor: Tensor) -> bool:
    """Whether there is nothing to draw, which is said."""
    if 0 not in tensor.shape:
        return False
    say(f"init: tensor is {describe(tensor)}, which has no elements; nothing is drawn.")
    return True


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform numbers that keep the signal's spread through layers of a rectifier (He et al. 2015)."""
    if _empty(tensor):
        return tensor
    bound = math.sqrt(3.0) * (
        calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    )
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal numbers that keep the signal's spread through layers of a rectifier (He et al. 2015)."""
    if _empty(tensor):
        return tensor
    return normal_(
        tensor,
        0.0,
        calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode)),
        generator,
    )


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform numbers that keep the spread both ways through linear layers (Glorot and Bengio 2010)."""
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor)))))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal numbers that keep the spread both ways through linear layers (Glorot and Bengio 2010)."""
    return normal_(
        tensor, 0.0, gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor)))), generator
    )


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Normal numbers between a and b: those outside are drawn again."""
    if mean < a - 2 * std or mean > b + 2 * std:
        say(
            f"trunc_normal_: mean is {mean}, std {std}, a {a} and b {b}; the mean is more than two std from "
            "the interval, and the numbers may have another distribution."
        )
    inside = (math.erf((b - mean) / std / math.sqrt(2.0)) - math.erf((a - mean) / std / math.sqrt(2.0))) / 2
    with no_grad():
        if inside > 0.3:
            return _redrawn(tensor, mean, std, a, b, generator)
        return _rejected(tensor, mean, std, a, b, generator)


def _redrawn(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    """Normal numbers, drawn anew while one is outside."""
    low, high = tensor.new_tensor(a).item(), tensor.new_tensor(b).item()
    x = tensor.normal_(mean, std, generator=generator)
    while (outside := (x < low) | (x > high)).any():
        x = where(outside, empty_like(x).normal_(mean, std, generator=generator), x)
    return tensor if x is tensor else tensor.copy_(x)


def _rejected(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    """Uniform numbers, kept with a chance in proportion to the density: for intervals that the normal
    distribution rarely meets."""
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    x = tensor.uniform_(a, b, generator=generator)
    candidates, chances = x.clone(), empty_like(x)

    def refused() -> Tensor:
        candidates.sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(peak)
        return chances.uniform_(generator=generator).log_().gt(candidates)

    pending = refused()
    while pending.any():
        candidates.uniform_(a, b, generator=generator)
        x = where(pending, candidates, x)
        pending = where(pending, refused(), pending)
    return tensor if x is tensor else tensor.copy_(x)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """An orthogonal matrix times gain, over the first dimension and all others together.

    Raises: ValueError for less than two dimensions.
    Source: A. Saxe et al., "Exact Solutions to the Nonlinear Dynamics of Learning" (2013).
    """
    if tensor.dim() < 2:
        raise ValueError(f"orthogonal_: tensor is {describe(tensor)}; two dimensions or more are needed.")
    if 0 in tensor.shape:
        return tensor
    rows = tensor.shape[0]
    with no_grad():
        flat = tensor.new_empty((rows, tensor.numel() // rows)).normal_(0, 1, generator=generator)
        wide = rows < flat.shape[1]
        q, r = qr(flat.t() if wide else flat)
        q = q * diag(r).sign()
        tensor.copy_((q.t() if wide else q).reshape(tensor.shape))
        return tensor.mul_(gain)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Normal numbers with a share `sparsity` of zeros in each column.

    Raises: ValueError unless 2-d.
    Source: J. Martens, "Deep learning via Hessian-free optimization" (2010).
    """
    if tensor.dim() != 2:
        raise ValueError(f"sparse_: tensor is {describe(tensor)}; two dimensions are needed.")
    rows, columns = tensor.shape
    with no_grad():
        tensor.normal_(0, std, generator=generator)
        for k in range(columns):
            tensor[randperm(rows)[: math.ceil(sparsity * rows)], k] = 0
    return tensor


def _old(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """f by its old name, without the underscore."""
    name = f.__name__[:-1]

    @wraps(f)
    def old(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"{name}: this name is old; use init.{name}_.", FutureWarning, stacklevel=2)
        return f(*args, **kwargs)

    old.__name__ = old.__qualname__ = name
    return old


uniform, normal, constant = _old(uniform_), _old(normal_), _old(constant_)
eye, dirac = _old(eye_), _old(dirac_)
xavier_uniform, xavier_normal = _old(xavier_uniform_), _old(xavier_normal_)
kaiming_uniform, kaiming_normal = _old(kaiming_uniform_), _old(kaiming_normal_)
orthogonal, sparse = _old(orthogonal_), _old(sparse_)

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]
