"""Adafactor: Adam that remembers rows and columns only."""

from __future__ import annotations

from typing import Any

from tapegrad import ops as F
from tapegrad._errors import describe
from tapegrad.ops.optim import adafactor_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class Adafactor(Updating):
    """Adam without momentum whose average of squares is, for a matrix, that of its rows and its columns:
    little memory for large parameters. The rate is relative to the size of the parameter, and lr its limit.

    Raises: ValueError for an option out of range; RuntimeError for complex parameters.
    Source: torch.optim.Adafactor; Shazeer and Stern 2018.
    """

    update = adafactor_

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, given(locals()))

    def _check(self, options: dict[str, Any]) -> None:
        super()._check(options)
        eps, beta2_decay, d = options["eps"], options["beta2_decay"], options["d"]
        self._need(beta2_decay <= 0, "beta2_decay", beta2_decay, "0 or less is needed")
        self._need(all(e is None or e >= 0 for e in eps), "eps", eps, "0 or more is needed")
        self._need(d >= 1, "d", d, "1 or more is needed")

    def _slots(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        if p.is_complex():
            raise RuntimeError(f"Adafactor: a parameter is {describe(p)}; real ones are needed.")
        return ("row_var", "col_var") if p.dim() > 1 else ("variance",)

    def _slot(self, p: Tensor, name: str, value: float) -> Tensor:
        if name == "variance":
            return super()._slot(p, name, value)
        dim = -1 if name == "row_var" else -2
        zeros: Tensor = F.zeros_like(p.detach().narrow(dim, 0, 1))
        return zeros
