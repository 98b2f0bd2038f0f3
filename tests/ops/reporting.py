"""The differences between the two libraries over all samples of a row, less the deviations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tapegrad.dtypes import NARROW
from tapegrad.testing.samples import Call, Row
from tests.ops.comparing import (
    Outcome,
    array,
    differing,
    error_differing,
    is_tensor,
    leaves_of,
    precision,
    real,
    spread,
)
from tests.ops.deviations import known

# Units more for complex numbers: torch fuses the two products of each part with their sum, and takes
# magnitudes with another root than NumPy's hypot; in a quotient both come together.
COMPLEX = {
    **dict.fromkeys(("abs", "ger", "kron", "mul", "outer", "square", "times a number"), 1),
    **dict.fromkeys(("div", "reciprocal"), 2),
}

# Rows with a step in the dtype of one operand: a unit of what it gives is one of the coarsest (2 ** float32,
# for which NumPy takes another function with AVX-512).
STEPS = {"ldexp"}


class Report:
    """The differences of one row, less the deviations."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.lines: list[str] = []

    def note(self, form: str, c: Call, what: str, difference: str) -> None:
        """Take down a difference, unless there is none or it is a deviation."""
        if difference and not known(self.row.name, what, f"{form}{c}"):
            self.lines.append(f"{form}{c}: {what}: {difference}")

    def check(self) -> None:
        """Fail if there are any."""
        if self.lines:
            shown = "\n".join(self.lines[:8])
            pytest.fail(f"{len(self.lines)} differences\n{shown}", pytrace=False)

    def compare(self, form: str, c: Call, ours: Any, theirs: Any) -> None:
        """Results, element by element."""
        xs, ys = list(leaves_of(ours)), list(leaves_of(theirs))
        if len(xs) != len(ys):
            self.note(form, c, "value", f"{len(xs)} results and torch {len(ys)}")
            return
        for a, b in zip(xs, ys, strict=True):
            if is_tensor(a) and is_tensor(b):
                self._compare_tensors(form, c, a, b)
            else:
                same = type(a) is type(b) and (a == b or a != a)
                self.note(form, c, "value", "" if same else f"{a!r} and torch {b!r}")

    def _compare_tensors(self, form: str, c: Call, a: Any, b: Any) -> None:
        x, y = array(a), array(b)
        ulps = self._ulps(c) * (precision(c, y) if self.row.name in STEPS else 1) + (
            y.dtype == np.float16
        )  # torch rounds float16 later
        least = 0.0
        if self.row.whole:
            least = spread(c) * max(1.0, float(np.max(np.abs(y), initial=0, where=np.isfinite(y))))
        self.note(form, c, "value", differing(x, y, ulps, least=least))
        self.note(form, c, "graph", "" if a.requires_grad == b.requires_grad else f"torch {b.requires_grad}")
        if a.requires_grad and b.requires_grad:
            name, other = name_of(a), name_of(b)
            self.note(form, c, "name", "" if name == other else f"{name} and torch {other}")

    def _ulps(self, c: Call) -> float:
        """How exact the row is."""
        more = COMPLEX.get(self.row.name, 0)
        return self.row.ulps + (more if any(a.dtype.startswith("complex") for a in c.arrays()) else 0)

    def compare_gradients(self, form: str, c: Call, ours: Outcome, theirs: Outcome) -> None:
        """First and second gradients (the second only where the call is smooth)."""
        if ours.error or theirs.error:
            self.note(form, c, "gradient", error_differing(ours.error, theirs.error))
            return
        for what, mine, others in zip(("gradient", "second"), ours.value, theirs.value, strict=True):
            if what == "second" and not c.smooth:
                continue
            for a, b in zip(mine, others, strict=True):
                if a is None or b is None:
                    rest = b if a is None else a
                    nothing = rest is None or (what == "second" and not array(rest).any())
                    self.note(form, c, what, "" if nothing else f"{a} and torch {b}")
                    continue
                x, y = array(a), array(b)
                ulps = (8 * self._ulps(c) + 8) * precision(c, y)
                self.note(form, c, what, differing(x, y, ulps, least=spread(c), signs=what == "gradient"))


def name_of(t: Any) -> str:
    """The class of a tensor's node, as torch names it."""
    return "" if t.grad_fn is None else type(t.grad_fn).__name__


def differentiable(result: Any) -> bool:
    """Whether some tensor of a result has a graph."""
    return any(is_tensor(t) and t.requires_grad for t in leaves_of(result))


def gradients(lib: Any, results: Any, tensors: list[Any], double: bool = True) -> tuple[Any, Any]:
    """The gradients of a weighted sum of the results, and those of a weighted sum of these.

    The weights require grad themselves, so that also ops that are linear have a second derivative.
    """
    outs = [t for t in leaves_of(results) if is_tensor(t) and t.requires_grad]
    weights = [weight(lib, t, i).requires_grad_() for i, t in enumerate(outs)]
    inputs = [t for t in tensors if t.requires_grad] + weights
    total = sum([real((t * w).sum()) for t, w in zip(outs, weights, strict=True)])
    first = lib.autograd.grad(total, inputs, create_graph=double, allow_unused=True)
    again = [(i, g) for i, g in enumerate(first) if double and g is not None and g.requires_grad]
    if not again:
        return first, ()
    total = sum([real((g * weight(lib, g, 100 + i)).sum()) for i, g in again])
    return first, lib.autograd.grad(total, inputs, allow_unused=True)


def weight(lib: Any, t: Any, seed: int) -> Any:
    """Random numbers between 1/2 and 3/2 in the shape and dtype of t."""
    random = np.random.default_rng(seed)
    values = random.uniform(0.5, 1.5, tuple(t.shape))
    if t.is_complex():
        values = values + 1j * random.uniform(0.5, 1.5, tuple(t.shape))
    kind = array(t).dtype
    if kind.char in NARROW:
        return lib.tensor(np.asarray(values, "f4")).to(t.dtype)
    return lib.tensor(np.asarray(values).astype(kind))
