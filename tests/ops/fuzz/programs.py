"""One random program: drawn, run on both libraries, reported."""

from __future__ import annotations

from typing import Any

from tests.ops.fuzz.drawing import Pick
from tests.ops.fuzz.rounding import advance
from tests.ops.fuzz.running import Difference, Over, Run, Statement, text_of
from tests.ops.fuzz.statements import beginning, ending, statement

LONGEST = 24  # statements after the leaves


class Failure(AssertionError):
    """A program on which the libraries differ."""

    def __init__(self, statements: list[Statement], found: Difference) -> None:
        super().__init__(f"{text_of(statements)}\n# {found}")
        self.statements, self.found = statements, found


def run_program(torch: Any, pick: Pick) -> tuple[Run, str]:
    """Draw a program and run it; returned are the run, and why it ended early, or "". Raises: Failure."""
    run = Run(torch)
    writer, leaves = beginning(pick, run)
    try:
        for s in leaves:
            advance(run, s)
        for _ in range(4 + pick.below(LONGEST - 3)):
            advance(run, statement(writer))
        if (last := ending(writer)) is not None:
            advance(run, last)
        run.check_owners()
    except Over as why:
        return run, str(why)
    except Difference as found:
        raise Failure(run.done, found) from None
    return run, ""
