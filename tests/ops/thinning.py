"""Which samples a test takes. TAPEGRAD_SAMPLES=all takes every one; by default a row gives a few, spread
evenly, so that all tests together take minutes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tapegrad.testing.samples import Array, Call

ALL = os.environ.get("TAPEGRAD_SAMPLES") == "all"


def thinned(calls: Sequence[Call], most: int) -> list[Call]:
    """At most so many of the calls, the first among them."""
    if ALL or len(calls) <= most:
        return list(calls)
    return [calls[i * len(calls) // most] for i in range(most)]


def distinct(calls: Sequence[Call]) -> list[Call]:
    """The calls without those that are another one once their floats are doubles."""
    found: dict[str, Call] = {}
    for c in calls:
        doubles = c.map(Array, Array.in_doubles)
        values = [f"{a.low} {a.high} {a.grad} {a.values!r}" for a in doubles.arrays()]
        found.setdefault(f"{doubles!r} {values} {c.smooth}", c)
    return list(found.values())
