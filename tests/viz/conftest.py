"""Pictures that several tests look at."""

import pytest

from tapegrad.viz.picture import Box, Edge, Picture

HOSTILE = [
    'a"b',
    "<script>alert(1)</script>",
    "</svg></script><b>",
    "]]>",
    "&amp; &#35; #35;",
    "[x](y)",
    "{a}|b|",
    "back\\slash\\",
    "line\nbreak\r\n\ttab",
    "\x00\x1b[31m\x7f\u202e\ud800\uffff",
    "日本語 ∂w/∂x é",
    '"];\n} digraph evil {',
    '"]:::op\nend',
    "`code` **bold** _it_",
    "1. list",
    "",
    "%% comment",
    "// comment /* */",
]


@pytest.fixture
def lecture() -> Picture:
    """u = w * x, v = u + b, a = relu(v)."""
    boxes = [
        Box("parameter", "w", ("value: 2.0", "grad: 3.0"), "lecture.py:3  w = tensor(2.0)"),
        Box("leaf", "x", ("value: 3.0",), "lecture.py:4  x = tensor(3.0)"),
        Box("op", "mul", ("value: 6.0", "grad: 1.0"), "lecture.py:6  u = w * x"),
        Box("parameter", "b", ("value: 1.0", "grad: 1.0"), "lecture.py:5  b = tensor(1.0)"),
        Box("op", "add", ("value: 7.0", "grad: 1.0"), "lecture.py:7  v = u + b"),
        Box("result", "relu", ("value: 7.0", "grad: 1.0"), "lecture.py:8  a = relu(v)"),
    ]
    edges = [Edge(0, 2, "3.0"), Edge(1, 2, "2.0"), Edge(2, 4, "1.0"), Edge(3, 4, "1.0"), Edge(4, 5, "1.0")]
    return Picture("a = relu(w*x + b)", boxes, edges)


@pytest.fixture
def hostile() -> Picture:
    """Every text of it tries to break out of the format."""
    boxes = [Box("op", text, (text, f"value: {text}"), f"{text}\n{text}", (text,)) for text in HOSTILE]
    edges = [Edge(place, place + 1, text) for place, text in enumerate(HOSTILE[1:])]
    return Picture("\n".join(HOSTILE), boxes, edges)
