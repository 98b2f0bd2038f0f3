"""Every gradient without torch: against finite differences, and the two ways of computing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.testing.differences import along, directions, slope
from tapegrad.testing.samples import ROWS, Array, Call, Form, Row
from tests.ops.comparing import array, attempt, attempt_strictly, differing, is_tensor, leaves_of, real
from tests.ops.thinning import distinct, thinned

Op = Callable[..., Any]


def forms(row: Row) -> Iterator[tuple[str, Op]]:
    """The first way to call an op, and to write with it (into a copy, so that a leaf may be the target)."""

    def writing(form: Form) -> Op:
        def write(lib: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
            target = x.clone()
            form.run(lib, target, *args, **kwargs)
            return target

        return write

    for form in list(row.forms())[:1]:
        yield form.name, form.run
    for form in list(row.writers())[:1]:
        yield form.name, writing(form)


def samples(row: Row) -> list[Call]:
    """Calls that give a result; a form that does not take one raises an error."""
    return thinned(distinct(row.samples), 10)


def outputs(result: Any) -> list[Any]:
    """The tensors of a result that have a graph."""
    return [t for t in leaves_of(result) if is_tensor(t) and t.requires_grad]


def weighted(tensors: Sequence[Any], seed: int) -> Any:
    """A sum of all their elements, each with a weight of its own; None if there are none."""
    weights = directions([tuple(t.shape) for t in tensors], seed, tensors)
    parts = [real((t * torch.tensor(w, dtype=t.dtype)).sum()) for t, w in zip(tensors, weights, strict=True)]
    return sum(parts) if parts else None


class Function:
    """A sample as a function of the float64 arrays that need a gradient."""

    def __init__(self, op: Op, c: Call) -> None:
        self.op = op
        self.call = c.map(Array, Array.in_doubles)
        drawn = [(a, a.draw(i + 1)) for i, a in enumerate(self.call.arrays())]
        self.at = [values for a, values in drawn if a.is_float and a.grad]

    def __call__(self, arrays: Sequence[Any]) -> tuple[Any, list[Any]]:
        """(the weighted sum of the results, the leaves) for the arrays."""
        moved = iter(arrays)
        c = self.call.map(Array, lambda a: replace(a, values=next(moved)) if a.is_float and a.grad else a)
        tensors, built = c.build(torch)
        total = weighted(outputs(self.op(torch, *built.args, **built.kwargs)), 1)
        return total, [t for t in tensors if t.requires_grad]

    def value(self, arrays: Sequence[Any]) -> float:
        """The weighted sum as a number."""
        return float(self(arrays)[0].detach())

    def gradients(self, arrays: Sequence[Any], graph: bool) -> tuple[list[Any], list[Any]]:
        """(the gradients, None where there is none; the leaves)."""
        total, leaves = self(arrays)
        return list(torch.autograd.grad(total, leaves, create_graph=graph, allow_unused=True)), leaves

    def projected(self, arrays: Sequence[Any], graph: bool = False) -> tuple[Any, list[Any]]:
        """(the weighted sum of the gradients, the leaves)."""
        gs, leaves = self.gradients(arrays, graph)
        weights = directions([x.shape for x in self.at], 2, self.at)
        parts = [real((g * torch.tensor(w)).sum()) for g, w in zip(gs, weights, strict=True) if g is not None]
        return sum(parts), leaves


def compare(which: str, found: float, f: Callable[[Any], float], at: Sequence[Any], direction: Any) -> str:
    """How a derivative of f differs from finite differences, to the digits that these are good for."""
    wanted, error = slope(f, at, direction)
    if abs(found - wanted) <= error + 1e-9 * (1 + abs(wanted) + abs(f(at))):
        return ""
    return f"{which}: {found} and by differences {wanted} +- {error}"


def check_first(f: Function) -> str:
    """How the first derivative differs from finite differences."""
    direction = directions([x.shape for x in f.at], 3, f.at)
    gs, _ = f.gradients(f.at, False)
    found = along([None if g is None else array(g) for g in gs], direction)
    return compare("first", found, f.value, f.at, direction)


def check_second(f: Function) -> str:
    """How the second derivative differs from finite differences of the first."""
    direction = directions([x.shape for x in f.at], 4, f.at)

    def value(arrays: Sequence[Any]) -> float:
        return float(f.projected(arrays)[0])

    total, leaves = f.projected(f.at, True)
    gs: Any = [None] * len(leaves)
    if is_tensor(total) and total.requires_grad:
        gs = torch.autograd.grad(total, leaves, allow_unused=True)
    found = along([None if g is None else array(g) for g in gs], direction)
    return compare("second", found, value, f.at, direction)


def finish(lines: list[str]) -> None:
    """Fail if there are any."""
    if lines:
        pytest.fail(f"{len(lines)} differences\n" + "\n".join(lines[:8]), pytrace=False)


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if row.derivative])
def test_finite_differences(name: str) -> None:
    lines = []
    for form, op in forms(ROWS[name]):
        for c in samples(ROWS[name]):
            f = Function(op, c)
            if not c.smooth or not f.at or not differentiable(op, f.call) or not np.isfinite(f.value(f.at)):
                continue
            lines += [f"{form}{c}: {text}" for text in (check_first(f), check_second(f)) if text]
    finish(lines)


def differentiable(op: Op, c: Call) -> bool:
    """Whether a call has a float64 result with a graph."""
    _, built = c.build(torch)
    result = attempt(lambda: op(torch, *built.args, **built.kwargs))
    found = outputs(result.value)
    return bool(found) and all(t.dtype in (torch.float64, torch.complex128) for t in found)


def plain_and_recorded(op: Op, c: Call) -> tuple[list[Any], list[Any]]:
    """The results, and the gradients with create_graph; then those without (of another run)."""
    found = []
    for graph in (False, True):
        tensors, built = c.build(torch)
        results = [t for t in leaves_of(op(torch, *built.args, **built.kwargs)) if is_tensor(t)]
        total = weighted(outputs(results), 1)
        leaves = [t for t in tensors if t.requires_grad]
        gs: Any = ()
        if total is not None and leaves:
            gs = torch.autograd.grad(total, leaves, create_graph=graph, allow_unused=True)
        found.append([*results, *gs])
    return found[0], found[1]


@pytest.mark.parametrize("name", [n for n, row in ROWS.items() if row.derivative])
def test_a_recorded_backward_and_a_strict_numpy_change_nothing(name: str) -> None:
    lines = []
    for form, op in forms(ROWS[name]):
        for c in samples(ROWS[name]):
            plain = attempt(lambda o=op, c=c: plain_and_recorded(o, c))
            strict = attempt_strictly(lambda o=op, c=c: plain_and_recorded(o, c))
            if plain.error or strict.error:
                if type(plain.error) is not type(strict.error):
                    lines.append(f"{form}{c}: {plain.error!r}, strictly {strict.error!r}")
                continue
            (first, second), (third, _) = plain.value, strict.value
            for what, others, ulps in (("recorded", second, 4), ("strict", third, 0)):
                lines += [f"{form}{c}: {what}: {text}" for text in differences(first, others, ulps) if text]
    finish(lines)


def differences(xs: Sequence[Any], ys: Sequence[Any], ulps: float) -> Iterator[str]:
    """How tensors (or None) differ."""
    for x, y in zip(xs, ys, strict=True):
        if x is None or y is None:
            yield "" if x is y else f"{x} and {y}"
        else:
            a, b = array(x), array(y)
            yield differing(a, b, ulps, least=float(np.max(np.abs(b), initial=0, where=np.isfinite(b))))
