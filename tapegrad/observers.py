"""Watching what happens in a thread: operations, sweeps, and values that leave the graph.

While somebody watches, every operation takes the careful way (`define.base.careful`), and a sweep reports
each rule that it ran (`tape.watched`). Nobody pays for that otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tapegrad._state import set_watch, watch
from tapegrad.tape import Node


class Observer:
    """Who watches a thread, from `with observer:` to the end of the block. What it is told:"""

    __slots__ = ()

    def __enter__(self) -> Observer:
        w = watch()
        set_watch(w.levels, (*w.observers, self))
        return self

    def __exit__(self, *_: object) -> None:
        w = watch()
        set_watch(w.levels, tuple([o for o in w.observers if o is not self]))

    def __call__(self, op: Any, xs: Sequence[Any], args: Any, y: Any, node: Node | None) -> None:
        """An operation: its inputs, its other arguments, its result as arrays; its node if it was
        recorded."""

    def begin(self, roots: Sequence[Node], deposits: bool) -> None:
        """A sweep begins; deposits: whether it adds to the leaves' gradients."""

    def swept(self, n: Node, g: Any, below: Any) -> None:
        """The rule of n has made `below` of the cotangent g; what n saved is still there."""

    def end(self) -> None:
        """The sweep is over, also by an error."""

    def left(self, how: str, t: Any, y: Any) -> None:
        """The values of t, which has a node, were given out without it; y: the Tensor that has them now, None
        if none does."""


def left(t: Any, how: str, y: Any = None) -> None:
    """Tell those who watch this thread that t's values leave the graph, by `how`, and are in y now."""
    for o in watch().observers:
        if isinstance(o, Observer):
            o.left(how, t, y)
