"""The SVG and the page show every box and edge, survive hostile names, and need nothing from outside."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from tapegrad.viz.page import to_html
from tapegrad.viz.picture import KINDS, Box, Edge, Picture
from tapegrad.viz.svg import to_svg
from tapegrad.viz.words import clean, shorten

SVG = "{http://www.w3.org/2000/svg}"
Element = ElementTree.Element


def parse(picture: Picture) -> Element:
    return ElementTree.fromstring(to_svg(picture))


def parts(root: Element, name: str) -> list[Element]:
    return [part for part in root.iter(f"{SVG}g") if name in part.get("class", "").split()]


def words(part: Element) -> list[str]:
    return [text.text or "" for text in part.iter(f"{SVG}text")]


def title(part: Element) -> str:
    return part.findtext(f"{SVG}title") or ""


def test_the_lecture_example(lecture: Picture) -> None:
    root = parse(lecture)
    assert root.get("aria-label") == "a = relu(w*x + b)"
    assert words(root)[0] == "a = relu(w*x + b)"
    boxes, edges = parts(root, "box"), parts(root, "edge")
    assert [words(box)[0] for box in boxes] == ["w", "x", "mul", "b", "add", "relu"]
    assert words(boxes[2]) == ["mul", "value", "6.0", "grad", "1.0"]
    assert title(boxes[2]) == "mul (op)\nvalue: 6.0\ngrad: 1.0\nlecture.py:6  u = w * x"
    assert [(edge.get("data-source"), edge.get("data-target"), *words(edge)) for edge in edges] == [
        (str(edge.source), str(edge.target), edge.label) for edge in lecture.edges
    ]
    assert title(edges[0]) == "w → mul: 3.0"


def test_the_view_box_holds_all_boxes_at_their_natural_size(lecture: Picture) -> None:
    root = parse(lecture)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert float(root.get("width", "")) == width < 600
    assert height < 800
    for box in parts(root, "box"):
        sheet = box.find(f"{SVG}rect")
        assert sheet is not None
        x, y = map(float, re.findall(r"[\d.]+", box.get("transform", "")))
        assert 0 <= x <= x + float(sheet.get("width", "")) <= width
        assert 0 <= y <= y + float(sheet.get("height", "")) <= height


def test_nothing_at_all() -> None:
    root = parse(Picture(""))
    assert root.get("aria-label") == "computation graph"
    assert not parts(root, "box")
    assert "<svg" in to_html(Picture(""))


def test_every_kind_has_its_own_look() -> None:
    boxes = parts(parse(Picture("", [Box(kind, kind) for kind in KINDS])), "box")
    outlines = [ElementTree.tostring(rect) for box in boxes for rect in box.findall(f"{SVG}rect")[:1]]
    assert len({box.get("fill") for box in boxes}) == len({box.get("stroke") for box in boxes}) == len(KINDS)
    assert len(outlines) == len(KINDS)


def test_hostile_names_stay_text(hostile: Picture) -> None:
    root = parse(hostile)
    boxes = parts(root, "box")
    assert len(boxes) == len(hostile.boxes)
    assert len(parts(root, "edge")) == len(hostile.edges)
    assert {part.tag for part in root.iter()} == {
        f"{SVG}{name}" for name in ("svg", "g", "title", "text", "rect", "path")
    }
    for box, drawn in zip(hostile.boxes, boxes, strict=True):
        name = clean(box.title)
        assert title(drawn).startswith(f"{name} (op)\n{name}\nvalue: {name}\nin {name}")
        assert words(drawn)[0] == shorten(name, 28)


def test_long_text_is_cut_and_whole_in_the_tooltip() -> None:
    long = "a_very_long_name_" * 5
    box = parts(parse(Picture("", [Box("op", long, (f"value: {long}", "宽" * 40))])), "box")[0]
    name, _, value, wide = words(box)
    assert name.endswith("…")
    assert len(name) == 28
    assert value.endswith("…")
    assert wide == "宽" * 16 + "…"
    assert title(box) == f"{long} (op)\nvalue: {long}\n{'宽' * 40}"


def test_labels_make_room_and_too_many_are_left_to_the_tooltip() -> None:
    def drawn(count: int) -> list[Element]:
        boxes = [Box("leaf", "x"), Box("op", "stack")]
        return parts(parse(Picture("", boxes, [Edge(0, 1, "0.123456")] * count)), "edge")

    chips = [chip for edge in drawn(5) for chip in edge.iter(f"{SVG}rect")]
    spans = sorted((float(chip.get("x", "")), float(chip.get("width", ""))) for chip in chips)
    assert len(spans) == 5
    assert all(x + width < following for (x, width), (following, _) in pairwise(spans))
    assert not any(words(edge) for edge in drawn(30))
    assert all(title(edge) == "x → stack: 0.123456" for edge in drawn(30))


def test_ids_are_unique_and_follow_the_content(lecture: Picture, hostile: Picture) -> None:
    def ids(picture: Picture) -> list[str]:
        return [part.get("id", "") for part in parse(picture).iter() if part.get("id")]

    assert len(ids(lecture)) == len(set(ids(lecture))) == 1 + 6 + 5
    assert not set(ids(lecture)) & set(ids(hostile))
    assert to_svg(lecture) == to_svg(lecture)


def test_a_cycle_is_refused() -> None:
    with pytest.raises(ValueError, match="close a cycle"):
        to_svg(Picture("", [Box("op", "a")], [Edge(0, 0)]))


class Page(HTMLParser):
    """Notes tags, attributes and the page's own script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize("name", ["lecture", "hostile"])
def test_the_page_is_whole_and_loads_nothing(name: str, request: pytest.FixtureRequest) -> None:
    picture = request.getfixturevalue(name)
    text = to_html(picture)
    page = Page(text)
    assert to_svg(picture) in text
    assert page.tags.count("script") == text.count("</script>") == 1
    assert page.tags.count("style") == page.tags.count("svg") == 1
    assert not {key for key, _ in page.attributes} & {"src", "href", "xlink:href", "action", "data", "onload"}
    assert "url(" not in text
    assert "import" not in text.replace("important", "")
    assert (
        "content",
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
    ) in page.attributes


def test_the_page_explains_the_kinds_that_occur(lecture: Picture) -> None:
    text = to_html(lecture)
    assert all(f"</i>{kind}</span>" in text for kind in ("op", "leaf", "parameter", "result"))
    assert "</i>group</span>" not in text
