"""F: the operations on Tensors. The namespace in which rules run when the backward itself is recorded."""

import sys
from importlib import import_module
from typing import Any

from tapegrad.define import cast
from tapegrad.domains import RECORDED
from tapegrad.kernels.pointwise import inside
from tapegrad.ops import methods
from tapegrad.public import RULES
from tapegrad.tape import Op
from tapegrad.tensor import Tensor

__all__ = ["apply", "cast", "inside", "records"]

records = True


def apply(op: Op, x: Tensor, *args: Any) -> Tensor:
    """An op on a Tensor."""
    return op.call(x, *args)  # type: ignore[no-any-return] # every op's call gives a Tensor


def __getattr__(name: str) -> Any:
    """What files that load later have offered to rules."""
    f = RULES.get(name)
    if f is None:
        raise AttributeError(f"F: there is no operation {name!r}.")
    return f


for _name in [
    "activations",
    "along",
    "arrange",
    "complex_numbers",
    "convert",
    "copies",
    "create",
    "cumulative",
    "decompose",
    "differences",
    "distances",
    "draws",
    "einsum",
    "elementary",
    "fft",
    "gather",
    "histograms",
    "index",
    "joins",
    "linalg",
    "lobpcg",
    "losses",
    "lu",
    "masks",
    "matrix",
    "memory",
    "moves",
    "new",
    "nn",
    "norms",
    "overlay",
    "pairs",
    "parts",
    "picking",
    "pointwise",
    "products",
    "put",
    "questions",
    "random",
    "reduce",
    "relayout",
    "search",
    "segments",
    "series",
    "shape",
    "shuffle",
    "solve",
    "sort",
    "special",
    "spectra",
    "statistics",
    "views",
    "windows",
    "write",
]:  # every file with an offer
    import_module(f"tapegrad.ops.{_name}")
RULES.update(cast=cast, inside=inside)
globals().update(RULES)
RECORDED.F = sys.modules[__name__]
methods.bind()
