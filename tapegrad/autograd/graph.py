"""The recorded graph as data: operations, leaves and constants with names, values, gradients and source
lines.

`graph(y)` is the public view of the tape. It changes nothing: no gradient is deposited, nothing is freed.
Values are there for small tensors (up to 16 elements), also after a backward; shapes are always there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import Any

import numpy as np

import tapegrad.kernels as K
from tapegrad import naming
from tapegrad._errors import Lines
from tapegrad.autograd.homes import homes
from tapegrad.autograd.hooks import register_multi_grad_hook
from tapegrad.autograd.nodes import GradientEdge, get_gradient_edge, increment_version
from tapegrad.autograd.saving import (
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)
from tapegrad.kernels.errstate import again
from tapegrad.tape import AccumulateGrad, Freed, Node
from tapegrad.tensor import Tensor
from tapegrad.views import fresh
from tapegrad.writes import writes_to

__all__ = [
    "GradientEdge",
    "Graph",
    "Node",
    "Vertex",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "graph",
    "increment_version",
    "names_in",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


_SHOWN = 10  # vertices at each end of a large graph that its repr shows


@dataclass(slots=True, eq=False)
class Vertex:
    """One operation, leaf or constant of a graph.

    inputs: the vertices it was computed from, in the op's order. locals: beside each, the derivative of this
    vertex by that input, where both are single numbers and the derivative can be computed. value, gradient:
    arrays, or None where they are not known. shape: None where it is not known. changed: its memory was
    written since.
    """

    index: int
    kind: str  # "op", "leaf" or "constant"
    op: str  # the op's name; "" for leaves and constants
    title: str  # torch's name of the node
    name: str = ""
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    value: Any = None
    gradient: Any = None
    inputs: list[Vertex] = field(default_factory=list, repr=False)
    locals: list[float | None] = field(default_factory=list)
    line: str = ""
    source: str = ""
    module: tuple[str, ...] = ()
    changed: bool = False
    places: list[int] = field(default_factory=list, repr=False)  # where each input stands among the op's own
    node: Any = field(default=None, repr=False)

    @property
    def freed(self) -> bool:
        """Whether a backward has freed what the op saved."""
        return isinstance(self.node.saved, Freed)

    def replay(self, arrays: Sequence[Any]) -> Any:
        """The op again, on other arrays: one for each of its inputs."""
        return again(self.node.op.replay, self.node.meta, arrays)

    def pull(self, g: Any) -> list[Any] | None:
        """The gradient of each input, given that of this vertex: None for a constant; None altogether if what
        the rule reads was freed or overwritten."""
        below = _cotangents(self.node, g)
        if below is None:
            return None
        if _inputs(self.node) is not self.node.parents:  # on through the node that joins several outputs
            below = _cotangents(self.node.parents[0], below[0])
        return None if below is None else [below[i] for i in self.places]


@dataclass(slots=True, repr=False)
class Graph:
    """Vertices in the order of execution, and those among them that `graph` was asked for."""

    vertices: list[Vertex]
    roots: list[Vertex]

    def __len__(self) -> int:
        return len(self.vertices)

    def __repr__(self) -> str:
        head = f"Graph of {', '.join(v.name or v.op for v in self.roots)}: {len(self)} vertices"
        shown = self.vertices if len(self) <= 2 * _SHOWN else self.vertices[:_SHOWN]
        last = self.vertices[len(self) - _SHOWN :] if len(shown) < len(self) else []
        skipped = [f"... {len(self) - 2 * _SHOWN} more ..."] if last else []
        return "\n".join([head, *map(repr, shown), *skipped, *map(repr, last)])

    def find(self, tensor: Tensor) -> Vertex | None:
        """The vertex of a tensor; None if it is not part of the graph."""
        node = _node_of(tensor)
        return next((v for v in self.vertices if v.node is not None and v.node is node), None)


def _node_of(tensor: Tensor) -> Node | None:
    if tensor._cold is not None:
        fresh(tensor)
    return tensor._node


def graph(*tensors: Tensor, names: Mapping[str, Any] | None = None, gradients: bool = True) -> Graph:
    """The graph that led to the tensors.

    names: variables, Modules, and lists or dicts of them, by name; by default the caller's. gradients: also
    compute the gradient of the tensors' sum at every vertex, where what the rules need is there.
    Raises: TypeError for what is no Tensor, RuntimeError for a tensor without a graph.
    """
    nodes = []
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(f"graph: {type(t).__name__} is given; a Tensor is needed.")
        node = _node_of(t)
        if node is None:
            raise RuntimeError(
                f"graph: this Tensor{list(t.shape)} has no graph; compute it from tensors with "
                "requires_grad=True, outside no_grad()."
            )
        nodes.append(node)
    found = _vertices(nodes)
    _name(found, names_in(naming.users_variables() if names is None else names))
    if gradients:
        _differentiate(found, nodes)
    every = sorted(found.values(), key=lambda v: v.node.seq)
    listed = _with_constants(every)
    for i, v in enumerate(listed):
        v.index = i
    return Graph(listed, [found[n] for n in dict.fromkeys(nodes)])


# ---- vertices


def _inputs(n: Node) -> tuple[Node | None, ...]:
    """The nodes of n's inputs. An op with several outputs has one node for its input and one per output above
    it; the first is left out of the view."""
    if (
        len(n.parents) == 1
        and n.parents[0] is not None
        and n.parents[0].trace is None
        and n.parents[0].parents
    ):
        above = n.parents[0]
        if above.op is not None and above.op.forward is None and above.op.replay is not n.op.replay:
            return above.parents
    return n.parents


def _vertices(roots: Iterable[Node]) -> dict[Node, Vertex]:
    found: dict[Node, Vertex] = {}
    stack, lines = list(roots), Lines()
    while stack:
        n = stack.pop()
        if n in found:
            continue
        found[n] = _vertex(n, lines)
        stack += [p for p in _inputs(n) if p is not None]
    for n, v in found.items():
        values = n.trace[1:] if _has_values(n) else ()
        for i, p in enumerate(_inputs(n)):
            x = values[i] if i < len(values) else None
            v.places.append(i)
            v.inputs.append(found[p] if p is not None else _constant(n, i, x))
            v.locals.append(None)
            if p is not None and p.op is None and x is not None:
                _set_value(found[p], x, p.seq)
    return found


def _has_values(n: Node) -> bool:
    return bool(n.trace) and hasattr(n.trace[0], "dtype")


def _vertex(n: Node, lines: Lines) -> Vertex:
    leaf = n.op is None
    v = Vertex(-1, "leaf" if leaf else "op", "" if leaf else n.op.name, n.name(), node=n)
    v.line, v.source = lines.of(n.code, n.lasti)
    if _has_values(n):
        _set_value(v, n.trace[0], n.seq)
    elif n.trace is not None:
        v.shape = n.trace
    if isinstance(n, AccumulateGrad) and n.grad is not None:
        v.gradient = np.asarray(n.grad._a)
    elif n.rare is not None and n.rare.grad is not None:
        v.gradient = np.asarray(n.rare.grad._a)
    return v


def _set_value(v: Vertex, x: Any, seq: int) -> None:
    a = np.asarray(x)
    v.value, v.shape, v.dtype = a, a.shape, str(a.dtype)
    w = writes_to(x) if hasattr(x, "dtype") else None
    v.changed = v.changed or (v.kind == "op" and w is not None and w.tick > seq)


def _constant(n: Node, i: int, x: Any) -> Vertex:
    """Input i of n, which needs no gradient; its array may be in what n saved."""
    v = Vertex(-1, "constant", "", "")
    if x is None and type(n.saved) is tuple and i + 1 < len(n.saved):
        x = n.saved[i + 1]
    if x is not None:
        a = np.asarray(x)
        v.shape, v.dtype = a.shape, str(a.dtype)
        v.value = a if a.size <= 16 else None
        v.source = str(id(x))  # until names are known: _name finds the variable that holds this very array
    return v


def _with_constants(every: Sequence[Vertex]) -> list[Vertex]:
    """The vertices with each constant before the first that uses it. Constants of which nothing is known
    stay out."""
    listed: list[Vertex] = []
    by_array: dict[str, Vertex] = {}
    for v in every:
        kept: list[tuple[Vertex, float | None, int]] = []
        for x, d, place_ in zip(v.inputs, v.locals, v.places, strict=True):
            if x.kind == "constant":
                if x.shape is None:
                    continue
                known = by_array.get(x.source) if x.source and x.name else None
                if known is None:
                    listed.append(x)
                    by_array[x.source] = x
                else:
                    x = known
            kept.append((x, d, place_))
        v.inputs, v.locals, v.places = [k[0] for k in kept], [k[1] for k in kept], [k[2] for k in kept]
        listed.append(v)
    for v in listed:
        if v.kind == "constant":
            v.source = v.line = ""
    return listed


# ---- names


def names_in(variables: Mapping[str, Any]) -> dict[Any, str]:
    """The names of nodes and arrays: of Tensors among the variables, in lists, tuples and dicts of them, in
    the attributes of objects, and of the parameters of Modules (those of an only Module without its name)."""
    held = list(naming.tensors_in(variables))
    several = len({prefix for prefix, _, _ in held if prefix}) > 1
    found: dict[Any, str] = {}
    for prefix, name, t in held:
        full = prefix + name if several else name
        node = _node_of(t)
        if node is not None:
            found.setdefault(node, full)
        found.setdefault(id(t._a), full)
    return found


def _name(found: Mapping[Node, Vertex], names: Mapping[Any, str]) -> None:
    for n, v in found.items():
        v.name = names.get(n, "")
        if v.kind == "leaf" and "." in v.name:
            v.module = tuple(v.name.split(".")[:-1])
        for x in v.inputs:
            if x.kind == "constant" and x.source:
                x.name = names.get(int(x.source), "")
    order = sorted(found.values(), key=lambda v: v.node.seq)
    for v, module in homes(order, _inner, {v: v.module for v in order if v.kind == "leaf"}).items():
        v.module = module


def _inner(v: Vertex) -> list[Vertex]:
    return [x for x in v.inputs if x.kind != "constant"]


# ---- derivatives


def _saved(n: Node) -> Any:
    """What n's rule reads, also after it was freed if the op was small; None if it is gone or was
    overwritten."""
    saved = n.saved
    read = {k for p, ks in zip(n.parents, n.op.reads, strict=False) if p is not None for k in ks}
    if type(saved) is not tuple:
        if n.op.kind == "function":  # a user's backward asks the node itself for what it saved
            return None
        saved = n.trace if _has_values(n) else ()
        if any(k >= len(saved) or saved[k] is None for k in read):
            return None
    for x in [saved[k] for k in read]:
        w = writes_to(x) if hasattr(x, "dtype") else None
        if w is not None and w.tick > n.seq:
            return None
    return saved


def _cotangents(n: Node, g: Any) -> Any:
    """What n's rule makes of g, one per parent; None if what it reads is gone."""
    saved = _saved(n)
    if saved is None:
        return None
    return again(n.op.vjp, K, g, saved, n.meta, n.parents)


