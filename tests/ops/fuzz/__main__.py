"""Run many random programs on tapegrad and on torch, until one differs.

A program is drawn from the seed and its number alone, so a run goes on with --first where another ended.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from tests.ops.fuzz.children import NOT_AGAIN, Report, reports


def progress(found: Iterator[Report], total: int) -> Iterator[Report]:
    """The reports, with a bar where tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        return found
    return iter(tqdm(found, total=total, unit="program", smoothing=0.02))


def explore(numbers: range, seed: int, most: int, jobs: int, minutes: float) -> int:
    """Run the programs, print those that fail in small; how many failed. most, minutes: when to stop."""
    end = time.monotonic() + 60 * minutes
    failed, ends, statements = 0, Counter[str](), 0
    listed: list[str] = []
    left = set(numbers)
    found = reports(seed, numbers, jobs)
    try:
        for report in progress(found, len(numbers)):
            left.discard(report.number)
            statements += report.statements
            ends[report.end] += 1
            if report.crash or report.end == NOT_AGAIN:
                why = f"torch crashed: {report.crash}" if report.crash else NOT_AGAIN
                listed.append(f"program {report.number} of seed {seed}: {why}\n")
            if report.failure:
                failed += 1
                sys.stdout.write(f"\n# program {report.number} of seed {seed}\n{report.failure}\n")
                sys.stdout.flush()
                if failed == most:
                    break
            if time.monotonic() > end:
                break
    except KeyboardInterrupt:
        pass
    finally:
        found.close()
    sys.stdout.write(f"\n{statements} statements agree. Programs that ended before they were complete:\n")
    for end, n in ends.most_common():
        if end:
            sys.stdout.write(f"{n:8}  {end}\n")
    sys.stdout.writelines(listed)
    at = min(left, default=numbers.stop)
    last = f"programs {numbers.start} to {at - 1}, {failed} failed"
    sys.stdout.write(f"{last}; go on with --seed {seed} --first {at}\n")
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.ops.fuzz", description=__doc__)
    parser.add_argument("--programs", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--seed", type=int, default=0, help="what they are drawn from (0)")
    parser.add_argument("--first", type=int, default=0, help="the number of the first, to go on (0)")
    parser.add_argument("--failures", type=int, default=1, help="stop after so many failures (1)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long (never)")
    cores = os.cpu_count() or 1
    parser.add_argument("--jobs", type=int, default=cores, help=f"processes (as many as cores, {cores})")
    options = parser.parse_args(arguments)
    if find_spec("torch") is None:
        sys.stderr.write("fuzz: PyTorch is needed, to compare with; pip install '.[torch]'\n")
        return 2
    numbers = range(options.first, options.first + options.programs)
    limits = (options.failures, options.jobs, options.minutes)
    return 1 if explore(numbers, options.seed, *limits) else 0


if __name__ == "__main__":
    sys.exit(main())
