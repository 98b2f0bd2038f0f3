"""How long layout and drawing take: `python -m benchmarks.layout`. Random graphs, 1.5 lines per box."""

import random
import sys
import time
from collections.abc import Callable

from tapegrad.viz.layout import layout
from tapegrad.viz.picture import Box, Edge, Picture
from tapegrad.viz.svg import to_svg

SIZES = (20, 100, 300, 500, 1000, 2000)


def graph(count: int, reach: int) -> list[tuple[int, int]]:
    """Each box uses one of the 8 before it, and every second one another at most `reach` back."""
    source = random.Random(0)
    near = [(source.randrange(max(0, box - 8), box), box) for box in range(1, count)]
    return near + [(source.randrange(max(0, box - reach), box), box) for box in range(2, count, 2)]


def best(action: Callable[..., object], *given: object) -> float:
    """The least of three run times, in milliseconds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        action(*given)
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def main() -> None:
    """Prints a table: layout with skips of at most 30 boxes, with skips of any length, and the whole SVG."""
    sys.stdout.write(f"{'boxes':>6}{'lines':>7}{'layout, ms':>12}{'any skips':>11}{'SVG, ms':>9}\n")
    for count in SIZES:
        near, far = graph(count, 30), graph(count, count)
        sizes = [(110.0, 50.0)] * count
        boxes = [Box("op", "matmul", ("shape: [32, 10]",)) for _ in range(count)]
        picture = Picture("", boxes, [Edge(*pair) for pair in near])
        times = (
            best(layout, sizes, near, 10.0),
            best(layout, sizes, far, 10.0),
            best(to_svg, picture),
        )
        sys.stdout.write(f"{count:>6}{len(near):>7}{times[0]:>12.1f}{times[1]:>11.1f}{times[2]:>9.1f}\n")


if __name__ == "__main__":
    main()
