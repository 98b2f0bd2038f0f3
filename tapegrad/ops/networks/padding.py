"""Borders around the last dimensions: of a number, or of what is there (mirrored, repeated, from around)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tapegrad._errors import choices, describe, sizes
from tapegrad.define import offer
from tapegrad.dtypes import B1
from tapegrad.kernels.errstate import nameless
from tapegrad.kernels.resampling import Table
from tapegrad.naming import argument
from tapegrad.ops.networks.resampling import resampling
from tapegrad.ops.shuffle import constant_pad_nd
from tapegrad.promotion import need_tensor
from tapegrad.tensor import Tensor

_NAMES = {"reflect": "ReflectionPad{}DBackward0", "replicate": "ReplicationPad{}DBackward0"}
_NAMES["circular"] = "CopySlices"  # torch writes it in place
_OPS = {
    (mode, n): resampling(f"{mode}_pad{n}d", name.format(n))
    for mode, name in _NAMES.items()
    for n in (1, 2, 3)
}
for (_mode, _), _f in _OPS.items():
    if _mode != "circular":
        _f.op.reads = ((),)  # torch saves the input: a graph through it can be used once


@lru_cache(1000)
def _table(mode: str, n: int, before: int, after: int) -> Table:
    """Which of n elements each place shows."""
    at = np.arange(-before, n + after)
    if mode == "reflect":
        at = np.abs(at)
        at = np.minimum(at, 2 * (n - 1) - at)
    elif mode == "replicate":
        at = at.clip(0, n - 1)
    else:  # what is cut is not shown at the other end
        first, last = max(-before, 0), n - max(-after, 0)
        at = first + (at - first) % max(last - first, 1)
    return Table(n, at[None])


def _check(mode: str, x: Tensor, n: int, before: int, after: int, pad: list[int]) -> None:
    """Raises: RuntimeError unless an axis of n elements has enough of them."""
    if mode == "reflect" and max(before, after) >= n:
        what = f"less than the size ({n}) on each side"
    elif mode == "circular" and max(before, after) > n:
        what = f"at most the size ({n}) on each side"
    elif n + before + after < (0 if mode == "circular" else 1):
        what = "something must be left"
    elif n == 0 or (mode != "circular" and x._a.shape[-1 - len(pad) // 2] == 0):
        what = "there must be something to show"
    else:
        return
    raise RuntimeError(
        f"pad: {argument('input', x)} is {sizes(x._a.shape)} and pad {pad} with mode {mode!r}; {what}."
    )


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """input with a border around its last dimensions: pad has how many come before and behind, for the last
    dimension first; less than none cuts. mode: 'constant' (value, 0 by default), 'reflect' (mirrored, without
    the edge), 'replicate' (the edge), 'circular' (from the other end).

    Shapes: all modes but 'constant' pad the last dimension of 2 or 3, the last two of 3 or 4, the last three
    of 4 or 5.
    Raises: RuntimeError for an odd number, or more than there is; NotImplementedError for other modes or
    dimensions.
    """
    x = need_tensor(input, "pad")
    given = [int(k) for k in pad]
    if len(given) % 2 or len(given) > 2 * x._a.ndim:
        raise RuntimeError(
            f"pad: pad is {given} and {argument('input', x)} is {sizes(x._a.shape)}; two numbers for each of "
            "the last dimensions are needed."
        )
    if mode == "constant":
        return constant_pad_nd(x, given, 0 if value is None else value)
    if value is not None and value != 0:
        raise RuntimeError(f"pad: value is {value} and mode {mode!r}; only 'constant' has a value.")
    if mode not in _NAMES:
        raise NotImplementedError(f"pad: mode is {mode!r}; {choices(['constant', *_NAMES])} is needed.")
    if x._kind is B1 and mode != "circular":
        raise NotImplementedError(f"pad: input is {describe(x)}, mode {mode!r}; numbers are needed.")
    n = len(given) // 2
    if not 1 <= n <= 3 or x._a.ndim not in (n + 1, n + 2):
        raise NotImplementedError(
            f"pad: pad is {given}, mode {mode!r} and {argument('input', x)} {sizes(x._a.shape)}; "
            f"{2 * (x._a.ndim - 2)} or {2 * (x._a.ndim - 1)} numbers are needed, 2, 4 or 6."
        )
    tables: list[Table | None] = []
    for k in range(n):
        before, after = given[2 * (n - 1 - k)], given[2 * (n - 1 - k) + 1]
        m = x._a.shape[k - n]
        _check(mode, x, m, before, after, given)
        tables.append(_table(mode, m, before, after) if before or after else None)
    return _OPS[mode, n](x, tuple(tables))


offer(globals(), functions="pad", namespace="nn")
nameless(globals())
