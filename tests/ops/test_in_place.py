"""Writing in place and out=, on tapegrad and on torch: values, what else changes, gradients, errors."""

from __future__ import annotations

from typing import Any

import pytest

import tapegrad
from tapegrad.testing.samples import ROWS, Call, Form, Row
from tests.ops.comparing import Outcome, array, attempt, attempt_quietly, differing, error_differing
from tests.ops.reporting import Report, gradients

torch = pytest.importorskip("torch")

WRITERS = [n for n, row in ROWS.items() if any(row.writers())]


def calls_of(row: Row, form: Form, first: bool) -> list[Call]:
    """The calls that a form takes: all for the first form, every fifth for the others."""
    samples, errors = ([c for c in calls if form.takes(c)] for calls in (row.samples, row.errors))
    return [*(samples if first else [c for i, c in enumerate(samples) if c.kwargs or i % 5 == 0]), *errors]


def write(lib: Any, run: Any, form: Form, c: Call, clone: bool) -> tuple[Any, Any, list[Any], Outcome]:
    """(the target, its values before, the leaves, what came of it)."""
    tensors, built = c.build(lib, clone)
    target, *rest = built.args
    target = target.clone() if clone else target
    before = array(target).copy()
    return target, before, tensors, run(lambda: form.run(lib, target, *rest, **built.kwargs))


@pytest.mark.parametrize("clone", [False, True], ids=["leaf", "computed"])
@pytest.mark.parametrize("name", WRITERS)
def test_writes(name: str, clone: bool) -> None:
    report = Report(ROWS[name])
    for i, form in enumerate(report.row.writers()):
        for c in calls_of(report.row, form, i == 0):
            mine, before, tensors, ours = write(tapegrad, attempt, form, c, clone)
            its, _, others, theirs = write(torch, attempt_quietly, form, c, clone)
            if ours.error or theirs.error:
                report.note(form.name, c, "error", error_differing(ours.error, theirs.error))
                if ours.error:
                    report.note(form.name, c, "changed", differing(array(mine), before))
                continue
            report.note(form.name, c, "self", "" if ours.value is mine else "returns another tensor")
            report.compare(form.name, c, mine, its)
            if report.row.derivative and its.requires_grad and mine.requires_grad:
                first = attempt(lambda a=mine, t=tensors: gradients(tapegrad, a, t, False))
                second = attempt_quietly(lambda a=its, t=others: gradients(torch, a, t, False))
                report.compare_gradients(form.name, c, first, second)
    report.check()
