"""`grad(..., is_grads_batched=True)`: many cotangents through one graph, as one sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tapegrad.func.batches import vmap


def batched(one: Callable[..., Sequence[Any]], gs: Sequence[Any]) -> tuple[Any, ...]:
    """The results of one(*gs), of which some may be None, for every entry along the first dimension of gs."""
    present: list[bool] = []

    def some(*entry: Any) -> tuple[Any, ...]:
        found = one(*entry)
        present[:] = [g is not None for g in found]
        return tuple([g for g in found if g is not None])

    results = iter(vmap(some)(*gs))
    return tuple([next(results) if there else None for there in present])
