"""What a mode costs, in each library by itself: watching for values that are not finite, and checkpoints.

anomaly      how much slower a training step is under a watch than without; the goals are the most that this
             may be in tapegrad
checkpoint   seconds, and the memory that a step takes at its peak, of a deep model with and without
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from itertools import chain
from typing import Any

from benchmarks.cases import Case, Check, Run, linear_step, mlp
from benchmarks.runner import Outcome, Peer, close, compare, numbers_of, row
from tapegrad.cli.ways import Library

LIBRARIES = ("tapegrad", "torch")
DEPTH, WIDTH, ROWS, SEGMENTS = 64, 256, 1024, 8


def _watched(make: Callable[[Library], tuple[Run, Check]], watch: str) -> Callable[[Library], Any]:
    """A case under a watch; torch has only detect_anomaly."""

    def made(lib: Library) -> tuple[Run, Check]:
        run, check = make(lib)
        name = watch if lib.name == "tapegrad" else "detect_anomaly"
        mode = getattr(lib.torch.autograd, name)

        def under(work: Callable[[], Any]) -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch says that the mode is slow
                with mode():
                    return work()

        return lambda n: under(lambda: run(n)), lambda: under(check)

    return made


def _deep(segments: int) -> Callable[[Library], tuple[Run, Check]]:
    """A step through 64 times Linear(256, 256) and tanh on 1024 rows, in so many checkpoints (0: none)."""

    def made(lib: Library) -> tuple[Run, Check]:
        torch, nn = lib.torch, lib.nn
        checkpointed = import_module(f"{lib.name}.utils.checkpoint").checkpoint_sequential
        torch.manual_seed(0)
        layers = [(nn.Linear(WIDTH, WIDTH), nn.Tanh()) for _ in range(DEPTH)]
        model = nn.Sequential(*chain.from_iterable(layers))
        rows = torch.randn(ROWS, WIDTH)

        def step(x: Any) -> None:
            model.zero_grad()
            y = checkpointed(model, segments, x, use_reentrant=False) if segments else model(x)
            (y * y).mean().backward()

        def run(n: int) -> None:
            for _ in range(n):
                step(rows)

        def check() -> list[float]:
            run(1)
            return [float(v) for v in model[-2].weight.grad.flatten()[:100].tolist()]

        step(rows[:2])  # what a first step loads is not counted
        return run, check

    return made


VARIANTS = {
    c.name: c
    for c in (
        *(
            Case(f"{make.__name__}/{watch}", f"{make.__doc__} Watched.", _watched(make, watch), goal)
            for make, goal in ((linear_step, 2.0), (mlp, 1.3))
            for watch in ("trace_nonfinite", "detect_anomaly")
        ),
        Case("deep_model", "a step of 64 layers", _deep(0)),
        Case("deep_model/checkpoint", "the same in 8 checkpoints", _deep(SEGMENTS)),
    )
}


def anomaly(rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Rows of how much slower each library's own step is under a watch."""
    return [_slowdown(name, c.goal, rounds, seconds) for name, c in VARIANTS.items() if c.goal is not None]


def _slowdown(case: str, goal: float, rounds: int, seconds: float) -> dict[str, Any]:
    peers = [(Peer(name), name, on) for name in LIBRARIES for on in (False, True)]
    times: dict[tuple[str, bool], list[float]] = {(name, on): [] for _, name, on in peers}
    try:
        numbers = [
            numbers_of(p, p.ask(do="prepare", case=case if on else case.partition("/")[0], seconds=seconds))
            for p, _, on in peers
        ]
        for i in range(rounds):
            for p, name, on in peers if i % 2 == 0 else reversed(peers):
                times[name, on].append(p.ask(do="time")["seconds"])
    finally:
        for p, _, _ in peers:
            p.close()
    slower = {
        name: [on / off for on, off in zip(times[name, True], times[name, False], strict=True)]
        for name in LIBRARIES
    }
    outcome = Outcome(case, slower, all(close(numbers[0], n) for n in numbers[1:]))
    return {**row(outcome, "torch"), "goal": goal, "unit": "times"}


def checkpoint(rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Rows of the seconds and of the peak memory of a deep model's step, with and without checkpoints."""
    rows = []
    for case in ("deep_model", "deep_model/checkpoint"):
        peers = [Peer(name) for name in LIBRARIES]
        try:
            rows.append(row(compare(case, peers, rounds, seconds), "torch"))
        finally:
            for p in peers:
                p.close()
        rows.append({**row(_peaks(case, min(rounds, 3)), "torch"), "unit": "MiB"})
    return rows


def _peaks(case: str, rounds: int) -> Outcome:
    """How far one step raises the memory of a fresh process, in MiB."""
    outcome = Outcome(case, {name: [] for name in LIBRARIES})
    for _ in range(rounds):
        for name in LIBRARIES:
            p = Peer(name)
            try:
                outcome.times[name].append(p.ask(do="peak", case=case)["peak"])
            finally:
                p.close()
    return outcome


MODES = {"anomaly": anomaly, "checkpoint": checkpoint}
