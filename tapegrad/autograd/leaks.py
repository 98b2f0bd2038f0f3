"""Graphs that grow with every step: what a training loop keeps by mistake.

A leak leaves a chain of nodes that one and the same instruction recorded, each on top of the last. A loop
inside a model leaves such chains too; what enters the chain from the side tells them apart.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from math import prod
from typing import Any

from tapegrad._errors import line_of, place
from tapegrad._tables import size
from tapegrad.tape import Freed, Node

STEPS = 3  # a chain of so many steps is reported

_ADDITIONS = ("add", "sub")


@dataclass(frozen=True, slots=True)
class Leak:
    """A graph that grows with every step.

    kind: "running total", "rebound weight" or "list of losses". name: the variable that holds it, "" if none
    does. steps: how many there are by now. nodes, bytes: what it keeps alive. certain: whether it is one
    beyond doubt: parts of it were already used by different backwards, or nothing but updates is in it.
    """

    kind: str
    name: str
    line: str
    source: str
    steps: int
    nodes: int
    bytes: int
    certain: bool

    def __str__(self) -> str:
        what = f"`{self.name}`" if self.name else "a tensor"
        kept = f"{self.nodes} nodes with {size(self.bytes)} stay alive"
        at = f"{self.line}: {self.source}" if self.source else self.line
        if self.kind == "rebound weight":
            said = (
                f"{what} is the result of {self.steps} updates, each recorded on top of the last ({at}): it "
                f"is no leaf any more, and {kept}. Update in place under no_grad(), or use an optimizer."
            )
        elif self.kind == "running total":
            said = (
                f"{what} is a sum of {self.steps} results with all of their graphs ({at}): {kept}. Add "
                "numbers instead: loss.item(), or loss.detach()."
            )
        else:
            said = (
                f"{what} holds {self.steps} results with all of their graphs (recorded at {at}): {kept}. "
                "Append numbers instead: loss.item(), or loss.detach()."
            )
        return said if self.certain else f"{said} If one backward() goes through all of it, this is right."


def find_leaks(
    order: Sequence[Node],
    names: Mapping[Any, str],
    held: Mapping[str, Sequence[Node]],
    weigh: Callable[[Iterable[Node]], int],
) -> list[Leak]:
    """The leaks among nodes, from the oldest; `held` has the nodes of the entries of lists, by the list's
    name; weigh(nodes) is how many bytes they keep."""
    found = []
    for chain in _chains(order):
        kind, certain = _judge(chain)
        if kind:
            below = reachable([chain[-1]])
            found.append(_leak(kind, names.get(chain[-1], ""), chain, below, certain, weigh))
    for name, nodes in held.items():
        for entries in _by_instruction(nodes).values():
            if len(entries) >= STEPS:
                below = reachable(entries)
                certain = len(_sweeps(below)) > 1
                found.append(_leak("list of losses", name, entries, below, certain, weigh))
    return found


def _leak(kind: str, name: str, steps: Sequence[Node], below: set[Node], certain: bool, weigh: Any) -> Leak:
    n = steps[-1]
    below = {p for p in below if p.op is not None}  # leaves live as long as their tensors
    source = linecache.getline(n.code.co_filename, line_of(n.code, n.lasti)).strip()
    return Leak(kind, name, place(n.code, n.lasti), source, len(steps), len(below), weigh(below), certain)


def reachable(roots: Iterable[Node], seen: Set[Node] = frozenset()) -> set[Node]:
    """The nodes below roots, and the roots, without those seen before and what only they lead to."""
    stack = [n for n in roots if n not in seen]
    found = set(stack)
    while stack:
        for p in stack.pop().parents:
            if p is not None and p not in found and p not in seen:
                found.add(p)
                stack.append(p)
    return found


def shape_of(n: Node) -> Any:
    """The shape of what a node computed; None where it is not known."""
    t = n.trace
    if not t:
        return t
    return t[0].shape if hasattr(t[0], "dtype") else t


def _single(n: Node) -> bool:
    shape = shape_of(n)
    return shape is not None and prod(shape) == 1


def _last(n: Node) -> Node | None:
    """The node of the same instruction that n adds to: its parent, or the parent of its parent, if that is
    another operation of the same line with one input (a factor)."""
    for p in n.parents:
        if p is not None and p.op is n.op and p.lasti == n.lasti and p.code is n.code:
            return p
    for p in n.parents:
        if p is None or p.op is None or p.code is not n.code:
            continue
        inner = [q for q in p.parents if q is not None]
        q = inner[0] if len(inner) == 1 else None
        if q is not None and q.op is n.op and q.lasti == n.lasti and q.code is n.code:
            return q
    return None


def _chains(order: Sequence[Node]) -> list[list[Node]]:
    """Chains of additions that one instruction recorded, each from the oldest node to the youngest."""
    last: dict[Node, Node] = {}
    for n in order:
        if n.op is not None and n.op.name in _ADDITIONS and (p := _last(n)) is not None:
            last[n] = p
    inside = set(last.values())
    chains = []
    for n in last:
        if n in inside:
            continue
        chain = [n]
        while chain[-1] in last:
            chain.append(last[chain[-1]])
        if len(chain) >= STEPS:
            chains.append(chain[::-1])
    return chains


def _judge(chain: Sequence[Node]) -> tuple[str, bool]:
    """What a chain is, and whether that is certain; "" if it is no leak."""
    inside = set(chain)
    sides = [p for n in chain[1:] for p in n.parents if p is not None and p not in inside]
    joined = [p for p in sides if not _touches(p, inside)]
    if not joined:
        # Nothing but constants was ever added: gradients, in an update. A number has no dimensions.
        return ("rebound weight", True) if _is_update(chain) else ("", False)
    if len(joined) < len(chain) - 1 or not _single(chain[-1]) or any(p.op is None for p in joined):
        return "", False
    seen: set[Node] = set(inside)
    for p in joined:  # a summand that depends on the chain: a recurrence, not a total
        new = reachable([p], seen)
        if any(q in inside for n in new for q in n.parents):
            return "", False
        seen |= new
    return "running total", len(_sweeps(seen)) > 1


def _touches(p: Node, inside: set[Node]) -> bool:
    """Whether p is a factor or the like on the way from one node of a chain to the next."""
    inner = [q for q in p.parents if q is not None]
    return len(inner) == 1 and inner[0] in inside


def _is_update(chain: Sequence[Node]) -> bool:
    n = chain[-1]
    if any(p is not None for p in n.parents[1:]) or not n.trace:
        return False
    values = n.trace if hasattr(n.trace[0], "dtype") else None
    shapes = [getattr(x, "shape", ()) for x in values[1:3]] if values else n.meta
    return isinstance(shapes, (tuple, list)) and len(shapes) == 2 and shapes[0] == shapes[1]


def _sweeps(nodes: Iterable[Node]) -> set[int]:
    """The backwards that have used some of the nodes."""
    return {id(n.saved) for n in nodes if type(n.saved) is Freed}


def _by_instruction(nodes: Iterable[Node]) -> dict[tuple[int, int], list[Node]]:
    found: dict[tuple[int, int], list[Node]] = {}
    for n in nodes:
        if n.op is not None and _single(n):
            found.setdefault((id(n.code), n.lasti), []).append(n)
    return found
