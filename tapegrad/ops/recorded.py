"""Results that are recorded as those of their inputs, although they do not depend on them smoothly: their
gradients are 0, or an error where torch has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tapegrad.define import opaque, recording
from tapegrad.define.refusing import no_derivative
from tapegrad.kernels.errstate import nameless
from tapegrad.tensor import Tensor


class Drawn:
    """Values that an op is given and no rule reads, so that they may be written."""

    __slots__ = ("values",)

    def __init__(self, values: Any) -> None:
        self.values = values


def _constant(op: str, n: int, title: str | None = None) -> Any:
    def zeros(i: int) -> Any:
        return lambda F, g, shapes, values: F.zeros_like(F.sum_to(g, shapes[i]))

    return _recorded(op, [zeros(i) for i in range(n)], title)


def _recorded(op: str, rules: Sequence[Any], title: str | None) -> Any:
    return opaque(
        f"{op}.recorded",
        lambda *given: given[-1].values,
        linear=True,
        d=rules,
        title=title,
        batch=lambda B, op, xs, args: args[0].values,
        widens=False,
    )


# What is recorded, by op and, for normal, by its parameters that are tensors.
_CONSTANT = {
    "bernoulli": _constant("bernoulli", 1),
    "mean": _constant("normal_mean", 1, "NormalBackward1"),
    "std": _constant("normal_std", 1, "NormalBackward2"),
    "mean, std": _constant("normal", 2, "NormalBackward3"),
    "poisson": _constant("poisson", 1),
}
_MOST = 3  # tensors that are recorded where none has a derivative
_REFUSED = {
    (op, n): _recorded(f"{op}.{n}", [no_derivative(op)] * n, "NotImplemented")
    for op in ("binomial", "bincount", "histogram", "histogramdd")
    for n in range(1, _MOST + 1)
}


def of_parameters(key: str, values: Tensor, parameters: Sequence[Any]) -> Tensor:
    """The values, recorded as a result of those parameters that are tensors, if one requires grad."""
    if not recording(*parameters):
        return values
    tensors = [p for p in parameters if isinstance(p, Tensor)]
    wanting = [p for p in tensors if p.requires_grad][:_MOST]
    if (key, 1) in _REFUSED:
        return _REFUSED[key, len(wanting)](*wanting, Drawn(values._a))  # type: ignore[no-any-return] # a Tensor
    return _CONSTANT[key](*tensors, Drawn(values._a))  # type: ignore[no-any-return] # a Tensor


nameless(globals())
