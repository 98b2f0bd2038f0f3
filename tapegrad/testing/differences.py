"""Finite differences: derivatives without rules, to check the rules against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

STEP = 1e-3  # rounding costs eps / STEP, the formula STEP**4: some 1e-12 each for float64


def slope(
    f: Callable[[Sequence[Any]], float], at: Sequence[Any], along: Sequence[Any]
) -> tuple[float, float]:
    """(The derivative of f at the arrays `at` in the direction of the arrays `along`, its error).

    Shapes: along[i] is of the shape of at[i]; all are float64 or complex128. f takes a list of such arrays.
    Source: the central formula of fourth order, with two steps; where these disagree, a high derivative of f
    is large, and their difference is some fifteen times the error of the finer one.
    """

    def formula(step: float) -> float:
        def moved(steps: int) -> float:
            return f([x + steps * step * v for x, v in zip(at, along, strict=True)])

        return (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * step)

    coarse, fine = formula(STEP), formula(STEP / 2)
    return fine, abs(coarse - fine)


def directions(shapes: Sequence[tuple[int, ...]], seed: int, like: Sequence[Any] | None = None) -> list[Any]:
    """A random direction for each shape: float64 arrays (complex128 where `like` has a complex array or
    tensor), the same for the same seed."""
    random = np.random.default_rng(seed)
    found: list[Any] = [random.uniform(-1, 1, shape) for shape in shapes]
    for i, x in enumerate(like or ()):
        if "complex" in str(x.dtype):
            found[i] = found[i] + 1j * random.uniform(-1, 1, shapes[i])
    return found


def along(gradients: Sequence[Any], direction: Sequence[Any]) -> float:
    """The derivative in a direction that gradients (arrays, or None for 0) say."""
    return float(sum(np.vdot(g, v).real for g, v in zip(gradients, direction, strict=True) if g is not None))
