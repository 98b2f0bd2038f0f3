"""What a graph keeps alive: bytes per operation, per source line and per Module, and graphs that grow."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

from numpy import generic, ndarray

from tapegrad import naming
from tapegrad._errors import Lines
from tapegrad._tables import html, size, text
from tapegrad.autograd.homes import homes
from tapegrad.autograd.leaks import Leak, find_leaks, reachable
from tapegrad.kernels.memory import owner_of
from tapegrad.levels import arrays_of
from tapegrad.tape import Freed, Node
from tapegrad.tensor import Tensor
from tapegrad.views import fresh

__all__ = ["Ledger", "Row", "Total", "ledger"]

_NO_MEMORY = {int, float, bool, str, slice, type(None)}  # what arguments mostly are
_SHOWN = 20  # rows of a printed table


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """Memory that one line's operation keeps, buffers of one kind together.

    bytes, count: of distinct buffers; views of one buffer are that buffer. role: what they are for the
    operation: "output", "input 1", "argument" (an index or a mask), "value" (of a small tensor, kept for
    pictures), "gradient", "retained gradient", "hook", "packed" (by a hook of saved tensors). tensor: the
    variable or parameter that holds them too; "" if only the graph does. module: the Module's name.
    """

    bytes: int
    count: int
    op: str
    role: str
    shape: tuple[int, ...]
    dtype: str
    tensor: str
    module: str
    line: str
    source: str

    def cells(self) -> list[str]:
        """The row of a printed table."""
        what = f"{self.role} {self.dtype}{list(self.shape)}"
        at = f"{self.line}  {self.source}"
        return [size(self.bytes), str(self.count), self.op, what, self.tensor, self.module, at]


@dataclass(frozen=True, slots=True, order=True)
class Total:
    """The bytes of all rows that agree in one respect; `nodes` where whole graphs are counted."""

    bytes: int
    count: int
    key: str
    nodes: int = 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """What `ledger` found. rows: the largest first. nodes: of the graph; overhead: the bytes of the nodes
    themselves. others: what other variables keep alive beyond it. leaks: graphs that grow with every step."""

    rows: tuple[Row, ...]
    nodes: int
    overhead: int
    others: tuple[Total, ...]
    leaks: tuple[Leak, ...]

    @property
    def bytes(self) -> int:
        """Of all buffers."""
        return sum(r.bytes for r in self.rows)

    @property
    def alone(self) -> int:
        """Bytes that no variable or parameter in sight holds as well: what goes when the graph goes."""
        return sum(r.bytes for r in self.rows if not r.tensor)

    def by(self, key: str) -> list[Total]:
        """Totals by "op", "line", "module", "tensor", "role" or another field of the rows; the largest
        first."""
        found: dict[str, list[int]] = {}
        for r in self.rows:
            t = found.setdefault(str(getattr(r, key)), [0, 0])
            t[0] += r.bytes
            t[1] += r.count
        return sorted([Total(b, c, k) for k, (b, c) in found.items()], reverse=True)

    def _head(self) -> str:
        count = sum(r.count for r in self.rows)
        held = f"{size(self.bytes)} in {count} buffers"
        return f"{self.nodes} nodes keep {held}, {size(self.alone)} of them alone"

    def _tables(self) -> Iterator[tuple[list[str], list[list[str]]]]:
        headers = ["bytes", "count", "op", "what", "tensor", "module", "line"]
        yield headers, [r.cells() for r in self.rows[:_SHOWN]]
        for key in ("op", "line", "module"):
            totals = self.by(key)
            if len(totals) > 1:
                yield ["bytes", "count", key], [[size(t.bytes), str(t.count), t.key] for t in totals[:_SHOWN]]
        if self.others:
            rows = [[size(t.bytes), str(t.nodes), t.key] for t in self.others]
            yield ["bytes", "nodes", "kept by other variables"], rows

    def __repr__(self) -> str:
        parts = [self._head()]
        for headers, rows in self._tables():
            if rows:
                parts.append(text(headers, rows))
        if len(self.rows) > _SHOWN:
            rest = sum(r.bytes for r in self.rows[_SHOWN:])
            parts.insert(2, f"and {len(self.rows) - _SHOWN} more rows with {size(rest)}")
        return "\n\n".join([*parts, *[f"leak: {leak}" for leak in self.leaks]])

    def _repr_html_(self) -> str:
        tables = "".join(html(headers, rows) for headers, rows in self._tables() if rows)
        return f"<p>{self._head()}</p>{tables}" + "".join(f"<p>leak: {leak}</p>" for leak in self.leaks)


def ledger(*tensors: Tensor, names: Mapping[str, Any] | None = None) -> Ledger:
    """What the graphs of the tensors keep alive; without tensors, of all that the caller's variables hold.

    names: variables, Modules, and lists or dicts of them, by name; by default the caller's. Nothing changes.
    Raises: TypeError for what is no Tensor.
    """
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(f"ledger: {type(t).__name__} is given; a Tensor is needed.")
    space = naming.users_variables() if names is None else names
    held = [(prefix + name, t) for prefix, name, t in naming.tensors_in(space)]
    roots = [n for n in map(_node_of, tensors or [t for _, t in held]) if n is not None]
    mine = reachable(roots)
    called = _names(held)
    modules = {prefix + name: prefix[:-1] for prefix, name, _ in naming.tensors_in(space) if prefix}
    order = sorted(mine, key=lambda n: n.seq)
    book = _Book(called)
    rows = book.enter(order, _modules(order, called, modules))
    others, more = _others(held, mine, book)
    lists: dict[str, list[Node]] = {}
    for name, t in held:
        n = _node_of(t)
        if n is not None and name.endswith("]"):
            lists.setdefault(name[: name.rindex("[")], []).append(n)
    every = sorted(chain(order, more), key=lambda n: n.seq)
    leaks = find_leaks(every, called, lists, book.weigh)
    return Ledger(tuple(rows), len(order), sum(map(_overhead, order)), tuple(others), tuple(leaks))


def _node_of(t: Tensor) -> Node | None:
    if t._cold is not None:
        fresh(t)
    return t._node


def _names(held: Iterable[tuple[str, Tensor]]) -> dict[Any, str]:
    """What nodes, and buffers by their id, are called."""
    found: dict[Any, str] = {}
    for name, t in held:
        n = _node_of(t)
        if n is not None:
            found.setdefault(n, name)
            if n.op is None and (g := t.grad) is not None:
                found.setdefault(id(_buffer(g._a)), f"{name}.grad")
        for a in arrays_of(t._a):
            found.setdefault(id(_buffer(a)), name)
    return found


def _modules(order: Sequence[Node], names: Mapping[Any, str], owners: Mapping[str, str]) -> dict[Node, str]:
    """The Module of every node, by its dotted name, which begins with the variable's."""
    if not owners:
        return {}
    leaves: dict[Node, tuple[str, ...]] = {}
    for n in order:
        if n.op is None:
            name = names.get(n, "")
            leaves[n] = tuple(name.split(".")[:-1]) if name in owners else ()
    found = homes(order, lambda n: [p for p in n.parents if p is not None], leaves)
    return {n: ".".join(path) for n, path in found.items()}


