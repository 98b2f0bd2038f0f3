"""float16 and bfloat16 on tapegrad and on torch: every row of samples, and what the rows do not say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tapegrad
from tapegrad.testing.samples import (
    ROWS,
    Array,
    Call,
    Form,
    Row,
    arrange,
    elementary,
    fourier,
    gather,
    joins,
    matrices,
    pairs,
    products,
    special,
)
from tapegrad.testing.samples.narrow import in_narrow
from tests.ops.comparing import (
    Outcome,
    array,
    attempt,
    attempt_quietly,
    differing,
    error_differing,
    is_tensor,
    leaves_of,
)
from tests.ops.reporting import differentiable, gradients

torch = pytest.importorskip("torch")

# Where torch's result is not that of float32 rounded once: how many units of the largest element. It rounds
# between the steps of these.
STEPS = {
    **dict.fromkeys(("mse_loss", "nll_loss", "cross_entropy", "softmax", "log_softmax", "logsumexp"), 1),
    **dict.fromkeys(("softmin", "layer_norm", "group_norm", "batch_norm", "instance_norm", "rms_norm"), 1),
    **dict.fromkeys(("l1_loss", "smooth_l1_loss", "binary_cross_entropy"), 1),
    **dict.fromkeys(("trapezoid", "trapz", "dist", "cosine_similarity", "renorm"), 1),
    "prod": 2,
}
# Where torch and tapegrad differ on purpose: a row and why.
DEVIATIONS = {
    **dict.fromkeys(
        (
            *("huber_loss", "binary_cross_entropy_with_logits", "kl_div", "poisson_nll_loss"),
            *("gaussian_nll_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss"),
        ),
        "torch composes it of other steps, each of which is rounded",
    ),
    "local_response_norm": "torch averages no narrow images",
    "embedding_bag": "torch rounds after every addition; here once",
    "histogram": "torch takes float16",
    "histogramdd": "torch takes float16",
    "view_as_complex": "torch has a complex32",
    "complex": "torch has a complex32",
    "polar": "dtypes are looked at one by one",
    "a real tensor and a complex number": "torch has a complex32",
    "written pairs": "torch has a complex32",
}
GRADIENT = 4.0  # units: torch rounds between the operations of most of its formulas


# OPEN: families that came at the same time as the narrow dtypes, and were not compared in them one by one.
# Some round between steps, some refuse bfloat16.
OPEN = (elementary, pairs, special, gather, arrange, joins, products, matrices, fourier)


def rows() -> dict[str, Row]:
    """The rows with narrow samples."""
    known = DEVIATIONS.keys() | {row.name for family in OPEN for row in family.ROWS}
    derived = {name: in_narrow(row) for name, row in ROWS.items() if name not in known}
    return {name: row for name, row in derived.items() if row.samples}


NARROW = rows()


def largest(*ys: Any) -> float:
    """The largest finite magnitude."""
    with np.errstate(all="ignore"):
        sizes = [np.abs(y).astype("f8") for y in ys]
    return max([float(np.max(a, initial=0, where=np.isfinite(a))) for a in sizes], default=0.0)


def values_differing(row: Row, ours: Any, theirs: Any) -> str:
    """How results differ."""
    for a, b in zip(leaves_of(ours), leaves_of(theirs), strict=True):
        if not is_tensor(b):
            if not (type(a) is type(b) and (a == b or a != a)):
                return f"{a!r} and torch {b!r}"
            continue
        x, y = array(a), array(b)
        ulps = STEPS.get(row.name, 0)
        least = largest(y) if ulps and y.dtype.kind != "b" else 0
        if text := differing(x, y, ulps, least=least, signs=not ulps):
            return text
        if a.requires_grad is not b.requires_grad:
            return f"requires_grad: torch {b.requires_grad}"
    return ""


def gradients_differing(first: Outcome, second: Outcome) -> str:
    """How gradients differ."""
    if first.error or second.error:
        return error_differing(first.error, second.error)
    pairs = [(a, b) for a, b in zip(first.value[0], second.value[0], strict=True) if a is not b]
    if any(a is None or b is None for a, b in pairs):
        return "a gradient is missing"
    arrays = [(array(a), array(b)) for a, b in pairs]
    least = max(1.0, largest(*[y for _, y in arrays]))
    texts = [differing(x, y, GRADIENT, least=least, signs=False) for x, y in arrays]
    return next((t for t in texts if t), "")


def compare(row: Row, form: Form, c: Call, writes: bool) -> str:
    """How a call differs."""
    tensors, mine = c.build(tapegrad, not writes)
    others, its = c.build(torch, not writes)
    ours = attempt(lambda: form.run(tapegrad, *mine.args, **mine.kwargs))
    theirs = attempt_quietly(lambda: form.run(torch, *its.args, **its.kwargs))
    if ours.error or theirs.error:
        return error_differing(ours.error, theirs.error)
    if text := values_differing(row, ours.value, theirs.value):
        return text
    if writes or not row.derivative or not differentiable(theirs.value):
        return ""
    first = attempt(lambda: gradients(tapegrad, ours.value, tensors, False))
    second = attempt_quietly(lambda: gradients(torch, theirs.value, others, False))
    text = gradients_differing(first, second)
    return "" if not text or nearer(form, c, tensors, first, second) else f"gradient: {text}"


def nearer(form: Form, c: Call, tensors: list[Any], first: Outcome, second: Outcome) -> bool:
    """Whether our gradients are nearer than torch's to those in float64: torch's formulas can lose all digits
    where they round a mean before it is subtracted."""
    if first.error or second.error:
        return False
    given = iter(tensors)

    def exact(a: Array) -> Array:
        t = next(given)
        return replace(a.in_doubles(), values=array(t).astype("f8")) if a.is_float else a

    leaves, built = c.map(Array, exact).build(tapegrad)
    values, _ = gradients(tapegrad, form.run(tapegrad, *built.args, **built.kwargs), leaves, False)
    errors = [
        [
            float(np.max(np.abs(array(g).astype("f8") - array(v)), initial=0))
            for g, v in zip(gs, values, strict=True)
        ]
        for gs in (first.value[0], second.value[0])
    ]
    return max(errors[0]) <= max(errors[1])


@pytest.mark.parametrize("name", NARROW)
def test_rows(name: str) -> None:
    row, lines = NARROW[name], []
    for writes, forms in ((False, list(row.forms())[:1]), (True, list(row.writers())[:1])):
        for form in forms:
            found = [(c, compare(row, form, c, writes)) for c in row.samples if form.takes(c)]
            lines += [f"{form.name}{c}: {text}" for c, text in found if text]
    if lines:
        pytest.fail(f"{len(lines)} differences\n" + "\n".join(lines[:8]), pytrace=False)
