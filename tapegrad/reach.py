"""What lies below a node: which rules a partial sweep must run, and where a running sweep still comes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tapegrad.rare import running
from tapegrad.sums import Leaves

if TYPE_CHECKING:
    from tapegrad.tape import Node


class Selection:
    """A partial sweep: its targets, the nodes through which a root reaches one, and what arrived."""

    __slots__ = ("got", "targets", "through")

    def __init__(self, roots: Iterable[Node], targets: set[Node], records: bool) -> None:
        self.targets, self.through = targets, between(roots, targets)
        self.got = Leaves({}, records)

    def note(self, n: Node, g: Any) -> Any:
        """g, noted if it is wanted; None if nothing that is wanted lies below n."""
        if n in self.targets:
            self.got.add(n, g, True)
        return g if n in self.through else None


def between(roots: Iterable[Node], targets: set[Node]) -> set[Node]:
    """The nodes through which a root reaches a target: those whose rule must run."""
    through: set[Node] = set()
    for n in sorted(reached(roots, min((n.seq for n in targets), default=0)), key=lambda n: n.seq):
        if any(p in through or p in targets for p in n.parents):
            through.add(n)
    return through


def reached(roots: Iterable[Node], oldest: int) -> set[Node]:
    """What lies below the roots and was recorded at `oldest` or later. A parent is older than its child."""
    found = set(roots)
    stack = list(found)
    while stack:
        for p in stack.pop().parents:
            if p is not None and p.seq >= oldest and p not in found:
                found.add(p)
                stack.append(p)
    return found


def awaited(seqs: set[int]) -> set[int]:
    """Of nodes given by their `seq`, those to which the sweep that is running a hook now still comes, the
    hook's own node among them."""
    n, heap, selection = running.sweep
    found = [m for m in reached([n, *[m for _, m in heap]], min(seqs)) if m.seq in seqs]
    return {m.seq for m in found if selection is None or m in selection.through or m in selection.targets}
