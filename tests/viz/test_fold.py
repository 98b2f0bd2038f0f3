"""Folding makes pictures small, keeps what they say, and never closes a cycle."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad.viz.picture import Box, Edge, Picture


def op(title: str = "mul", *group: str) -> Box:
    return Box("op", title, (), "", group)


def chain(boxes: list[Box]) -> Picture:
    return Picture("chain", boxes, [Edge(*pair) for pair in pairwise(range(len(boxes)))])


def held(picture: Picture) -> int:
    return sum(len(box.holds) or 1 for box in picture.boxes)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Random graphs whose groups nest, repeat and interleave."""
    count = draw(st.integers(1, 20))
    boxes = []
    for place in range(count):
        kind = draw(st.sampled_from(["op", "op", "op", "parameter", "constant", "result"]))
        group = tuple(draw(st.lists(st.sampled_from("ab"), max_size=3)))
        boxes.append(Box(kind, str(place), (), "", group))
    pairs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=30))
    return Picture("", boxes, [Edge(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]])


@settings(max_examples=200, deadline=None)
@given(pictures(), st.integers(1, 20))
def test_at_most_limit_boxes_and_no_cycle(picture: Picture, limit: int) -> None:
    small = picture.fold(limit)
    assert len(small.boxes) <= limit or small is picture
    assert held(small) == len(picture.boxes)
    assert len(small.order()) == len(small.boxes)
    home = {}
    for place, box in enumerate(small.boxes):
        home.update({inner.title: place for inner in box.holds or (box,)})
    ends = [
        (home[picture.boxes[edge.source].title], home[picture.boxes[edge.target].title])
        for edge in picture.edges
    ]
    counted = sorted((edge.source, edge.target) for edge in small.edges for _ in range(edge.count))
    assert counted == sorted(pair for pair in ends if pair[0] != pair[1])


def test_a_small_picture_stays_as_it_is(lecture: Picture) -> None:
    assert lecture.fold(6) is lecture


def test_deepest_and_largest_groups_first() -> None:
    inner = [op("a", "net", "0")] * 3 + [op("b", "net", "1")] * 2
    picture = chain([op("in"), *inner, op("c", "net"), op("out")])
    assert [box.title for box in picture.fold(6).boxes] == ["in", "net.0", "b", "b", "c", "out"]
    assert [box.title for box in picture.fold(5).boxes] == ["in", "net.0", "net.1", "c", "out"]
    assert [box.title for box in picture.fold(4).boxes] == ["in", "net", "out"]


def test_a_group_says_what_it_holds_and_shows_its_result() -> None:
    boxes = [
        Box("constant", "x"),
        Box("parameter", "w", (), "", ("net",)),
        Box("op", "matmul", ("shape: [2]",), "net.py:3  x @ w", ("net",)),
        Box("op", "relu", ("shape: [2]", "grad: 1.0"), "net.py:4  relu(y)", ("net",)),
        Box("result", "sum"),
    ]
    edges = [Edge(0, 2, "w"), Edge(1, 2, "x"), Edge(2, 3, "1"), Edge(3, 4, "1")]
    net = Picture("", boxes, edges).fold(3).boxes[1]
    assert (net.kind, net.title, net.group) == ("group", "net", ())
    assert net.lines == ("2 ops, 1 parameter", "matmul, relu", "shape: [2]", "grad: 1.0")
    assert net.tooltip == "net.py:3  x @ w\nnet.py:4  relu(y)"


def test_an_outer_group_shows_the_result_of_the_inner_one() -> None:
    inner = [op("a", "net", "0"), Box("op", "b", ("value: 1",), "", ("net", "0"))]
    picture = chain([op("in"), *inner, op("out")]).fold(3)
    picture.boxes[1].group = ("net",)
    picture.boxes[0].group = ("net",)
    assert picture.fold(2).boxes[0].lines == ("3 ops", "in, a, b", "value: 1")


def test_folded_edges_are_counted_and_lose_labels_that_are_no_longer_true() -> None:
    boxes = [Box("leaf", "x"), op("a", "net"), op("b", "net"), op("out")]
    edges = [Edge(0, 1, "2"), Edge(0, 2, "3"), Edge(1, 2, "4"), Edge(2, 3, "5")]
    small = Picture("", boxes, edges).fold(3)
    assert small.edges == [Edge(0, 1, "x2", 2), Edge(1, 2, "5")]


