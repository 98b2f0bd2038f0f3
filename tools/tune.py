"""From how many elements machine code is faster than NumPy, on this machine. `python -m tools.tune` prints a
table: per kernel the least size that its file says, and the one that is measured here.

Each size is timed both ways in alternation, and the best of many rounds counts. Run it on an idle machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from tapegrad import tiers
from tapegrad.kernels import loss, reduce

SIZES = [1 << k for k in range(8, 21)]
ROUNDS = 15


class Row(NamedTuple):
    """A kernel: its name, the least size in its file, and both ways as functions of a size's arrays."""

    name: str
    least: int
    make: Callable[[int], tuple[Any, ...]]
    numpy: Callable[..., Any]
    native: Callable[..., Any]


def seconds(f: Callable[..., Any], args: tuple[Any, ...], calls: int) -> float:
    """A call's time."""
    start = time.perf_counter()
    for _ in range(calls):
        f(*args)
    return (time.perf_counter() - start) / calls


def crossing(row: Row) -> int | None:
    """The least of SIZES from which machine code is not slower at any; None if there is none."""
    found = None
    for n in reversed(SIZES):
        args = row.make(n)
        calls = max(1, (1 << 16) // n)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(seconds(row.native, args, calls))
            theirs.append(seconds(row.numpy, args, calls))
        if min(ours) > min(theirs):
            return found
        found = n
    return found


def vectors(count: int) -> Callable[[int], tuple[Any, ...]]:
    """So many float32 vectors."""
    return lambda n: tuple(np.random.default_rng(k).normal(size=n).astype("f4") for k in range(count))


def matrix(*more: Any) -> Callable[[int], tuple[Any, ...]]:
    """A matrix with rows of 64, and further arguments."""
    return lambda n: (np.random.default_rng(0).normal(size=(n // 64, 64)).astype("f4"), *more)


def rows() -> list[Row]:
    """What is measured."""
    machine, pointwise, choice = (
        import_module(f"tapegrad.{name}") for name in ("define.machine", "native.pointwise", "native.choice")
    )
    add, tanh = pointwise.Pointwise("add", "a + b", "ab"), pointwise.Pointwise("tanh", "tanh(a)", "a")
    slope = pointwise.Pointwise("tanh_d", "g * (1 - y * y)", "gy")
    found = [
        Row("a + b", machine.LEAST, vectors(2), np.add, add),
        Row("tanh(a)", machine.LEAST_HEAVY, vectors(1), np.tanh, tanh),
        Row("g * (1 - y * y)", machine.LEAST_BACKWARD, vectors(2), lambda g, y: g * (1 - y * y), slope),
    ]
    for name, body, make in (
        ("softmax", loss.softmax, matrix((1,))),
        ("sum of rows", reduce.sum, matrix((1,), False)),
        ("sum", reduce.sum, matrix(None, False)),
    ):
        file = import_module(f"tapegrad.native.kernels.{'softmax' if name == 'softmax' else 'reduce'}")
        found.append(Row(name, file.LEAST, make, choice.original(body), body))
    return found


def main() -> int:
    """Print the table."""
    tiers.wake()
    sys.stdout.write(f"{tiers.native_state()}, {tiers.threads()} threads, NumPy {np.__version__}\n\n")
    sys.stdout.write(f"{'kernel':<20} {'least in its file':>18} {'measured':>10}\n")
    for row in rows():
        sys.stdout.write(f"{row.name:<20} {row.least:>18} {crossing(row) or 'never'!s:>10}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
