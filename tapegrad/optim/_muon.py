"""Muon: momentum made orthogonal."""

from __future__ import annotations

from typing import Any

from tapegrad._errors import describe
from tapegrad.dtypes import bfloat16
from tapegrad.ops.optim import muon_
from tapegrad.optim.optimizer import Params
from tapegrad.optim.updating import Updating, given
from tapegrad.tensor import Tensor


class Muon(Updating):
    """For the matrices of hidden layers: the momentum's singular values are all brought to about 1, in
    bfloat16. Other parameters need another optimizer. adjust_lr_fn: "original" or "match_rms_adamw".

    Raises: ValueError for an option out of range or a parameter that is no matrix; RuntimeError for complex
    ones; in `step`, ImportError without the package that has bfloat16.
    Source: torch.optim.Muon; Jordan et al. 2024; Liu et al. 2025.
    """

    update = muon_
    counts = ()
    slots = ("momentum_buffer",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        super().__init__(params, given(locals()))

    def _check(self, options: dict[str, Any]) -> None:
        super()._check(options)
        how, known = options["adjust_lr_fn"], (None, "original", "match_rms_adamw")
        self._need(how in known, "adjust_lr_fn", repr(how), "'original' or 'match_rms_adamw' is needed")

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add matrices with options of their own; options left out are the optimizer's."""
        params, _ = self._tensors(param_group["params"])
        for p in params:
            self._need(p.dim() == 2, "a parameter", describe(p), "a matrix is needed")
        super().add_param_group({**param_group, "params": params})

    def _slots(self, group: dict[str, Any], p: Tensor) -> tuple[str, ...]:
        steps, abc = group["ns_steps"], group["ns_coefficients"]
        self._need(steps < 100, "ns_steps", steps, "less than 100 is needed")
        self._need(len(abc) == 3, "ns_coefficients", abc, "three numbers are needed")
        if p.is_complex():
            raise RuntimeError(f"Muon: a parameter is {describe(p)}; real ones are needed.")
        _ = bfloat16.numpy  # raises where the package that has it is not installed
        return self.slots
