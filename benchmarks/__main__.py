"""python -m benchmarks: tapegrad beside PyTorch, one process each, in alternating rounds.

python -m benchmarks                 all cases
python -m benchmarks op chain        some
python -m benchmarks anomaly         each library's own slow-down: goals are the most that ours may be
python -m benchmarks --json FILE     save the results too
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES
from benchmarks.modes import MODES
from benchmarks.runner import Outcome, Peer, compare, imports, row
from tapegrad._files import atomic_write
from tapegrad.cli.info import facts

HEAD = ("case", "tapegrad", "peer", "ratio", "range", "goal")


def main(arguments: list[str]) -> int:
    """Run the cases, print a table; 1 if the libraries do not reach the same numbers."""
    p = argparse.ArgumentParser(prog="python -m benchmarks", description="tapegrad beside PyTorch.")
    every = [*CASES, *MODES, "import"]
    p.add_argument("cases", nargs="*", metavar="CASE", help=f"which: {', '.join(every)} (all)")
    p.add_argument("--rounds", type=int, default=11, help="alternating rounds (11)")
    p.add_argument("--seconds", type=float, default=0.2, help="length of a round (0.2)")
    p.add_argument("--json", type=Path, metavar="FILE", help="save the results")
    given = p.parse_args(arguments)
    cases = given.cases or every
    for name in cases:
        if name not in every:
            p.error(f"{name!r} is no case; there are {', '.join(every)}")
    if not find_spec("torch"):
        p.error("PyTorch is not installed; use `make bench`, or: pip install -e '.[bench]'")
    rows = run(cases, given.rounds, given.seconds)
    if given.json:
        atomic_write(given.json, json.dumps({"machine": dict(facts()), "rows": rows}, indent=1) + "\n")
    return 0 if all(r["agree"] for r in rows) else 1


def run(cases: list[str], rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Time the cases and print each row as it is done."""
    say = sys.stdout.write
    say(
        f"{platform.python_version()}, numpy {metadata.version('numpy')}, torch {metadata.version('torch')}, "
    )
    say(f"{os.cpu_count()} cores; median of {rounds} rounds; ratio: theirs / ours, larger is better\n\n")
    say("{:<27} {:>11} {:>11} {:>8}  {:<15} {:>5}\n".format(*HEAD))
    rows = []
    peers = [Peer(n) for n in ("tapegrad", "torch")] if CASES.keys() & set(cases) else []
    try:
        for name in cases:
            if name in MODES:
                made = MODES[name](rounds, seconds)
            elif name == "import":
                found = imports(rounds, ("numpy", "tapegrad", "torch"))
                made = [row(found, "torch"), {**row(found, "numpy"), "case": "import/numpy", "goal": 1 / 1.6}]
            else:
                heavy = name == "deep"
                made = [
                    row(compare(name, peers, 3 if heavy else rounds, 0.01 if heavy else seconds), "torch")
                ]
            for r in made:
                say(_line(r) + "\n")
            sys.stdout.flush()
            rows += made
    finally:
        for peer in peers:
            peer.close()
    return rows


def _line(r: dict[str, Any]) -> str:
    most = "<" if r.get("unit") == "times" else ""  # the most that ours may be, not the least ratio
    goal = "" if r["goal"] is None else f"{most}{r['goal']:.2g}"
    agree = "" if r["agree"] else "  THE NUMBERS DIFFER"
    spread = f"{r['low']:.2f} .. {r['high']:.2f}"
    said = _SAID.get(r.get("unit", "s"), _time)
    times = f"{said(r['ours']):>11} {said(r['theirs']):>11}"
    return f"{r['case']:<27} {times} {r['ratio']:8.2f}  {spread:<15} {goal:>5}{agree}"


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{float(f'{seconds / scale:.3g}'):g} {unit}"
    return f"{float(f'{seconds / 1e-9:.3g}'):g} ns"


_SAID: dict[str, Callable[[float], str]] = {
    "times": lambda x: f"x {x:.2f}",
    "MiB": lambda x: f"{x:.0f} MiB",
}

__all__ = ["Outcome", "main"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
