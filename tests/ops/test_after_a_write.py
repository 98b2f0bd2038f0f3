"""Once a tensor was written in place under the tape, wrappers leave their fast path: the results stay."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import tapegrad as torch
from tapegrad._state import special
from tapegrad.testing.samples import ROWS, Call, Row
from tests.ops.comparing import array, attempt, is_tensor, leaves_of
from tests.ops.test_gradients import forms
from tests.ops.thinning import thinned


@pytest.fixture
def plain() -> Iterator[None]:
    """No thread has a reason to be alert, as in a process that has not written anything."""
    was = special.alert, special.rebased
    special.alert, special.rebased = 0, False
    yield
    special.alert, special.rebased = was


def results(row: Row, calls: list[Call]) -> list[list[object]]:
    """What each call gives: the error's class and the bytes of the tensors."""
    _, op = next(iter(forms(row)))
    found = []
    for c in calls:
        torch.manual_seed(0)
        _, built = c.build(torch)
        outcome = attempt(lambda built=built: op(torch, *built.args, **built.kwargs))
        tensors = [array(t) for t in leaves_of(outcome.value) if is_tensor(t)] if not outcome.error else []
        found.append([type(outcome.error), *[(a.dtype, a.shape, np.asarray(a).tobytes()) for a in tensors]])
    return found


@pytest.mark.parametrize("name", ROWS)
def test_results_stay(name: str, plain: None) -> None:
    row = ROWS[name]
    calls = [*thinned(row.samples, 6), *thinned(row.errors, 4)]
    fast = results(row, calls)
    special.alert += 1
    assert results(row, calls) == fast
