"""Regions of a program that are recorded, forgotten, and run again when backward comes to them.

A region runs as any other code. Then the nodes that it has left below its outputs give up what they saved,
and a `Lost` stands in its place. When the sweep opens the first of them, the region runs once more, and its
new nodes, which are the same in the same order, lend what they have saved. Regions may nest: to run the outer
one again runs, and forgets, the inner one again.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any

from tapegrad._errors import place, sizes
from tapegrad._pytree import tree_leaves
from tapegrad._state import recorded
from tapegrad.autograd.nodes import node_of
from tapegrad.reach import reached
from tapegrad.tape import Node
from tapegrad.tensor import Tensor
from tapegrad.writes import tick


class CheckpointError(RuntimeError):
    """A region did something else when it was run again."""


class Lost:
    """What stands for the saved values of node `number` of a region."""

    __slots__ = ("number", "region")

    def __init__(self, region: Region, number: int) -> None:
        self.region, self.number = region, number

    def opened(self, n: Node) -> Node:
        """The node of the region's next run that stands for n."""
        return self.region.node(self.number)

    def apart(self, a: Any) -> None:
        """Nothing: no memory is kept."""


class Region:
    """What was run, and how to do it again.

    again() runs it and returns its outputs. marks: of each node its op, what it saved, and its line.
    """

    def __init__(self, again: Callable[[], Any], outputs: Any, since: int, check: bool) -> None:
        self.again, self.check, self.lock = again, check, RLock()
        nodes = _recorded(outputs, since)
        self.marks = [_mark(n) for n in nodes]
        self.found: dict[int, Node] = {}
        for i, n in enumerate(nodes):
            if n.op.reads and (type(n.saved) is not tuple or any(x is not None for x in n.saved)):
                n.saved = Lost(self, i)

    def node(self, number: int) -> Node:
        """A new node for the one of this number, which is handed out once: memory falls as a sweep goes."""
        with self.lock:
            if number not in self.found:
                self.run()
            return self.found.pop(number)

    def run(self) -> None:
        """Run the region again. Raises: CheckpointError if it did something else."""
        since = tick()
        with recorded():
            outputs = self.again()
        nodes = _recorded(outputs, since)
        marks = [_mark(n) for n in nodes]
        for i, (old, new) in enumerate(zip(self.marks, marks, strict=False)):
            if old[0] is not new[0] or (self.check and old[1] != new[1]):
                raise CheckpointError(
                    f"checkpoint: run again, operation {i} is {_told(new)}, and it was {_told(old)}; the "
                    "function must do the same each time."
                )
        if len(marks) != len(self.marks):
            raise CheckpointError(
                f"checkpoint: run again, the function recorded {len(marks)} operations, and it had recorded "
                f"{len(self.marks)}; it must do the same each time."
            )
        self.found = {i: n for i, n in enumerate(nodes) if n.op.reads}


def _recorded(outputs: Any, since: int) -> list[Node]:
    """The operations below the outputs that were recorded since then, oldest first."""
    roots = [node_of(t) for t in tree_leaves(outputs) if isinstance(t, Tensor)]
    found = reached([n for n in roots if n is not None and n.seq > since], since)
    return sorted((n for n in found if n.op is not None and n.seq > since), key=lambda n: n.seq)


def _mark(n: Node) -> tuple[Any, ...]:
    saved = n.saved if type(n.saved) is tuple else ()
    shapes = tuple([(x.shape, str(x.dtype)) if hasattr(x, "dtype") else None for x in saved])
    return n.op, shapes, n.code, n.lasti


def _told(mark: tuple[Any, ...]) -> str:
    op, shapes, code, lasti = mark
    saved = ", ".join(f"{dtype}{sizes(shape)}" for shape, dtype in filter(None, shapes))
    return f"{op.name} at {place(code, lasti)}" + (f" that saves {saved}" if saved else "")
