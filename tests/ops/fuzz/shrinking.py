"""Making a failing program small: leave out what the failure does not need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tests.ops.fuzz.drawing import literal
from tests.ops.fuzz.rounding import advance
from tests.ops.fuzz.running import Difference, Over, Run, Statement, values_of


def outcome(torch: Any, statements: Sequence[Statement]) -> tuple[Difference | None, Run]:
    """How a given program ends: with a difference or without."""
    run = Run(torch)
    try:
        for s in statements:
            advance(run, s)
        run.check_owners()
    except Over:
        pass
    except Difference as found:
        return found, run
    return None, run


def shrunk(torch: Any, statements: Sequence[Statement]) -> tuple[list[Statement], Difference]:
    """The program made small, and its difference, which is of the same sort."""
    first, run = outcome(torch, statements)
    assert first is not None, "the program does not fail"
    found = first

    def fails(candidate: Sequence[Statement]) -> bool:
        nonlocal found
        try:
            difference, _ = outcome(torch, candidate)
        except SyntaxError:  # a line that only stands inside its block
            return False
        if difference is None or difference.what != first.what:
            return False
        found = difference
        return True

    kept = run.done
    before = 0
    while len(kept) != before:
        before = len(kept)
        for change in (_without_each, _inner, _values, _terms):
            kept = _changed(kept, change, fails, torch)
    return kept, found


_Change = Callable[[list[Statement], int, Any], Iterator[list[Statement]]]


def _changed(
    kept: list[Statement], change: _Change, fails: Callable[[Sequence[Statement]], bool], torch: Any
) -> list[Statement]:
    """The program after every change that keeps the failure, from the last statement to the first."""
    i = len(kept) - 1
    while i >= 0:
        kept = next((c for c in change(kept, i, torch) if fails(c)), kept)
        i = min(i, len(kept)) - 1
    return kept


def _without_each(kept: list[Statement], i: int, torch: Any) -> Iterator[list[Statement]]:
    """Without a statement."""
    yield kept[:i] + kept[i + 1 :]


def _inner(kept: list[Statement], i: int, torch: Any) -> Iterator[list[Statement]]:
    """One line of a block in place of the block."""
    lines = kept[i].text.split("\n")
    for line in lines[1:] if len(lines) > 1 else ():
        if line.startswith("    ") and not line.endswith(":"):
            yield [*kept[:i], kept[i]._replace(text=line.strip()), *kept[i + 1 :]]


def _values(kept: list[Statement], i: int, torch: Any) -> Iterator[list[Statement]]:
    """A leaf of the same values in place of a result."""
    s = kept[i]
    if s.kind == "leaf" or not s.binds:
        return
    t = outcome(torch, kept[: i + 1])[1].theirs.names.get(s.binds)
    if hasattr(t, "requires_grad"):
        for grad in ("", ", requires_grad=True"):
            text = literal(np.array(values_of(t)), str(t.dtype).removeprefix("torch."), grad)
            yield [*kept[:i], Statement(f"{s.binds} = {text}", "leaf", s.binds), *kept[i + 1 :]]


def _terms(kept: list[Statement], i: int, torch: Any) -> Iterator[list[Statement]]:
    """A sum with one term less."""
    terms = kept[i].text.removeprefix("(").removesuffix(").backward()").split(" + ")
    if kept[i].kind == "end" and len(terms) > 1:
        for k in range(len(terms)):
            text = f"({' + '.join(terms[:k] + terms[k + 1 :])}).backward()"
            yield [*kept[:i], kept[i]._replace(text=text), *kept[i + 1 :]]
