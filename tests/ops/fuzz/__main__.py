"""Run many random programs on tapegrad and on torch, until one differs.

A program is drawn from the seed and its number alone, so a run goes on with --first where another ended.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tests.ops.fuzz.drawing import Pick
from tests.ops.fuzz.programs import Failure, run_program
from tests.ops.fuzz.running import text_of
from tests.ops.fuzz.shrinking import shrunk


def pick_of(seed: int, number: int) -> Pick:
    """The choices of one program."""
    return Pick(random.Random(f"{seed} {number}").randrange)


def progress(numbers: range) -> Iterable[int]:
    """The numbers, with a bar where tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return numbers
    return tqdm(numbers, unit="program", smoothing=0.02)


def explore(torch: Any, numbers: range, seed: int, most: int) -> int:
    """Run the programs, print those that fail in small; how many failed. most: when to stop."""
    failed, ends, statements = 0, Counter[str](), 0
    at = numbers.start
    try:
        for at in progress(numbers):
            try:
                run, end = run_program(torch, pick_of(seed, at))
                statements += len(run.done)
                ends[end] += 1
            except Failure as failure:
                failed += 1
                small, found = shrunk(torch, failure.statements)
                sys.stdout.write(f"\n# program {at} of seed {seed}\n{text_of(small)}\n# {found}\n")
                sys.stdout.flush()
                if failed == most:
                    break
    except KeyboardInterrupt:
        at -= 1
    sys.stdout.write(f"\n{statements} statements agree. Programs that ended before they were complete:\n")
    for end, n in ends.most_common():
        if end:
            sys.stdout.write(f"{n:8}  {end}\n")
    last = f"programs {numbers.start} to {at}, {failed} failed"
    sys.stdout.write(f"{last}; go on with --seed {seed} --first {at + 1}\n")
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.ops.fuzz", description=__doc__)
    parser.add_argument("--programs", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--seed", type=int, default=0, help="what they are drawn from (0)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first, to go on (0)")
    parser.add_argument("--failures", type=int, default=1, help="stop after so many failures (1)")
    options = parser.parse_args(arguments)
    try:
        import torch
    except ImportError:
        sys.stderr.write("fuzz: PyTorch is needed, to compare with; pip install '.[torch]'\n")
        return 2
    torch.set_num_threads(1)
    numbers = range(options.first, options.first + options.programs)
    return 1 if explore(torch, numbers, options.seed, options.failures) else 0


if __name__ == "__main__":
    sys.exit(main())
