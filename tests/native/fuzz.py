"""Run the tests of the kernels with new random shapes, layouts and values, again and again.

`python -m tests.native.fuzz --minutes 10`; what fails is shown, with the seed that brings it back.
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path


def explore(minutes: float) -> int:
    """Rounds until the time is over or one fails; pytest's exit status."""
    end, rounds = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < end:
        seed = secrets.randbelow(1 << 31)
        how = ["-q", "-x", "--hypothesis-profile=random", f"--hypothesis-seed={seed}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *how, str(Path(__file__).parent)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stdout.write(f"{done.stdout}\nfuzz: round {rounds}, {' '.join(how)}\n")
            return done.returncode
        rounds += 1
        sys.stdout.write(f"fuzz: {rounds} rounds of the kernels' tests passed\n")
        sys.stdout.flush()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.native.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (10)")
    return explore(parser.parse_args(arguments).minutes)


if __name__ == "__main__":
    sys.exit(main())
