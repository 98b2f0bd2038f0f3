"""DOT, Mermaid and text say the same as the picture, whatever the names are; saving picks the format."""

import json
import os
import re
from pathlib import Path

import pytest

from tapegrad.viz.formats import save, to_dot, to_mermaid, to_text
from tapegrad.viz.page import to_html
from tapegrad.viz.picture import Box, Edge, Picture
from tapegrad.viz.svg import to_svg
from tapegrad.viz.words import clean

DOT_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|->|[\w.]+|[{}\[\]=,;])')
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800\uffff]")


@pytest.fixture
def grouped() -> Picture:
    boxes = [
        Box("constant", "x"),
        Box("parameter", "w", (), "", ("net", "0")),
        Box("op", "matmul", ("shape: [2]",), "", ("net", "0")),
        Box("op", "relu", (), "", ("net",)),
        Box("op", "matmul", (), "", ("net", "0")),
        Box("op", "mul"),
    ]
    return Picture(
        "", boxes, [Edge(0, 2), Edge(1, 2), Edge(2, 3), Edge(3, 4), Edge(1, 4), Edge(4, 5), Edge(4, 5)]
    )


def tokens(text: str) -> list[str]:
    """The tokens of a DOT text; fails where it is none."""
    found, position = [], 0
    while text[position:].strip():
        token = DOT_TOKEN.match(text, position)
        assert token, text[position : position + 40]
        found.append(token[1])
        position = token.end()
    return found


def unquoted(token: str) -> str:
    """What Graphviz shows for a quoted string."""
    plain = re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], token[1:-1])
    return plain.replace("&amp;", "&")


def test_dot(lecture: Picture) -> None:
    text = to_dot(lecture)
    assert text.startswith('digraph "a = relu(w*x + b)" {\n')
    assert '  b2 [label="mul\\nvalue: 6.0\\ngrad: 1.0", tooltip="lecture.py:6  u = w * x", ' in text
    assert '  b0 -> b2 [label="3.0"];\n' in text


def test_dot_of_hostile_names(hostile: Picture) -> None:
    found = tokens(to_dot(hostile))
    assert found.count("{") == found.count("}") == 1 + len(hostile.boxes)
    assert found.count("->") == len(hostile.edges)
    shown = {unquoted(token) for token in found if token[0] == '"'}
    for box in hostile.boxes:
        name = clean(box.title)
        assert f"{name}\n{name}\nvalue: {name}" in shown
    assert {clean(edge.label) for edge in hostile.edges} - {""} <= shown


def test_dot_and_mermaid_nest_groups(grouped: Picture) -> None:
    dot = tokens(to_dot(grouped))
    assert dot.count("subgraph") == 2
    mermaid = to_mermaid(grouped).splitlines()
    assert [line.strip() for line in mermaid[1:11]] == [
        'b0["x"]:::constant',
        'b5["mul"]:::op',
        'subgraph g0["net"]',
        'b3["relu"]:::op',
        'subgraph g1["0"]',
        'b1["w"]:::parameter',
        'b2["matmul<br/>shape: [2]"]:::op',
        'b4["matmul"]:::op',
        "end",
        "end",
    ]
    assert mermaid.count("  b4 --> b5") == 2


def test_mermaid(lecture: Picture) -> None:
    lines = to_mermaid(lecture).splitlines()
    assert lines[:4] == ["---", 'title: "a = relu(w*x + b)"', "---", "flowchart TD"]
    assert '  b2["mul<br/>value: 6.0<br/>grad: 1.0"]:::op' in lines
    assert '  b0 -->|"3.0"| b2' in lines
    assert "  classDef result fill:#f8dfec,stroke:#a33b78,color:#16191d" in lines


def test_mermaid_of_hostile_names(hostile: Picture) -> None:
    """Mermaid 11 was seen to show these right; here entities must decode to them, the rest be harmless."""
    head, title, _, _, *lines = to_mermaid(hostile).splitlines()
    assert head == "---"
    assert json.loads(title.removeprefix("title: ")) == clean(hostile.title)
    quoted = [text for line in lines for text in re.findall(r'"([^"]*)"', line)]
    decoded = [re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text) for text in quoted]
    for box in hostile.boxes:
        name = clean(box.title)
        assert f"{name}<br/>{name}<br/>value: {name}" in decoded
    for text in quoted:
        assert not re.search(r"[`<>{}*%\\$~@!;&]|\]\(|^\d+\. ", re.sub(r"#\d+;|<br/>", "", text))
    shape = (
        r'\s*(b\d+\["[^"]*"\]:::op|subgraph g\d+\["[^"]*"\]|end|b\d+ -->(\|"[^"]*"\|)? b\d+|classDef op \S+)'
    )
    assert all(re.fullmatch(shape, line) for line in lines)


