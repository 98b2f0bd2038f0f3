"""What convolutions and pools share: arguments with a number per dimension, and inputs without a batch."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

from tapegrad._errors import describe
from tapegrad.kernels.errstate import nameless
from tapegrad.naming import argument
from tapegrad.ops.shape import squeeze, unsqueeze
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

AXES = ("L", "HW", "DHW")  # what messages call the dimensions of a sample


def numbers(value: Any, n: int, name: str, op: str, least: int = 0) -> tuple[int, ...]:
    """n numbers: one is taken for each dimension. Raises: RuntimeError for another count, or numbers below
    `least`; TypeError for what is no integer."""
    if type(value) is int:
        found: tuple[int, ...] = (value,) * n
    else:
        try:
            found = tuple(map(index, value)) if isinstance(value, (tuple, list)) else (index(value),)
        except TypeError:
            found = ()
            raise TypeError(f"{op}: {name} is {value!r}; an int or a tuple of {n} is needed.") from None
        if len(found) == 1:
            found *= n
    if len(found) != n:
        raise RuntimeError(f"{op}: {name} is {value!r}; one number, or {n}, are needed.")
    if min(found) < least:
        raise RuntimeError(f"{op}: {name} is {value!r}; {least} or more is needed.")
    return found


def need_samples(input: Any, n: int, op: str, few: type[Exception] = RuntimeError) -> Tensor:
    """input, if it is samples with n dimensions behind the channels, or one.

    Raises: RuntimeError for more dimensions, `few` for less.
    """
    t = need_tensor(input, op)
    if t._a.ndim not in (n + 1, n + 2):
        axes = ", ".join(AXES[n - 1])
        raise (few if t._a.ndim <= n else RuntimeError)(
            f"{op}: {argument('input', t)} is {describe(t)}; [N, C, {axes}] or [C, {axes}] is needed."
        )
    return t


def in_batch(f: Callable[..., Tensor], x: Tensor, n: int, *args: Any) -> Tensor:
    """f(x, *args) for samples [N, C, ...]; a single one is a batch of one."""
    if x._a.ndim == n + 2:
        return f(x, *args)
    return squeeze(f(unsqueeze(x, 0), *args), 0)


nameless(globals())
