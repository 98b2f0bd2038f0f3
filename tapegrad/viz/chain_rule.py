"""The chain rule, written out: every path from a result to an input, its local derivatives, and their sum."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tapegrad.autograd.graph import Graph, Vertex
from tapegrad.autograd.graph import graph as recorded
from tapegrad.dtypes import FLOATING
from tapegrad.tensor import Tensor
from tapegrad.viz.drawing import number, values

MOST_PATHS = 200  # so many are listed; their number doubles with every diamond
MOST_STEPS = 20_000  # no further path is listed behind so many steps
_COUNTED = 10**18  # paths beyond so many are not counted
_ENDS = 10  # of a long path so many steps at each end are written
STEP = 1e-6  # of the central difference, relative, in float64


@dataclass(slots=True)
class Path:
    """One path from the result down to the input; from a tensor to itself it has no steps.

    steps: (vertex, which of its inputs comes next). end: the input. locals: the derivative of each step, None
    where it is not from one number to another. product: what the path contributes to the gradient.
    """

    steps: list[tuple[Vertex, int]]
    end: Vertex
    product: Any = None

    @property
    def locals(self) -> list[float | None]:
        """The derivatives along the path."""
        return [v.locals[i] for v, i in self.steps]

    @property
    def vertices(self) -> list[Vertex]:
        """All vertices, from the result to the input."""
        return [*[v for v, _ in self.steps], self.end]


@dataclass(slots=True)
class ChainRule:
    """What `chain_rule` found. `str` of it is the written-out derivation.

    total: the sum of all paths' products, which is the gradient. checked: the central difference, or None
    where values are missing. paths: at most MOST_PATHS of the `count` there are, fewer if they are long; a
    count of 10**18 stands for any larger one.
    """

    result: str
    variable: str
    paths: list[Path]
    count: int
    total: Any
    checked: Any
    names: dict[Vertex, str] = field(repr=False, default_factory=dict)

    def __str__(self) -> str:
        return "\n".join(_written(self)) + "\n"


def explain(a: Tensor, w: Tensor, names: Mapping[str, Any] | None = None) -> None:
    """Print da/dw as the chain rule gives it: each path from a to w with its local derivatives and their
    product, the sum over the paths, and a finite difference beside it.

    Raises: as chain_rule.
    """
    sys.stdout.write(str(chain_rule(a, w, names)))


def chain_rule(a: Tensor, w: Tensor, names: Mapping[str, Any] | None = None) -> ChainRule:
    """The derivation that `explain` prints, as data.

    Raises: RuntimeError if a has no graph, is not a single number, or does not depend on w; or if what a rule
    on the way reads is gone: the graph was freed and the values are too large to have been kept, or were
    written in place.
    """
    g = recorded(a, names=names, gradients=True)
    root, leaf = g.roots[0], g.find(w)
    if a.numel() != 1:
        raise RuntimeError(
            f"explain: a is {list(a.shape)}; a single number is needed. Reduce it first (.sum(), .mean())."
        )
    if leaf is None:
        raise RuntimeError(
            f"explain: a does not depend on this Tensor{list(w.shape)}; pass one of the tensors it was "
            "computed from."
        )
    labels = _labels(g)
    paths, count = _paths(g, root, leaf)
    for path in paths:
        path.product = _product(path)
    total = leaf.gradient if count > len(paths) else sum(path.product for path in paths)
    return ChainRule(labels[root], labels[leaf], paths, count, total, _difference(g, root, leaf), labels)


def _labels(g: Graph) -> dict[Vertex, str]:
    """A name for every vertex: the variable's, or the op's with a number."""
    labels, seen = {}, dict[str, int]()
    for v in g.vertices:
        base = v.name or v.op or v.kind
        seen[base] = seen.get(base, 0) + 1
        labels[v] = base if v.name or seen[base] == 1 else f"{base}_{seen[base]}"
    return labels


# ---- paths


def _reaching(g: Graph, leaf: Vertex) -> dict[Vertex, int]:
    """How many paths lead from each vertex to the leaf."""
    count: dict[Vertex, int] = {}
    for v in g.vertices:
        n = 1 if v is leaf else sum(count.get(x, 0) for x in v.inputs)
        if n:
            count[v] = min(n, _COUNTED)
    return count


def _paths(g: Graph, root: Vertex, leaf: Vertex) -> tuple[list[Path], int]:
    """The paths from root to leaf, not all of very many, and how many there are."""
    count = _reaching(g, leaf)
    paths: list[Path] = []
    listed = 0
    steps: list[tuple[Vertex, int]] = []
    stack = [(0, root, 0)]  # how many steps lead to a vertex, and the input that the last of them took
    while stack and len(paths) < MOST_PATHS and listed <= MOST_STEPS:
        depth, v, taken = stack.pop()
        del steps[depth:]
        if depth:
            steps[-1] = steps[-1][0], taken
        if v is leaf:
            paths.append(Path(steps[:], leaf))
            listed += len(steps)
        else:
            steps.append((v, 0))
            below = [(depth + 1, x, i) for i, x in enumerate(v.inputs) if x in count]
            stack += reversed(below)
    return paths, count.get(root, 0)


def _product(path: Path) -> Any:
    """The gradient that arrives through this path alone. Raises: RuntimeError if a rule lacks what it
    reads."""
    first = path.vertices[0]
    g = np.ones(first.shape or (), first.dtype or "f4")
    for v, i in path.steps:
        below = v.pull(g)
        if below is None:
            raise _gone(v)
        g = np.asarray(below[i])
    return g


def _gone(v: Vertex) -> RuntimeError:
    """The error of a vertex whose rule lacks what it reads."""
    if v.freed:
        return RuntimeError(
            f"explain: a backward freed the graph, and what {v.op} ({v.line}) saved is too large to be kept; "
            "call explain before backward(), or pass retain_graph=True there."
        )
    return RuntimeError(
        f"explain: an array that {v.op} ({v.line}) saved was written in place since; call explain before the "
        "write, or clone() first."
    )


# ---- the finite difference


def _difference(g: Graph, root: Vertex, leaf: Vertex) -> Any:
    """The central difference of the result by each element of the leaf, replayed in float64; None if a value
    that the replay needs was not kept."""
    reaching = _reaching(g, leaf)
    needed = [v for v in g.vertices if v in reaching and v is not leaf]
    if leaf.value is None or leaf.changed or any(_missing(v) for v in needed):
        return None
    at = leaf.value.astype("f8")
    slope = np.zeros(at.shape)
    for i in np.ndindex(at.shape):
        h = STEP * max(1.0, abs(at[i]))
        ends = []
        for sign in (1, -1):
            moved = at.copy()
            moved[i] += sign * h
            ends.append(_replay(needed, leaf, moved)[root])
        slope[i] = float((ends[0] - ends[1]).item()) / (2 * h)
    return slope


def _missing(v: Vertex) -> bool:
    """Whether an input of v that does not lie on a path is unknown. An op replays only with all of its
    inputs."""
    complete = len(v.inputs) == len(v.node.parents)
    return not complete or any((x.value is None and x.kind == "constant") or x.changed for x in v.inputs)


def _replay(needed: list[Vertex], leaf: Vertex, moved: Any) -> dict[Vertex, Any]:
    known: dict[Vertex, Any] = {leaf: moved}
    for v in needed:
        xs = [
            known[x] if x in known else x.value.astype("f8") if x.value.dtype.kind in FLOATING else x.value
            for x in v.inputs
        ]
        known[v] = xs[0] if v.op == "to_copy" else np.asarray(v.replay(xs))
    return known


# ---- the text


def _written(rule: ChainRule) -> list[str]:
    lines = [f"d{rule.result}/d{rule.variable}"]
    many = rule.count > len(rule.paths)
    for k, path in enumerate(rule.paths, 1):
        lines += ["", f"path {k}: {' <- '.join(_ends(path.vertices, lambda v: rule.names[v]))}"]
        lines += _steps(rule, path)
        factors = _ends(path.locals, number) if None not in path.locals else []
        shown = " * ".join(factors) + " = " if len(factors) > 1 else ""
        lines.append(f"  product: {shown}{values(path.product)}")
    count = str(rule.count) if rule.count < _COUNTED else "10**18 or more"
    if many:
        lines += ["", f"... {count} paths in all; the first {len(rule.paths)} are shown"]
    terms = " + ".join(values(p.product) for p in rule.paths)
    lines += [
        "",
        f"sum over {count} path{'s' * (rule.count > 1)}: "
        + (f"{terms} = " if 1 < rule.count <= 8 else "")
        + values(rule.total),
    ]
    if rule.checked is None:
        lines.append("finite difference: not possible, since not every value on the way was kept")
    else:
        lines.append(f"finite difference: {_precise(rule.checked)}")
    return lines


def _steps(rule: ChainRule, path: Path) -> list[str]:
    rows = []
    for step in _ends(path.steps, lambda step: step):
        if isinstance(step, str):
            rows.append((step, "", ""))
            continue
        v, i = step
        below, d = rule.names[v.inputs[i]], v.locals[i]
        what = (
            number(d)
            if d is not None
            else f"{v.op}'s rule, {list(v.shape or ())} by {list(v.inputs[i].shape or ())}"
        )
        rows.append((f"d{rule.names[v]}/d{below}", what, f"{v.op}  {v.line}".strip()))
    wide = [max((len(r[k]) for r in rows), default=0) for k in range(2)]
    return [f"  {a:<{wide[0]}} = {b:<{wide[1]}}   {c}".rstrip() if b else f"  {a}" for a, b, c in rows]


def _ends(items: Sequence[Any], text: Callable[[Any], Any]) -> list[Any]:
    """The items as text; of very many those at the ends, and between them how many are left out."""
    hidden = len(items) - 2 * _ENDS - 1
    if hidden < _ENDS:
        return [text(x) for x in items]
    first, last = items[:_ENDS], items[len(items) - _ENDS :]
    return [*map(text, first), f"... {len(items) - 2 * _ENDS:,} more ...", *map(text, last)]


def _precise(a: Any) -> str:
    if a.size == 1:
        return f"{a.item():.6f}"
    return str(
        np.array2string(a, separator=", ", formatter={"all": lambda x: f"{x:.6f}"}, max_line_width=10**6)
    )