def _others(
    held: Sequence[tuple[str, Tensor]], mine: set[Node], book: _Book
) -> tuple[list[Total], list[Node]]:
    """What each other variable's graph keeps beyond those seen before it."""
    seen = set(mine)
    totals, nodes = [], []
    for name, t in held:
        n = _node_of(t)
        if n is None or n.op is None or n in seen:
            continue
        new = sorted(reachable([n], seen), key=lambda n: n.seq)
        rows = book.enter(new, {})
        totals.append(Total(sum(r.bytes for r in rows), sum(r.count for r in rows), name, len(new)))
        seen.update(new)
        nodes += new
    return sorted(totals, reverse=True), nodes


# ---- what a node holds


def _buffer(x: Any) -> Any:
    """What is counted for x: the array that owns the memory, also that of `.data`, which has its own."""
    return owner_of(x) if type(x) is ndarray else x


def _in(role: str, x: Any) -> Iterator[tuple[str, Any]]:
    """The arrays in a value: itself, in tuples and lists, in Tensors, under storages."""
    stack = [x]
    while stack:
        x = stack.pop()
        if isinstance(x, (ndarray, generic)):
            yield role, x
        elif x.__class__ in _NO_MEMORY:
            continue
        elif isinstance(x, (tuple, list)):
            stack += reversed(x)
        elif isinstance(x, Tensor):
            stack.append(x._a)
        else:
            yield from ((role, a) for a in arrays_of(x) if hasattr(a, "dtype") and hasattr(a, "nbytes"))


