"""Every row of samples on tapegrad and on torch: values, dtypes, shapes, gradients, errors."""

from __future__ import annotations

import pytest

import tapegrad
from tapegrad.testing.samples import ROWS, Call, Form, Row
from tests.ops.comparing import attempt, attempt_quietly, error_differing
from tests.ops.reporting import Report, differentiable, gradients

torch = pytest.importorskip("torch")


def calls_of(row: Row, form: Form, first: bool) -> list[Call]:
    """The calls that a form takes: all for the first form, every third for the others."""
    samples, errors = ([c for c in calls if form.takes(c)] for calls in (row.samples, row.errors))
    return [*(samples if first else [c for i, c in enumerate(samples) if c.kwargs or i % 3 == 0]), *errors]


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if any(row.forms())])
def test_results(name: str) -> None:
    row = ROWS[name]
    report = Report(row)
    for i, form in enumerate(row.forms()):
        for c in calls_of(row, form, i == 0):
            _compare_call(report, form, c, i == 0 or form.name.startswith("operator."))
    report.check()


def _compare_call(report: Report, form: Form, c: Call, derive: bool) -> None:
    tensors, mine = c.build(tapegrad)
    others, its = c.build(torch)
    ours = attempt(lambda: form.run(tapegrad, *mine.args, **mine.kwargs))
    theirs = attempt_quietly(lambda: form.run(torch, *its.args, **its.kwargs))
    if ours.error or theirs.error:
        report.note(form.name, c, "error", error_differing(ours.error, theirs.error))
        return
    report.compare(form.name, c, ours.value, theirs.value)
    if derive and report.row.derivative and differentiable(theirs.value):
        first = attempt(lambda: gradients(tapegrad, ours.value, tensors))
        second = attempt_quietly(lambda: gradients(torch, theirs.value, others))
        report.compare_gradients(form.name, c, first, second)
