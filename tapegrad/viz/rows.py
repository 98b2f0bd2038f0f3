"""The order and the positions of nodes that stand in rows: few crossings, no overlaps, straight lines.

Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical systems", 1981
(barycentres); E. R. Gansner et al., "A technique for drawing directed graphs", 1993 (transposition);
R. E. Barlow et al., "Statistical inference under order restrictions", 1972 (pool adjacent violators).
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from math import inf

__all__ = ["Pull", "arrange", "settle", "straighten"]

_SWEEPS = 24  # of ordering; they end when this many in a row did not help:
_PATIENCE = 3
_SWAPS = 4  # rounds of swapping neighbours
_WIDE = 400  # pairs of lines that a swap looks at, at most
_SETTLE = 4  # sweeps down and up of positioning; they end when nothing moves further than this:
_STILL = 0.1
_INERTIA = 1e-6  # how strongly a node pulls itself back: without other pulls it stays

Pull = tuple[int, float, float]  # a neighbour, how far from its position a node wants to be, and how strongly


def arrange(rows: list[list[int]], up: Sequence[Sequence[int]], down: Sequence[Sequence[int]]) -> None:
    """Sorts each row in place so that few lines to the rows above (up) and below (down) cross.

    Raises: nothing.
    Source: Sugiyama et al. 1981 (sweeps), Gansner et al. 1993 (swaps).
    """
    place = [0.0] * len(up)
    for row in rows:
        _note(row, place)
    best, fewest, idle = [row[:] for row in rows], _crossings(rows, down, place), 0
    for sweep in range(_SWEEPS):
        if not fewest or idle == _PATIENCE:
            break
        # Ties keep their order in two sweeps and turn it in the next two: that leaves dead ends.
        _sweep(rows, (up, down)[sweep % 2], place, downwards=sweep % 2 == 0, turn=sweep % 4 > 1)
        crossings = _crossings(rows, down, place)
        idle += 1
        if crossings < fewest:
            best, fewest, idle = [row[:] for row in rows], crossings, 0
    rows[:] = best
    for row in rows:
        _note(row, place)
    for _ in range(_SWAPS if fewest else 0):
        if not sum([_swapped(row, up, down, place) for row in rows]):
            break


def _note(row: list[int], place: list[float]) -> None:
    """Notes where in its row each node stands, from 0 to 1 so that rows of different lengths compare."""
    for position, node in enumerate(row):
        place[node] = (position + 0.5) / len(row)


def _sweep(
    rows: list[list[int]], near: Sequence[Sequence[int]], place: list[float], *, downwards: bool, turn: bool
) -> None:
    """Sorts each row by the mean place of the neighbours in the row that was sorted before it."""
    for row in rows if downwards else reversed(rows):
        mean = {}
        for node in row:
            others = near[node]
            if len(others) == 1:
                mean[node] = place[others[0]]
            else:
                mean[node] = sum([place[other] for other in others]) / len(others) if others else place[node]
        if turn:
            row.reverse()
        row.sort(key=mean.__getitem__)
        _note(row, place)


def _crossings(rows: list[list[int]], down: Sequence[Sequence[int]], place: list[float]) -> int:
    """How many pairs of lines between neighbouring rows cross."""
    count = 0
    for row in rows:
        ends: list[float] = []  # of the lines from the nodes further left
        for node in row:
            own = sorted([place[other] for other in down[node]])
            for end in own:
                count += len(ends) - bisect_right(ends, end)
            for end in own:
                insort(ends, end)
    return count


def _swapped(
    row: list[int], up: Sequence[Sequence[int]], down: Sequence[Sequence[int]], place: list[float]
) -> int:
    """Swaps neighbours in the row where that takes crossings away; returns how many it swapped."""
    swaps = 0
    for position in range(len(row) - 1):
        left, right = row[position], row[position + 1]
        gain = 0
        for near in (up, down):
            if 0 < len(near[left]) * len(near[right]) <= _WIDE:
                own = [place[other] for other in near[left]]
                for other in near[right]:
                    end = place[other]
                    for start in own:
                        gain += (start > end) - (start < end)
        if gain > 0:
            row[position], row[position + 1] = right, left
            place[left], place[right] = place[right], place[left]
            swaps += 1
    return swaps


def settle(
    rows: Sequence[Sequence[int]],
    apart: Sequence[Sequence[float]],
    above: Sequence[Sequence[Pull]],
    below: Sequence[Sequence[Pull]],
) -> list[float]:
    """Positions that keep each row's order and the distances `apart`, and otherwise follow the pulls.

    apart[r][k] is the least distance between nodes k and k + 1 of row r.

    Raises: nothing.
    Source: least squares per row by pooling adjacent violators (Barlow et al. 1972), in sweeps down and up.
    """
    offsets = [_running(distances) for distances in apart]
    x = [0.0] * len(above)
    for row, offset in zip(rows, offsets, strict=True):
        for node, shift in zip(row, offset, strict=True):
            x[node] = shift - offset[-1] / 2
    for _ in range(_SETTLE):
        before = x[:]
        for row, offset in zip(rows, offsets, strict=True):
            _pool(row, offset, above, x)
        for row, offset in zip(reversed(rows), reversed(offsets), strict=True):
            _pool(row, offset, below, x)
        if all(abs(now - then) < _STILL for now, then in zip(x, before, strict=True)):
            break
    return x


def _running(distances: Sequence[float]) -> list[float]:
    sums = [0.0]
    for distance in distances:
        sums.append(sums[-1] + distance)
    return sums


def _pool(
    row: Sequence[int], offset: Sequence[float], pulls: Sequence[Sequence[Pull]], x: list[float]
) -> None:
    """Moves a row's nodes as close to where they are pulled as their order and distances allow."""
    blocks: list[
        tuple[float, float, int]
    ] = []  # weighted sum of wishes, weight, how many nodes move together
    for node, shift in zip(row, offset, strict=True):
        total, weight = _INERTIA * (x[node] - shift), _INERTIA
        for other, away, strength in pulls[node]:
            total += strength * (x[other] + away - shift)
            weight += strength
        count = 1
        while blocks and blocks[-1][0] * weight > total * blocks[-1][1]:
            more, heavier, others = blocks.pop()
            total, weight, count = total + more, weight + heavier, count + others
        blocks.append((total, weight, count))
    position = 0
    for total, weight, count in blocks:
        base = total / weight
        for k in range(position, position + count):
            x[row[k]] = base + offset[k]
        position += count


