"""Where boxes and lines go: a layered drawing in which data flows down.

Boxes get layers, and a line that passes a layer gets a place in it as boxes do. Lines bend only between
layers, so they never run through a box. Nothing recurses, the same input gives the same drawing, and the
places for passing lines are bounded: lines that are too long for that run in lanes beside the drawing.

Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical systems", 1981;
R. E. Barlow et al., "Statistical inference under order restrictions", 1972 (pool adjacent violators).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappush, heapreplace
from itertools import pairwise
from math import inf, sqrt

from tapegrad.viz.rows import Pull, arrange, settle, straighten

__all__ = ["Layout", "Point", "layout"]

Point = tuple[float, float]
_Stop = tuple[int, float]  # a layer, and the x of a line in it

_SPACE = 28.0  # between neighbouring boxes
_CLEAR = 16.0  # between a passing line and its neighbours
_GAP = 34.0  # between layers, where lines bend, and
_SLOPE = 0.06  # so much more per unit that a line moves sideways there,
_MOST = 90.0  # but at most so much more
_INSET = 16.0  # the part of a box's top where no line ends
_STRAIGHT, _WEAK = 8.0, 0.02  # how strongly passing lines and lines that are not of the longest way pull
_STEP = 1.0  # smaller steps to the side are not worth a bend
_SHAPE = 1.6  # width by height of a drawing of many separate pieces
_PASSING = 3  # places for passing lines, per box and line


@dataclass(slots=True)
class Layout:
    """A drawing's size, the centre of each box, and each line's points from its source down to its target.

    Between two points with one x the line runs straight down; any other step crosses a gap between two layers
    and may be curved as long as it keeps to the heights of its ends.
    """

    width: float
    height: float
    centres: list[Point]
    routes: list[list[Point]]


def layout(sizes: Sequence[Point], edges: Sequence[tuple[int, int]], headroom: float = 0.0) -> Layout:
    """Places boxes of the given widths and heights; lines run straight down for `headroom` above each box.

    Raises: ValueError if an edge names no box or the edges close a cycle.
    Source: the module's docstring.
    """
    home = _components(len(sizes), edges)
    boxes: list[list[int]] = [[] for _ in range(max(home, default=-1) + 1)]
    lines: list[list[int]] = [[] for _ in boxes]
    for box, number in enumerate(home):
        boxes[number].append(box)
    for line, (source, _) in enumerate(edges):
        lines[home[source]].append(line)
    pieces = []
    for inside, own in zip(boxes, lines, strict=True):
        local = {box: place for place, box in enumerate(inside)}
        joined = [(local[edges[line][0]], local[edges[line][1]]) for line in own]
        pieces.append(_drawn([sizes[box] for box in inside], joined, headroom))
    whole = Layout(0.0, 0.0, [(0.0, 0.0)] * len(sizes), [[] for _ in edges])
    for piece, inside, own, (dx, dy) in zip(pieces, boxes, lines, _shelved(pieces), strict=True):
        for box, (x, y) in zip(inside, piece.centres, strict=True):
            whole.centres[box] = (x + dx, y + dy)
        for line, route in zip(own, piece.routes, strict=True):
            whole.routes[line] = [(x + dx, y + dy) for x, y in route]
        whole.width = max(whole.width, piece.width + dx)
        whole.height = max(whole.height, piece.height + dy)
    return whole


def _components(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """For each box the number of its connected piece; pieces are numbered by their first box."""
    parent = list(range(count))

    def root(box: int) -> int:
        while parent[box] != box:
            parent[box] = parent[parent[box]]
            box = parent[box]
        return box

    for source, target in edges:
        if not (0 <= source < count and 0 <= target < count):
            raise ValueError(f"layout: edge {source} -> {target} names no box; there are {count}, from 0.")
        first, second = sorted((root(source), root(target)))
        parent[second] = first
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(box), len(numbers)) for box in range(count)]


def _shelved(pieces: list[Layout]) -> list[Point]:
    """Corners for the pieces: side by side in their order, in rows that make the whole about _SHAPE."""
    area = sum((piece.width + 2 * _SPACE) * (piece.height + _GAP) for piece in pieces)
    limit = max([sqrt(area * _SHAPE), *(piece.width for piece in pieces)])
    corners = []
    x = y = high = 0.0
    for piece in pieces:
        if x and x + piece.width > limit:
            x, y, high = 0.0, y + high + _GAP, 0.0
        corners.append((x, y))
        x += piece.width + 2 * _SPACE
        high = max(high, piece.height)
    return corners


# --- one connected piece ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Piece:
    """A connected graph on its way to a drawing.

    The first nodes are the boxes. Further ones are places where a line passes a layer; the lines that leave a
    box run together along its `trunk` and branch off. The long lines of a source in `lanes` run beside the
    drawing instead.
    """

    sizes: list[Point]
    edges: list[tuple[int, int]]
    depth: list[int]  # of each box: the longest way to it
    layer: list[int]  # of each node
    rows: list[list[int]]
    trunk: list[list[int]]
    lanes: dict[int, int]  # source -> -1 for a lane at the left, 1 for one at the right

    @property
    def steps(self) -> list[tuple[int, int]]:
        """The steps of all trunks from one layer to the next."""
        return [step for box, trunk in enumerate(self.trunk) for step in pairwise((box, *trunk))]

    def last(self, line: int) -> int:
        """The node in the layer above the line's target that the line comes from, or -1 if it is the lane."""
        source, target = self.edges[line]
        steps = self.layer[target] - self.layer[source]
        if steps == 1:
            return source
        return self.trunk[source][steps - 2] if steps - 1 <= len(self.trunk[source]) else -1


