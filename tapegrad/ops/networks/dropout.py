"""Dropout: torch's masks for torch's seeds."""

from __future__ import annotations

from tapegrad._errors import describe, say_once
from tapegrad.define import inplace, offer
from tapegrad.kernels.errstate import nameless
from tapegrad.ops.create import empty, zeros
from tapegrad.ops.draws import bernoulli_
from tapegrad.ops.new import empty_like
from tapegrad.ops.pointwise import add, mul
from tapegrad.ops.shape import squeeze, unsqueeze
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

# Where a self-normalising network's activations go: the value of selu at minus infinity, without its sign.
_ALPHA = 1.7580993408473766


def _noise(op: str, x: Tensor, by_channel: bool) -> Tensor:
    """Memory for one number per element, or per channel."""
    if not by_channel:
        return empty_like(x.detach())
    if x._a.ndim < 2:
        raise RuntimeError(f"{op}: input is {describe(x)}; two dimensions or more are needed.")
    return empty((*x._a.shape[:2], *(1,) * (x._a.ndim - 2)), dtype=x.dtype)


def _drop(
    op: str,
    input: Tensor,
    p: float,
    train: bool,
    write: bool,
    *,
    by_channel: bool = False,
    alpha: bool = False,
) -> Tensor:
    """input with a part p of its elements, or channels, set to 0 (or to what keeps a self-normalising
    network's mean and variance), the others scaled."""
    x = need_tensor(input, op)
    if not 0 <= p <= 1:
        raise ValueError(f"{op}: p is {p}; 0 to 1 is needed.")
    if p == 0 or not train or not x._a.size:
        return x
    times, plus = (mul_, add_) if write else (mul, add)
    if p == 1:
        return times(x, zeros((), dtype=x.dtype))
    noise = bernoulli_(_noise(op, x, by_channel), 1 - p)
    if not alpha:
        return times(x, noise / (1 - p))
    a = 1 / ((_ALPHA * _ALPHA * p + 1) * (1 - p)) ** 0.5
    shift = (noise - 1) * (_ALPHA * a) + _ALPHA * a * p
    return plus(times(x, noise * a), shift)


mul_, add_ = inplace(mul, "mul_"), inplace(add, "add_")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """input with each element set to 0 with probability p, the others divided by 1 - p; not in training,
    input itself.

    Raises: ValueError for p outside 0 to 1.
    Source: G. Hinton et al., "Improving neural networks by preventing co-adaptation" (2012).
    """
    return _drop("dropout", input, p, training, inplace)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """dropout that keeps mean and variance of self-normalising networks.

    Source: G. Klambauer et al., "Self-Normalizing Neural Networks" (2017).
    """
    return _drop("alpha_dropout", input, p, training, inplace, alpha=True)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """alpha_dropout of whole channels (dimension 1)."""
    return _drop("feature_alpha_dropout", input, p, training, inplace, by_channel=True, alpha=True)


def feature_dropout(input: Tensor, p: float, train: bool, inplace: bool = False) -> Tensor:
    """dropout of whole channels (dimension 1)."""
    return _drop("feature_dropout", input, p, train, inplace, by_channel=True)


def _of_channels(op: str, input: Tensor, p: float, train: bool, write: bool, batched: int) -> Tensor:
    """dropout of whole channels where one dimension less means that there is no batch."""
    if need_tensor(input, op)._a.ndim == batched:
        return _drop(op, input, p, train, write, by_channel=True)
    if not 0 <= p <= 1:
        raise ValueError(f"{op}: p is {p}; 0 to 1 is needed.")
    whole = unsqueeze(input, 0)
    dropped = _drop(op, whole, p, train, write, by_channel=True)
    return input if write else squeeze(dropped, 0)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout of whole channels.

    Shapes: [N, C, L] or [C, L]. Raises: RuntimeError for other numbers of dimensions.
    """
    if need_tensor(input, "dropout1d")._a.ndim not in (2, 3):
        raise RuntimeError(f"dropout1d: input is {describe(input)}; [N, C, L] or [C, L] is needed.")
    return _of_channels("dropout1d", input, p, training, inplace, 3)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout of whole channels, which are dimension 1. Shapes: [N, C, H, W]."""
    if need_tensor(input, "dropout2d")._a.ndim != 4:
        say_once(f"dropout2d: input is {describe(input)}; its dimension 1 is taken for channels.")
    return _drop("dropout2d", input, p, training, inplace, by_channel=True)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """dropout of whole channels. Shapes: [N, C, D, H, W] or [C, D, H, W]."""
    if need_tensor(input, "dropout3d")._a.ndim not in (4, 5):
        say_once(f"dropout3d: input is {describe(input)}; [N, C, D, H, W] or [C, D, H, W] is meant.")
    return _of_channels("dropout3d", input, p, training, inplace, 5)


offer(
    globals(),
    functions="alpha_dropout dropout dropout1d dropout2d dropout3d feature_alpha_dropout",
    namespace="nn",
)
nameless(globals())
