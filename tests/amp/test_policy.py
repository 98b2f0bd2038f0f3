"""In which dtype each operation and module computes under autocast, and with what gradients: as in torch."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import tapegrad
from tapegrad.testing.samples import FAMILIES, Call, Form, Row
from tapegrad.testing.samples.base import in_dtype, plain_samples
from tests.nn.test_modules import SAMPLES, made
from tests.ops.comparing import array, attempt, attempt_quietly, leaves_of

torch = pytest.importorskip("torch")

# In torch these are made of other functions, some of which round; here they are one operation each, or run
# in the dtype of their argument.
COMPOSED = {"linalg.pinv", "linalg.pinv.hermitian", "lobpcg"}
CLOSE = 0.05  # bfloat16 has 8 bits: ten units in the last place


def tensors_in(x: Any) -> list[Any]:
    """The tensors in a result."""
    return [t for t in leaves_of(x) if hasattr(t, "requires_grad")]


def differing(ours: list[Any], theirs: list[Any]) -> str:
    """How tensors differ: by their dtypes, or by more than roundings to bfloat16 explain."""
    a, b = ([None if t is None else str(t.dtype) for t in ts] for ts in (ours, theirs))
    if a != b:
        return f"{a}, and torch {b}"
    for t, u in zip(ours, theirs, strict=True):
        if t is None or not t.is_floating_point():
            continue
        x, y = array(t.double()), array(u.double())
        if x.shape != y.shape:
            return f"{x.shape}, and torch {y.shape}"
        known = np.isfinite(x) & np.isfinite(y)
        if known.any() and np.abs(x - y)[known].max() > CLOSE * max(1, np.abs(y[known]).max()):
            return f"{x.ravel()[:4]}, and torch {y.ravel()[:4]}"
    return ""


def calls_of(row: Row, form: Form) -> list[Call]:
    """A sample that the form takes as it is, and with its first floats in bfloat16."""
    found = [c for c in (*plain_samples(row, 1), *row.samples) if form.takes(c)][:1]
    real = [c for c in found if not any(a.dtype.startswith("complex") for a in c.arrays())]
    return [*found, *[in_dtype(c, "bfloat16", only_first=True) for c in real]]


def outcome(lib: Any, form: Form, c: Call) -> Any:
    """What a call gives under autocast."""
    lib.manual_seed(3)
    _, built = c.build(lib, grad=not form.name.endswith("_"))
    with lib.autocast("cpu"):
        return tensors_in(form.run(lib, *built.args, **built.kwargs))


def wrong(theirs: Any, ours: Any) -> str:
    """How the outcomes of two calls differ, each a list of tensors; torch's may be its own failure, such as
    where it has no kernel for bfloat16, or the processor no instructions."""
    b = attempt_quietly(theirs)
    if b.error:
        return ""
    a = attempt(ours)
    return repr(a.error) if a.error else differing(a.value, b.value)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__.rpartition(".")[2])
def test_operations(family: Any) -> None:
    found = []
    for row in family.ROWS:
        for form in [*row.forms()][:1] + [*row.writers()][:1] if row.name not in COMPOSED else ():
            for c in calls_of(row, form):
                how = wrong(partial(outcome, torch, form, c), partial(outcome, tapegrad, form, c))
                found += [f"{form.name}{c}: {how}"] * bool(how)
    assert not found, "\n".join(found)


def trained(lib: Any, sample: Any) -> list[Any]:
    """A module's results, and the gradients of their sum."""
    module, inputs, leaves = made(lib, sample)
    with lib.autocast("cpu"):
        results = tensors_in(module(*inputs))
        total = sum(y.float().sum() for y in results if y.requires_grad)
    asked = [p for p in [*leaves, *module.parameters()] if p.requires_grad]
    gs = lib.autograd.grad(total, asked, allow_unused=True) if asked and isinstance(total, lib.Tensor) else ()
    return [*results, *gs]


@pytest.mark.parametrize("part", range(4))
def test_modules(part: int) -> None:
    of_each = {s.name: s for s in reversed(SAMPLES)}.values()
    more = [s for s in SAMPLES if s.name in ("MultiheadAttention", "LSTM", "RNN", "GRU")]
    found = []
    for s in [*of_each, *more][part::4]:
        how = wrong(partial(trained, torch, s), partial(trained, tapegrad, s))
        found += [f"{s.name}{s.args}{s.kwargs}: {how}"] * bool(how)
    assert not found, "\n".join(found)
