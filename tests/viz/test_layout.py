"""The layout keeps its promises for every graph: nothing overlaps, lines run down and around boxes."""

from importlib import import_module
from itertools import combinations, pairwise
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad.viz.layout import Layout, Point, layout

Edges = list[tuple[int, int]]
SLACK = 1e-6


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Point], Edges]:
    """Random graphs without cycles: parallel edges, separate pieces, long skips, boxes in any order."""
    count = draw(st.integers(0, 24))
    lengths = st.floats(4, 300).map(lambda length: round(length, 1))
    sizes = draw(st.lists(st.tuples(lengths, lengths), min_size=count, max_size=count))
    name = draw(st.permutations(range(count)))
    ends = st.tuples(st.integers(0, max(count - 1, 0)), st.integers(0, max(count - 1, 0)))
    pairs = draw(st.lists(ends, max_size=40)) if count else []
    chain = draw(st.booleans())
    edges = [(min(pair), max(pair)) for pair in pairs] + list(pairwise(range(count))) * chain
    return sizes, [(name[first], name[second]) for first, second in edges if first != second]


def curve(start: Point, end: Point) -> list[Point]:
    """Points on the curve that leaves and arrives vertically, as the SVG draws it."""
    (x, y), (to_x, to_y) = start, end
    steps = [step / 12 for step in range(13)]
    return [
        (x + (to_x - x) * (3 * t**2 - 2 * t**3), y + (to_y - y) * (1.5 * t * (1 - t) + t**3)) for t in steps
    ]


def inside(point: Point, centre: Point, size: Point) -> bool:
    return all(
        abs(here - middle) < length / 2 - SLACK
        for here, middle, length in zip(point, centre, size, strict=True)
    )


def check(sizes: list[Point], edges: Edges, headroom: float) -> Layout:
    drawn = layout(sizes, edges, headroom)
    assert len(drawn.centres) == len(sizes)
    assert len(drawn.routes) == len(edges)
    for (x, y), (width, height) in zip(drawn.centres, sizes, strict=True):
        assert width / 2 - SLACK <= x <= drawn.width - width / 2 + SLACK
        assert height / 2 - SLACK <= y <= drawn.height - height / 2 + SLACK
    for (one, first), (two, second) in combinations(zip(drawn.centres, sizes, strict=True), 2):
        apart = [abs(one[axis] - two[axis]) >= (first[axis] + second[axis]) / 2 - SLACK for axis in (0, 1)]
        assert any(apart)
    for edge, route in zip(edges, drawn.routes, strict=True):
        check_route(drawn, sizes, edge, route, headroom)
    return drawn


def check_route(
    drawn: Layout, sizes: list[Point], edge: tuple[int, int], route: list[Point], headroom: float
) -> None:
    source, target = edge
    (x, y), (_, to_y) = drawn.centres[source], drawn.centres[target]
    assert route[0] == pytest.approx((x, y + sizes[source][1] / 2))
    assert route[-1][1] == pytest.approx(to_y - sizes[target][1] / 2)
    assert abs(route[-1][0] - drawn.centres[target][0]) <= sizes[target][0] / 2
    assert all(-SLACK <= x <= drawn.width + SLACK for x, _ in route)
    for start, end in pairwise(route):
        assert start[1] <= end[1] + SLACK
        for point in curve(start, end):
            boxes = zip(drawn.centres, sizes, strict=True)
            assert not any(inside(point, centre, size) for centre, size in boxes)
    if headroom:
        assert route[-1][0] == route[-2][0]
        assert route[-1][1] - route[-2][1] >= headroom - SLACK


@settings(max_examples=60, deadline=None)
@given(graphs(), st.sampled_from([0.0, 30.0]), st.sampled_from([0, 1, 3]))
def test_nothing_overlaps_and_lines_run_around_boxes(
    graph: tuple[list[Point], Edges], headroom: float, passing: int
) -> None:
    # With few places for passing lines, many run in lanes.
    with patch.object(import_module("tapegrad.viz.layout"), "_PASSING", passing):
        drawn = check(*graph, headroom)
        assert layout(*graph, headroom) == drawn


def test_nothing_and_a_single_box() -> None:
    assert layout([], []) == Layout(0.0, 0.0, [], [])
    assert layout([(40.0, 20.0)], []) == Layout(40.0, 20.0, [(20.0, 10.0)], [])


def test_parallel_lines_arrive_apart() -> None:
    drawn = check([(80.0, 30.0)] * 2, [(0, 1)] * 3, 10)
    assert len({route[-1][0] for route in drawn.routes}) == 3


def test_inputs_stand_right_above_what_uses_them() -> None:
    # 0 -> 1 -> 2 -> 3 is the long way; leaf 4 feeds 3, and leaf 5 feeds 6, which only 3 uses.
    drawn = check([(60.0, 30.0)] * 7, [(0, 1), (1, 2), (2, 3), (4, 3), (5, 6), (6, 3)], 0)
    heights = [y for _, y in drawn.centres]
    assert heights[4] == heights[6] == heights[2]
    assert heights[5] == heights[1]


def test_a_chain_is_a_straight_line() -> None:
    drawn = check([(50.0 + place, 30.0) for place in range(20)], list(pairwise(range(20))), 0)
    assert all(len(route) == 2 for route in drawn.routes)


def test_separate_pieces_fill_rows() -> None:
    drawn = check([(100.0, 50.0)] * 60, [], 0)
    assert drawn.width < 3 * drawn.height
    assert drawn.height < 3 * drawn.width


def test_long_lines_are_bounded() -> None:
    # A weight that 2,000 steps use, and a sum over all steps: a place per passed layer would be millions.
    steps = 2000
    edges = [*pairwise(range(1, steps + 1))]
    edges += [(0, step) for step in range(2, steps)] + [(step, steps) for step in range(1, steps - 1)]
    drawn = layout([(40.0, 20.0)] * (steps + 1), edges)
    assert sum(len(route) for route in drawn.routes) < 20 * len(edges)


def test_a_deep_graph_needs_no_recursion() -> None:
    count = 20_000
    drawn = layout([(40.0, 20.0)] * count, list(pairwise(range(count))))
    assert drawn.centres[-1][1] > drawn.centres[0][1]


def test_a_wide_graph() -> None:
    check([(40.0, 20.0)] * 60, [(place, 59) for place in range(59)], 0)


@pytest.mark.parametrize("edges", [[(0, 0)], [(0, 1), (1, 0)], [(0, 1), (1, 2), (2, 1)]])
def test_a_cycle_is_refused(edges: Edges) -> None:
    with pytest.raises(ValueError, match="layout: the edges close a cycle"):
        layout([(40.0, 20.0)] * 3, edges)


@pytest.mark.parametrize("edge", [(0, 2), (-1, 0)])
def test_an_edge_must_name_boxes(edge: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="names no box"):
        layout([(40.0, 20.0)] * 2, [edge])
