"""A graph as plain data, boxes and edges, which every drawing in this folder reads.

A Picture knows nothing of Tensors. `fold` makes a large one small enough to look at; it never closes a cycle.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

__all__ = ["KINDS", "Box", "Edge", "Picture"]

KINDS = ("op", "leaf", "parameter", "constant", "result", "group")
_COMPUTED = ("op", "result")
_RUN = "… "  # begins the title of a folded box that is no group
_LONG = 3  # ops that make a chain worth folding
_NAMED_OPS = 3  # kinds of op that a folded box names
_SOURCES = 8  # source lines that it quotes


@dataclass(slots=True)
class Box:
    """One box: an op, a tensor that goes in or comes out, or a group of boxes that was folded.

    A line such as "value: 6.0" has a key and a text, which the drawings align; others are shown as they are.
    The tooltip says where it comes from ("train.py:12  u = w * x"), `group` from which Module ("net", "0").
    A folded box holds the boxes that it stands for.

    Raises: ValueError if the kind is not one of KINDS.
    """

    kind: str
    title: str
    lines: tuple[str, ...] = ()
    tooltip: str = ""
    group: tuple[str, ...] = ()
    holds: tuple["Box", ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Box: kind is {self.kind!r}; use one of {', '.join(KINDS)}.")


@dataclass(slots=True)
class Edge:
    """Data that flows from box `source` to box `target`; two edges may join the same boxes (x * x).

    The label is short (a local derivative). After folding, `count` is how many edges this one stands for.
    """

    source: int
    target: int
    label: str = ""
    count: int = 1


@dataclass(slots=True)
class Picture:
    """A titled graph without cycles; an edge names its boxes by their place in `boxes`."""

    title: str
    boxes: list[Box] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)

    def order(self) -> list[int]:
        """The places of the boxes, inputs before what uses them, otherwise as they are listed.

        Raises: ValueError if an edge names no box, or if the edges close a cycle.
        Source: A. B. Kahn, "Topological sorting of large networks", 1962, with a heap for the ties.
        """
        count = len(self.boxes)
        waits = [0] * count
        after: list[list[int]] = [[] for _ in range(count)]
        for edge in self.edges:
            if not (0 <= edge.source < count and 0 <= edge.target < count):
                raise ValueError(
                    f"picture: an edge goes from {edge.source} to {edge.target}, but there are {count} "
                    "boxes; both must be places in boxes."
                )
            waits[edge.target] += 1
            after[edge.source].append(edge.target)
        ready = [place for place in range(count) if not waits[place]]
        heapify(ready)
        order = []
        while ready:
            place = heappop(ready)
            order.append(place)
            for target in after[place]:
                waits[target] -= 1
                if not waits[target]:
                    heappush(ready, target)
        if len(order) < count:
            stuck = min(set(range(count)) - set(order))
            raise ValueError(
                f"picture: the edges close a cycle at or above box {stuck} ({self.boxes[stuck].title}); "
                "data must flow one way."
            )
        return order

    def fold(self, limit: int) -> "Picture":
        """The same graph in at most `limit` boxes: groups become one box, deepest first and largest first.

        A group that calls back into itself, such as a Module that is used twice, becomes one box per call. If
        that is not enough, chains of ops are folded, and at last all between the first and the last boxes.

        Raises: ValueError if limit is below 1, or as `order` does.
        """
        if limit < 1:
            raise ValueError(f"fold: limit is {limit}; at least one box must remain, so pass 1 or more.")
        picture = self
        for depth in range(max((len(box.group) for box in self.boxes), default=0), 0, -1):
            if len(picture.boxes) > limit:
                picture = _contract(picture, _largest(_groups(picture, depth), len(picture.boxes) - limit))
        if len(picture.boxes) > limit:
            picture = _contract(picture, _largest(_chains(picture), len(picture.boxes) - limit))
        if len(picture.boxes) > limit:
            picture = _contract(picture, [_middle(picture, limit)])
        return picture


@dataclass(slots=True)
class _Part:
    """Boxes that become one: their places, the folded box's name ("" for a run of ops), and its own group."""

    members: list[int]
    name: str = ""
    group: tuple[str, ...] = ()


def _largest(parts: Iterable[_Part], excess: int) -> list[_Part]:
    """As many parts, the largest first, as it takes to get rid of `excess` boxes."""
    chosen = []
    for part in sorted(parts, key=lambda part: (-len(part.members), part.members)):
        if excess <= 0 or len(part.members) < 2:
            break
        chosen.append(part)
        excess -= len(part.members) - 1
    return chosen


