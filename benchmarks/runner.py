"""Peers in alternating rounds: A B, B A, A B ... The ratio of a pair holds although the machine's speed
drifts."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.cases import CASES

IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


class Peer:
    """A worker process."""

    def __init__(self, name: str) -> None:
        self.name = name
        command = [sys.executable, "-m", "benchmarks.worker", name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request: Any) -> Any:
        """Send a request, wait for the answer. Raises: RuntimeError if the worker died."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"benchmarks: the {self.name} worker died at {request}.")
        return json.loads(line)

    def close(self) -> None:
        """End the worker."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass(slots=True)
class Outcome:
    """Times in seconds, a list per peer, in the order of the rounds."""

    case: str
    times: dict[str, list[float]] = field(default_factory=dict)
    agree: bool = True
    grown: dict[str, float] = field(default_factory=dict)

    def ratios(self, ours: str, theirs: str) -> list[float]:
        """theirs / ours, round by round."""
        return [t / o for o, t in zip(self.times[ours], self.times[theirs], strict=True)]


def compare(case: str, peers: list[Peer], rounds: int, seconds: float) -> Outcome:
    """Time a case in every peer, in alternating rounds, after checking that they reach the same numbers."""
    outcome = Outcome(case, {p.name: [] for p in peers})
    numbers = [numbers_of(p, p.ask(do="prepare", case=case, seconds=seconds)) for p in peers]
    outcome.agree = all(close(numbers[0], n) for n in numbers[1:])
    for i in range(rounds):
        for p in peers if i % 2 == 0 else reversed(peers):
            answer = p.ask(do="time")
            outcome.times[p.name].append(answer["seconds"])
            outcome.grown[p.name] = answer["grown"]
    return outcome


def numbers_of(p: Peer, answer: Any) -> list[float]:
    """The numbers that a peer has reached. Raises: RuntimeError if it failed."""
    if "error" in answer:
        raise RuntimeError(f"benchmarks: {p.name} failed: {answer['error']}.")
    found: list[float] = answer["numbers"]
    return found


def close(a: list[float], b: list[float]) -> bool:
    """Whether two libraries have reached the same numbers."""
    return len(a) == len(b) and all(
        math.isclose(x, y, rel_tol=1e-4, abs_tol=1e-6) for x, y in zip(a, b, strict=True)
    )


def imports(rounds: int, names: tuple[str, ...]) -> Outcome:
    """The time of `import name` in a fresh process, in alternating rounds."""
    outcome = Outcome("import", {n: [] for n in names})
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for i in range(rounds + 1):
        for name in names if i % 2 == 0 else reversed(names):
            command = [sys.executable, "-c", IMPORT.format(name)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            if i:  # the first round fills the file cache
                outcome.times[name].append(float(done.stdout))
    return outcome


def row(outcome: Outcome, theirs: str, ours: str = "tapegrad") -> dict[str, Any]:
    """One line of a table: medians, and the median ratio with its range."""
    ratios = sorted(outcome.ratios(ours, theirs))
    return {
        "case": outcome.case,
        "ours": median(outcome.times[ours]),
        "theirs": median(outcome.times[theirs]),
        "peer": theirs,
        "ratio": median(ratios),
        "low": ratios[0],
        "high": ratios[-1],
        "goal": CASES[outcome.case].goal if outcome.case in CASES else None,
        "agree": outcome.agree,
    }