@cache
def _role(i: int) -> str:
    return f"input {i}" if i else "output"


def _held(n: Node) -> Iterator[tuple[str, Any]]:
    """Everything with memory that a node keeps alive, and what it is there for."""
    saved, trace = n.saved, n.trace
    if type(saved) is tuple:
        for i, x in enumerate(saved):
            if x is not None:
                yield from ((_role(i), x),) if x.__class__ is ndarray else _in(_role(i), x)
    elif type(saved) is not Freed:
        yield from _in("packed", saved)
    if trace and trace is not saved and hasattr(trace[0], "dtype"):
        yield from _in("value", trace)
    if n.meta:
        yield from _in("argument", n.meta)
    if n.op is None and getattr(n, "grad", None) is not None:
        yield from _in("gradient", n.grad)  # type: ignore[attr-defined] # a leaf has it
    if n.rare is not None:
        yield from _in("retained gradient", n.rare.grad)
        for hook in n.rare.hooks.values():
            yield from _in("hook", _captured(hook))


def _captured(hook: Any) -> list[Any]:
    """What a hook holds: in its closure, its defaults, the arguments of a partial, its object."""
    cells = [c.cell_contents for c in getattr(hook, "__closure__", None) or () if _filled(c)]
    bound = [getattr(hook, "__self__", None), *(getattr(hook, "args", None) or ())]
    return [*cells, *(getattr(hook, "__defaults__", None) or ()), *bound]


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # empty
        return False


def _overhead(n: Node) -> int:
    parts = (n, n.parents, n.saved, n.trace if n.trace is not n.saved else ())
    return sum(sys.getsizeof(x) for x in parts if x)


class _Book:
    """Buffers that were entered, each once: under the node that was recorded first."""

    def __init__(self, names: Mapping[Any, str]) -> None:
        self.names = names
        self.seen: set[int] = set()
        self.bytes: dict[Node, int] = {}
        self.lines = Lines()

    def enter(self, order: Iterable[Node], modules: Mapping[Node, str]) -> list[Row]:
        """The rows of nodes that were not entered before; the largest first."""
        found: dict[tuple[Any, ...], list[int]] = {}
        for n in order:
            for role, x in _held(n):
                b = _buffer(x)
                if id(b) in self.seen:
                    continue
                self.seen.add(id(b))
                self.bytes[n] = self.bytes.get(n, 0) + b.nbytes
                op = "leaf" if n.op is None else n.op.name
                name, at = self.names.get(id(b), ""), self.lines.of(n.code, n.lasti)
                key = (op, role, x.shape, x.dtype, name, modules.get(n, ""), at)
                t = found.setdefault(key, [0, 0])
                t[0] += b.nbytes
                t[1] += 1
        rows = [
            Row(total, count, op, role, shape, str(kind), name, module, *at)
            for (op, role, shape, kind, name, module, at), (total, count) in found.items()
        ]
        return sorted(rows, reverse=True)

    def weigh(self, nodes: Iterable[Node]) -> int:
        """The bytes that were entered under these nodes."""
        return sum(self.bytes.get(n, 0) for n in nodes)
