"""Rprop: steps by the signs of gradients."""

from __future__ import annotations

from typing import Any, ClassVar

from tapegrad.ops.optim import rprop_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class Rprop(Updating):
    """Each element has a step size, which grows by etas[1] while its gradient keeps its sign, shrinks by
    etas[0] when it turns, and stays within step_sizes. For full batches.

    The options by keyword: see `Updating`.
    Raises: ValueError for an option out of range.
    Source: torch.optim.Rprop; Riedmiller and Braun 1993.
    """

    update = rprop_
    slots = ("prev", "step_size")
    initial: ClassVar = {"step_size": "lr"}

    def __init__(
        self,
        params: Params,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, given(locals()))

    def _check(self, options: dict[str, Any]) -> None:
        super()._check(options)
        less, more = etas = options["etas"]
        self._need(0 < less < 1 < more, "etas", etas, "one between 0 and 1, and one above 1, are needed")
