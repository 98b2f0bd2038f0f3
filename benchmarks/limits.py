"""The machine's limits: how many bytes and operations a second it can do, and how near our kernels come.

`python -m benchmarks.limits` prints a table. A limit is measured, too: the best of many rounds of a loop that
does nothing else.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

import tapegrad as torch
from tapegrad import tiers

ROUNDS = 30

Work = tuple[Callable[[], object], float]  # what is timed, and how many operations or bytes that is


def rates(*works: Work) -> list[float]:
    """The most each does a second, in alternating rounds: other machines on the host slow some down."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for (run, _), seconds in zip(works, found, strict=True):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    return [work / min(seconds) for (_, work), seconds in zip(works, found, strict=True)]


def operations() -> Work:
    """The processor's floating-point operations: chains of fused multiply-adds in registers."""
    call, ir, target = (import_module(f"tapegrad.native.{n}") for n in ("call", "ir", "target"))
    wide, chains, turns, units = target.host().wide(ir.F32), 10, 20_000, 64

    def write(f: Any) -> None:
        with f.loop(f.low, f.high) as unit:
            sums = [f.variable(f.value(float(k), wide)) for k in range(chains)]
            with f.loop(0, turns):
                for s in sums:
                    s.set(f.fma(s.get(), 0.5, 1.0))
            total = f.tree([s.get() for s in sums], lambda a, b: a + b)
            f.store(f["y"].at(unit * wide.lanes, ir.F32), total)

    kernel = call.build("limit", "y:w n:i", write, over="n", grain=1)
    y = np.empty(units * wide.lanes, "f4")
    return lambda: kernel(y, units), 2 * wide.lanes * chains * turns * units


def bandwidth() -> Work:
    """The memory's bytes: a sum of arrays far larger than the caches, into a third."""
    a, b = torch.ones(1 << 24), torch.ones(1 << 24)
    return lambda: a + b, 3 * 4 * a.numel()


def main() -> int:
    """Print the limits, and our kernels beside them."""
    tiers.wake()
    flops, bytes = operations(), bandwidth()
    most = rates(flops, bytes)
    sys.stdout.write(f"{tiers.native_state()}, {tiers.threads()} threads: ")
    sys.stdout.write(f"{most[0] / 1e9:.0f} GFLOP/s, {most[1] / 1e9:.1f} GB/s\n\n")
    sys.stdout.write(f"{'case':<34} {'rate':>14} {'of the limit':>14}\n")
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    x, w = torch.randn(32, 64, 28, 28), torch.randn(64, 64, 3, 3)
    big, rows = torch.randn(1 << 24), torch.randn(4096, 4096)
    conv = torch.nn.functional.conv2d
    products = 2 * x[:, 0].numel() * 64 * 64 * 9
    cases: list[tuple[str, Callable[[], object], float, Work, str]] = [
        ("a @ b, 1024 x 1024", lambda: a @ b, 2 * 1024**3, flops, "GFLOP/s"),
        ("conv2d, 64 channels, 3 x 3", lambda: conv(x, w, padding=1), products, flops, "GFLOP/s"),
        ("tanh, 16 million", big.tanh, 8 * big.numel(), bytes, "GB/s"),
        ("sum, 16 million", big.sum, 4 * big.numel(), bytes, "GB/s"),
        ("softmax, 4096 x 4096", lambda: rows.softmax(1), 8 * rows.numel(), bytes, "GB/s"),
        ("t().contiguous(), 4096 x 4096", lambda: rows.t().contiguous(), 8 * rows.numel(), bytes, "GB/s"),
    ]
    for name, run, work, limit, unit in cases:
        rate, most_now = rates((run, work), limit)
        sys.stdout.write(f"{name:<34} {rate / 1e9:>6.1f} {unit:<8} {rate / most_now:>12.0%}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
