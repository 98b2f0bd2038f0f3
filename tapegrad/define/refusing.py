"""Checks for `elementwise(check=...)`: dtypes and inputs for which torch lacks an op, or its derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tapegrad.dtypes import FLOAT, NARROW, of
from tapegrad.promotion import check_real, result_dtype
from tapegrad.tape import Op


def floats_only(op: Op, xs: Sequence[Any]) -> None:
    """Raises: NotImplementedError where no input is a floating point tensor."""
    kind = of(result_dtype(xs))
    if kind.category < FLOAT:
        raise NotImplementedError(
            f"{op.name}: {kind} is given; a floating point tensor is needed. Convert it, e.g. with .float()."
        )


def no_narrow(op: Op, xs: Sequence[Any]) -> None:
    """Raises: NotImplementedError for float16, bfloat16 and complex."""
    check_real(op, xs)
    kind = result_dtype(xs)
    if kind.char in NARROW:
        raise NotImplementedError(
            f"{op.name}: {of(kind)} is given; float32 or float64 is needed; convert with .float()."
        )


def no_derivative(name: str, kind: type[Exception] = RuntimeError) -> Any:
    """The rule of an op that has a graph, but whose backward torch refuses."""

    def rule(F: Any, g: Any) -> Any:
        raise kind(f"{name} backward: {name} has no derivative; detach() its inputs.")

    return rule