# --- groups -------------------------------------------------------------------------------------------------


def _groups(picture: Picture, depth: int) -> list[_Part]:
    """One part per group of this depth, or per call of it, so that folding them all closes no cycle."""
    names: dict[tuple[str, ...], int] = {}
    for box in picture.boxes:
        if len(box.group) >= depth:
            names.setdefault(box.group[:depth], len(names))
    team = [names.get(box.group[:depth], len(names) + place) for place, box in enumerate(picture.boxes)]
    links = [(team[edge.source], team[edge.target]) for edge in picture.edges]
    tangled = _tangled(len(names) + len(team), links)
    whole: list[list[int]] = [[] for _ in names]
    for place, number in enumerate(team):
        if number < len(names) and number not in tangled:
            whole[number].append(place)
    paths = list(names)
    calls = [run for run in _calls(picture, team, tangled) if team[run[0]] < len(names)]
    return [
        _Part(members, ".".join(paths[team[members[0]]]), paths[team[members[0]]][:-1])
        for members in (*whole, *calls)
        if members
    ]


def _tangled(count: int, links: Iterable[tuple[int, int]]) -> set[int]:
    """What remains of 0..count-1 when all that only precedes or only follows the cycles is taken away."""
    links = [link for link in links if link[0] != link[1]]
    for _ in range(2):
        waits = [0] * count
        after: list[list[int]] = [[] for _ in range(count)]
        for first, second in links:
            waits[second] += 1
            after[first].append(second)
        free = [number for number in range(count) if not waits[number]]
        for number in free:  # the list grows as we go
            for other in after[number]:
                waits[other] -= 1
                if not waits[other]:
                    free.append(other)
        links = [(second, first) for first, second in links if waits[first] and waits[second]]
    return {number for link in links for number in link}


def _calls(picture: Picture, team: list[int], tangled: set[int]) -> list[list[int]]:
    """The boxes of the tangled teams, cut into runs of one team in execution order.

    Runs of one order cannot close a cycle. Boxes without inputs (parameters) do not break one: they join the
    run that uses them first, if it is of their team.
    """
    fed = {edge.target for edge in picture.edges}
    runs: list[list[int]] = []
    run_of: dict[int, int] = {}
    for place in picture.order():
        if team[place] in tangled and place in fed:
            if not runs or team[runs[-1][-1]] != team[place]:
                runs.append([])
            runs[-1].append(place)
            run_of[place] = len(runs) - 1
    ranked = list(run_of)
    rank_of = {place: rank for rank, place in enumerate(ranked)}
    for source, rank in _first_uses(picture.edges, rank_of).items():
        user = ranked[rank]
        if source not in fed and team[source] == team[user]:
            runs[run_of[user]].append(source)
    return runs


def _first_uses(edges: list[Edge], rank: dict[int, int]) -> dict[int, int]:
    """For each box the least rank among those that use it; users without a rank do not count."""
    first: dict[int, int] = {}
    for edge in edges:
        if edge.target in rank:
            first[edge.source] = min(rank[edge.target], first.get(edge.source, rank[edge.target]))
    return first


# --- runs of ops -----------------------------------------------------------------------------------------


def _chains(picture: Picture) -> list[_Part]:
    """Chains of ops that hand their value only to the next one, with the constants that only they use."""
    boxes = picture.boxes
    heir: dict[int, int] = {}  # place -> the only box that uses it, or -1
    for edge in picture.edges:
        heir[edge.source] = edge.target if heir.get(edge.source, edge.target) == edge.target else -1
    chain: dict[int, list[int]] = {}  # the last op of a chain -> its members so far
    inputs: dict[int, set[int]] = {}
    for edge in picture.edges:
        inputs.setdefault(edge.target, set()).add(edge.source)
    for place in picture.order():
        if boxes[place].kind != "op":
            continue
        own = sorted(source for source in inputs.get(place, ()) if heir[source] == place)
        longest = max((chain[source] for source in own if source in chain), key=len, default=[])
        members = chain.pop(longest[-1]) if longest else []
        members += [source for source in own if boxes[source].kind == "constant"]
        members.append(place)
        chain[place] = members
    parts = (_Part(sorted(members)) for members in chain.values())
    return [part for part in parts if sum(boxes[place].kind == "op" for place in part.members) >= _LONG]


