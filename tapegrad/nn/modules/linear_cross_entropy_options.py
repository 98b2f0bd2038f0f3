"""How a linear cross entropy is computed. Apart, as in torch, whose files name modules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tapegrad.dtypes import bfloat16, float16, float32, float64

__all__ = ["LinearCrossEntropyOptions"]

_POLICIES = ("auto", "accurate", "balanced", "compact")


@dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How torch computes the loss in parts, to save memory. It is accepted, and changes nothing here.

    Raises: ValueError for what torch does not know. Source: torch.nn.LinearCrossEntropyOptions.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        size, how = self.batch_chunk_size, self.chunking_method
        ways = f"{', '.join(map(repr, _POLICIES))} is needed"
        self._need(self.acc_policy in _POLICIES, "acc_policy", ways)
        by_ratio = how is None or re.fullmatch(r"auto|aspect_ratio(:0*[1-9]\d*)?", how)
        self._need(by_ratio, "chunking_method", "'auto', 'aspect_ratio', 'aspect_ratio:2' or None is needed")
        whole = size is None or (isinstance(size, int) and size > 0)
        self._need(whole, "batch_chunk_size", "an int above 0, or None, is needed")
        known = self.acc_dtype in (None, float16, bfloat16, float32, float64)
        self._need(known, "acc_dtype", "a floating point dtype, or None, is needed")

    def _need(self, right: Any, name: str, needed: str) -> None:
        if not right:
            raise ValueError(f"LinearCrossEntropyOptions: {name} is {getattr(self, name)!r}; {needed}.")
