"""Which parameters reach what, while a training step runs: the watching half of `doctor`.

Every array has two sets of parameters, as bits of a number: those that its values came from, and those that a
gradient could go back to. Where the second set loses some, the path of those parameters was cut.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any

import numpy as np
from numpy import ndarray

from tapegrad._errors import caller
from tapegrad._state import grad_enabled
from tapegrad.dtypes import INEXACT
from tapegrad.kernels.memory import buffer_of
from tapegrad.observers import Observer
from tapegrad.tape import Node
from tapegrad.writes import number_under, tick, writes_to


@dataclass(slots=True)
class Cut:
    """A line at which values lost their graph. how: what did it; op: the operation's name, "" if none.
    lost: the parameters whose path ended; mark: the bit that values which came through here carry."""

    how: str
    op: str
    code: CodeType
    lasti: int
    lost: int
    mark: int


class Flow(Observer):
    """Follows the values of parameters through operations and sweeps.

    ready: called before the first operation on a parameter. bits: of the parameters, by their nodes.
    reached: bits of those that a sweep brought a gradient to; nonzero, broken: of these, with other elements
    than 0, with nan or inf; stale: with an old gradient that was added to. came: bits of all that the roots'
    values came from. used: where a parameter was first used. ended: when the last sweep was over.
    """

    __slots__ = (
        *("_arrays", "_connected", "_from", "_ready", "_sweeping", "_when", "backwards", "bits", "broken"),
        *("came", "cuts", "ended", "nonzero", "reached", "stale", "tensors", "used"),
    )

    def __init__(self, tensors: Sequence[Any], ready: Callable[[], None]) -> None:
        self.tensors, self._ready = tensors, ready
        self.bits: dict[Node, int] = {}
        self.used: dict[int, tuple[CodeType, int]] = {}
        self.cuts: dict[Any, Cut] = {}
        self.reached = self.nonzero = self.broken = self.stale = self.came = 0
        self.backwards = self.ended = self._sweeping = 0
        self._arrays: dict[int, tuple[Any, int, int, int]] = {}  # by the buffer's id: itself, and `known`
        self._connected: dict[int, int] = {}  # by the node's seq
        self._from: dict[int, int] = {}
        self._when: dict[int, int] = {}
        for i, t in enumerate(tensors):
            if t._node is not None:
                self.bits[t._node] = 1 << i
            self._note(t._a, 1 << i, 1 << i if t._node is not None else 0)

    # ---- operations

    def __call__(self, op: Any, xs: Sequence[Any], args: Any, y: Any, node: Node | None) -> None:
        """An operation: where its result came from, and whose path ends here."""
        if self._sweeping:
            return
        came = before = 0
        parents = None if node is None else node.parents
        for i, x in enumerate(_arrays(xs, args)):
            a, b, mark = self.known(x)
            came, before = came | a, before | b
            if mark and (grad_enabled() if parents is None else i >= len(parents) or parents[i] is None):
                came |= mark  # it is the detached one of the tensors that show this array
        kind = getattr(getattr(y, "dtype", None), "kind", "")
        after = self.connected(node) if node is not None and kind in INEXACT else 0
        came |= after
        if came & ~self._seen():
            self._first(came)
        if before and not after:
            integers = op.vjp is None or kind not in INEXACT
            how = "no_grad" if not grad_enabled() else "integers" if integers else ""
            if how:
                came |= self._cut(how, op.name, before)
        if node is not None:
            self._from[node.seq] = came
        self._note(y, came, after)

    def left(self, how: str, t: Any, y: Any) -> None:
        """Values leave the graph by detach(), item(), numpy() and their like."""
        came, _, mark = self.known(t._a)
        lost = self.connected(t._node)
        if not self._sweeping and lost:
            if came & ~self._seen():
                self._first(came)
            cut = self._cut(how, "", lost)
            self._note(t._a, came | lost, lost, mark | cut)
            if y is not None and not self.known(y._a)[0]:  # in an array of its own
                self._note(y._a, came | lost | cut, 0)

    def _cut(self, how: str, op: str, lost: int) -> int:
        code, lasti = caller(3)
        cut = self.cuts.get((how, id(code), lasti))
        if cut is None:
            mark = 1 << (len(self.tensors) + len(self.cuts))
            cut = self.cuts[how, id(code), lasti] = Cut(how, op, code, lasti, 0, mark)
        cut.lost |= lost
        return cut.mark

    def _seen(self) -> int:
        seen = 0
        for i in self.used:
            seen |= 1 << i
        return seen | -(1 << len(self.tensors))

    def _first(self, came: int) -> None:
        if not self.used:
            self._ready()
        for i in range(len(self.tensors)):
            if came >> i & 1:
                self.used.setdefault(i, caller(3))

    def connected(self, node: Node) -> int:
        """The parameters that a gradient can go back to from a node."""
        known, stack = self._connected, [node]
        while stack:
            n = stack[-1]
            todo = [p for p in n.parents if p is not None and p.seq not in known]
            if todo and n.seq not in known:
                stack += todo
                continue
            stack.pop()
            if n.seq not in known:
                bits = self.bits.get(n, 0)
                for p in n.parents:
                    bits |= 0 if p is None else known[p.seq]
                known[n.seq] = bits
        return known[node.seq]

    def _note(self, x: Any, came: int, connected: int, mark: int = 0) -> None:
        """What is known of an array; of views of one buffer together. mark: of the lines that detached it."""
        if type(x) is not ndarray:
            self._arrays[id(x)] = ((lambda: x), came, connected, mark)
            return
        b = buffer_of(x)
        key, table = id(b), self._arrays
        table[key] = (weakref.ref(b, lambda _: table.pop(key, None) and None), came, connected, mark)

    def known(self, x: Any) -> tuple[int, int, int]:
        """What is known of an array: bits of what its values came from, of what it is connected to, and of
        the lines that detached it."""
        b = buffer_of(x) if type(x) is ndarray else x
        found = self._arrays.get(id(b))
        if found is not None and found[0]() is b:
            return found[1:]
        number = number_under(b)
        return (0, 0, 0) if number is None else self.known(number)

    def forget(self) -> None:
        """Drop what is known of arrays: the table and its weak references hold each other."""
        self._arrays.clear()

    # ---- sweeps

    def begin(self, roots: Sequence[Node], deposits: bool) -> None:
        """A sweep begins."""
        self._sweeping += 1
        self.backwards += 1
        for n in roots:
            self.came |= self._from.get(n.seq, 0) | self.connected(n)
        below = 0
        for n in roots if deposits else ():
            below |= self.connected(n)
        for i, t in enumerate(self.tensors):
            if below >> i & 1 and t.grad is not None and t.grad._a.any():
                # Of an earlier step: from before this watch, or the parameter was updated with it.
                when = self._when.get(1 << i)
                if when is None or self.changed(t, when):
                    self.stale |= 1 << i

    def changed(self, t: Any, since: int) -> bool:
        """Whether a parameter was written after a tick; one without dimensions gets another array then."""
        w = writes_to(t._a)
        return (w is not None and w.tick > since) or not self.known(t._a)[0]

    def swept(self, n: Node, g: Any, below: Any) -> None:
        """A rule has run: which parameters got something from it."""
        for p, pg in zip(n.parents, below, strict=False):
            bit = self.bits.get(p, 0) if p is not None and pg is not None else 0
            if bit:
                a = getattr(pg, "_a", pg)
                self.reached |= bit
                self.nonzero |= 0 if self.nonzero & bit or not np.any(a) else bit
                self.broken |= 0 if np.isfinite(a).all() else bit

    def end(self) -> None:
        """The sweep is over."""
        self._sweeping -= 1
        self.ended = tick()
        for bit in self.bits.values():
            if self.reached & bit:
                self._when[bit] = self.ended


def _arrays(xs: Iterable[Any], args: Any) -> Iterable[Any]:
    for x in (*xs, *(args if isinstance(args, (tuple, list)) else ())):
        if hasattr(x, "dtype"):
            yield x
        elif isinstance(x, (tuple, list)):
            yield from (a for a in x if hasattr(a, "dtype"))