def straighten(
    rows: Sequence[Sequence[int]],
    apart: Sequence[Sequence[float]],
    chains: Sequence[tuple[int, Sequence[int], float, float]],
    x: list[float],
) -> None:
    """Moves chains of nodes in place, between their neighbours, to run straight as far as there is room.

    A chain is the number of its first row, its nodes, one per row, and where its two ends would like to be.

    Raises: nothing.
    Source: greedy stabbing: a run ends where the free intervals have no more point in common.
    """
    place = {node: position for row in rows for position, node in enumerate(row)}

    def room(number: int, node: int) -> tuple[float, float]:
        row, distances, position = rows[number], apart[number], place[node]
        low = x[row[position - 1]] + distances[position - 1] if position else -inf
        high = x[row[position + 1]] - distances[position] if position + 1 < len(row) else inf
        return low, high

    for number, chain, start, end in chains:
        rooms = [room(number + k, node) for k, node in enumerate(chain)]
        first = 0
        while first < len(chain):
            low, high = rooms[first]
            last = first + 1
            while last < len(chain) and max(low, rooms[last][0]) <= min(high, rooms[last][1]):
                low, high = max(low, rooms[last][0]), min(high, rooms[last][1])
                last += 1
            wish = start if first == 0 else end if last == len(chain) else x[chain[first]]
            if first == 0 and last == len(chain) and not low <= start <= high:
                wish = end
            for node in chain[first:last]:
                x[node] = min(max(wish, low), high)
            first = last
