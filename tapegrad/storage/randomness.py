"""Random numbers inside of vmap: one draw for all entries, one for each, or none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
        if level.random == "error":
            raise RuntimeError(
                f"{op}: it draws random numbers inside of vmap, whose randomness is 'error'; pass "
                "randomness='different' (numbers for each entry) or 'same' to vmap."
            )
        level.drawn.append(partial(stream.set_state, stream.get_state()))
    each = [level for level in levels if level.random == "different"]
    # The youngest level's storage is the outermost, and its batch lies in front of what is below.
    result = values(stream, (*[n for level in reversed(each) if (n := level.size) is not None], *shape))
    return _wrapped(each[::-1], result)


def _wrapped(levels: list[Level], x: Any) -> Any:
    """x, whose first axes are the batches of these levels, youngest first."""
    if not levels:
        return x
    return Batched(levels[0], _wrapped_below(levels[1:], x))


def _wrapped_below(levels: list[Level], x: Any) -> Any:
    """The same below another batch: the next level's axis is the second."""
    if not levels:
        return x
    return Batched(levels[0], _wrapped_below(levels[1:], x.swapaxes(0, 1)))


def bind() -> None:
    """Set what the random functions call."""
    Level.draw = staticmethod(draw)


nameless(globals())
