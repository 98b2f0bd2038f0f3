"""Arithmetic of two arrays that broadcast. Rules call these, and not operators, where one array may be large
and the other repeats along short rows: NumPy begins anew with each row there, and machine code does not."""

from __future__ import annotations

from typing import Any

import numpy as np

from tapegrad.kernels.errstate import nameless


def mul(a: Any, b: Any) -> Any:
    """a * b."""
    return np.multiply(a, b)


def div(a: Any, b: Any) -> Any:
    """a / b."""
    return np.true_divide(a, b)


def sub(a: Any, b: Any) -> Any:
    """a - b."""
    return np.subtract(a, b)


def eq(a: Any, b: Any) -> Any:
    """Whether a and b are equal."""
    return np.equal(a, b)


nameless(globals())
