"""A Picture as one standalone SVG text, legible on white and on black.

Boxes carry their own light ground and dark letters, lines and headings are a middle grey, so the drawing
suits any page. Kinds differ in colour (after Okabe and Ito, for all kinds of colour vision) and in outline.
Nothing refers to an id, a font file or a style sheet, so that any viewer shows it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from itertools import pairwise

from tapegrad.viz.layout import Layout, Point, layout
from tapegrad.viz.picture import Box, Edge, Picture
from tapegrad.viz.words import cells, clean, key_and_text, shorten

__all__ = ["COLOURS", "to_svg"]

COLOURS = {  # kind: ground, outline
    "op": ("#deebf7", "#2f6ea8"),
    "leaf": ("#d6f0e5", "#007a5a"),
    "parameter": ("#fdebd0", "#b86a00"),
    "constant": ("#eef0f2", "#7d8590"),
    "result": ("#f8dfec", "#a33b78"),
    "group": ("#e8e6f5", "#5c54a4"),
}
_INK, _SOFT, _LINE = "#16191d", "#59616b", "#858d97"
_SANS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
_MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"

_TITLE, _TEXT, _SMALL = 13.0, 11.0, 10.0  # font sizes
_TITLE_CELLS, _LINE_CELLS, _LABEL_CELLS = 28, 34, 14  # longer text ends in an ellipsis
_EM, _BOLD = 0.61, 0.68  # width per font size of a monospaced letter, and of a bold one in the widest fonts
_PAD, _ROUND = 11.0, 7.0
_LEAST, _MOST = 56.0, 460.0  # box widths; wider ones only for their text, never for labels above them
_ROW, _HEAD = 15.0, 30.0  # heights of a line and of a title with the space around it
_ARROW = 8.0
_CHIP = 16.0  # height of a label
_MARGIN = 10.0


def to_svg(picture: Picture) -> str:
    """The picture as SVG text, as wide as its letters need; a narrower page shrinks it as a whole.

    Boxes are <g class="box" data-box="3">, lines <g class="edge" data-source="0" data-target="3">; full texts
    are their <title>. Ids begin with a hash of the content, so that drawings can share a page.

    Raises: ValueError as `Picture.order` does.
    Source: https://www.w3.org/TR/SVG11/
    """
    picture.order()
    forms = [_Form.of(box) for box in picture.boxes]
    labels = _labels(picture, forms)
    headroom = _ARROW + (_CHIP + 6 if any(labels) else 2)
    sizes = [(form.width, form.height) for form in forms]
    drawing = layout(sizes, [(edge.source, edge.target) for edge in picture.edges], headroom)
    name = "tapegrad-" + sha256(repr(picture).encode("utf-8", "backslashreplace")).hexdigest()[:12]
    return "\n".join(_document(picture, forms, labels, drawing, name)) + "\n"


@dataclass(slots=True)
class _Form:
    """What a box shows, and how large that is."""

    title: str
    lines: list[tuple[str, str]]
    keys: float  # width of the column of keys
    text: float  # width of both columns
    width: float
    height: float

    @classmethod
    def of(cls, box: Box) -> "_Form":
        title = shorten(clean(box.title), _TITLE_CELLS)
        lines = [key_and_text(shorten(clean(line), _LINE_CELLS)) for line in box.lines]
        width = _EM * _TEXT
        keys = max((cells(key) + 1 for key, _ in lines if key), default=0) * width
        text = max((cells(text) * width + (keys if key else 0) for key, text in lines), default=0.0)
        return cls(
            title,
            lines,
            keys,
            text,
            max(_LEAST, cells(title) * _BOLD * _TITLE + 2 * _PAD, text + 2 * _PAD),
            _HEAD + (_ROW * len(lines) + 3 if lines else 0),
        )


def _labels(picture: Picture, forms: list[_Form]) -> list[str]:
    """The label shown on each edge. Boxes grow so that theirs fit side by side; too many are not shown."""
    arriving: dict[int, list[int]] = {}
    for line, edge in enumerate(picture.edges):
        arriving.setdefault(edge.target, []).append(line)
    labels = [shorten(clean(edge.label), _LABEL_CELLS) for edge in picture.edges]
    for target, lines in arriving.items():
        widest = max(_chip(labels[line]) for line in lines)
        needed = len(lines) * (widest + 6) + 16 if widest else 0.0
        if needed <= max(_MOST, forms[target].width):
            forms[target].width = max(forms[target].width, needed)
        else:
            for line in lines:
                labels[line] = ""
    return labels


def _chip(label: str) -> float:
    return cells(label) * _EM * _SMALL + 8 if label else 0.0


# --- the document ------------------------------------------------------------------------------------------


def _document(
    picture: Picture, forms: list[_Form], labels: list[str], drawing: Layout, name: str
) -> Iterator[str]:
    heading = shorten(clean(picture.title), 80)
    above = 26.0 if heading else 0.0
    width = max(drawing.width, cells(heading) * _BOLD * 14) + 2 * _MARGIN
    height = drawing.height + above + 2 * _MARGIN
    left = (width - drawing.width) / 2
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" class="tapegrad" role="group"'
        f' aria-label="{_plain(picture.title) or "computation graph"}"'
        f' width="{_n(width)}" viewBox="0 0 {_n(width)} {_n(height)}"'
        f' style="max-width:100%" font-family="{_SANS}">'
    )
    if heading:
        yield (
            f'<text class="heading" x="{_n(width / 2)}" y="{_n(_MARGIN + 12)}" text-anchor="middle"'
            f' font-size="14" font-weight="600" fill="{_LINE}">{_plain(heading)}</text>'
        )
    yield f'<g transform="translate({_n(left)} {_n(_MARGIN + above)})">'
    yield f'<g class="edges" fill="none" stroke="{_LINE}" stroke-width="1.5">'
    for line, edge in enumerate(picture.edges):
        yield from _edge(picture, edge, labels[line], drawing.routes[line], f"{name}-e{line}")
    yield "</g>"
    yield '<g class="boxes">'
    for place, (box, form) in enumerate(zip(picture.boxes, forms, strict=True)):
        yield from _box(box, form, drawing.centres[place], place, name)
    yield "</g>"
    yield "</g>"
    yield "</svg>"


def _edge(picture: Picture, edge: Edge, label: str, route: list[Point], name: str) -> Iterator[str]:
    x, y = route[-1]
    ends = f"{picture.boxes[edge.source].title} → {picture.boxes[edge.target].title}"
    yield f'<g class="edge" id="{name}" data-source="{edge.source}" data-target="{edge.target}">'
    yield f"<title>{_plain(ends)}{': ' if edge.label else ''}{_plain(edge.label)}</title>"
    yield f'<path d="{_path([*route[:-1], (x, y - _ARROW + 1)])}"/>'
    yield (
        f'<path class="tip" d="M{_n(x - 4)} {_n(y - _ARROW)}L{_n(x)} {_n(y)}L{_n(x + 4)} {_n(y - _ARROW)}Z"'
        f' fill="{_LINE}" stroke="none"/>'
    )
    if label:
        width, middle = _chip(label), y - _ARROW - 3 - _CHIP / 2
        yield (
            f'<rect class="chip" x="{_n(x - width / 2)}" y="{_n(middle - _CHIP / 2)}" width="{_n(width)}"'
            f' height="{_n(_CHIP)}" rx="4" fill="#ffffff" stroke="#c5cbd3" stroke-width="1"/>'
        )
        yield _text(label, x, middle + 3.5, _SMALL, "middle", _INK)
    yield "</g>"


def _path(points: list[Point]) -> str:
    """Straight down where x stays, and otherwise a curve that leaves and arrives vertically."""
    x, y = points[0]
    parts = [f"M{_n(x)} {_n(y)}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        if x == to_x:
            parts.append(f"V{_n(to_y)}")
        else:
            bend = _n((y + to_y) / 2)
            parts.append(f"C{_n(x)} {bend} {_n(to_x)} {bend} {_n(to_x)} {_n(to_y)}")
    return "".join(parts)


def _box(box: Box, form: _Form, centre: Point, place: int, name: str) -> Iterator[str]:
    x, y = centre[0] - form.width / 2, centre[1] - form.height / 2
    ground, outline = COLOURS[box.kind]
    yield (
        f'<g class="box {box.kind}" id="{name}-b{place}" data-box="{place}"'
        f' transform="translate({_n(x)} {_n(y)})" fill="{ground}" stroke="{outline}" stroke-width="1.3">'
    )
    yield f"<title>{_details(box)}</title>"
    yield from _outline(box.kind, form.width, form.height)
    yield (
        f'<text x="{_n(form.width / 2)}" y="19.5" text-anchor="middle" font-size="{_n(_TITLE)}"'
        f' font-weight="700" fill="{_INK}" stroke="none">{_plain(form.title)}</text>'
    )
    left = (form.width - form.text) / 2
    for number, (key, text) in enumerate(form.lines):
        down = _HEAD + _ROW * number + 8
        if key:
            yield _text(key, left, down, _TEXT, "start", _SOFT)
        yield _text(text, left + (form.keys if key else 0), down, _TEXT, "start", _INK)
    yield "</g>"


def _outline(kind: str, width: float, height: float) -> Iterator[str]:
    """The box's shape: kinds can be told apart without colour."""
    if kind == "group":  # a second sheet looks out from behind
        yield _sheet(4, 4, width, height, _ROUND)
    if kind == "constant":
        yield _sheet(0, 0, width, height, _ROUND, ' stroke-dasharray="4 3"')
    elif kind == "leaf":
        yield _sheet(0, 0, width, height, min(height / 2, 15))
    elif kind == "parameter":
        yield _sheet(0, 0, width, height, 2, ' stroke-width="2.2"')
    else:
        yield _sheet(0, 0, width, height, _ROUND)
    if kind == "result":
        yield _sheet(3, 3, width - 6, height - 6, _ROUND - 3, ' fill="none" stroke-width="1"')


def _sheet(x: float, y: float, width: float, height: float, rounding: float, more: str = "") -> str:
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" rx="{_n(rounding)}"{more}/>'
    )


def _text(text: str, x: float, y: float, size: float, anchor: str, colour: str) -> str:
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-family="{_MONO}" font-size="{_n(size)}" text-anchor="{anchor}"'
        f' fill="{colour}" stroke="none" xml:space="preserve">{_plain(text)}</text>'
    )


def _details(box: Box) -> str:
    """Everything known about a box, uncut, for its tooltip."""
    lines = [f"{box.title} ({box.kind})", *box.lines]
    if box.group:
        lines.append("in " + ".".join(box.group))
    lines += box.tooltip.splitlines()
    return "\n".join(_plain(line) for line in lines)


def _plain(text: str) -> str:
    return escape(clean(text))


def _n(value: float) -> str:
    """A number with at most one digit after the point: a tenth of a pixel is enough."""
    return f"{value:.1f}".removesuffix(".0")
