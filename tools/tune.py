"""From how many elements machine code is faster than NumPy, on this machine.

`python -m tools.tune` prints a table: per kernel the least size that its file says, and the one that is
measured here; `--write` puts it into docs/thresholds.md. Each size is timed both ways in alternation, and the
best of many rounds counts. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tapegrad import tiers
from tapegrad._files import atomic_write
from tapegrad.kernels import (
    cumulative,
    embedding,
    filling,
    linalg,
    loss,
    reduce,
    search,
    shape,
    sort,
)

SIZES = [1 << k for k in range(6, 23)]
ROUNDS = 15
PAGE = Path(__file__).parent.parent / "docs" / "thresholds.md"
HEAD = """# From which sizes machine code computes

`python -m tools.tune --write` measures this page: for some kernels of the [native
tier](architecture.md#the-native-tier), the least size for which the code takes them, and the least from which
machine code was faster than NumPy at every size measured (powers of two to 4,194,304). The constants stand in
the kernels' files; they change when several machines agree, not with each table. Products begin where BLAS
would wake threads of its own, which are in the way of ours (see there), not where a single one is faster.

"""


class Row(NamedTuple):
    """A kernel: its name, what its size counts, the file's constant and where it stands, the arrays of a
    size, and both ways as functions of them."""

    name: str
    counts: str
    module: Any
    constant: str
    make: Callable[[int], tuple[Any, ...]]
    numpy: Callable[..., Any]
    native: Callable[..., Any]


def seconds(f: Callable[..., Any], args: tuple[Any, ...], calls: int) -> float:
    """A call's time."""
    start = time.perf_counter()
    for _ in range(calls):
        f(*args)
    return (time.perf_counter() - start) / calls


def faster(row: Row, n: int) -> bool:
    """Whether machine code is not slower at a size."""
    args = row.make(n)
    calls = max(1, (1 << 16) // n)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(row.native, args, calls))
        theirs.append(seconds(row.numpy, args, calls))
    return min(ours) <= min(theirs)


def crossing(row: Row) -> int | None:
    """The least of SIZES from which machine code is not slower at any; None if there is none."""
    least = getattr(row.module, row.constant)
    setattr(row.module, row.constant, 1)  # or NumPy's body would be measured below it
    found = None
    try:
        for n in reversed(SIZES):
            if not faster(row, n):
                break
            found = n
    finally:
        setattr(row.module, row.constant, least)
    return found


def vectors(count: int) -> Callable[[int], tuple[Any, ...]]:
    """So many float32 vectors."""
    return lambda n: tuple(np.random.default_rng(k).normal(size=n).astype("f4") for k in range(count))


def matrix(*more: Any) -> Callable[[int], tuple[Any, ...]]:
    """A matrix with rows of 64, and further arguments."""
    return lambda n: (np.random.default_rng(0).normal(size=(n // 64, 64)).astype("f4"), *more)


def vector(*more: Any) -> Callable[[int], tuple[Any, ...]]:
    """A float32 vector, and further arguments."""
    return lambda n: (np.random.default_rng(0).normal(size=n).astype("f4"), *more)


def masked(n: int) -> tuple[Any, ...]:
    """A vector, and an index that takes every second element, about."""
    rng = np.random.default_rng(0)
    return rng.normal(size=n).astype("f4"), (rng.random(n) < 0.5,)


def whole(n: int) -> tuple[Any, ...]:
    """Two int64 vectors."""
    return tuple(np.random.default_rng(k).integers(-9, 9, n) for k in (0, 1))


def truths(n: int) -> tuple[Any, ...]:
    """Two vectors of truth values."""
    return tuple(x > 0 for x in whole(n))


def sought(n: int) -> tuple[Any, ...]:
    """1000 sorted numbers, and n others."""
    rng = np.random.default_rng(0)
    return np.sort(rng.normal(size=1000).astype("f4")), rng.normal(size=n).astype("f4"), False, "i8"


def squares(n: int) -> tuple[Any, ...]:
    """Two square matrices whose product takes about n multiplications."""
    side = round(n ** (1 / 3))
    return tuple(np.random.default_rng(k).normal(size=(side, side)).astype("f4") for k in (0, 1))


def turned(n: int) -> tuple[Any, ...]:
    """A transposed matrix of n bytes."""
    return (np.zeros((max(1, n // 256), 64), "f4").T,)


def places(n: int) -> tuple[Any, ...]:
    """A table with rows of 64, of which places pick n elements."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(1000, 64)).astype("f4"), rng.integers(0, 1000, max(1, n // 64))


def short(*more: Any) -> Callable[[int], tuple[Any, ...]]:
    """n rows of 8, and further arguments."""
    return lambda n: (np.random.default_rng(0).normal(size=(n, 8)).astype("f4"), *more)


def biased(n: int) -> tuple[Any, ...]:
    """n rows of 8, and one row."""
    return short()(n)[0], np.ones(8, "f4")


def thin(n: int) -> tuple[Any, ...]:
    """Matrices of 2 columns and of 16 whose product has n elements."""
    return short()(max(1, n // 16))[0][:, :2].copy(), np.ones((2, 16), "f4")


def pointwise_rows() -> list[Row]:
    """What is measured of pointwise ops."""
    machine, pointwise = (
        import_module(f"tapegrad.{name}") for name in ("define.machine", "native.pointwise")
    )
    both = pointwise.Pointwise("and", "a & b", "ab")
    add, tanh = pointwise.Pointwise("add", "a + b", "ab"), pointwise.Pointwise("tanh", "tanh(a)", "a")
    slope = pointwise.Pointwise("tanh_d", "g * (1 - y * y)", "gy")
    return [
        Row("`a + b`", "elements", machine, "LEAST", vectors(2), np.add, add),
        Row("`i + j`, int64", "elements", machine, "LEAST", whole, np.add, add),
        Row("`i & j`, int64", "elements", machine, "LEAST", whole, np.bitwise_and, both),
        Row("`b & c`, bool", "elements", machine, "LEAST", truths, np.bitwise_and, both),
        Row("`tanh(a)`", "elements", machine, "LEAST_HEAVY", vectors(1), np.tanh, tanh),
        Row(
            *("`g * (1 - y * y)`", "elements", machine, "LEAST_BACKWARD", vectors(2)),
            *(lambda g, y: g * (1 - y * y), slope),
        ),
        Row("`x + bias`, rows of 8", "rows", pointwise, "_LEAST_NARROW", biased, np.add, add),
    ]


def kernel_rows() -> list[Row]:
    """What is measured of everything else. Short rows not beside NumPy, but beside machine code that takes
    them one by one."""
    narrow, choice, products = (
        import_module(f"tapegrad.native.{name}") for name in ("narrow", "choice", "kernels.products")
    )

    def by_rows(*args: Any) -> Any:
        narrow.LEAST, least = sys.maxsize, narrow.LEAST
        y = loss.softmax(*args)
        narrow.LEAST = least
        return y

    product = choice.original(linalg.mm), linalg.mm
    found = [
        Row("softmax of rows of 8, turned", "rows", narrow, "LEAST", short((1,)), by_rows, loss.softmax),
        Row("`a @ b`, of 2 columns and 16", "elements", products, "LEAST_THIN", thin, *product),
    ]
    for name, counts, body, file, make in (
        ("`a @ b`", "multiplications", linalg.mm, "products", squares),
        ("softmax of rows", "elements", loss.softmax, "softmax", matrix((1,))),
        ("sum", "elements", reduce.sum, "reduce", matrix(None, False)),
        ("sum of rows", "elements", reduce.sum, "reduce", matrix((1,), False)),
        ("`cumsum` of rows", "elements", cumulative.cumsum, "scan", matrix(1)),
        ("rows of a table", "elements", embedding.take_rows, "gathering", places),
        ("`m.T.contiguous()`", "bytes", shape.contiguous, "copying", turned),
        ("`x.long()`", "elements", shape.converted, "converting", vector(np.dtype("i8"))),
        ("`x.fill_(1)`", "bytes", filling.fill, "filling", lambda n: (np.zeros(n // 4, "f4"), 1)),
        ("`x[mask]`", "elements", shape.fetch, "masks", masked),
        ("`argsort`", "elements", sort.argsort, "sorting", vector(0, False)),
        ("`topk`, the largest 5", "elements", sort.topk, "topk", vector(0, 5, True)),
        ("places among 1000", "values", search.places, "searching", sought),
    ):
        module = import_module(f"tapegrad.native.kernels.{file}")
        constant = "LEAST_ROWS" if file == "gathering" else "LEAST"
        found.append(Row(name, counts, module, constant, make, choice.original(body), body))
    return found


def table() -> str:
    """The table, in Markdown, with the machine it comes from."""
    machine = _processor() or platform.machine()
    state = f"{machine}, {tiers.native_state().removeprefix('on: ')}, {tiers.threads()} threads"
    lines = [f"{state}; Python {platform.python_version()}, NumPy {np.__version__}.\n"]
    lines += ["| kernel | size in | least in the code | least measured |", "|---|---|---|---|"]
    for row in (*pointwise_rows(), *kernel_rows()):
        least = getattr(row.module, row.constant)
        lines.append(f"| {row.name} | {row.counts} | {least:,} | {_words(crossing(row))} |")
    return "\n".join(lines) + "\n"


def _processor() -> str:
    """The processor's name, where the system has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _words(n: int | None) -> str:
    return "never" if n is None else f"{n:,}" if n > SIZES[0] else f"{n} or fewer"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.tune", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/thresholds.md")
    write = parser.parse_args(arguments).write
    tiers.wake()
    if not tiers.native_state().startswith("on"):
        sys.stderr.write(f"tune: the native tier is {tiers.native_state()}\n")
        return 1
    found = table()
    sys.stdout.write(found)
    if write:
        atomic_write(PAGE, (HEAD + found).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
