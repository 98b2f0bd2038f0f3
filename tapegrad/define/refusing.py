"""What torch lacks: dtypes that an op refuses (for `elementwise(check=...)`), and derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tapegrad._errors import describe
from tapegrad.dtypes import B1, FLOAT, NARROW, of
from tapegrad.promotion import check_real, result_dtype
from tapegrad.tape import Op
from tapegrad.tensor import Tensor


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


def no_bool(op: Op, xs: Sequence[Any]) -> None:
    """torch has no `-` for bool, not even beside other dtypes: a mask that is to be inverted is meant."""
    for x in xs:
        if x is True or x is False or (isinstance(x, Tensor) and x._kind is B1):
            raise RuntimeError(
                f"{op.name}: {describe(x)} is given; numbers are needed. Invert a mask with ~, or convert "
                "it first, e.g. with .int()."
            )


def no_derivative(
    name: str, kind: type[Exception] = RuntimeError, *, why: str = "", cure: str = "detach() its inputs"
) -> Any:
    """The rule, of any kind of op, of an input for which there is a graph but no derivative: torch refuses in
    the backward. why, cure: what is said where the name alone says too little."""

    def rule(*_: Any) -> Any:
        raise kind(f"{name} backward: {why or f'{name} has no derivative'}; {cure}.")

    return rule
