"""Sums of cotangents."""

from __future__ import annotations

from operator import add
from typing import Any

from numpy import ndarray

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


nameless(globals())