def test_text(lecture: Picture) -> None:
    assert to_text(lecture) == (
        "a = relu(w*x + b)\n#  box   kind       value  grad  inputs (label)    from\n0  w     parameter  2.0 "
        "   3.0                     lecture.py:3  w = tensor(2.0)\n1  x     leaf       3.0                   "
        "         lecture.py:4  x = tensor(3.0)\n2  mul              6.0    1.0   0 (3.0), 1 (2.0)  "
        "lecture.py:6  u = w * x\n3  b     parameter  1.0    1.0                     lecture.py:5  b = "
        "tensor(1.0)\n4  add              7.0    1.0   2 (1.0), 3 (1.0)  lecture.py:7  v = u + b\n5  relu  "
        "result     7.0    1.0   4 (1.0)           lecture.py:8  a = relu(v)\n"
    )


def test_text_shows_groups(grouped: Picture) -> None:
    assert to_text(grouped) == (
        "#  box       kind       shape  inputs\n0  x         constant\n   net.0:\n1    w       parameter\n2  "
        "  matmul             [2]    0, 1\n   net:\n3    relu                      2\n   net.0:\n4    matmul "
        "                   3, 1\n5  mul                         4, 4\n"
    )


def test_text_is_in_execution_order_with_its_own_numbers() -> None:
    picture = Picture("", [Box("op", "last"), Box("op", "first")], [Edge(1, 0)])
    assert to_text(picture) == "#  box    inputs\n0  first\n1  last   0\n"


def test_text_aligns_lines_without_keys_and_wide_letters() -> None:
    boxes = [Box("op", "宽宽", ("[2]", "f32", "f64")), Box("op", "a", ("[3, 4]", "f32"), "é.py:1")]
    assert to_text(Picture("", boxes)) == (
        "#  box                     from\n0  宽宽  [2]     f32  f64\n1  a     [3, 4]  f32       é.py:1\n"
    )


def test_text_is_bounded() -> None:
    boxes = [Box("op", f"op{place}", ("value: " + "9" * 1000,)) for place in range(5000)]
    edges = [Edge(place, 4999) for place in range(4999)]
    lines = to_text(Picture("", boxes, edges), limit=5).splitlines()
    assert [line.split()[1] for line in lines] == ["box", "op0", "op1", "op2", "4,995", "op4998", "op4999"]
    assert lines[4] == "   …  4,995 more"
    assert lines[-1].endswith("0, 1, 2, 3, 4, … 4994 more")
    assert max(map(len, lines)) < 100
    assert len(to_text(Picture("", boxes, edges)).splitlines()) == 202
    with pytest.raises(ValueError, match="to_text: limit is 1"):
        to_text(Picture(""), limit=1)


def test_text_of_hostile_names_steers_no_terminal(hostile: Picture) -> None:
    text = to_text(hostile)
    assert not UNSAFE.search(text)
    assert len(text.splitlines()) == 2 + 2 * len(hostile.boxes)


def test_nothing_at_all() -> None:
    assert to_text(Picture("")) == "#  box\n"
    assert tokens(to_dot(Picture("")))[:2] == ["digraph", '""']
    assert to_mermaid(Picture("")) == "flowchart TD\n"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("graph.svg", to_svg),
        ("graph.html", to_html),
        ("graph.dot", to_dot),
        ("graph.mmd", to_mermaid),
        ("graph.txt", to_text),
        ("GRAPH.SVG", to_svg),
    ],
)
def test_save(tmp_path: Path, lecture: Picture, name: str, write: object) -> None:
    assert callable(write)
    for path in (tmp_path / name, str(tmp_path / name)):
        save(lecture, path)
        assert (tmp_path / name).read_text(encoding="utf-8") == write(lecture)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["graph.png", "graph", ".svg"])
def test_save_refuses_other_endings(tmp_path: Path, lecture: Picture, name: str) -> None:
    with pytest.raises(
        ValueError, match=r"save: '.*' ends in .*; use one of \.svg, \.html, \.dot, \.mmd, \.txt\."
    ):
        save(lecture, tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_save_leaves_the_old_file_when_it_fails(tmp_path: Path) -> None:
    target = tmp_path / "graph.svg"
    target.write_text("old")
    with pytest.raises(ValueError, match="close a cycle"):
        save(Picture("", [Box("op", "a")], [Edge(0, 0)]), target)
    assert target.read_text() == "old"


def test_every_format_can_be_saved_with_hostile_names(tmp_path: Path, hostile: Picture) -> None:
    for ending in ("svg", "html", "dot", "mmd", "txt"):
        save(hostile, tmp_path / f"graph.{ending}")
        assert not UNSAFE.search((tmp_path / f"graph.{ending}").read_text(encoding="utf-8"))
