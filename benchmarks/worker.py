"""One peer in a process of its own: it prepares, times and checks cases as its parent asks, a JSON line
each way."""

from __future__ import annotations

import json
import sys
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time, sleep
from typing import Any

from benchmarks import ops
from benchmarks.cases import CASES
from benchmarks.modes import VARIANTS
from tapegrad.cli.ways import Library

# Seconds after which the other peer's threads sleep: they look for work for some milliseconds.
PAUSE = 0.02


def memory() -> float:
    """Resident memory of this process in MiB; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * 4096 / 2**20
    except OSError:
        return 0.0


def serve(name: str) -> None:
    """Answer requests until the parent closes the pipe."""
    lib = Library(name)
    run: Any = None
    check: Any = None
    repeats, clock = 1, perf_counter
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "prepare":
            clock = process_time if request.get("processor") else perf_counter
            try:
                run, check = _made(request["case"], lib)
                numbers = check()
                run(1)
            except Exception as error:  # noqa: BLE001 # the parent decides what it means
                answer: Any = {"error": repr(error)}
            else:
                repeats = _repeats(run, request["seconds"])
                answer = {"numbers": numbers, "repeats": repeats}
        elif request["do"] == "peak":
            answer = {"peak": _peak(_made(request["case"], lib)[0])}
        else:
            sleep(PAUSE)
            run(max(1, repeats // 4))
            before = memory()
            start = clock()
            run(repeats)
            answer = {"seconds": (clock() - start) / repeats, "grown": memory() - before}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _made(case: str, lib: Library) -> Any:
    return ops.make(lib, case) if " @ " in case else {**CASES, **VARIANTS}[case].make(lib)


def _peak(run: Any) -> float:
    """MiB by which one run raises the memory of this process, if it has never held as much before."""
    before = memory()
    run(1)
    return getrusage(RUSAGE_SELF).ru_maxrss / 2**10 - before


def _repeats(run: Any, seconds: float) -> int:
    """How often to run in a round so that it lasts about `seconds`; the runs that find out are the
    warm-up."""
    n = 1
    while True:
        start = perf_counter()
        run(n)
        took = perf_counter() - start
        if took >= seconds / 4:
            return max(1, round(n * seconds / took))
        n *= 4


if __name__ == "__main__":
    serve(sys.argv[1])