def _drawn(sizes: list[Point], edges: list[tuple[int, int]], headroom: float) -> Layout:
    piece = _layered(sizes, edges)
    arrange(piece.rows, *_links(piece))
    ports = _ports(piece)
    x = _positions(piece, ports)
    lanes = _lanes(piece, x)
    left, right = _extent(piece, x)
    left, right = min(left, *lanes.values(), inf), max(right, *lanes.values(), -inf)
    stops = [_stops(piece, line, port, x, lanes) for line, port in enumerate(ports)]
    top, bottom = _heights(piece, stops, headroom)
    layers = piece.layer[: len(sizes)]
    centres = [
        (x[box] - left, (top[layer] + headroom + bottom[layer]) / 2) for box, layer in enumerate(layers)
    ]
    routes = []
    for (source, target), way in zip(edges, stops, strict=True):
        route = [(place - left, y) for layer, place in way for y in (top[layer], bottom[layer])]
        route[0] = (route[0][0], centres[source][1] + sizes[source][1] / 2)
        route[-1] = (route[-1][0], centres[target][1] - sizes[target][1] / 2)
        routes.append(_straightened(route))
    return Layout(right - left, bottom[-1], centres, routes)


def _layers(count: int, edges: list[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Each box's depth, the longest way to it, and its layer: what leads to one box only stands above it."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    waits = [len(sources) for sources in before]
    order = [box for box in range(count) if not waits[box]]
    depth = [0] * count
    loose = [True] * count  # all that leads here leads nowhere else, or is a box without inputs
    for box in order:  # the list grows as we go
        tied = loose[box] and len(set(after[box])) == 1
        for target in after[box]:
            depth[target] = max(depth[target], depth[box] + 1)
            loose[target] = loose[target] and (tied or not before[box])
            waits[target] -= 1
            if not waits[target]:
                order.append(target)
    if len(order) < count:
        raise ValueError("layout: the edges close a cycle; data must flow one way.")
    layer = depth[:]
    for box in reversed(order):
        if loose[box] and after[box]:
            layer[box] = min([layer[target] for target in after[box]]) - 1
    return depth, layer


def _layered(sizes: list[Point], edges: list[tuple[int, int]]) -> _Piece:
    """The boxes and the places for passing lines in their layers, in order of their numbers."""
    depth, layer = _layers(len(sizes), edges)
    lanes = _laned(layer, edges)
    rows: list[list[int]] = [[] for _ in range(max(layer) + 1)]
    for box, number in enumerate(layer):
        rows[number].append(box)
    piece = _Piece(sizes, edges, depth, layer, rows, [[] for _ in sizes], lanes)
    for source, target in edges:
        trunk, places = piece.trunk[source], layer[target] - layer[source] - 1
        while len(trunk) < places and not (source in lanes and places > 1):
            trunk.append(len(layer))
            layer.append(layer[source] + len(trunk))
            rows[layer[-1]].append(trunk[-1])
    return piece


def _laned(layer: list[int], edges: list[tuple[int, int]]) -> dict[int, int]:
    """The sources of the lines that are too long for the number of places that we can afford."""
    spans = sorted((layer[target] - layer[source] - 1, source) for source, target in edges)
    afford = _PASSING * (len(layer) + len(edges))
    for position, (span, _) in enumerate(spans):
        afford -= span
        if afford < 0:
            return {source: 0 for span, source in spans[position:] if span > 1}
    return {}


def _links(piece: _Piece) -> tuple[list[list[int]], list[list[int]]]:
    """For each node its neighbours in the layers above and below, one entry per line."""
    up: list[list[int]] = [[] for _ in piece.layer]
    down: list[list[int]] = [[] for _ in piece.layer]
    arrivals = [(piece.last(line), target) for line, (_, target) in enumerate(piece.edges)]
    for upper, lower in piece.steps + arrivals:
        if upper >= 0:
            up[lower].append(upper)
            down[upper].append(lower)
    return up, down


def _ports(piece: _Piece) -> list[float]:
    """Where each line ends, from the centre of its target: in the order in which the lines arrive."""
    place = [0.0] * len(piece.layer)
    for row in piece.rows:
        for position, node in enumerate(row):
            place[node] = (position + 0.5) / len(row)
    lean = dict.fromkeys(piece.lanes, 0.0)
    for source, target in piece.edges:
        if source in lean:
            lean[source] += place[source] + place[target] - 1.0
    piece.lanes = {source: -1 if side < 0 else 1 for source, side in lean.items()}
    arriving: list[list[tuple[float, int]]] = [[] for _ in piece.sizes]
    for line, (source, target) in enumerate(piece.edges):
        last = piece.last(line)
        arriving[target].append((place[last] if last >= 0 else 2.0 * piece.lanes[source], line))
    ports = [0.0] * len(piece.edges)
    for (width, _), lines in zip(piece.sizes, arriving, strict=True):
        usable = max(width - _INSET, width / 2)
        for position, (_, line) in enumerate(sorted(lines)):
            ports[line] = usable * ((position + 0.5) / len(lines) - 0.5)
    return ports


def _positions(piece: _Piece, ports: list[float]) -> list[float]:
    """The x of each node: the longest ways run straight down, and so do passing lines where there is room."""
    shift = _shifts(piece, ports)
    boxes = len(piece.sizes)
    pulls = [(upper, lower, 0.0, 2.0 if upper < boxes else _STRAIGHT) for upper, lower in piece.steps]
    for line, (source, target) in enumerate(piece.edges):
        if (last := piece.last(line)) >= 0:
            strength = 1.0 if piece.depth[source] + 1 == piece.depth[target] else _WEAK
            pulls.append((last, target, ports[line] - shift[target], strength))
    above: list[list[Pull]] = [[] for _ in piece.layer]
    below: list[list[Pull]] = [[] for _ in piece.layer]
    for upper, lower, port, strength in pulls:
        above[lower].append((upper, -port, strength))
        below[upper].append((lower, port, strength))
    half = [(width + _SPACE) / 2 for width, _ in piece.sizes] + [_CLEAR / 2] * (len(piece.layer) - boxes)
    apart = [[half[left] + half[right] for left, right in pairwise(row)] for row in piece.rows]
    x = settle(piece.rows, apart, above, below)
    ends = {piece.last(line): x[target] + ports[line] for line, (_, target) in enumerate(piece.edges)}
    trunks = [(box, trunk) for box, trunk in enumerate(piece.trunk) if trunk]
    chains = [(piece.layer[trunk[0]], trunk, x[box], ends[trunk[-1]]) for box, trunk in trunks]
    straighten(piece.rows, apart, chains, x)
    return x


def _shifts(piece: _Piece, ports: list[float]) -> list[float]:
    """Where the deepest inputs of each box arrive, from its centre.

    They should come from straight above the centre: pulled to their ports, long ways would drift to one side.
    """
    total, count = [0.0] * len(piece.sizes), [0] * len(piece.sizes)
    for (source, target), port in zip(piece.edges, ports, strict=True):
        if piece.depth[source] + 1 == piece.depth[target]:
            total[target] += port
            count[target] += 1
    return [where / max(many, 1) for where, many in zip(total, count, strict=True)]


def _extent(piece: _Piece, x: list[float]) -> tuple[float, float]:
    """The left and right ends of all boxes and passing lines."""
    half = [width / 2 for width, _ in piece.sizes] + [0.0] * (len(x) - len(piece.sizes))
    sides = list(zip(x, half, strict=True))
    return min(place - width for place, width in sides), max(place + width for place, width in sides)


def _lanes(piece: _Piece, x: list[float]) -> dict[int, float]:
    """The x of each lane, beside the drawing; a lane that ends above another may share its x."""
    left, right = _extent(piece, x)
    last = dict.fromkeys(piece.lanes, 0)
    for source, target in piece.edges:
        if source in last:
            last[source] = max(last[source], piece.layer[target])
    taken: dict[int, list[tuple[int, int]]] = {-1: [], 1: []}  # side -> a heap of (layer where it ends, lane)
    lanes = {}
    for source in sorted(last, key=lambda source: (piece.layer[source], source)):
        side = piece.lanes[source]
        heap = taken[side]
        if heap and heap[0][0] <= piece.layer[source]:
            number = heap[0][1]
            heapreplace(heap, (last[source], number))
        else:
            number = len(heap) + 1
            heappush(heap, (last[source], number))
        lanes[source] = left - number * _CLEAR if side < 0 else right + number * _CLEAR
    return lanes


def _stops(piece: _Piece, line: int, port: float, x: list[float], lanes: dict[int, float]) -> list[_Stop]:
    """Where a line passes layers, from its source's to its target's."""
    source, target = piece.edges[line]
    first, last = piece.layer[source], piece.layer[target]
    if piece.last(line) < 0:
        way = [(first + 1, lanes[source]), (last - 1, lanes[source])]
    else:
        way = [(piece.layer[node], x[node]) for node in piece.trunk[source][: last - first - 1]]
    return [(first, x[source]), *way, (last, x[target] + port)]


def _heights(piece: _Piece, stops: list[list[_Stop]], headroom: float) -> tuple[list[float], list[float]]:
    """The top and the bottom of each layer; gaps are larger where lines move far to the side."""
    high, drift = [0.0] * len(piece.rows), [0.0] * len(piece.rows)
    for (_, height), layer in zip(piece.sizes, piece.layer, strict=False):
        high[layer] = max(high[layer], height)
    for way in stops:
        for (_, start), (layer, end) in pairwise(way):
            drift[layer] = max(drift[layer], abs(end - start))
    top, bottom, y = [], [], -headroom
    for layer, (height, far) in enumerate(zip(high, drift, strict=True)):
        y += min(_SLOPE * far, _MOST) + _GAP if layer else 0.0
        top.append(y)
        y += headroom + height
        bottom.append(y)
    return top, bottom


def _straightened(route: list[Point]) -> list[Point]:
    """The route without tiny steps to the side, and without the points in the middle of a straight run."""
    kept = route[:1]
    for x, y in route[1:]:
        x = kept[-1][0] if abs(x - kept[-1][0]) < _STEP else x
        if len(kept) > 1 and kept[-2][0] == kept[-1][0] == x:
            kept.pop()
        kept.append((x, y))
    return kept
