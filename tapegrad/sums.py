"""Sums of cotangents."""

from __future__ import annotations

from operator import add
from typing import Any

from numpy import ndarray

from tapegrad._errors import sizes
from tapegrad.kernels.errstate import again, nameless
from tapegrad.levels import Leaked, Storage, entered


def added(own: Any, g: Any) -> Any:
    """own + g, in the memory of own, which nobody else can see."""
    try:
        own += g
    except FloatingPointError:  # NumPy raises after it has written an array
        return own if type(own) is ndarray else again(add, own, g)
    return own


def total(a: Any, b: Any) -> Any:
    """a + b."""
    try:
        return a + b
    except FloatingPointError:
        return again(add, a, b)
    except Leaked:  # cotangents of a transform that has ended
        found = [getattr(x, "_a", x) for x in (a, b)]
        with entered(tuple([level for x in found if isinstance(x, Storage) for level in x.levels()])):
            return a + b


class Leaves(dict[Any, Any]):
    """What has come to each leaf. lent: the leaves whose array others may see; nothing may be added to it."""

    __slots__ = ("lent", "records")

    def __init__(self, lent: dict[Any, Any], records: bool) -> None:
        super().__init__(lent)
        self.lent, self.records = set(self), records

    def add(self, p: Any, g: Any, lent: bool) -> None:
        """Add g, which others may see if it is lent, to what has come to p."""
        if (old := self.get(p)) is None:
            self[p] = g
            if lent:
                self.lent.add(p)
            return
        try:
            if self.records:
                self[p] = old + g
            elif p in self.lent:
                self.lent.remove(p)
                self[p] = total(old, g)
            else:
                self[p] = added(old, g)
        except ValueError:
            raise RuntimeError(
                f"backward: gradients {sizes(old.shape)} and {sizes(g.shape)} have come to one leaf; its "
                "shape was changed after it had been used."
            ) from None


nameless(globals())
