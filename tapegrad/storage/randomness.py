"""Random numbers inside of vmap: one draw for all entries, one for each, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tapegrad.kernels.errstate import nameless
from tapegrad.levels import Level
from tapegrad.storage.batched import Batched

Draw = Callable[[Any, tuple[int, ...]], Any]


def draw(levels: tuple[Level, ...], op: str, stream: Any, shape: tuple[int, ...], values: Draw) -> Any:
    """values(stream, shape), with one draw per entry in the levels that ask for "different" ones.

    Raises: RuntimeError in a level that forbids random functions.
    """
    for level in levels:
        level.draws(op, stream)
    each = [level for level in levels if level.random == "different"]
    result = values(stream, (*[n for level in each if (n := level.size) is not None], *shape))
    for level in each:  # the oldest level's batch is the first axis
        result = Batched(level, result)
    return result


def bind() -> None:
    """Set what the random functions call."""
    Level.draw = staticmethod(draw)


nameless(globals())
