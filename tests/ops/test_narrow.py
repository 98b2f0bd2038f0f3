"""float16 and bfloat16 on tapegrad and on torch: every row of samples, and what the rows do not say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tapegrad
from tapegrad.dtypes import NARROW
from tapegrad.testing.samples import ROWS, Array, Call, Form, Row
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
from tests.ops.reporting import Report, differentiable, gradients

torch = pytest.importorskip("torch")

# Where torch's result is not that of float32 rounded once: how many units of the largest element. It rounds
# between the steps of these.
STEPS = {
    **dict.fromkeys(("mse_loss", "nll_loss", "cross_entropy", "softmax", "log_softmax", "logsumexp"), 1),
    **dict.fromkeys(("softmin", "layer_norm", "group_norm", "batch_norm", "instance_norm", "rms_norm"), 1),
    **dict.fromkeys(("l1_loss", "smooth_l1_loss", "binary_cross_entropy", "huber_loss"), 1),
    "binary_cross_entropy_with_logits": 2,
    **dict.fromkeys(("kl_div", "triplet_margin_loss", "triplet_margin_with_distance_loss"), 2),
    **dict.fromkeys(("trapezoid", "trapz", "dist", "cosine_similarity", "renorm"), 1),
    "rsqrt": 1,  # in what is left of a vector of 16 or 32
    "i0e": 3,  # there, too: a polynomial, term by term
    **dict.fromkeys(("xlogy", "xlog1py", "ldexp", "ndtr", "entr", "put"), 1),
    **dict.fromkeys(("polygamma", "polygamma_", "polygamma of a tensor", "mvlgamma"), 1),
    **dict.fromkeys(("index_reduce prod", "index_reduce mean", "cross", "linalg.cross", "addr"), 1),
    **dict.fromkeys(("addbmm", "matrix_power", "histogramdd", "segment_reduce"), 1),
    **dict.fromkeys(("logit", "prod"), 2),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold"), 1),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), 1),  # another order of sums, of which one is near 0
    **dict.fromkeys(("lp_pool1d", "lp_pool2d", "lp_pool3d", "interpolate", "affine_grid"), 1),
    **dict.fromkeys(("linear_cross_entropy", "scaled_dot_product_attention"), 1),
    "adaptive_avg_pool3d": 2,
}
GRADIENT = 1.0  # units of the largest element, where ours are not the ones nearer to the exact gradients

NARROW_ROWS = {name: narrow for name, row in ROWS.items() if (narrow := in_narrow(row)).samples}


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
        ulps = STEPS.get(row.name, 0) if y.dtype.char in NARROW else row.ulps
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


def compare(report: Report, form: Form, c: Call, writes: bool) -> None:
    """Take down how a call differs."""
    tensors, mine = c.build(tapegrad, not writes)
    others, its = c.build(torch, not writes)
    ours = attempt(lambda: form.run(tapegrad, *mine.args, **mine.kwargs))
    theirs = attempt_quietly(lambda: form.run(torch, *its.args, **its.kwargs))
    if ours.error or theirs.error:
        report.note(form.name, c, "error", error_differing(ours.error, theirs.error))
        return
    report.note(form.name, c, "value", values_differing(report.row, ours.value, theirs.value))
    if writes or not report.row.derivative or not differentiable(theirs.value):
        return
    first = attempt(lambda: gradients(tapegrad, ours.value, tensors, False))
    second = attempt_quietly(lambda: gradients(torch, theirs.value, others, False))
    text = gradients_differing(first, second)
    if text and not nearer(form, c, tensors, first, second):
        report.note(form.name, c, "gradient", text)


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


@pytest.mark.parametrize("name", NARROW_ROWS)
def test_rows(name: str) -> None:
    report = Report(NARROW_ROWS[name])
    for writes, forms in ((False, list(report.row.forms())[:1]), (True, list(report.row.writers())[:1])):
        for form in forms:
            for c in report.row.samples:
                if form.takes(c):
                    compare(report, form, c, writes)
    report.check()
