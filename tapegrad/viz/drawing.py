"""A recorded graph as a picture: what each box says, and the object that shows it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from tapegrad.autograd.graph import Graph, Vertex
from tapegrad.autograd.graph import graph as recorded
from tapegrad.tensor import Tensor
from tapegrad.viz.formats import save, to_dot, to_mermaid, to_text
from tapegrad.viz.page import to_html
from tapegrad.viz.picture import Box, Edge, Picture
from tapegrad.viz.svg import to_svg

LIMIT = 120  # boxes beyond which Modules are folded


class Drawing:
    """The graph of some tensors. It shows itself in a notebook, prints as text, and saves as a picture.

    graph: the recorded graph it shows (see tapegrad.autograd.graph). picture: its boxes and edges, folded to
    fit.
    """

    def __init__(self, graph: Graph, limit: int = LIMIT) -> None:
        self.graph = graph
        self.picture = picture_of(graph).fold(limit)

    def _repr_svg_(self) -> str:
        return to_svg(self.picture)

    def __str__(self) -> str:
        return to_text(self.picture)

    __repr__ = __str__

    def svg(self) -> str:
        """The picture as an SVG document."""
        return to_svg(self.picture)

    def html(self) -> str:
        """The picture as one HTML page with pan, zoom and search."""
        return to_html(self.picture)

    def dot(self) -> str:
        """The picture in Graphviz's language."""
        return to_dot(self.picture)

    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart."""
        return to_mermaid(self.picture)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture; the ending says how: .svg, .html, .dot, .mmd or .txt. A file is replaced
        atomically.

        Raises: ValueError for another ending, OSError if the file cannot be written; then nothing has
        changed.
        """
        save(self.picture, path)


def graph(
    *tensors: Tensor, names: Mapping[str, Any] | None = None, gradients: bool = True, limit: int = LIMIT
) -> Drawing:
    """The computation graph of tensors, with values, gradients and local derivatives, as a Drawing.

    names: variables and Modules by name; by default the caller's. gradients: show what the gradient is at
    each box. limit: how many boxes to draw at most; beyond it Modules, then chains of operations, are folded
    into one box.
    Raises: TypeError for what is no Tensor, RuntimeError for a tensor without a graph, ValueError for limit <
    1.
    """
    return Drawing(recorded(*tensors, names=names, gradients=gradients), limit)


def picture_of(graph: Graph) -> Picture:
    """Boxes and edges of a recorded graph."""
    boxes = [_box(v, v in graph.roots) for v in graph.vertices]
    edges = [
        Edge(x.index, v.index, "" if d is None else number(d))
        for v in graph.vertices
        for x, d in zip(v.inputs, v.locals, strict=True)
    ]
    roots = ", ".join(v.name or v.op for v in graph.roots)
    return Picture(f"graph of {roots}", boxes, edges)


def _box(v: Vertex, is_root: bool) -> Box:
    if v.kind == "op":
        kind, title = "result" if is_root else "op", f"{v.name} = {v.op}" if v.name else v.op
    elif v.kind == "leaf":
        kind, title = "parameter" if v.module else "leaf", v.name or "leaf"
    else:
        kind = "constant"
        title = v.name or (
            number(v.value.item()) if v.value is not None and v.value.size == 1 else "constant"
        )
    tooltip = f"{v.line}  {v.source}".strip()
    return Box(kind, title, tuple(_lines(v)), tooltip, v.module)


def _lines(v: Vertex) -> list[str]:
    lines = []
    if v.shape is not None:
        dtype = "" if v.dtype in ("", "float32") else f" {v.dtype}"
        lines.append(f"shape: {list(v.shape)}{dtype}")
    if v.value is not None:
        lines.append(f"value: {values(v.value)}{' (written since)' if v.changed else ''}")
    if v.gradient is not None and v.kind != "constant":
        lines.append(f"grad: {values(v.gradient)}")
    return lines


def number(x: Any) -> str:
    """A number in at most four digits."""
    if isinstance(x, (bool, int)):
        return str(x)
    text = f"{x:.4g}"
    return "0" if text == "-0" and x == 0 and not np.signbit(x) else text


def values(a: Any) -> str:
    """A small array as nested lists of short numbers; of a large one its norm."""
    if a.size > 16:
        return f"norm {number(float(np.linalg.norm(a.astype('f8'))))}"
    if a.size == 1:
        return number(a.item())
    text = np.array2string(a, separator=", ", formatter={"all": number}, max_line_width=10**6)
    return " ".join(text.split())