def _middle(picture: Picture, limit: int) -> _Part:
    """All but the first and last boxes in execution order, so that `limit` remain, the new one included."""
    order = picture.order()
    rank = {place: position for position, place in enumerate(order)}
    first = _first_uses(picture.edges, rank)
    fed = {edge.target for edge in picture.edges}
    due = {place: rank[place] if place in fed else first.get(place, -1) for place in order}
    last = {place for place in order if picture.boxes[place].kind == "result" and place not in first}
    # Still an order: boxes without inputs stand right before their first use, results at the very end.
    order.sort(key=lambda place: (place in last, due[place], place in fed, rank[place]))
    head = limit // 2
    return _Part(sorted(order[head : len(order) - (limit - 1 - head)]))


# --- folding ------------------------------------------------------------------------------------------------


def _contract(picture: Picture, parts: list[_Part]) -> Picture:
    """The picture with each part as one box, which stands where the part's last box stood."""
    stands_for = {max(part.members): part for part in parts}
    owner = list(range(len(picture.boxes)))
    for last, part in stands_for.items():
        for place in part.members:
            owner[place] = last
    exits: dict[int, set[int]] = {last: set() for last in stands_for}
    for edge in picture.edges:
        if owner[edge.source] in exits and owner[edge.target] != owner[edge.source]:
            exits[owner[edge.source]].add(edge.source)
    kept = [place for place, own in enumerate(owner) if own == place]
    boxes = picture.boxes[:]
    for last, part in stands_for.items():
        boxes[last] = _folded(picture.boxes, part, exits[last])
    edges = _merged(picture.edges, owner, set(stands_for))
    new_place = {place: new for new, place in enumerate(kept)}
    for edge in edges:
        edge.source, edge.target = new_place[edge.source], new_place[edge.target]
    return Picture(picture.title, [boxes[place] for place in kept], edges)


def _merged(edges: list[Edge], owner: list[int], folded: set[int]) -> list[Edge]:
    """The edges between the boxes' owners; those that join the same two, one of them folded, become one."""
    merged: list[Edge] = []
    known: dict[tuple[int, int], Edge] = {}
    for edge in edges:
        source, target = owner[edge.source], owner[edge.target]
        if source == target:
            continue
        # The derivative of an op inside a folded box is not the derivative of that box.
        label = "" if target in folded and edge.count == 1 else edge.label
        new = Edge(source, target, label, edge.count)
        if source in folded or target in folded:
            first = known.setdefault((source, target), new)
            if first is not new:
                first.count += edge.count
                first.label = f"x{first.count}"
                continue
        merged.append(new)
    return merged


def _folded(boxes: list[Box], part: _Part, exits: set[int]) -> Box:
    """The box that stands for a part. With one way out it shows that box's lines: those are its result."""
    members = (boxes[place] for place in sorted(part.members))
    holds = tuple(inner for member in members for inner in (member.holds or (member,)))
    counts, names = _inventory(holds)
    title, lines = (part.name, [counts, *names]) if part.name else (_RUN + counts, names)
    if len(exits) == 1:
        out = boxes[exits.pop()]
        own = len(_inventory(out.holds)[1]) + (not out.title.startswith(_RUN)) if out.holds else 0
        lines += out.lines[own:]
    sources = list({box.tooltip: None for box in holds if box.tooltip and box.kind in _COMPUTED})
    if len(sources) > _SOURCES:
        sources[_SOURCES:] = ["…"]
    return Box("group", title, tuple(lines), "\n".join(sources), part.group, holds)


def _inventory(holds: tuple[Box, ...]) -> tuple[str, list[str]]:
    """In words how many there are ("4 ops, 2 parameters"), and a line with the ops ("addmm 2, relu, t")."""
    ops = Counter(box.title for box in holds if box.kind in _COMPUTED)
    kinds = Counter(box.kind for box in holds if box.kind not in _COMPUTED)
    counts = [_number(ops.total(), "op")] if ops else []
    counts += [_number(count, kind) for kind, count in sorted(kinds.items())]
    names = [f"{title} {count:,}" if count > 1 else title for title, count in ops.most_common(_NAMED_OPS)]
    if len(ops) > _NAMED_OPS:
        names.append("…")
    return ", ".join(counts), [", ".join(names)] if ops else []


def _number(count: int, noun: str) -> str:
    plural = {"leaf": "leaves"}.get(noun, noun + "s")
    return f"{count:,} {noun if count == 1 else plural}"
