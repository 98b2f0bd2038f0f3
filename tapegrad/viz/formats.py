"""A Picture as text for other tools (Graphviz, Mermaid) and for terminals, and what saves it in any form."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tapegrad._files import atomic_write
from tapegrad.viz.page import to_html
from tapegrad.viz.picture import Box, Picture
from tapegrad.viz.svg import COLOURS, to_svg
from tapegrad.viz.words import cells, clean, key_and_text, shorten

__all__ = ["save", "to_dot", "to_mermaid", "to_text"]

_MARKUP = (
    re.compile(  # all but letters, digits and marks that are harmless where they stand: "1.5", not "1. a"
        r"[^\w\s,:()=/…|.+\[\]-]|[.+-](?=\s)|_(?=_)|\b_|_\b|\](?=\()"
    )
)
_INK = "#16191d"
_CELL = 44  # columns of a terminal that one entry may fill
_INPUTS = 6  # inputs that an entry names


def save(picture: Picture, path: str | os.PathLike[str]) -> None:
    """Writes the picture in the format of the file's ending: .svg, .html, .dot, .mmd or .txt.

    Raises: ValueError for another ending, OSError if the file cannot be written; then nothing has changed.
    Source: none.
    """
    ending = Path(path).suffix.lower()
    write = _WRITERS.get(ending)
    if write is None:
        raise ValueError(
            f"save: {os.fspath(path)!r} ends in {ending!r}, which names no format that pictures have; "
            f"use one of {', '.join(_WRITERS)}."
        )
    atomic_write(path, write(picture))


def to_dot(picture: Picture) -> str:
    """The picture in Graphviz's language, with a cluster per group.

    Raises: ValueError as `Picture.order` does.
    Source: https://graphviz.org/doc/info/lang.html
    """
    picture.order()
    lines = [
        f"digraph {_dot(picture.title)} {{",
        f"  graph [label={_dot(picture.title)}, labelloc=t, fontname=Helvetica];",
        '  node [shape=box, style="rounded,filled", fontname=Helvetica, fontsize=11];',
        "  edge [fontname=Helvetica, fontsize=9, color=gray40];",
    ]
    for indent, what, number, path in _nested(picture.boxes):
        if what == "box":
            box = picture.boxes[number]
            ground, outline = COLOURS[box.kind]
            lines.append(
                f"{indent}b{number} [label={_dot(box.title, *box.lines)}, tooltip={_dot(*_origin(box))}, "
                f'fillcolor="{ground}", color="{outline}"];'
            )
        elif what == "open":
            lines.append(f"{indent}subgraph cluster_{number} {{ label={_dot(path[-1])}; color=gray70;")
        else:
            lines.append(f"{indent}}}")
    for edge in picture.edges:
        label = f" [label={_dot(edge.label)}]" if edge.label else ""
        lines.append(f"  b{edge.source} -> b{edge.target}{label};")
    return "\n".join([*lines, "}", ""])


def to_mermaid(picture: Picture) -> str:
    """The picture as a Mermaid flow chart, with a subgraph per group (Mermaid itself stops at 500 edges).

    Raises: ValueError as `Picture.order` does.
    Source: https://mermaid.js.org/syntax/flowchart.html
    """
    picture.order()
    lines = ["---", f"title: {json.dumps(clean(picture.title))}", "---"] if picture.title else []
    lines.append("flowchart TD")
    for indent, what, number, path in _nested(picture.boxes):
        if what == "box":
            box = picture.boxes[number]
            lines.append(f'{indent}b{number}["{_mermaid(box.title, *box.lines)}"]:::{box.kind}')
        elif what == "open":
            lines.append(f'{indent}subgraph g{number}["{_mermaid(path[-1])}"]')
        else:
            lines.append(f"{indent}end")
    for edge in picture.edges:
        label = f'|"{_mermaid(edge.label)}"|' if edge.label else ""
        lines.append(f"  b{edge.source} -->{label} b{edge.target}")
    for kind in dict.fromkeys(box.kind for box in picture.boxes):
        ground, outline = COLOURS[kind]
        lines.append(f"  classDef {kind} fill:{ground},stroke:{outline},color:{_INK}")
    return "\n".join([*lines, ""])


def _nested(boxes: list[Box]) -> Iterator[tuple[str, str, int, tuple[str, ...]]]:
    """The boxes in their groups: (indent, "open", group number, path), "box" and its place, or "close"."""
    opened: list[int] = []
    path: tuple[str, ...] = ()
    groups = 0
    # By path, not by place: a group that is used twice must not be opened twice.
    places = sorted(range(len(boxes)), key=lambda place: (boxes[place].group, place))
    for place in [*places, None]:
        wanted = boxes[place].group if place is not None else ()
        while path != wanted[: len(path)]:
            yield "  " * len(path), "close", opened.pop(), path
            path = path[:-1]
        while len(path) < len(wanted):
            path = wanted[: len(path) + 1]
            opened.append(groups)
            yield "  " * len(path), "open", groups, path
            groups += 1
        if place is not None:
            yield "  " * (len(path) + 1), "box", place, path


def _dot(*lines: str) -> str:
    """A quoted string. Graphviz reads backslashes and entities in it; clean text has no line ends itself."""
    escapes = str.maketrans({"\\": r"\\", '"': r"\"", "&": "&amp;"})
    return '"' + r"\n".join(clean(line).translate(escapes) for line in lines) + '"'


def _mermaid(*lines: str) -> str:
    """Text for inside quotes, with all that Mermaid or its Markdown could take for markup as entities."""
    return "<br/>".join(_MARKUP.sub(lambda found: f"#{ord(found[0])};", clean(line)) for line in lines)


def _origin(box: Box) -> list[str]:
    return box.tooltip.splitlines() or [box.title]


# --- terminals --------------------------------------------------------------------------------------------


def to_text(picture: Picture, limit: int = 200) -> str:
    """The picture as a table in execution order: one line per box, numbered, with the numbers of its inputs.

    Keys of lines become columns. Of more than `limit` boxes the middle is left out.

    Raises: ValueError as `Picture.order` does, or if limit is below 2.
    Source: none.
    """
    if limit < 2:
        raise ValueError(f"to_text: limit is {limit}; pass 2 or more, for the first and the last box.")
    order = picture.order()
    hidden = range((limit + 1) // 2, len(order) - limit // 2) if len(order) > limit else range(0)
    shown = [place for number, place in enumerate(order) if number not in hidden]
    table = _table(picture, order, shown)
    width = [max(cells(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [clean(picture.title)] if picture.title else []
    lines.append(_aligned(table[0], width))
    group: tuple[str, ...] = ()
    for number, (place, row) in enumerate(zip(shown, table[1:], strict=True)):
        if hidden and number == hidden.start:
            lines.append(f"{'…':>{width[0]}}  {len(hidden):,} more")
        if group != picture.boxes[place].group:
            group = picture.boxes[place].group
            lines += [f"{'':{width[0]}}  {clean('.'.join(group))}:"] if group else []
        lines.append(_aligned(row, width))
    return "\n".join([*lines, ""])


def _table(picture: Picture, order: list[int], shown: list[int]) -> list[list[str]]:
    """A row of headings and a row per shown box; columns in which nothing stands are left out."""
    number = {place: position for position, place in enumerate(order)}
    inputs: dict[int, list[str]] = {place: [] for place in shown}
    for edge in picture.edges:
        if edge.target in inputs:
            inputs[edge.target].append(f"{number[edge.source]}{f' ({edge.label})' if edge.label else ''}")
    noted = {place: _noted(picture.boxes[place]) for place in shown}
    keys = list(dict.fromkeys(key for notes in noted.values() for key in notes))
    labelled = any(edge.label for edge in picture.edges)
    table = [["#", "box", "kind", *(key.strip() for key in keys), "inputs" + " (label)" * labelled, "from"]]
    for place in shown:
        box, sources = picture.boxes[place], inputs[place]
        if len(sources) > _INPUTS:
            sources[_INPUTS - 1 :] = [f"… {len(sources) - _INPUTS + 1} more"]
        entries = [
            ("  " if box.group else "") + box.title,
            "" if box.kind == "op" else box.kind,
            *(noted[place].get(key, "") for key in keys),
            ", ".join(sources),
            box.tooltip.partition("\n")[0],
        ]
        table.append([str(number[place]), *(shorten(clean(entry), _CELL) for entry in entries)])
    used = [column for column in range(len(table[0])) if column < 2 or any(row[column] for row in table[1:])]
    return [[row[column] for column in used] for row in table]


def _noted(box: Box) -> dict[str, str]:
    """The box's lines by their keys; those without one by their place, as keys of nothing but spaces."""
    notes: dict[str, str] = {}
    for line in box.lines:
        key, text = key_and_text(line)
        key = key or " " * (1 + sum(not known.strip() for known in notes))
        notes[key] = f"{notes[key]}, {text}" if key in notes else text
    return notes


def _aligned(row: list[str], width: list[int]) -> str:
    """One line of the table: the number to the right, all else to the left."""
    cells_ = [" " * (width[0] - cells(row[0])) + row[0]]
    cells_ += [entry + " " * (room - cells(entry)) for entry, room in zip(row[1:], width[1:], strict=True)]
    return "  ".join(cells_).rstrip()


_WRITERS: dict[str, Callable[[Picture], str]] = {
    ".svg": to_svg,
    ".html": to_html,
    ".dot": to_dot,
    ".mmd": to_mermaid,
    ".txt": to_text,
}