def _differentiate(found: Mapping[Node, Vertex], roots: Sequence[Node]) -> None:
    """The gradient of the roots' sum at every vertex, and local derivatives. Hooks do not run."""
    grads: dict[Vertex, Any] = {}
    for n in roots:
        v = found[n]
        grads[v] = total(grads.get(v), np.ones(v.shape or (), v.dtype or "f4"))
    for n in sorted(found, key=lambda n: -n.seq):
        v = found[n]
        g = grads.pop(v, None)
        if g is not None:
            v.gradient = np.asarray(g)
            v.shape = v.shape if v.shape is not None else v.gradient.shape
        if n.op is None:
            continue
        v.locals = _local(v)
        below = None if g is None else v.pull(g)
        for x, xg in zip(v.inputs, below or (), strict=False):
            if x.kind != "constant" and xg is not None:
                grads[x] = total(grads.get(x), xg)


def total(a: Any, b: Any) -> Any:
    """a + b, where a may be missing."""
    return b if a is None else again(add, a, b)


def _local(v: Vertex) -> list[float | None]:
    """The derivatives of a single number by those of its inputs that are single numbers."""
    below = None
    if v.value is not None and v.value.size == 1:
        below = v.pull(np.ones(v.value.shape, v.value.dtype))
    if below is None:
        return [None] * len(v.inputs)
    single = [
        x.kind != "constant" and d is not None and np.size(d) == 1
        for x, d in zip(v.inputs, below, strict=True)
    ]
    return [float(d.item()) if ok else None for ok, d in zip(single, below, strict=True)]
