"""Running programs in child processes: torch itself crashes now and then, and may spoil its own memory.

A chunk of programs has a child of its own. If it dies, another one goes on after the program that it died in;
so it does if a program takes too long.
A program that fails runs once more, alone in a fresh child, where it is made small, too.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from math import inf
from multiprocessing.connection import Connection, wait
from time import monotonic
from typing import Any, NamedTuple

from tests.ops.fuzz import running
from tests.ops.fuzz.drawing import Pick
from tests.ops.fuzz.programs import Failure, run_program
from tests.ops.fuzz.running import text_of
from tests.ops.fuzz.shrinking import shrunk

CHUNK = 100  # programs of one child
LIMIT = 60.0  # seconds for a program, and ten times as many to make one small
NOT_AGAIN = "failed in a process that had run others, but not alone"

_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(["torch", __name__])


class Report(NamedTuple):
    """What became of a program.

    statements: how many agree. end: why it ended before it was complete.
    failure: its text and the difference. crash: the signal that ended its process while torch ran.
    """

    number: int
    statements: int = 0
    end: str = ""
    failure: str = ""
    crash: str = ""


class Child:
    """A process that runs programs. alone: whether it runs one again, that failed, and makes it small."""

    def __init__(self, seed: int, numbers: Sequence[int], alone: bool) -> None:
        self.numbers, self.alone = deque(numbers), alone
        self.over = self.late = False
        self._since = inf  # torch takes its time to load, which counts for no program
        self._last: Report | None = None
        self._ours = _fork.RawValue("b", 0)
        self.pipe, end = _fork.Pipe(duplex=False)
        arguments = (end, self._ours, seed, tuple(numbers), alone)
        self.process = _fork.Process(target=_work, args=arguments, daemon=True)
        self.process.start()
        end.close()  # the child's is then the only one, so that its death ends the pipe

    def report(self) -> Report | None:
        """The next report. Of one alone the last counts: a program that fails, and then its small form."""
        self._since = monotonic()
        try:
            report: Report | None = self.pipe.recv()
        except EOFError:
            self.over = True
            self.process.join()
            return self._last or self._death()
        if report is None:  # it begins
            return None
        if self.alone:
            self._last = report
            return None
        self.numbers.popleft()
        return report

    def _death(self) -> Report | None:
        if not self.numbers:
            return None
        number, code = self.numbers.popleft(), self.process.exitcode or 0
        if self.late:
            took = f"took more than {LIMIT:.0f} s"
            return Report(number, failure=took) if self._ours.value else Report(number, end=f"torch {took}")
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        if code < 0 and not self._ours.value:
            return Report(number, crash=how)
        return Report(number, failure=f"{how} while {'tapegrad' if self._ours.value else 'the fuzzer'} ran")

    def look(self) -> None:
        """End it if its program has hung; its report says so."""
        if monotonic() - self._since > LIMIT * (10 if self.alone else 1):
            self.late = True
            self.process.kill()

    def stop(self) -> None:
        """End it."""
        self.process.terminate()


def pick_of(seed: int, number: int) -> Pick:
    """The choices of one program."""
    return Pick(random.Random(f"{seed} {number}").randrange)


def _work(pipe: Connection, ours: Any, seed: int, numbers: Sequence[int], alone: bool) -> None:
    """Report on each program; on a failing one that is alone once more, when it is small."""
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children
    torch.set_num_threads(1)
    running.tapegrad_runs = ours
    pipe.send(None)
    for number in numbers:
        try:
            run, end = run_program(torch, pick_of(seed, number))
            pipe.send(Report(number, len(run.done), NOT_AGAIN if alone else end))
        except Failure as failure:
            pipe.send(Report(number, failure=str(failure)))
            if alone:
                small, found = shrunk(torch, failure.statements)
                pipe.send(Report(number, failure=f"{text_of(small)}\n# {found}"))


def reports(seed: int, numbers: range, jobs: int) -> Iterator[Report]:
    """What became of each program, as it becomes known."""
    todo = deque((numbers[i : i + CHUNK], False) for i in range(0, len(numbers), CHUNK))
    children: dict[Any, Child] = {}
    try:
        while todo or children:
            while todo and len(children) < jobs:
                child = Child(seed, *todo.popleft())
                children[child.pipe] = child
            for child in children.values():
                child.look()
            for pipe in wait(list(children), 1.0):
                child = children[pipe]
                report = child.report()
                if child.over:
                    del children[pipe]
                    if child.numbers and not child.alone:
                        todo.appendleft((tuple(child.numbers), False))
                if report is not None and report.failure and not child.alone:
                    todo.appendleft(((report.number,), True))
                elif report is not None:
                    yield report
    finally:
        for child in children.values():
            child.stop()