def test_parallel_edges_between_plain_boxes_stay() -> None:
    boxes = [Box("leaf", "x"), op("mul"), op("a", "net"), op("b", "net")]
    edges = [Edge(0, 1, "x"), Edge(0, 1, "x"), Edge(1, 2), Edge(2, 3)]
    assert Picture("", boxes, edges).fold(3).edges[:2] == edges[:2]


def test_a_module_that_is_called_twice_becomes_two_boxes() -> None:
    # f, g, f: one box for all of f would be before and after g.
    weight = Box("parameter", "w", (), "", ("f",))
    calls = [op("a", "f"), op("b", "f"), op("c", "g"), op("d", "g"), op("a", "f"), op("b", "f")]
    picture = chain([*calls, op("out")])
    picture.boxes.append(weight)
    picture.edges += [Edge(7, 0), Edge(7, 4)]
    small = picture.fold(4)
    assert [box.title for box in small.boxes] == ["g", "f", "out", "f"]
    assert [small.boxes[place].title for place in small.order()] == ["f", "g", "f", "out"]
    assert [len(box.holds) for box in small.boxes] == [2, 2, 0, 3]


def test_groups_that_run_side_by_side_fold_whole() -> None:
    boxes = [op(str(place), "ab"[place % 2]) for place in range(8)]
    picture = Picture("", boxes, [Edge(place, place + 2) for place in range(6)])
    assert [box.title for box in picture.fold(2).boxes] == ["a", "b"]


def test_a_long_chain_without_groups() -> None:
    boxes = [Box("leaf", "x"), *(op("add" if step % 2 else "mul") for step in range(37)), Box("result", "y")]
    small = chain(boxes).fold(5)
    assert [box.title for box in small.boxes] == ["x", "… 37 ops", "y"]
    assert small.boxes[1].lines == ("mul 19, add 18",)


def test_a_chain_takes_its_own_constants_along() -> None:
    boxes, edges = [Box("leaf", "x")], []
    for _ in range(10):
        last = len(boxes) - 1
        boxes += [Box("constant", "2"), op()]
        edges += [Edge(last, len(boxes) - 1), Edge(len(boxes) - 2, len(boxes) - 1)]
    small = Picture("", boxes, edges).fold(3)
    assert [box.title for box in small.boxes] == ["x", "… 10 ops, 10 constants"]


def test_what_is_neither_group_nor_chain_loses_its_middle() -> None:
    # Every value is used twice, as in a Fibonacci sequence.
    boxes = [op(f"f{step}") for step in range(100)]
    edges = [Edge(step - back, step) for step in range(2, 100) for back in (2, 1)]
    small = Picture("", [*boxes, Box("result", "y")], [*edges, Edge(99, 100)]).fold(7)
    assert [box.title for box in small.boxes] == ["f0", "f1", "f2", "… 95 ops", "f98", "f99", "y"]


def test_a_deep_graph_needs_no_recursion() -> None:
    boxes = [op("mul", "a", "b")] * 20_000
    assert [box.title for box in chain(boxes).fold(10).boxes] == ["a.b"]


def test_order_puts_inputs_first_and_keeps_ties() -> None:
    picture = Picture("", [op("d"), op("a"), op("c"), op("b")], [Edge(1, 3), Edge(3, 2), Edge(2, 0)])
    assert picture.order() == [1, 3, 2, 0]
    assert Picture("", [op()] * 3).order() == [0, 1, 2]


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="Box: kind is 'node'; use one of op, leaf"):
        Box("node", "x")
    with pytest.raises(ValueError, match="fold: limit is 0"):
        Picture("").fold(0)
    with pytest.raises(ValueError, match="goes from 0 to 1, but there are 1 boxes"):
        Picture("", [op()], [Edge(0, 1)]).order()
    with pytest.raises(ValueError, match=r"close a cycle at or above box 1 \(mul\)"):
        Picture("", [op("add"), op(), op()], [Edge(1, 2), Edge(2, 1)]).order()
